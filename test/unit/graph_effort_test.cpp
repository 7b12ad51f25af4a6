// When a search has enough: what its meter reads (core/graph/effort.h) beside a slow reading from the
// definition, and that what is fitted to known searches foretells others (effort_fit.h).

#include "core/graph/effort_fit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "core/base/random.h"

namespace lowdim::core {
namespace {

// A search as the meter sees it: candidates in a beam, expanded in order of their estimates.
struct Search {
  std::vector<uint64_t> keys = std::vector<uint64_t>(DeepBeam::room(399));
  GraphTables tables{nullptr, 3.0f, 0.25f};
  DeepBeam beam{keys.data(), 399};
  std::vector<std::pair<uint32_t, uint32_t>> offered;  // sum, id
  EffortMeter meter;
  std::vector<double> estimates, distances;  // of what was expanded

  std::set<uint32_t> expanded;

  void offer(uint32_t sum, uint32_t id) {
    beam.push(sum, id);
    offered.emplace_back(sum, id);
  }
  // The distance of the next node given its estimate.
  template <class Distance>
  void expand(Distance distance) {
    uint32_t id;
    ASSERT_TRUE(beam.pop(&id));
    expanded.insert(id);
    const double estimate = 3.0 + 0.25 * beam.popped();
    estimates.push_back(estimate);
    distances.push_back(distance(estimate));
    meter.see(estimates.back(), distances.back());
  }
};

double normal(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

// The features from their definition.
void read_slowly(const Search& s, double* out) {
  const size_t n = s.distances.size();
  std::vector<double> sorted;
  size_t changed = 0;
  double mean = 0, variance = 0, front = s.distances[0];
  for (size_t i = 0; i < n; ++i) {
    std::vector<double> before = sorted;
    sorted.push_back(s.distances[i]);
    std::sort(sorted.begin(), sorted.end());
    if (sorted.size() > 10) sorted.resize(10);
    if (sorted != before) changed = i + 1;
    const double share = std::max(1.0 / static_cast<double>(i + 1), 1.0 / 32);
    const double off = s.distances[i] - s.estimates[i] - mean;
    mean += share * off;
    variance = (1 - share) * (variance + share * off * off);
    if (i > 0) front += (s.distances[i] - front) / 8;
  }
  double open = 0;
  for (const auto& [sum, id] : s.offered) {
    if (s.expanded.count(id) != 0) continue;
    const double estimate = 3.0 + 0.25 * sum;
    open += normal((sorted.back() - mean - estimate) / std::max(std::sqrt(variance), 0.25));
  }
  out[0] = std::log(open + 1e-4);
  out[1] = std::log1p(static_cast<double>(n - changed));
  out[2] = std::log(static_cast<double>(n));
  out[3] = std::clamp((front - sorted.back()) / std::fabs(sorted.back()), -0.4, 0.4);
}

TEST(GraphEffort, MetersReadWhatTheDefinitionSays) {
  Random random(7);
  Search s;
  for (uint32_t i = 0; i < 300; ++i) s.offer(static_cast<uint32_t>(random.below(2000)), i);
  for (int hop = 1; hop <= 120; ++hop) {
    s.expand([&](double estimate) { return estimate + 20 * random.normal() - 4; });
    // Nearer ones come up on the way.
    if (hop % 5 == 0) s.offer(static_cast<uint32_t>(random.below(300)), 1000 + static_cast<uint32_t>(hop));
    if (hop < 10) continue;
    float got[kEffortFeatures];
    double wanted[kEffortFeatures];
    s.meter.read(s.beam, s.tables, got);
    read_slowly(s, wanted);
    // The table's steps of 1/16 of a standard deviation, rounded down.
    EXPECT_NEAR(std::exp(static_cast<double>(got[0])), std::exp(wanted[0]), 0.06 * std::exp(wanted[0]) + 2e-3)
        << hop;
    for (uint32_t f = 1; f < kEffortFeatures; ++f)
      EXPECT_NEAR(static_cast<double>(got[f]), wanted[f], 1e-5) << f;
  }
}

TEST(GraphEffort, IsDueFromTwelveRowsOnAndThenEveryEighthOfTheWay) {
  Search s;
  for (uint32_t i = 0; i < 399; ++i) s.offer(i, i);
  std::vector<uint32_t> due;
  for (int i = 0; i < 5; ++i) s.meter.pass();  // nodes without rows do not count
  for (uint32_t i = 0; i < 380; ++i) {
    s.expand([](double e) { return e; });
    if (!s.meter.due()) continue;
    due.push_back(s.meter.hops());
    float features[kEffortFeatures];
    s.meter.read(s.beam, s.tables, features);
  }
  ASSERT_GT(due.size(), 20u);
  EXPECT_EQ(due[0], 17u);
  for (size_t i = 1; i < due.size(); ++i) EXPECT_EQ(due[i] - due[i - 1], std::max(1u, due[i - 1] / 8));
}

TEST(GraphEffort, ReadsNumbersWhateverItSees) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const std::vector<double>& distances :
       {std::vector<double>(40, 0.0), std::vector<double>(40, nan), std::vector<double>(40, inf),
        std::vector<double>(40, 3e38), std::vector<double>(3, 1.0), std::vector<double>{},
        std::vector<double>{0, -1e300, 1e300, nan, 0, 0, 0, 0, 0, 0, 0, 0, 0}}) {
    for (const float step : {0.0f, 1e-30f, 1.0f, 3e38f}) {
      Search s;
      s.tables.step = step;
      for (uint32_t i = 0; i < 100; ++i) s.offer(i, i);
      for (const double d : distances) s.expand([&](double) { return d; });
      float features[kEffortFeatures];
      s.meter.read(s.beam, s.tables, features);
      for (const float f : features) EXPECT_TRUE(std::isfinite(f)) << step << ' ' << distances.size();
    }
  }
  // A search of nothing.
  Search s;
  float features[kEffortFeatures];
  EXPECT_FALSE(s.meter.due());
  s.meter.read(s.beam, s.tables, features);
  for (const float f : features) EXPECT_TRUE(std::isfinite(f));
}

// --- What is learned

// Searches that find their ten rows at random times, later the harder the query; one feature tells how hard.
struct Made {
  std::vector<EffortPoint> points;
  std::vector<uint32_t> ends;

