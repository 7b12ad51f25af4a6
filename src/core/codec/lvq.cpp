// See lvq.h. The error of one level, in units of the step s, for components x of a covered vector, |x - bias|
// <= (2^B - 1/2) s: the kernel computes fl(fl(x - bias) * fl(1 / s)), three roundings of 2^-24 of at most
// 256, so the nearest integer to it is within 1/2 + 3 * 256 * 2^-24 < 1/2 (1 + 2^-13). step * code + bias is
// exact in double. Of two: the residual fl(fl(x - bias) - step * code) is off by the rounding of x - bias,
// 256 * 2^-24 s, and its own, less than 2^-24 s; in units of s / 255 that is 0.004, and quantizing it to 256
// levels adds 1/2 (1 + 2^-13).

#include "core/codec/lvq.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/half.h"
#include "core/codec/pack.h"
#include "core/simd/codes.h"

namespace lowdim::core {
namespace {

constexpr size_t kConstants = 4;           // bytes before the packed codes
constexpr uint16_t kLargestHalf = 0x7bff;  // 65504
constexpr uint16_t kMark = 0x8000;         // in the step: the grid does not cover the vector
constexpr int kMinExponent = -110, kMaxExponent = 120;
constexpr double kLargestFloat = static_cast<double>(std::numeric_limits<float>::max());
constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Codes are unpacked this many at a time: whole groups of every packing.
constexpr size_t kChunk = 512;
constexpr double kLargestInteger = 32639;  // that simd/codes.h takes in a 16-bit query

// Nearest half float, made finite. NaN (infinity less infinity, where scaled components overflowed) is the
// largest.
uint16_t finite_half(double x) {
  if (!(x < 65504)) return kLargestHalf;
  if (x < -65504) return kLargestHalf | kMark;
  return float_to_half(static_cast<float>(x));
}

// The largest finite half float at or below x, or the least one if there is none.
uint16_t half_below(double x) {
  const uint16_t h = finite_half(x);
  if (static_cast<double>(half_to_float(h)) <= x || h == (kLargestHalf | kMark)) return h;
  if (h == 0) return kMark | 1;
  return static_cast<uint16_t>((h & kMark) != 0 ? h + 1 : h - 1);
}

void put_half(uint8_t* p, uint16_t h) { std::memcpy(p, &h, sizeof h); }
uint16_t get_half(const uint8_t* p) {
  uint16_t h;
  std::memcpy(&h, p, sizeof h);
  return h;
}

}  // namespace

LvqQuantizer::LvqQuantizer(size_t dims, unsigned bits, unsigned residual_bits, int exponent)
    : dims_(dims), bits_(bits), residual_bits_(residual_bits), exponent_(exponent) {
  if ((bits != 4 && bits != 8) || (residual_bits != 0 && residual_bits != 8) || exponent < kMinExponent ||
      exponent > kMaxExponent || dims == 0) {
    throw Error(ErrorKind::kInvalidParameter, "lvq needs 4 or 8 bits and a residual of 0 or 8 bits");
  }
  scale_ = std::ldexp(1.0f, -exponent);
  unscale_ = std::ldexp(1.0f, exponent);
}

std::unique_ptr<LvqQuantizer> LvqQuantizer::train(const Rows& sample, unsigned bits, unsigned residual_bits) {
  float largest = 0;
  for (size_t i = 0; i < sample.n; ++i) {
    float range[2];
    simd::code_kernels().min_max_f32(sample.row(i), static_cast<uint32_t>(sample.dims), range);
    largest = std::max({largest, std::fabs(range[0]), std::fabs(range[1])});
  }
  const int exponent = largest > 0 && std::isfinite(largest)
                           ? std::clamp(std::ilogb(largest) - 7, kMinExponent, kMaxExponent)
                           : 0;
  return std::make_unique<LvqQuantizer>(sample.dims, bits, residual_bits, exponent);
}

size_t LvqQuantizer::primary_bytes() const { return kConstants + packed_bytes(dims_, bits_); }

void LvqQuantizer::encode(const float* u, uint8_t* code) const {
  const simd::CodeKernels& k = simd::code_kernels();
  float range[2];
  k.min_max_f32(u, static_cast<uint32_t>(dims_), range);
  const double low = static_cast<double>(range[0] * scale_), high = static_cast<double>(range[1] * scale_);
  const double top = (1 << bits_) - 1;

  uint16_t bias = finite_half(low);
  uint16_t step = std::max<uint16_t>(finite_half((high - low) / top), 1);
  const auto covers = [&] {
    const double b = static_cast<double>(half_to_float(bias)), s = static_cast<double>(half_to_float(step));
    return b - s / 2 <= low && high <= b + s * (top + 0.5);
  };
  if (!covers()) {
    bias = half_below(low);
    step =
        std::max<uint16_t>(finite_half((high - static_cast<double>(half_to_float(bias))) / (top + 0.5)), 1);
    if (!covers() && step < kLargestHalf) ++step;
  }
  put_half(code, static_cast<uint16_t>(covers() ? step : step | kMark));
  put_half(code + 2, bias);

  const float s = half_to_float(step), b = half_to_float(bias);
  const uint32_t n = static_cast<uint32_t>(dims_);
  uint8_t* packed = code + kConstants;
  if (bits_ == 8) {
    k.quantize_f32(u, n, scale_, b, 1.0f / s, 255.0f, packed);
    if (residual_bits_ != 0) {
      k.quantize_rest_f32(u, packed, n, scale_, b, s, 255.0f / s, code + primary_bytes());
    }
    return;
  }
  uint8_t codes[kChunk];
  for (size_t i = 0; i < dims_; i += kChunk) {
    const uint32_t count = static_cast<uint32_t>(std::min(kChunk, dims_ - i));
    k.quantize_f32(u + i, count, scale_, b, 1.0f / s, 15.0f, codes);
    k.pack_u4(codes, count, packed + i / 2);
    if (residual_bits_ != 0) {
      k.quantize_rest_f32(u + i, codes, count, scale_, b, s, 255.0f / s, code + primary_bytes() + i);
    }
  }
}

LvqQuantizer::Grid LvqQuantizer::grid_of(const uint8_t* code) {
  const uint16_t step = get_half(code);
  return {half_to_float(static_cast<uint16_t>(step & ~kMark)), half_to_float(get_half(code + 2)),
          (step & kMark) == 0};
}

void LvqQuantizer::decode(const uint8_t* code, float* u) const {
  const Grid g = grid_of(code);
  const double step = static_cast<double>(g.step), bias = static_cast<double>(g.bias);
  const double unscale = static_cast<double>(unscale_);
  uint8_t codes[kChunk];
  for (size_t i = 0; i < dims_; i += kChunk) {
    const size_t count = std::min(kChunk, dims_ - i);
    unpack_codes(code + kConstants, dims_, bits_, i, count, codes);
    const uint8_t* rest = residual_bits_ != 0 ? code + primary_bytes() + i : nullptr;
    for (size_t d = 0; d < count; ++d) {
      double x = step * codes[d] + bias;
      if (rest != nullptr) x += step * (rest[d] / 255.0 - 0.5);
      // The grid's end may lie half a step beyond the greatest float.
      u[i + d] = static_cast<float>(std::clamp(x * unscale, -kLargestFloat, kLargestFloat));
    }
  }
}

double LvqQuantizer::error_bound(const uint8_t* code, bool with_residual) const {
  const Grid g = grid_of(code);
  const double step = static_cast<double>(g.step) * static_cast<double>(unscale_);
  // The absolute term is what products that underflow can lose.
  const double bound = with_residual ? step / 510 * (1 + 0x1p-6) : step / 2 * (1 + 0x1p-13);
  return g.covers && std::isfinite(bound) ? bound + 0x1p-148 + 0x1p-149 * static_cast<double>(unscale_)
                                          : kInfinity;
}

// The query is rounded to 16-bit integers i_d = round(q_d / unit), so that scoring is integer work; the unit
// is the least for which neither an i_d nor the sum of a code's products can overflow. Centred codes c - m, m
// half their range, make the effect small: of <q, v^> = bias' sum(q) + step <q, c - m>, bias' = bias + m
// step, only the second term, step <unit i, c - m>, is not exact, by at most step m sum |q_d - unit i_d|,
// which bounds take into account. At 768 dimensions that is about 1 / 200 of what rounding the codes can do,
// and random signs make both smaller.
class LvqScorer : public Scorer {
 public:
  LvqScorer(const LvqQuantizer& quantizer, const float* q, bool with_residual)
      : lvq_(quantizer), with_residual_(with_residual), q_(q, q + quantizer.dims()) {
    double largest = 0;
    for (const float x : q_) {
      sum_ += static_cast<double>(x);
      magnitude_ += std::fabs(static_cast<double>(x));
      largest = std::max(largest, std::fabs(static_cast<double>(x)));
    }
    if (with_residual_) {
      query_sum_ = sum_;
      // Of the kernel: a product and the additions that follow it in one of sixteen sums and their folding,
      // each off by 2^-24 of the sum of magnitudes, which are up to twice those of centred codes; and
      // underflow.
      rounding_ = magnitude_ * static_cast<double>(q_.size() / 16 + 8) * 0x1.01p-23 +
                  static_cast<double>(q_.size()) * 0x1p-147;
      return;
    }
    // Rounding may add half to every |i_d|.
    const double most = 0x7fffffff / 255.0 - static_cast<double>(q_.size());
    unit_ = std::max(largest / kLargestInteger, magnitude_ / most);
    if (!(unit_ > 0)) unit_ = 1;
    integers_.resize(q_.size());
    int64_t integer_sum = 0;
    for (size_t d = 0; d < q_.size(); ++d) {
      integers_[d] = static_cast<int16_t>(std::nearbyint(static_cast<double>(q_[d]) / unit_));
      integer_sum += integers_[d];
      rounding_ += std::fabs(static_cast<double>(q_[d]) - unit_ * integers_[d]);
    }
    query_sum_ = unit_ * static_cast<double>(integer_sum);
  }

