// Seeded Gaussian sets for the tests of the trained projections.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "core/base/random.h"
#include "core/base/stop.h"
#include "core/codec/matrix.h"

namespace lowdim::core::test {

inline Rows rows_of(const Matrix& m) {
  return {m.data(), static_cast<size_t>(m.rows()), static_cast<size_t>(m.cols())};
}

inline Matrix gaussian(size_t n, size_t dims, uint64_t seed) {
  Random random(seed);
  Matrix m(n, dims);
  for (Eigen::Index i = 0; i < m.size(); ++i) m.data()[i] = static_cast<float>(random.normal());
  return m;
}

// Rows with a spectrum that falls by `decay` per direction, mixed over the coordinates, around `offset`.
inline Matrix decaying(size_t n, size_t dims, double decay, uint64_t seed, float offset = 0) {
  Matrix z = gaussian(n, dims, seed);
  for (size_t j = 0; j < dims; ++j) z.col(j) *= static_cast<float>(std::pow(decay, j));
  const Matrix mix = gaussian(dims, dims, seed + 1) / std::sqrt(static_cast<float>(dims));
  return ((z * mix).array() + offset).matrix();
}

// Base vectors and queries whose energy lies in different directions: base direction j has deviation decay^j,
// queries see the directions in another order, so that what varies most in the base matters little to them.
struct Mismatched {
  Matrix base;
  Matrix queries;
  Matrix held_out;
};

inline Mismatched mismatched(size_t n, size_t dims, uint64_t seed) {
  const Matrix mix = gaussian(dims, dims, seed) / std::sqrt(static_cast<float>(dims));
  const auto draw = [&](size_t rows, bool query, uint64_t s) {
    Matrix z = gaussian(rows, dims, s);
    for (size_t j = 0; j < dims; ++j) {
      const size_t rank = query ? (j + dims / 2) % dims : j;
      z.col(j) *= static_cast<float>(std::pow(0.93, rank));
    }
    return Matrix(z * mix);
  };
  return {draw(n, false, seed + 1), draw(n, true, seed + 2), draw(n, true, seed + 3)};
}

// A stop that says so after `calls` questions.
struct StopAfter {
  int calls;
  int asked = 0;
  Stop stop() {
    return {[](void* self) {
              StopAfter* s = static_cast<StopAfter*>(self);
              return ++s->asked > s->calls;
            },
            this};
  }
};

}  // namespace lowdim::core::test
