// See collect.h.

#include "core/statistics/collect.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "core/base/random.h"
#include "core/codec/symmetric_eigen.h"
#include "core/dimension/estimators.h"
#include "core/dimension/spectrum.h"
#include "core/simd/kernels.h"
#include "core/statistics/pivots.h"

namespace lowdim::core {
namespace {

// Chosen by bench/core/selectivity.cpp (errors) and bench/sql/analyze.sh (time).
constexpr size_t kMostRows = 3000, kLeastRows = 400;
constexpr size_t kRowsPerAnchor = 20;
constexpr double kComponents = 12e6;          // anchors x rows x dims, for Euclidean distance
constexpr double kSpectrumOperations = 10e6;  // rows x dims x the smaller of them
constexpr size_t kProductAnchors = 2;         // of the anchors, one in so many for inner product and cosine
constexpr size_t kTaxicabAnchors = 4;         // likewise
constexpr uint32_t kNeighbours = 20;
constexpr double kNear = 0.1;            // of the median distance: a near duplicate
constexpr float kSameDirection = 1e-6F;  // a cosine distance that may be rounding

float bounded(double v) { return v == v ? static_cast<float>(std::min(v, static_cast<double>(FLT_MAX))) : 0; }

float value_or_zero(const Estimate& e) { return e.known() ? bounded(std::max(e.value, 0.0)) : 0; }

// From each of the first `anchors` rows to each other row, a row of the table each; the own place is
// infinite.
struct Distances {
  size_t anchors, n;
  std::vector<float> at;