  void score(const uint8_t* codes, size_t stride, size_t n, float* out) const override {
    double dots[kBlock], rests[kBlock] = {};
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t count = std::min(kBlock, n - i);
      const uint8_t* block = codes + i * stride;
      dot(block, stride, count, dots, rests);
      uint16_t halves[2 * kBlock];
      float constants[2 * kBlock];
      for (size_t j = 0; j < count; ++j) std::memcpy(halves + 2 * j, block + j * stride, kConstants);
      for (size_t j = 0; j < count; ++j) halves[2 * j] = static_cast<uint16_t>(halves[2 * j] & ~kMark);
      simd::kernels().f16_to_f32(halves, constants, 2 * count);
      for (size_t j = 0; j < count; ++j) {
        out[i + j] =
            static_cast<float>(combine({constants[2 * j], constants[2 * j + 1], true}, dots[j], rests[j]));
      }
    }
  }

  // The estimate, more or less the greatest error of a component times the sum of |q|, the query's rounding,
  // and that of doubles.
  Interval inner_bounds(const uint8_t* code) const override {
    double dots, rests;
    rests = 0;
    dot(code, 0, 1, &dots, &rests);
    const LvqQuantizer::Grid g = LvqQuantizer::grid_of(code);
    const double estimate = combine(g, dots, rests), unscale = static_cast<double>(lvq_.unscale_);
    const double step = static_cast<double>(g.step) * unscale;
    const double bias = std::fabs(static_cast<double>(g.bias)) * unscale;
    const double half_range = step * (half_top() + (with_residual_ ? 0.5 : 0));
    const double doubles =
        (2 * half_range + bias) * magnitude_ * static_cast<double>(q_.size() + 32) * 0x1p-50;
    const double slack =
        (lvq_.error_bound(code, with_residual_) * magnitude_ + half_range * rounding_ + doubles) *
            (1 + 0x1p-20) +
        std::numeric_limits<double>::min();
    if (!std::isfinite(estimate) || !std::isfinite(slack)) return {-kInfinity, kInfinity};
    return {estimate - slack, estimate + slack};
  }

