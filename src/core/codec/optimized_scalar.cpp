// See optimized_scalar.h. What decides codes is in double and in a fixed order, so that a vector has one
// code.

#include "core/codec/optimized_scalar.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/codec/pack.h"
#include "core/simd/codes.h"

namespace lowdim::core {
namespace {

constexpr size_t kConstants = 12;  // bytes before the packed codes
constexpr size_t kChunk = 512;     // whole groups of every packing
constexpr double kLengthWeight = 0.1;
// Half the width, in standard deviations, of the uniform grid of 2^bits levels that is best for a normal
// distribution.
constexpr double kNormalWidth[9] = {0, 0.798, 1.493, 2.051, 2.514, 2.916, 3.278, 3.611, 3.922};

// The nearest code; inverse is 1 / step, or 0 for a step of 0. In 0..255, adding 1.5 * 2^52 rounds to nearest
// even.
double code_of(double v, double low, double inverse, double top) {
  const double x = std::min(std::max((v - low) * inverse, 0.0), top);
  return (x + 0x1.8p52) - 0x1.8p52;
}

double inverse_of(double step) { return step > 0 ? 1 / step : 0; }

// One pass over v with the interval's nearest codes: its loss, and the normal equations of the next interval.
// With f = code / top, v^ = a (1 - f) + b f, so the loss is quadratic in the ends a and b.
struct Pass {
  double loss = 0;
  double aa = 0, ab = 0, bb = 0, av = 0, bv = 0;
};
Pass pass_of(const float* v, size_t n, double norm, double low, double step, double top) {
  Pass p;
  const double inverse = inverse_of(step), unit = 1 / top;
  double along = 0, square = 0;
  for (size_t d = 0; d < n; ++d) {
    const double x = static_cast<double>(v[d]), c = code_of(x, low, inverse, top), f = c * unit;
    const double error = x - (low + step * c);
    along += x * error;
    square += error * error;
    p.aa += (1 - f) * (1 - f);
    p.ab += (1 - f) * f;
    p.bb += f * f;
    p.av += (1 - f) * x;
    p.bv += f * x;
  }
  p.loss = square * kLengthWeight;
  if (norm > 0) p.loss += (1 - kLengthWeight) * along * along / norm;
  return p;
}

float finite(double x) {
  constexpr double most = static_cast<double>(std::numeric_limits<float>::max());
  return static_cast<float>(std::clamp(x, -most, most));
}

// Codes of v by the interval as it is stored, and their sum.
struct Header {
  float low, step;
  uint32_t sum;
};
Header quantize(const float* v, size_t n, unsigned bits, uint8_t* codes) {
  const ScalarInterval interval = optimize_interval(v, n, bits);
  Header h = {finite(interval.low), finite(interval.step), 0};
  const double inverse = inverse_of(static_cast<double>(h.step));
  for (size_t d = 0; d < n; ++d) {
    codes[d] = static_cast<uint8_t>(
        code_of(static_cast<double>(v[d]), static_cast<double>(h.low), inverse, (1 << bits) - 1));
    h.sum += codes[d];
  }
  return h;
}

Header header_of(const uint8_t* code) {
  Header h;
  std::memcpy(&h.low, code, 4);
  std::memcpy(&h.step, code + 4, 4);
  std::memcpy(&h.sum, code + 8, 4);
  return h;
}

constexpr size_t kBlock = 64;

// <q, v^> = low * sum(q) + step * <q, c>.
class FloatScorer : public Scorer {
 public:
  FloatScorer(size_t dims, unsigned bits, const float* q) : bits_(bits), q_(q, q + dims) {
    for (const float x : q_) sum_ += static_cast<double>(x);
  }
  void score(const uint8_t* codes, size_t stride, size_t n, float* out) const override {
    const simd::CodeKernels& k = simd::code_kernels();
    (bits_ == 1 ? k.dot_f32_u1 : k.dot_f32_u4)(q_.data(), codes + kConstants, stride, n,
                                               static_cast<uint32_t>(q_.size()), out);
    for (size_t i = 0; i < n; ++i) {
      const Header h = header_of(codes + i * stride);
      out[i] = static_cast<float>(static_cast<double>(h.low) * sum_ +
                                  static_cast<double>(h.step) * static_cast<double>(out[i]));
    }
  }

