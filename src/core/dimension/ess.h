// Expected simplex skewness (Johnsson, Soneson, Fontes 2015): the dimension of a neighbourhood from the
// angles at its centre. In many dimensions two random directions are nearly at a right angle; on a line they
// are not. Uses the shape of the neighbourhood where the estimators of estimators.h use its density.
#pragma once

#include <cstdint>

#include "core/base/stop.h"
#include "core/codec/matrix.h"
#include "core/dimension/estimate.h"
#include "core/dimension/neighbours.h"

namespace lowdim::core {

// Both weigh each pair by the product of its lengths; ESS(a) averages |sin|, ESS(b) |cos| of the angle.
enum class EssVersion : uint8_t { kSine, kCosine };

// The expected |sin| or |cos| of the angle of two random directions in m >= 1 dimensions:
// G(m/2)^2 / (G((m-1)/2) G((m+1)/2)) and G(m/2) / (sqrt(pi) G((m+1)/2)), G the gamma function.
double expected_skewness(EssVersion version, uint32_t m);

// The dimension whose expected skewness is `skewness`, linear between whole dimensions. NaN where it is not
// between one dimension's and that of 2^20.
double dimension_of_skewness(EssVersion version, double skewness);

// The skewness of the rows about their mean; NaN for fewer than two vectors that are not zero then.
double skewness_of(EssVersion version, Rows rows);

// One neighbourhood as a whole.
Estimate ess(EssVersion version, Rows neighbourhood);

// The mean over the k-neighbourhoods (without their centres) of all points of the sample that the table was
// made of. Throws Stopped.
Estimate ess_of_sample(EssVersion version, Rows rows, const NeighbourTable& table, uint32_t k,
                       const Stop& stop);

}  // namespace lowdim::core
