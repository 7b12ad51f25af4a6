// See scalar.h.

#include "core/codec/scalar.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/half.h"
#include "core/codec/component_bounds.h"
#include "core/simd/codes.h"

namespace lowdim::core {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr size_t kChunk = 512;  // halves converted by way of the stack: codes are not aligned

class Float16Scorer : public Scorer {
 public:
  Float16Scorer(size_t dims, const float* q) : q_(q, q + dims) {}
  void score(const uint8_t* codes, size_t stride, size_t n, float* out) const override {
    simd::code_kernels().dot_f32_f16(q_.data(), codes, stride, n, static_cast<uint32_t>(q_.size()), out);
  }
  Interval inner_bounds(const uint8_t* code) const override { return bounds_of(code).inner(); }
  Interval l2sq_bounds(const uint8_t* code) const override { return bounds_of(code).l2sq(); }

 private:
  // Half a unit in the last place of a half float: 2^-11 of its size, or 2^-25 of subnormal ones.
  ComponentBounds bounds_of(const uint8_t* code) const {
    ComponentBounds sum;
    for (size_t d = 0; d < q_.size(); ++d) {
      uint16_t half;
      std::memcpy(&half, code + 2 * d, sizeof half);
      const double x = static_cast<double>(half_to_float(half)), q = static_cast<double>(q_[d]);
      const double e = std::max(std::fabs(x) * 0x1p-11, 0x1p-25);
      if (std::fabs(x) < 65504) {
        sum.add(q, x - e, x + e);
      } else if (x >= 65504) {
        sum.add(q, 65504 - e, kInfinity);
      } else if (x <= -65504) {
        sum.add(q, -kInfinity, -65504 + e);
      } else {
        sum.add(q, -kInfinity, kInfinity);  // NaN: no code that encode() made
      }
    }
    return sum;
  }

  std::vector<float> q_;
};

class Int8Scorer : public Scorer {
 public:
  Int8Scorer(size_t dims, float scale, const float* q) : scale_(static_cast<double>(scale)), q_(q, q + dims) {
    for (const float x : q_) shift_ += 128 * static_cast<double>(x);
  }
  void score(const uint8_t* codes, size_t stride, size_t n, float* out) const override {
    simd::code_kernels().dot_f32_u8(q_.data(), codes, stride, n, static_cast<uint32_t>(q_.size()), out);
    for (size_t i = 0; i < n; ++i)
      out[i] = static_cast<float>(scale_ * (static_cast<double>(out[i]) - shift_));
  }
  Interval inner_bounds(const uint8_t* code) const override { return bounds_of(code).inner(); }
  Interval l2sq_bounds(const uint8_t* code) const override { return bounds_of(code).l2sq(); }

 private:
  // Half a step, and the kernel's three roundings of 2^-24 of at most 256 steps.
  ComponentBounds bounds_of(const uint8_t* code) const {
    constexpr double half = 0.5 * (1 + 0x1p-13);
    ComponentBounds sum;
    for (size_t d = 0; d < q_.size(); ++d) {
      const double c = static_cast<double>(code[d]) - 128;
      sum.add(static_cast<double>(q_[d]), c > -127 ? scale_ * (c - half) : -kInfinity,
              c < 127 ? scale_ * (c + half) : kInfinity);
    }
    return sum;
  }

  double scale_, shift_ = 0;
  std::vector<float> q_;
};

bool valid_scale(float scale) {
  return scale >= std::numeric_limits<float>::min() && scale <= std::numeric_limits<float>::max() / 128;
}

}  // namespace

void Float16Quantizer::encode(const float* u, uint8_t* code) const {
  uint16_t halves[kChunk];
  for (size_t i = 0; i < dims_; i += kChunk) {
    const size_t count = std::min(kChunk, dims_ - i);
    simd::kernels().f32_to_f16(u + i, halves, count);
    for (size_t d = 0; d < count; ++d) {
      if ((halves[d] & 0x7fff) == 0x7c00) halves[d] = static_cast<uint16_t>(halves[d] - 1);  // infinity
    }
    std::copy_n(reinterpret_cast<const uint8_t*>(halves), 2 * count, code + 2 * i);
  }
}

void Float16Quantizer::decode(const uint8_t* code, float* u) const {
  uint16_t halves[kChunk];
  for (size_t i = 0; i < dims_; i += kChunk) {
    const size_t count = std::min(kChunk, dims_ - i);
    std::copy_n(code + 2 * i, 2 * count, reinterpret_cast<uint8_t*>(halves));
    simd::kernels().f16_to_f32(halves, u + i, count);
  }
}

