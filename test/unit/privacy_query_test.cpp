// Answers from images of sketches: those of the structures themselves, refusals of what a sketch does not
// carry, damaged images, extreme queries, classes.

#include "core/privacy/query.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/privacy/job.h"
#include "privacy_fixture.h"

namespace lowdim::core {
namespace {

constexpr uint32_t kDims = 5;
using Rows = std::vector<std::vector<float>>;
using Bytes = std::vector<uint8_t>;

Rows some_rows(size_t n, uint64_t seed, double around = 0.2) {
  Random random(seed);
  Rows rows(n, std::vector<float>(kDims));
  for (auto& row : rows)
    for (float& v : row) v = static_cast<float>(around + 0.3 * random.normal());
  return rows;
}

PrivateJob job_of(PrivateStatistic statistic, bool l2 = false, bool normalize = false) {
  PrivateJob job;
  job.statistic = statistic;
  MomentOptions m;
  m.dims = kDims, m.radius = 5, m.normalize = normalize;
  switch (statistic) {
    case PrivateStatistic::kKde: {
      KdeOptions o;
      o.dims = kDims, o.features = 256;
      job.structure = o;
      return job;
    }
    case PrivateStatistic::kDistance: {
      DistanceOptions o;
      o.dims = kDims, o.kind = l2 ? DistanceKind::kL2 : DistanceKind::kL1;
      o.low = -2, o.high = 2, o.radius = 4, o.depth = 5, o.directions = 200;
      job.structure = o;
      return job;
    }
    case PrivateStatistic::kSum:
      m.content = MomentContent::kSum;
      break;
    case PrivateStatistic::kAvg:
      m.content = MomentContent::kMean;
      break;
    case PrivateStatistic::kCount:
      m.content = MomentContent::kCount, m.dims = 0;
      break;
    case PrivateStatistic::kMoments:
      break;
  }
  job.structure = m;
  return job;
}

Bytes image_of(PrivateJob job, const Rows& rows, NoiseMechanism mechanism = NoiseMechanism::kNone) {
  job.privacy.mechanism = mechanism;
  PrivateState state;
  state.start(job);
  for (const auto& row : rows) state.add(row.data(), row.size());
  SeededEntropy entropy(4);
  return state.release(entropy.source(), {});
}

SketchQuery query_of(const Bytes& image) { return SketchQuery(image.data(), image.size()); }

constexpr PrivateStatistic kAll[] = {PrivateStatistic::kKde,     PrivateStatistic::kDistance,
                                     PrivateStatistic::kMoments, PrivateStatistic::kSum,
                                     PrivateStatistic::kAvg,     PrivateStatistic::kCount};

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const Error& e) {
    return std::string(e.what()) + "|" + e.hint();
  }
  return "";
}

TEST(SketchQuery, ExactWithoutNoise) {
  const Rows rows = some_rows(400, 1), asked = some_rows(4, 2);
  SketchQuery kde = query_of(image_of(job_of(PrivateStatistic::kKde), rows)),
              l1 = query_of(image_of(job_of(PrivateStatistic::kDistance), rows)),
              l2 = query_of(image_of(job_of(PrivateStatistic::kDistance, true), rows)),
              moments = query_of(image_of(job_of(PrivateStatistic::kMoments), rows)),
              directions = query_of(image_of(job_of(PrivateStatistic::kMoments, false, true), rows));
  for (const auto& y : asked) {
    double k = 0, d1 = 0, d2 = 0, square = 0, cubes = 0, inner = 0, cosine = 0;
    for (const auto& x : rows) {
      double s = 0, xx = 0, yy = 0, xy = 0;
      for (uint32_t j = 0; j < kDims; ++j) {
        const double z = double{x[j]} - double{y[j]};
        d1 += std::abs(z), cubes += std::abs(z * z * z), s += z * z;
        xx += double{x[j]} * x[j], yy += double{y[j]} * y[j], xy += double{x[j]} * y[j];
      }
      k += kernel_value(Kernel::kGaussian, 1, x.data(), y.data(), kDims);
      d2 += std::sqrt(s), square += s, inner += xy, cosine += xy / std::sqrt(xx * yy);
    }
    EXPECT_NEAR(kde.kde_sum(y.data(), kDims), k, 400 * 0.15);
    EXPECT_EQ(kde.kde(y.data(), kDims), kde.kde_sum(y.data(), kDims) / 400);
    EXPECT_NEAR(l1.distance_sum(y.data(), kDims), d1, 0.01 * d1);
    EXPECT_NEAR(l1.power_sum(y.data(), kDims, 3), cubes, 0.1 * cubes);
    EXPECT_NEAR(l2.distance_sum(y.data(), kDims), d2, 0.15 * d2);
    EXPECT_NEAR(moments.squared_distance_sum(y.data(), kDims), square, 1e-2);
    EXPECT_NEAR(moments.inner_sum(y.data(), kDims), inner, 1e-2);
    EXPECT_NEAR(directions.mean_cosine(y.data(), kDims), cosine / 400, 1e-5);
  }
  std::vector<float> sum(kDims), mean(kDims);
  moments.sum(sum.data());
  moments.mean(mean.data());
  for (uint32_t j = 0; j < kDims; ++j) {
    double s = 0;
    for (const auto& x : rows) s += x[j];
    EXPECT_NEAR(sum[j], s, 1e-2);
    EXPECT_NEAR(mean[j], s / 400, 1e-4);
  }
  for (SketchQuery* q : {&kde, &l1, &l2, &moments, &directions}) EXPECT_EQ(q->rows(), 400);
  EXPECT_GT(kde.kde_error(), 0.005);
  EXPECT_LT(kde.kde_error(), 0.05);
}

