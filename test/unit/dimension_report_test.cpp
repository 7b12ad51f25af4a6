// dimension_report: the rows are the estimators' own answers, at the scales that were asked for.
#include "core/dimension/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/dimension/ess.h"
#include "core/dimension/estimators.h"
#include "core/dimension/spectrum.h"
#include "dimension_manifolds.h"

namespace lowdim::core {
namespace {

using test::manifold_named;
using test::rows_in;
using test::sample_of;

constexpr size_t kBudget = size_t{64} << 20;

OptionPair word(const char* key, const char* text) { return {key, text, true}; }
OptionPair figure(const char* key, const char* text) { return {key, text, false}; }

// All rows, then all steps.
void run(DimensionReport& report, const std::vector<OptionPair>& pairs, const Matrix& x,
         size_t budget = kBudget) {
  report.set_options(pairs.data(), pairs.size(), budget);
  for (Eigen::Index i = 0; i < x.rows(); ++i) report.add(x.row(i).data(), static_cast<size_t>(x.cols()));
  report.begin();
  for (size_t i = 0; i < report.steps(); ++i) report.step(i, Stop{});
}

const DimensionReportRow& row_of(const DimensionReport& report, const std::string& name, uint32_t k = 0,
                                 const std::string& metric = "l2") {
  for (const DimensionReportRow& r : report.rows()) {
    if (r.estimator == name && r.estimate.k == k && r.metric == metric) return r;
  }
  throw std::runtime_error("no row " + name);
}

TEST(DimensionReport, HasEveryEstimatorAtEveryScale) {
  const Matrix x = sample_of(manifold_named("M7_Roll"), 1200, 2);
  DimensionReport report;
  run(report, {}, x);
  EXPECT_EQ(report.rows().size(), 5u * 5 + 2 + 6 + 1 + 1 + 4);
  const NeighbourTable t = nearest_of_sample(rows_in(x), 101, Stop{});
  const auto near = [&](const char* name, uint32_t k, const Estimate& e) {
    const DimensionReportRow& r = row_of(report, name, k);
    EXPECT_NEAR(r.estimate.value, e.value, 1e-6 * e.value) << name << k;
    EXPECT_EQ(r.estimate.points, e.points) << name << k;
    EXPECT_EQ(r.estimate.base, 1200u);
    EXPECT_EQ(std::isnan(r.estimate.standard_error), std::isnan(e.standard_error)) << name << k;
    EXPECT_TRUE(r.note.empty());
    EXPECT_GT(r.seconds, 0);
  };
  for (const uint32_t k : {5u, 10u, 20u, 50u, 100u}) {
    near("mle", k, mackay_ghahramani(t, k));
    near("lid", k, mean_local(t, k));
    near("mind", k, mind_ml(t, k));
    near("ess_a", k, ess_of_sample(EssVersion::kSine, rows_in(x), t, k, Stop{}));
    near("ess_b", k, ess_of_sample(EssVersion::kCosine, rows_in(x), t, k, Stop{}));
  }
  for (uint32_t k = 1; k <= 32; k *= 2) near("gride", k, gride(t, k));
  near("twonn", 0, two_nn_fit(t));
  near("twonn_ml", 0, two_nn_ml(t));
  near("correlation", 10, correlation_dimension(rows_in(x), t, 10, 20, Stop{}));
  EXPECT_NEAR(row_of(report, "danco", 10).estimate.value, 2, 0.5);
  Estimate flat = components_for_share(covariance_spectrum(rows_in(x), nullptr, SIZE_MAX, Stop{}), 0.99);
  flat.points = 1200;
  near("components_99", 0, flat);
  EXPECT_EQ(row_of(report, "fukunaga_olsen").estimate.value, 3);
  EXPECT_LE(row_of(report, "components_90").estimate.value, flat.value);
  EXPECT_NEAR(row_of(report, "participation_ratio").estimate.value, 2.9, 0.1);
}

TEST(DimensionReport, ScalesThatWereAskedFor) {
  const Matrix x = sample_of(manifold_named("M7_Roll"), 600, 3);
  DimensionReport report;
  run(report, {figure("k", "30"), figure("k", "7"), figure("k", "7"), figure("sample", "400")}, x);
  std::set<std::pair<std::string, uint32_t>> seen;
  for (const DimensionReportRow& r : report.rows()) {
    EXPECT_TRUE(seen.insert({r.estimator, r.estimate.k}).second) << r.estimator;
    EXPECT_TRUE(r.estimate.k == 0 || r.estimate.k == 7 || r.estimate.k == 30);
    EXPECT_EQ(r.estimate.base, 400u);
  }
  EXPECT_EQ(seen.size(), 2u * 8 + 2 + 4);
  EXPECT_EQ(report.sample_rows(), 400u);
  EXPECT_EQ(report.table_rows(), 600u);
  // DANCo's k ends at 20.
  EXPECT_TRUE(std::isnan(row_of(report, "danco", 30).estimate.value));
  EXPECT_EQ(row_of(report, "danco", 30).note, "k must be from 2 to 20");
  EXPECT_TRUE(row_of(report, "danco", 7).note.empty());
  // The largest k, which some methods cannot have
  DimensionReport large;
  run(large, {figure("k", "1000")}, sample_of(manifold_named("M7_Roll"), 1100, 3));
  EXPECT_GT(row_of(large, "mle", 1000).estimate.value, 1);
  EXPECT_EQ(row_of(large, "gride", 1000).note, "k must be from 1 to 500");
}

TEST(DimensionReport, CosineIsOfDirections) {
  // Directions of a circle, at many lengths: one dimension of directions, two of places.
  Random random(4);
  Matrix x(800, 2);
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    const double angle = 2 * M_PI * random.uniform(), length = 0.5 + random.uniform();
    x(i, 0) = static_cast<float>(length * std::cos(angle));
    x(i, 1) = static_cast<float>(length * std::sin(angle));
  }
  x.row(5).setZero();
  // Directions twice, but for the last bits
  for (Eigen::Index i = 100; i < 300; ++i) x.row(i) = 3 * x.row(i + 300);
  DimensionReport report;
  run(report, {word("metrics", "cosine"), word("metrics", "l2"), figure("k", "20")}, x);
  EXPECT_NEAR(row_of(report, "mle", 20).estimate.value, 2, 0.2);
  EXPECT_NEAR(row_of(report, "mle", 20, "cosine").estimate.value, 1, 0.1);
  EXPECT_EQ(row_of(report, "mle", 20).estimate.base, 800u);
  EXPECT_EQ(row_of(report, "mle", 20, "cosine").estimate.base, 599u);
  EXPECT_NEAR(row_of(report, "twonn_ml", 0, "cosine").estimate.value, 1, 0.15);
}

TEST(DimensionReport, OneDirectionCountsAsOftenAsItIsThere) {
  Matrix x = Matrix::Zero(7, 3);
  for (Eigen::Index i = 0; i < 5; ++i) x(i, 0) = static_cast<float>(i + 1);
  x(5, 1) = x(6, 2) = 1;
  DimensionReport report;
  run(report, {word("metrics", "cosine"), figure("k", "2")}, x);
  const Matrix axes = Matrix::Identity(3, 3);
  const uint64_t counts[] = {5, 1, 1};
  const Estimate e = participation_ratio(covariance_spectrum(rows_in(axes), counts, SIZE_MAX, Stop{}));
  EXPECT_NEAR(row_of(report, "participation_ratio", 0, "cosine").estimate.value, e.value, 1e-6);
  EXPECT_EQ(row_of(report, "participation_ratio", 0, "cosine").estimate.base, 3u);
}

TEST(DimensionReport, CountsDuplicates) {
  Matrix x = sample_of(manifold_named("M7_Roll"), 300, 3);
  for (Eigen::Index i = 250; i < 300; ++i) x.row(i) = x.row(i % 10);
  DimensionReport report;
  run(report, {figure("k", "10")}, x);
  EXPECT_EQ(report.duplicates(), 50u);
  EXPECT_EQ(report.sample_rows(), 250u);
  EXPECT_EQ(row_of(report, "mle", 10).estimate.points, 250u);
}

TEST(DimensionReport, SaysWhyThereIsNone) {
  DimensionReport none, equal, tight;
  run(none, {}, Matrix(0, 3));
  EXPECT_EQ(none.sample_rows(), 0u);
  for (const DimensionReportRow& r : none.rows()) {
    EXPECT_TRUE(std::isnan(r.estimate.value)) << r.estimator;
    EXPECT_FALSE(r.note.empty()) << r.estimator;
  }
  run(equal, {word("metrics", "cosine")}, Matrix::Zero(30, 3));
  for (const DimensionReportRow& r : equal.rows()) {
    EXPECT_TRUE(std::isnan(r.estimate.value)) << r.estimator;
    EXPECT_FALSE(r.note.empty()) << r.estimator;
  }
  // Memory for the sample, not for a covariance: the rest is measured.
  const Matrix wide = sample_of(manifold_named("M10a_Cubic"), 100, 1) * Matrix::Random(11, 3000);
  run(tight, {figure("k", "5"), figure("sample", "100")}, wide, 3 * 3000 * 4 * 66);
  EXPECT_LT(tight.sample_rows(), 100u);
  EXPECT_GT(row_of(tight, "mle", 5).estimate.value, 1);
}

TEST(DimensionReport, Refuses) {
  for (const OptionPair& p : {figure("nonsense", "1"), figure("k", "0"), figure("k", "1001"), word("k", "5"),
                              figure("k", "2.5"), word("metrics", "l1"), figure("metrics", "1"),
                              figure("sample", "0"), figure("seed", "-1"), word("method", "mle")}) {
    DimensionReport report;
    EXPECT_THROW(report.set_options(&p, 1, kBudget), Error) << p.key << " " << p.text;
  }
  DimensionReport report;
  report.set_options(nullptr, 0, kBudget);
  const float row[] = {1, 2, 3};
  report.add(row, 3);
  EXPECT_THROW(report.add(row, 2), Error);
  DimensionReport small;
  small.set_options(nullptr, 0, 1000);
  EXPECT_THROW(small.add(row, 3), Error);
}

}  // namespace
}  // namespace lowdim::core
