// See calibration.h.

#include "core/privacy/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lowdim::core {
namespace {

// More than the error of a handful of double operations.
constexpr double kUp = 1 + 0x1p-44;
constexpr double kDown = 1 - 0x1p-44;

double normal_cdf(double x) { return 0.5 * std::erfc(-x * 0.70710678118654752440); }

}  // namespace

double zcdp_epsilon(double rho, double delta) {
  if (rho == 0) return 0;
  return (rho + 2 * std::sqrt(rho * -std::log(delta))) * kUp;
}

// sqrt(rho) = sqrt(l + epsilon) - sqrt(l) with l = ln(1/delta), written without the cancellation.
double zcdp_rho(double epsilon, double delta) {
  const double l = -std::log(delta);
  const double root = epsilon / (std::sqrt(l + epsilon) + std::sqrt(l));
  return root * root * kDown;
}

double zcdp_sigma(double rho) { return 1 / std::sqrt(2 * rho) * kUp; }

double analytic_delta(double sigma, double epsilon) {
  const double half = 0.5 / sigma;
  const double first = normal_cdf(half - epsilon * sigma);
  const double second = std::exp(epsilon) * normal_cdf(-half - epsilon * sigma);
  // Both terms are exact to some units of their last place, their difference to as many of theirs.
  return std::max(first - second, 0.0) + first * 0x1p-44;
}

double analytic_sigma(double epsilon, double delta) {
  double low = 0, high = 1;
  while (analytic_delta(high, epsilon) > delta && high < 0x1p200) {
    low = high;
    high *= 2;
  }
  for (int i = 0; i < 200 && high - low > high * 1e-12; ++i) {
    const double middle = (low + high) / 2;
    (analytic_delta(middle, epsilon) > delta ? low : high) = middle;
  }
  return high;
}

double PrivacyCost::epsilon_at(double at) const {
  double best = std::numeric_limits<double>::infinity();
  if (delta <= at) best = epsilon;
  if (at > 0 && at < 1 && std::isfinite(rho)) best = std::min(best, zcdp_epsilon(rho, at));
  return best;
}

PrivacyCost pure_cost(double epsilon) { return {epsilon, 0, epsilon * epsilon / 2 * kUp}; }

PrivacyCost together(const PrivacyCost& a, const PrivacyCost& b) {
  const auto add = [](double x, double y) {
    return x == 0 || y == 0 ? x + y : std::nextafter(x + y, std::numeric_limits<double>::infinity());
  };
  return {add(a.epsilon, b.epsilon), add(a.delta, b.delta), add(a.rho, b.rho)};
}

PrivacyCost beside(const PrivacyCost& a, const PrivacyCost& b) {
  return {std::max(a.epsilon, b.epsilon), std::max(a.delta, b.delta), std::max(a.rho, b.rho)};
}

}  // namespace lowdim::core