  float* row(size_t i) { return at.data() + i * n; }
};

// The inner products of x with rows [from, to); -infinity where it is not a number. The kernel takes several
// of them at once.
void dots(const float* x, Rows rows, size_t from, size_t to, float* out) {
  std::fill_n(out, to - from, -std::numeric_limits<float>::infinity());
  simd::kernels().max_dots_f32(x, 1, rows.row(from), to - from, static_cast<uint32_t>(rows.dims), 0, out,
                               nullptr);
}

// Rows that stay in the first-level cache while others pass; whole tiles of the kernel.
size_t block_rows(size_t dims) {
  return std::clamp<size_t>((size_t{24} << 10) / (sizeof(float) * dims) / 4 * 4, 4, 512);
}

Distances measure(Rows rows, size_t anchors, SphereMetric metric, const Stop& stop) {
  Distances out{anchors, rows.n, std::vector<float>(anchors * rows.n)};
  const size_t block = block_rows(rows.dims);
  for (size_t from = 0; from < rows.n; from += block) {
    const size_t to = std::min(from + block, rows.n);
    for (size_t i = 0; i < anchors; ++i) {
      if (i % 8 == 0) stop.check();
      float* const row = out.row(i);
      if (metric == SphereMetric::kInner) {
        dots(rows.row(i), rows, from, to, row + from);
        for (size_t j = from; j < to; ++j) row[j] = -row[j];
      } else {
        for (size_t j = from; j < to; ++j) {
          row[j] = static_cast<float>(sphere_distance(metric, rows.row(i), rows.row(j), rows.dims));
        }
      }
    }
  }
  for (size_t i = 0; i < anchors; ++i) out.row(i)[i] = std::numeric_limits<float>::infinity();
  return out;
}

// Euclidean distances by negative inner products and lengths; by the elements where so little is left of the
// lengths that it may be their rounding.
Distances lengths(Rows rows, const std::vector<double>& norms, const Distances& products, const Stop& stop) {
  constexpr double kLeft = 0.01;
  Distances out = products;
  for (size_t i = 0; i < out.anchors; ++i) {
    if (i % 8 == 0) stop.check();
    float* const row = out.row(i);
    for (size_t j = 0; j < rows.n; ++j) {
      const double both = norms[i] * norms[i] + norms[j] * norms[j], square = both + 2.0 * row[j];
      row[j] = static_cast<float>(
          square > kLeft * both ? std::sqrt(square)
                                : sphere_distance(SphereMetric::kL2, rows.row(i), rows.row(j), rows.dims));
    }
    row[i] = std::numeric_limits<float>::infinity();
  }
  return out;
}

// Negative inner products become cosine distances; those of zero vectors are infinite.
void to_cosine(const std::vector<double>& norms, Distances* d) {
  for (size_t i = 0; i < d->anchors; ++i) {
    float* const row = d->row(i);
    for (size_t j = 0; j < d->n; ++j) {
      const double both = norms[i] * norms[j];
      row[j] = both > 0 && std::isfinite(row[j])
                   ? static_cast<float>(1 + std::clamp(row[j] / both, -1.0, 1.0))
                   : std::numeric_limits<float>::infinity();
    }
  }
}

// The nearest of the first `base` rows to each anchor, as lengths whose powers count rows.
NeighbourTable nearest(Distances& d, size_t base, SphereMetric metric) {
  constexpr float kNone = std::numeric_limits<float>::infinity();
  NeighbourTable table;
  table.n = std::min(d.anchors, base);
  table.base = base;
  table.k = kNeighbours;
  table.distances.resize(table.n * kNeighbours);
  table.ids.resize(table.n * kNeighbours);
  const float zero = metric == SphereMetric::kCosine ? kSameDirection : 0;
  for (size_t i = 0; i < table.n; ++i) {
    float* const best = table.distances.data() + i * kNeighbours;  // ascending
    std::fill_n(best, kNeighbours, kNone);
    uint32_t zeros = 0;
    for (const float* x = d.row(i); x != d.row(i) + base; ++x) {
      zeros += !(*x > zero);
      if (!(*x > zero) || !(*x < best[kNeighbours - 1])) continue;
      size_t at = kNeighbours - 1;
      for (; at > 0 && best[at - 1] > *x; --at) best[at] = best[at - 1];
      best[at] = *x;
    }
    const float* const end = std::find(best, best + kNeighbours, kNone);
    table.found.push_back(static_cast<uint32_t>(end - best));
    table.zeros.push_back(zeros);
    if (metric == SphereMetric::kCosine) {
      std::transform(best, best + table.found.back(), best,
                     [&](float x) { return static_cast<float>(as_length(metric, x)); });
    }
  }
  return table;
}

// The finite distances, in the columns' own units.
std::vector<float> pairs_of(const Distances& d, double unit) {
  std::vector<float> out(d.at.size());
  const double inverse = 1 / unit;  // of a power of two: exact
  size_t n = 0;
  for (const float x : d.at) {
    out[n] = static_cast<float>(
        std::clamp(x * inverse, -static_cast<double>(FLT_MAX), static_cast<double>(FLT_MAX)));
    n += std::isfinite(x);
  }
  out.resize(n);
  return out;
}

// Rows that are equal have equal lengths and equal products with a vector of random numbers; rows that are
// not, hardly ever.
float share_of_duplicates(Rows rows, const std::vector<double>& norms) {
  Random random(2);
  std::vector<float> numbers(rows.dims), products(rows.n);
  for (float& x : numbers) x = static_cast<float>(random.uniform());
  dots(numbers.data(), rows, 0, rows.n, products.data());
  std::vector<size_t> order(rows.n);
  std::iota(order.begin(), order.end(), size_t{0});
  const auto key = [&](size_t i) { return std::pair(norms[i], products[i]); };
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
  const auto same = [&](size_t a, size_t b) {
    return key(a) == key(b) && std::equal(rows.row(a), rows.row(a) + rows.dims, rows.row(b));
  };
  size_t twice = 0;
  for (size_t i = 0; i < rows.n; ++i) {
    twice += (i > 0 && same(order[i], order[i - 1])) || (i + 1 < rows.n && same(order[i], order[i + 1]));
  }
  return static_cast<float>(static_cast<double>(twice) / static_cast<double>(rows.n));
}

std::vector<double> measure_norms(Rows rows, double unit, VectorStatistics* s) {
  std::vector<double> norms;
  double sum = 0, squares = 0;
  size_t zeros = 0;
  for (size_t i = 0; i < rows.n; ++i) {
    const double square = simd::kernels().norm2_f32(rows.row(i), static_cast<uint32_t>(rows.dims));
    const double norm = std::sqrt(square);
    norms.push_back(norm);
    zeros += norm == 0;
    sum += norm;
    squares += square;
  }
  const double n = static_cast<double>(rows.n);
  const double mean = sum / n;
  s->zeros = static_cast<float>(static_cast<double>(zeros) / n);
  s->norm_mean = bounded(mean / unit);
  s->norm_sd = bounded(std::sqrt(std::max(squares / n - mean * mean, 0.0)) / unit);
  return norms;
}

// Of few rows a covariance has too few directions. The inverse of how many keep a share grows about linearly
// with the inverse of the number of rows, as the participation ratio's does (spectrum.h), so two sample sizes
// tell where it leads.
double extrapolated(double half, double full, double most) {
  if (!(half > 0) || !(full > 0)) return 0;
  const double inverse = 2 / full - 1 / half;
  return std::clamp(inverse > 0 ? 1 / inverse : most, full, most);
}

// The covariance's eigenvalues above zero of the first n and the first n/2 rows, fewer than they have
// dimensions. Products by the kernels, in single precision: the last percent of the variance is well above
// their rounding.
struct Spectra {
  std::vector<double> full, half;
};

Spectra spectra_of_few(Rows rows, size_t n, const Stop& stop) {
  std::vector<double> mean(rows.dims, 0.0);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < rows.dims; ++j) mean[j] += rows.row(i)[j];
  }
  for (double& m : mean) m /= static_cast<double>(n);
  std::vector<float> centred(n * rows.dims);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < rows.dims; ++j) {
      centred[i * rows.dims + j] = rows.row(i)[j] - static_cast<float>(mean[j]);
    }
  }
  const auto index = [](size_t i) { return static_cast<Eigen::Index>(i); };
  MatrixD products(index(n), index(n));
  std::vector<float> row(n);
  const Rows all{centred.data(), n, rows.dims};
  for (size_t from = 0; from < n; from += block_rows(rows.dims)) {
    stop.check();
    for (size_t i = from; i < n; ++i) {
      const size_t to = std::min(from + block_rows(rows.dims), i + 1);
      dots(all.row(i), all, from, to, row.data());
      for (size_t j = from; j < to; ++j) {
        products(index(i), index(j)) = products(index(j), index(i)) = row[j - from];
      }
    }
  }
  const auto eigenvalues = [&](size_t m) {
    MatrixD part = products.topLeftCorner(index(m), index(m));
    const VectorD means = part.rowwise().mean();
    part.colwise() -= means;
    part.rowwise() -= part.colwise().mean().eval();
    const VectorD found = symmetric_eigenvalues(part, stop);
    std::vector<double> values;
    for (const double v : found) values.push_back(std::max(v, 0.0));
    return values;
  };
  return {eigenvalues(n), eigenvalues(n / 2)};
}

