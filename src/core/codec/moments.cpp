// See moments.h.

#include "core/codec/moments.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/codec/blocking.h"

namespace lowdim::core {
namespace {

// Rows per product: enough for the matrix product to run at its speed, few enough that float32 sums keep
// their digits.
constexpr size_t kBlockRows = 256;
// The product is made tile by tile, so that no D x D float matrix is needed and tiles stay in cache.
constexpr size_t kTile = 128;
constexpr uint32_t kMaxDims = 16000;
constexpr uint64_t kMaxCount = uint64_t{1} << 53;

size_t packed_size(size_t dims) { return dims * (dims + 1) / 2; }

double* packed_row(std::vector<double>& packed, size_t i) { return packed.data() + i * (i + 1) / 2; }

}  // namespace

size_t Moments::bytes(size_t dims) {
  return packed_size(dims) * sizeof(double) + dims * (sizeof(double) + kBlockRows * sizeof(float));
}

Moments::Moments(size_t dims, size_t budget_bytes) : dims_(dims) {
  if (dims < 1) throw Error(ErrorKind::kInvalidParameter, "vectors must have at least one dimension");
  if (dims > kMaxDims || bytes(dims) > budget_bytes) {
    throw Error(
        ErrorKind::kLimit,
        "second moments of " + std::to_string(dims) + " dimensions do not fit into the memory for training",
        "They need " + std::to_string((bytes(dims) >> 20) + 1) +
            " MB. Raise maintenance_work_mem, or use PCA on a sample or a random projection.");
  }
  mean_.assign(dims, 0);
  scatter_.assign(packed_size(dims), 0);
}

void Moments::add(const float* row, const Stop& stop) {
  pending_.insert(pending_.end(), row, row + dims_);
  if (pending_.size() == kBlockRows * dims_) settle(stop);
}

void Moments::add(Rows rows, const Stop& stop) {
  if (rows.n > 0 && rows.dims != dims_) {
    throw Error(ErrorKind::kData,
                "rows have " + std::to_string(rows.dims) + " dimensions, expected " + std::to_string(dims_));
  }
  for (size_t i = 0; i < rows.n; ++i) add(rows.row(i), stop);
}

// Adds what the distance of two means contributes to the joint scatter, and moves the mean. The other set's
// own scatter is added by the caller.
void Moments::join(double n, const double* mean, const Stop& stop) {
  const double own = static_cast<double>(settled_);
  const double weight = own * n / (own + n);
  std::vector<double> shift(dims_);
  for (size_t i = 0; i < dims_; ++i) shift[i] = mean[i] - mean_[i];
  if (own > 0) {
    for (size_t i = 0; i < dims_; ++i) {
      if (i % 64 == 0) stop.check();
      const Eigen::Index length = static_cast<Eigen::Index>(i + 1);
      Eigen::Map<VectorD>(packed_row(scatter_, i), length) +=
          (weight * shift[i]) * Eigen::Map<const VectorD>(shift.data(), length);
    }
  }
  for (size_t i = 0; i < dims_; ++i) mean_[i] += shift[i] * (n / (own + n));
  settled_ += static_cast<uint64_t>(n);
}

void Moments::settle(const Stop& stop) {
  const size_t n = pending_.size() / dims_;
  if (n == 0) return;
  stop.check();
  fix_blocking();
  std::vector<double> mean(dims_, 0.0);
  for (size_t r = 0; r < n; ++r) {
    for (size_t i = 0; i < dims_; ++i) mean[i] += pending_[r * dims_ + i];
  }
  for (double& m : mean) m /= static_cast<double>(n);
  for (size_t r = 0; r < n; ++r) {
    for (size_t i = 0; i < dims_; ++i) {
      pending_[r * dims_ + i] = static_cast<float>(pending_[r * dims_ + i] - mean[i]);
    }
  }
  const auto block = Rows{pending_.data(), n, dims_}.matrix();
  Matrix tile(kTile, kTile);
  for (size_t i = 0; i < dims_; i += kTile) {
    stop.check();
    const size_t height = std::min(kTile, dims_ - i);
    for (size_t j = 0; j <= i; j += kTile) {
      const size_t width = std::min(kTile, dims_ - j);
      tile.resize(static_cast<Eigen::Index>(height), static_cast<Eigen::Index>(width));
      tile.noalias() = block.middleCols(static_cast<Eigen::Index>(i), tile.rows()).transpose() *
                       block.middleCols(static_cast<Eigen::Index>(j), tile.cols());
      for (size_t k = 0; k < height; ++k) {
        const Eigen::Index length = static_cast<Eigen::Index>(std::min(width, i + k - j + 1));
        Eigen::Map<Eigen::RowVectorXd>(packed_row(scatter_, i + k) + j, length) +=
            tile.row(static_cast<Eigen::Index>(k)).head(length).cast<double>();
      }
    }
  }
  join(static_cast<double>(n), mean.data(), stop);
  pending_.clear();
}

void Moments::merge(const Moments& other, const Stop& stop) {
  if (other.dims_ != dims_) {
    throw Error(ErrorKind::kData, "cannot merge moments of " + std::to_string(other.dims_) + " and " +
                                      std::to_string(dims_) + " dimensions");
  }
  if (other.settled_ > 0) {
    for (size_t i = 0; i < scatter_.size(); ++i) {
      if (i % (size_t{1} << 20) == 0) stop.check();
      scatter_[i] += other.scatter_[i];
    }
    join(static_cast<double>(other.settled_), other.mean_.data(), stop);
  }
  const std::vector<float> rest = other.pending_;  // a copy: `other` may be this object
  add(Rows{rest.data(), rest.size() / dims_, dims_}, stop);
}

VectorD Moments::mean() const {
  VectorD sum = Eigen::Map<const VectorD>(mean_.data(), static_cast<Eigen::Index>(dims_));
  sum *= static_cast<double>(settled_);
  const auto rest = Rows{pending_.data(), pending_.size() / dims_, dims_}.matrix();
  for (Eigen::Index r = 0; r < rest.rows(); ++r) sum += rest.row(r).transpose().cast<double>();
  return count() > 0 ? VectorD(sum / static_cast<double>(count())) : sum;
}

MatrixD Moments::expand(double mean_weight) const {
  if (!pending_.empty()) {
    Moments all = *this;
    all.settle(Stop{});
    return all.expand(mean_weight);
  }
  const Eigen::Index n = static_cast<Eigen::Index>(dims_);
  const double scale = settled_ > 0 ? 1 / static_cast<double>(settled_) : 0;
  MatrixD full(n, n);
  const double* at = scatter_.data();
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j = 0; j <= i; ++j) {
      const double value =
          *at++ * scale + mean_weight * mean_[static_cast<size_t>(i)] * mean_[static_cast<size_t>(j)];
      full(i, j) = value;
      full(j, i) = value;
    }
  }
  if (!full.allFinite()) {
    throw Error(ErrorKind::kData, "vectors are too large to train on: their squares overflow");
  }
  return full;
}

