// See estimators.h.

#include "core/dimension/estimators.h"

#include <algorithm>
#include <cmath>

#include "core/simd/kernels.h"

namespace lowdim::core {
namespace {

Estimate absent(const NeighbourTable& table, uint32_t k, const char* reason) {
  Estimate e;
  e.base = table.base;
  e.k = k;
  e.reason = table.base < 2 ? kTooFewPoints : reason;
  return e;
}

Estimate found(const NeighbourTable& table, uint32_t k, size_t points, double value, double error) {
  if (!(value > 0 && std::isfinite(value))) return absent(table, k, kEquallyFar);
  Estimate e;
  e.value = value;
  e.standard_error = std::isfinite(error) ? error : kAbsent;
  e.points = points;
  e.base = table.base;
  e.k = k;
  return e;
}

double log_ratio(float far, float near) {
  return std::log(static_cast<double>(far) / static_cast<double>(near));
}

// The sum of ln(T_k / T_j) over j < k.
double sum_of_logs(const float* distances, uint32_t k) {
  double sum = 0;
  for (uint32_t j = 0; j + 1 < k; ++j) sum += log_ratio(distances[k - 1], distances[j]);
  return sum;
}

// ln(T_far / T_near) of every point that has both; far and near count from 1.
std::vector<double> log_ratios(const NeighbourTable& table, uint32_t near, uint32_t far) {
  std::vector<double> logs;
  if (far > table.k) return logs;
  for (size_t i = 0; i < table.n; ++i) {
    if (table.found[i] >= far) logs.push_back(log_ratio(table.row(i)[far - 1], table.row(i)[near - 1]));
  }
  return logs;
}

// The maximum of N ln d + c sum ln(1 - e^(-d L)) - s d: both Gride and MiND_ML are of this form. Its slope
//   N / d + c sum L / (e^(d L) - 1) - s
// falls from infinity to -s, so there is one root; Newton's steps are kept inside a bracket.
struct Likelihood {
  const std::vector<double>& logs;
  double c;
  double s;

  // Slope and curvature at d.
  void at(double d, double& slope, double& curvature) const {
    const double n = static_cast<double>(logs.size());
    slope = n / d - s;
    curvature = n / (d * d);
    for (const double l : logs) {
      const double e = std::expm1(d * l);
      if (!std::isfinite(e)) continue;  // its term is zero
      slope += c * (l > 0 ? l / e : 1 / d);
      curvature += c * (l > 0 ? l * l * (e + 1) / (e * e) : 1 / (d * d));
    }
  }

  double maximum() const {
    if (!(s > 0)) return std::numeric_limits<double>::infinity();
    // The slope is at most n (1 + c) / d - s, and at least n / d - s.
    const double n = static_cast<double>(logs.size());
    double low = n / s;
    double high = n * (1 + c) / s;
    double d = low;
    for (int step = 0; step < 200 && high - low > 1e-12 * high; ++step) {
      double slope, curvature;
      at(d, slope, curvature);
      if (std::abs(slope) <= 1e-12 * s) break;
      (slope > 0 ? low : high) = d;
      const double next = d + slope / curvature;
      d = next > low && next < high ? next : (low + high) / 2;
    }
    return d;
  }