void measure_spectrum(Rows rows, const Stop& stop, VectorStatistics* s) {
  const double dims = static_cast<double>(rows.dims);
  const double wide = std::sqrt(kSpectrumOperations / dims);  // rows, if fewer than dims
  const size_t n =
      std::min(rows.n, static_cast<size_t>(wide < dims ? wide : kSpectrumOperations / (dims * dims)));
  if (n < 4) return;
  const double most = std::min(dims, static_cast<double>(rows.n - 1));
  const auto all = [&](size_t m) {
    return covariance_spectrum({rows.data, m, rows.dims}, nullptr, SIZE_MAX, stop);
  };
  const Spectra spectra = n < rows.dims ? spectra_of_few(rows, n, stop) : Spectra{all(n), all(n / 2)};
  const auto both = [&](auto figure) {
    const Estimate f = figure(spectra.full), h = figure(spectra.half);
    return f.known() && h.known() ? bounded(extrapolated(h.value, f.value, most)) : 0;
  };
  s->participation = both([](const std::vector<double>& v) { return participation_ratio(v); });
  s->components_90 =
      std::round(both([](const std::vector<double>& v) { return components_for_share(v, 0.90); }));
  s->components_98 =
      std::round(both([](const std::vector<double>& v) { return components_for_share(v, 0.98); }));
}

void measure_dimension(Distances& d, VectorStatistics* s) {
  const auto at = [&](size_t base) {
    return mackay_ghahramani(nearest(d, base, SphereMetric::kL2), kNeighbours);
  };
  const NeighbourTable table = nearest(d, d.n, SphereMetric::kL2);
  const Estimate whole = mackay_ghahramani(table, kNeighbours);
  s->dimension = value_or_zero(whole);
  s->dimension_error = whole.known() ? bounded(whole.standard_error) : 0;
  s->dimension_half = value_or_zero(at(d.n / 2));
  s->dimension_quarter = value_or_zero(at(d.n / 4));
  std::vector<double> own;
  std::vector<double> distances(kNeighbours);
  for (size_t i = 0; i < table.n; ++i) {
    if (table.found[i] < kNeighbours) continue;
    std::copy_n(table.row(i), kNeighbours, distances.begin());
    const Estimate e = local_dimension(distances.data(), kNeighbours);
    if (e.known()) own.push_back(e.value);
  }
  if (own.empty()) return;
  std::sort(own.begin(), own.end());
  const auto quantile = [&](double q) {
    return bounded(own[static_cast<size_t>(q * static_cast<double>(own.size() - 1) + 0.5)]);
  };
  s->local_p10 = quantile(0.1);
  s->local_p50 = quantile(0.5);
  s->local_p90 = quantile(0.9);
}

