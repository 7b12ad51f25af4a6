// Chooses the wave kernel table; kernels.cpp decides which level runs. Compiled for the platform's baseline.

#include "core/simd/waves.h"

#include "core/simd/wave_tables.h"

namespace lowdim::simd {
namespace {

const WaveKernels& table_of(Level level) {
#if LOWDIM_SIMD_X86
  if (level == Level::kAvx512) return wave_kernels_avx512;
  if (level == Level::kAvx2) return wave_kernels_avx2;
#endif
  (void)level;
  return wave_kernels_base;
}

}  // namespace

const WaveKernels* wave_kernels_for(Level level) {
  return kernels_for(level) == nullptr ? nullptr : &table_of(level);
}

const WaveKernels& wave_kernels() { return table_of(kernels().level); }

}  // namespace lowdim::simd
