// See pivots.h.

#include "core/statistics/pivots.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/random.h"
#include "core/simd/kernels.h"
#include "core/vec/limits.h"

namespace lowdim::core {
namespace {

constexpr size_t kMostPivots = 1000;
constexpr size_t kLeastPivots = 64;
constexpr size_t kPivotBytes = 192 << 10;
constexpr float kSteps = 127;

static_assert(std::endian::native == std::endian::little, "pivots are little-endian");

// The stream that hides the codes of pivot i from the server's compression, eight bytes at a time.
class Veil {
 public:
  explicit Veil(size_t i) : random_(i) {}
  void lift(const uint8_t* from, size_t n, int8_t* to) {
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

}  // namespace

size_t pivot_count(size_t dims, size_t rows) {
  const size_t fit = kPivotBytes / (sizeof(float) + dims);
  return std::min(rows, std::clamp(fit, kLeastPivots, kMostPivots));
}

std::vector<uint8_t> make_pivots(Rows rows, size_t n, double factor) {
  const size_t row_bytes = sizeof(float) + rows.dims;
  std::vector<uint8_t> out(n * row_bytes);
  std::vector<uint8_t> codes(rows.dims);
  for (size_t i = 0; i < n; ++i) {
    const float* const x = rows.row(i);
    float largest = 0;
    for (size_t j = 0; j < rows.dims; ++j) largest = std::max(largest, std::fabs(x[j]));
    const float step = largest / kSteps;
    const float stored = static_cast<float>(step / factor);
    uint8_t* const to = out.data() + i * row_bytes;
    std::memcpy(to, &stored, sizeof stored);
    const float steps = step > 0 ? 1 / step : 0;
    if (std::isfinite(steps)) {
      for (size_t j = 0; j < rows.dims; ++j) {
        const float code = x[j] * steps;  // 127 and a rounding at most
        codes[j] = static_cast<uint8_t>(static_cast<int>(code + std::copysign(0.5F, code)));
      }
    } else {
      std::fill(codes.begin(), codes.end(), uint8_t{0});
    }
    Veil(i).lift(codes.data(), rows.dims, reinterpret_cast<int8_t*>(to + sizeof stored));
  }
  return out;
}

bool valid_pivots(const uint8_t* bytes, size_t n_bytes, size_t n, size_t dims) {
  const size_t row_bytes = sizeof(float) + dims;
  if (n_bytes % row_bytes != 0 || n_bytes / row_bytes != n) return false;
  for (size_t i = 0; i < n; ++i) {
    float step;
    std::memcpy(&step, bytes + i * row_bytes, sizeof step);
    if (!std::isfinite(step) || step < 0) return false;
  }
  return true;
}

void read_pivot(const Pivots& pivots, size_t i, float* out) {
  const uint8_t* const from = pivots.bytes + i * pivots.row_bytes();
  float step;
  std::memcpy(&step, from, sizeof step);
  int8_t codes[kMaxDims];
  Veil(i).lift(from + sizeof step, pivots.dims, codes);
  for (size_t j = 0; j < pivots.dims; ++j) out[j] = step * static_cast<float>(codes[j]);
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

std::vector<double> pivot_distances(const Pivots& pivots, SphereMetric metric, const float* center) {
  std::vector<double> out(pivots.n);
  std::vector<float> pivot(pivots.dims);
  for (size_t i = 0; i < pivots.n; ++i) {
    read_pivot(pivots, i, pivot.data());
    out[i] = sphere_distance(metric, center, pivot.data(), pivots.dims);
  }
  return out;
}

}  // namespace lowdim::core