 private:
  unsigned bits_;
  std::vector<float> q_;
  double sum_ = 0;
};

// The same of q^ = low' + step' * c': <q^, v^> = low low' dims + low' step sum(c) + low step' sum(c') + step
// step' <c, c'>, all integers but the constants. 1-bit codes meet the query's four bit planes.
class IntegerScorer : public Scorer {
 public:
  IntegerScorer(size_t dims, unsigned bits, const float* q) : dims_(dims), bits_(bits), query_(dims) {
    header_ = quantize(q, dims, 4, query_.data());
    if (bits != 1) return;
    const size_t bytes = packed_bytes(dims, 1);
    std::vector<uint8_t> planes(4 * bytes), plane(dims);
    for (unsigned p = 0; p < 4; ++p) {
      for (size_t d = 0; d < dims; ++d) plane[d] = query_[d] >> p & 1;
      pack_codes(plane.data(), dims, 1, planes.data() + p * bytes);
    }
    query_ = std::move(planes);
  }
  void score(const uint8_t* codes, size_t stride, size_t n, float* out) const override {
    const simd::CodeKernels& k = simd::code_kernels();
    const double low = static_cast<double>(header_.low), step = static_cast<double>(header_.step);
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t count = std::min(kBlock, n - i);
      const uint8_t* block = codes + i * stride;
      int32_t dots[kBlock];
      uint32_t counts[kBlock];
      if (bits_ == 1) {
        k.dot_planes_u1(query_.data(), 4, block + kConstants, stride, count, packed_bytes(dims_, 1), counts);
      } else {
        k.dot_u8_u4(query_.data(), block + kConstants, stride, count, static_cast<uint32_t>(dims_), dots);
      }
      for (size_t j = 0; j < count; ++j) {
        const Header h = header_of(block + j * stride);
        const double dot = bits_ == 1 ? static_cast<double>(counts[j]) : static_cast<double>(dots[j]);
        const double code_low = static_cast<double>(h.low), code_step = static_cast<double>(h.step);
        out[i + j] = static_cast<float>(
            low * (code_low * static_cast<double>(dims_) + code_step * static_cast<double>(h.sum)) +
            step * (code_low * static_cast<double>(header_.sum) + code_step * dot));
      }
    }
  }

 private:
  size_t dims_;
  unsigned bits_;
  Header header_;
  std::vector<uint8_t> query_;  // codes, or four planes
};

bool valid(size_t dims, unsigned bits, unsigned query_bits) {
  return dims > 0 && (bits == 1 || bits == 4) && (query_bits == 0 || query_bits == 4);
}

}  // namespace

namespace {

// From the interval given: refined for as long as the loss falls.
ScalarInterval refine(const float* v, size_t n, double norm, double low, double high, double top,
                      int rounds) {
  ScalarInterval best = {low, std::max(high - low, 0.0) / top, 0};
  Pass pass = pass_of(v, n, norm, best.low, best.step, top);
  best.loss = pass.loss;
  if (!(norm > 0)) return best;
  const double c = (1 - kLengthWeight) / norm, l = kLengthWeight;
  for (int r = 0; r < rounds; ++r) {
    const double m0 = c * pass.av * pass.av + l * pass.aa;
    const double m1 = c * pass.av * pass.bv + l * pass.ab;
    const double m2 = c * pass.bv * pass.bv + l * pass.bb;
    const double det = m0 * m2 - m1 * m1;
    // Singular if all codes are one of the ends: there is nothing to fit the other to.
    if (!(det > 1e-12 * m0 * m2)) break;
    const double a = (m2 * pass.av - m1 * pass.bv) / det, b = (m0 * pass.bv - m1 * pass.av) / det;
    if (!(b > a)) break;
    pass = pass_of(v, n, norm, a, (b - a) / top, top);
    if (!(pass.loss < best.loss)) break;
    best = {a, (b - a) / top, pass.loss};
  }
  return best;
}

}  // namespace

