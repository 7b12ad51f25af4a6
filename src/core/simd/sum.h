// Sum of the lanes of a batch: xsimd renamed it in version 9. For registers_*.h, in whose anonymous namespace
// it is.
#pragma once

#include <xsimd/xsimd.hpp>

namespace lowdim::simd {
namespace {

template <class T, class A>
inline T sum_of(const xsimd::batch<T, A>& x) {
#if XSIMD_VERSION_MAJOR < 9
  return xsimd::hadd(x);
#else
  return xsimd::reduce_add(x);
#endif
}

}  // namespace
}  // namespace lowdim::simd
