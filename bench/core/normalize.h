// Rows of length one, for the programs that compare directions; rows of zeros stay.
#pragma once

#include <cmath>
#include <cstddef>

#include "../data/fvecs.h"

namespace lowdim::bench {

inline void normalize(Matrix<float>& x) {
  for (size_t i = 0; i < x.rows; ++i) {
    double square = 0;
    for (size_t d = 0; d < x.cols; ++d)
      square += static_cast<double>(x.row(i)[d]) * static_cast<double>(x.row(i)[d]);
    const float scale = square > 0 ? static_cast<float>(1 / std::sqrt(square)) : 0.0f;
    for (size_t d = 0; d < x.cols; ++d) x.row(i)[d] *= scale;
  }
}

}  // namespace lowdim::bench
