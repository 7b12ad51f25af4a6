// dimension_report: every estimator of core/dimension at several scales, on one sample of a column, as a
// sequence of short calls, so that the server's side can fetch rows, report progress and serve interrupts in
// between: options, rows, begin, then a step for every metric and method. Owned by a memory context
// (pg/door.h: make_in).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/stop.h"
#include "core/codec/options.h"
#include "core/codec/sample.h"
#include "core/dimension/local.h"
#include "core/dimension/methods.h"

namespace lowdim::core {

struct DimensionReportRow {
  const char* estimator;
  const char* metric;
  Estimate estimate;   // k as asked for; base: rows of the sample
  double seconds = 0;  // as if it were the only estimator: with the search for neighbours, or the spectrum
  std::string note;    // why there is no estimate
};

class DimensionReport {
 public:
  // sample, seed, k (may be there several times), metrics (likewise). Throws Error(kInvalidParameter).
  void set_options(const OptionPair* pairs, size_t n, size_t budget_bytes);

  // A row of the column; Error(kData) for other dimensions than before, Error(kLimit) where the budget does
  // not hold a small sample.
  void add(const float* row, size_t dims);

  void begin();
  size_t steps() const;
  const char* step_name(size_t i) const;
  void step(size_t i, const Stop& stop);

  const std::vector<DimensionReportRow>& rows() const { return rows_; }
  uint64_t table_rows() const { return seen_; }
  size_t sample_rows() const { return dims_ == 0 ? 0 : raw_.size() / dims_; }
  // Rows of the table that equal a row of the sample that was there already.
  uint64_t duplicates() const { return duplicates_; }

 private:
  std::vector<uint32_t> scales(const DimensionMethodInfo& m) const;
  uint32_t most_neighbours() const;
  void enter(DimensionMetric metric);
  void neighbours(const Stop& stop);
  void spectrum(const Stop& stop);
  Rows measured() const { return {x_.data(), dims_ == 0 ? 0 : x_.size() / dims_, dims_}; }
  void put(const char* estimator, Estimate e, double seconds, std::string note = {});

  uint32_t wanted_ = kDefaultDimensionSample;
  uint64_t seed_ = 1;
  std::vector<uint32_t> ks_;  // empty: each method's own
  std::vector<DimensionMetric> metrics_;
  size_t budget_bytes_ = 0;
  size_t dims_ = 0;
  uint64_t seen_ = 0;
  uint64_t duplicates_ = 0;
  std::optional<RowSample> sample_;

  std::vector<float> raw_;  // the sample in order
  std::vector<uint64_t> raw_counts_;
  std::optional<DimensionMetric> metric_;  // what follows is of
  std::vector<float> x_;                   // as measured
  std::vector<uint64_t> counts_;
  std::optional<NeighbourTable> table_;
  std::optional<std::vector<double>> eigenvalues_;
  double table_seconds_ = 0, spectrum_seconds_ = 0;
  std::vector<DimensionReportRow> rows_;
};

}  // namespace lowdim::core