TEST(SketchQuery, RefusesWhatASketchDoesNotCarry) {
  const Rows rows = some_rows(20, 1);
  const std::vector<float> y(kDims, 0.5f);
  for (const PrivateStatistic s : kAll) {
    SketchQuery q = query_of(image_of(job_of(s), rows));
    const bool kde = s == PrivateStatistic::kKde, distance = s == PrivateStatistic::kDistance,
               moments = s == PrivateStatistic::kMoments, sum = s == PrivateStatistic::kSum,
               avg = s == PrivateStatistic::kAvg;
    std::vector<float> out(kDims);
    const auto expect = [&](bool carried, const char* hint, auto f) {
      const std::string said = refusal(f);
      EXPECT_EQ(said.empty(), carried) << statistic_name(s) << ": " << said;
      if (!carried) {
        EXPECT_NE(said.find("this private sketch holds"), std::string::npos) << said;
        EXPECT_NE(said.find(hint), std::string::npos) << said;
      }
    };
    expect(kde, "dp_kde", [&] { q.kde(y.data(), kDims); });
    expect(kde, "dp_kde", [&] { q.kde_sum(y.data(), kDims); });
    expect(kde, "dp_kde", [&] { q.kde_error(); });
    expect(distance, "dp_distance", [&] { q.distance_sum(y.data(), kDims); });
    expect(distance, "dp_distance", [&] { q.power_sum(y.data(), kDims, 2); });
    expect(moments, "dp_moments", [&] { q.squared_distance_sum(y.data(), kDims); });
    expect(moments || sum || avg, "dp_moments", [&] { q.inner_sum(y.data(), kDims); });
    expect(false, s == PrivateStatistic::kCount ? "dp_moments" : "", [&] { q.mean_cosine(y.data(), kDims); });
    expect(moments || sum || avg, "dp_moments", [&] { q.sum(out.data()); });
    expect(moments || avg, "dp_moments", [&] { q.mean(out.data()); });
    expect(s != PrivateStatistic::kSum, "", [&] { q.rows(); });
    expect(kde || distance || moments || avg, "", [&] {
      SketchQuery::SharedFeatures shared;
      q.score(y.data(), kDims, shared);
    });
    if (kde) {
      EXPECT_NE(refusal([&] { q.kde(y.data(), 4); }).find("expected 5 dimensions, not 4"), std::string::npos);
    }
    if (distance) {
      EXPECT_FALSE(refusal([&] { q.distance_sum(y.data(), 6); }).empty());
    }
    if (distance) {
      EXPECT_FALSE(refusal([&] { q.power_sum(y.data(), kDims, 9); }).empty());
    }
    if (moments) {
      EXPECT_FALSE(refusal([&] { q.inner_sum(y.data(), 0); }).empty());
    }
  }
  SketchQuery l2 = query_of(image_of(job_of(PrivateStatistic::kDistance, true), rows));
  EXPECT_NE(refusal([&] { l2.power_sum(y.data(), kDims, 2); }).find("norm l1"), std::string::npos);
}

