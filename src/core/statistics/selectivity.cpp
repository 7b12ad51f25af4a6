// See selectivity.h.

#include "core/statistics/selectivity.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lowdim::core {
namespace {

constexpr size_t kCounted = 5;           // pivots within the radius that are trusted as a share
constexpr size_t kTail = 10;             // smallest negative products whose mean excess is the tail's scale
constexpr size_t kJoinPivots = 200;      // of each side, at most
constexpr double kJoinComponents = 8e6;  // products in one estimate: milliseconds

double clamped(double share, double rows) {
  const double least = 1 / std::max(rows, 1.0);
  return share == share ? std::clamp(share, least, 1.0) : least;
}

// From the k smallest distances on, the share falls as an exponential tail whose scale is their mean excess.
double inner_tail(std::vector<double>& distances, double radius) {
  const size_t n = distances.size();
  const size_t k = std::min(kTail, n);
  const auto kth = distances.begin() + static_cast<std::ptrdiff_t>(k - 1);
  std::nth_element(distances.begin(), kth, distances.end());
  double excess = 0;
  for (auto d = distances.begin(); d != kth; ++d) excess += *kth - *d;
  const double share = (static_cast<double>(k) - 0.5) / static_cast<double>(n);
  if (!(excess > 0) || !std::isfinite(excess)) return 0;
  return share * std::exp(std::min((radius - *kth) * static_cast<double>(k - 1) / excess, 0.0));
}

// The share of `distances` below the radius, continued below the smallest ones. Changes their order.
double counted(std::vector<double>& distances, SphereMetric metric, double exponent, double radius) {
  const size_t n = distances.size();
  if (!(radius == radius)) return 1;
  const size_t within = static_cast<size_t>(
      std::count_if(distances.begin(), distances.end(), [&](double d) { return d < radius; }));
  if (within >= kCounted || n == 0)
    return static_cast<double>(within) / static_cast<double>(std::max<size_t>(n, 1));
  if (metric == SphereMetric::kInner) return inner_tail(distances, radius);
  if (!(radius > 0)) return 0;
  const size_t k = std::min(kCounted, n);
  std::nth_element(distances.begin(), distances.begin() + static_cast<std::ptrdiff_t>(k - 1),
                   distances.end());
  const double kth = distances[k - 1];
  const double share = (static_cast<double>(k) - 0.5) / static_cast<double>(n);
  // Without a known exponent, what was counted.
  if (!(exponent > 0) || !(kth > 0)) return (static_cast<double>(within) + 0.5) / static_cast<double>(n);
  return share * std::pow(as_length(metric, radius) / as_length(metric, kth), exponent);
}

}  // namespace

double selectivity(const VectorStatistics& statistics, const Pivots& pivots, SphereMetric metric,
                   const float* center, double radius, double rows) {
  if (pivots.n == 0) return selectivity_of_any(statistics, metric, radius, rows);
  std::vector<double> distances = pivot_distances(pivots, metric, center);
  return clamped(counted(distances, metric, statistics.exponent(metric), radius), rows);
}

double selectivity_of_any(const VectorStatistics& statistics, SphereMetric metric, double radius,
                          double rows) {
  return clamped(share_within(statistics.pairs[static_cast<size_t>(metric)], metric,
                              statistics.exponent(metric), radius),
                 rows);
}

double join_selectivity(const VectorStatistics& a, const Pivots& pivots_a, const VectorStatistics& b,
                        const Pivots& pivots_b, SphereMetric metric, double radius, double pairs) {
  const size_t most =
      std::min(kJoinPivots, static_cast<size_t>(std::sqrt(kJoinComponents / static_cast<double>(a.dims))));
  const Pivots some_a{pivots_a.bytes, std::min(pivots_a.n, most), pivots_a.dims};
  std::vector<double> distances;
  std::vector<float> center(pivots_b.dims);
  for (size_t i = 0; i < std::min(pivots_b.n, most); ++i) {
    const double error = read_pivot(pivots_b, i, center.data());
    const std::vector<double> of_one = pivot_distances(some_a, metric, center.data(), error);
    distances.insert(distances.end(), of_one.begin(), of_one.end());
  }
  const double exponent = std::max(a.exponent(metric), b.exponent(metric));
  return clamped(counted(distances, metric, exponent, radius), pairs);
}

}  // namespace lowdim::core
