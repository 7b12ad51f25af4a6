// The tables behind fastscan_kernels_for(), one object file each; for src/core/simd only. As tables.h.
#pragma once

#include "core/simd/fastscan.h"
#include "core/simd/tables.h"

namespace lowdim::simd {

extern const FastScanKernels fastscan_kernels_base;
#if LOWDIM_SIMD_X86
extern const FastScanKernels fastscan_kernels_avx2;
extern const FastScanKernels fastscan_kernels_avx512;
#endif

}  // namespace lowdim::simd
