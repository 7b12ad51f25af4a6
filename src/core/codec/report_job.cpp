// See report_job.h.

#include "core/codec/report_job.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace lowdim::core {
namespace {

[[noreturn]] void invalid(const OptionPair& p, const std::string& hint) {
  throw Error(ErrorKind::kInvalidParameter,
              "invalid value for report option \"" + std::string(p.key) + "\": " + std::string(p.text), hint);
}

size_t whole(const OptionPair& p, size_t low, size_t high) {
  uint64_t v = 0;
  const auto [end, ec] = std::from_chars(p.text.data(), p.text.data() + p.text.size(), v);
  if (p.is_string || ec != std::errc() || end != p.text.data() + p.text.size() || v < low || v > high) {
    invalid(p, "It must be a whole number from " + std::to_string(low) + " to " + std::to_string(high) + ".");
  }
  return v;
}

std::string json_number(double v) {
  if (!std::isfinite(v)) return "null";
  char text[32];
  const auto [end, ec] = std::to_chars(text, text + sizeof text, v);
  return ec == std::errc() ? std::string(text, end) : "null";
}

std::string json_text(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out + "\"";
}

}  // namespace

void ReportJob::set_options(const OptionPair* pairs, size_t n, size_t budget_bytes) {
  budget_bytes_ = budget_bytes;
  options_.budget_bytes = budget_bytes;
  for (size_t i = 0; i < n; ++i) {
    const OptionPair& p = pairs[i];
    if (p.key == "metric") {
      if (p.is_string && p.text == "l2") {
        options_.metric = CodecMetric::kL2;
      } else if (p.is_string && p.text == "ip") {
        options_.metric = CodecMetric::kInner;
      } else if (p.is_string && p.text == "cosine") {
        options_.metric = CodecMetric::kCosine;
      } else {
        invalid(p, "Metrics are l2, ip, cosine.");
      }
    } else if (p.key == "queries") {
      wanted_queries_ = whole(p, 1, 100000);
    } else if (p.key == "base_rows") {
      options_.base_rows = whole(p, 100, 100000000);
    } else if (p.key == "training_rows") {
      options_.training_rows = whole(p, 100, 100000000);
    } else if (p.key == "seed") {
      options_.seed = whole(p, 0, UINT32_MAX);
    } else if (p.key == "table_methods") {
      if (p.is_string || (p.text != "true" && p.text != "false")) invalid(p, "It must be true or false.");
      options_.table_methods = p.text == "true";
    } else {
      throw Error(ErrorKind::kInvalidParameter, "unknown report option \"" + std::string(p.key) + "\"",
                  "Options are metric, queries, base_rows, training_rows, table_methods, seed.");
    }
  }
}

void ReportJob::add(const float* row, size_t dims) {
  if (dims_ == 0) {
    dims_ = dims;
    // The sample, its copy in order and what a method makes of it.
    const size_t fits = budget_bytes_ / (3 * dims * sizeof(float));
    sample_.emplace(dims, std::max<size_t>(100, std::min(options_.base_rows + wanted_queries_, fits)),
                    options_.seed);
  }
  if (dims != dims_) {
    throw Error(ErrorKind::kData,
                "expected " + std::to_string(dims_) + " dimensions, not " + std::to_string(dims));
  }
  ++seen_;
  sample_->add(row);
}

void ReportJob::add_query(const float* q, size_t dims) {
  if (dims_ != 0 && dims != dims_) {
    throw Error(ErrorKind::kData,
                "expected " + std::to_string(dims_) + " dimensions, not " + std::to_string(dims));
  }
  given_.insert(given_.end(), q, q + dims);
}

void ReportJob::begin(const Stop& stop) {
  constexpr size_t kLeast = 100;
  if (dims_ == 0 || sample_->size() < kLeast) {
    throw Error(ErrorKind::kData, "a report needs at least " + std::to_string(kLeast) + " different vectors",
                "There are " + std::to_string(dims_ == 0 ? 0 : sample_->size()) + ".");
  }
  data_ = sample_->take_ordered();
  sample_.reset();
  const size_t n = data_.size() / dims_;
  Rows queries{given_.data(), given_.size() / dims_, dims_};
  Rows base{data_.data(), n, dims_};
  if (given_.empty()) {
    queries = {data_.data(), std::min(wanted_queries_, n / 10), dims_};
    base = {data_.data() + queries.n * dims_, n - queries.n, dims_};
  }
  base_rows_ = base.n;
  n_queries_ = queries.n;
  options_.table_rows = seen_;
  run_ = std::make_unique<ReportRun>(base, queries, options_, stop);
}

size_t ReportJob::steps() const { return run_->steps(); }
const char* ReportJob::step_name(size_t i) const { return run_->step_name(i).c_str(); }
void ReportJob::step(size_t i, const Stop& stop) { run_->step(i, stop); }
const std::vector<ReportRow>& ReportJob::rows() const { return run_->rows(); }

const std::string& ReportJob::recommend(double max_bytes_per_vector, double min_recall) {
  const Recommendation choice = core::recommend(rows(), max_bytes_per_vector, min_recall);
  answer_ = "{";
  if (choice.row) {
    const ReportRow& r = rows()[*choice.row];
    answer_ += "\"method\": " + json_text(r.method) +
               ", \"options\": " + (r.options.empty() ? "null" : r.options) +
               ", \"bytes_per_vector\": " + json_number(r.bytes_per_vector) +
               ", \"compression\": " + json_number(r.compression) +
               ", \"recall_at_10\": " + json_number(r.recall_at_10) + ", \"mse\": " + json_number(r.mse);
  } else {
    answer_ += "\"method\": null";
  }
  answer_ += ", \"reason\": " + json_text(choice.reason) + ", \"base_rows\": " + std::to_string(base_rows_) +
             ", \"queries\": " + std::to_string(n_queries_) + "}";
  return answer_;
}

}  // namespace lowdim::core