  double standard_error(double d) const {
    double slope, curvature;
    at(d, slope, curvature);
    return 1 / std::sqrt(curvature);
  }
};

Estimate maximum_of(const NeighbourTable& table, uint32_t k, const Likelihood& likelihood) {
  const size_t n = likelihood.logs.size();
  if (n == 0) return absent(table, k, kTooFewNeighbours);
  const double d = likelihood.maximum();
  return found(table, k, n, d, std::isfinite(d) ? likelihood.standard_error(d) : kAbsent);
}

double sum(const std::vector<double>& values) {
  double total = 0;
  for (const double v : values) total += v;
  return total;
}

}  // namespace

Estimate mackay_ghahramani(const NeighbourTable& table, uint32_t k) {
  if (k < 2 || k > table.k) return absent(table, k, kTooFewNeighbours);
  std::vector<double> inverses;
  for (size_t i = 0; i < table.n; ++i) {
    if (table.found[i] >= k) inverses.push_back(sum_of_logs(table.row(i), k) / (k - 1));
  }
  if (inverses.empty()) return absent(table, k, kTooFewNeighbours);
  const double n = static_cast<double>(inverses.size());
  const double mean = sum(inverses) / n;
  double squares = 0;
  for (const double x : inverses) squares += (x - mean) * (x - mean);
  const double error = n > 1 ? std::sqrt(squares / (n - 1) / n) / (mean * mean) : kAbsent;
  return found(table, k, inverses.size(), 1 / mean, error);
}

Estimate local_dimension(const double* distances, size_t n) {
  Estimate e;
  e.points = 1;
  std::vector<double> kept;
  for (size_t i = 0; i < n; ++i) {
    if (!(distances[i] >= 0 && std::isfinite(distances[i]))) {
      e.reason = kBadDistances;
      return e;
    }
    if (distances[i] > 0) kept.push_back(distances[i]);
  }
  e.base = kept.size();
  e.k = static_cast<uint32_t>(kept.size());
  if (kept.size() < 2) {
    e.reason = kTooFewNeighbours;
    return e;
  }
  std::sort(kept.begin(), kept.end());
  double logs = 0;
  // The difference of logarithms: a quotient of a huge and a tiny distance may overflow.
  for (size_t j = 0; j + 1 < kept.size(); ++j) logs += std::log(kept.back()) - std::log(kept[j]);
  const double degrees = static_cast<double>(kept.size() - 1);
  const double value = degrees / logs;
  if (!std::isfinite(value)) {
    e.reason = kEquallyFar;
    return e;
  }
  e.value = value;
  e.standard_error = value / std::sqrt(degrees);
  return e;
}

Estimate mean_local(const NeighbourTable& table, uint32_t k) {
  if (k < 2 || k > table.k) return absent(table, k, kTooFewNeighbours);
  double total = 0, squares = 0;
  size_t points = 0, equally_far = 0;
  for (size_t i = 0; i < table.n; ++i) {
    if (table.found[i] < k) continue;
    const double value = (k - 1) / sum_of_logs(table.row(i), k);
    if (!std::isfinite(value)) {
      ++equally_far;
      continue;
    }
    ++points;
    const double step = value - total;
    total += step / static_cast<double>(points);
    squares += step * (value - total);
  }
  if (points == 0) return absent(table, k, equally_far > 0 ? kEquallyFar : kTooFewNeighbours);
  const double n = static_cast<double>(points);
  return found(table, k, points, total, points > 1 ? std::sqrt(squares / (n - 1) / n) : kAbsent);
}

Estimate two_nn_fit(const NeighbourTable& table, double share) {
  std::vector<double> logs = log_ratios(table, 1, 2);
  const size_t n = logs.size();
  const size_t used = static_cast<size_t>(static_cast<double>(n) * share);
  if (used == 0) return absent(table, 2, n > 0 ? kTooFewPoints : kTooFewNeighbours);
  std::sort(logs.begin(), logs.end());
  double xy = 0, xx = 0;
  for (size_t i = 0; i < used; ++i) {
    const double y = -std::log1p(-static_cast<double>(i + 1) / static_cast<double>(n));
    if (!std::isfinite(y)) break;  // share is 1
    xy += logs[i] * y;
    xx += logs[i] * logs[i];
  }
  return found(table, 2, n, xy / xx, kAbsent);
}

Estimate two_nn_ml(const NeighbourTable& table) {
  const std::vector<double> logs = log_ratios(table, 1, 2);
  if (logs.size() < 2) return absent(table, 2, logs.empty() ? kTooFewNeighbours : kTooFewPoints);
  const double n = static_cast<double>(logs.size());
  const double value = (n - 1) / sum(logs);
  return found(table, 2, logs.size(), value, value / std::sqrt(n));
}

Estimate gride(const NeighbourTable& table, uint32_t k) {
  if (k < 1 || k > table.k / 2) return absent(table, k, kTooFewNeighbours);
  const std::vector<double> logs = log_ratios(table, k, 2 * k);
  // (mu^d - 1)^(k-1) mu^(-d(2k-1)) = (1 - mu^-d)^(k-1) mu^(-d k)
  return maximum_of(table, k, {logs, k - 1.0, k * sum(logs)});
}

std::vector<Estimate> gride_scales(const NeighbourTable& table) {
  std::vector<Estimate> scales;
  for (uint32_t k = 1; 2 * k <= table.k; k *= 2) scales.push_back(gride(table, k));
  return scales;
}

Estimate mind_ml(const NeighbourTable& table, uint32_t k) {
  if (k < 1 || k >= table.k) return absent(table, k, kTooFewNeighbours);
  const std::vector<double> logs = log_ratios(table, 1, k + 1);
  return maximum_of(table, k, {logs, k - 1.0, sum(logs)});
}

Estimate mind_ml_integer(const NeighbourTable& table, uint32_t k, uint32_t max_dimension) {
  if (k < 1 || k >= table.k || max_dimension < 1) return absent(table, k, kTooFewNeighbours);
  const std::vector<double> logs = log_ratios(table, 1, k + 1);
  if (logs.empty()) return absent(table, k, kTooFewNeighbours);
  const double n = static_cast<double>(logs.size());
  const double s = sum(logs);
  if (!(s > 0)) return absent(table, k, kEquallyFar);
  double best = -std::numeric_limits<double>::infinity();
  uint32_t dimension = 1;
  for (uint32_t d = 1; d <= max_dimension; ++d) {
    double value = n * std::log(static_cast<double>(d)) - (d - 1.0) * s;
    for (const double l : logs) {
      if (k > 1 && l > 0) value += (k - 1.0) * std::log(-std::expm1(-static_cast<double>(d) * l));
    }
    if (value > best) {
      best = value;
      dimension = d;
    }
  }
  return found(table, k, logs.size(), dimension, kAbsent);
}

Estimate correlation_dimension(Rows rows, const NeighbourTable& table, uint32_t k1, uint32_t k2,
                               const Stop& stop) {
  if (k1 < 1 || k1 >= k2 || k2 > table.k || rows.n != table.n) return absent(table, k2, kTooFewNeighbours);
  std::vector<float> near, far;
  for (size_t i = 0; i < table.n; ++i) {
    if (table.found[i] < k2) continue;
    near.push_back(table.row(i)[k1 - 1]);
    far.push_back(table.row(i)[k2 - 1]);
  }
  if (near.empty()) return absent(table, k2, kTooFewNeighbours);
  const auto median = [](std::vector<float>& x) {
    const auto middle = x.begin() + static_cast<ptrdiff_t>(x.size() / 2);
    std::nth_element(x.begin(), middle, x.end());
    return static_cast<double>(*middle);
  };
  const size_t points = near.size();
  const double r1 = median(near), r2 = median(far);
  if (!(r2 > r1)) return absent(table, k2, kEquallyFar);
  const auto distance = simd::kernels().l2sq_f32;
  uint64_t within1 = 0, within2 = 0;
  for (size_t i = 0; i < rows.n; ++i) {
    // The table answers for the points whose last neighbour is beyond r2: each of their pairs twice.
    if (table.found[i] == table.k && static_cast<double>(table.row(i)[table.k - 1]) >= r2) {
      const float* const d = table.row(i);
      within1 += static_cast<uint64_t>(std::count_if(d, d + table.k, [&](float x) { return x < r1; }));
      within2 += static_cast<uint64_t>(std::count_if(d, d + table.k, [&](float x) { return x < r2; }));
      continue;
    }
    for (size_t j = 0; j < rows.n; ++j) {
      if (j % 256 == 0) stop.check();
      const float d = std::sqrt(distance(rows.row(i), rows.row(j), static_cast<uint32_t>(rows.dims)));
      if (j == i || d == 0) continue;
      within1 += static_cast<double>(d) < r1;
      within2 += static_cast<double>(d) < r2;
    }
  }
  if (within1 == 0) return absent(table, k2, kTooFewNeighbours);
  return found(table, k2, points,
               std::log(static_cast<double>(within2) / static_cast<double>(within1)) / std::log(r2 / r1),
               kAbsent);
}

}  // namespace lowdim::core
