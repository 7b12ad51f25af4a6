// Distances to the nearest neighbours, exactly, for the estimators of core/dimension: all pairs by the
// kernels of core/simd, in blocks that stay in cache.
//
// Equal rows are no neighbours here: a distance of zero has no logarithm, and a single duplicate would turn
// an estimate to zero. Zero distances are dropped and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/stop.h"
#include "core/codec/matrix.h"

namespace lowdim::core {

// The k nearest of `base` rows for each of n points; fewer where there are fewer.
struct NeighbourTable {
  static constexpr uint32_t kMaxNeighbours = 1000;

  size_t n = 0;
  size_t base = 0;
  uint32_t k = 0;
  std::vector<float> distances;  // n x k Euclidean distances above zero, each row ascending, then infinity
  std::vector<uint32_t> ids;     // n x k, rows of the base
  std::vector<uint32_t> found;   // n: how many of the k there are
  std::vector<uint32_t> zeros;   // n: other rows at distance zero

  const float* row(size_t i) const { return distances.data() + i * k; }
  const uint32_t* ids_of(size_t i) const { return ids.data() + i * k; }
  // Share of the points that have a duplicate.
  double duplicated() const;
};

// Squared distances up to this are taken for zero between rows that were divided by their norms: rows with
// one direction are equal then but for the last bits.
constexpr float kSameDirection = 1e-13f;

// Collects the nearest rows of a base that comes in pieces.
class NeighbourSearch {
 public:
  // The points stay where they are. zero: largest squared distance that counts as none. 1 <= k <=
  // kMaxNeighbours, or it throws Error(kInvalidParameter).
  NeighbourSearch(Rows points, uint32_t k, float zero = 0);

  // Rows of the base, numbered from `first` on. own[i] is the number that points[i] has in the base, and is
  // no neighbour of it; nullptr if they are no rows of the base, or it does not matter that each has one more
  // row at distance zero then. Throws Error(kData) for other dimensions and if a squared distance overflows
  // (scale_rows helps).
  void offer(Rows base, uint32_t first, const uint32_t* own, const Stop& stop);
  // Every point against every other, each pair once. Nothing else may have been offered.
  void offer_points(const Stop& stop);

  // The squared distance of the k-th nearest so far; infinite for fewer.
  float worst(size_t i) const { return worst_[i]; }

  NeighbourTable finish();

 private:
  void put(size_t i, uint32_t id, float squared);
  void insert(size_t i, uint32_t id, float squared);

  Rows points_;
  float zero_;
  NeighbourTable table_;
  std::vector<float> worst_;  // the k-th squared distance so far
};

// Each row against all others.
NeighbourTable nearest_of_sample(Rows rows, uint32_t k, const Stop& stop, float zero = 0);

// Each of `points` against `base`; own as above.
NeighbourTable nearest_in_base(Rows points, Rows base, const uint32_t* own, uint32_t k, const Stop& stop);

// Multiplies the rows by a power of two, exactly, such that the largest absolute value is in [1, 2) and no
// squared distance can overflow or vanish; returns the factor. Components below 2^-125 of the largest may
// vanish. 1 if all are zero, or of ordinary size already (2^-20 to 2^20).
double scale_rows(std::vector<float>& rows);
// The factor for a largest absolute value.
double scale_for(float largest);

}  // namespace lowdim::core
