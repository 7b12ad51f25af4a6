// The code kernels for AVX-512; empty on other platforms. See codes_impl.h.

#include "core/simd/tables.h"

#if LOWDIM_SIMD_X86
#include "core/simd/lanes_avx512.h"
// After the lanes, which it is written in.
#include "core/simd/codes_impl.h"

namespace lowdim::simd {
constinit const CodeKernels code_kernels_avx512 = make_code_kernels(Level::kAvx512);
}  // namespace lowdim::simd
#endif