  // Component by component: each is within the error of the decoded one, which is exact in double.
  Interval l2sq_bounds(const uint8_t* code) const override {
    const LvqQuantizer::Grid g = LvqQuantizer::grid_of(code);
    const double error = lvq_.error_bound(code, with_residual_) * (1 + 0x1p-20);
    if (!std::isfinite(error) || !std::isfinite(g.bias)) return {0, kInfinity};
    const double unscale = static_cast<double>(lvq_.unscale_);
    const double step = static_cast<double>(g.step) * unscale, bias = static_cast<double>(g.bias) * unscale;
    double low = 0, high = 0;
    uint8_t codes[kChunk];
    for (size_t i = 0; i < q_.size(); i += kChunk) {
      const size_t count = std::min(kChunk, q_.size() - i);
      unpack_codes(code + kConstants, q_.size(), lvq_.bits_, i, count, codes);
      const uint8_t* rest = with_residual_ ? code + lvq_.primary_bytes() + i : nullptr;
      for (size_t d = 0; d < count; ++d) {
        double x = step * codes[d] + bias;
        if (rest != nullptr) x += step * (rest[d] / 255.0 - 0.5);
        const double off = std::fabs(static_cast<double>(q_[i + d]) - x);
        // The residual is not exact in double: its roundings are 2^-52 of what was added up.
        const double e = error + (off + std::fabs(x)) * 0x1p-50;
        const double near = std::max(off - e, 0.0);
        low += near * near;
        high += (off + e) * (off + e);
      }
    }
    return {low * (1 - 0x1p-32), high * (1 + 0x1p-32)};
  }

