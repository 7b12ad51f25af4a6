// Statistics of a column and what the planner reads off them: values worked out by hand, images and their
// damage, and estimates compared with counts.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/random.h"
#include "core/statistics/advice.h"
#include "core/statistics/collect.h"
#include "core/statistics/selectivity.h"

namespace lowdim::core {
namespace {

constexpr SphereMetric kAll[] = {SphereMetric::kL2, SphereMetric::kInner, SphereMetric::kCosine,
                                 SphereMetric::kL1};

// Rows uniform in a cube of `inner` dimensions, turned into `dims` dimensions, away from the origin.
std::vector<float> sheet(size_t n, size_t inner, size_t dims, uint64_t seed) {
  Random basis(7), random(seed);
  std::vector<double> b(inner * dims);
  for (double& x : b) x = basis.normal();
  std::vector<float> out(n * dims);
  for (size_t i = 0; i < n; ++i) {
    std::vector<double> u(inner);
    for (double& x : u) x = random.uniform();
    for (size_t j = 0; j < dims; ++j) {
      double sum = 1;
      for (size_t k = 0; k < inner; ++k) sum += u[k] * b[k * dims + j];
      out[i * dims + j] = static_cast<float>(sum);
    }
  }
  return out;
}

void fill(StatisticsJob& job, const std::vector<float>& rows, size_t dims, double other_dims = 0) {
  job.start(dims);
  for (size_t at = 0; at < rows.size(); at += dims) job.add(rows.data() + at);
  job.finish(other_dims, Stop{});
}

Pivots pivots_of(const StatisticsJob& job) {
  return {job.pivots().data(), job.statistics().pivots, job.statistics().dims};
}

std::vector<double> sorted_distances(SphereMetric metric, const float* center, const std::vector<float>& rows,
                                     size_t dims) {
  std::vector<double> out;
  for (size_t at = 0; at < rows.size(); at += dims) {
    out.push_back(sphere_distance(metric, center, rows.data() + at, dims));
  }
  std::sort(out.begin(), out.end());
  return out;
}

double error_of(double estimate, double truth) { return std::max(estimate / truth, truth / estimate); }

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

TEST(PairQuantiles, AreThoseOfTheDistances) {
  // The squares of 1/n, 2/n, ...: a share p lies within p^2, a power law of exponent 1/2.
  constexpr size_t kN = 1 << 20;
  std::vector<float> d;
  for (size_t i = 0; i < kN; ++i) d.push_back(static_cast<float>(std::pow((i + 0.5) / kN, 2)));
  Random random(1);
  for (size_t i = kN; i-- > 1;) std::swap(d[i], d[random.below(i + 1)]);
  const PairQuantiles q = pair_quantiles(d, SphereMetric::kL2, 0.5);
  EXPECT_DOUBLE_EQ(PairQuantiles::probability(0), 0x1p-16);
  EXPECT_DOUBLE_EQ(PairQuantiles::probability(15), 0.5);
  EXPECT_DOUBLE_EQ(PairQuantiles::probability(16), 0.75);
  EXPECT_DOUBLE_EQ(PairQuantiles::probability(22), 1 - 0x1p-8);
  EXPECT_DOUBLE_EQ(PairQuantiles::probability(23), 1);
  for (size_t i = 0; i < PairQuantiles::kCount; ++i) {
    const double p = PairQuantiles::probability(i);
    EXPECT_NEAR(std::sqrt(q.at[i]), p, 0.05 * p) << i;
    EXPECT_NEAR(share_within(q, SphereMetric::kL2, 0.5, q.at[i] * 1.0001), p, 0.05 * p) << i;
  }
  for (const double p : {1e-7, 1e-5, 3e-4, 0.02, 0.3}) {
    EXPECT_NEAR(share_within(q, SphereMetric::kL2, 0.5, p * p), p, 0.05 * p) << p;
  }
  for (const double p : {0.6, 0.8, 0.999}) {
    EXPECT_NEAR(share_within(q, SphereMetric::kL2, 0.5, p * p), p, 0.05) << p;
  }
  EXPECT_EQ(share_within(q, SphereMetric::kL2, 0.5, 0), 0);
  EXPECT_EQ(share_within(q, SphereMetric::kL2, 0.5, -1), 0);
  EXPECT_EQ(share_within(q, SphereMetric::kL2, 0.5, 2), 1);
  EXPECT_EQ(share_within(q, SphereMetric::kL2, 0.5, std::nan("")), 1);
  EXPECT_EQ(share_within(q, SphereMetric::kL2, 0.5, std::numeric_limits<double>::infinity()), 1);
}

TEST(PairQuantiles, ContinueBelowWhatFewPairsTell) {
  // 100 pairs: the quantiles below 5 / 100 follow from the one there.
  std::vector<float> d;
  for (int i = 0; i < 100; ++i) d.push_back(static_cast<float>(std::pow((i + 0.5) / 100, 0.25)));
  std::vector<float> same = d;
  const PairQuantiles q = pair_quantiles(d, SphereMetric::kL2, 4);
  for (size_t i = 0; i < 15; ++i) EXPECT_NEAR(q.at[i + 1] / q.at[i], std::pow(2, 0.25), 0.03) << i;
  // A cosine distance is half the square of a chord: its quantiles fall twice as fast.
  const PairQuantiles c = pair_quantiles(same, SphereMetric::kCosine, 4);
  EXPECT_NEAR(c.at[1] / c.at[0], std::sqrt(2), 0.01);
  EXPECT_NEAR(share_within(c, SphereMetric::kCosine, 4, c.at[0] / 2), 0x1p-18, 1e-8);
  // Inner products: an exponential tail, so equal steps.
  std::vector<float> e;
  for (int i = 0; i < 100; ++i) e.push_back(static_cast<float>(std::log((i + 0.5) / 100)));
  const PairQuantiles p = pair_quantiles(e, SphereMetric::kInner, 0);
  for (size_t i = 0; i < 10; ++i) EXPECT_NEAR(p.at[i + 1] - p.at[i], std::log(2), 0.1) << i;
  EXPECT_NEAR(share_within(p, SphereMetric::kInner, 0, p.at[0] - std::log(4)), 0x1p-18, 3e-6);
  EXPECT_GT(share_within(p, SphereMetric::kInner, 0, -1e30), -1e-300);
}

TEST(PairQuantiles, TakeAnything) {
  for (const SphereMetric metric : kAll) {
    for (const size_t n : {0, 1, 2, 1000}) {
      std::vector<float> equal(n, 3.0F);
      const PairQuantiles q = pair_quantiles(equal, metric, 0);
      for (size_t i = 1; i < PairQuantiles::kCount; ++i) EXPECT_LE(q.at[i - 1], q.at[i]);
      for (const double r : {-1e308, -3.0, 0.0, 1e-300, 2.9, 3.0, 3.1, 1e308}) {
        for (const double exponent : {0.0, 1e-3, 20.0, 1e30}) {
          const double share = share_within(q, metric, exponent, r);
          EXPECT_TRUE(share >= 0 && share <= 1) << share << " " << r;
        }
      }
      if (n > 0) {
        EXPECT_EQ(share_within(q, metric, 2, 3.1), 1);
      }
    }
  }
}

TEST(Selectivity, CountsPivotsAndThenFollowsThePowerLaw) {
  // Pivots at 1, 2, ..., 100 on a line.
  std::vector<float> x;
  for (int i = 1; i <= 100; ++i) x.push_back(static_cast<float>(i));
  const std::vector<uint8_t> bytes = make_pivots({x.data(), 100, 1}, 100, 1);
  const Pivots pivots{bytes.data(), 100, 1};
  VectorStatistics s;
  s.dims = 1;
  s.rows = 100;
  s.pivots = 100;
  s.dimension = 2;
  const float center = 0;
  const auto at = [&](double r, double rows = 1e9) {
    return selectivity(s, pivots, SphereMetric::kL2, &center, r, rows);
  };
  EXPECT_DOUBLE_EQ(at(50.5), 0.5);
  EXPECT_DOUBLE_EQ(at(5.5), 0.05);
  EXPECT_NEAR(at(4.5), 0.045 * std::pow(4.5 / 5, 2), 1e-6);
  EXPECT_NEAR(at(0.5), 0.045 * 0.01, 1e-6);
  EXPECT_DOUBLE_EQ(at(1e-30), 1e-9);
  EXPECT_DOUBLE_EQ(at(0), 1e-9);
  EXPECT_DOUBLE_EQ(at(-1), 1e-9);
  EXPECT_DOUBLE_EQ(at(0.5, 100), 0.01);
  EXPECT_DOUBLE_EQ(at(0.5, 0), 1);
  EXPECT_DOUBLE_EQ(at(1e300), 1);
  EXPECT_DOUBLE_EQ(at(std::nan("")), 1);
  s.dimension = 0;  // not known: what was counted
  EXPECT_DOUBLE_EQ(at(2.5), 0.025);
  // Inner products with -1: from -1 down to -100; the ten smallest are 4.5 apart from the tenth on average,
  // the mean of nine.
  const float minus = 1;
  const auto inner = [&](double r) { return selectivity(s, pivots, SphereMetric::kInner, &minus, r, 1e9); };
  EXPECT_DOUBLE_EQ(inner(-80.5), 0.2);
  EXPECT_NEAR(inner(-101), 0.095 * std::exp(-10.0 / 5), 1e-6);
  EXPECT_NEAR(inner(-111), 0.095 * std::exp(-20.0 / 5), 1e-6);
}

TEST(Selectivity, IsNearTheTruth) {
  constexpr size_t kDims = 24, kRows = 20000;
  const std::vector<float> rows = sheet(kRows, 6, kDims, 3);
  StatisticsJob job;
  fill(job, rows, kDims);
  const VectorStatistics& s = job.statistics();
  EXPECT_NEAR(s.dimension, 5.5, 0.8);
  const std::vector<float> centers = sheet(60, 6, kDims, 4);
  for (const SphereMetric metric : kAll) {
    for (const auto& [share, bound] : {std::pair{0.1, 1.3}, {0.01, 1.5}, {0.001, 2.5}}) {
      std::vector<double> known, any;
      for (size_t at = 0; at < centers.size(); at += kDims) {
        const std::vector<double> d = sorted_distances(metric, centers.data() + at, rows, kDims);
        const size_t wanted = static_cast<size_t>(share * kRows);
        const double radius = (d[wanted - 1] + d[wanted]) / 2;
        known.push_back(
            error_of(selectivity(s, pivots_of(job), metric, centers.data() + at, radius, kRows), share));
        any.push_back(error_of(selectivity_of_any(s, metric, radius, kRows), share));
      }
      EXPECT_LT(median(known), bound) << static_cast<int>(metric) << " " << share;
      if (metric != SphereMetric::kInner) {
        EXPECT_LT(median(any), 4) << static_cast<int>(metric) << " " << share;
      }
    }
  }
}

TEST(Selectivity, OfJoins) {
  constexpr size_t kDims = 16, kRows = 4000;
  const std::vector<float> left = sheet(kRows, 4, kDims, 5), right = sheet(kRows, 4, kDims, 6);
  StatisticsJob a, b;
  fill(a, left, kDims);
  fill(b, right, kDims);
  for (const SphereMetric metric : kAll) {
    std::vector<double> d;
    for (size_t i = 0; i < 500; ++i) {
      const std::vector<double> one = sorted_distances(metric, right.data() + i * kDims, left, kDims);
      d.insert(d.end(), one.begin(), one.end());
    }
    std::sort(d.begin(), d.end());
    for (const double share : {0.3, 0.01, 0.001}) {
      const double radius = d[static_cast<size_t>(share * static_cast<double>(d.size()))];
      const double estimate = join_selectivity(a.statistics(), pivots_of(a), b.statistics(), pivots_of(b),
                                               metric, radius, kRows * kRows);
      // Far products are those of a few long vectors on both sides: a sample of them varies more.
      EXPECT_LT(error_of(estimate, share), metric == SphereMetric::kInner ? 2.5 : 1.6)
          << static_cast<int>(metric) << " " << share;
    }
  }
}

TEST(Collect, MeasuresASheet) {
  constexpr size_t kDims = 40;
  std::vector<float> rows = sheet(4000, 5, kDims, 1);
  std::fill_n(rows.begin(), kDims, 0.0F);                                    // a zero vector
  std::copy_n(rows.begin() + 10 * kDims, kDims, rows.begin() + 20 * kDims);  // two that are equal
  StatisticsJob job;
  fill(job, rows, kDims, 0.25);
  const VectorStatistics& s = job.statistics();
  EXPECT_TRUE(job.has_statistics());
  const CollectPlan plan = collect_plan(kDims);
  const size_t n = plan.rows;
  EXPECT_EQ(s.rows, n);
  EXPECT_EQ(s.dims, kDims);
  EXPECT_EQ(s.anchors, plan.anchors);
  EXPECT_EQ(s.pivots, 1000);
  EXPECT_FLOAT_EQ(s.other_dims, 0.25F);
  EXPECT_LT(s.near_duplicates, 0.1);
  EXPECT_FLOAT_EQ(s.zeros, 1 / static_cast<float>(n));
  EXPECT_FLOAT_EQ(s.duplicates, 2 / static_cast<float>(n));
  double sum = 0, squares = 0;
  for (size_t i = 0; i < n; ++i) {
    double square = 0;
    for (size_t j = 0; j < kDims; ++j) square += std::pow(static_cast<double>(rows[i * kDims + j]), 2);
    sum += std::sqrt(square);
    squares += square;
  }
  EXPECT_NEAR(s.norm_mean, sum / n, 1e-3);
  EXPECT_NEAR(s.norm_sd, std::sqrt(squares / n - std::pow(sum / n, 2)), 1e-3);
  EXPECT_NEAR(s.dimension, 4.6, 0.7);
  EXPECT_GT(s.dimension_error, 0.02);
  EXPECT_LT(s.dimension_error, 0.5);
  EXPECT_NEAR(s.dimension_chord, 4.6, 1.2);
  EXPECT_LT(s.dimension_quarter, s.dimension);  // the border shows more
  EXPECT_LT(s.local_p10, s.local_p50);
  EXPECT_LT(s.local_p50, s.local_p90);
  EXPECT_LE(s.participation, 5);
  EXPECT_GE(s.components_90, 3);
  EXPECT_EQ(s.components_98, 5);
}

TEST(Collect, LeavesOutDistancesOfZero) {
  // Each row twice, and once more at twice its length: equal rows, and equal directions.
  constexpr size_t kDims = 10, kOwn = 800;
  const std::vector<float> own = sheet(kOwn, 3, kDims, 8);
  std::vector<float> rows = own;
  rows.insert(rows.end(), own.begin(), own.end());
  for (const float x : own) rows.push_back(2 * x);
  StatisticsJob job, once;
  fill(job, rows, kDims);
  fill(once, own, kDims);
  EXPECT_NEAR(job.statistics().dimension, once.statistics().dimension, 0.8);
  EXPECT_NEAR(job.statistics().dimension_chord, once.statistics().dimension_chord, 0.8);
  EXPECT_GT(job.statistics().dimension, 2);
  EXPECT_GT(job.statistics().dimension_chord, 2);
  EXPECT_NEAR(job.statistics().duplicates, 2.0 / 3, 0.01);
}

TEST(Collect, DistancesFarFromTheOriginKeepTheirDigits) {
  // Lengths of 10,000 and distances of 10: products would leave nothing of these.
  constexpr size_t kDims = 20;
  std::vector<float> near = sheet(2000, 5, kDims, 12), far;
  for (const float x : near) far.push_back(x + 3000);
  for (size_t at = 0; at < near.size(); ++at) near[at] = far[at] - 3000;  // as rounded
  StatisticsJob a, b;
  fill(a, near, kDims);
  fill(b, far, kDims);
  EXPECT_NEAR(b.statistics().dimension, a.statistics().dimension, 1e-3);
  for (size_t i = 0; i < PairQuantiles::kCount; ++i) {
    EXPECT_NEAR(b.statistics().pairs[0].at[i] / a.statistics().pairs[0].at[i], 1, 1e-4) << i;
  }
}

TEST(Collect, DrawsPivotsFromAllRows) {
  // Rows in order: the first of them are not a sample.
  std::vector<float> rows;
  for (size_t i = 0; i < 2000; ++i) rows.push_back(static_cast<float>(i));
  StatisticsJob job;
  fill(job, rows, 1);
  ASSERT_EQ(job.statistics().pivots, 1000);
  double sum = 0;
  for (size_t i = 0; i < 1000; ++i) {
    float x;
    read_pivot(pivots_of(job), i, &x);
    sum += x;
  }
  EXPECT_NEAR(sum / 1000, 1000, 60);
}

TEST(Collect, IsBounded) {
  for (const size_t dims : {1, 80, 100, 784, 1536, 16000}) {
    const CollectPlan plan = collect_plan(dims);
    EXPECT_LE(plan.rows, 3000);
    EXPECT_GE(plan.rows, 400);
    EXPECT_GE(plan.anchors, 20);
    if (dims < 1500) {
      EXPECT_LE(static_cast<double>(plan.rows * plan.anchors * dims), 12e6) << dims;
    }
  }
}

TEST(Collect, FindsTheComponentsOfManyDimensions) {
  // 600 dimensions, of which 50 have nearly all variance: fewer rows are taken than there are dimensions.
  constexpr size_t kDims = 600;
  Random random(2);
  std::vector<float> rows(1000 * kDims);
  for (size_t at = 0; at < rows.size(); ++at) {
    rows[at] = static_cast<float>(10 + random.normal() * (at % kDims < 50 ? 1 : 0.01));
  }
  StatisticsJob job;
  fill(job, rows, kDims);
  EXPECT_NEAR(job.statistics().participation, 50, 5);
  EXPECT_NEAR(job.statistics().components_90, 45, 6);
  EXPECT_NEAR(job.statistics().components_98, 49, 12);
  EXPECT_LT(job.statistics().rows, 1000);
}

TEST(Collect, TakesAnything) {
  const float largest = std::numeric_limits<float>::max();
  const std::vector<std::vector<float>> sets = {
      {},                                             // no rows
      {1, 2},                                         // one
      {1, 2, 1, 2, 1, 2},                             // all equal
      {0, 0, 0, 0, 0, 0},                             // all zero
      {largest, -largest, -largest, largest, 0, 1},   // overflows
      {1e-45F, 0, 0, 1e-45F, 1e-45F, 1e-45F, 0, 0},   // vanishes
      {1, 0, 0, 1, -1, 0, 0, -1, 1, 1, 1, -1, 2, 2},  // few
  };
  for (const size_t dims : {2, 1000}) {
    for (const std::vector<float>& two : sets) {
      // Each element as often as it takes: of a thousand, codes are of four bits.
      std::vector<float> rows;
      for (const float x : two) rows.insert(rows.end(), dims / 2, x);
      StatisticsJob job;
      fill(job, rows, dims);
      ASSERT_EQ(job.has_statistics(), !rows.empty());
      if (rows.empty()) continue;
      VectorStatistics back;
      EXPECT_TRUE(read_statistics(job.numbers().data(), job.numbers().size(), &back)) << rows.size();
      EXPECT_TRUE(valid_pivots(job.pivots().data(), job.pivots().size(), back.pivots, back.dims));
      EXPECT_EQ(back.pivots, rows.size() / dims);
      for (const SphereMetric metric : kAll) {
        for (const double r : {-1e308, -1.0, 0.0, 1e-40, 1.0, 1e308, std::nan("")}) {
          const double a = selectivity(back, pivots_of(job), metric, rows.data(), r, 1000);
          const double b = selectivity_of_any(back, metric, r, 1000);
          const double c = join_selectivity(back, pivots_of(job), back, pivots_of(job), metric, r, 1000);
          for (const double v : {a, b, c}) EXPECT_TRUE(v >= 0.001 && v <= 1) << v << " " << r;
        }
      }
    }
  }
}

TEST(Collect, CanBeStopped) {
  StatisticsJob job;
  const std::vector<float> rows = sheet(500, 3, 8, 1);
  job.start(8);
  for (size_t at = 0; at < rows.size(); at += 8) job.add(rows.data() + at);
  EXPECT_THROW(job.finish(0, Stop{[](void*) { return true; }, nullptr}), Stopped);
}

TEST(Image, ComesBack) {
  StatisticsJob job;
  fill(job, sheet(3000, 4, 12, 1), 12, 0.125);
  VectorStatistics back;
  ASSERT_TRUE(read_statistics(job.numbers().data(), job.numbers().size(), &back));
  EXPECT_EQ(back.dims, 12);
  std::vector<float> again(statistics_numbers());
  write_statistics(back, again.data());
  EXPECT_EQ(again, job.numbers());
  // What a later version appends is passed over.
  std::vector<float> longer = job.numbers();
  longer.push_back(7);
  longer[0] = 3;
  longer[1] += 1;
  EXPECT_TRUE(read_statistics(longer.data(), longer.size(), &back));
}

TEST(Image, DamageIsRefused) {
  StatisticsJob job;
  fill(job, sheet(3000, 4, 12, 1), 12);
  const std::vector<float>& good = job.numbers();
  VectorStatistics out;
  out.dims = 77;
  for (size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(read_statistics(good.data(), n, &out)) << n;
  std::vector<float> longer = good;
  longer.push_back(0);
  EXPECT_FALSE(read_statistics(longer.data(), longer.size(), &out));
  const float nan = std::nanf(""), infinity = std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < good.size(); ++i) {
    for (const float bad : {nan, infinity, -infinity}) {
      std::vector<float> damaged = good;
      damaged[i] = bad;
      EXPECT_FALSE(read_statistics(damaged.data(), damaged.size(), &out)) << i << " " << bad;
    }
  }
  const auto refused = [&](size_t i, float value) {
    std::vector<float> damaged = good;
    damaged[i] = value;
    return !read_statistics(damaged.data(), damaged.size(), &out);
  };
  EXPECT_TRUE(refused(0, 0));
  EXPECT_TRUE(refused(0, 1));  // the first version, whose pivots nobody reads any more
  EXPECT_TRUE(refused(0, 1.5));
  EXPECT_TRUE(refused(1, 3));
  EXPECT_TRUE(refused(2, 0));
  EXPECT_TRUE(refused(2, 16001));
  EXPECT_TRUE(refused(3, -1));
  EXPECT_TRUE(refused(4, 10.5));  // rows
  EXPECT_TRUE(refused(7, 1.5));   // a share
  EXPECT_TRUE(refused(12, -1));   // a dimension
  const size_t pairs = good.size() - kSphereMetrics * PairQuantiles::kCount;
  EXPECT_TRUE(refused(pairs + 5, good[pairs + 6] * 2));  // quantiles fall
  EXPECT_EQ(out.dims, 77) << "written though refused";
}

TEST(Advice, SaysWhatTheFiguresSay) {
  VectorStatistics s;
  EXPECT_TRUE(statistics_advice(s).empty());
  s.rows = 3000;
  s.dims = 512;
  s.dimension = 18.7F;
  s.duplicates = 0.18F;
  s.near_duplicates = 0.3F;
  s.components_90 = 80;
  s.components_98 = 160;
  s.norm_mean = 1;
  s.zeros = 0.01F;
  s.other_dims = 0.02F;
  const std::vector<std::string> lines = statistics_advice(s);
  ASSERT_EQ(lines.size(), 7);
  EXPECT_EQ(lines[0], "512 columns, intrinsic dimension about 19");
  EXPECT_EQ(lines[1], "18 % of the sampled rows equal another one");
  EXPECT_NE(lines[2].find("30 % of the rows have a near duplicate"), std::string::npos);
  EXPECT_NE(lines[3].find("to about 160 components keeps 98 %"), std::string::npos);
  EXPECT_NE(lines[4].find("equally long"), std::string::npos);
  EXPECT_NE(lines[5].find("1 % of the vectors are zero"), std::string::npos);
  EXPECT_NE(lines[6].find("2 % of the rows do not have 512"), std::string::npos);
  s.dimension = 40;
  s.rows = 50;
  EXPECT_EQ(statistics_advice(s).size(), 9);
  s = {};
  s.rows = 3000;
  s.dims = 8;
  s.dimension = 7;
  s.norm_mean = 1;
  s.norm_sd = 0.5;
  s.components_90 = 7;
  s.components_98 = 8;
  EXPECT_EQ(statistics_advice(s).size(), 1);
}

TEST(Advice, IsJson) {
  StatisticsJob job;
  fill(job, sheet(300, 4, 12, 1), 12);
  StatisticsReport report;
  report.make(job.statistics(), 0.5);
  const std::string& json = report.json();
  EXPECT_EQ(json.find("{\"version\":2,\"dims\":12,\"rows\":300,"), 0);
  EXPECT_NE(json.find("\"nulls\":0.5,"), std::string::npos);
  EXPECT_NE(json.find("\"advice\":[\"12 columns"), std::string::npos);
  EXPECT_EQ(std::count(json.begin(), json.end(), '{'), std::count(json.begin(), json.end(), '}'));
  EXPECT_EQ(std::count(json.begin(), json.end(), '['), std::count(json.begin(), json.end(), ']'));
  EXPECT_EQ(json.find("nan"), std::string::npos);
  // Nothing but zeros and nulls of a single row.
  StatisticsJob one;
  fill(one, {1, 2}, 2);
  report.make(one.statistics(), 0);
  EXPECT_NE(report.json().find("\"dimension\":{\"all\":null,"), std::string::npos) << report.json();
}

}  // namespace
}  // namespace lowdim::core
