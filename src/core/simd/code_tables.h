// The tables behind code_kernels_for(), one object file each; for src/core/simd only. As tables.h.
#pragma once

#include "core/simd/codes.h"
#include "core/simd/tables.h"

namespace lowdim::simd {

extern const CodeKernels code_kernels_base;
#if LOWDIM_SIMD_X86
extern const CodeKernels code_kernels_avx2;
extern const CodeKernels code_kernels_avx512;
#endif

}  // namespace lowdim::simd
