// See labels.h.

#include "core/dimension/labels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/simd/kernels.h"

namespace lowdim::core {
namespace {

constexpr const char* kOneLabel = "no two points at different places have different labels";

void check(bool good, const char* what) {
  if (!good) throw Error(ErrorKind::kInvalidParameter, what);
}

// ln of the binomial coefficient (a over b) for real a >= b >= 0.
double log_binomial(double a, double b) {
  return std::lgamma(a + 1) - std::lgamma(b + 1) - std::lgamma(a - b + 1);
}

}  // namespace

LabelSharpness label_sharpness(Rows rows, const uint32_t* labels, double quantile, const Stop& stop) {
  check(quantile >= 0 && quantile <= 1, "the quantile must be from 0 to 1");
  constexpr float kNone = std::numeric_limits<float>::infinity();
  LabelSharpness out;
  std::vector<float> nearest(rows.n, kNone);  // squared, of another label
  const auto distance = simd::kernels().l2sq_f32;
  float least = kNone;
  for (size_t i = 0; i < rows.n; ++i) {
    for (size_t j = i + 1; j < rows.n; ++j) {
      if (j % 64 == 0) stop.check();
      if (labels[i] == labels[j]) continue;
      const float squared = distance(rows.row(i), rows.row(j), static_cast<uint32_t>(rows.dims));
      if (!(squared < kNone)) {
        throw Error(ErrorKind::kData, "vectors are too large: their squared distances overflow");
      }
      if (squared == 0) {
        ++out.conflicts;
        continue;
      }
      nearest[i] = std::min(nearest[i], squared);
      nearest[j] = std::min(nearest[j], squared);
      if (squared < least) {
        least = squared;
        out.a = i;
        out.b = j;
      }
    }
  }
  std::vector<double> sharpness;
  for (const float squared : nearest) {
    if (squared < kNone) sharpness.push_back(1 / std::sqrt(static_cast<double>(squared)));
  }
  out.points = sharpness.size();
  if (sharpness.empty()) {
    out.reason = kOneLabel;
    return out;
  }
  out.value = 1 / std::sqrt(static_cast<double>(least));
  // Linear between the values, as percentile_cont does.
  std::sort(sharpness.begin(), sharpness.end());
  const double at = quantile * static_cast<double>(sharpness.size() - 1);
  const size_t below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sharpness.size() - 1);
  out.quantile = sharpness[below] + (at - static_cast<double>(below)) * (sharpness[above] - sharpness[below]);
  return out;
}

TaskDifficulty task_difficulty(double n, double classes, double dimension, double radius, double separation,
                               double error) {
  const auto positive = [](double x) { return x > 0 && std::isfinite(x); };
  check(n >= 1 && std::isfinite(n), "the number of samples must be at least 1");
  check(classes >= 2 && std::isfinite(classes), "there must be at least 2 classes");
  check(dimension > 1 && std::isfinite(dimension), "the intrinsic dimension must be above 1");
  check(positive(radius), "the radius must be above 0");
  check(positive(separation), "the separation of the classes must be above 0");
  check(error > 0 && error < 1, "the error must be between 0 and 1");
  constexpr double kBandwidth = 1;  // B of the paper
  const double m = dimension;
  const double outputs = classes - 1;
  const double ratio = 2 * M_PI * radius / separation;
  TaskDifficulty out;
  out.frequency = (std::hypot(m - 1, 2 * ratio) - (m - 1)) / 2;
  const double k = out.frequency;
  out.parameters = std::exp(log_binomial(m + k, m)) + std::exp(log_binomial(m + k - 1, m));
  const double size = 2 * outputs * classes * out.parameters - n * outputs;
  const double log_width =
      0.5 * std::log(m / 6) +
      (std::log(2.0) + (m + 1) / 2 * std::log(M_PI) + std::log(classes) - std::lgamma((m + 1) / 2)) / m +
      std::log(radius) - std::log(n) / m;
  out.bits =
      size * (std::log2(kBandwidth) + 0.5 * std::log2(outputs) + 0.5 * std::log2(classes) - std::log2(error) +
              std::log2(k * std::sqrt(outputs) / radius) + log_width / std::log(2.0));
  if (!std::isfinite(out.bits)) {
    throw Error(ErrorKind::kLimit, "the difficulty is beyond the range of double precision");
  }
  return out;
}

}  // namespace lowdim::core
