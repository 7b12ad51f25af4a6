// Query-aware linear projections (LeanVec-OOD, Tepper et al. 2024; sphering, Tepper et al. 2024, GleanVec):
// matrices A and B, D x d, such that <A^T q, B^T x> is close to <q, x> for the queries one has, which may be
// spread quite differently from the base vectors. With K_Q the mean of q q^T and K_X that of (x - m)(x -
// m)^T, all three methods minimise the mean squared error of the inner product,
//
//   f(A, B) = tr(B A^T K_Q A B^T K_X) - 2 tr(K_Q A B^T K_X) + tr(K_Q K_X)
//
//   sphering      the global optimum in closed form; columns nested; the default
//   eigenvectors  A = B orthonormal: top eigenvectors of a blend of K_Q and K_X, the blend found by search
//   Frank-Wolfe   A and B in the unit ball of the spectral norm, in turns; columns not ordered
//
// The mean is exact in the projection (projection.h), hence K_X is centred; K_Q is not.
#pragma once

#include <cstddef>
#include <memory>

#include "core/codec/linear.h"
#include "core/codec/moments.h"
#include "core/codec/options.h"

namespace lowdim::core {

// The bytes that training needs are about this many D x D matrices of doubles.
inline constexpr size_t kLeanvecMatrices = 8;

struct Leanvec {
  MatrixD a;
  MatrixD b;
  double loss = 0;      // f(a, b)
  double relative = 0;  // loss / f(0, 0): the part of the inner products' energy that is lost
  double beta = 0;      // eigenvector search: the weight of K_X, 0 to 1
  int steps = 0;        // Frank-Wolfe iterations
  bool nested = true;   // a prefix of the columns is the method's result for fewer dimensions
  bool orthonormal = false;

  std::unique_ptr<LinearProjection> projection(const VectorD& mean) const;
};

double leanvec_loss(const MatrixD& kq, const MatrixD& kx, const MatrixD& a, const MatrixD& b);
// Partial derivatives of f.
MatrixD leanvec_gradient_a(const MatrixD& kq, const MatrixD& kx, const MatrixD& a, const MatrixD& b);
MatrixD leanvec_gradient_b(const MatrixD& kq, const MatrixD& kx, const MatrixD& a, const MatrixD& b);

Leanvec leanvec_sphering(const MatrixD& kq, const MatrixD& kx, size_t d, const Stop& stop);
Leanvec leanvec_eigen(const MatrixD& kq, const MatrixD& kx, size_t d, const Stop& stop);
// From `start`, D x d, for A and B alike. The steps are not monotone: the best pair seen is the result, the
// start among them.
Leanvec leanvec_frank_wolfe(const MatrixD& kq, const MatrixD& kx, const MatrixD& start, const Stop& stop);

// Frank-Wolfe starts from the eigenvector search. Throws Error(kData) without base vectors or queries or
// where their dimensions differ, Error(kInvalidParameter) for d outside [1, D], Error(kLimit) beyond the
// budget.
Leanvec train_leanvec(LeanvecAlgorithm algorithm, const Moments& base, const Moments& queries, size_t d,
                      const Stop& stop, size_t budget_bytes = Moments::kDefaultBudget);

}  // namespace lowdim::core
