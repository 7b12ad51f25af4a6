// See carve.h.

#include "core/multi/carve.h"

#include <cmath>
#include <cstring>

namespace lowdim::core {
namespace {

double dot(const float* a, const float* b, uint32_t dims) {
  double sum = 0;
  for (uint32_t d = 0; d < dims; ++d) sum += static_cast<double>(a[d]) * static_cast<double>(b[d]);
  return sum;
}

}  // namespace

uint32_t carve(const MultiView& set, double threshold, float* out, Stop stop) {
  const uint32_t dims = set.dims;
  std::vector<float> x(size_t{set.count} * dims);  // the set may lie at any alignment
  std::memcpy(x.data(), reinterpret_cast<const char*>(set.x), x.size() * sizeof(float));
  std::vector<double> norms(set.count);
  std::vector<uint32_t> left(set.count);
  for (uint32_t i = 0; i < set.count; ++i) {
    const float* const row = x.data() + size_t{i} * dims;
    norms[i] = std::sqrt(dot(row, row, dims));
    left[i] = i;
  }
  std::vector<double> sum(dims);
  uint32_t balls = 0;
  while (!left.empty()) {
    const uint32_t center = left[0];
    const float* const middle = x.data() + size_t{center} * dims;
    sum.assign(middle, middle + dims);
    size_t kept = 0;
    for (size_t at = 1; at < left.size(); ++at) {
      if (at % 1024 == 1) stop.check();
      const float* const row = x.data() + size_t{left[at]} * dims;
      const double norm = norms[center] * norms[left[at]];
      const double cosine = norm > 0 ? dot(middle, row, dims) / norm : 0;
      if (cosine >= threshold) {
        for (uint32_t d = 0; d < dims; ++d) sum[d] += static_cast<double>(row[d]);
      } else {
        left[kept++] = left[at];
      }
    }
    left.resize(kept);
    float* const ball = out + size_t{balls++} * dims;
    for (uint32_t d = 0; d < dims; ++d) ball[d] = static_cast<float>(sum[d]);
  }
  return balls;
}

}  // namespace lowdim::core
