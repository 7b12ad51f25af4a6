// See pivots.h.

#include "core/statistics/pivots.h"

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/random.h"
#include "core/codec/pack.h"
#include "core/simd/codes.h"
#include "core/simd/kernels.h"
#include "core/vec/limits.h"

namespace lowdim::core {
namespace {

constexpr size_t kMostPivots = 1000;
constexpr size_t kLeastPivots = 64;
constexpr size_t kPivotBytes = 192 << 10;  // at eight bits an element
constexpr size_t kMiddleRows = 15;
constexpr size_t kPart = 16;            // elements of a loop that the compiler makes vectors of
constexpr double kLeastLength2 = 1e-4;  // squared lengths of fewer squared errors may be rounding

static_assert(std::endian::native == std::endian::little, "pivots are little-endian");

// What is kept of a pivot before its codes.
struct Head {
  float step;
  float error;  // of four bits only
};

size_t head_bytes(unsigned bits) { return bits == 8 ? sizeof(float) : 2 * sizeof(float); }

// Codes are from -top to top, kept as 0 to 2 top.
constexpr int top_code(unsigned bits) { return (1 << (bits - 1)) - 1; }

float bounded(double v) { return static_cast<float>(std::min(v, static_cast<double>(FLT_MAX))); }

// The stream that hides the codes of pivot i from the server's compression, eight bytes at a time.
class Veil {
 public:
  explicit Veil(size_t i) : random_(i) {}
  void lift(const uint8_t* from, size_t n, uint8_t* to) {
    for (size_t at = 0; at < n; at += sizeof(uint64_t)) {
      const size_t part = std::min(n - at, sizeof(uint64_t));
      uint64_t word = 0;
      std::memcpy(&word, from + at, part);
      word ^= random_.next();
      std::memcpy(to + at, &word, part);
    }
  }