// Into random order: what is measured of fewer rows is measured of the first ones.
void shuffle(std::vector<float>& rows, size_t dims) {
  const size_t bytes = dims * sizeof(float);
  Random random(1);
  std::vector<float> held(dims);
  for (size_t i = rows.size() / dims; i-- > 1;) {
    const size_t j = random.below(i + 1);
    if (i == j) continue;
    float* const a = rows.data() + i * dims;
    float* const b = rows.data() + j * dims;
    std::memcpy(held.data(), a, bytes);
    std::memcpy(a, b, bytes);
    std::memcpy(b, held.data(), bytes);
  }
}

}  // namespace

CollectPlan collect_plan(size_t dims) {
  const double rows =
      std::sqrt(kComponents * kRowsPerAnchor / static_cast<double>(std::max<size_t>(dims, 1)));
  const size_t n = std::clamp(static_cast<size_t>(rows), kLeastRows, kMostRows);
  return {n, n / kRowsPerAnchor};
}

void StatisticsJob::start(size_t dims) {
  dims_ = dims;
  plan_ = collect_plan(dims);
  rows_.reserve(plan_.rows * dims);
}

void StatisticsJob::add(const float* row) {
  if (rows_.size() < plan_.rows * dims_) rows_.insert(rows_.end(), row, row + dims_);
}

void StatisticsJob::finish(double other_dims, const Stop& stop) {
  statistics_ = {};
  const size_t n = dims_ == 0 ? 0 : rows_.size() / dims_;
  if (n == 0) return;
  shuffle(rows_, dims_);
  const double unit = scale_rows(rows_);
  const Rows rows{rows_.data(), n, dims_};
  VectorStatistics s;
  s.dims = static_cast<uint32_t>(dims_);
  s.rows = static_cast<float>(n);
  s.other_dims = static_cast<float>(other_dims);
  const std::vector<double> norms = measure_norms(rows, unit, &s);
  s.duplicates = share_of_duplicates(rows, norms);
  // Of a small table every row is an anchor.
  const size_t anchors = std::min(n, std::max<size_t>(plan_.anchors, 20));
  s.anchors = static_cast<float>(anchors);
  const auto fill = [&](SphereMetric metric, const Distances& d, double metric_unit) {
    s.pairs[static_cast<size_t>(metric)] =
        pair_quantiles(pairs_of(d, metric_unit), metric, s.exponent(metric));
  };
  Distances products = measure(rows, anchors, SphereMetric::kInner, stop);
  {
    Distances d = lengths(rows, norms, products, stop);
    measure_dimension(d, &s);
    fill(SphereMetric::kL2, d, unit);
    const double near = kNear * unit * s.pairs[0].at[PairQuantiles::kLower - 1];
    size_t close = 0;
    for (size_t i = 0; i < anchors; ++i) close += *std::min_element(d.row(i), d.row(i) + n) <= near;
    s.near_duplicates =
        n < 2 ? 0 : static_cast<float>(static_cast<double>(close) / static_cast<double>(anchors));
  }
  products.anchors = std::max<size_t>(anchors / kProductAnchors, 1);
  products.at.resize(products.anchors * n);
  fill(SphereMetric::kInner, products, unit * unit);
  to_cosine(norms, &products);
  s.dimension_chord =
      value_or_zero(mackay_ghahramani(nearest(products, n, SphereMetric::kCosine), kNeighbours));
  fill(SphereMetric::kCosine, products, 1);
  fill(SphereMetric::kL1,
       measure(rows, std::max<size_t>(anchors / kTaxicabAnchors, 1), SphereMetric::kL1, stop), unit);
  measure_spectrum(rows, stop, &s);
  const size_t kept = pivot_count(dims_, n);
  s.pivots = static_cast<uint32_t>(kept);
  pivots_ = make_pivots(rows, kept, unit);
  statistics_ = s;
  numbers_.resize(statistics_numbers());
  write_statistics(s, numbers_.data());
}

}  // namespace lowdim::core
