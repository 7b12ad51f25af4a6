// codec_report as a sequence of short calls, so that the server's side can fetch rows, report progress and
// serve interrupts in between: options, rows, given queries, begin, then a step for every method. Owned by a
// memory context (pg/door.h: make_in).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/stop.h"
#include "core/codec/options.h"
#include "core/codec/report.h"
#include "core/codec/sample.h"

namespace lowdim::core {

class ReportJob {
 public:
  // Options metric, queries (their number), base_rows, training_rows, table_methods, seed. Throws
  // Error(kInvalidParameter).
  void set_options(const OptionPair* pairs, size_t n, size_t budget_bytes);

  // A row of the column; Error(kData) for other dimensions than before.
  void add(const float* row, size_t dims);
  // A query that the user gives; without any, queries are held out of the rows.
  void add_query(const float* q, size_t dims);

  // Draws the sample and plans the methods. Throws Error(kData) for too few rows.
  void begin(const Stop& stop);
  size_t steps() const;
  const char* step_name(size_t i) const;
  void step(size_t i, const Stop& stop);

  const std::vector<ReportRow>& rows() const;
  size_t table_rows() const { return seen_; }
  size_t base_rows() const { return base_rows_; }
  size_t n_queries() const { return n_queries_; }

  // A JSON object: the method chosen and its options and figures, or null, and the reason.
  const std::string& recommend(double max_bytes_per_vector, double min_recall);

 private:
  ReportOptions options_;
  size_t wanted_queries_ = 100;
  size_t budget_bytes_ = 0;
  size_t dims_ = 0;
  size_t seen_ = 0;
  std::optional<RowSample> sample_;
  std::vector<float> given_;
  std::vector<float> data_;
  size_t base_rows_ = 0;
  size_t n_queries_ = 0;
  std::unique_ptr<ReportRun> run_;
  std::string answer_;
};

}  // namespace lowdim::core
