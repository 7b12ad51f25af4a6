// The estimators of intrinsic dimension by name: what k each takes, how many neighbours that needs, and one
// way to call them all. Between the options of job.h and report.h and the estimators themselves.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/stop.h"
#include "core/codec/matrix.h"
#include "core/codec/options.h"
#include "core/dimension/estimate.h"
#include "core/dimension/neighbours.h"

namespace lowdim::core {

enum class DimensionMethod : uint8_t {
  kMle,
  kLocalMean,
  kTwoNn,
  kTwoNnMl,
  kGride,
  kMind,
  kCorrelation,
  kDanco,
  kEssA,
  kEssB,
  kFukunagaOlsen,
  kParticipationRatio,
};

// k: the default and the range, 0 where there is none.
struct DimensionMethodInfo {
  const char* name;
  DimensionMethod method;
  uint32_t k, low, high;
  uint32_t factor, more;  // neighbours = factor k + more

  uint32_t neighbours(uint32_t of_k) const { return factor * of_k + more; }
  bool of_distances() const { return factor + more > 0; }  // or of the covariance's eigenvalues
};

constexpr size_t kDimensionMethods = 12;
const DimensionMethodInfo& dimension_method(size_t i);  // i < kDimensionMethods
inline const DimensionMethodInfo& dimension_method(DimensionMethod m) {
  return dimension_method(static_cast<size_t>(m));
}
// Throws Error(kInvalidParameter) that lists the names.
const DimensionMethodInfo& dimension_method_named(const OptionPair& p);

// A method of distances; `table` has at least neighbours(k) of the rows. The seed is DANCo's. Throws Stopped,
// and what the estimators throw.
Estimate estimate_of_neighbours(DimensionMethod method, uint32_t k, Rows rows, const NeighbourTable& table,
                                uint64_t seed, const Stop& stop);

// Pairs of a sample of 3,000 are measured in 0.2 s at 784 dimensions (bench/core/dimension.cpp).
constexpr uint32_t kDefaultDimensionSample = 3000;
constexpr uint32_t kMaxDimensionSample = 1000000;
// The number that an option has. Throws Error(kInvalidParameter) that says the range.
double option_number(const OptionPair& p, double low, double high, bool whole);

// How many rows of a sample fit budget_bytes where each takes row_bytes, at most `wanted`. Throws
// Error(kLimit) where that is not even a small sample.
size_t sample_that_fits(size_t wanted, size_t row_bytes, size_t budget_bytes, size_t dims);

}  // namespace lowdim::core
