// See danco.h.

#include "core/dimension/danco.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/base/random.h"
#include "core/dimension/estimators.h"

namespace lowdim::core {
namespace {

constexpr uint32_t kMostNeighbours = 20;
constexpr uint32_t kPatience = 4;  // dimensions without progress before a direction is given up

// The derivative of ln gamma, for x > 0: recurrence, then its asymptotic series.
double digamma(double x) {
  double sum = 0;
  for (; x < 10; x += 1) sum -= 1 / x;
  const double r = 1 / (x * x);
  return sum + std::log(x) - 0.5 / x -
         r * (1.0 / 12 - r * (1.0 / 120 - r * (1.0 / 252 - r * (1.0 / 240 - r / 132))));
}

// ln I_0(x), and I_1(x) / I_0(x), modified Bessel functions: series, or asymptotic where that overflows.
double log_bessel0(double x) {
  if (x < 500) return std::log(std::cyl_bessel_i(0.0, x));
  return x - 0.5 * std::log(2 * M_PI * x) + 1 / (8 * x);
}
double bessel_ratio(double x) {
  if (x < 500) return std::cyl_bessel_i(1.0, x) / std::cyl_bessel_i(0.0, x);
  return 1 - 1 / (2 * x) - 1 / (8 * x * x);
}

// The concentration of a von Mises distribution whose mean vector has length eta (Fisher 1993).
double concentration(double eta) {
  eta = std::min(eta, 0.999);  // all angles equal: no finite one
  if (eta < 0.53) return 2 * eta + eta * eta * eta + 5 * std::pow(eta, 5) / 6;
  if (eta < 0.85) return -0.4 + 1.39 * eta + 0.43 / (1 - eta);
  return 1 / (eta * eta * eta - 4 * eta * eta + 3 * eta);
}

}  // namespace

DancoStatistics danco_statistics(Rows rows, const NeighbourTable& table, uint32_t k, const Stop& stop) {
  DancoStatistics s;
  const Estimate mind = mind_ml(table, k);
  if (k < 2 || k >= table.k || !mind.known() || rows.n != table.n) return s;
  double nu = 0, tau = 0;
  MatrixD around(static_cast<Eigen::Index>(k), static_cast<Eigen::Index>(rows.dims));
  const auto all = rows.matrix();
  for (size_t i = 0; i < table.n; ++i) {
    if (table.found[i] <= k) continue;
    if (i % 16 == 0) stop.check();
    const auto centre = all.row(static_cast<Eigen::Index>(i)).cast<double>();
    for (uint32_t j = 0; j < k; ++j) {
      auto v = around.row(j);
      v = all.row(static_cast<Eigen::Index>(table.ids_of(i)[j])).cast<double>() - centre;
      v /= v.norm();
    }
    const MatrixD cosines = around * around.transpose();
    double sines_sum = 0, cosines_sum = 0;
    for (uint32_t a = 0; a < k; ++a) {
      for (uint32_t b = 0; b < a; ++b) {
        const double c = std::clamp(cosines(a, b), -1.0, 1.0);
        cosines_sum += c;
        sines_sum += std::sqrt((1 - c) * (1 + c));
      }
    }
    nu += std::atan2(sines_sum, cosines_sum);
    tau += concentration(std::hypot(sines_sum, cosines_sum) / (k * (k - 1) / 2.0));
    ++s.points;
  }
  s.dimension = mind.value;
  s.nu = nu / static_cast<double>(s.points);
  s.tau = tau / static_cast<double>(s.points);
  return s;
}

double danco_divergence(const DancoStatistics& data, const DancoStatistics& ball, uint32_t k) {
  const double q = ball.dimension / data.dimension;
  double harmonic = 0, sum = 0, binomial = 1;
  for (uint32_t i = 0; i <= k; ++i) {
    sum += (i % 2 == 0 ? binomial : -binomial) * digamma(1 + i / q);
    if (i > 0) harmonic += 1.0 / i;
    binomial = binomial * (k - i) / (i + 1);
  }
  const double distances = harmonic * q - 1 - (harmonic - 1.0 / k) - std::log(q) - (k - 1) * sum;
  const double angles = log_bessel0(ball.tau) - log_bessel0(data.tau) +
                        bessel_ratio(data.tau) * (data.tau - ball.tau * std::cos(data.nu - ball.nu));
  return distances + angles;
}

Matrix uniform_ball(size_t n, uint32_t dimension, uint64_t seed) {
  Random random(seed);
  // Marsaglia's polar method: exactly isotropic, which sums of uniforms are not.
  const auto normal = [&] {
    for (;;) {
      const double u = 2 * random.uniform() - 1, v = 2 * random.uniform() - 1, s = u * u + v * v;
      if (s > 0 && s < 1) return u * std::sqrt(-2 * std::log(s) / s);
    }
  };
  Matrix points(static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(dimension));
  VectorD x(static_cast<Eigen::Index>(dimension));
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    for (double& c : x) c = normal();
    x *= std::pow(random.uniform(), 1.0 / dimension) / x.norm();
    points.row(i) = x.transpose().cast<float>();
  }
  return points;
}

Estimate danco(Rows rows, const NeighbourTable& table, uint32_t k, uint32_t max_dimension, uint64_t seed,
               const Stop& stop) {
  Estimate e;
  e.base = table.base;
  e.k = k;
  e.reason = table.base < 2 ? kTooFewPoints : kTooFewNeighbours;
  if (k < 2 || k > kMostNeighbours || k >= table.k || max_dimension < 1) return e;
  const Estimate mind = mind_ml(table, k);
  const DancoStatistics data = danco_statistics(rows, table, k, stop);
  if (data.points == 0) {
    if (mind.reason != nullptr) e.reason = mind.reason;
    return e;
  }
  std::map<uint32_t, double> divergences;
  const auto divergence = [&](uint32_t d) {
    const auto known = divergences.find(d);
    if (known != divergences.end()) return known->second;
    const Matrix ball = uniform_ball(std::max<size_t>(data.points, k + 2), d, mix64(seed ^ mix64(d)));
    const Rows sample{ball.data(), static_cast<size_t>(ball.rows()), d};
    const NeighbourTable around = nearest_of_sample(sample, k + 1, stop);
    return divergences[d] = danco_divergence(data, danco_statistics(sample, around, k, stop), k);
  };
  const uint32_t start =
      static_cast<uint32_t>(std::clamp(std::round(data.dimension), 1.0, static_cast<double>(max_dimension)));
  uint32_t best = start;
  // Upwards first: with few points MiND_ML finds too few dimensions, never many too many.
  for (const int step : {1, -1}) {
    uint32_t since = 0;
    for (int64_t d = start; d >= 1 && d <= max_dimension && since <= kPatience; d += step) {
      const bool better = divergence(static_cast<uint32_t>(d)) < divergence(best);
      if (better) best = static_cast<uint32_t>(d);
      since = better ? 0 : since + 1;
    }
  }
  double shift = 0;
  if (best > 1 && best < max_dimension) {
    const double below = divergence(best - 1), at = divergence(best), above = divergence(best + 1);
    const double bend = below - 2 * at + above;
    if (bend > 0) shift = std::clamp((below - above) / (2 * bend), -0.5, 0.5);
  }
  e.value = best + shift;
  e.points = data.points;
  e.reason = nullptr;
  return e;
}

}  // namespace lowdim::core
