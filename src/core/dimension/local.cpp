// See local.h.

#include "core/dimension/local.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/dimension/estimators.h"

namespace lowdim::core {
namespace {

constexpr size_t kLeastBlock = 16;  // rows, however small the budget
constexpr size_t kBaseRows = 128;   // read before they are measured against

double value_of(const NeighbourTable& table, size_t i) {
  const std::vector<double> distances(table.row(i), table.row(i) + table.found[i]);
  return local_dimension(distances.data(), distances.size()).value;
}

}  // namespace

DimensionMetric dimension_metric(std::string_view name) {
  for (const DimensionMetric m : {DimensionMetric::kL2, DimensionMetric::kCosine}) {
    if (name == dimension_metric_name(m)) return m;
  }
  throw Error(ErrorKind::kInvalidParameter, "unknown metric \"" + std::string(name.substr(0, 60)) + "\"",
              "Metrics are l2, cosine.");
}

const char* dimension_metric_name(DimensionMetric metric) {
  return metric == DimensionMetric::kL2 ? "l2" : "cosine";
}

bool direction_of(const float* row, size_t dims, float* out) {
  double squares = 0;
  for (size_t i = 0; i < dims; ++i) squares += static_cast<double>(row[i]) * static_cast<double>(row[i]);
  if (!(squares > 0)) return false;
  const double norm = std::sqrt(squares);
  for (size_t i = 0; i < dims; ++i) out[i] = static_cast<float>(static_cast<double>(row[i]) / norm);
  return true;
}

void LocalDimensions::start(uint32_t k, DimensionMetric metric, size_t budget_bytes) {
  if (k < 2 || k > NeighbourTable::kMaxNeighbours) {
    throw Error(ErrorKind::kInvalidParameter,
                "k must be from 2 to " + std::to_string(NeighbourTable::kMaxNeighbours));
  }
  k_ = k;
  metric_ = metric;
  budget_bytes_ = budget_bytes;
}

void LocalDimensions::look(const float* row, size_t dims) {
  if (rows_ == 0) {
    dims_ = dims;
    prepared_.resize(dims);
  }
  if (dims != dims_) {
    throw Error(ErrorKind::kData,
                "expected " + std::to_string(dims_) + " dimensions, not " + std::to_string(dims));
  }
  if (rows_ == std::numeric_limits<uint32_t>::max()) throw Error(ErrorKind::kLimit, "too many rows");
  ++rows_;
  if (metric_ == DimensionMetric::kCosine) return;
  for (size_t i = 0; i < dims; ++i) largest_ = std::max(largest_, std::abs(row[i]));
  factor_ = scale_for(largest_);
}

bool LocalDimensions::prepare(const float* row, size_t dims) {
  if (dims != dims_) throw Error(ErrorKind::kInternal, "rows changed between two readings");
  if (metric_ == DimensionMetric::kCosine) return direction_of(row, dims, prepared_.data());
  for (size_t i = 0; i < dims; ++i) prepared_[i] = static_cast<float>(static_cast<double>(row[i]) * factor_);
  return true;
}

bool LocalDimensions::next_block() {
  first_ += block_;
  block_ = 0;
  if (first_ >= rows_) return false;
  const size_t row_bytes = dims_ * sizeof(float) + k_ * (sizeof(float) + sizeof(uint32_t)) + 32;
  most_ = static_cast<uint32_t>(
      std::min<size_t>(std::max(budget_bytes_ / row_bytes, kLeastBlock), rows_ - first_));
  points_.clear();
  points_.reserve(most_ * dims_);
  places_.clear();
  return true;
}

bool LocalDimensions::add_point(const float* row, size_t dims) {
  if (prepare(row, dims)) {
    points_.insert(points_.end(), prepared_.begin(), prepared_.end());
    places_.push_back(block_);
  }
  return ++block_ < most_;
}

void LocalDimensions::flush(const Stop& stop) {
  const Rows points{points_.data(), places_.size(), dims_};
  if (!search_.has_value()) search_.emplace(points, k_, zero());
  search_->offer({base_.data(), base_.size() / dims_, dims_}, 0, nullptr, stop);
  base_.clear();
}

void LocalDimensions::offer(const float* row, size_t dims, const Stop& stop) {
  if (prepare(row, dims)) base_.insert(base_.end(), prepared_.begin(), prepared_.end());
  if (base_.size() == kBaseRows * dims_) flush(stop);
}

LocalDimensions::Values LocalDimensions::finish(const Stop& stop) {
  NeighbourTable table;
  if (whole()) {
    table = nearest_of_sample({points_.data(), places_.size(), dims_}, k_, stop, zero());
  } else {
    flush(stop);
    table = search_->finish();
    search_.reset();
  }
  values_.assign(block_, kAbsent);
  for (size_t i = 0; i < table.n; ++i) values_[places_[i]] = value_of(table, i);
  return {values_.data(), values_.size()};
}

bool LocalDimensions::begin_query(const float* row, size_t dims) {
  if (!prepare(row, dims)) return false;
  points_ = prepared_;
  search_.emplace(Rows{points_.data(), 1, dims_}, k_, zero());
  return true;
}

void LocalDimensions::offer_to_query(const float* row, size_t dims) {
  if (prepare(row, dims)) search_->offer({prepared_.data(), 1, dims_}, 0, nullptr, Stop{});
}

double LocalDimensions::reach() const {
  const double squared = static_cast<double>(search_->worst(0));
  return metric_ == DimensionMetric::kCosine ? squared / 2 : std::sqrt(squared) / factor_;
}

double LocalDimensions::query_value() { return value_of(search_->finish(), 0); }

}  // namespace lowdim::core
