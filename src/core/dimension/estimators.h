// Intrinsic dimension from distances to the nearest neighbours: how fast neighbours become more as one looks
// further. Within a small radius r of a point on a d-dimensional sheet, points multiply like r^d, wherever
// the sheet lies and however it is bent; d is read off ratios of distances, so units cancel.
//
// Below, T_j is the distance of a point to its j-th neighbour (neighbours.h: zero distances dropped), N the
// number of points that have all the neighbours needed; the others are left out. Every function answers
// anything: where there is no estimate, Estimate::value is NaN and Estimate::reason says why. None throws.
// Asked for more neighbours than the table has, they find no point with enough.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/dimension/estimate.h"
#include "core/dimension/neighbours.h"

namespace lowdim::core {

// MacKay and Ghahramani (2005), the maximum likelihood of all points together:
//   N (k-1) / sum over points, sum over j < k, of ln(T_k / T_j).
// The average of the pointwise estimates' inverses, inverted. Divisors of k-2, also found, belong to the mean
// of the values (mean_local), not to this one: they halve it at k = 3. k >= 2. The standard error is that of
// a mean of N independent values; neighbourhoods share points, and the spread between samples of the
// manifolds in dimension_manifold_test is about 1.4 times that at k = 20.
Estimate mackay_ghahramani(const NeighbourTable& table, uint32_t k);

// Levina and Bickel (2004), also called Hill's estimator or LID, of one point:
//   (k-1) / sum over j < k of ln(T_k / T_j)
// from its k >= 2 distances, in any order; zeros are dropped. Standard error: value / sqrt(k-1). No estimate
// where distances are negative or not finite.
Estimate local_dimension(const double* distances, size_t n);

// The mean of local_dimension over the points. Above mackay_ghahramani by (k-1)/(k-2) where the dimension is
// the same everywhere; more where it varies.
Estimate mean_local(const NeighbourTable& table, uint32_t k);

// Facco et al. (2017): mu = T_2 / T_1 has the distribution 1 - mu^-d. Fitted: the slope through the origin of
// -ln(1 - i/N) on ln mu_(i) over the smallest `share` of the mu. Or by maximum likelihood: (N-1) / sum ln mu,
// standard error value / sqrt(N).
Estimate two_nn_fit(const NeighbourTable& table, double share = 0.9);
Estimate two_nn_ml(const NeighbourTable& table);

// Denti et al. (2022), Gride: maximum likelihood of mu = T_2k / T_k, whose density is
//   d (mu^d - 1)^(k-1) mu^(-d(2k-1)-1) / B(k, k).
// k = 1 is TwoNN; larger k look at a coarser scale of all the data. `k` of the estimate is the k here.
Estimate gride(const NeighbourTable& table, uint32_t k);
// For k = 1, 2, 4, ... as far as the table has 2k neighbours.
std::vector<Estimate> gride_scales(const NeighbourTable& table);

// Lombardi et al. (2011), MiND_ML: maximum likelihood of rho = T_1 / T_(k+1),
//   N ln(k d) + (d-1) sum ln rho + (k-1) sum ln(1 - rho^d).
// The table has k+1 neighbours. The integer version takes the best of 1 to max_dimension.
Estimate mind_ml(const NeighbourTable& table, uint32_t k);
Estimate mind_ml_integer(const NeighbourTable& table, uint32_t k, uint32_t max_dimension);

// Grassberger and Procaccia (1983) between two radii, the medians of T_k1 and T_k2:
//   ln(C(r2) / C(r1)) / ln(r2 / r1), with C(r) the share of pairs closer than r.
// `rows` are those that the table was made of (nearest_of_sample). k of the estimate is k2. Throws Stopped.
Estimate correlation_dimension(Rows rows, const NeighbourTable& table, uint32_t k1, uint32_t k2,
                               const Stop& stop);

}  // namespace lowdim::core
