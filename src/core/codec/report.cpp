// See report.h.

#include "core/codec/report.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

#include "core/base/random.h"
#include "core/codec/report_plan.h"
#include "core/codec/table/table.h"
#include "core/codec/train.h"
#include "core/simd/kernels.h"

namespace lowdim::core {
namespace {

constexpr size_t kNeighbours = 10;
constexpr size_t kChunk = 1024;  // codes between two polls
constexpr size_t kTableChunk = 64;

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// m of n numbers without repeats, ascending.
std::vector<size_t> choose(size_t n, size_t m, uint64_t seed) {
  std::vector<size_t> all(n);
  std::iota(all.begin(), all.end(), size_t{0});
  if (m >= n) return all;
  Random random(seed);
  for (size_t i = 0; i < m; ++i) std::swap(all[i], all[i + random.below(n - i)]);
  all.resize(m);
  std::sort(all.begin(), all.end());
  return all;
}

// At most `most` of the rows, finite, and of unit length for cosine, which leaves out zero vectors.
std::vector<float> prepare(Rows rows, size_t most, uint64_t seed, bool normalize, const Stop& stop) {
  std::vector<float> out;
  size_t done = 0;
  for (const size_t i : choose(rows.n, most, seed)) {
    if (done++ % 256 == 0) stop.check();
    const float* x = rows.row(i);
    double norm = 0;
    for (size_t j = 0; j < rows.dims; ++j) norm += static_cast<double>(x[j]) * x[j];
    if (!std::isfinite(norm)) throw Error(ErrorKind::kData, "a report needs finite vectors");
    if (normalize && !(norm > 0)) continue;
    const double scale = normalize ? 1 / std::sqrt(norm) : 1;
    for (size_t j = 0; j < rows.dims; ++j) out.push_back(static_cast<float>(x[j] * scale));
  }
  return out;
}

// The k smallest distances seen, and whose they are.
class Nearest {
 public:
  explicit Nearest(size_t k) : k_(k) { heap_.reserve(k); }

  void offer(float distance, size_t row) {
    if (std::isnan(distance)) return;
    if (heap_.size() < k_) {
      heap_.emplace_back(distance, row);
      std::push_heap(heap_.begin(), heap_.end());
    } else if (distance < heap_.front().first) {
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.back() = {distance, row};
      std::push_heap(heap_.begin(), heap_.end());
    }
  }
  float farthest() const { return heap_.front().first; }
  const std::vector<std::pair<float, size_t>>& found() const { return heap_; }

 private:
  size_t k_;
  std::vector<std::pair<float, size_t>> heap_;
};

class Report {
 public:
  Report(Rows base, Rows queries, const ReportOptions& options, const Stop& stop)
      : options_(options), dims_(base.dims) {
    if (base.n == 0 || queries.n == 0) throw Error(ErrorKind::kData, "a report needs rows and queries");
    if (base.dims == 0 || base.dims != queries.dims ||
        (options.learn_queries.n > 0 && options.learn_queries.dims != base.dims)) {
      throw Error(ErrorKind::kData, "rows and queries of a report have different dimensions");
    }
    const bool cosine = options.metric == CodecMetric::kCosine;
    base_ = prepare(base, options.base_rows, options.seed, cosine, stop);
    training_ = prepare(base, options.training_rows, options.seed + 1, cosine, stop);
    queries_ = prepare(queries, queries.n, options.seed, cosine, stop);
    if (base_.empty() || training_.empty() || queries_.empty()) {
      throw Error(ErrorKind::kData, "all rows or queries of a report are zero vectors");
    }
    n_ = base_.size() / dims_;
    table_rows_ = std::max(options.table_rows, base.n);
    find_exact(stop);
  }

  size_t table_rows() const { return table_rows_; }

  ReportRow measure(const ReportCandidate& candidate, const Stop& stop) const {
    ReportRow row;
    row.method = candidate.name();
    row.target = candidate.target;
    row.is_codec = !candidate.is_table;
    row.note = candidate.misfit;
    if (!candidate.misfit.empty()) return row;
    try {
      if (candidate.is_table) {
        measure_table(candidate, row, stop);
      } else {
        measure_codec(candidate, row, stop);
      }
    } catch (const Error& e) {
      row.note = e.what();
    }
    return row;
  }

 private:
  const float* base(size_t i) const { return base_.data() + i * dims_; }
  const float* query(size_t i) const { return queries_.data() + i * dims_; }
  size_t n_queries() const { return queries_.size() / dims_; }

  float exact(const float* q, const float* x) const {
    const uint32_t n = static_cast<uint32_t>(dims_);
    return options_.metric == CodecMetric::kL2 ? simd::kernels().l2sq_f32(q, x, n)
                                               : -simd::kernels().dot_f32(q, x, n);
  }

  void find_exact(const Stop& stop) {
    for (size_t q = 0; q < n_queries(); ++q) {
      Nearest nearest(kNeighbours);
      for (size_t i = 0; i < n_; ++i) {
        if (i % kChunk == 0) stop.check();
        nearest.offer(exact(query(q), base(i)), i);
      }
      kth_.push_back(nearest.farthest());
    }
  }

