// See release.h.

#include "core/privacy/release.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/base/random.h"

namespace lowdim::core {
namespace {

constexpr uint32_t kMagic = 0x5044444cu;  // "LDDP"
constexpr uint8_t kVersion = 1;
constexpr size_t kHead = 8, kTail = 8;
constexpr double kUp = 1 + 0x1p-44;

uint64_t checksum(const uint8_t* bytes, size_t n) {
  uint64_t sum = mix64(n);
  for (size_t i = 0; i < n; i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes + i, std::min<size_t>(8, n - i));
    sum = mix64(sum ^ word) + 0x9e3779b97f4a7c15u;
  }
  return sum;
}

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorKind::kInvalidParameter, message); }

template <class E>
E read_enum(ByteReader& in, E last) {
  const uint8_t v = in.get<uint8_t>();
  if (v > static_cast<uint8_t>(last)) damaged_image();
  return static_cast<E>(v);
}

}  // namespace

int64_t to_fixed(double v) {
  if (!(v >= -1)) v = v < -1 ? -1 : 0;
  if (v > 1) v = 1;
  return static_cast<int64_t>(std::nearbyint(v * static_cast<double>(kFixedOne)));
}

void PrivacyOptions::check() const {
  if (mechanism == NoiseMechanism::kNone) return;
  if (!(epsilon >= kMinEpsilon && epsilon <= kMaxEpsilon)) {
    refuse("epsilon must be between " + number_text(kMinEpsilon) + " and " + number_text(kMaxEpsilon));
  }
  if (mechanism == NoiseMechanism::kGaussian && !(delta > 0 && delta < 1)) {
    refuse("delta must be above 0 and below 1");
  }
  if (max_rows < 1 || max_rows > kMaxRows) {
    refuse("the rows of one unit must be between 1 and " + std::to_string(kMaxRows));
  }
}

double Guarantee::noise_std() const {
  const double scale = noise.value();
  if (options.mechanism != NoiseMechanism::kLaplace) return scale;
  return scale * 1.4142135623730951;
}

std::vector<std::pair<std::string, std::string>> Guarantee::facts() const {
  constexpr const char* kMechanisms[] = {"none", "laplace", "gaussian"};
  std::vector<std::pair<std::string, std::string>> out;
  out.emplace_back("mechanism", kMechanisms[static_cast<size_t>(options.mechanism)]);
  if (options.mechanism == NoiseMechanism::kNone) return out;
  out.emplace_back("neighbours", options.neighbours == Neighbours::kAddRemove ? "add_remove" : "replace_one");
  out.emplace_back("max_rows", std::to_string(options.max_rows));
  out.emplace_back("epsilon", number_text(cost.epsilon));
  if (options.mechanism == NoiseMechanism::kGaussian) {
    out.emplace_back("delta", number_text(cost.delta));
    out.emplace_back("bound", options.bound == GaussianBound::kZcdp ? "zcdp" : "analytic");
  }
  out.emplace_back("rho", number_text(cost.rho));
  out.emplace_back("noise_scale", number_text(noise.value()));
  return out;
}

Guarantee calibrate(const PrivacyOptions& options, const RowBound& row, size_t n) {
  options.check();
  Guarantee g;
  g.options = options;
  if (options.mechanism == NoiseMechanism::kNone) {
    const double infinite = std::numeric_limits<double>::infinity();
    g.cost = {infinite, 0, infinite};
    return g;
  }
  const double rows = options.max_rows * (options.neighbours == Neighbours::kReplaceOne ? 2.0 : 1.0);
  if (options.mechanism == NoiseMechanism::kLaplace) {
    const double l1 = static_cast<double>(row.l1) * rows;
    g.noise = NoiseScale::at_least(l1 / options.epsilon * kUp);
    g.cost = pure_cost(options.epsilon);
    return g;
  }
  const double l2 = std::sqrt(static_cast<double>(row.l2_square)) * rows * kUp;
  double sigma = 0;
  if (options.bound == GaussianBound::kZcdp) {
    sigma = l2 * zcdp_sigma(zcdp_rho(options.epsilon, options.delta));
  } else {
    const double first = l2 * analytic_sigma(options.epsilon, options.delta);
    const double apart = static_cast<double>(n) / (8 * first * first) * kUp;
    const double left = options.delta - (1 + std::exp(options.epsilon)) * apart;
    if (!(left > options.delta / 2)) {
      throw Error(ErrorKind::kInvalidParameter, "delta is too small for the analytic bound at this epsilon",
                  "Choose the zCDP bound, whose noise is not larger by much.");
    }
    sigma = l2 * analytic_sigma(options.epsilon, left);
  }
  g.noise = NoiseScale::at_least(sigma * kUp);
  const double ratio = l2 / g.noise.value();
  g.cost = {options.epsilon, options.delta, ratio * ratio / 2 * kUp};
  return g;
}

