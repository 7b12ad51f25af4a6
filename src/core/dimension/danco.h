// DANCo (Ceruti et al. 2014): the dimension whose uniform ball, sampled as often as the data, looks most like
// the data, by how near the nearest neighbour is (MiND_ML) and by the angles between neighbours (a von Mises
// distribution for each point). Because the balls have as few points as the data, the estimate does not fall
// behind in high dimensions, as those of estimators.h do. Costly: each dimension that is tried is a sample of
// its own with its neighbours.
#pragma once

#include <cstdint>

#include "core/base/stop.h"
#include "core/codec/matrix.h"
#include "core/dimension/estimate.h"
#include "core/dimension/neighbours.h"

namespace lowdim::core {

// What is compared: MiND_ML's dimension for k neighbours, and the mean direction and concentration of the
// angles between the k nearest neighbours, averaged over the points.
struct DancoStatistics {
  double dimension = kAbsent;
  double nu = kAbsent;
  double tau = kAbsent;
  size_t points = 0;  // that have k + 1 neighbours
};
DancoStatistics danco_statistics(Rows rows, const NeighbourTable& table, uint32_t k, const Stop& stop);

// Kullback-Leibler divergence of the balls' distributions from the data's; 0 for equal statistics.
double danco_divergence(const DancoStatistics& data, const DancoStatistics& ball, uint32_t k);

// n points uniform in the unit ball of `dimension` dimensions.
Matrix uniform_ball(size_t n, uint32_t dimension, uint64_t seed);

// The table is nearest_of_sample(rows, k + 1 or more). Tries dimensions up from and down from MiND_ML's,
// until the divergence has grown for a few, within 1 to max_dimension; then a parabola through the best and
// its neighbours. k from 2 to 20: beyond, alternating sums lose their digits. The same seed gives the same
// estimate. Throws Stopped.
Estimate danco(Rows rows, const NeighbourTable& table, uint32_t k, uint32_t max_dimension, uint64_t seed,
               const Stop& stop);

}  // namespace lowdim::core
