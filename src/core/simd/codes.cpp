// Chooses the code kernel table; kernels.cpp decides which level runs. Compiled for the platform's baseline.

#include "core/simd/codes.h"

#include "core/simd/code_tables.h"

namespace lowdim::simd {
namespace {

const CodeKernels& table_of(Level level) {
#if LOWDIM_SIMD_X86
  if (level == Level::kAvx512) return code_kernels_avx512;
  if (level == Level::kAvx2) return code_kernels_avx2;
#endif
  (void)level;
  return code_kernels_base;
}

}  // namespace

const CodeKernels* code_kernels_for(Level level) {
  return kernels_for(level) == nullptr ? nullptr : &table_of(level);
}

const CodeKernels& code_kernels() { return table_of(kernels().level); }

}  // namespace lowdim::simd