 private:
  Random random_;
};

// The median of a few rows in each dimension: 0 where most rows have nothing, and what all have in common.
// Sorts by exchanging neighbours, in several dimensions at once.
void find_middle(Rows rows, float* middle) {
  const size_t n = std::min(rows.n, kMiddleRows);
  float few[kMiddleRows][kPart];
  for (size_t from = 0; from < rows.dims; from += kPart) {
    const size_t part = std::min(kPart, rows.dims - from);
    for (size_t i = 0; i < n; ++i) {
      std::fill_n(few[i], kPart, 0.0F);
      std::copy_n(rows.row(i) + from, part, few[i]);
    }
    for (size_t pass = 0; pass < n; ++pass) {
      for (size_t i = pass % 2; i + 1 < n; i += 2) {
        for (size_t k = 0; k < kPart; ++k) {
          const float a = few[i][k], b = few[i + 1][k];
          few[i][k] = b < a ? b : a;
          few[i + 1][k] = b < a ? a : b;
        }
      }
    }
    std::copy_n(few[n / 2], part, middle + from);
  }
}

// Adds `step` times what the codes are to x.
void add_codes(const uint8_t* codes, int top, float step, size_t dims, float* x) {
  size_t j = 0;
  const auto part = [&](size_t n) {
    float steps[kPart] = {};
    for (size_t k = 0; k < n; ++k) steps[k] = static_cast<float>(codes[j + k] - top);
    for (size_t k = 0; k < n; ++k) x[j + k] += step * steps[k];
  };
  for (; j + kPart <= dims; j += kPart) part(kPart);
  part(dims - j);
}

}  // namespace

unsigned pivot_bits(size_t dims) { return kMostPivots * (sizeof(float) + dims) <= kPivotBytes ? 8 : 4; }

size_t Pivots::middle_bytes() const { return bits() == 8 ? 0 : sizeof(float) * dims; }

size_t Pivots::row_bytes() const { return head_bytes(bits()) + packed_bytes(dims, bits()); }

size_t pivot_count(size_t dims, size_t rows) {
  const size_t fit = kPivotBytes / (sizeof(float) + dims);
  return std::min(rows, std::clamp(fit, kLeastPivots, kMostPivots));
}

std::vector<uint8_t> make_pivots(Rows rows, size_t n, double factor) {
  const Pivots shape{nullptr, n, rows.dims};
  const unsigned bits = shape.bits();
  const uint32_t dims = static_cast<uint32_t>(rows.dims);
  const float top = static_cast<float>(top_code(bits));
  std::vector<uint8_t> out(shape.middle_bytes() + n * shape.row_bytes());
  Vector middle = Vector::Zero(dims), away(dims);
  if (bits != 8) {
    find_middle({rows.data, n, rows.dims}, middle.data());
    for (size_t j = 0; j < rows.dims; ++j) {
      const float stored = static_cast<float>(middle.data()[j] / factor);
      std::memcpy(out.data() + j * sizeof stored, &stored, sizeof stored);
    }
  }
  std::vector<uint8_t> codes(rows.dims), packed(rows.dims);
  for (size_t i = 0; i < n; ++i) {
    away = Eigen::Map<const Vector>(rows.row(i), away.size()) - middle;
    float range[2];
    simd::code_kernels().min_max_f32(away.data(), dims, range);
    const float step = std::max(-range[0], range[1]) / top;
    const float steps = step > 0 ? 1 / step : 0;
    if (std::isfinite(steps)) {
      simd::code_kernels().quantize_f32(away.data(), dims, 1, -top * step, steps, 2 * top, codes.data());
    } else {
      std::fill(codes.begin(), codes.end(), static_cast<uint8_t>(top));
    }
    Head head{static_cast<float>(step / factor), 0};
    uint8_t* const to = out.data() + shape.middle_bytes() + i * shape.row_bytes();
    const uint8_t* kept = codes.data();
    if (bits != 8) {
      add_codes(codes.data(), top_code(bits), -step, rows.dims, away.data());
      head.error = bounded(std::sqrt(simd::kernels().norm2_f32(away.data(), dims)) / factor);
      simd::code_kernels().pack_u4(codes.data(), dims, packed.data());
      kept = packed.data();
    }
    std::memcpy(to, &head, head_bytes(bits));
    Veil(i).lift(kept, packed_bytes(rows.dims, bits), to + head_bytes(bits));
  }
  return out;
}

bool valid_pivots(const uint8_t* bytes, size_t n_bytes, size_t n, size_t dims) {
  const Pivots shape{bytes, n, dims};
  if (n_bytes < shape.middle_bytes() || (n_bytes - shape.middle_bytes()) % shape.row_bytes() != 0 ||
      (n_bytes - shape.middle_bytes()) / shape.row_bytes() != n) {
    return false;
  }
  const auto amount = [](const uint8_t* at) {
    float v;
    std::memcpy(&v, at, sizeof v);
    return v;
  };
  for (size_t at = 0; at < shape.middle_bytes(); at += sizeof(float)) {
    if (!std::isfinite(amount(bytes + at))) return false;
  }
  for (size_t i = 0; i < n; ++i) {
    const uint8_t* const head = bytes + shape.middle_bytes() + i * shape.row_bytes();
    for (size_t at = 0; at < head_bytes(shape.bits()); at += sizeof(float)) {
      if (!std::isfinite(amount(head + at)) || amount(head + at) < 0) return false;
    }
  }
  return true;
}

float read_pivot(const Pivots& pivots, size_t i, float* out) {
  const unsigned bits = pivots.bits();
  const uint8_t* const from = pivots.bytes + pivots.middle_bytes() + i * pivots.row_bytes();
  Head head{};
  std::memcpy(&head, from, head_bytes(bits));
  uint8_t kept[kMaxDims], unpacked[kMaxDims];
  Veil(i).lift(from + head_bytes(bits), packed_bytes(pivots.dims, bits), kept);
  if (bits != 8) unpack_codes(kept, pivots.dims, bits, 0, pivots.dims, unpacked);
  const uint8_t* const codes = bits == 8 ? kept : unpacked;
  if (bits == 8) {
    std::fill_n(out, pivots.dims, 0.0F);
  } else {
    std::memcpy(out, pivots.bytes, pivots.middle_bytes());
  }
  add_codes(codes, top_code(bits), head.step, pivots.dims, out);
  return head.error;
}

double sphere_distance(SphereMetric metric, const float* a, const float* b, size_t dims) {
  const simd::Kernels& k = simd::kernels();
  const uint32_t n = static_cast<uint32_t>(dims);
  double d = 0;
  switch (metric) {
    case SphereMetric::kL2:
      d = std::sqrt(static_cast<double>(k.l2sq_f32(a, b, n)));
      break;
    case SphereMetric::kInner:
      d = -static_cast<double>(k.dot_f32(a, b, n));
      break;
    case SphereMetric::kCosine: {
      float out[3];
      k.cosine_f32(a, b, n, out);
      const double norms = std::sqrt(static_cast<double>(out[1]) * static_cast<double>(out[2]));
      d = 1 - std::clamp(static_cast<double>(out[0]) / norms, -1.0, 1.0);
      break;
    }
    case SphereMetric::kL1:
      d = static_cast<double>(k.l1_f32(a, b, n));
      break;
  }
  return d == d ? d : std::numeric_limits<double>::infinity();
}

namespace {

// The distance of a center and a pivot that are off by a vector of length `error` > 0 between them, which has
// nothing to do with either: it makes their squared distance, and a squared length, larger by its square.
double distance_less_error(SphereMetric metric, const float* center, const float* pivot, size_t dims,
                           double error) {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  const double square = error * error;
  double d = kNone;
  switch (metric) {
    case SphereMetric::kL2:
      d = sphere_distance(metric, center, pivot, dims);
      return d < kNone ? std::sqrt(std::max(d * d - square, 0.0)) : kNone;
    case SphereMetric::kCosine: {
      float out[3];
      simd::kernels().cosine_f32(center, pivot, static_cast<uint32_t>(dims), out);
      const double length2 = static_cast<double>(out[2]) - square;
      if (!(length2 > kLeastLength2 * square)) return kNone;
      d = 1 - std::clamp(out[0] / std::sqrt(out[1] * length2), -1.0, 1.0);
      return d == d ? d : kNone;
    }
    case SphereMetric::kL1: {  // as if lengths by both measures were in proportion
      d = sphere_distance(metric, center, pivot, dims);
      const double l2 = simd::kernels().l2sq_f32(center, pivot, static_cast<uint32_t>(dims));
      return l2 < kNone ? d * std::sqrt(std::max(l2 - square, 0.0) / std::max(l2, square)) : d;
    }
    case SphereMetric::kInner:
      break;
  }
  return sphere_distance(metric, center, pivot, dims);
}

}  // namespace

std::vector<double> pivot_distances(const Pivots& pivots, SphereMetric metric, const float* center,
                                    double error) {
  std::vector<double> out(pivots.n);
  std::vector<float> pivot(pivots.dims);
  for (size_t i = 0; i < pivots.n; ++i) {
    const double own = read_pivot(pivots, i, pivot.data()), both = std::sqrt(own * own + error * error);
    out[i] = both > 0 ? distance_less_error(metric, center, pivot.data(), pivots.dims, both)
                      : sphere_distance(metric, center, pivot.data(), pivots.dims);
  }
  return out;
}

}  // namespace lowdim::core
