// What each compression method costs and keeps on given data: the core of codec_report and codec_recommend.
// Every method that has parameters for a compression is trained, encodes, decodes and searches; a method that
// fails on this data gives a row that says why.
//
// What is measured, and on what: a codec is trained on at most `training_rows` rows. Recall is that of an
// exhaustive scan over the codes of at most `base_rows` rows, against the exact neighbours among the same
// rows; a neighbour counts as found if it is no farther than the exact k-th, so that equal rows do not
// matter. Bytes count everything that is stored: norms, headers, remaps, and the model's bytes spread over
// the `table_rows` rows of the whole table. Methods that compress a table as a whole (codec/table) see the
// base rows only, so what they find in common (dedup above all) is what is common in the sample.
//
// Rows and choices are deterministic, times are not.
#pragma once

#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/stop.h"
#include "core/codec/codec.h"
#include "core/codec/matrix.h"

namespace lowdim::core {

struct ReportOptions {
  CodecMetric metric = CodecMetric::kL2;
  std::vector<double> compressions = {4, 8, 16, 32};
  bool table_methods = true;
  size_t table_rows = 0;  // of the whole table; 0 or less than the rows given: those
  size_t base_rows = 10000;
  size_t training_rows = 8000;  // opq takes fewer of many dimensions, int8 of any
  size_t decode_rows = 1000;    // that mse and decode_us are measured on
  size_t budget_bytes = size_t{256} << 20;
  uint64_t seed = 1;
  // Sample queries for query-aware projections, not the ones that recall is measured with. Without them
  // leanvec is PCA and is left out.
  Rows learn_queries;
};

inline constexpr double kNotMeasured = std::numeric_limits<double>::quiet_NaN();

struct ReportRow {
  std::string method;    // with its parameters
  double target = 0;     // the compression it was chosen for
  bool is_codec = true;  // else a table method: it encodes no new vectors
  std::string options;   // of a codec: what codec_train takes to make it again, as JSON
  double bytes_per_vector = kNotMeasured;
  double compression = kNotMeasured;  // 4 dims / bytes_per_vector
  double mse = kNotMeasured;          // a component's mean squared error (of x / |x| for cosine)
  double recall_at_10 = kNotMeasured;
  double encode_us = kNotMeasured;
  double decode_us = kNotMeasured;
  double distance_ns = kNotMeasured;  // a scan's time over its rows, preparing the query included
  double train_s = kNotMeasured;
  std::string note;  // why something is missing or unusual

  bool measured() const { return !std::isnan(recall_at_10); }
};

// Told before each method. Must not throw anything but Stopped.
struct Progress {
  void (*at)(void* self, const char* method, size_t index, size_t total) = nullptr;
  void* self = nullptr;
};

// A report in steps, one for each method, so that a caller can do something in between. Copies the rows and
// queries that it needs, except options.learn_queries.
class ReportRun {
 public:
  // Finds the exact neighbours. Throws Error(kData) for rows or queries that are missing, of different
  // dimensions or not finite, Error(kInvalidParameter) for impossible compressions, and Stopped.
  ReportRun(Rows base, Rows queries, const ReportOptions& options, const Stop& stop);
  ~ReportRun();
  ReportRun(const ReportRun&) = delete;
  ReportRun& operator=(const ReportRun&) = delete;

  size_t steps() const;
  const std::string& step_name(size_t i) const;
  // Measures method i and adds its row; i = rows().size(). After Stopped it may be tried again.
  void step(size_t i, const Stop& stop);

  // The references float16 and int8, then in the order of `compressions`.
  const std::vector<ReportRow>& rows() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

// All steps of a ReportRun. Throws as its constructor does.
std::vector<ReportRow> run_report(Rows base, Rows queries, const ReportOptions& options, const Stop& stop,
                                  Progress progress = {});

struct Recommendation {
  std::optional<size_t> row;  // of the report; none: nothing qualifies
  std::string reason;
};

// The codec to use: the smallest within max_bytes_per_vector whose recall reaches min_recall; of those that
// are within 5 % of its bytes the one with the best recall, then the fastest scan.
Recommendation recommend(const std::vector<ReportRow>& rows, double max_bytes_per_vector, double min_recall);

}  // namespace lowdim::core
