// See code.h.

#include "core/graph/code.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/simd/kernels.h"

namespace lowdim::core {
namespace {

constexpr size_t kCentroids = 16;

// The steps of a query's tables are made for the widest of them, the remainder's for that many times the
// widest other at most. Beyond it is clamped: where rows live at different scales the remainders of wide rows
// would leave a narrow row's query a step or two.
constexpr float kMostOfRemainder = 2;

uint8_t nibble(const uint8_t* code, size_t s) {
  return static_cast<uint8_t>(code[s / 2] >> (4 * (s % 2)) & 15);
}
void put_nibble(uint8_t* code, size_t s, unsigned v) {
  code[s / 2] = static_cast<uint8_t>(code[s / 2] | v << (4 * (s % 2)));
}

}  // namespace

size_t GraphCode::image_bytes(uint32_t dims, uint32_t code_dims, uint32_t segments, bool projects) {
  const size_t floats =
      dims + size_t{code_dims} + (projects ? size_t{dims} * code_dims : 0) + size_t{code_dims} * kCentroids;
  return sizeof(GraphCodeHead) + floats * sizeof(float) + (segments + 1) * sizeof(uint16_t);
}

bool GraphCode::open(const void* image, size_t bytes, GraphCode* out) {
  if (bytes < sizeof(GraphCodeHead)) return false;
  GraphCode code;
  code.image_ = static_cast<const uint8_t*>(image);
  const GraphCodeHead& h = code.head();
  if (h.magic != kMagic || h.bytes > bytes || h.dims == 0 || h.dims > 65535 || h.code_dims == 0 ||
      (h.code_dims > h.dims && h.code_dims > kMostLifted) || h.segments == 0 || h.segments > kMaxSegments ||
      h.segments > h.code_dims || h.metric > static_cast<uint8_t>(GraphMetric::kL1) || h.projects > 1 ||
      (h.projects == 0 && h.code_dims != h.dims) || !std::isfinite(h.error_low) ||
      !(h.error_step >= 0 && std::isfinite(h.error_step)) ||
      !(h.row_scale > 0 && std::isfinite(h.row_scale)) ||
      h.bytes != image_bytes(h.dims, h.code_dims, h.segments, h.projects != 0)) {
    return false;
  }
  const uint16_t* begins = code.begins();
  if (begins[0] != 0 || begins[h.segments] != h.code_dims) return false;
  for (uint32_t s = 0; s < h.segments; ++s) {
    if (begins[s] >= begins[s + 1]) return false;
  }
  *out = code;
  return true;
}

double GraphCode::project(const float* x, float* centred, float* u) const {
  const uint32_t n = dims(), m = code_dims();
  const float* mu = mean();
  for (uint32_t d = 0; d < n; ++d) centred[d] = x[d] - mu[d];
  if (head().projects == 0) {
    std::memcpy(u, centred, n * sizeof(float));
    return 0;
  }
  const simd::Kernels& k = simd::kernels();
  const float* a = matrix();
  for (uint32_t i = 0; i < m; ++i) u[i] = k.dot_f32(a + size_t{i} * n, centred, n);
  if (m >= n) return 0;
  const double rest =
      static_cast<double>(k.dot_f32(centred, centred, n)) - static_cast<double>(k.dot_f32(u, u, m));
  return std::max(rest, 0.0);
}

void GraphCode::encode(const float* x, float* scratch, uint8_t* code) const {
  float* u = scratch + dims();
  double left = project(x, scratch, u);
  std::memset(code, 0, code_bytes());
  const uint16_t* begin = begins();
  const bool absolute = metric() == GraphMetric::kL1;
  for (uint32_t s = 0; s < segments(); ++s) {
    float far[kCentroids] = {};
    for (uint32_t d = begin[s]; d < begin[s + 1]; ++d) {
      const float* c = centroids() + size_t{d} * kCentroids;
      const float v = u[d];
      if (absolute) {
        for (size_t i = 0; i < kCentroids; ++i) far[i] += std::fabs(v - c[i]);
      } else {
        for (size_t i = 0; i < kCentroids; ++i) far[i] += (v - c[i]) * (v - c[i]);
      }
    }
    unsigned best = 0;
    for (unsigned i = 1; i < kCentroids; ++i) best = far[i] < far[best] ? i : best;
    put_nibble(code, s, best);
    left += static_cast<double>(far[best]);
  }
  if (metric() != GraphMetric::kL2) return;
  const double unit = static_cast<double>(head().error_step);
  // Written so that NaN, of vectors or models out of range, gives 0.
  const double exact = unit > 0 ? (left - static_cast<double>(head().error_low)) / unit + 0.5 : 0.0;
  const double byte = exact > 0 ? std::min(exact, 255.0) : 0.0;
  const unsigned b = static_cast<unsigned>(byte);
  put_nibble(code, segments(), b >> 4);
  put_nibble(code, segments() + 1, b & 15);
}

void GraphCode::decode(const uint8_t* code, float* u) const {
  const uint16_t* begin = begins();
  for (uint32_t s = 0; s < segments(); ++s) {
    const size_t v = nibble(code, s);
    for (uint32_t d = begin[s]; d < begin[s + 1]; ++d) u[d] = centroids()[size_t{d} * kCentroids + v];
  }
}

void GraphCode::tables(const float* q, float* scratch, GraphTables* out) const {
  float* u = scratch + dims();
  const double rest = project(q, scratch, u);
  float* t = u + code_dims();
  const uint16_t* begin = begins();
  const uint32_t all = all_segments();
  std::memset(t, 0, all * kCentroids * sizeof(float));
  double bias = 0;
  if (metric() == GraphMetric::kInner) {
    // The query is not centred: <q, x> = <q, mean> + <A q, u>.
    const simd::Kernels& k = simd::kernels();
    bias = -static_cast<double>(k.dot_f32(q, mean(), dims()));
    if (head().projects != 0) {
      for (uint32_t i = 0; i < code_dims(); ++i) u[i] = k.dot_f32(matrix() + size_t{i} * dims(), q, dims());
    } else {
      std::memcpy(u, q, dims() * sizeof(float));
    }
  }
  for (uint32_t s = 0; s < segments(); ++s) {
    float* row = t + size_t{s} * kCentroids;
    for (uint32_t d = begin[s]; d < begin[s + 1]; ++d) {
      const float* c = centroids() + size_t{d} * kCentroids;
      const float v = u[d];
      switch (metric()) {
        case GraphMetric::kL2:
          for (size_t i = 0; i < kCentroids; ++i) row[i] += (v - c[i]) * (v - c[i]);
          break;
        case GraphMetric::kInner:
          for (size_t i = 0; i < kCentroids; ++i) row[i] -= v * c[i];
          break;
        case GraphMetric::kL1:
          for (size_t i = 0; i < kCentroids; ++i) row[i] += std::fabs(v - c[i]);
          break;
      }
    }
  }
  if (metric() == GraphMetric::kL2) {
    bias = rest + static_cast<double>(head().error_low);
    float* high = t + size_t{segments()} * kCentroids;
    for (size_t i = 0; i < kCentroids; ++i) {
      high[i] = 16 * static_cast<float>(i) * head().error_step;
      high[kCentroids + i] = static_cast<float>(i) * head().error_step;
    }
  }
  float widest = 0;
  float low[kMaxSegments + 2];
  for (uint32_t s = 0; s < all; ++s) {
    const float* row = t + size_t{s} * kCentroids;
    float least = row[0], most = row[0];
    for (size_t i = 1; i < kCentroids; ++i) {
      least = row[i] < least ? row[i] : least;
      most = row[i] > most ? row[i] : most;
    }
    low[s] = least;
    bias += static_cast<double>(least);
    const float width = most - least;
    // The remainder of wide rows may be far beyond what tells near rows apart.
    const float counted = s < segments() ? width : std::min(width, kMostOfRemainder * widest);
    widest = counted > widest ? counted : widest;
  }
  // An infinite or NaN width (a query out of range) gives tables of zeros, not undefined conversions.
  const float inverse = widest > 0 && std::isfinite(widest) ? 255.0f / widest : 0.0f;
  for (uint32_t s = 0; s < all; ++s) {
    const float* row = t + size_t{s} * kCentroids;
    uint8_t* entry = out->entries + size_t{s} * kCentroids;
    for (size_t i = 0; i < kCentroids; ++i) {
      const float v = (row[i] - low[s]) * inverse + 0.5f;
      entry[i] = v >= 0 ? static_cast<uint8_t>(std::min(v, 255.0f)) : 0;  // 0 for NaN
    }
  }
  out->bias = static_cast<float>(bias);
  out->step = widest / 255.0f;
}

void GraphCode::finish_row(const float* u, double rest, uint8_t* row, GraphRowTerms* terms) const {
  const float scale = head().row_scale;
  int64_t norm = 0, sum = 0;
  for (uint32_t d = 0; d < code_dims(); ++d) {
    const float exact = u[d] * scale;
    const float v = exact > -127 ? std::min(exact, 127.0f) : -127.0f;  // for NaN too
    const int i = static_cast<int>(v + (v < 0 ? -0.5f : 0.5f));
    row[d] = static_cast<uint8_t>(i + 128);
    norm += i * i;
    sum += i;
  }
  terms->sum = static_cast<int32_t>(sum);
  constexpr double kMost = 5e8;  // sums of two of these and a product stay within 32 bits
  if (metric() == GraphMetric::kInner) {
    terms->add = static_cast<int32_t>(
        std::max(-kMost, std::min(kMost, rest * static_cast<double>(scale) * static_cast<double>(scale))));
  } else {
    const double all =
        static_cast<double>(norm) + rest * static_cast<double>(scale) * static_cast<double>(scale);
    terms->add = static_cast<int32_t>(std::min(kMost, all));  // kMost for NaN
  }
}

void GraphCode::row(const float* x, float* scratch, uint8_t* row, GraphRowTerms* terms) const {
  float* u = scratch + dims();
  double rest = project(x, scratch, u);
  if (metric() == GraphMetric::kInner) {
    // -2 <x, y> = -2 <u_x, u_y> + (-2 <mean, x> + |mean|^2) + (the same of y)
    const simd::Kernels& k = simd::kernels();
    rest = static_cast<double>(head().mean_norm) - 2 * static_cast<double>(k.dot_f32(mean(), x, dims()));
  }
  finish_row(u, rest, row, terms);
}

float GraphCode::decoded_term(const uint8_t* code, const float* u) const {
  switch (metric()) {
    case GraphMetric::kL2: {
      const unsigned byte = nibble(code, segments()) * 16u + nibble(code, segments() + 1);
      return head().error_low + head().error_step * static_cast<float>(byte);
    }
    case GraphMetric::kInner:
      return -simd::kernels().dot_f32(projected_mean(), u, code_dims()) - head().mean_norm / 2;
    case GraphMetric::kL1:
      break;
  }
  return 0;
}

float GraphCode::distance_decoded(const float* u, float term_u, const float* v, float term_v) const {
  const simd::Kernels& k = simd::kernels();
  switch (metric()) {
    case GraphMetric::kL2:
      return k.l2sq_f32(u, v, code_dims()) + term_u + term_v;
    case GraphMetric::kInner:
      return term_u + term_v - k.dot_f32(u, v, code_dims());
    case GraphMetric::kL1:
      break;
  }
  return k.l1_f32(u, v, code_dims());
}

}  // namespace lowdim::core
