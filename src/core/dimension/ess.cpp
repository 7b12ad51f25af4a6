// See ess.h.

#include "core/dimension/ess.h"

#include <cmath>

namespace lowdim::core {
namespace {

constexpr uint32_t kMostDimensions = 1u << 20;
constexpr const char* kNoAngles = "no angles: fewer than two different points around the centre";
constexpr const char* kRightAngles = "the angles fit no finite dimension";

double skewness_of(EssVersion version, MatrixD points) {
  points.rowwise() -= points.colwise().mean().eval();
  const MatrixD products = points * points.transpose();
  double above = 0, below = 0;
  for (Eigen::Index i = 0; i < products.rows(); ++i) {
    for (Eigen::Index j = 0; j < i; ++j) {
      const double lengths = std::sqrt(products(i, i)) * std::sqrt(products(j, j));
      const double along = std::min(std::abs(products(i, j)), lengths);
      above += version == EssVersion::kCosine ? along : std::sqrt((lengths - along) * (lengths + along));
      below += lengths;
    }
  }
  return below > 0 ? above / below : kAbsent;
}

}  // namespace

double expected_skewness(EssVersion version, uint32_t m) {
  const double half = m / 2.0;
  if (version == EssVersion::kCosine) {
    return std::exp(std::lgamma(half) - std::lgamma(half + 0.5)) / std::sqrt(M_PI);
  }
  if (m < 2) return 0;
  return std::exp(2 * std::lgamma(half) - std::lgamma(half - 0.5) - std::lgamma(half + 0.5));
}

double dimension_of_skewness(EssVersion version, double skewness) {
  // |sin| grows with the dimension, |cos| falls: `past` says that m is as far as the skewness, or farther.
  const auto past = [&](uint32_t m) {
    const double e = expected_skewness(version, m);
    return version == EssVersion::kSine ? e >= skewness : e <= skewness;
  };
  const double first = expected_skewness(version, 1);
  if (!(version == EssVersion::kSine ? skewness >= first : skewness <= first)) return kAbsent;
  if (!past(kMostDimensions)) return kAbsent;
  uint32_t low = 1, high = kMostDimensions;
  while (high - low > 1) {
    const uint32_t middle = (low + high) / 2;
    (past(middle) ? high : low) = middle;
  }
  const double a = expected_skewness(version, low);
  const double b = expected_skewness(version, high);
  return low + (skewness - a) / (b - a);
}

double skewness_of(EssVersion version, Rows rows) {
  return rows.n < 2 ? kAbsent : skewness_of(version, MatrixD(rows.matrix().cast<double>()));
}

Estimate ess(EssVersion version, Rows neighbourhood) {
  Estimate e;
  e.points = e.base = neighbourhood.n;
  const double skewness = skewness_of(version, neighbourhood);
  e.value = dimension_of_skewness(version, skewness);
  if (!e.known()) e.reason = skewness == skewness ? kRightAngles : kNoAngles;
  return e;
}

Estimate ess_of_sample(EssVersion version, Rows rows, const NeighbourTable& table, uint32_t k,
                       const Stop& stop) {
  Estimate e;
  e.base = table.base;
  e.k = k;
  e.reason = table.base < 2 ? kTooFewPoints : kTooFewNeighbours;
  if (k < 2 || k > table.k || rows.n != table.n) return e;
  double mean = 0, squares = 0;
  for (size_t i = 0; i < table.n; ++i) {
    if (table.found[i] < k) continue;
    stop.check();
    MatrixD points(static_cast<Eigen::Index>(k), static_cast<Eigen::Index>(rows.dims));
    const auto all = rows.matrix();
    for (uint32_t j = 0; j < k; ++j) {
      points.row(j) = all.row(static_cast<Eigen::Index>(table.ids_of(i)[j])).cast<double>();
    }
    const double value = dimension_of_skewness(version, skewness_of(version, std::move(points)));
    if (!(value == value)) {
      e.reason = kRightAngles;
      continue;
    }
    ++e.points;
    const double step = value - mean;
    mean += step / static_cast<double>(e.points);
    squares += step * (value - mean);
  }
  if (e.points == 0) return e;
  e.reason = nullptr;
  e.value = mean;
  const double n = static_cast<double>(e.points);
  if (n > 1) e.standard_error = std::sqrt(squares / (n - 1) / n);
  return e;
}

}  // namespace lowdim::core
