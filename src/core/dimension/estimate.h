// What every estimator of core/dimension answers: a number, how far off it may be by chance, and the scale at
// which it was measured. A dimension without its scale says little: with more points, or fewer neighbours of
// each, one looks at a finer scale of the same data and may find another number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace lowdim::core {

constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

struct Estimate {
  double value = kAbsent;           // NaN where there is none: `reason` then says why; never infinite
  double standard_error = kAbsent;  // NaN where none is known
  size_t points = 0;                // points whose neighbours went into the estimate
  size_t base = 0;                  // points among which the neighbours were looked for
  uint32_t k = 0;                   // neighbours of each that were used; 0 for estimators without neighbours
  const char* reason = nullptr;     // a constant text

  bool known() const { return value == value; }
};

constexpr const char* kTooFewPoints = "too few points";
constexpr const char* kTooFewNeighbours = "no point has enough neighbours at a distance above zero";
constexpr const char* kBadDistances = "distances must be finite and not negative";
constexpr const char* kEquallyFar = "all neighbours are equally far: no finite dimension fits";

}  // namespace lowdim::core
