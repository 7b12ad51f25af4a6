// Which share of a column's rows lies within a sphere: what the planner asks for the range operators.
//
// A known center is compared with the pivots. Where at least five lie within the radius, their share is the
// answer; where fewer do, the fifth nearest one is where counting ends, and from there the number of rows
// falls as the radius to the power of the intrinsic dimension:
//   (4.5 / pivots) (radius / distance of the fifth)^dimension.
// Inner products have no such law: there the share falls as the tail of a normal distribution that is fitted
// to the center's own products with the pivots. An unknown center is an average one: pair_quantiles.h.
//
// All answers are shares of the rows that are not NULL, not below 1 / rows, and 1 at most. None throws but
// for memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/statistics/pivots.h"
#include "core/statistics/vector_statistics.h"

namespace lowdim::core {

// `rows` of the table. The center has the statistics' dims.
double selectivity(const VectorStatistics& statistics, const Pivots& pivots, SphereMetric metric,
                   const float* center, double radius, double rows);

double selectivity_of_any(const VectorStatistics& statistics, SphereMetric metric, double radius,
                          double rows);

// Of pairs of rows, one of each column; both have the same dims, and pivots. `pairs`: how many there are.
double join_selectivity(const VectorStatistics& a, const Pivots& pivots_a, const VectorStatistics& b,
                        const Pivots& pivots_b, SphereMetric metric, double radius, double pairs);

}  // namespace lowdim::core
