// See report.h.

#include "core/dimension/report.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/dimension/spectrum.h"
#include "core/simd/kernels.h"

namespace lowdim::core {
namespace {

constexpr uint32_t kUsual[] = {5, 10, 20, 50, 100};
constexpr uint32_t kDoubling[] = {1, 2, 4, 8, 16, 32};  // a ladder of T_2k / T_k that leaves out no distance
constexpr double kShares[] = {0.9, 0.99};
constexpr const char* kShareNames[] = {"components_90", "components_99"};
constexpr const char* kOptionsHint = "Options are sample, seed, k, metrics.";

class Clock {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Takes rows of length one that have a direction which an earlier one has up to rounding out, and counts them
// there: as the sample does with equal rows. What is that near lies as near along any line.
void merge_directions(std::vector<float>& x, size_t dims, std::vector<uint64_t>& counts) {
  const size_t n = counts.size();
  std::vector<std::pair<double, size_t>> along(n);
  for (size_t i = 0; i < n; ++i) {
    double sum = 0;
    for (size_t d = 0; d < dims; ++d) sum += static_cast<double>(x[i * dims + d]);
    along[i] = {sum / std::sqrt(static_cast<double>(dims)), i};
  }
  std::sort(along.begin(), along.end());
  const double reach = 2 * std::sqrt(static_cast<double>(kSameDirection));
  const auto distance = simd::kernels().l2sq_f32;
  for (size_t a = 0; a < n; ++a) {
    const size_t i = along[a].second;
    for (size_t b = a + 1; b < n && counts[i] > 0 && along[b].first - along[a].first <= reach; ++b) {
      const size_t j = along[b].second;
      if (counts[j] == 0 ||
          distance(&x[i * dims], &x[j * dims], static_cast<uint32_t>(dims)) > kSameDirection)
        continue;
      counts[i] += counts[j];
      counts[j] = 0;
    }
  }
  size_t kept = 0;
  for (size_t i = 0; i < n; ++i) {
    if (counts[i] == 0) continue;
    counts[kept] = counts[i];
    std::copy_n(x.begin() + static_cast<ptrdiff_t>(i * dims), dims,
                x.begin() + static_cast<ptrdiff_t>(kept++ * dims));
  }
  counts.resize(kept);
  x.resize(kept * dims);
}

}  // namespace

void DimensionReport::set_options(const OptionPair* pairs, size_t n, size_t budget_bytes) {
  budget_bytes_ = budget_bytes;
  for (size_t i = 0; i < n; ++i) {
    const OptionPair& p = pairs[i];
    if (p.key == "sample") {
      wanted_ = static_cast<uint32_t>(option_number(p, 1, kMaxDimensionSample, true));
    } else if (p.key == "seed") {
      seed_ = static_cast<uint64_t>(option_number(p, 0, 0x1p53 - 1, true));
    } else if (p.key == "k") {
      ks_.push_back(static_cast<uint32_t>(option_number(p, 1, NeighbourTable::kMaxNeighbours, true)));
    } else if (p.key == "metrics") {
      metrics_.push_back(dimension_metric(p.text));
    } else {
      throw Error(ErrorKind::kInvalidParameter, "unknown option \"" + std::string(p.key.substr(0, 60)) + "\"",
                  kOptionsHint);
    }
  }
  const auto once = [](auto& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
  };
  once(ks_);
  once(metrics_);
  if (metrics_.empty()) metrics_.push_back(DimensionMetric::kL2);
}

std::vector<uint32_t> DimensionReport::scales(const DimensionMethodInfo& m) const {
  if (m.k == 0) return {0};
  if (!ks_.empty()) return ks_;
  switch (m.method) {
    case DimensionMethod::kGride:
      return {std::begin(kDoubling), std::end(kDoubling)};
    case DimensionMethod::kCorrelation:
    case DimensionMethod::kDanco:
      return {m.k};
    default:
      return {std::begin(kUsual), std::end(kUsual)};
  }
}

uint32_t DimensionReport::most_neighbours() const {
  uint32_t most = 1;
  for (size_t i = 0; i < kDimensionMethods; ++i) {
    const DimensionMethodInfo& m = dimension_method(i);
    if (!m.of_distances()) continue;
    for (const uint32_t k : scales(m)) {
      if (k >= m.low && k <= m.high) most = std::max(most, m.neighbours(k));
    }
  }
  return most;
}

void DimensionReport::add(const float* row, size_t dims) {
  if (!sample_.has_value()) {
    // The sample, its rows in order, and those as they are measured; and their neighbours.
    const size_t bytes = 3 * dims * sizeof(float) + 128 + size_t{8} * most_neighbours();
    sample_.emplace(dims, sample_that_fits(wanted_, bytes, budget_bytes_, dims), seed_);
    dims_ = dims;
  }
  if (dims != dims_) {
    throw Error(ErrorKind::kData,
                "expected " + std::to_string(dims_) + " dimensions, not " + std::to_string(dims));
  }
  ++seen_;
  sample_->add(row);
}

void DimensionReport::begin() {
  if (!sample_.has_value()) return;
  raw_ = sample_->ordered(&raw_counts_);
  sample_.reset();
  for (const uint64_t count : raw_counts_) duplicates_ += count - 1;
}

size_t DimensionReport::steps() const { return metrics_.size() * kDimensionMethods; }
const char* DimensionReport::step_name(size_t i) const {
  return dimension_method(i % kDimensionMethods).name;
}

void DimensionReport::enter(DimensionMetric metric) {
  if (metric_ == metric) return;
  metric_ = metric;
  table_.reset();
  eigenvalues_.reset();
  counts_ = raw_counts_;
  if (metric == DimensionMetric::kL2) {
    x_ = raw_;
    scale_rows(x_);
    return;
  }
  x_.clear();
  counts_.clear();
  std::vector<float> unit(dims_);
  for (size_t i = 0; i < raw_counts_.size(); ++i) {
    if (!direction_of(raw_.data() + i * dims_, dims_, unit.data())) continue;
    x_.insert(x_.end(), unit.begin(), unit.end());
    counts_.push_back(raw_counts_[i]);
  }
  merge_directions(x_, dims_, counts_);
}

void DimensionReport::neighbours(const Stop& stop) {
  if (table_.has_value()) return;
  const Clock clock;
  const float zero = metric_ == DimensionMetric::kCosine ? kSameDirection : 0;
  table_ = nearest_of_sample(measured(), most_neighbours(), stop, zero);
  table_seconds_ = clock.seconds();
}

void DimensionReport::spectrum(const Stop& stop) {
  if (eigenvalues_.has_value()) return;
  const Clock clock;
  eigenvalues_ = covariance_spectrum(measured(), counts_.data(), budget_bytes_ / 2, stop);
  spectrum_seconds_ = clock.seconds();
}

void DimensionReport::put(const char* estimator, Estimate e, double seconds, std::string note) {
  e.base = measured().n;
  if (note.empty() && e.reason != nullptr) note = e.reason;
  rows_.push_back({estimator, dimension_metric_name(*metric_), e, seconds, std::move(note)});
}

void DimensionReport::step(size_t i, const Stop& stop) {
  enter(metrics_[i / kDimensionMethods]);
  const DimensionMethodInfo& m = dimension_method(i % kDimensionMethods);
  if (m.of_distances()) {
    for (const uint32_t k : scales(m)) {
      Estimate e;
      e.k = k;
      if (k < m.low || k > m.high) {
        put(m.name, e, 0, "k must be from " + std::to_string(m.low) + " to " + std::to_string(m.high));
        continue;
      }
      neighbours(stop);
      const Clock clock;
      e = estimate_of_neighbours(m.method, k, measured(), *table_, seed_, stop);
      e.k = k;
      put(m.name, e, table_seconds_ + clock.seconds());
    }
    return;
  }
  std::string note;
  try {
    spectrum(stop);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kLimit) throw;
    note = error.what();
    eigenvalues_.reset();
  }
  const auto put_flat = [&](const char* name, Estimate e) {
    e.points = e.known() ? measured().n : 0;
    put(name, e, spectrum_seconds_, note);
  };
  const std::vector<double> none;
  const std::vector<double>& values = eigenvalues_.has_value() ? *eigenvalues_ : none;
  if (m.method == DimensionMethod::kParticipationRatio) {
    put_flat(m.name, participation_ratio(values));
    return;
  }
  put_flat(m.name, fukunaga_olsen(values));
  for (size_t s = 0; s < std::size(kShares); ++s) {
    put_flat(kShareNames[s], components_for_share(values, kShares[s]));
  }
}

}  // namespace lowdim::core