void add_noise(const Guarantee& guarantee, int64_t* values, size_t n, RandomBits& bits) {
  if (guarantee.options.mechanism == NoiseMechanism::kNone) return;
  const bool laplace = guarantee.options.mechanism == NoiseMechanism::kLaplace;
  for (size_t i = 0; i < n; ++i) {
    const int64_t noise =
        laplace ? discrete_laplace(bits, guarantee.noise) : discrete_gaussian(bits, guarantee.noise);
    values[i] += noise;  // below 2^62 and at most 2^62
  }
}

ByteWriter begin_image(PrivateImage kind) {
  ByteWriter out;
  out.put<uint32_t>(kMagic);
  out.put<uint8_t>(kVersion);
  out.put<uint8_t>(static_cast<uint8_t>(kind));
  out.put<uint16_t>(0);
  return out;
}

std::vector<uint8_t> end_image(ByteWriter&& out) {
  out.put<uint64_t>(checksum(out.bytes().data(), out.bytes().size()));
  return out.take();
}

PrivateImage image_kind(const uint8_t* bytes, size_t n) {
  if (n < kHead + kTail) damaged_image();
  uint32_t magic = 0;
  std::memcpy(&magic, bytes, sizeof magic);
  if (magic != kMagic || bytes[4] == 0 || bytes[6] != 0 || bytes[7] != 0) damaged_image();
  if (bytes[4] != kVersion) {
    throw Error(ErrorKind::kNotSupported, "this private sketch has format version " +
                                              std::to_string(bytes[4]) +
                                              ", which this version of lowdim does not read");
  }
  if (bytes[5] < 1 || bytes[5] > static_cast<uint8_t>(PrivateImage::kDistanceSketch)) damaged_image();
  return static_cast<PrivateImage>(bytes[5]);
}

ByteReader open_image(PrivateImage kind, const uint8_t* bytes, size_t n) {
  if (image_kind(bytes, n) != kind) damaged_image();
  uint64_t sum = 0;
  std::memcpy(&sum, bytes + n - kTail, kTail);
  if (sum != checksum(bytes, n - kTail)) damaged_image();
  return ByteReader(bytes + kHead, n - kHead - kTail);
}

void damaged_image() { throw Error(ErrorKind::kCorrupted, "invalid or damaged private sketch"); }

void write_guarantee(ByteWriter& out, const Guarantee& g) {
  out.put<uint8_t>(static_cast<uint8_t>(g.options.mechanism));
  out.put<uint8_t>(static_cast<uint8_t>(g.options.bound));
  out.put<uint8_t>(static_cast<uint8_t>(g.options.neighbours));
  out.put<uint32_t>(g.options.max_rows);
  out.put<double>(g.options.epsilon);
  out.put<double>(g.options.delta);
  out.put<uint64_t>(g.noise.numerator);
  out.put<uint32_t>(g.noise.shift);
  out.put<double>(g.cost.epsilon);
  out.put<double>(g.cost.delta);
  out.put<double>(g.cost.rho);
}

Guarantee read_guarantee(ByteReader& in) {
  Guarantee g;
  g.options.mechanism = read_enum(in, NoiseMechanism::kGaussian);
  g.options.bound = read_enum(in, GaussianBound::kAnalytic);
  g.options.neighbours = read_enum(in, Neighbours::kReplaceOne);
  g.options.max_rows = in.get<uint32_t>();
  g.options.epsilon = in.get<double>();
  g.options.delta = in.get<double>();
  g.noise.numerator = in.get<uint64_t>();
  g.noise.shift = in.get_count(0, NoiseScale::kMaxShift);
  g.cost.epsilon = in.get<double>();
  g.cost.delta = in.get<double>();
  g.cost.rho = in.get<double>();
  g.options.check();
  const bool noisy = g.options.mechanism != NoiseMechanism::kNone;
  if (g.noise.numerator > NoiseScale::kMaxNumerator || noisy != (g.noise.numerator > 0)) damaged_image();
  if (!(g.cost.epsilon > 0 && g.cost.delta >= 0 && g.cost.delta <= 1 && g.cost.rho > 0)) damaged_image();
  return g;
}

void check_rows(int64_t rows) {
  if (rows > kMaxPrivateRows) {
    throw Error(ErrorKind::kLimit, "private sums take at most " + std::to_string(kMaxPrivateRows) + " rows");
  }
}

std::string number_text(double v) {
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, v).ptr);
}

}  // namespace lowdim::core
