// The kernels for any processor of the platform. See kernels_impl.h.

#include "core/simd/registers_base.h"
// After the registers, which it is written in.
#include "core/simd/kernels_impl.h"

namespace lowdim::simd {
constinit const Kernels kernels_base = make_kernels("baseline", Level::kBase);
}  // namespace lowdim::simd
