// See linear.h.

#include "core/codec/linear.h"

#include <Eigen/Cholesky>
#include <cmath>

#include "core/base/random.h"
#include "core/codec/blocking.h"

namespace lowdim::core {
namespace {

using Index = Eigen::Index;

// out = sum of x[i] m.row(i), in the order of i for every coordinate: no alignment or vector width shows in
// the result.
void combine_rows(const Matrix& m, const float* x, const float* minus, float* out) {
  Eigen::Map<Eigen::Array<float, 1, Eigen::Dynamic>, Eigen::Unaligned> sum(out, m.cols());
  const auto at = [&](Index i) { return minus == nullptr ? x[i] : x[i] - minus[i]; };
  const auto row = [&](Index i) { return m.row(i).array(); };
  sum.setZero();
  Index i = 0;
  for (; i + 4 <= m.rows(); i += 4) {
    const float x0 = at(i), x1 = at(i + 1), x2 = at(i + 2), x3 = at(i + 3);
    sum = sum + x0 * row(i) + x1 * row(i + 1) + x2 * row(i + 2) + x3 * row(i + 3);
  }
  for (; i < m.rows(); ++i) sum = sum + at(i) * row(i);
}

// (B^T B)^-1 B^T, so that restore(u) = B (B^T B)^-1 u has the projection u. Columns are scaled to length one
// first and a ridge of 1e-10 stands in for dependent ones: whatever b holds, the factorization exists.
Matrix pseudo_inverse(const Matrix& b) {
  fix_blocking();
  const MatrixD wide = b.cast<double>();
  VectorD scale(b.cols());
  for (Index j = 0; j < b.cols(); ++j) {
    const double norm = wide.col(j).norm();
    scale(j) = norm > 0 ? 1 / norm : 1;
  }
  const MatrixD unit = wide * scale.asDiagonal();
  MatrixD gram = unit.transpose() * unit;
  gram.diagonal().array() += 1e-10;
  const Eigen::LLT<MatrixD> factor(gram);
  if (factor.info() != Eigen::Success) return {};
  MatrixD inverse = unit.transpose();
  factor.solveInPlace(inverse);
  const Matrix result = (scale.asDiagonal() * inverse).cast<float>();
  return result.allFinite() ? result : Matrix{};
}

// Whether B^T B z = z for a random z, within what float32 leaves of an orthonormal b.
bool keeps_probe(const Matrix& b) {
  Random random(b.size());
  VectorD z(b.cols());
  for (double& v : z) v = random.normal();
  VectorD x = VectorD::Zero(b.rows());
  VectorD back = VectorD::Zero(b.cols());
  for (Index i = 0; i < b.rows(); ++i) x(i) = b.row(i).cast<double>().dot(z);
  for (Index i = 0; i < b.rows(); ++i) back += x(i) * b.row(i).transpose().cast<double>();
  return (back - z).norm() <= 1e-3 * z.norm();
}

}  // namespace

LinearProjection::LinearProjection(std::vector<float> mean, Matrix p)
    : mean_(std::move(mean)), b_(std::move(p)) {}

LinearProjection::LinearProjection(std::vector<float> mean, Matrix a, Matrix b)
    : mean_(std::move(mean)), a_(std::move(a)), b_(std::move(b)), restore_(pseudo_inverse(b_)) {
  if (restore_.size() == 0 || !a_.allFinite()) {
    throw Error(ErrorKind::kData, "the projection is degenerate", "The training vectors may be extreme.");
  }
}

void LinearProjection::apply_base(const float* x, float* out) const { combine_rows(b_, x, mean(), out); }

void LinearProjection::apply_query(const float* q, float* out) const {
  combine_rows(orthonormal() ? b_ : a_, q, nullptr, out);
}

void LinearProjection::restore(const float* u, float* x) const {
  if (orthonormal()) {
    const size_t n = out_dims();
    for (Index i = 0; i < b_.rows(); ++i) {
      const float* row = b_.data() + static_cast<size_t>(i) * n;
      float sum[4] = {0, 0, 0, 0};  // in a fixed order, as combine_rows
      size_t j = 0;
      for (; j + 4 <= n; j += 4) {
        for (size_t k = 0; k < 4; ++k) sum[k] += row[j + k] * u[j + k];
      }
      for (; j < n; ++j) sum[0] += row[j] * u[j];
      x[i] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
  } else {
    combine_rows(restore_, u, nullptr, x);
  }
  for (size_t i = 0; i < mean_.size(); ++i) x[i] += mean_[i];
}

std::unique_ptr<LinearProjection> LinearProjection::prefix(size_t dims) const {
  if (dims < 1 || dims > out_dims()) {
    throw Error(ErrorKind::kInvalidParameter,
                "cannot keep " + std::to_string(dims) + " of " + std::to_string(out_dims()) + " dimensions");
  }
  const Index n = static_cast<Index>(dims);
  if (orthonormal()) return std::make_unique<LinearProjection>(mean_, b_.leftCols(n));
  return std::make_unique<LinearProjection>(mean_, a_.leftCols(n), b_.leftCols(n));
}

void LinearProjection::write(ByteWriter& out) const {
  out.put<uint32_t>(static_cast<uint32_t>(out_dims()));
  out.put<uint8_t>(orthonormal() ? 1 : 0);
  out.put<uint8_t>(mean_.empty() ? 0 : 1);
  out.put_all(mean_.data(), mean_.size());
  out.put_all(b_.data(), static_cast<size_t>(b_.size()));
  out.put_all(a_.data(), static_cast<size_t>(a_.size()));
}

std::unique_ptr<Projection> LinearProjection::read(ByteReader& in, size_t in_dims) {
  const uint32_t out_dims = in.get_count(1, static_cast<uint32_t>(in_dims));
  const uint8_t orthonormal = in.get<uint8_t>();
  const uint8_t has_mean = in.get<uint8_t>();
  if (orthonormal > 1 || has_mean > 1) ByteReader::corrupted();
  std::vector<float> mean;
  if (has_mean == 1) mean = in.get_all<float>(in_dims);
  const auto matrix = [&] {
    const std::vector<float> values = in.get_all<float>(in_dims * out_dims);
    return Matrix(Rows{values.data(), in_dims, out_dims}.matrix());
  };
  Matrix b = matrix();
  if (orthonormal == 1) {
    if (!keeps_probe(b)) ByteReader::corrupted();
    return std::make_unique<LinearProjection>(std::move(mean), std::move(b));
  }
  Matrix a = matrix();
  try {
    return std::make_unique<LinearProjection>(std::move(mean), std::move(a), std::move(b));
  } catch (const Error&) {  // no pseudo-inverse: not what write() can have written
    ByteReader::corrupted();
  }
}

std::vector<std::pair<std::string, std::string>> LinearProjection::facts() const {
  return {{"query_aware", orthonormal() ? "false" : "true"}};
}

}  // namespace lowdim::core
