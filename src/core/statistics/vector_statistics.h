// What ANALYZE learns of a column of vectors, and what the planner reads: figures of fixed number and, beside
// them, some rows as pivots (pivots.h). Plain data, so that both sides of the server may hold it.
//
// Image: an array of float4, as pg_statistic keeps it, that describes itself:
//   0 version, 1 how many numbers follow in all, 2 dims, 3 pivots, then the figures in the order of
//   vector_statistics.cpp, then for each metric its quantiles.
// A newer version may only append; before 2, pivots were kept in another way. Reading believes nothing: what
// could not have been written is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/statistics/pair_quantiles.h"

namespace lowdim::core {

struct VectorStatistics {
  static constexpr uint32_t kVersion = 2;

  uint32_t dims = 0;
  uint32_t pivots = 0;
  float rows = 0;             // of the sample that was measured
  float anchors = 0;          // of these, rows whose neighbours were looked for among all
  float other_dims = 0;       // share of the rows seen that had other dimensions and were left out
  float zeros = 0;            // share of zero vectors
  float duplicates = 0;       // share of rows that equal another row of the sample
  float near_duplicates = 0;  // share of anchors whose nearest is nearer than a tenth of the median distance
  float norm_mean = 0, norm_sd = 0;
  // Intrinsic dimension (MacKay and Ghahramani, k = 20) by Euclidean distance at the scales of the whole
  // sample, its half and its quarter, and by chords of unit vectors; 0: not known.
  float dimension = 0, dimension_error = 0, dimension_half = 0, dimension_quarter = 0, dimension_chord = 0;
  float local_p10 = 0, local_p50 = 0, local_p90 = 0;  // of the anchors' own values; 0: not known
  float participation = 0;                            // ratio, of the covariance; 0: not known
  float components_90 = 0, components_98 = 0;         // that keep so much of the variance; 0: not known
  PairQuantiles pairs[kSphereMetrics];

  // Exponent of the number of rows within a small radius; 0: not known, or no power law.
  double exponent(SphereMetric metric) const;
};

// How many numbers an image has.
size_t statistics_numbers();
// `out` has room for statistics_numbers().
void write_statistics(const VectorStatistics& statistics, float* out);
// False for anything that write_statistics cannot have written. Never throws.
bool read_statistics(const float* numbers, size_t n, VectorStatistics* out);

}  // namespace lowdim::core
