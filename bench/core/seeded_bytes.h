// Bytes from a seeded generator instead of a strong source, so that a run of a bench program can be repeated.
// And vectors scaled to length 1, as every private sketch here gets them.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "../data/fvecs.h"
#include "core/base/random.h"

namespace lowdim::bench {

// For RandomBits({SeededBytes::fill, &bytes}).
struct SeededBytes {
  core::Random random;
  static bool fill(void* self, uint8_t* out, size_t n) {
    for (size_t i = 0; i < n; ++i)
      out[i] = static_cast<uint8_t>(static_cast<SeededBytes*>(self)->random.next() >> 56);
    return true;
  }
};

inline void scale_to_one(Matrix<float>& x) {
  for (size_t i = 0; i < x.rows; ++i) {
    double square = 0;
    for (size_t d = 0; d < x.cols; ++d)
      square += static_cast<double>(x.row(i)[d]) * static_cast<double>(x.row(i)[d]);
    const float scale = square > 0 ? static_cast<float>(1 / std::sqrt(square)) : 0.0f;
    for (size_t d = 0; d < x.cols; ++d) x.row(i)[d] *= scale;
  }
}

}  // namespace lowdim::bench