  double recall(const std::vector<Nearest>& found) const {
    size_t hits = 0;
    for (size_t q = 0; q < found.size(); ++q) {
      for (const auto& [distance, row] : found[q].found()) hits += exact(query(q), base(row)) <= kth_[q];
    }
    return static_cast<double>(hits) / static_cast<double>(found.size() * std::min(kNeighbours, n_));
  }

  double squared_error(const float* a, const float* b) const {
    double sum = 0;
    for (size_t j = 0; j < dims_; ++j) {
      const double d = static_cast<double>(a[j]) - b[j];
      sum += d * d;
    }
    return sum;
  }

  void set_bytes(double bytes, ReportRow& row) const {
    row.bytes_per_vector = bytes;
    row.compression = static_cast<double>(dims_ * sizeof(float)) / bytes;
  }

  void measure_codec(const ReportCandidate& candidate, ReportRow& row, const Stop& stop) const {
    CodecSpec spec = candidate.spec;
    size_t sample = options_.training_rows;
    if (spec.quantizer == QuantizerKind::kInt8) {  // one number is learnt: a million components are plenty
      sample = std::min(sample, std::max<size_t>(256, (size_t{1} << 20) / dims_));
    } else if (spec.quantizer == QuantizerKind::kOpq) {  // by far the longest training
      sample = std::min(sample, std::max<size_t>(4096, (size_t{1} << 21) / dims_));
    }
    spec.sample = static_cast<uint32_t>(std::min<size_t>(sample, 10000000));
    row.options = options_json(spec);

    const Stopwatch training;
    CodecTrainer trainer;
    trainer.start(spec, dims_, options_.budget_bytes);
    for (size_t i = 0; i < training_.size() / dims_; ++i) {
      if (i % 64 == 0) stop.check();
      trainer.add(training_.data() + i * dims_, dims_);
    }
    if (spec.projection == ProjectionKind::kLeanvec) {
      for (size_t i = 0; i < options_.learn_queries.n; ++i) {
        trainer.add_query(options_.learn_queries.row(i), dims_);
      }
    }
    const Codec& codec = trainer.finish(stop);
    row.train_s = training.seconds();
    const size_t code_bytes = codec.code_bytes();
    set_bytes(static_cast<double>(code_bytes) +
                  static_cast<double>(codec.image().size()) / static_cast<double>(table_rows_),
              row);

    std::vector<uint8_t> codes(n_ * code_bytes);
    const Stopwatch encoding;
    for (size_t i = 0; i < n_; ++i) {
      if (i % 16 == 0) stop.check();
      codec.encode(base(i), codes.data() + i * code_bytes);
    }
    row.encode_us = encoding.seconds() * 1e6 / static_cast<double>(n_);

    const std::vector<size_t> some = choose(n_, options_.decode_rows, options_.seed + 2);
    std::vector<float> decoded(some.size() * dims_);
    const Stopwatch decoding;
    for (size_t i = 0; i < some.size(); ++i) {
      if (i % 16 == 0) stop.check();
      codec.decode(codes.data() + some[i] * code_bytes, decoded.data() + i * dims_);
    }
    row.decode_us = decoding.seconds() * 1e6 / static_cast<double>(some.size());
    double error = 0;
    for (size_t i = 0; i < some.size(); ++i) {
      error += squared_error(base(some[i]), decoded.data() + i * dims_);
    }
    row.mse = error / static_cast<double>(some.size() * dims_);

    std::vector<Nearest> found(n_queries(), Nearest(kNeighbours));
    std::vector<float> distances(kChunk);
    double seconds = 0;
    for (size_t q = 0; q < n_queries(); ++q) {
      const Stopwatch preparing;
      const CodecQuery prepared(codec, query(q));
      seconds += preparing.seconds();
      for (size_t i = 0; i < n_; i += kChunk) {
        stop.check();
        const size_t n = std::min(kChunk, n_ - i);
        const Stopwatch scanning;
        prepared.distances(options_.metric, codes.data() + i * code_bytes, code_bytes, n, distances.data());
        seconds += scanning.seconds();
        for (size_t k = 0; k < n; ++k) found[q].offer(distances[k], i + k);
      }
    }
    row.distance_ns = seconds * 1e9 / static_cast<double>(n_queries() * n_);
    row.recall_at_10 = recall(found);
  }

