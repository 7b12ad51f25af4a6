// See moments.h.

#include "core/privacy/moments.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/vec/limits.h"

namespace lowdim::core {
namespace {

constexpr int64_t kSquareOne = kFixedOne / 4;  // |x|^2 = C^2

// The longest that a rounded row may be, in units.
int64_t longest(uint32_t dims) {
  return kFixedOne + static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(dims)) / 2));
}

int64_t row_weight(const MomentOptions& options, const PrivacyOptions& privacy) {
  if (privacy.mechanism == NoiseMechanism::kNone || !options.has_sum()) return kFixedOne;
  if (privacy.mechanism == NoiseMechanism::kGaussian) return kFixedOne / 4;
  const double l1 = static_cast<double>(kFixedOne) * std::sqrt(static_cast<double>(options.dims));
  return std::min(static_cast<int64_t>(l1 / 4), kMaxContribution);
}

RowBound row_bound(const MomentOptions& options, int64_t weight) {
  const uint64_t rows = options.has_rows() ? static_cast<uint64_t>(weight) : 0;
  const uint64_t square = options.has_squares() ? static_cast<uint64_t>(kSquareOne) : 0;
  RowBound row;
  row.l2_square = static_cast<U128>(rows) * rows + static_cast<U128>(square) * square;
  row.l1 = rows + square;
  if (options.has_sum()) {
    const U128 l2 = static_cast<U128>(longest(options.dims));
    const double l1 = static_cast<double>(l2) * std::sqrt(static_cast<double>(options.dims));
    row.l2_square += l2 * l2;
    row.l1 += static_cast<uint64_t>(std::ceil(l1)) + 1;
  }
  return row;
}

void write_options(ByteWriter& out, const MomentOptions& o) {
  out.put<uint32_t>(o.dims);
  out.put<double>(o.radius);
  out.put<uint8_t>(o.normalize ? 1 : 0);
  out.put<uint8_t>(static_cast<uint8_t>(o.content));
}

MomentOptions read_options(ByteReader& in) {
  MomentOptions o;
  o.dims = in.get<uint32_t>();
  o.radius = in.get<double>();
  const uint8_t normalize = in.get<uint8_t>();
  if (normalize > 1) damaged_image();
  o.normalize = normalize == 1;
  const uint8_t content = in.get<uint8_t>();
  if (content > static_cast<uint8_t>(MomentContent::kCount)) damaged_image();
  o.content = static_cast<MomentContent>(content);
  o.check();
  return o;
}

}  // namespace

void MomentOptions::check() const {
  if (content == MomentContent::kCount) {
    if (dims != 0) throw Error(ErrorKind::kInvalidParameter, "a count of rows takes no dimensions");
  } else if (dims < 1 || dims > static_cast<uint32_t>(kMaxDims)) {
    throw Error(ErrorKind::kInvalidParameter, "dimensions must be between 1 and " + std::to_string(kMaxDims));
  }
  if (!(radius >= 1e-30 && radius <= 1e30)) {
    throw Error(ErrorKind::kInvalidParameter, "radius must be a positive number");
  }
}

MomentSums::MomentSums(const MomentOptions& options) : options_(options) {
  options_.check();
  sums_.resize(size_t{options_.dims} + 1);
  row_.resize(options_.dims);
}

void MomentSums::add_other() {
  check_rows(rows_ + 1);
  ++rows_;
}

void MomentSums::add(const float* x) {
  add_other();
  const uint32_t d = options_.dims;
  double square = 0;
  for (uint32_t j = 0; j < d; ++j) square += static_cast<double>(x[j]) * static_cast<double>(x[j]);
  const double norm = std::sqrt(square);
  if (!(norm > 0 && std::isfinite(norm))) return;
  const double scale = 1 / (options_.normalize ? norm : std::max(norm, options_.radius));
  U128 length = 0;
  for (uint32_t j = 0; j < d; ++j) {
    row_[j] = to_fixed(static_cast<double>(x[j]) * scale);
    length += static_cast<U128>(row_[j] * row_[j]);
  }
  // Cannot be, by the analysis of rounding; but then the guarantee need not rest on it.
  const U128 most = static_cast<U128>(longest(d)) * static_cast<U128>(longest(d));
  if (length > most) return;
  for (uint32_t j = 0; j < d; ++j) sums_[j] += row_[j];
  if (options_.has_squares()) {
    const double part = norm * scale;  // |x| / max(|x|, C), or |x| / C
    sums_[d] += to_fixed(part * part / 4);
  }
}

