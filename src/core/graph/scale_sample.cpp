// See scale_sample.h.

#include "core/graph/scale_sample.h"

#include <algorithm>

#include "core/simd/kernels.h"

namespace lowdim::core {
namespace {

// r is the distance to the fourth of 256 rows: of every row to all others it would be dear, and as good.
constexpr size_t kProbes = 256, kNear = 4;

// Weights up to that and down to its inverse are one: chance alone makes such differences.
constexpr double kAlike = 1.5;

// The squared distance to the near probe; 0 where all are equal to the row.
float squared_scale(const Rows& rows, size_t i, size_t probes) {
  float nearest[kNear];
  size_t n = 0;
  const uint32_t dims = static_cast<uint32_t>(rows.dims);
  for (size_t j = 0; j < probes; ++j) {
    const float d = simd::kernels().l2sq_f32(rows.row(i), rows.row(j * rows.n / probes), dims);
    if (!(d > 0) || (n == kNear && d >= nearest[n - 1])) continue;
    size_t at = n < kNear ? n++ : n - 1;
    for (; at > 0 && nearest[at - 1] > d; --at) nearest[at] = nearest[at - 1];
    nearest[at] = d;
  }
  return n > 0 ? nearest[n - 1] : 0;
}

}  // namespace

std::vector<uint32_t> sample_by_scale(Rows rows, const Stop& stop) {
  const size_t n = rows.n, probes = std::min(n, kProbes);
  std::vector<float> squares(n), sorted;
  for (size_t i = 0; i < n; ++i) {
    if (i % 16 == 0) stop.check();
    squares[i] = squared_scale(rows, i, probes);
    if (squares[i] > 0) sorted.push_back(squares[i]);
  }
  double median = 1;
  if (!sorted.empty()) {
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    median = static_cast<double>(*middle);
  }
  std::vector<double> ends(n);  // running sums of the weights
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    double weight = 1;
    if (squares[i] > 0) {
      weight = median / static_cast<double>(squares[i]);
      if (weight < kAlike && weight > 1 / kAlike) weight = 1;
      weight = weight > 1 / kMostScaleWeight ? std::min(weight, kMostScaleWeight) : 1 / kMostScaleWeight;
    }
    ends[i] = sum += weight;
  }
  std::vector<uint32_t> out(n);
  for (size_t i = 0, at = 0; i < n; ++i) {
    const double mark = (static_cast<double>(i) + 0.5) / static_cast<double>(n) * sum;
    while (at + 1 < n && ends[at] < mark) ++at;
    out[i] = static_cast<uint32_t>(at);
  }
  return out;
}

}  // namespace lowdim::core
