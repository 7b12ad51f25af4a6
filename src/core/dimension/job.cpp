// See job.h.

#include "core/dimension/job.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "core/dimension/spectrum.h"

namespace lowdim::core {
namespace {

// A covariance needs more rows than dimensions, and its cost grows with the rows, not their square.
constexpr uint32_t kDefaultSpectrumSample = 10000;

[[noreturn]] void refuse(const std::string& message, const std::string& hint = {}) {
  throw Error(ErrorKind::kInvalidParameter, message, hint);
}

void refuse_key(DimensionUse use, std::string_view key) {
  refuse("unknown option \"" + std::string(key.substr(0, 60)) + "\"",
         use == DimensionUse::kDimension  ? "Options are method, k, sample, seed."
         : use == DimensionUse::kSpectrum ? "Options are sample, seed."
                                          : "Options are quantile, sample, seed.");
}

}  // namespace

DimensionOptions parse_dimension_options(DimensionUse use, const OptionPair* pairs, size_t n) {
  DimensionOptions o;
  o.sample = use == DimensionUse::kSpectrum ? kDefaultSpectrumSample : kDefaultDimensionSample;
  const OptionPair* k = nullptr;
  for (size_t i = 0; i < n; ++i) {
    const OptionPair& p = pairs[i];
    if (p.key == "sample") {
      o.sample = static_cast<uint32_t>(option_number(p, 1, kMaxDimensionSample, true));
    } else if (p.key == "seed") {
      o.seed = static_cast<uint64_t>(option_number(p, 0, 0x1p53 - 1, true));
    } else if (p.key == "method" && use == DimensionUse::kDimension) {
      o.method = dimension_method_named(p).method;
    } else if (p.key == "k" && use == DimensionUse::kDimension) {
      k = &p;
    } else if (p.key == "quantile" && use == DimensionUse::kLabels) {
      o.quantile = option_number(p, 0, 1, false);
    } else {
      refuse_key(use, p.key);
    }
  }
  const DimensionMethodInfo& m = dimension_method(o.method);
  if (k != nullptr && m.k == 0) refuse("method \"" + std::string(m.name) + "\" takes no k");
  o.k = k == nullptr ? m.k : static_cast<uint32_t>(option_number(*k, m.low, m.high, true));
  return o;
}

void DimensionState::start(DimensionUse use, const DimensionOptions& options, size_t dims,
                           size_t budget_bytes) {
  use_ = use;
  options_ = options;
  budget_bytes_ = budget_bytes;
  const DimensionMethodInfo& m = dimension_method(options.method);
  // The sample and its copy in order are alive together; then neighbours, or half of the room for matrices.
  const bool matrices = use == DimensionUse::kSpectrum || !m.of_distances();
  const size_t row = 2 * dims * sizeof(float) + 128 + (use == DimensionUse::kLabels ? 64 : 0) +
                     (matrices ? 0 : size_t{8} * m.neighbours(options.k));
  const size_t capacity =
      sample_that_fits(options.sample, row, matrices ? budget_bytes / 2 : budget_bytes, dims);
  dims_ = dims;
  sample_.emplace(dims, capacity, options.seed);
}

void DimensionState::add(const float* row, size_t dims, std::string_view label) {
  if (dims != dims_) {
    throw Error(ErrorKind::kData,
                "expected " + std::to_string(dims_) + " dimensions, not " + std::to_string(dims));
  }
  if (label.size() > kMaxLabelBytes) {
    throw Error(ErrorKind::kLimit,
                "labels cannot have more than " + std::to_string(kMaxLabelBytes) + " bytes");
  }
  sample_->add(row, label);
}

void DimensionState::merge(const DimensionState& other) {
  if (!other.started()) return;
  if (!started()) {
    *this = other;
    return;
  }
  sample_->merge(*other.sample_);
}

const std::vector<uint8_t>& DimensionState::image() {
  ByteWriter out;
  out.put<uint8_t>(started());
  if (started()) {
    out.put<uint8_t>(static_cast<uint8_t>(use_));
    out.put<uint8_t>(static_cast<uint8_t>(options_.method));
    out.put<uint32_t>(options_.k);
    out.put<uint32_t>(options_.sample);
    out.put<uint64_t>(options_.seed);
    out.put<double>(options_.quantile);
    out.put<uint64_t>(budget_bytes_);
    sample_->write(out);
  }
  image_.assign(out.bytes().begin(), out.bytes().end());  // asked twice, it stays where it is
  return image_;
}

void DimensionState::restore(const uint8_t* bytes, size_t n) {
  ByteReader in(bytes, n);
  const uint8_t started = in.get<uint8_t>();
  if (started > 1) ByteReader::corrupted();
  if (started == 1) {
    const uint8_t use = in.get<uint8_t>();
    const uint8_t method = in.get<uint8_t>();
    if (use > static_cast<uint8_t>(DimensionUse::kLabels) || method >= kDimensionMethods) {
      ByteReader::corrupted();
    }
    use_ = static_cast<DimensionUse>(use);
    options_.method = static_cast<DimensionMethod>(method);
    options_.k = in.get_count(dimension_method(options_.method).low, dimension_method(options_.method).high);
    options_.sample = in.get_count(1, kMaxDimensionSample);
    options_.seed = in.get<uint64_t>();
    options_.quantile = in.get<double>();
    if (!(options_.quantile >= 0 && options_.quantile <= 1)) ByteReader::corrupted();
    budget_bytes_ = in.get<uint64_t>();
    sample_ = RowSample::read(in);
    dims_ = sample_->dims();
  }
  in.end();
}

Estimate DimensionState::estimate(const Stop& stop) const {
  const DimensionMethodInfo& m = dimension_method(options_.method);
  if (m.method == DimensionMethod::kParticipationRatio) return participation(stop);
  std::vector<uint64_t> counts;
  std::vector<float> x = sample_->ordered(&counts);
  scale_rows(x);
  const Rows rows{x.data(), x.size() / dims_, dims_};
  const uint32_t k = options_.k;
  if (m.method == DimensionMethod::kFukunagaOlsen) {
    Estimate e = fukunaga_olsen(covariance_spectrum(rows, counts.data(), memory_for_matrices(), stop));
    e.points = e.base = rows.n;
    return e;
  }
  const NeighbourTable table = nearest_of_sample(rows, m.neighbours(k), stop);
  return estimate_of_neighbours(m.method, k, rows, table, options_.seed, stop);
}

const std::vector<double>& DimensionState::spectrum(const Stop& stop) {
  std::vector<uint64_t> counts;
  std::vector<float> x = sample_->ordered(&counts);
  const double factor = scale_rows(x);
  spectrum_ =
      covariance_spectrum({x.data(), x.size() / dims_, dims_}, counts.data(), memory_for_matrices(), stop);
  for (double& v : spectrum_) v = v / factor / factor;
  return spectrum_;
}

Estimate DimensionState::participation(const Stop& stop) const {
  std::vector<uint64_t> counts;
  std::vector<float> x = sample_->ordered(&counts);
  scale_rows(x);
  const Rows rows{x.data(), x.size() / dims_, dims_};
  Estimate e = participation_ratio(spectrum_sums(rows, counts.data(), memory_for_matrices(), stop));
  e.points = e.base = rows.n;
  return e;
}

const SharpestPair& DimensionState::sharpest(const Stop& stop) {
  std::vector<std::string> tags;
  std::vector<float> x = sample_->ordered(nullptr, &tags);
  const double factor = scale_rows(x);
  std::vector<uint32_t> labels;
  std::unordered_map<std::string, uint32_t> ids;
  for (const std::string& tag : tags) {
    labels.push_back(ids.emplace(tag, static_cast<uint32_t>(ids.size())).first->second);
  }
  const Rows rows{x.data(), x.size() / dims_, dims_};
  sharpest_ = {};
  LabelSharpness& figures = sharpest_.figures;
  figures = label_sharpness(rows, labels.data(), options_.quantile, stop);
  figures.value *= factor;
  figures.quantile *= factor;
  if (figures.reason == nullptr) {
    const auto original = [&](size_t i) {
      std::vector<float> v(rows.row(i), rows.row(i) + dims_);
      for (float& c : v) c = static_cast<float>(c / factor);
      return v;
    };
    sharpest_.a = original(figures.a);
    sharpest_.b = original(figures.b);
    sharpest_.a_label = tags[figures.a];
    sharpest_.b_label = tags[figures.b];
  }
  return sharpest_;
}

double DimensionState::median_distance(const Stop& stop) const {
  constexpr size_t kMostRows = 1000;
  const std::vector<float> x = sample_->ordered();
  const size_t n = std::min(x.size() / dims_, kMostRows);
  std::vector<double> distances;
  for (size_t i = 1; i < n; ++i) {
    stop.check();
    for (size_t j = 0; j < i; ++j) {
      double square = 0;
      for (size_t d = 0; d < dims_; ++d) {
        const double z = static_cast<double>(x[i * dims_ + d]) - static_cast<double>(x[j * dims_ + d]);
        square += z * z;
      }
      distances.push_back(std::sqrt(square));
    }
  }
  if (distances.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = distances.begin() + static_cast<ptrdiff_t>(distances.size() / 2);
  std::nth_element(distances.begin(), middle, distances.end());
  return *middle;
}

}  // namespace lowdim::core