  // The whole table is decoded block by block; each block is compared with all queries while it is there.
  void measure_table(const ReportCandidate& candidate, ReportRow& row, const Stop& stop) const {
    const Stopwatch training;
    const std::unique_ptr<CompressedTable> table = compress_table(
        candidate.table, Rows{base_.data(), n_, dims_}, candidate.target, options_.seed, stop, table_rows_);
    if (table == nullptr) {
      row.note = "no parameters fit";
      return;
    }
    row.train_s = training.seconds();
    row.method = table->text();
    const double shared = static_cast<double>(table->shared_bytes());
    set_bytes((static_cast<double>(table->bytes()) - shared) / static_cast<double>(n_) +
                  shared / static_cast<double>(table_rows_),
              row);
    if (row.compression < candidate.target * 0.999) {
      row.note = "does not reach the compression asked: the data does not repeat itself enough";
      return;
    }
    std::vector<Nearest> found(n_queries(), Nearest(kNeighbours));
    std::vector<float> block(kTableChunk * dims_);
    double decoding = 0;
    double comparing = 0;
    double error = 0;
    std::vector<float> distances(kTableChunk);
    const uint32_t dims = static_cast<uint32_t>(dims_);
    const simd::Kernels& kernels = simd::kernels();
    for (size_t i = 0; i < n_; i += kTableChunk) {
      stop.check();
      const size_t n = std::min(kTableChunk, n_ - i);
      const Stopwatch decode_time;
      table->decode_rows(i, n, block.data());
      decoding += decode_time.seconds();
      for (size_t k = 0; k < n; ++k) error += squared_error(base(i + k), block.data() + k * dims_);
      for (size_t q = 0; q < n_queries(); ++q) {
        if (q % 64 == 0) stop.check();
        const Stopwatch compare_time;
        for (size_t k = 0; k < n; ++k) {
          const float* x = block.data() + k * dims_;
          if (options_.metric == CodecMetric::kCosine) {
            float sums[3];
            kernels.cosine_f32(query(q), x, dims, sums);
            distances[k] = -sums[0] / std::sqrt(sums[2]);
          } else {
            distances[k] = exact(query(q), x);
          }
        }
        comparing += compare_time.seconds();
        for (size_t k = 0; k < n; ++k) found[q].offer(distances[k], i + k);
      }
    }
    const double rows = static_cast<double>(n_);
    row.mse = error / (rows * static_cast<double>(dims_));
    row.decode_us = decoding * 1e6 / rows;
    row.distance_ns = (decoding + comparing / static_cast<double>(n_queries())) * 1e9 / rows;
    row.recall_at_10 = recall(found);
  }

  ReportOptions options_;
  size_t dims_;
  size_t n_ = 0;
  size_t table_rows_ = 0;
  std::vector<float> base_;
  std::vector<float> training_;
  std::vector<float> queries_;
  std::vector<float> kth_;  // each query's exact distance to its k-th neighbour
};

}  // namespace

class ReportRun::State {
 public:
  State(Rows base, Rows queries, const ReportOptions& options, const Stop& stop)
      : report_(base, queries, options, stop) {
    PlanOptions plan;
    plan.compressions = options.compressions;
    plan.dims = base.dims;
    plan.table_rows = report_.table_rows();
    plan.queries = options.learn_queries.n > 0;
    plan.table_methods = options.table_methods;
    plan.normalize = options.metric == CodecMetric::kCosine;
    plan.seed = options.seed;
    candidates_ = plan_report(plan);
    for (const ReportCandidate& candidate : candidates_) names_.push_back(candidate.name());
  }

  void step(size_t i, const Stop& stop) {
    if (i != rows_.size() || i >= candidates_.size()) {
      throw Error(ErrorKind::kInternal, "the steps of a report are out of order");
    }
    stop.check();
    ReportCandidate candidate = candidates_[i];
    const bool dedup = candidate.is_table && candidate.table == TableMethod::kDedup;
    if (dedup && candidate.target >= dedup_failed_) candidate.misfit = "does not reach a smaller compression";
    rows_.push_back(report_.measure(candidate, stop));
    if (dedup && !rows_.back().measured()) dedup_failed_ = std::min(dedup_failed_, candidate.target);
  }

  const std::vector<std::string>& names() const { return names_; }
  const std::vector<ReportRow>& rows() const { return rows_; }

 private:
  Report report_;
  std::vector<ReportCandidate> candidates_;
  std::vector<std::string> names_;
  std::vector<ReportRow> rows_;
  // The compression that deduplication did not reach; it reaches no larger one.
  double dedup_failed_ = std::numeric_limits<double>::infinity();
};

ReportRun::ReportRun(Rows base, Rows queries, const ReportOptions& options, const Stop& stop) {
  for (const double c : options.compressions) {
    if (!(c >= 1 && c <= 1024)) {
      throw Error(ErrorKind::kInvalidParameter, "compressions of a report must be between 1 and 1024");
    }
  }
  state_ = std::make_unique<State>(base, queries, options, stop);
}

ReportRun::~ReportRun() = default;

size_t ReportRun::steps() const { return state_->names().size(); }
const std::string& ReportRun::step_name(size_t i) const { return state_->names()[i]; }
void ReportRun::step(size_t i, const Stop& stop) { state_->step(i, stop); }
const std::vector<ReportRow>& ReportRun::rows() const { return state_->rows(); }

std::vector<ReportRow> run_report(Rows base, Rows queries, const ReportOptions& options, const Stop& stop,
                                  Progress progress) {
  ReportRun run(base, queries, options, stop);
  for (size_t i = 0; i < run.steps(); ++i) {
    if (progress.at != nullptr) progress.at(progress.self, run.step_name(i).c_str(), i, run.steps());
    run.step(i, stop);
  }
  return run.rows();
}

}  // namespace lowdim::core
