// The tables behind wave_kernels_for(), one object file each; for src/core/simd only. As tables.h.
#pragma once

#include "core/simd/tables.h"
#include "core/simd/waves.h"

namespace lowdim::simd {

extern const WaveKernels wave_kernels_base;
#if LOWDIM_SIMD_X86
extern const WaveKernels wave_kernels_avx2;
extern const WaveKernels wave_kernels_avx512;
#endif

}  // namespace lowdim::simd
