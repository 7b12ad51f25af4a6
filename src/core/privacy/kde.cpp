// See kde.h.

#include "core/privacy/kde.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/simd/kernels.h"
#include "core/simd/waves.h"

namespace lowdim::core {
namespace {

// What one row adds to the number of rows.
int64_t row_weight(const KdeOptions& options, const PrivacyOptions& privacy) {
  const double p = options.features, one = static_cast<double>(kFixedOne);
  double weight = one;
  if (privacy.mechanism == NoiseMechanism::kGaussian) weight = one * std::sqrt(p) / 4;
  if (privacy.mechanism == NoiseMechanism::kLaplace)
    weight = static_cast<double>(simd::kWaveAbsolute) * p / 8;
  return std::min(static_cast<int64_t>(weight), kMaxContribution);
}

RowBound row_bound(const KdeOptions& options, int64_t weight) {
  const uint64_t w = static_cast<uint64_t>(weight);
  RowBound row;
  row.l1 = options.features * simd::kWaveAbsolute + w;
  row.l2_square = static_cast<U128>(options.features) * simd::kWaveSquare + static_cast<U128>(w) * w;
  return row;
}

void write_options(ByteWriter& out, const KdeOptions& o) {
  out.put<uint8_t>(static_cast<uint8_t>(o.kernel));
  out.put<double>(o.bandwidth);
  out.put<uint32_t>(o.features);
  out.put<uint32_t>(o.dims);
  out.put<uint64_t>(o.seed);
}

KdeOptions read_options(ByteReader& in) {
  KdeOptions o;
  o.kernel = static_cast<Kernel>(in.get<uint8_t>());
  o.bandwidth = in.get<double>();
  o.features = in.get<uint32_t>();
  o.dims = in.get<uint32_t>();
  o.seed = in.get<uint64_t>();
  o.check();
  return o;
}

bool near(float phase) { return std::abs(phase) <= KdeFeatures::kMostTurns; }

// mean_kernel: of two rows.
KdeError error_of(const KdeOptions& options, const Guarantee& guarantee, int64_t weight, double rows,
                  double mean_kernel) {
  const double p = options.features, one = static_cast<double>(kFixedOne);
  const double n = std::max(rows, 1.0), noise = guarantee.noise_std();
  KdeError e;
  e.sum_noise = noise / (one * std::sqrt(p));
  e.features = std::sqrt(mean_kernel / (2 * p));
  e.noise = e.sum_noise / n;
  e.rows = noise / static_cast<double>(weight) / n;
  e.mean_absolute = std::sqrt(2 / 3.14159265358979323846) * std::hypot(e.features, e.noise);
  return e;
}

}  // namespace

KdeSums::KdeSums(const KdeOptions& options) : options_(options) {
  options_.check();
  sums_.resize(size_t{2} * options_.features);
}

void KdeSums::add_other() {
  check_rows(rows_ + 1);
  ++rows_;
}

void KdeSums::add(const float* x) {
  add_other();
  if (!features_) features_.emplace(options_);
  if (!features_->by_rows() || !features_->within(x)) return add_one(x);
  waiting_.insert(waiting_.end(), x, x + options_.dims);
  if (waiting_.size() < Directions::kRows * options_.dims) return;
  features_->add_waves(waiting_.data(), sums_.data(), sums_.data() + options_.features);
  waiting_.clear();
}

// Phases that say nothing are left out. Then a vector that is far from all others has a kernel of 0 to them.
void KdeSums::add_one(const float* x) const {
  const uint32_t p = options_.features;
  const auto add_waves = simd::wave_kernels().add_waves;
  const float* const phases = features_->phases(x);
  if (features_->within(x)) return add_waves(phases, p, sums_.data(), sums_.data() + p);
  for (uint32_t i = 0; i < p; ++i)
    if (near(phases[i])) add_waves(phases + i, 1, sums_.data() + i, sums_.data() + p + i);
}

void KdeSums::settle() const {
  for (size_t at = 0; at < waiting_.size(); at += options_.dims) add_one(waiting_.data() + at);
  waiting_.clear();
}

const std::vector<int64_t>& KdeSums::sums() const {
  settle();
  return sums_;
}

void KdeSums::merge(const KdeSums& other) {
  if (!(options_ == other.options_)) {
    throw Error(ErrorKind::kInvalidParameter, "kernel density sums with different options cannot be merged");
  }
  check_rows(rows_ + other.rows_);
  const std::vector<int64_t>& more = other.sums();
  for (size_t i = 0; i < sums_.size(); ++i) sums_[i] += more[i];
  rows_ += other.rows_;
}

std::vector<uint8_t> KdeSums::image() const {
  ByteWriter out = begin_image(PrivateImage::kKdeSums);
  write_options(out, options_);
  out.put<int64_t>(rows_);
  out.put_all(sums().data(), sums_.size());
  return end_image(std::move(out));
}

KdeSums KdeSums::read(const uint8_t* bytes, size_t n) {
  return read_or_damaged([&] {
    ByteReader in = open_image(PrivateImage::kKdeSums, bytes, n);
    const KdeOptions options = read_options(in);
    if (in.left() != sizeof(int64_t) * (1 + size_t{2} * options.features)) damaged_image();
    KdeSums sums(options);
    sums.rows_ = in.get<int64_t>();
    if (sums.rows_ < 0 || sums.rows_ > kMaxPrivateRows) damaged_image();
    sums.sums_ = in.get_all<int64_t>(sums.sums_.size());
    for (const int64_t v : sums.sums_)
      if (v > sums.rows_ * kMaxContribution || v < -sums.rows_ * kMaxContribution) damaged_image();
    in.end();
    return sums;
  });
}

Guarantee guarantee_of(const KdeOptions& options, const PrivacyOptions& privacy) {
  options.check();
  return calibrate(privacy, row_bound(options, row_weight(options, privacy)),
                   size_t{2} * options.features + 1);
}

KdeSketch::KdeSketch(const KdeSums& sums, const PrivacyOptions& privacy, RandomBits& bits)
    : options_(sums.options()),
      guarantee_(guarantee_of(options_, privacy)),
      values_(sums.sums()),
      weight_(row_weight(options_, privacy)) {
  values_.push_back(sums.rows() * weight_);
  add_noise(guarantee_, values_.data(), values_.size(), bits);
}

double KdeSketch::rows() const { return static_cast<double>(values_.back()) / static_cast<double>(weight_); }

std::vector<uint8_t> KdeSketch::image() const {
  ByteWriter out = begin_image(PrivateImage::kKdeSketch);
  write_options(out, options_);
  write_guarantee(out, guarantee_);
  out.put<int64_t>(weight_);
  out.put_all(values_.data(), values_.size());
  return end_image(std::move(out));
}

KdeSketch KdeSketch::read(const uint8_t* bytes, size_t n) {
  return read_or_damaged([&] {
    ByteReader in = open_image(PrivateImage::kKdeSketch, bytes, n);
    KdeSketch sketch;
    sketch.options_ = read_options(in);
    sketch.guarantee_ = read_guarantee(in);
    sketch.weight_ = in.get<int64_t>();
    if (sketch.weight_ < 1 || sketch.weight_ > kMaxContribution) damaged_image();
    sketch.values_ = in.get_all<int64_t>(size_t{2} * sketch.options_.features + 1);
    in.end();
    return sketch;
  });
}

std::vector<std::pair<std::string, std::string>> KdeSketch::facts() const {
  std::vector<std::pair<std::string, std::string>> out = {
      {"statistic", "kernel density"},
      {"kernel", kernel_name(options_.kernel)},
      {"bandwidth", number_text(options_.bandwidth)},
      {"features", std::to_string(options_.features)},
      {"dimensions", std::to_string(options_.dims)},
      {"seed", std::to_string(options_.seed)},
      {"scale", std::to_string(kFixedOne)},
      {"clipping", "none"},
      {"rows", number_text(rows())},
  };
  for (auto& fact : guarantee_.facts()) out.push_back(std::move(fact));
  return out;
}

// The squared length of the summed features is p times the sum of all pairs' kernels, and noise adds its own.
KdeError kde_error(const KdeSketch& sketch) {
  const double p = sketch.options_.features, one = static_cast<double>(kFixedOne);
  const double n = std::max(sketch.rows(), 1.0), noise = sketch.guarantee_.noise_std();
  double square = -2 * p * noise * noise;
  for (size_t i = 0; i + 1 < sketch.values_.size(); ++i)
    square += static_cast<double>(sketch.values_[i]) * static_cast<double>(sketch.values_[i]);
  const double mean_kernel = std::clamp(square / (p * one * one * n * n), 1 / n, 1.0);
  return error_of(sketch.options_, sketch.guarantee_, sketch.weight_, n, mean_kernel);
}

KdeError kde_error(const KdeOptions& options, const PrivacyOptions& privacy, double rows) {
  return error_of(options, guarantee_of(options, privacy), row_weight(options, privacy), rows, 1);
}

KdeQuery::KdeQuery(const KdeSketch& sketch)
    : features_(sketch.options()), count_(sketch.options().features), rows_(std::max(sketch.rows(), 1.0)) {
  const double unit = 1 / (static_cast<double>(kFixedOne) * count_);
  for (uint32_t i = 0; i < count_; ++i) {
    cosines_.push_back(static_cast<float>(static_cast<double>(sketch.values()[i]) * unit));
    sines_.push_back(static_cast<float>(static_cast<double>(sketch.values()[count_ + i]) * unit));
  }
}

// A block's floats are added up in float, blocks in double.
double KdeQuery::sum(const float* y) {
  constexpr uint32_t kBlock = 4096;
  const auto dot = simd::wave_kernels().dot_waves;
  const float* const phases = features_.phases(y);
  double sum = 0;
  if (!features_.within(y)) {
    for (uint32_t i = 0; i < count_; ++i)
      if (near(phases[i]))
        sum += static_cast<double>(dot(phases + i, cosines_.data() + i, sines_.data() + i, 1));
    return sum;
  }
  for (uint32_t i = 0; i < count_; i += kBlock) {
    const uint32_t count = std::min(kBlock, count_ - i);
    sum += static_cast<double>(dot(phases + i, cosines_.data() + i, sines_.data() + i, count));
  }
  return sum;
}

double KdeQuery::mean(const float* y) { return sum(y) / rows_; }

const std::vector<float>& KdeQuery::waves(const float* y) {
  waves_.resize(size_t{2} * count_);
  const float* const phases = features_.phases(y);
  simd::wave_kernels().waves_f32(phases, count_, waves_.data(), waves_.data() + count_);
  if (!features_.within(y)) {
    for (uint32_t i = 0; i < count_; ++i)
      if (!near(phases[i])) waves_[i] = waves_[count_ + i] = 0;
  }
  return waves_;
}

double KdeQuery::mean_of(const std::vector<float>& waves) const {
  const auto dot = simd::kernels().dot_f32;
  const double sum = static_cast<double>(dot(cosines_.data(), waves.data(), count_)) +
                     static_cast<double>(dot(sines_.data(), waves.data() + count_, count_));
  return sum / rows_;
}

}  // namespace lowdim::core
