// Mean and second moments of rows that pass by once: what PCA and the query-aware projections are trained on.
// Memory is fixed by the dimensions: half a D x D matrix of doubles and a block of rows. States of parallel
// workers are exchanged as images and merged.
//
// Kept are the mean and the scatter sum (x - mean)(x - mean)^T, never sum x x^T: rows far from the origin
// would cancel to noise. A full block is centred on its own mean, multiplied in float32, and joined to the
// rest in doubles (Chan, Golub, LeVeque 1979).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/stop.h"
#include "core/codec/matrix.h"

namespace lowdim::core {

class Moments {
 public:
  static constexpr size_t kDefaultBudget = size_t{256} << 20;

  // Throws Error(kLimit) if the moments of `dims` dimensions take more than budget_bytes.
  explicit Moments(size_t dims, size_t budget_bytes = kDefaultBudget);

  // What an object of `dims` dimensions holds.
  static size_t bytes(size_t dims);

  void add(const float* row, const Stop& stop);
  // Throws Error(kData) for rows of other dimensions.
  void add(Rows rows, const Stop& stop);
  void merge(const Moments& other, const Stop& stop);

  size_t dims() const { return dims_; }
  uint64_t count() const { return settled_ + pending_.size() / dims_; }

  VectorD mean() const;
  // Of the population (divided by the count); zero without rows. Both are D x D and throw Error(kData) if the
  // squares of the rows overflow float32.
  MatrixD covariance() const;
  // The mean of x x^T, not centred.
  MatrixD second_moment() const;

  void write(ByteWriter& out) const;
  static Moments read(ByteReader& in, size_t budget_bytes = kDefaultBudget);

 private:
  void settle(const Stop& stop);
  void join(double n, const double* mean, const Stop& stop);
  MatrixD expand(double mean_weight) const;

  size_t dims_;
  uint64_t settled_ = 0;         // rows in mean_ and scatter_
  std::vector<double> mean_;     // of the settled rows
  std::vector<double> scatter_;  // their scatter's lower triangle, row after row
  std::vector<float> pending_;   // rows that wait for a full block
};

}  // namespace lowdim::core
