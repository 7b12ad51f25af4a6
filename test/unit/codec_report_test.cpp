// The report: what is planned and in which order, figures that hang together, notes instead of failures,
// cancelling; and the choices of recommend.
#include "core/codec/report.h"

#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "core/base/random.h"
#include "core/codec/report_plan.h"

namespace lowdim::core {
namespace {

constexpr size_t kDims = 32;

// A mixture of 20 Gaussians with unequal variances, away from the origin.
std::vector<float> mixture(size_t n, uint64_t seed) {
  Random centres(7);
  std::vector<double> means(20 * kDims);
  for (double& m : means) m = 0.5 + centres.normal();
  Random random(seed);
  std::vector<float> out;
  for (size_t i = 0; i < n; ++i) {
    const size_t c = random.below(20);
    for (size_t j = 0; j < kDims; ++j) {
      const double spread = 1.5 / std::sqrt(1.0 + static_cast<double>(j));
      out.push_back(static_cast<float>(means[c * kDims + j] + spread * random.normal()));
    }
  }
  return out;
}

struct Data {
  std::vector<float> base = mixture(1500, 1);
  std::vector<float> queries = mixture(20, 2);
  Rows rows() const { return {base.data(), base.size() / kDims, kDims}; }
  Rows asked() const { return {queries.data(), queries.size() / kDims, kDims}; }
};

const ReportRow& find(const std::vector<ReportRow>& rows, const std::string& method, double target) {
  for (const ReportRow& row : rows) {
    if (row.target == target && row.method.rfind(method, 0) == 0) return row;
  }
  throw std::runtime_error("no row " + method);
}

ReportOptions small_options() {
  ReportOptions options;
  options.compressions = {4, 8, 16, 32};
  options.training_rows = 1000;
  options.decode_rows = 200;
  options.table_rows = 1000000;  // so that models weigh little
  return options;
}

TEST(CodecReport, IsOrderedAndComplete) {
  const Data data;
  struct Seen {
    std::vector<std::string> methods;
    size_t total = 0;
  } seen;
  Progress progress;
  progress.self = &seen;
  progress.at = [](void* self, const char* method, size_t index, size_t total) {
    Seen& s = *static_cast<Seen*>(self);
    EXPECT_EQ(index, s.methods.size());
    s.methods.emplace_back(method);
    s.total = total;
  };
  const std::vector<ReportRow> rows =
      run_report(data.rows(), data.asked(), small_options(), Stop{}, progress);
  ASSERT_EQ(seen.total, rows.size());
  ASSERT_EQ(seen.methods.size(), rows.size());
  ASSERT_GT(rows.size(), 30u);
  EXPECT_EQ(rows[0].method, "float16");
  EXPECT_EQ(rows[1].method, "int8");
  EXPECT_TRUE(std::is_sorted(rows.begin() + 2, rows.end(),
                             [](const ReportRow& a, const ReportRow& b) { return a.target < b.target; }));

  for (const ReportRow& row : rows) {
    SCOPED_TRACE(row.method + " at " + std::to_string(row.target));
    EXPECT_TRUE(row.measured() || !row.note.empty());
    if (row.is_codec && !row.measured()) {
      EXPECT_EQ(row.note.rfind("no parameters fit", 0), 0u) << row.note;  // what is planned works
    }
    if (!row.measured()) continue;
    EXPECT_NEAR(row.compression, kDims * 4 / row.bytes_per_vector, 1e-9);
    EXPECT_GT(row.mse, 0);
    EXPECT_GE(row.recall_at_10, 0);
    EXPECT_LE(row.recall_at_10, 1);
    EXPECT_GT(row.decode_us, 0);
    EXPECT_GT(row.distance_ns, 0);
    EXPECT_GE(row.train_s, 0);
    EXPECT_EQ(std::isnan(row.encode_us), !row.is_codec);
    EXPECT_EQ(row.options.empty(), !row.is_codec);
    // What has free parameters lands below the target.
    const bool free = row.method.rfind("pca", 0) == 0 || row.method.rfind("osq", 0) == 0 ||
                      row.method.rfind("pq", 0) == 0 || row.method.rfind("opq", 0) == 0 || !row.is_codec;
    if (free) {
      EXPECT_GE(row.compression, row.target * 0.999);
    }
  }
  for (const double target : {4.0, 8.0, 16.0, 32.0}) {
    for (const char* method : {"rabitq", "osq", "svd", "magnitude_svd", "prune", "dedup", "tensor_train"}) {
      EXPECT_NO_THROW(find(rows, method, target)) << method << target;
    }
  }
  for (const char* method : {"pq", "opq"}) {
    EXPECT_TRUE(find(rows, method, 16).measured());
    EXPECT_THROW(find(rows, method, 4), std::runtime_error);  // it would be scalar quantization
  }
  EXPECT_GE(find(rows, "float16", 2).recall_at_10, 0.99);
  EXPECT_GE(find(rows, "lvq8", 4).recall_at_10, 0.97);
  EXPECT_GE(find(rows, "rabitq(8 bits)", 4).recall_at_10, 0.97);
  EXPECT_GT(find(rows, "lvq8", 4).recall_at_10, find(rows, "lvq4", 8).recall_at_10);
  EXPECT_LT(find(rows, "lvq8", 4).mse, 0.1 * find(rows, "lvq4", 8).mse);
  EXPECT_GT(find(rows, "rabitq(2 bits)", 16).recall_at_10, find(rows, "rabitq(1 bits)", 32).recall_at_10);
  EXPECT_GT(find(rows, "rabitq(2 bits)", 16).recall_at_10, find(rows, "prune", 16).recall_at_10);
  // A norm, a step and a bias before 32 bytes, and a model that a million rows share.
  EXPECT_NEAR(find(rows, "lvq8", 4).bytes_per_vector, 4 + 4 + 32, 0.01);
  // Distinct rows: nothing to share, said once and not tried again.
  EXPECT_FALSE(find(rows, "dedup", 4).measured());
  EXPECT_LT(find(rows, "dedup", 4).compression, 1.1);
  EXPECT_TRUE(std::isnan(find(rows, "dedup", 8).bytes_per_vector));
}

TEST(CodecReport, ModelBytesCount) {
  const Data data;
  ReportOptions options = small_options();
  options.compressions = {8};
  options.table_methods = false;
  const std::vector<ReportRow> large = run_report(data.rows(), data.asked(), options, Stop{});
  options.table_rows = 0;  // these 1500 rows are the table
  const std::vector<ReportRow> alone = run_report(data.rows(), data.asked(), options, Stop{});
  EXPECT_GT(find(alone, "rabitq", 8).bytes_per_vector, find(large, "rabitq", 8).bytes_per_vector + 0.05);
  // 256 centroids of 32 floats are 21 bytes for each of 1500 rows: more than the 16 there are.
  EXPECT_TRUE(find(large, "pq", 8).measured());
  EXPECT_FALSE(find(alone, "pq", 8).measured());
  EXPECT_NE(find(alone, "pq", 8).note.find("no parameters fit"), std::string::npos);
  EXPECT_GT(find(alone, "pca", 8).compression, 8);
}

TEST(CodecReport, EveryMetricFindsItsNeighbours) {
  const Data data;
  ReportOptions options = small_options();
  options.compressions = {4};
  for (const CodecMetric metric : {CodecMetric::kL2, CodecMetric::kInner, CodecMetric::kCosine}) {
    SCOPED_TRACE(static_cast<int>(metric));
    options.metric = metric;
    const std::vector<ReportRow> rows = run_report(data.rows(), data.asked(), options, Stop{});
    EXPECT_GE(find(rows, "float16", 2).recall_at_10, 0.98);
    EXPECT_GE(find(rows, "lvq8", 4).recall_at_10, 0.95);
    const bool normalizes = find(rows, "lvq8", 4).options.find("\"normalize\":true") != std::string::npos;
    EXPECT_EQ(normalizes, metric == CodecMetric::kCosine);
    EXPECT_GE(find(rows, "svd", 4).recall_at_10, 0.2);
  }
}

TEST(CodecReport, EqualRowsDoNotLowerRecall) {
  Data data;
  for (size_t i = 0; i < 1500; ++i) {  // every row fifty times
    std::copy_n(data.base.begin() + static_cast<std::ptrdiff_t>(i % 30 * kDims), kDims,
                data.base.begin() + static_cast<std::ptrdiff_t>(i * kDims));
  }
  ReportOptions options = small_options();
  options.compressions = {16};
  const std::vector<ReportRow> rows = run_report(data.rows(), data.asked(), options, Stop{});
  EXPECT_EQ(find(rows, "float16", 2).recall_at_10, 1);
  const ReportRow& dedup = find(rows, "dedup", 16);
  EXPECT_TRUE(dedup.measured());
  EXPECT_EQ(dedup.recall_at_10, 1);
}

TEST(CodecReport, PlansQueryAwareProjectionsOnlyWithQueries) {
  const Data data;
  ReportOptions options = small_options();
  options.compressions = {8};
  options.table_methods = false;
  EXPECT_THROW(find(run_report(data.rows(), data.asked(), options, Stop{}), "leanvec", 8),
               std::runtime_error);
  const std::vector<float> learn = mixture(200, 3);
  options.learn_queries = {learn.data(), 200, kDims};
  const std::vector<ReportRow> rows = run_report(data.rows(), data.asked(), options, Stop{});
  EXPECT_GT(find(rows, "leanvec", 8).recall_at_10, 0.2);
}

TEST(CodecReport, AFailingMethodIsANote) {
  const Data data;
  ReportOptions options = small_options();
  options.compressions = {8};
  options.budget_bytes = 1000;  // no codec can be trained in this
  const std::vector<ReportRow> rows = run_report(data.rows(), data.asked(), options, Stop{});
  EXPECT_FALSE(find(rows, "lvq4", 8).measured());
  EXPECT_NE(find(rows, "lvq4", 8).note.find("memory"), std::string::npos);
  EXPECT_TRUE(find(rows, "svd", 8).measured());
}

TEST(CodecReport, RefusesBadInput) {
  const Data data;
  const ReportOptions options = small_options();
  EXPECT_THROW(run_report(Rows{nullptr, 0, kDims}, data.asked(), options, Stop{}), Error);
  EXPECT_THROW(run_report(data.rows(), Rows{nullptr, 0, kDims}, options, Stop{}), Error);
  EXPECT_THROW(run_report(data.rows(), Rows{data.queries.data(), 4, 16}, options, Stop{}), Error);
  Data bad;
  bad.base[5] = NAN;
  EXPECT_THROW(run_report(bad.rows(), bad.asked(), options, Stop{}), Error);
  ReportOptions none = options;
  none.compressions = {0.5};
  EXPECT_THROW(run_report(data.rows(), data.asked(), none, Stop{}), Error);
  const std::vector<float> zeros(10 * kDims);
  ReportOptions cosine = options;
  cosine.metric = CodecMetric::kCosine;
  EXPECT_THROW(run_report(Rows{zeros.data(), 10, kDims}, data.asked(), cosine, Stop{}), Error);
}

TEST(CodecReport, StopsWhenAsked) {
  struct Watch {
    size_t polls = 0;
    size_t limit = SIZE_MAX;
    double last = now();
    double longest = 0;
    static double now() {
      timespec t;
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
      return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
    }
    static bool asked(void* self) {
      Watch& w = *static_cast<Watch*>(self);
      const double t = now();
      w.longest = std::max(w.longest, t - w.last);
      w.last = t;
      return ++w.polls > w.limit;
    }
  };
  const Data data;
  ReportOptions options = small_options();
  options.compressions = {16};
  Watch watch;
  run_report(data.rows(), data.asked(), options, Stop{&Watch::asked, &watch});
  EXPECT_LT(watch.longest, 0.3);
  for (int part = 1; part < 6; ++part) {
    Watch cut;
    cut.limit = watch.polls * static_cast<size_t>(part) / 6;
    EXPECT_THROW(run_report(data.rows(), data.asked(), options, Stop{&Watch::asked, &cut}), Stopped);
    EXPECT_EQ(cut.polls, cut.limit + 1);
  }
}

TEST(CodecReport, RunsInSteps) {
  const Data data;
  ReportOptions options = small_options();
  options.compressions = {4};
  options.table_methods = false;
  ReportRun run(data.rows(), data.asked(), options, Stop{});
  ASSERT_GT(run.steps(), 4u);
  EXPECT_TRUE(run.rows().empty());
  EXPECT_THROW(run.step(1, Stop{}), Error);
  const Stop now{[](void*) { return true; }, nullptr};
  EXPECT_THROW(run.step(0, now), Stopped);
  for (size_t i = 0; i < run.steps(); ++i) {
    run.step(i, Stop{});
    ASSERT_EQ(run.rows().size(), i + 1);
    EXPECT_EQ(run.rows()[i].method, run.step_name(i));
  }
  EXPECT_THROW(run.step(run.steps(), Stop{}), Error);
}

TEST(CodecReport, OptionsAreWhatTrainingTakes) {
  CodecSpec spec;
  spec.quantizer = QuantizerKind::kLvq;
  spec.bits = 8;
  EXPECT_EQ(options_json(spec), R"({"method":"lvq8"})");
  spec.residual_bits = 8;
  spec.normalize = true;
  EXPECT_EQ(options_json(spec), R"({"method":"lvq8x8","normalize":true})");
  spec = CodecSpec();
  spec.projection = ProjectionKind::kPca;
  spec.dims = 96;
  EXPECT_EQ(options_json(spec), R"({"method":"pca","dims":96})");
  spec.quantizer = QuantizerKind::kLvq;
  spec.bits = 4;
  EXPECT_EQ(options_json(spec), R"({"method":"pca","dims":96,"then":"lvq4"})");
  spec.quantizer = QuantizerKind::kPq;
  spec.projection = ProjectionKind::kLeanvec;
  spec.leanvec = LeanvecAlgorithm::kEigen;
  spec.m = 12;
  EXPECT_EQ(options_json(spec),
            R"({"method":"leanvec","dims":96,"algorithm":"eigen","then":{"method":"pq","m":12,"bits":4}})");
  spec = CodecSpec();
  spec.projection = ProjectionKind::kRotation;
  spec.quantizer = QuantizerKind::kRabitq;
  spec.bits = 4;
  EXPECT_EQ(options_json(spec), R"({"method":"rabitq","bits":4})");
  spec = CodecSpec();
  spec.projection = ProjectionKind::kPca;
  spec.quantizer = QuantizerKind::kOsq;
  spec.bits_per_dim = 3.75;
  EXPECT_EQ(options_json(spec), R"({"method":"osq","bits_per_dim":3.75})");
}

ReportRow row(const char* method, double bytes, double recall, double ns, bool is_codec = true) {
  ReportRow r;
  r.method = method;
  r.bytes_per_vector = bytes;
  r.compression = 400 / bytes;
  r.recall_at_10 = recall;
  r.distance_ns = ns;
  r.is_codec = is_codec;
  return r;
}

bool mentions(const Recommendation& r, const char* what) { return r.reason.find(what) != std::string::npos; }

TEST(CodecRecommend, TakesTheSmallestThatQualifies) {
  std::vector<ReportRow> rows = {row("wide", 100, 0.99, 10), row("middle", 52, 0.95, 10),
                                 row("narrow", 50, 0.91, 10), row("tiny", 12, 0.5, 5),
                                 row("table", 10, 0.99, 5, false)};
  rows.push_back(ReportRow());  // not measured
  // "narrow" is the smallest, but 2 bytes more buy four points.
  Recommendation r = recommend(rows, 1000, 0.9);
  EXPECT_EQ(r.row, 1u);
  EXPECT_TRUE(mentions(r, "middle") && mentions(r, "narrow"));
  EXPECT_TRUE(mentions(r, "tiny"));  // what a smaller one would have cost
  r = recommend(rows, 51, 0.9);
  EXPECT_EQ(r.row, 2u);
  EXPECT_EQ(recommend(rows, 1000, 0.97).row, 0u);
  EXPECT_EQ(recommend(rows, 1000, 0).row, 3u);
  // Of equals, the faster scan.
  rows = {row("slow", 50, 0.9, 20), row("fast", 51, 0.9, 10)};
  EXPECT_EQ(recommend(rows, 100, 0.8).row, 1u);
}

TEST(CodecRecommend, SaysWhatIsMissing) {
  const std::vector<ReportRow> rows = {row("wide", 100, 0.99, 10), row("narrow", 50, 0.9, 10)};
  Recommendation r = recommend(rows, 60, 0.95);  // recall there is, but not in these bytes
  EXPECT_EQ(r.row, std::nullopt);
  EXPECT_TRUE(mentions(r, "within the bytes is narrow"));
  EXPECT_TRUE(mentions(r, "recall needs at least wide"));
  r = recommend(rows, 10, 0.8);  // nothing is that small
  EXPECT_EQ(r.row, std::nullopt);
  EXPECT_TRUE(mentions(r, "smallest that was measured is narrow"));
  EXPECT_TRUE(mentions(r, "recall needs at least narrow"));
  r = recommend(rows, 1000, 0.999);  // nothing is that good
  EXPECT_EQ(r.row, std::nullopt);
  EXPECT_TRUE(mentions(r, "best is wide"));
  r = recommend({ReportRow(), row("table", 10, 0.99, 1, false)}, 1000, 0.5);
  EXPECT_EQ(r.row, std::nullopt);
  EXPECT_TRUE(mentions(r, "No codec could be measured"));
}

}  // namespace
}  // namespace lowdim::core
