// The wave kernels for any processor of the platform. See waves_impl.h.

#include "core/simd/lanes_base.h"
// After the lanes, which it is written in.
#include "core/simd/waves_impl.h"

namespace lowdim::simd {
constinit const WaveKernels wave_kernels_base = make_wave_kernels(Level::kBase);
}  // namespace lowdim::simd