MatrixD Moments::covariance() const { return expand(0); }

MatrixD Moments::second_moment() const { return expand(1); }

void Moments::write(ByteWriter& out) const {
  out.put<uint32_t>(static_cast<uint32_t>(dims_));
  out.put<uint32_t>(static_cast<uint32_t>(pending_.size() / dims_));
  out.put<uint64_t>(settled_);
  out.put_all(mean_.data(), mean_.size());
  out.put_all(scatter_.data(), scatter_.size());
  out.put_all(pending_.data(), pending_.size());
}

Moments Moments::read(ByteReader& in, size_t budget_bytes) {
  const uint32_t dims = in.get_count(1, kMaxDims);
  const uint32_t pending = in.get_count(0, kBlockRows - 1);
  const uint64_t settled = in.get<uint64_t>();
  // Before any room is taken for them: the bytes must be there.
  if (settled > kMaxCount || in.left() / sizeof(double) < packed_size(dims)) ByteReader::corrupted();
  Moments moments(dims, budget_bytes);
  moments.settled_ = settled;
  moments.mean_ = in.get_all<double>(dims);
  moments.scatter_ = in.get_all<double>(packed_size(dims));
  moments.pending_ = in.get_all<float>(size_t{pending} * dims);
  return moments;
}

}  // namespace lowdim::core
