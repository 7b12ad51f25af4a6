// The code kernels for any processor of the platform. See codes_impl.h.

#include "core/simd/lanes_base.h"
// After the lanes, which it is written in.
#include "core/simd/codes_impl.h"

namespace lowdim::simd {
constinit const CodeKernels code_kernels_base = make_code_kernels(Level::kBase);
}  // namespace lowdim::simd
