// The wave kernels for AVX-512; empty on other platforms. See waves_impl.h.

#include "core/simd/tables.h"

#if LOWDIM_SIMD_X86
#include "core/simd/lanes_avx512.h"
// After the lanes, which it is written in.
#include "core/simd/waves_impl.h"

namespace lowdim::simd {
constinit const WaveKernels wave_kernels_avx512 = make_wave_kernels(Level::kAvx512);
}  // namespace lowdim::simd
#endif
