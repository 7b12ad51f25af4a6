// The dimension of the flat space that holds the data: eigenvalues of the covariance, and what is read off
// them. These see a bent sheet as large as the box that it needs; the estimators of estimators.h see the
// sheet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/stop.h"
#include "core/codec/matrix.h"
#include "core/dimension/estimate.h"

namespace lowdim::core {

// Eigenvalues of the covariance of `rows` (divided by their number), all rows.dims of them, largest first,
// none negative. counts[i] is how often row i is there; nullptr for once each. Empty without rows. Takes
// memory for a square matrix of doubles of the smaller of n and dims; throws Error(kLimit) if that exceeds
// budget_bytes.
std::vector<double> covariance_spectrum(Rows rows, const uint64_t* counts, size_t budget_bytes,
                                        const Stop& stop);

// The same matrix's sum and sum of squares of eigenvalues, without finding them.
struct SpectrumSums {
  double sum = 0;
  double squares = 0;
};
SpectrumSums spectrum_sums(Rows rows, const uint64_t* counts, size_t budget_bytes, const Stop& stop);

// Of eigenvalues, largest first. n of the estimate is left 0; the caller knows it.
// (sum)^2 / sum of squares: D for D equal eigenvalues, 1 for a single one. For n rows of an isotropic
// Gaussian in D dimensions it is D / (1 + (D+1)/n), so it needs many more rows than dimensions.
Estimate participation_ratio(const SpectrumSums& sums);
Estimate participation_ratio(const std::vector<double>& values);
// Fukunaga and Olsen (1971): how many are above `threshold` of the largest.
Estimate fukunaga_olsen(const std::vector<double>& values, double threshold = 0.05);
// The fewest leading ones whose sum reaches `share` of the whole, 0 < share <= 1.
Estimate components_for_share(const std::vector<double>& values, double share);

}  // namespace lowdim::core