 private:
  static constexpr size_t kBlock = 64;

  double half_top() const { return ((1 << lvq_.bits_) - 1) / 2.0; }

  // Inner products of the (rounded) query with the codes of n <= kBlock vectors, and with their residuals.
  void dot(const uint8_t* codes, size_t stride, size_t n, double* dots, double* rests) const {
    const simd::CodeKernels& k = simd::code_kernels();
    const uint32_t dims = static_cast<uint32_t>(q_.size());
    const uint8_t* packed = codes + kConstants;
    if (!with_residual_) {
      int32_t out[kBlock];
      (lvq_.bits_ == 8 ? k.dot_i16_u8 : k.dot_i16_u4)(integers_.data(), packed, stride, n, dims, out);
      for (size_t i = 0; i < n; ++i) dots[i] = unit_ * out[i];
      return;
    }
    float out[kBlock], rest[kBlock];
    (lvq_.bits_ == 8 ? k.dot_f32_u8 : k.dot_f32_u4)(q_.data(), packed, stride, n, dims, out);
    k.dot_f32_u8(q_.data(), codes + lvq_.primary_bytes(), stride, n, dims, rest);
    for (size_t i = 0; i < n; ++i) {
      dots[i] = static_cast<double>(out[i]);
      rests[i] = static_cast<double>(rest[i]);
    }
  }
  double combine(const LvqQuantizer::Grid& g, double dot, double rest) const {
    const double step = static_cast<double>(g.step), half = half_top();
    double centred = dot - half * query_sum_;
    if (with_residual_) centred += (rest - 127.5 * query_sum_) / 255;
    return ((static_cast<double>(g.bias) + half * step) * sum_ + step * centred) *
           static_cast<double>(lvq_.unscale_);
  }

  const LvqQuantizer& lvq_;
  bool with_residual_;
  std::vector<float> q_;
  std::vector<int16_t> integers_;  // of one level: q_ is about unit_ times these
  double unit_ = 0;
  double query_sum_ = 0;  // of the query that is multiplied: unit_ times the sum of integers_, or of q_
  double sum_ = 0, magnitude_ = 0,
         rounding_ = 0;  // sums of q_d and |q_d|; for half_range * rounding_ see inner_bounds
};

std::unique_ptr<Scorer> LvqQuantizer::prepare(const float* q) const {
  return std::make_unique<LvqScorer>(*this, q, residual_bits_ != 0);
}

std::unique_ptr<Scorer> LvqQuantizer::prepare_primary(const float* q) const {
  return std::make_unique<LvqScorer>(*this, q, false);
}

void LvqQuantizer::write(ByteWriter& out) const {
  out.put<uint8_t>(static_cast<uint8_t>(bits_));
  out.put<uint8_t>(static_cast<uint8_t>(residual_bits_));
  out.put<int16_t>(static_cast<int16_t>(exponent_));
}

std::unique_ptr<Quantizer> LvqQuantizer::read(ByteReader& in, size_t dims) {
  const unsigned bits = in.get<uint8_t>(), residual_bits = in.get<uint8_t>();
  const int exponent = in.get<int16_t>();
  if ((bits != 4 && bits != 8) || (residual_bits != 0 && residual_bits != 8) || exponent < kMinExponent ||
      exponent > kMaxExponent || dims == 0) {
    ByteReader::corrupted();
  }
  return std::make_unique<LvqQuantizer>(dims, bits, residual_bits, exponent);
}

std::vector<std::pair<std::string, std::string>> LvqQuantizer::facts() const {
  return {{"bits", std::to_string(bits_)},
          {"residual_bits", std::to_string(residual_bits_)},
          {"scale_exponent", std::to_string(exponent_)}};
}

}  // namespace lowdim::core
