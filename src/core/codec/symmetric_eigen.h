// Eigenvectors of real symmetric matrices for the trainers. Both functions poll `stop` every few
// milliseconds, which is why Eigen's own solver is not used: at 1536 dimensions it is deaf for seconds.
// Deterministic: the same matrix gives the same bits on every machine of a platform, and each eigenvector's
// largest coordinate is positive.
#pragma once

#include <cstddef>
#include <functional>

#include "core/base/stop.h"
#include "core/codec/matrix.h"

namespace lowdim::core {

// Row i of `vectors` is the unit eigenvector of values[i]; the largest eigenvalue is first.
struct EigenPairs {
  VectorD values;
  MatrixD vectors;
};

// All n pairs: Householder tridiagonalization, then QL with implicit shifts. About 9 n^3 operations, 2 n^2
// doubles. Only the lower triangle of `a` is read. Throws Error(kData) if it is not finite.
EigenPairs symmetric_eigen(MatrixD a, const Stop& stop);

// The eigenvalues alone, largest first: about 4/3 n^3 operations, no matrix beside `a`. Otherwise as above.
VectorD symmetric_eigenvalues(MatrixD a, const Stop& stop);

// out = A in, with A the symmetric positive semi-definite matrix in question; both are n x p.
using SymmetricOperator = std::function<void(const MatrixD& in, MatrixD& out)>;

// The pairs of the k largest eigenvalues by randomized subspace iteration (Halko, Martinsson, Tropp 2011): A
// is only multiplied with. Iterates until the captured trace grows by less than 1e-5 of itself a step, so
// eigenvectors within a cluster of nearly equal eigenvalues may be mixed; their span is what counts.
EigenPairs top_eigen(const SymmetricOperator& a, size_t n, size_t k, const Stop& stop);

// The same for a matrix: exact up to 3072 dimensions or where more than an eighth of the pairs are wanted,
// where it is also the faster way (bench/core/pca_train).
EigenPairs top_eigen(const MatrixD& a, size_t k, const Stop& stop);

// Makes the columns of y orthonormal; y has no fewer rows than columns.
void orthonormalize(MatrixD& y, const Stop& stop);

// Turns each row such that its largest coordinate is positive.
void fix_signs(MatrixD& vectors);

// c = a b in slices, polling between them.
void multiply(const MatrixD& a, const MatrixD& b, MatrixD& c, const Stop& stop);

}  // namespace lowdim::core