TEST(SketchQuery, ExtremeQueriesGiveFiniteAnswers) {
  const Rows rows = some_rows(20, 1);
  const float kMost = std::numeric_limits<float>::max();
  for (const float v : {0.0f, kMost, -kMost, 1e-45f}) {
    const std::vector<float> y(kDims, v);
    for (const PrivateStatistic s :
         {PrivateStatistic::kKde, PrivateStatistic::kDistance, PrivateStatistic::kMoments}) {
      for (const NoiseMechanism m : {NoiseMechanism::kGaussian, NoiseMechanism::kLaplace}) {
        SketchQuery q = query_of(image_of(job_of(s), rows, m));
        SketchQuery::SharedFeatures shared;
        EXPECT_TRUE(std::isfinite(q.score(y.data(), kDims, shared))) << statistic_name(s) << " " << v;
        if (s == PrivateStatistic::kKde && std::abs(v) == kMost) {
          EXPECT_EQ(q.score(y.data(), kDims, shared), 0);
        }
      }
    }
  }
  // A box as narrow as there is, and no rows: powers of what is far away are numbers too.
  PrivateJob narrow = job_of(PrivateStatistic::kDistance);
  DistanceOptions& box = std::get<DistanceOptions>(narrow.structure);
  box.low = 0, box.high = 1e-30;
  for (const Rows& some : {Rows{}, rows}) {
    for (const float v : {0.0f, 1.0f, kMost, -kMost}) {
      const std::vector<float> y(kDims, v);
      SketchQuery q = query_of(image_of(narrow, some));
      for (const double p : {0.5, 1.5, 2.0, 8.0}) {
        const double sum = q.power_sum(y.data(), kDims, p);
        EXPECT_FALSE(std::isnan(sum)) << v << " " << p;
        if (p == 2 && v == 1) {
          EXPECT_NEAR(sum, static_cast<double>(some.size()) * kDims, 1e-6);
        }
      }
      EXPECT_TRUE(std::isfinite(q.distance_sum(y.data(), kDims)));
    }
  }
  // A vector's elements are floats.
  MomentOptions o;
  o.dims = kDims, o.radius = 1e30;
  PrivateJob job = job_of(PrivateStatistic::kSum);
  job.structure = o;
  job.statistic = PrivateStatistic::kMoments;
  job.privacy.epsilon = 1e-7;
  job.privacy.mechanism = NoiseMechanism::kLaplace;
  std::vector<float> sum(kDims);
  query_of(image_of(job, Rows(10, std::vector<float>(kDims, kMost)), NoiseMechanism::kLaplace))
      .sum(sum.data());
  for (const float v : sum) EXPECT_TRUE(std::isfinite(v));
}

TEST(SketchQuery, Explains) {
  const Rows rows = some_rows(20, 1);
  for (const PrivateStatistic s : kAll) {
    PrivateJob job = job_of(s);
    job.privacy.max_rows = 3;
    job.privacy.neighbours = Neighbours::kReplaceOne;
    const std::string json = query_of(image_of(job, rows, NoiseMechanism::kGaussian)).explain();
    EXPECT_EQ(json.front(), '{');
    EXPECT_EQ(json.back(), '}');
    EXPECT_NE(json.find("\"epsilon\": 1"), std::string::npos) << json;
    EXPECT_NE(json.find("\"delta\": 1e-06"), std::string::npos);
    EXPECT_NE(json.find("\"guarantee\": \"(1, 1e-06)-differential privacy where up to 3 rows are replaced\""),
              std::string::npos)
        << json;
    EXPECT_EQ(json.find("inf"), std::string::npos);
    EXPECT_EQ(json.find("nan"), std::string::npos);
  }
  EXPECT_NE(query_of(image_of(job_of(PrivateStatistic::kCount), rows)).explain().find("none: exact values"),
            std::string::npos);
}

TEST(SketchQuery, DamagedImages) {
  const Rows rows = some_rows(20, 1);
  for (const PrivateStatistic s : kAll) {
    const Bytes image = image_of(job_of(s), rows, NoiseMechanism::kGaussian);
    for (size_t n = 0; n < image.size(); n += n < 200 ? 1 : 13)
      EXPECT_THROW(SketchQuery(image.data(), n), Error);
    for (size_t i = 0; i < 8 * image.size(); i += i < 1600 ? 1 : 37) {
      Bytes flipped = image;
      flipped[i / 8] ^= static_cast<uint8_t>(1 << (i % 8));
      EXPECT_THROW(query_of(flipped), Error) << i;
    }
    Bytes longer = image;
    longer.push_back(0);
    EXPECT_THROW(query_of(longer), Error);
    PrivateState state;  // sums are not a sketch
    state.start(job_of(s));
    const Bytes whole = state.image(), sums(whole.begin() + 25, whole.end());
    EXPECT_EQ(image_kind(sums.data(), sums.size()), s == PrivateStatistic::kKde ? PrivateImage::kKdeSums
                                                    : s == PrivateStatistic::kDistance
                                                        ? PrivateImage::kDistanceSums
                                                        : PrivateImage::kMomentSums);
    EXPECT_THROW(query_of(sums), Error);
  }
}

