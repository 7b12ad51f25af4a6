// See random_projection.h.

#include "core/codec/random_projection.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/base/random.h"

namespace lowdim::core {
namespace {

using Four = Eigen::Array<float, 4, 1>;

// The signs that the bits of a nibble stand for.
constexpr std::array<std::array<float, 4>, 16> make_signs() {
  std::array<std::array<float, 4>, 16> table{};
  for (size_t nibble = 0; nibble < 16; ++nibble) {
    for (size_t k = 0; k < 4; ++k) table[nibble][k] = (nibble >> k & 1) != 0 ? -1.0f : 1.0f;
  }
  return table;
}
constexpr std::array<std::array<float, 4>, 16> kSigns = make_signs();

const float* signs_of(const uint8_t* row, size_t group) {
  return kSigns[row[group / 2] >> (group % 2 * 4) & 15].data();
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace

RandomProjection::RandomProjection(RandomEntries entries, size_t in_dims, size_t out_dims, uint64_t seed)
    : entries_(entries), in_dims_(in_dims), out_dims_(out_dims), seed_(seed) {
  if (out_dims < 1 || out_dims > in_dims || in_dims > 16000) {
    throw Error(ErrorKind::kInvalidParameter,
                "cannot project " + std::to_string(in_dims) + " dimensions to " + std::to_string(out_dims));
  }
  Random random(seed);
  if (entries == RandomEntries::kDense) {
    scale_ = static_cast<float>(1 / std::sqrt(static_cast<double>(out_dims)));
    row_bytes_ = (out_dims + 7) / 8;
    bits_.resize(in_dims * row_bytes_);
    for (size_t at = 0; at < bits_.size(); at += 8) {
      const uint64_t word = random.next();
      std::memcpy(bits_.data() + at, &word, std::min<size_t>(8, bits_.size() - at));
    }
    return;
  }
  const double root = std::sqrt(static_cast<double>(in_dims));
  scale_ = static_cast<float>(std::sqrt(root / static_cast<double>(out_dims)));
  // 2^63 / sqrt(D): the upper 63 bits decide whether there is an entry, the last one its sign.
  const uint64_t threshold = static_cast<uint64_t>(0x1.0p63 / root);
  starts_.reserve(in_dims + 1);
  starts_.push_back(0);
  for (size_t i = 0; i < in_dims; ++i) {
    for (size_t j = 0; j < out_dims; ++j) {
      const uint64_t draw = random.next();
      if (draw >> 1 < threshold) places_.push_back(static_cast<uint16_t>(2 * j + (draw & 1)));
    }
    starts_.push_back(static_cast<uint32_t>(places_.size()));
  }
}

void RandomProjection::apply_base(const float* x, float* out) const {
  Eigen::Map<Eigen::ArrayXf, Eigen::Unaligned> sum(out, static_cast<Eigen::Index>(out_dims_));
  sum.setZero();
  const size_t groups = out_dims_ / 4;
  for (size_t i = 0; i < in_dims_; ++i) {
    const float value = x[i];
    if (entries_ == RandomEntries::kDense) {
      const uint8_t* const row = bits_.data() + i * row_bytes_;
      for (size_t g = 0; g < groups; ++g) {
        Eigen::Map<Four, Eigen::Unaligned> four(out + 4 * g);
        four += value * Eigen::Map<const Four, Eigen::Unaligned>(signs_of(row, g));
      }
      for (size_t j = 4 * groups; j < out_dims_; ++j) out[j] += value * signs_of(row, groups)[j % 4];
    } else {
      for (size_t k = starts_[i]; k < starts_[i + 1]; ++k) {
        const uint16_t place = places_[k];
        out[place / 2] += place % 2 == 0 ? value : -value;
      }
    }
  }
  sum *= scale_;
}

void RandomProjection::transpose(const float* u, float* x) const {
  const size_t groups = out_dims_ / 4;
  for (size_t i = 0; i < in_dims_; ++i) {
    float total = 0;
    if (entries_ == RandomEntries::kDense) {
      const uint8_t* const row = bits_.data() + i * row_bytes_;
      Four sum = Four::Zero();
      for (size_t g = 0; g < groups; ++g) {
        sum += Eigen::Map<const Four, Eigen::Unaligned>(u + 4 * g) *
               Eigen::Map<const Four, Eigen::Unaligned>(signs_of(row, g));
      }
      total = (sum(0) + sum(1)) + (sum(2) + sum(3));
      for (size_t j = 4 * groups; j < out_dims_; ++j) total += u[j] * signs_of(row, groups)[j % 4];
    } else {
      for (size_t k = starts_[i]; k < starts_[i + 1]; ++k) {
        const uint16_t place = places_[k];
        total += place % 2 == 0 ? u[place / 2] : -u[place / 2];
      }
    }
    x[i] = total * scale_;
  }
}

// Conjugate gradients on R^T R z = u, from zero; x = R z is then the shortest solution. The steps that
// float32 can use are few: R^T R of random entries is well conditioned unless d is close to D.
void RandomProjection::restore(const float* u, float* x) const {
  constexpr int kMaxSteps = 100;
  std::vector<float> z(out_dims_, 0.0f);
  std::vector<float> residual(u, u + out_dims_);
  std::vector<float> direction = residual;
  std::vector<float> image(out_dims_);
  double left = dot(residual, residual);
  const double enough = left * 1e-10;
  for (int step = 0; step < kMaxSteps && left > enough; ++step) {
    transpose(direction.data(), x);
    apply_base(x, image.data());
    const double curvature = dot(direction, image);
    if (!(curvature > 0)) break;
    const float alpha = static_cast<float>(left / curvature);
    for (size_t j = 0; j < out_dims_; ++j) {
      z[j] += alpha * direction[j];
      residual[j] -= alpha * image[j];
    }
    const double now = dot(residual, residual);
    const float beta = static_cast<float>(now / left);
    for (size_t j = 0; j < out_dims_; ++j) direction[j] = residual[j] + beta * direction[j];
    left = now;
  }
  transpose(z.data(), x);
}

void RandomProjection::write(ByteWriter& out) const {
  out.put<uint8_t>(static_cast<uint8_t>(entries_));
  out.put<uint32_t>(static_cast<uint32_t>(in_dims_));
  out.put<uint32_t>(static_cast<uint32_t>(out_dims_));
  out.put<uint64_t>(seed_);
}

std::unique_ptr<Projection> RandomProjection::read(ByteReader& in, size_t in_dims) {
  const uint8_t entries = in.get<uint8_t>();
  if (entries > static_cast<uint8_t>(RandomEntries::kSparse)) ByteReader::corrupted();
  const uint32_t dims = static_cast<uint32_t>(in_dims);
  in.get_count(dims, dims);
  const uint32_t out_dims = in.get_count(1, dims);
  return std::make_unique<RandomProjection>(static_cast<RandomEntries>(entries), in_dims, out_dims,
                                            in.get<uint64_t>());
}

std::vector<std::pair<std::string, std::string>> RandomProjection::facts() const {
  return {{"entries", entries_ == RandomEntries::kDense ? "\"dense\"" : "\"sparse\""},
          {"seed", std::to_string(seed_)}};
}

}  // namespace lowdim::core
