// A table as a tensor train of three cores and one rank r (TT-SVD, Oseledets 2011): rows and dimensions are
// cut into three factors each, and the modes are the pairs (i_k, j_k). Exact where the table has such
// structure; with rows in no particular order it has little.
//
// Takes a second copy of the table while it works.

#include <algorithm>
#include <cmath>

#include "core/codec/table/methods.h"

namespace lowdim::core {
namespace {

using Index = Eigen::Index;
using MatrixView = Eigen::Map<const Matrix, Eigen::Unaligned>;

// a <= b <= c, c <= 4 a, abc >= n and as small as that allows.
void near_cube(size_t n, size_t (&factors)[3]) {
  size_t best = SIZE_MAX;
  const size_t top = static_cast<size_t>(std::ceil(std::cbrt(static_cast<double>(n)))) + 1;
  for (size_t a = top; a >= 1; --a) {
    for (size_t b = a; b <= 4 * a; ++b) {
      const size_t c = std::max(b, (n + a * b - 1) / (a * b));
      if (c > 4 * a || a * b * c >= best) continue;
      best = a * b * c;
      factors[0] = a;
      factors[1] = b;
      factors[2] = c;
    }
  }
}

class TensorTable final : public CompressedTable {
 public:
  using CompressedTable::CompressedTable;

  size_t bytes() const override {
    return static_cast<size_t>(first_.size() + middle_.size() + last_.size()) * sizeof(float);
  }
  void decode(size_t row, float* out) const override { decode_rows(row, 1, out); }
  void decode_rows(size_t first, size_t n, float* out) const override {
    Matrix prefix;
    for (size_t i = 0; i < n; ++i) {
      const size_t row = first + i;
      if (i == 0 || row % shape_.n[2] == 0) prefix = prefix_of(row / shape_.n[2]);
      finish(prefix, row % shape_.n[2], out + i * dims());
    }
  }
  std::string text() const override { return "tensor_train(rank " + std::to_string(rank_) + ")"; }

  TensorShape shape_;
  size_t rank_ = 0;
  Matrix first_;   // mode 0 x left rank
  Matrix middle_;  // (mode 1 x right rank) x left rank
  Matrix last_;    // mode 2 x right rank

 private:
  // The first two cores of the rows that begin with (i0, i1): row j0 d1 + j1, one column a right rank.
  Matrix prefix_of(size_t i01) const {
    const Index d0 = static_cast<Index>(shape_.d[0]);
    const Index d1 = static_cast<Index>(shape_.d[1]);
    const Index i0 = static_cast<Index>(i01 / shape_.n[1]);
    const Index i1 = static_cast<Index>(i01 % shape_.n[1]);
    const Index right = last_.cols();
    Matrix prefix(d0 * d1, right);
    Matrix part(d0, right);
    for (Index j1 = 0; j1 < d1; ++j1) {
      part.noalias() =
          first_.middleRows(i0 * d0, d0) * middle_.middleRows((i1 * d1 + j1) * right, right).transpose();
      for (Index j0 = 0; j0 < d0; ++j0) prefix.row(j0 * d1 + j1) = part.row(j0);
    }
    return prefix;
  }
  void finish(const Matrix& prefix, size_t i2, float* out) const {
    const Index d2 = static_cast<Index>(shape_.d[2]);
    const Matrix row = prefix * last_.middleRows(static_cast<Index>(i2) * d2, d2).transpose();
    std::copy_n(row.data(), dims(), out);  // the padding at the end stays behind
  }
};

}  // namespace

TensorShape tensor_shape(size_t rows, size_t dims) {
  size_t n[3] = {1, 1, 1};
  size_t d[3] = {1, 1, 1};
  near_cube(rows, n);
  near_cube(dims, d);
  // The middle mode's size is multiplied by the square of the rank: it gets the smallest factors.
  return TensorShape{{n[1], n[0], n[2]}, {d[2], d[0], d[1]}};
}

std::unique_ptr<CompressedTable> compress_tensor_train(Rows rows, TableBudget budget, const Stop& stop) {
  const TensorShape shape = tensor_shape(rows.n, rows.dims);
  const size_t m0 = shape.mode(0);
  const size_t m1 = shape.mode(1);
  const size_t m2 = shape.mode(2);
  const auto right_of = [&](size_t r) { return std::min({r, m2, m0 * m1}); };
  const auto left_of = [&](size_t r) { return std::min({r, m0, m1 * right_of(r)}); };
  const auto size = [&](size_t r) {
    const double left = static_cast<double>(left_of(r));
    const double right = static_cast<double>(right_of(r));
    return (static_cast<double>(m0) * left + static_cast<double>(m1) * left * right +
            static_cast<double>(m2) * right) *
           sizeof(float);
  };
  size_t rank = 0;
  while (rank < std::max(m0, m2) && size(rank + 1) <= budget.bytes) ++rank;
  if (rank == 0) return nullptr;

  // Rows (i0 j0 i1 j1), columns (i2 j2).
  Matrix tensor = Matrix::Zero(static_cast<Index>(m0 * m1), static_cast<Index>(m2));
  for (size_t i = 0; i < rows.n; ++i) {
    if (i % 256 == 0) stop.check();
    const size_t i0 = i / shape.n[2] / shape.n[1];
    const size_t i1 = i / shape.n[2] % shape.n[1];
    const size_t i2 = i % shape.n[2];
    for (size_t j = 0; j < rows.dims; ++j) {
      const size_t j0 = j / shape.d[2] / shape.d[1];
      const size_t j1 = j / shape.d[2] % shape.d[1];
      const size_t j2 = j % shape.d[2];
      const size_t a = (i0 * shape.d[0] + j0) * m1 + i1 * shape.d[1] + j1;
      tensor(static_cast<Index>(a), static_cast<Index>(i2 * shape.d[2] + j2)) = rows.row(i)[j];
    }
  }
  auto table = std::make_unique<TensorTable>(rows.n, rows.dims);
  table->shape_ = shape;
  table->rank_ = rank;
  LowRank last = low_rank(Rows{tensor.data(), m0 * m1, m2}, right_of(rank), stop);
  tensor.resize(0, 0);
  table->last_ = last.right.transpose();
  const size_t right = right_of(rank);
  const Matrix turned =
      MatrixView(last.left.data(), static_cast<Index>(m0), static_cast<Index>(m1 * right)).transpose();
  last.left.resize(0, 0);
  LowRank first = low_rank(Rows{turned.data(), m1 * right, m0}, left_of(rank), stop);
  table->first_ = first.right.transpose();
  table->middle_ = std::move(first.left);
  return table;
}

}  // namespace lowdim::core
