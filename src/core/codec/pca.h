// Principal component analysis (LeanVec-ID): the directions of largest variance, largest first, so that any
// smaller number of dimensions is a prefix. Called by the trainers of codec_train and of the indexes.
//
// From moments, the eigenvectors are exact up to 3072 dimensions, or where more than an eighth of them are
// kept; beyond that a randomized subspace iteration finds the leading ones (see symmetric_eigen.h). From rows
// in memory they are exact, or a subspace iteration's where that takes fewer operations (see principal.h). A
// D x D matrix that does not fit the budget is never made: PCA of rows then works on the rows themselves.
#pragma once

#include <cstddef>
#include <memory>

#include "core/codec/linear.h"
#include "core/codec/moments.h"
#include "core/codec/symmetric_eigen.h"

namespace lowdim::core {

struct Pca {
  VectorD mean;
  EigenPairs pairs;  // of the covariance; row i of pairs.vectors is the i-th direction
  double total_variance = 0;

  // The part of the variance that the first `dims` directions keep, 0 to 1.
  double kept(size_t dims) const;
  // The projection onto the first `dims` directions.
  std::unique_ptr<LinearProjection> projection(size_t dims) const;
};

// 1 <= dims <= moments.dims(). Throws Error(kInvalidParameter) for other dims, Error(kData) without rows,
// Error(kLimit) if the D x D matrices exceed the budget.
Pca train_pca(const Moments& moments, size_t dims, const Stop& stop,
              size_t budget_bytes = Moments::kDefaultBudget);

// From rows that are in memory: by the cheaper of principal_pairs and moments that fits the budget, and
// otherwise by subspace iteration with products of the rows.
Pca train_pca(Rows rows, size_t dims, const Stop& stop, size_t budget_bytes = Moments::kDefaultBudget);

}  // namespace lowdim::core