std::unique_ptr<Scorer> Float16Quantizer::prepare(const float* q) const {
  return std::make_unique<Float16Scorer>(dims_, q);
}

void Float16Quantizer::write(ByteWriter&) const {}

std::unique_ptr<Quantizer> Float16Quantizer::read(ByteReader&, size_t dims) {
  if (dims == 0) ByteReader::corrupted();
  return std::make_unique<Float16Quantizer>(dims);
}

Int8Quantizer::Int8Quantizer(size_t dims, float scale, double clipped_fraction)
    : dims_(dims), scale_(scale), clipped_fraction_(clipped_fraction) {
  if (dims == 0 || !valid_scale(scale))
    throw Error(ErrorKind::kInvalidParameter, "int8 needs a positive, finite scale");
}

std::unique_ptr<Int8Quantizer> Int8Quantizer::train(const Rows& sample) {
  // One scale needs no more than a million components; the rows that give them are evenly spaced.
  constexpr size_t kMostComponents = size_t{1} << 20;
  const size_t step = std::max<size_t>(1, sample.n * sample.dims / kMostComponents);
  std::vector<float> sizes;
  for (size_t i = 0; i < sample.n; i += step) {
    for (size_t d = 0; d < sample.dims; ++d) sizes.push_back(std::fabs(sample.row(i)[d]));
  }
  const size_t n = sizes.size();
  std::sort(sizes.begin(), sizes.end());
  float best_scale = 1;
  double best_error = std::numeric_limits<double>::infinity(), best_clipped = 0;
  for (const double quantile : {1.0, 0.9999, 0.999, 0.99}) {
    if (n == 0) break;
    const size_t at = static_cast<size_t>(static_cast<double>(n - 1) * quantile);
    const float scale = sizes[at] / 127;
    if (!valid_scale(scale)) continue;
    const double s = static_cast<double>(scale);
    double error = 0;
    size_t clipped = 0;
    for (const float x : sizes) {
      const double c = std::min(std::nearbyint(static_cast<double>(x) / s), 127.0);
      const double e = static_cast<double>(x) - s * c;
      error += e * e;
      clipped += static_cast<double>(x) > s * 127.5;
    }
    if (error < best_error) {
      best_error = error;
      best_scale = scale;
      best_clipped = static_cast<double>(clipped) / static_cast<double>(n);
    }
  }
  return std::make_unique<Int8Quantizer>(sample.dims, best_scale, best_clipped);
}

void Int8Quantizer::encode(const float* u, uint8_t* code) const {
  // quantize_f32 clips to 0..255 after the bias is taken off; -128 scales would then be code 0, which decode
  // would read as one step beyond the range of the positive side: it is clipped to 1.
  const float bias = -128 * scale_;
  simd::code_kernels().quantize_f32(u, static_cast<uint32_t>(dims_), 1.0f, bias, 1 / scale_, 255.0f, code);
  for (size_t d = 0; d < dims_; ++d) code[d] = std::max<uint8_t>(code[d], 1);
}

void Int8Quantizer::decode(const uint8_t* code, float* u) const {
  for (size_t d = 0; d < dims_; ++d) u[d] = scale_ * static_cast<float>(static_cast<int>(code[d]) - 128);
}

size_t Int8Quantizer::clipped(const float* u) const {
  size_t count = 0;
  for (size_t d = 0; d < dims_; ++d)
    count += std::fabs(static_cast<double>(u[d])) > static_cast<double>(scale_) * 127.5;
  return count;
}

std::unique_ptr<Scorer> Int8Quantizer::prepare(const float* q) const {
  return std::make_unique<Int8Scorer>(dims_, scale_, q);
}

void Int8Quantizer::write(ByteWriter& out) const {
  out.put(scale_);
  out.put(clipped_fraction_);
}

std::unique_ptr<Quantizer> Int8Quantizer::read(ByteReader& in, size_t dims) {
  const float scale = in.get_finite();
  const double clipped = in.get<double>();
  if (dims == 0 || !valid_scale(scale) || !(clipped >= 0 && clipped <= 1)) ByteReader::corrupted();
  return std::make_unique<Int8Quantizer>(dims, scale, clipped);
}

std::vector<std::pair<std::string, std::string>> Int8Quantizer::facts() const {
  return {{"scale", std::to_string(scale_)}, {"clipped_fraction", std::to_string(clipped_fraction_)}};
}

}  // namespace lowdim::core
