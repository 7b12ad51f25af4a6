// The kernels for AVX2; empty on other platforms. See kernels_impl.h.

#include "core/simd/tables.h"

#if LOWDIM_SIMD_X86
#include "core/simd/registers_avx2.h"
// After the registers, which it is written in.
#include "core/simd/kernels_impl.h"

namespace lowdim::simd {
constinit const Kernels kernels_avx2 = make_kernels("avx2", Level::kAvx2);
}  // namespace lowdim::simd
#endif
