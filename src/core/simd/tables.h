// The tables behind kernels_for(), one object file each; for src/core/simd only. A table may be read only
// where kernels_for() gives it: its functions use instructions that the processor may lack.
#pragma once

#include "core/simd/kernels.h"

#if defined(__x86_64__)
#define LOWDIM_SIMD_X86 1
#else
#define LOWDIM_SIMD_X86 0
#endif

namespace lowdim::simd {

extern const Kernels kernels_base;
#if LOWDIM_SIMD_X86
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
#endif

}  // namespace lowdim::simd
