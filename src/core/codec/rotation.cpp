// See rotation.h.

#include "core/codec/rotation.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "core/base/random.h"

namespace lowdim::core {
namespace {

// Unnormalized and in place; n is a power of two. Additions in one order for every coordinate, whatever the
// vector width.
void walsh_hadamard(float* x, size_t n) {
  for (size_t half = 1; half < n && half < 8; half *= 2) {
    for (size_t at = 0; at < n; at += 2 * half) {
      for (size_t k = at; k < at + half; ++k) {
        const float a = x[k];
        const float b = x[k + half];
        x[k] = a + b;
        x[k + half] = a - b;
      }
    }
  }
  using Eight = Eigen::Array<float, 8, 1>;
  for (size_t half = 8; half < n; half *= 2) {
    for (size_t at = 0; at < n; at += 2 * half) {
      for (size_t k = at; k < at + half; k += 8) {
        Eigen::Map<Eight, Eigen::Unaligned> low(x + k);
        Eigen::Map<Eight, Eigen::Unaligned> high(x + k + half);
        const Eight a = low;
        const Eight b = high;
        low = a + b;
        high = a - b;
      }
    }
  }
}

}  // namespace

HadamardRotation::HadamardRotation(size_t dims, uint64_t seed)
    : dims_(dims), seed_(seed), window_(std::bit_floor(dims)) {
  if (dims < 1) throw Error(ErrorKind::kInvalidParameter, "vectors must have at least one dimension");
  signs_.resize(kRounds * dims);
  Random random(seed);
  for (float& s : signs_) s = random.next() >> 63 == 0 ? 1.0f : -1.0f;
}

void HadamardRotation::flip(size_t round, float* x) const {
  Eigen::Map<Eigen::ArrayXf, Eigen::Unaligned> values(x, static_cast<Eigen::Index>(dims_));
  values *= Eigen::Map<const Eigen::ArrayXf, Eigen::Unaligned>(signs_.data() + round * dims_,
                                                               static_cast<Eigen::Index>(dims_));
}

// Symmetric and orthonormal: its own inverse.
void HadamardRotation::transform(size_t round, float* x) const {
  float* const window = round % 2 == 0 ? x : x + (dims_ - window_);
  walsh_hadamard(window, window_);
  const float scale = static_cast<float>(1 / std::sqrt(static_cast<double>(window_)));
  Eigen::Map<Eigen::ArrayXf, Eigen::Unaligned>(window, static_cast<Eigen::Index>(window_)) *= scale;
}

// Turns (x_i, x_{i + h}), h half the dimensions, by 45 degrees. With an odd number of dimensions the last and
// the first sit out in turns.
void HadamardRotation::kac(size_t round, float* x, bool inverse) const {
  if (window_ == dims_) return;  // the transform reaches every coordinate
  if (round % 2 == 0) return;    // not before both windows have been transformed
  constexpr float kCos = 0.70710678118654752440f;
  const size_t half = dims_ / 2;
  float* const low = x + (dims_ % 2 == 1 && round == 3 ? 1 : 0);
  float* const high = low + half;
  for (size_t i = 0; i < half; ++i) {
    const float a = low[i] * kCos;
    const float b = high[i] * kCos;
    low[i] = inverse ? a + b : a - b;
    high[i] = inverse ? b - a : a + b;
  }
}

void HadamardRotation::apply_base(const float* x, float* out) const {
  std::memcpy(out, x, dims_ * sizeof(float));
  for (size_t round = 0; round < kRounds; ++round) {
    flip(round, out);
    transform(round, out);
    kac(round, out, false);
  }
}

void HadamardRotation::restore(const float* u, float* x) const {
  std::memcpy(x, u, dims_ * sizeof(float));
  for (size_t round = kRounds; round-- > 0;) {
    kac(round, x, true);
    transform(round, x);
    flip(round, x);
  }
}

void HadamardRotation::write(ByteWriter& out) const {
  out.put<uint32_t>(static_cast<uint32_t>(dims_));
  out.put<uint64_t>(seed_);
}

std::unique_ptr<Projection> HadamardRotation::read(ByteReader& in, size_t in_dims) {
  const uint32_t dims = in.get_count(static_cast<uint32_t>(in_dims), static_cast<uint32_t>(in_dims));
  return std::make_unique<HadamardRotation>(dims, in.get<uint64_t>());
}

std::vector<std::pair<std::string, std::string>> HadamardRotation::facts() const {
  return {{"seed", std::to_string(seed_)}};
}

}  // namespace lowdim::core