  Made(uint32_t queries, uint64_t seed, bool telling) {
    Random random(seed);
    for (uint32_t q = 0; q < queries; ++q) {
      const double hard = std::exp(random.normal());
      std::vector<double> at(10);
      for (double& a : at) a = 12 * hard * -std::log(1 - random.uniform());
      for (uint32_t hops = 12; hops <= 600; hops += std::max(1u, hops / 8)) {
        EffortPoint p{hops, 32 * hops, 0, {0, 0, std::log(static_cast<float>(hops)), 0}};
        for (const double a : at) p.found += a <= hops ? 0.1f : 0.0f;
        p.found = std::min(p.found, 1.0f);
        p.features[3] = telling ? static_cast<float>(std::log(hard)) : static_cast<float>(random.normal());
        points.push_back(p);
      }
      ends.push_back(static_cast<uint32_t>(points.size()));
    }
  }
  EffortTraces traces() const { return {points.data(), ends.data(), static_cast<uint32_t>(ends.size())}; }
};

TEST(GraphEffort, FitsTheOddsThatPointsWereDrawnFrom) {
  Random random(3);
  const EffortModel real{-1.5f, {0.8f, -0.3f, 0.5f, 2.0f}};
  std::vector<EffortPoint> points(20000);
  std::vector<uint32_t> ends;
  for (EffortPoint& p : points) {
    const double scales[] = {2, 1, 5, 0.1}, means[] = {-3, 2, 4, 0};
    for (uint32_t f = 0; f < kEffortFeatures; ++f) {
      p.features[f] = static_cast<float>(means[f] + scales[f] * random.normal());
    }
    const double chance = 1 / (1 + std::exp(-static_cast<double>(real.missing(p.features))));
    int missing = 0;
    for (int i = 0; i < 10; ++i) missing += random.uniform() < chance;
    p.found = 1 - 0.1f * static_cast<float>(missing);
    ends.push_back(static_cast<uint32_t>(ends.size() + 1));
  }
  EffortModel got{};
  ASSERT_TRUE(
      fit_effort({points.data(), ends.data(), static_cast<uint32_t>(ends.size())}, kAllQueries, &got));
  EXPECT_NEAR(got.constant, real.constant, 0.05f);
  const float scales[] = {2, 1, 5, 0.1f};
  for (uint32_t f = 0; f < kEffortFeatures; ++f) {
    EXPECT_NEAR(got.weights[f] * scales[f], real.weights[f] * scales[f], 0.03f) << f;
  }
}

// The solution of the equations, also where a feature is nearly the constant and another nearly a third.
TEST(GraphEffort, FitsOnAverageWhateverTheFeatures) {
  Made made(300, 9, true);
  Random random(10);
  for (EffortPoint& p : made.points) {
    p.features[0] = std::min(0.4f, 0.39f + 0.05f * static_cast<float>(random.normal()));
    p.features[1] = p.features[2] + 1e-3f * static_cast<float>(random.normal());
    p.features[3] = p.hops < 20 ? static_cast<float>(random.normal()) : 0.4f;
  }
  for (const uint32_t half : {0u, 1u, kAllQueries}) {
    EffortModel model{};
    ASSERT_TRUE(fit_effort(made.traces(), half, &model));
    double residual[kEffortFeatures + 1] = {}, n = 0;
    for (uint32_t q = 0, i = 0; q < made.ends.size(); ++q) {
      for (; i < made.ends[q]; ++i) {
        if (half != kAllQueries && q % 2 != half) continue;
        const EffortPoint& p = made.points[i];
        const double chance = 1 / (1 + std::exp(-static_cast<double>(model.missing(p.features))));
        const double off = 1 - static_cast<double>(p.found) - chance;
        ++n;
        residual[0] += off;
        for (uint32_t f = 0; f < kEffortFeatures; ++f)
          residual[f + 1] += off * static_cast<double>(p.features[f]);
      }
    }
    for (const double r : residual) EXPECT_NEAR(r / n, 0, 2e-3) << half;
  }
}

TEST(GraphEffort, ForetellsWhatOtherQueriesFindAndSparesThemTheHardOnesPrice) {
  const Made known(400, 1, true), fresh(4000, 2, true);
  std::vector<float> scores(fresh.points.size());
  EffortModel model{};
  EffortStep steps[kEffortSteps];
  ASSERT_TRUE(measure_effort(known.traces(), scores.data(), &model, steps));
  std::vector<float> same(fresh.points.size());
  for (size_t i = 0; i < fresh.points.size(); ++i) {
    scores[i] = model.missing(fresh.points[i].features);
    same[i] = -static_cast<float>(fresh.points[i].hops);
  }
  for (uint32_t s = 1; s < kEffortSteps - 1; ++s) {
    const auto threshold = static_cast<double>(steps[s].threshold),
               width = static_cast<double>(steps[s].width);
    const EffortStep own = try_effort(fresh.traces(), scores.data(), threshold, width);
    // Twice the standard error of both, and of the threshold itself.
    EXPECT_NEAR(own.recall, steps[s].recall, 3 * (own.error + steps[s].error)) << s;
    EXPECT_NEAR(own.hops, steps[s].hops, 0.15f * own.hops) << s;
    // As many nodes for all of them.
    const EffortStep all = try_effort(fresh.traces(), same.data(), -static_cast<double>(own.hops), 1e9);
    EXPECT_GE(all.hops, own.hops);
    if (kEffortRecalls[s] >= 0.9f) {
      EXPECT_GT(own.recall, all.recall) << s;
      EXPECT_LT(own.low, all.low / 2) << s;
    }
    EXPECT_GE(steps[s].hops, steps[s - 1].hops);
    EXPECT_GE(steps[s].recall, steps[s - 1].recall);
  }
}

TEST(GraphEffort, IsJudgedByModelsThatHaveNotSeenTheQuery) {
  // Nothing can be learned from noise: what is foretold must be what stopping all alike gives.
  const Made known(200, 5, false), fresh(4000, 6, false);
  std::vector<float> scores(fresh.points.size());
  EffortModel model{};
  EffortStep steps[kEffortSteps];
  ASSERT_TRUE(measure_effort(known.traces(), scores.data(), &model, steps));
  for (size_t i = 0; i < fresh.points.size(); ++i) scores[i] = model.missing(fresh.points[i].features);
  for (uint32_t s = 1; s < kEffortSteps - 2; ++s) {
    const EffortStep own = try_effort(fresh.traces(), scores.data(), static_cast<double>(steps[s].threshold),
                                      static_cast<double>(steps[s].width));
    EXPECT_NEAR(own.recall, steps[s].recall, 3 * (own.error + steps[s].error)) << s;
  }
}

TEST(GraphEffort, GainsWhereQueriesDifferAndThatShows) {
  for (const bool telling : {true, false}) {
    const Made made(400, telling ? 11 : 12, telling);
    std::vector<float> scores(made.points.size());
    EffortModel model{};
    EffortStep steps[kEffortSteps];
    ASSERT_TRUE(measure_effort(made.traces(), scores.data(), &model, steps));
    EXPECT_EQ(effort_gains(made.traces(), scores.data(), steps), telling);
  }
}

TEST(GraphEffort, StopsAtTheFirstPointBelowTheThresholdOrAtTheWidth) {
  const auto point = [](uint32_t hops, float found) { return EffortPoint{hops, 10 * hops, found, {}}; };
  const EffortPoint points[] = {point(12, 0.5f), point(13, 0.7f), point(14, 1.0f),
                                point(12, 0.7f), point(20, 0.8f), point(40, 0.9f)};
  const uint32_t ends[] = {3, 6};
  const float scores[] = {2, -1, -3, 1, 0, -1};
  const EffortTraces traces{points, ends, 2};
  const EffortStep a = try_effort(traces, scores, 0, 1000);
  EXPECT_FLOAT_EQ(a.hops, (13 + 40) / 2.0f);
  EXPECT_FLOAT_EQ(a.scored, 10 * (13 + 40) / 2.0f);
  EXPECT_FLOAT_EQ(a.recall, (0.7f + 0.9f) / 2);
  EXPECT_FLOAT_EQ(a.low, 0.5f);
  EXPECT_NEAR(a.error, 0.1f / std::sqrt(2.0f), 1e-6f);
  const EffortStep b = try_effort(traces, scores, 0, 13);  // 19 hops deep
  EXPECT_FLOAT_EQ(b.hops, (13 + 20) / 2.0f);
  // 0.8 is not below 0.8.
  EXPECT_FLOAT_EQ(b.low, 0.5f);
  // Nothing passes: the last points.
  EXPECT_FLOAT_EQ(try_effort(traces, scores, -9, 1000).hops, (14 + 40) / 2.0f);
}

TEST(GraphEffort, LearnsNothingWhereThereIsNothingToLearn) {
  EffortModel model{};
  EffortStep steps[kEffortSteps];
  std::vector<float> scores(1000);
  EXPECT_FALSE(measure_effort({nullptr, nullptr, 0}, scores.data(), &model, steps));
  std::vector<EffortPoint> points(20);
  std::vector<uint32_t> ends;
  for (uint32_t i = 0; i < points.size(); ++i) {
    points[i] = {12, 400, 1.0f, {1, 2, 3, 0.1f * static_cast<float>(i)}};
    ends.push_back(i + 1);
  }
  const EffortTraces traces{points.data(), ends.data(), static_cast<uint32_t>(ends.size())};
  EXPECT_FALSE(measure_effort(traces, scores.data(), &model, steps));  // all found
  for (EffortPoint& p : points) p.found = 0;
  EXPECT_FALSE(measure_effort(traces, scores.data(), &model, steps));  // none
  // Alike but for what was found: a model of the constant.
  for (uint32_t i = 0; i < points.size(); ++i) points[i] = {12, 400, i % 4 < 2 ? 0.5f : 1.0f, {1, 2, 3, 4}};
  ASSERT_TRUE(fit_effort(traces, kAllQueries, &model));
  EXPECT_NEAR(model.missing(points[0].features), std::log(0.25f / 0.75f), 1e-3f);
}

}  // namespace
}  // namespace lowdim::core
