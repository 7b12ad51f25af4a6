// See pair_quantiles.h.

#include "core/statistics/pair_quantiles.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

namespace lowdim::core {
namespace {

constexpr double kLeastPairs = 5;  // that a quantile stands for
constexpr size_t kSlopeSpan = 4;   // quantiles over which the slope of a tail is taken

float bounded(double v) {
  return static_cast<float>(std::clamp(v, -static_cast<double>(FLT_MAX), static_cast<double>(FLT_MAX)));
}

// Per unit of distance, how fast ln(share) rises near quantile i.
double tail_slope(const PairQuantiles& pairs, size_t i) {
  const size_t j = std::min(i + kSlopeSpan, PairQuantiles::kLower - 1);
  const double span = static_cast<double>(pairs.at[j]) - pairs.at[i];
  return span > 0 ? std::log(PairQuantiles::probability(j) / PairQuantiles::probability(i)) / span : 0;
}

bool has_power_law(SphereMetric metric, double exponent) {
  return metric != SphereMetric::kInner && exponent > 0;
}

}  // namespace

double as_length(SphereMetric metric, double radius) {
  return metric == SphereMetric::kCosine ? std::sqrt(2 * std::max(radius, 0.0)) : radius;
}

double PairQuantiles::probability(size_t i) {
  if (i < kLower) return std::ldexp(1.0, static_cast<int>(i) - static_cast<int>(kLower));
  if (i + 1 == kCount) return 1;
  return 1 - std::ldexp(1.0, -static_cast<int>(i - kLower) - 2);
}

PairQuantiles pair_quantiles(std::vector<float>& distances, SphereMetric metric, double exponent) {
  PairQuantiles out;
  const size_t n = distances.size();
  if (n == 0) return out;
  size_t known = 0;  // the least quantile with enough pairs
  while (known + 1 < PairQuantiles::kCount &&
         PairQuantiles::probability(known) * static_cast<double>(n) < kLeastPairs) {
    ++known;
  }
  // From the median outwards, each within what the one before left on its side: two passes over all.
  const auto select = [&](size_t i, size_t from, size_t to) {
    const size_t place = static_cast<size_t>(PairQuantiles::probability(i) * static_cast<double>(n));
    const size_t at = std::clamp(place, from, to - 1);
    const auto begin = distances.begin();
    const auto offset = [](size_t x) { return static_cast<std::ptrdiff_t>(x); };
    std::nth_element(begin + offset(from), begin + offset(at), begin + offset(to));
    out.at[i] = bounded(distances[at]);
    return at;
  };
  size_t to = n;
  for (size_t i = PairQuantiles::kLower; i-- > known;) to = select(i, 0, to) + 1;
  size_t from = 0;
  for (size_t i = std::max(PairQuantiles::kLower, known); i < PairQuantiles::kCount; ++i) {
    from = select(i, from, n);
  }
  const double reference = out.at[known];
  const double slope = tail_slope(out, known);
  for (size_t i = known; i-- > 0;) {
    const double fewer = PairQuantiles::probability(i) / PairQuantiles::probability(known);
    if (has_power_law(metric, exponent)) {
      const double shrunk = std::pow(fewer, 1 / exponent);
      out.at[i] = bounded(reference * (metric == SphereMetric::kCosine ? shrunk * shrunk : shrunk));
    } else {
      out.at[i] = slope > 0 ? bounded(reference + std::log(fewer) / slope) : out.at[known];
    }
  }
  return out;
}

double share_within(const PairQuantiles& pairs, SphereMetric metric, double exponent, double radius) {
  if (!(radius == radius)) return 1;
  constexpr size_t kLast = PairQuantiles::kCount - 1;
  const float* at = pairs.at;
  if (radius > at[kLast]) return 1;
  if (metric != SphereMetric::kInner && !(radius > 0)) return 0;
  if (radius < at[0]) {
    const double least = PairQuantiles::probability(0);
    if (has_power_law(metric, exponent)) {
      return least * std::pow(as_length(metric, radius) / as_length(metric, at[0]), exponent);
    }
    return least * std::exp((radius - at[0]) * tail_slope(pairs, 0));
  }
  // The last quantile that is not above the radius: where several are equal, the share of all of them.
  size_t i = 0;
  while (i < kLast && at[i + 1] <= radius) ++i;
  if (i == kLast) return 1;
  const double low = PairQuantiles::probability(i), high = PairQuantiles::probability(i + 1);
  const double span = static_cast<double>(at[i + 1]) - at[i];
  double part = (radius - at[i]) / span;
  if (high > 0.5) return low + part * (high - low);
  if (metric != SphereMetric::kInner && at[i] > 0) {
    part = std::log(radius / at[i]) / std::log(static_cast<double>(at[i + 1]) / at[i]);
  }
  return low * std::pow(high / low, std::clamp(part, 0.0, 1.0));
}

}  // namespace lowdim::core