// Two classes of rows around different places; every statistic that can tell them apart does.
TEST(SketchQuery, Classes) {
  const Rows low = some_rows(300, 1, -0.5), high = some_rows(3000, 2, 0.5);
  for (const PrivateStatistic s : {PrivateStatistic::kKde, PrivateStatistic::kDistance,
                                   PrivateStatistic::kMoments, PrivateStatistic::kAvg}) {
    for (const bool normalize : {false, true}) {
      if (normalize && s != PrivateStatistic::kMoments) continue;
      SketchCache cache;
      const Bytes a = image_of(job_of(s, false, normalize), low, NoiseMechanism::kGaussian),
                  b = image_of(job_of(s, false, normalize), high, NoiseMechanism::kGaussian);
      cache.load(0, a.data(), a.size(), a.data(), a.size());
      cache.load(1, b.data(), b.size(), b.data(), b.size());
      size_t right = 0;
      for (const auto& y : some_rows(50, 3, -0.5)) right += cache.best(2, y.data(), kDims) == 0;
      for (const auto& y : some_rows(50, 4, 0.5)) right += cache.best(2, y.data(), kDims) == 1;
      EXPECT_GE(right, 95u) << statistic_name(s);
      EXPECT_EQ(cache.best(1, low[0].data(), kDims), 0u);
    }
  }
}

TEST(SketchQuery, ClassesThatCannotBeCompared) {
  const Rows rows = some_rows(20, 1);
  PrivateJob wide = job_of(PrivateStatistic::kKde), other = wide;
  std::get<KdeOptions>(wide.structure).bandwidth = 2;
  std::get<KdeOptions>(other.structure).kernel = Kernel::kCauchy;
  const Bytes base = image_of(job_of(PrivateStatistic::kKde), rows);
  for (const Bytes& image :
       {image_of(wide, rows), image_of(other, rows), image_of(job_of(PrivateStatistic::kMoments), rows)}) {
    SketchCache cache;
    cache.load(0, "a", 1, base.data(), base.size());
    cache.load(1, "b", 1, image.data(), image.size());
    EXPECT_THROW(cache.best(2, rows[0].data(), kDims), Error);
    EXPECT_EQ(cache.best(1, rows[0].data(), kDims), 0u);
  }
}

// Shared features are those that each sketch would compute, and are shared by what has the same ones only.
TEST(SketchQuery, ScoresOfKernelsAreTheirMeans) {
  const Rows rows = some_rows(100, 1), asked = some_rows(10, 2);
  PrivateJob seed = job_of(PrivateStatistic::kKde);
  std::get<KdeOptions>(seed.structure).seed = 2;
  SketchQuery a = query_of(image_of(job_of(PrivateStatistic::kKde), rows)),
              b = query_of(image_of(job_of(PrivateStatistic::kKde), some_rows(50, 3))),
              c = query_of(image_of(seed, rows));
  for (const auto& y : asked) {
    SketchQuery::SharedFeatures shared;
    for (SketchQuery* q : {&a, &b, &c, &a})
      EXPECT_NEAR(q->score(y.data(), kDims, shared), q->kde(y.data(), kDims), 1e-5);
  }
}

TEST(SketchCache, KeepsByKey) {
  const Bytes image = image_of(job_of(PrivateStatistic::kCount), some_rows(20, 1));
  SketchCache cache;
  EXPECT_EQ(cache.find(0, "a", 1), nullptr);
  SketchQuery* const q = cache.load(0, "a", 1, image.data(), image.size());
  EXPECT_EQ(cache.find(0, "a", 1), q);
  EXPECT_EQ(cache.find(0, "b", 1), nullptr);
  EXPECT_EQ(cache.find(0, "ab", 2), nullptr);
  EXPECT_EQ(cache.find(1, "a", 1), nullptr);
  EXPECT_THROW(cache.load(0, "b", 1, image.data(), 3), Error);
  EXPECT_EQ(cache.find(0, "a", 1), nullptr);
  EXPECT_EQ(cache.find(0, "b", 1), nullptr);
}

}  // namespace
}  // namespace lowdim::core
