// The elements of a vector or halfvec as floats: in place where they are floats, else as a copy.
#pragma once

#include "pg/types/types.h"

namespace lowdim::pg {

template <class T>
const float* floats_of(const T* v) {
  if constexpr (sizeof(typename T::Element) == sizeof(float)) {
    return v->x;
  } else {
    float* copy = static_cast<float*>(palloc(sizeof(float) * static_cast<Size>(v->dim)));
    simd::kernels().f16_to_f32(v->x, copy, static_cast<size_t>(v->dim));
    return copy;
  }
}

}  // namespace lowdim::pg
