// See features.h.

#include "core/privacy/features.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <string>

#include "core/base/error.h"
#include "core/privacy/draws.h"
#include "core/simd/codes.h"
#include "core/simd/kernels.h"
#include "core/simd/waves.h"
#include "core/vec/limits.h"

namespace lowdim::core {
namespace {

constexpr const char* kNames[] = {"gaussian", "exponential", "laplace", "cauchy", "smooth"};
constexpr double kTurn = 6.28318530717958647693;

// |w| of one feature in n dimensions.
double radius(Kernel kernel, uint32_t n, Draws& draws) {
  const double chi = draws.chi(n);
  switch (kernel) {
    case Kernel::kGaussian:
      return std::sqrt(2.0) * chi;
    case Kernel::kExponential:
      return chi / std::abs(draws.normal());
    case Kernel::kCauchy:
      return std::sqrt(2 * draws.exponential()) * chi;
    case Kernel::kSmooth: {
      const double t = draws.exponential();
      return t * chi / std::abs(draws.normal());
    }
    case Kernel::kLaplace:
      break;
  }
  return 0;
}

// The largest |x|^2 that leaves no phase beyond kMostTurns with frequencies up to `length`, and room for what
// floats round.
float square_within(double length) {
  const double most = 0.9 * static_cast<double>(KdeFeatures::kMostTurns) / length;
  return static_cast<float>(std::min(most * most, 1e37));
}

}  // namespace

const char* kernel_name(Kernel kernel) { return kNames[static_cast<size_t>(kernel)]; }

Kernel kernel_of(std::string_view name) {
  const auto found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) {
    throw Error(ErrorKind::kInvalidParameter, "unknown kernel \"" + std::string(name.substr(0, 60)) + "\"",
                "Kernels are gaussian, exponential, laplace, cauchy, smooth.");
  }
  return static_cast<Kernel>(found - std::begin(kNames));
}

double kernel_value(Kernel kernel, double bandwidth, const float* x, const float* y, uint32_t dims) {
  double l1 = 0, square = 0;
  for (uint32_t d = 0; d < dims; ++d) {
    const double difference = static_cast<double>(x[d]) - static_cast<double>(y[d]);
    l1 += std::abs(difference);
    square += difference * difference;
  }
  l1 /= bandwidth;
  square /= bandwidth * bandwidth;
  switch (kernel) {
    case Kernel::kGaussian:
      return std::exp(-square);
    case Kernel::kExponential:
      return std::exp(-std::sqrt(square));
    case Kernel::kLaplace:
      return std::exp(-l1);
    case Kernel::kCauchy:
      return 1 / (1 + square);
    case Kernel::kSmooth:
      return 1 / (1 + std::sqrt(square));
  }
  return 0;
}

uint32_t Directions::padded(uint32_t dims) { return std::max(16u, std::bit_ceil(dims)); }

// The order of what is drawn is part of the meaning of a seed: the same first rows for any number of them.
Directions::Directions(uint32_t dims, const std::vector<double>& lengths, uint64_t seed)
    : dims_(dims), padded_(padded(dims)), count_(static_cast<uint32_t>(lengths.size())) {
  Draws draws(seed);
  for (uint32_t d = 0; d < padded_; ++d) signs_.push_back(draws.coin() ? -1.0f : 1.0f);
  std::vector<double> g(padded_);
  std::vector<uint16_t> places(padded_);
  for (uint32_t first = 0; first < count_; first += padded_) {
    Draws block(draws.next());
    double square = 0;
    for (double& v : g) {
      v = block.normal();
      square += v * v;
    }
    for (const double v : g) gaussians_.push_back(static_cast<float>(v / std::sqrt(square)));
    std::iota(places.begin(), places.end(), uint16_t{0});
    for (uint32_t i = padded_ - 1; i > 0; --i) std::swap(places[i], places[block.below(i + 1)]);
    places_.insert(places_.end(), places.begin(), places.end());
  }
  for (const double length : lengths)
    lengths_.push_back(static_cast<float>(length / std::sqrt(static_cast<double>(padded_))));
  spread_.resize(padded_);
  row_.resize(padded_);
}