ScalarInterval optimize_interval(const float* v, size_t n, unsigned bits, int rounds) {
  if (n == 0) return {};
  const double top = (1 << bits) - 1;
  double least = static_cast<double>(v[0]), greatest = least, mean = 0, variance = 0, norm = 0;
  for (size_t d = 0; d < n; ++d) {
    const double x = static_cast<double>(v[d]);
    least = std::min(least, x);
    greatest = std::max(greatest, x);
    mean += x;
    norm += x * x;
  }
  mean /= static_cast<double>(n);
  for (size_t d = 0; d < n; ++d) {
    const double x = static_cast<double>(v[d]) - mean;
    variance += x * x;
  }
  const double half = kNormalWidth[bits] * std::sqrt(variance / static_cast<double>(n));
  const ScalarInterval normal =
      refine(v, n, norm, std::max(mean - half, least), std::min(mean + half, greatest), top, rounds);
  if (bits == 1) return normal;
  const ScalarInterval whole = refine(v, n, norm, least, greatest, top, rounds);
  return whole.loss < normal.loss ? whole : normal;
}

OptimizedScalarQuantizer::OptimizedScalarQuantizer(size_t dims, unsigned bits, unsigned query_bits)
    : dims_(dims), bits_(bits), query_bits_(query_bits) {
  if (!valid(dims, bits, query_bits)) {
    throw Error(ErrorKind::kInvalidParameter, "optimized scalar quantization needs 1 or 4 bits");
  }
}

size_t OptimizedScalarQuantizer::code_bytes() const { return kConstants + packed_bytes(dims_, bits_); }

void OptimizedScalarQuantizer::encode(const float* u, uint8_t* code) const {
  std::vector<uint8_t> codes(dims_);
  const Header h = quantize(u, dims_, bits_, codes.data());
  std::memcpy(code, &h.low, 4);
  std::memcpy(code + 4, &h.step, 4);
  std::memcpy(code + 8, &h.sum, 4);
  pack_codes(codes.data(), dims_, bits_, code + kConstants);
}

void OptimizedScalarQuantizer::decode(const uint8_t* code, float* u) const {
  const Header h = header_of(code);
  uint8_t codes[kChunk];
  for (size_t i = 0; i < dims_; i += kChunk) {
    const size_t count = std::min(kChunk, dims_ - i);
    unpack_codes(code + kConstants, dims_, bits_, i, count, codes);
    for (size_t d = 0; d < count; ++d)
      u[i + d] = finite(static_cast<double>(h.low) + static_cast<double>(h.step) * codes[d]);
  }
}

std::unique_ptr<Scorer> OptimizedScalarQuantizer::prepare(const float* q) const {
  if (query_bits_ == 0) return std::make_unique<FloatScorer>(dims_, bits_, q);
  return std::make_unique<IntegerScorer>(dims_, bits_, q);
}

void OptimizedScalarQuantizer::write(ByteWriter& out) const {
  out.put<uint8_t>(static_cast<uint8_t>(bits_));
  out.put<uint8_t>(static_cast<uint8_t>(query_bits_));
}

std::unique_ptr<Quantizer> OptimizedScalarQuantizer::read(ByteReader& in, size_t dims) {
  const unsigned bits = in.get<uint8_t>(), query_bits = in.get<uint8_t>();
  if (!valid(dims, bits, query_bits)) ByteReader::corrupted();
  return std::make_unique<OptimizedScalarQuantizer>(dims, bits, query_bits);
}

std::vector<std::pair<std::string, std::string>> OptimizedScalarQuantizer::facts() const {
  return {{"bits", std::to_string(bits_)}, {"query_bits", std::to_string(query_bits_)}};
}

}  // namespace lowdim::core
