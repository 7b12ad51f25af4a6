// The leading principal directions of rows in memory by a randomized subspace iteration (Halko, Martinsson,
// Tropp 2011), without a full set of eigenvectors and without a D x D matrix where the rows are fewer than
// their dimensions. Called by train_pca (pca.h) where it takes fewer operations than the exact way.
//
// The start is seeded by a constant, and sums run in a fixed order: the same rows give the same bits on every
// machine of a platform. `stop` is polled every few milliseconds.
#pragma once

#include <cstddef>

#include "core/base/stop.h"
#include "core/codec/matrix.h"
#include "core/codec/symmetric_eigen.h"

namespace lowdim::core {

// What principal_pairs takes for the k leading directions of n rows of `dims` dimensions: operations (a
// multiplication in double precision is one, in single precision a half), and bytes beside the rows.
struct PrincipalCost {
  double operations = 0;
  size_t bytes = 0;
};
PrincipalCost principal_cost(size_t n, size_t dims, size_t k);

// The eigenpairs of `rows`^T `rows` / n for the k largest eigenvalues, largest first; row i of the vectors is
// a direction, and the directions are orthonormal to 1e-10 whatever the rows are: where their rank is less
// than k, the rest are any. The variance that the directions keep is within 0.1 % of the best (exact where
// the rows are few); directions of nearly equal variance may be mixed. The rows are centred already, so that
// the last is minus the sum of the others. 1 <= k <= dims. Throws Error(kData) if squares overflow.
EigenPairs principal_pairs(const Matrix& rows, size_t k, const Stop& stop);

}  // namespace lowdim::core