void Directions::add_waves(const float* x, int64_t* cosines, int64_t* sines) {
  constexpr uint32_t kGroups = kRows / 16;
  const simd::WaveKernels& k = simd::wave_kernels();
  const size_t group = size_t{16} * padded_;
  spread_rows_.resize(kGroups * group);
  rows_.resize(group);
  sums_.resize(2 * group);
  for (uint32_t g = 0; g < kGroups; ++g) {
    float* const spread = spread_rows_.data() + g * group;
    for (uint32_t d = 0; d < dims_; ++d)
      for (size_t r = 0; r < 16; ++r) spread[16 * d + r] = signs_[d] * x[(16 * g + r) * dims_ + d];
    std::fill(spread + size_t{16} * dims_, spread + group, 0.0f);
    k.hadamard_rows(spread, padded_);
  }
  for (uint32_t first = 0; first < count_; first += padded_) {
    const uint32_t count = std::min(padded_, count_ - first);
    std::fill(sums_.begin(), sums_.end(), 0);
    for (uint32_t g = 0; g < kGroups; ++g) {
      k.spread_rows(spread_rows_.data() + g * group, places_.data() + first, gaussians_.data() + first,
                    padded_, rows_.data());
      k.hadamard_rows(rows_.data(), padded_);
      k.add_waves_rows(rows_.data(), lengths_.data() + first, count, sums_.data());
    }
    k.fold_rows(sums_.data(), count, kGroups, cosines + first, sines + first);
  }
}

void Directions::apply(const float* x, float* out) {
  const simd::WaveKernels& k = simd::wave_kernels();
  const auto transform = k.hadamard_f32;
  for (uint32_t d = 0; d < dims_; ++d) spread_[d] = signs_[d] * x[d];
  std::fill(spread_.begin() + dims_, spread_.end(), 0.0f);
  transform(spread_.data(), padded_);
  for (uint32_t first = 0; first < count_; first += padded_) {
    k.spread_f32(spread_.data(), places_.data() + first, gaussians_.data() + first, padded_, row_.data());
    transform(row_.data(), padded_);
    const uint32_t count = std::min(padded_, count_ - first);
    k.scale_f32(row_.data(), lengths_.data() + first, count);
    std::copy_n(row_.begin(), count, out + first);
  }
}

void KdeOptions::check() const {
  if (static_cast<size_t>(kernel) >= std::size(kNames))
    throw Error(ErrorKind::kInvalidParameter, "no such kernel");
  if (!(bandwidth >= 1e-30 && bandwidth <= 1e30)) {
    throw Error(ErrorKind::kInvalidParameter, "bandwidth must be a positive number");
  }
  if (features < 1 || features > kMaxFeatures) {
    throw Error(ErrorKind::kInvalidParameter,
                "features must be between 1 and " + std::to_string(kMaxFeatures));
  }
  if (dims < 1 || dims > static_cast<uint32_t>(kMaxDims)) {
    throw Error(ErrorKind::kInvalidParameter, "dimensions must be between 1 and " + std::to_string(kMaxDims));
  }
  if (kernel == Kernel::kLaplace && uint64_t{features} * dims > kMaxPlain) {
    throw Error(
        ErrorKind::kLimit,
        "the laplace kernel takes at most " + std::to_string(kMaxPlain) + " features times dimensions",
        "Choose fewer features, or another kernel.");
  }
}

KdeFeatures::KdeFeatures(const KdeOptions& options) : dims_(options.dims) {
  options.check();
  const uint32_t p = options.features;
  const double unit = 1 / (options.bandwidth * kTurn);
  Draws draws(options.seed);
  const uint64_t seed = draws.next();
  if (options.kernel == Kernel::kLaplace) {
    columns_ = (p + 15) / 16 * 16;
    matrix_.resize(size_t{dims_} * columns_);
    double longest = 0;
    for (uint32_t i = 0; i < p; ++i) {
      double square = 0;
      for (uint32_t d = 0; d < dims_; ++d) {
        const double w = draws.cauchy() * unit;
        square += w * w;
        matrix_[size_t{d} * columns_ + i] = static_cast<float>(w);
      }
      longest = std::max(longest, square);
    }
    phases_.resize(columns_);
    longest_square_ = square_within(std::sqrt(longest));
    return;
  }
  std::vector<double> lengths(p);
  for (double& r : lengths) r = radius(options.kernel, Directions::padded(dims_), draws) * unit;
  directions_ = Directions(dims_, lengths, seed);
  phases_.resize(p);
  longest_square_ = square_within(*std::max_element(lengths.begin(), lengths.end()));
}

const float* KdeFeatures::phases(const float* x) {
  if (columns_ > 0) {
    simd::code_kernels().project_f32(x, 1, dims_, matrix_.data(), columns_, phases_.data());
  } else {
    directions_.apply(x, phases_.data());
  }
  return phases_.data();
}

bool KdeFeatures::within(const float* x) const {
  return simd::kernels().dot_f32(x, x, dims_) <= longest_square_;
}

void KdeFeatures::add_waves(const float* x, int64_t* cosines, int64_t* sines) {
  directions_.add_waves(x, cosines, sines);
}

}  // namespace lowdim::core
