// Certain bounds from component-wise ones: of a vector u it is known that low_d <= u_d <= high_d (infinite
// ends allowed), of a query all. Sums are in double, and widened by what their rounding can be.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "core/codec/quantizer.h"

namespace lowdim::core {

class ComponentBounds {
 public:
  void add(double q, double low, double high) {
    if (q != 0) {
      inner_.low += q * (q > 0 ? low : high);
      inner_.high += q * (q > 0 ? high : low);
      magnitude_ += std::fabs(q) * std::max(std::fabs(low), std::fabs(high));
    }
    const double near = std::max({0.0, low - q, q - high}), far = std::max(q - low, high - q);
    l2sq_.low += near * near;
    l2sq_.high += far * far;
    ++n_;
  }

  Interval inner() const {
    const double slack = rounding() * magnitude_;
    const double low = inner_.low - slack, high = inner_.high + slack;
    // NaN where an infinite end met its opposite, or an infinite slack.
    constexpr double infinity = std::numeric_limits<double>::infinity();
    return {low > -infinity ? low : -infinity, high < infinity ? high : infinity};
  }
  Interval l2sq() const {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const double low = l2sq_.low * (1 - rounding()), high = l2sq_.high * (1 + rounding());
    return {low > 0 ? low : 0, high < infinity ? high : infinity};
  }

 private:
  // Of a sum of n products, each rounded up to three times.
  double rounding() const { return static_cast<double>(n_ + 8) * 0x1p-52; }

  Interval inner_{0, 0};
  Interval l2sq_{0, 0};
  double magnitude_ = 0;
  size_t n_ = 0;
};

}  // namespace lowdim::core
