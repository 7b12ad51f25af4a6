// Truncated SVD of a table: two thin factors. Also the low-rank approximation that the tensor train and the
// magnitude-grouped SVD are made of.

#include <algorithm>
#include <cmath>

#include "core/codec/product.h"
#include "core/codec/symmetric_eigen.h"
#include "core/codec/table/methods.h"

namespace lowdim::core {
namespace {

using Index = Eigen::Index;

// Above this the matrix x^T x would take more than 128 MB, and it is only multiplied with instead.
constexpr size_t kGramDims = 4096;

size_t block_rows(size_t width) {
  return std::clamp<size_t>((size_t{1} << 25) / std::max<size_t>(1, width), 16, 512);
}

// Sums of a block in float, of blocks in double.
MatrixD gram(Rows rows, const Stop& stop) {
  const Index d = static_cast<Index>(rows.dims);
  const size_t block = block_rows(rows.dims * rows.dims / 2);
  MatrixD sum = MatrixD::Zero(d, d);
  Matrix part(d, d);
  for (size_t i = 0; i < rows.n; i += block) {
    stop.check();
    const Rows some{rows.row(i), std::min(block, rows.n - i), rows.dims};
    part.triangularView<Eigen::Lower>().setZero();
    part.selfadjointView<Eigen::Lower>().rankUpdate(some.matrix().transpose());
    sum.triangularView<Eigen::Lower>() += part.cast<double>();
  }
  sum.triangularView<Eigen::StrictlyUpper>() = sum.transpose();
  return sum;
}

EigenPairs right_vectors(Rows rows, size_t rank, const Stop& stop) {
  if (rows.dims <= kGramDims) return top_eigen(gram(rows, stop), rank, stop);
  const auto times = [&](const MatrixD& in, MatrixD& out) {
    out = MatrixD::Zero(in.rows(), in.cols());
    const size_t block = block_rows(rows.dims * static_cast<size_t>(in.cols()));
    for (size_t i = 0; i < rows.n; i += block) {
      stop.check();
      const MatrixD some = Rows{rows.row(i), std::min(block, rows.n - i), rows.dims}.matrix().cast<double>();
      const MatrixD image = some * in;
      out.noalias() += some.transpose() * image;
    }
  };
  return top_eigen(times, rows.dims, rank, stop);
}

class SvdTable final : public CompressedTable {
 public:
  SvdTable(size_t rows, size_t dims, LowRank factors)
      : CompressedTable(rows, dims), factors_(std::move(factors)) {}

  size_t bytes() const override {
    return static_cast<size_t>(factors_.left.size() + factors_.right.size()) * sizeof(float);
  }
  size_t shared_bytes() const override { return static_cast<size_t>(factors_.right.size()) * sizeof(float); }
  void decode(size_t row, float* out) const override { decode_rows(row, 1, out); }
  void decode_rows(size_t first, size_t n, float* out) const override {
    Eigen::Map<Matrix, Eigen::Unaligned> x(out, static_cast<Index>(n), static_cast<Index>(dims()));
    x.noalias() = factors_.left.middleRows(static_cast<Index>(first), static_cast<Index>(n)) * factors_.right;
  }
  std::string text() const override { return "svd(rank " + std::to_string(factors_.right.rows()) + ")"; }

 private:
  LowRank factors_;
};

}  // namespace

LowRank low_rank(Rows rows, size_t rank, const Stop& stop) {
  rank = std::min({rank, rows.n, rows.dims});
  const EigenPairs pairs = right_vectors(rows, rank, stop);
  LowRank out;
  out.right = pairs.vectors.topRows(static_cast<Index>(rank)).cast<float>();
  const Matrix turned = out.right.transpose();
  out.left.resize(static_cast<Index>(rows.n), static_cast<Index>(rank));
  multiply_in_slices(rows.matrix(), turned, out.left, stop);
  return out;
}

std::unique_ptr<CompressedTable> compress_svd(Rows rows, TableBudget budget, const Stop& stop) {
  const double per_rank =
      (static_cast<double>(rows.n) + budget.shared_weight * static_cast<double>(rows.dims)) * sizeof(float);
  const double fits = std::floor(budget.bytes / per_rank);
  if (fits < 1) return nullptr;
  return std::make_unique<SvdTable>(rows.n, rows.dims, low_rank(rows, static_cast<size_t>(fits), stop));
}

}  // namespace lowdim::core
