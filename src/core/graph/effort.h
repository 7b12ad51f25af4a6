// How much of its answer a search has by now, judged while it runs: so that it can stop when it has enough,
// and easy queries need not pay for hard ones.
//
// What is watched, after a node has been expanded:
//   open      how many of the candidates that are scored but not expanded belong to the nearest ten, as far
//             as codes can tell: each by the chance that its distance, the estimate with the error that the
//             last estimates had, is below the tenth distance found
//   quiet     nodes expanded since the ten nearest changed
//   expanded  nodes in all
//   gap       how far beyond the tenth distance the search is by now, as a share of it
// A model per index, fitted to searches whose answers are known (graph/effort_fit.h), makes of them the odds
// that one of the ten nearest is missing. Distances are in the unit of the code's estimates, up to a
// constant: squared for L2.
//
// The measures of DARTH (Chatzakis et al., 2025) with `open` added, and a logistic model in place of its
// trees, so that an index can learn it of its own searches. Plain data; called by searches and by
// calibration.
#pragma once

#include <cstdint>

#include "core/graph/code.h"
#include "core/graph/deep_beam.h"

namespace lowdim::core {

inline constexpr uint32_t kEffortFeatures = 4;
inline constexpr uint32_t kEffortNeighbours = 10;
// No search is judged before it has seen that many rows: the ten, one that shows that the tenth is the tenth,
// and one for ties.
inline constexpr uint32_t kEffortLeast = kEffortNeighbours + 2;

// Log odds that a neighbour is missing: constant + the sum of weights times features. On disk: never reorder.
struct EffortModel {
  float constant;
  float weights[kEffortFeatures];

  float missing(const float* features) const {
    float sum = constant;
    for (uint32_t i = 0; i < kEffortFeatures; ++i) sum += weights[i] * features[i];
    return sum;
  }
};

class EffortMeter {
 public:
  // A node was expanded that holds no row.
  void pass() { ++hops_; }
  // A row was: what its code had been taken for, and its distance.
  void see(double estimate, double distance);

  uint32_t hops() const { return hops_; }
  // Whether to read features now: at each node at first, then every eighth of the way.
  bool due() const { return rows_ >= kEffortLeast && hops_ >= due_; }
  // kEffortFeatures floats, all finite. `beam` and `tables` are those of the search.
  void read(const DeepBeam& beam, const GraphTables& tables, float* features);

 private:
  double open(const DeepBeam& beam, const GraphTables& tables) const;

  uint32_t hops_ = 0, due_ = 0, rows_ = 0, changed_ = 0;
  double nearest_[kEffortNeighbours] = {};  // of min(rows_, kEffortNeighbours), rising
  double error_ = 0, variance_ = 0;         // of distances over estimates, by recent rows
  double front_ = 0;                        // mean distance of the last ones
};

}  // namespace lowdim::core
