// See pair_quantiles.h.

#include "core/statistics/pair_quantiles.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <numeric>

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

// What is at the ascending `places` of n > 0 values once they are sorted. They are counted by where they lie
// between the least and the greatest of them, and then only those are sorted that lie where a place does.
std::vector<float> values_at(const std::vector<float>& values, const std::vector<size_t>& places) {
  constexpr size_t kBuckets = 4096;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double least = *low, span = static_cast<double>(*high) - least;
  const double scale = span > 0 ? kBuckets / span : 0;
  const auto bucket = [&](float x) {
    return std::min(static_cast<size_t>((static_cast<double>(x) - least) * scale), kBuckets - 1);
  };
  std::vector<size_t> below(kBuckets + 1);  // how many are in a bucket, and then: in those before it
  for (const float x : values) ++below[bucket(x)];
  std::exclusive_scan(below.begin(), below.end(), below.begin(), size_t{0});
  std::vector<uint8_t> wanted(kBuckets);
  std::vector<size_t> places_left;
  size_t at = 0, kept_before = 0;
  for (const size_t place : places) {
    while (below[at + 1] <= place) {
      if (wanted[at] != 0) kept_before += below[at + 1] - below[at];
      ++at;
    }
    wanted[at] = 1;
    places_left.push_back(kept_before + place - below[at]);
  }
  std::vector<float> kept;
  for (const float x : values) {
    if (wanted[bucket(x)] != 0) kept.push_back(x);
  }
  std::sort(kept.begin(), kept.end());
  std::vector<float> out;
  for (const size_t place : places_left) out.push_back(kept[place]);
  return out;
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

PairQuantiles pair_quantiles(const std::vector<float>& distances, SphereMetric metric, double exponent) {
  PairQuantiles out;
  const size_t n = distances.size();
  if (n == 0) return out;
  size_t known = 0;  // the least quantile with enough pairs
  while (known + 1 < PairQuantiles::kCount &&
         PairQuantiles::probability(known) * static_cast<double>(n) < kLeastPairs) {
    ++known;
  }
  std::vector<size_t> places;
  for (size_t i = known; i < PairQuantiles::kCount; ++i) {
    const double place = PairQuantiles::probability(i) * static_cast<double>(n);
    places.push_back(std::min(static_cast<size_t>(place), n - 1));
  }
  const std::vector<float> found = values_at(distances, places);
  std::transform(found.begin(), found.end(), out.at + known, [](float x) { return bounded(x); });
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