void MomentSums::merge(const MomentSums& other) {
  if (!(options_ == other.options_)) {
    throw Error(ErrorKind::kInvalidParameter, "sums with different options cannot be merged");
  }
  check_rows(rows_ + other.rows_);
  for (size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
  rows_ += other.rows_;
}

std::vector<uint8_t> MomentSums::image() const {
  ByteWriter out = begin_image(PrivateImage::kMomentSums);
  write_options(out, options_);
  out.put<int64_t>(rows_);
  out.put_all(sums_.data(), sums_.size());
  return end_image(std::move(out));
}

MomentSums MomentSums::read(const uint8_t* bytes, size_t n) {
  return read_or_damaged([&] {
    ByteReader in = open_image(PrivateImage::kMomentSums, bytes, n);
    MomentSums sums(read_options(in));
    sums.rows_ = in.get<int64_t>();
    if (sums.rows_ < 0 || sums.rows_ > kMaxPrivateRows) damaged_image();
    sums.sums_ = in.get_all<int64_t>(sums.sums_.size());
    for (const int64_t v : sums.sums_)
      if (v > sums.rows_ * kMaxContribution || v < -sums.rows_ * kMaxContribution) damaged_image();
    in.end();
    return sums;
  });
}

Guarantee guarantee_of(const MomentOptions& options, const PrivacyOptions& privacy) {
  options.check();
  const size_t n = (options.has_sum() ? options.dims : 0) + options.has_squares() + options.has_rows();
  return calibrate(privacy, row_bound(options, row_weight(options, privacy)), n);
}

MomentSketch::MomentSketch(const MomentSums& sums, const PrivacyOptions& privacy, RandomBits& bits)
    : options_(sums.options()),
      guarantee_(guarantee_of(options_, privacy)),
      values_(sums.sums()),
      weight_(row_weight(options_, privacy)) {
  // A value that is not in the content gets no noise either: it stays 0.
  values_.push_back(options_.has_rows() ? sums.rows() * weight_ : 0);
  const uint32_t d = options_.dims;
  add_noise(guarantee_, values_.data(), d, bits);
  if (options_.has_squares()) add_noise(guarantee_, values_.data() + d, 1, bits);
  if (options_.has_rows()) add_noise(guarantee_, values_.data() + d + 1, 1, bits);
}

void MomentSketch::need(bool there, const char* what) const {
  if (!there) throw Error(ErrorKind::kNotSupported, std::string("this private sketch has no ") + what);
}

double MomentSketch::unit() const {
  return (options_.normalize ? 1 : options_.radius) / static_cast<double>(kFixedOne);
}

double MomentSketch::rows() const {
  need(options_.has_rows(), "number of rows");
  return static_cast<double>(values_.back()) / static_cast<double>(weight_);
}

void MomentSketch::sum(double* out) const {
  need(options_.has_sum(), "sum of vectors");
  for (uint32_t j = 0; j < options_.dims; ++j) out[j] = static_cast<double>(values_[j]) * unit();
}

void MomentSketch::mean(double* out) const {
  sum(out);
  const double n = std::max(rows(), 1.0);
  for (uint32_t j = 0; j < options_.dims; ++j) out[j] /= n;
}

double MomentSketch::square_mean() const {
  need(options_.content == MomentContent::kAll, "squared lengths");
  if (options_.normalize) return 1;
  const double unit_square = options_.radius * options_.radius / static_cast<double>(kSquareOne);
  return static_cast<double>(values_[options_.dims]) * unit_square / std::max(rows(), 1.0);
}

double MomentSketch::inner_sum(const float* y) const {
  need(options_.has_sum(), "sum of vectors");
  double sum = 0;
  for (uint32_t j = 0; j < options_.dims; ++j)
    sum += static_cast<double>(values_[j]) * static_cast<double>(y[j]);
  return sum * unit();
}

double MomentSketch::squared_distance_sum(const float* y) const {
  double square = 0;
  for (uint32_t j = 0; j < options_.dims; ++j)
    square += static_cast<double>(y[j]) * static_cast<double>(y[j]);
  return square_mean() * std::max(rows(), 1.0) - 2 * inner_sum(y) + rows() * square;
}

double MomentSketch::mean_cosine(const float* y) const {
  if (!options_.normalize) {
    throw Error(ErrorKind::kNotSupported, "a mean cosine needs moments of normalized vectors");
  }
  double square = 0;
  for (uint32_t j = 0; j < options_.dims; ++j)
    square += static_cast<double>(y[j]) * static_cast<double>(y[j]);
  if (square == 0) return 0;
  return inner_sum(y) / std::sqrt(square) / std::max(rows(), 1.0);
}

double MomentSketch::sum_noise() const { return guarantee_.noise_std() * unit(); }
double MomentSketch::rows_noise() const { return guarantee_.noise_std() / static_cast<double>(weight_); }

std::vector<uint8_t> MomentSketch::image() const {
  ByteWriter out = begin_image(PrivateImage::kMomentSketch);
  write_options(out, options_);
  write_guarantee(out, guarantee_);
  out.put<int64_t>(weight_);
  out.put_all(values_.data(), values_.size());
  return end_image(std::move(out));
}

MomentSketch MomentSketch::read(const uint8_t* bytes, size_t n) {
  return read_or_damaged([&] {
    ByteReader in = open_image(PrivateImage::kMomentSketch, bytes, n);
    MomentSketch sketch;
    sketch.options_ = read_options(in);
    sketch.guarantee_ = read_guarantee(in);
    sketch.weight_ = in.get<int64_t>();
    if (sketch.weight_ < 1 || sketch.weight_ > kMaxContribution) damaged_image();
    sketch.values_ = in.get_all<int64_t>(size_t{sketch.options_.dims} + 2);
    in.end();
    return sketch;
  });
}

std::vector<std::pair<std::string, std::string>> MomentSketch::facts() const {
  constexpr const char* kStatistics[] = {"moments", "avg", "sum", "count"};
  std::vector<std::pair<std::string, std::string>> out = {
      {"statistic", kStatistics[static_cast<size_t>(options_.content)]}};
  if (options_.has_sum()) {
    out.emplace_back("dimensions", std::to_string(options_.dims));
    out.emplace_back("clipping", options_.normalize ? "direction" : "radius " + number_text(options_.radius));
  }
  out.emplace_back("scale", std::to_string(kFixedOne));
  if (options_.has_rows()) out.emplace_back("rows", number_text(rows()));
  for (auto& fact : guarantee_.facts()) out.push_back(std::move(fact));
  return out;
}

}  // namespace lowdim::core
