// The distribution of distances between two rows of a column, as quantiles that are close where few pairs
// are: at 2^-16, 2^-15, ..., 1/2, and then 1 - 2^-2, ..., 1 - 2^-8 and 1. It answers which share of the rows
// lies within a radius of a row that is not known, and of a row of another column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lowdim::core {

// The distances of the range operators, as SQL has them: Euclidean, negative inner product, cosine, taxicab.
enum class SphereMetric : uint8_t { kL2, kInner, kCosine, kL1 };
constexpr size_t kSphereMetrics = 4;

struct PairQuantiles {
  static constexpr size_t kLower = 16, kUpper = 8, kCount = kLower + kUpper;

  float at[kCount] = {};  // ascending; distances, for cosine 1 - cos

  static double probability(size_t i);
};

// Of finite `distances`. Quantiles that fewer than five pairs stand for
// are continued from those above by a power law of `exponent`, or for inner products (and exponent 0) along
// the tail's last slope.
PairQuantiles pair_quantiles(const std::vector<float>& distances, SphereMetric metric, double exponent);

// The share of pairs at a distance less than the radius, from 0 to 1; below the least quantile continued as
// above. A radius of NaN is above all distances, as SQL compares.
double share_within(const PairQuantiles& pairs, SphereMetric metric, double exponent, double radius);

// A radius as a length whose powers count rows: cosine distances become chords of unit vectors.
double as_length(SphereMetric metric, double radius);

}  // namespace lowdim::core
