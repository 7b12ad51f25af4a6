// Chooses the FastScan kernel table; kernels.cpp decides which level runs. Compiled for the platform's
// baseline.

#include "core/simd/fastscan.h"

#include "core/simd/fastscan_tables.h"

namespace lowdim::simd {
namespace {

const FastScanKernels& table_of(Level level) {
#if LOWDIM_SIMD_X86
  if (level == Level::kAvx512) return fastscan_kernels_avx512;
  if (level == Level::kAvx2) return fastscan_kernels_avx2;
#endif
  (void)level;
  return fastscan_kernels_base;
}

}  // namespace

const FastScanKernels* fastscan_kernels_for(Level level) {
  return kernels_for(level) == nullptr ? nullptr : &table_of(level);
}

const FastScanKernels& fastscan_kernels() { return table_of(kernels().level); }

}  // namespace lowdim::simd
