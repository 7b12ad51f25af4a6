// The kernels for AVX-512; empty on other platforms. See kernels_impl.h.

#include "core/simd/tables.h"

#if LOWDIM_SIMD_X86
#include "core/simd/registers_avx512.h"
// After the registers, which it is written in.
#include "core/simd/kernels_impl.h"

namespace lowdim::simd {
constinit const Kernels kernels_avx512 = make_kernels("avx512", Level::kAvx512);
}  // namespace lowdim::simd
#endif
