// See pca.h.

#include "core/codec/pca.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/codec/principal.h"

namespace lowdim::core {
namespace {

using Index = Eigen::Index;

// The covariance and the solver's two copies of it.
size_t solver_bytes(size_t dims) { return 3 * dims * dims * sizeof(double); }

void check_arguments(size_t rows, size_t in_dims, size_t dims) {
  if (dims < 1 || dims > in_dims) {
    throw Error(ErrorKind::kInvalidParameter,
                "cannot project " + std::to_string(in_dims) + " dimensions to " + std::to_string(dims));
  }
  if (rows < 1) throw Error(ErrorKind::kData, "no vectors to train on");
}

// out = sum (x - mean)(x - mean)^T in / n, a few rows at a time.
void multiply_by_rows(Rows rows, const VectorD& mean, const MatrixD& in, MatrixD& out, const Stop& stop) {
  constexpr size_t kRows = 64;
  out.setZero();
  MatrixD block;
  MatrixD inner;
  for (size_t at = 0; at < rows.n; at += kRows) {
    const size_t n = std::min(kRows, rows.n - at);
    block = Rows{rows.row(at), n, rows.dims}.matrix().cast<double>();
    block.rowwise() -= mean.transpose();
    multiply(block, in, inner, stop);
    // In slices of columns of the block: one product at 16,000 dimensions would not poll for long.
    for (Index i = 0; i < out.rows(); i += 1024) {
      stop.check();
      const Index height = std::min<Index>(1024, out.rows() - i);
      out.middleRows(i, height).noalias() += block.middleCols(i, height).transpose() * inner;
    }
  }
  out /= static_cast<double>(rows.n);
}

// The mean and the total variance.
Pca mean_and_variance(Rows rows, const Stop& stop) {
  Pca pca;
  pca.mean = VectorD::Zero(static_cast<Index>(rows.dims));
  const auto each = [&](auto f) {
    for (size_t i = 0; i < rows.n; ++i) {
      if (i % 256 == 0) stop.check();
      f(rows.matrix().row(static_cast<Index>(i)).transpose().cast<double>());
    }
  };
  each([&](const auto& x) { pca.mean += x; });
  pca.mean /= static_cast<double>(rows.n);
  each([&](const auto& x) { pca.total_variance += (x - pca.mean).squaredNorm(); });
  pca.total_variance /= static_cast<double>(rows.n);
  return pca;
}

// Moments and all eigenvectors, in the units of PrincipalCost. The eigenvectors are nine n^3 operations, but
// these run about twice as fast as products cut into slices: 3.8 s at 5,461 rows of 1,536 dimensions for all
// vectors, 3.1 s for 480 (bench/core/code_train, a busy machine).
double exact_operations(size_t n, size_t dims) {
  const double d = static_cast<double>(dims);
  return static_cast<double>(n) * d * d / 4 + 9 * d * d * d / 2;
}

Pca leading(Rows rows, size_t dims, const Stop& stop) {
  Pca pca = mean_and_variance(rows, stop);
  Matrix centred(static_cast<Index>(rows.n), static_cast<Index>(rows.dims));
  for (Index i = 0; i < centred.rows(); ++i) {
    if (i % 256 == 0) stop.check();
    centred.row(i) = (rows.matrix().row(i).cast<double>() - pca.mean.transpose()).cast<float>();
  }
  pca.pairs = principal_pairs(centred, dims, stop);
  return pca;
}

}  // namespace

double Pca::kept(size_t dims) const {
  if (!(total_variance > 0)) return 1;
  const double sum = pairs.values.head(static_cast<Index>(dims)).cwiseMax(0).sum();
  return std::min(1.0, sum / total_variance);
}

std::unique_ptr<LinearProjection> Pca::projection(size_t dims) const {
  if (dims < 1 || static_cast<Index>(dims) > pairs.vectors.rows()) {
    throw Error(ErrorKind::kInvalidParameter, "cannot keep " + std::to_string(dims) + " of " +
                                                  std::to_string(pairs.vectors.rows()) + " directions");
  }
  const Matrix p = pairs.vectors.topRows(static_cast<Index>(dims)).transpose().cast<float>();
  const Vector m = mean.cast<float>();
  return std::make_unique<LinearProjection>(std::vector<float>(m.data(), m.data() + m.size()), p);
}

Pca train_pca(const Moments& moments, size_t dims, const Stop& stop, size_t budget_bytes) {
  check_arguments(moments.count(), moments.dims(), dims);
  const size_t need = Moments::bytes(moments.dims()) + solver_bytes(moments.dims());
  if (need > budget_bytes) {
    throw Error(
        ErrorKind::kLimit,
        "PCA of " + std::to_string(moments.dims()) + " dimensions does not fit into the memory for training",
        "It needs " + std::to_string((need >> 20) + 1) +
            " MB. Raise maintenance_work_mem, or train on a sample.");
  }
  const MatrixD covariance = moments.covariance();
  return {moments.mean(), top_eigen(covariance, dims, stop), covariance.trace()};
}

Pca train_pca(Rows rows, size_t dims, const Stop& stop, size_t budget_bytes) {
  check_arguments(rows.n, rows.dims, dims);
  const PrincipalCost cost = principal_cost(rows.n, rows.dims, dims);
  if (cost.operations < exact_operations(rows.n, rows.dims) &&
      cost.bytes + rows.n * rows.dims * sizeof(float) <= budget_bytes) {
    return leading(rows, dims, stop);
  }
  if (Moments::bytes(rows.dims) + solver_bytes(rows.dims) <= budget_bytes) {
    Moments moments(rows.dims, budget_bytes);
    moments.add(rows, stop);
    return train_pca(moments, dims, stop, budget_bytes);
  }
  const size_t block = (dims + std::max<size_t>(16, dims / 4)) * rows.dims * sizeof(double);
  if (4 * block > budget_bytes) {
    throw Error(ErrorKind::kLimit,
                "PCA from " + std::to_string(rows.dims) + " to " + std::to_string(dims) +
                    " dimensions does not fit into the memory for training",
                "Raise maintenance_work_mem, keep fewer dimensions, or use a random projection.");
  }
  Pca pca = mean_and_variance(rows, stop);
  pca.pairs =
      top_eigen([&](const MatrixD& in, MatrixD& out) { multiply_by_rows(rows, pca.mean, in, out, stop); },
                rows.dims, dims, stop);
  return pca;
}

}  // namespace lowdim::core
