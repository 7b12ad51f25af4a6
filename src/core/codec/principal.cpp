// See principal.h.

#include "core/codec/principal.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "core/base/random.h"
#include "core/codec/blocking.h"
#include "core/codec/product.h"

namespace lowdim::core {
namespace {

using Index = Eigen::Index;

constexpr Index kSpare = 32;  // columns more than wanted: convergence depends on the gap behind the last
// Multiplications with the covariance before the last. Where variances fall like 1 / j^2, three lose up to
// 6e-4 of the variance that the exact directions keep (480 of 768 dimensions, bench/core/code_train).
constexpr int kPowers = 3;
// Below this part of the largest squared pivot, Cholesky's factor has too few digits left.
constexpr double kLeastPivot = 1e-10;
// Above this part one pass leaves the columns orthonormal to 1e-11.
constexpr double kGoodPivot = 1e-4;

Index columns_for(Index n, Index dims, Index k) {
  if (n <= k + kSpare) return std::min(dims, std::max(k, n - 1));  // all that the rows span
  return std::min(dims, k + kSpare);
}

// y^T y, both halves of it; bands of rows in order.
MatrixD inner_products(const MatrixD& y, const Stop& stop) {
  const Index l = y.cols();
  const Index band = std::max<Index>(8, (Index{1} << 25) / (l * l));
  MatrixD g = MatrixD::Zero(l, l);
  for (Index i = 0; i < y.rows(); i += band) {
    stop.check();
    const auto some = y.middleRows(i, std::min(band, y.rows() - i));
    g.selfadjointView<Eigen::Lower>().rankUpdate(some.transpose());
  }
  g.triangularView<Eigen::StrictlyUpper>() = g.transpose();
  return g;
}

// One pass of Cholesky QR: the columns of y become orthonormal, but for rounding over the least squared pivot
// of their correlations, which is returned. 0, with y as it was, if they are too near to dependent.
double cholesky_pass(MatrixD& y, const Stop& stop) {
  MatrixD g = inner_products(y, stop);
  const VectorD length = g.diagonal().cwiseSqrt();
  if (!length.allFinite()) {
    throw Error(ErrorKind::kData, "vectors are too large to train on: their squares overflow");
  }
  if (!(length.minCoeff() > 0)) return 0;
  const VectorD scale = length.cwiseInverse();
  if (!scale.allFinite()) return 0;
  g = (scale.asDiagonal() * g * scale.asDiagonal()).eval();
  stop.check();
  const Eigen::LLT<MatrixD> factor(g);
  if (factor.info() != Eigen::Success) return 0;
  const auto pivots = factor.matrixLLT().diagonal().array().square();
  const double least = pivots.minCoeff();
  if (!(least > kLeastPivot)) return 0;
  const MatrixD upper = factor.matrixU();
  const Index band = std::max<Index>(8, (Index{1} << 25) / (y.cols() * y.cols()));
  for (Index i = 0; i < y.rows(); i += band) {
    stop.check();
    auto some = y.middleRows(i, std::min(band, y.rows() - i));
    some = (some * scale.asDiagonal()).eval();
    upper.triangularView<Eigen::Upper>().solveInPlace<Eigen::OnTheRight>(some);
  }
  return least;
}

// Makes the columns of y orthonormal. Columns that depend on others are replaced by random directions.
void make_orthonormal(MatrixD& y, Random& random, const Stop& stop) {
  double pivot = cholesky_pass(y, stop);
  if (pivot > 0 && pivot < kGoodPivot) pivot = cholesky_pass(y, stop);
  if (pivot > 0) return;
  // A little noise, so that no column is a combination of the others; reflectors do the rest.
  for (Index j = 0; j < y.cols(); ++j) {
    const double length = y.col(j).norm();
    const double noise = length > 0 && std::isfinite(length) ? 1e-9 * length : 1;
    stop.check();
    for (Index i = 0; i < y.rows(); ++i) {
      y(i, j) += noise / std::sqrt(static_cast<double>(y.rows())) * random.normal();
    }
    y.col(j) /= y.col(j).norm();
  }
  orthonormalize(y, stop);
}

// x x^T where the rows are fewer than their dimensions, otherwise x^T x: tile after tile of the lower half.
// For the iteration only, hence in single precision.
Matrix small_side(const Matrix& x, const Stop& stop) {
  constexpr Index kTile = 256;
  const bool rows = x.rows() < x.cols();
  const Index s = std::min(x.rows(), x.cols());
  Matrix out(s, s);
  for (Index i = 0; i < s; i += kTile) {
    const Index height = std::min(kTile, s - i);
    for (Index j = 0; j <= i; j += kTile) {
      const Index width = std::min(kTile, s - j);
      auto tile = out.block(i, j, height, width);
      if (rows) {
        multiply_in_slices(x.middleRows(i, height), x.middleRows(j, width).transpose(), tile, stop);
      } else {
        multiply_in_slices(x.middleCols(i, height).transpose(), x.middleCols(j, width), tile, stop);
      }
      if (j < i) out.block(j, i, width, height) = tile.transpose();
    }
  }
  return out;
}

void fill_normal(MatrixD& y, Index from, Random& random, const Stop& stop) {
  for (Index i = 0; i < y.rows(); ++i) {
    if (i % 256 == 0) stop.check();
    for (Index j = from; j < y.cols(); ++j) y(i, j) = random.normal();
  }
}

// y = a y, by way of single precision.
void multiply_small(const Matrix& a, MatrixD& y, const Stop& stop) {
  const Matrix in = y.cast<float>();
  Matrix image(a.rows(), y.cols());
  multiply_in_slices(a, in, image, stop);
  y = image.cast<double>();
}

}  // namespace

PrincipalCost principal_cost(size_t n, size_t dims, size_t k) {
  const Index columns = columns_for(static_cast<Index>(n), static_cast<Index>(dims), static_cast<Index>(k));
  const double l = static_cast<double>(columns), d = static_cast<double>(dims), rows = static_cast<double>(n);
  const double s = std::min(d, rows);
  const bool iterates = n > static_cast<size_t>(columns) + 1;
  PrincipalCost cost;
  // Cholesky QR, the small eigenproblem (nine l^3, at less speed), the directions.
  cost.operations = d * l * l + 9 * l * l * l + d * l * static_cast<double>(k);
  cost.operations += n < dims ? rows * d * l / 2 + rows * l * l : d * d * l / 2 + d * l * l;
  if (iterates || n >= dims) cost.operations += rows * d * s / 4;
  if (iterates) cost.operations += kPowers * (s * s * l / 2 + s * l * l);
  if (iterates && n < dims) cost.operations += rows * d * l / 2;
  // The matrix iterated with; the block with its image in single precision or with the directions.
  cost.bytes = (iterates || n >= dims ? std::min(n, dims) * std::min(n, dims) * sizeof(float) : 0) +
               (2 * sizeof(double) + sizeof(float)) * static_cast<size_t>(columns) * dims +
               3 * sizeof(double) * static_cast<size_t>(columns) * static_cast<size_t>(columns);
  return cost;
}

EigenPairs principal_pairs(const Matrix& rows, size_t k, const Stop& stop) {
  fix_blocking();
  const Index n = rows.rows(), dims = rows.cols(), wanted = static_cast<Index>(k);
  const Index columns = columns_for(n, dims, wanted);
  const bool iterates = n > columns + 1;
  Random random(0x6c6f7764696d);
  if (!rows.allFinite()) throw Error(ErrorKind::kData, "vectors are too large to train on");
  MatrixD q(dims, columns);  // a basis of the span looked for
  Matrix side;
  if (iterates || n >= dims) side = small_side(rows, stop);
  if (!iterates) {
    const Index spanned = std::min(n - 1, columns);  // the last row is a combination of the others
    for (Index i = 0; i < spanned; ++i) {
      if (i % 16 == 0) stop.check();
      q.col(i) = rows.row(i).transpose().cast<double>();
    }
    fill_normal(q, spanned, random, stop);
  } else {
    MatrixD y(side.rows(), columns);
    fill_normal(y, 0, random, stop);
    for (int i = 0; i < kPowers; ++i) {
      multiply_small(side, y, stop);
      if (i + 1 < kPowers || n < dims) make_orthonormal(y, random, stop);
    }
    if (n < dims) {
      const Matrix in = y.cast<float>();
      Matrix image(dims, columns);
      multiply_in_slices(rows.transpose(), in, image, stop);
      q = image.cast<double>();
    } else {
      q.swap(y);
    }
  }
  make_orthonormal(q, random, stop);
  // The best directions within the span (Rayleigh and Ritz).
  MatrixD core(columns, columns);
  {
    const Matrix in = q.cast<float>();
    if (n < dims) {
      Matrix image(n, columns);
      multiply_in_slices(rows, in, image, stop);
      core = inner_products(image.cast<double>(), stop);
    } else {
      Matrix image(dims, columns);
      multiply_in_slices(side, in, image, stop);
      side.resize(0, 0);
      multiply(q.transpose(), image.cast<double>(), core, stop);
      core = (0.5 * (core + core.transpose())).eval();
    }
  }
  const EigenPairs ritz = symmetric_eigen(core / static_cast<double>(n), stop);
  EigenPairs pairs{ritz.values.head(wanted), MatrixD(wanted, dims)};
  multiply(ritz.vectors.topRows(wanted), q.transpose(), pairs.vectors, stop);
  fix_signs(pairs.vectors);
  return pairs;
}

}  // namespace lowdim::core
