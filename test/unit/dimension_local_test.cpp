// The local dimension of every row of a table, in blocks and by an index: the same as from all distances,
// sorted.
#include "core/dimension/local.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/dimension/estimators.h"
#include "dimension_manifolds.h"

namespace lowdim::core {
namespace {

using Table = std::vector<std::vector<float>>;

Table table_of(size_t n, size_t dims, uint64_t seed) {
  Random random(seed);
  Table t(n, std::vector<float>(dims));
  for (auto& row : t) {
    for (float& c : row) c = static_cast<float>(random.uniform() - 0.5);
  }
  return t;
}

// By definition: of the k smallest distances above zero.
double by_hand(const Table& t, size_t i, uint32_t k, DimensionMetric metric) {
  const auto norm = [](const std::vector<float>& x) {
    double s = 0;
    for (const float c : x) s += static_cast<double>(c) * static_cast<double>(c);
    return std::sqrt(s);
  };
  const bool cosine = metric == DimensionMetric::kCosine;
  if (cosine && norm(t[i]) == 0) return kAbsent;
  std::vector<double> d;
  for (size_t j = 0; j < t.size(); ++j) {
    if (j == i || (cosine && norm(t[j]) == 0)) continue;
    double s = 0;
    for (size_t c = 0; c < t[i].size(); ++c) {
      const double a = static_cast<double>(t[i][c]) / (cosine ? norm(t[i]) : 1);
      const double b = static_cast<double>(t[j][c]) / (cosine ? norm(t[j]) : 1);
      s += (a - b) * (a - b);
    }
    if (std::sqrt(s) > (cosine ? 1e-6 : 0)) d.push_back(std::sqrt(s));
  }
  std::sort(d.begin(), d.end());
  if (d.size() > k) d.resize(k);
  return local_dimension(d.data(), d.size()).value;
}

std::vector<double> by_blocks(const Table& t, uint32_t k, DimensionMetric metric, size_t budget,
                              size_t* blocks = nullptr) {
  LocalDimensions job;
  job.start(k, metric, budget);
  for (const auto& row : t) job.look(row.data(), row.size());
  EXPECT_EQ(job.rows(), t.size());
  std::vector<double> out;
  size_t count = 0;
  for (; job.next_block(); ++count) {
    EXPECT_EQ(job.first(), out.size());
    for (size_t i = job.first(); job.add_point(t[i].data(), t[i].size()); ++i) {
    }
    if (!job.whole()) {
      for (const auto& row : t) job.offer(row.data(), row.size(), Stop{});
    }
    const LocalDimensions::Values values = job.finish(Stop{});
    out.insert(out.end(), values.data, values.data + values.n);
  }
  if (blocks != nullptr) *blocks = count;
  return out;
}

// Rows in the order of lower bounds of their distance, as from an index, until no more can matter.
std::vector<double> by_queries(const Table& t, uint32_t k, DimensionMetric metric, size_t* offered) {
  LocalDimensions job;
  job.start(k, metric, 0);
  for (const auto& row : t) job.look(row.data(), row.size());
  std::vector<double> out;
  Random random(9);
  *offered = 0;
  for (size_t i = 0; i < t.size(); ++i) {
    if (!job.begin_query(t[i].data(), t[i].size())) {
      out.push_back(kAbsent);
      continue;
    }
    std::vector<std::pair<double, size_t>> order;
    for (size_t j = 0; j < t.size(); ++j) {
      double ab = 0, aa = 0, bb = 0, l2 = 0;
      for (size_t c = 0; c < t[i].size(); ++c) {
        const double a = static_cast<double>(t[i][c]), b = static_cast<double>(t[j][c]);
        ab += a * b;
        aa += a * a;
        bb += b * b;
        l2 += (a - b) * (a - b);
      }
      const double cosine = bb > 0 ? 1 - ab / std::sqrt(aa * bb) : 2;
      const double distance = metric == DimensionMetric::kCosine ? cosine : std::sqrt(l2);
      if (j != i) order.push_back({distance * (0.7 + 0.3 * random.uniform()), j});
    }
    std::sort(order.begin(), order.end());
    for (const auto& [bound, j] : order) {
      if (bound > job.reach() * (1 + 1e-5)) break;
      job.offer_to_query(t[j].data(), t[j].size());
      ++*offered;
    }
    out.push_back(job.query_value());
  }
  return out;
}

void expect_same(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(std::isnan(a[i]), std::isnan(b[i])) << i << " " << a[i] << " " << b[i];
    if (!std::isnan(a[i])) {
      ASSERT_NEAR(a[i], b[i], tolerance * b[i]) << i;
    }
  }
}

class EveryMetric : public testing::TestWithParam<DimensionMetric> {};

TEST_P(EveryMetric, IsThatOfAllDistances) {
  Table t = table_of(300, 7, 5);
  t[11] = t[200] = t[299];                                 // equal rows
  for (float& c : t[13]) c = 0;                            // no direction
  for (size_t c = 0; c < 7; ++c) t[17][c] = 3 * t[18][c];  // one direction
  std::vector<double> truth;
  for (size_t i = 0; i < t.size(); ++i) truth.push_back(by_hand(t, i, 20, GetParam()));
  size_t one = 0, some = 0, least = 0, offered = 0;
  const std::vector<double> whole = by_blocks(t, 20, GetParam(), size_t{1} << 30, &one);
  expect_same(whole, truth, 1e-4);
  // Block by block, and the least blocks there are: the same bits.
  EXPECT_EQ(by_blocks(t, 20, GetParam(), 20000, &some).size(), t.size());
  expect_same(by_blocks(t, 20, GetParam(), 20000, &some), whole, 0);
  expect_same(by_blocks(t, 20, GetParam(), 0, &least), whole, 0);
  EXPECT_EQ(one, 1u);
  EXPECT_EQ(some, 4u);
  EXPECT_EQ(least, 19u);
  expect_same(by_queries(t, 20, GetParam(), &offered), whole, 1e-9);
  EXPECT_LT(offered, t.size() * 150);
}

INSTANTIATE_TEST_SUITE_P(Metrics, EveryMetric,
                         testing::Values(DimensionMetric::kL2, DimensionMetric::kCosine),
                         [](const auto& p) { return dimension_metric_name(p.param); });

TEST(LocalDimensions, SizesThatOverflow) {
  const Table t = table_of(60, 4, 2);
  const std::vector<double> plain = by_blocks(t, 10, DimensionMetric::kL2, 1 << 20);
  for (const float size : {0x1p120f, 0x1p-100f}) {
    Table scaled = t;
    for (auto& row : scaled) {
      for (float& c : row) c *= size;
    }
    expect_same(by_blocks(scaled, 10, DimensionMetric::kL2, 1 << 20), plain, 1e-12);
    expect_same(by_blocks(scaled, 10, DimensionMetric::kL2, 0), plain, 1e-12);
    expect_same(by_blocks(scaled, 10, DimensionMetric::kCosine, 0),
                by_blocks(t, 10, DimensionMetric::kCosine, 0), 1e-4);
  }
}

TEST(LocalDimensions, FewRows) {
  for (const DimensionMetric metric : {DimensionMetric::kL2, DimensionMetric::kCosine}) {
    EXPECT_TRUE(by_blocks({}, 5, metric, 1 << 20).empty());
    const std::vector<double> one = by_blocks({{1, 2}}, 5, metric, 1 << 20);
    ASSERT_EQ(one.size(), 1u);
    EXPECT_TRUE(std::isnan(one[0]));
  }
  // Three on a line, at 0, 1, 3: two neighbours each are enough whatever k is.
  const std::vector<double> three = by_blocks({{0}, {1}, {3}}, 5, DimensionMetric::kL2, 1 << 20);
  EXPECT_NEAR(three[0], 1 / std::log(3), 1e-6);
  EXPECT_NEAR(three[1], 1 / std::log(2), 1e-6);
  EXPECT_NEAR(three[2], 1 / std::log(1.5), 1e-6);
  // All equal, or all others equally far.
  for (const double v : by_blocks(Table(9, {1, 1}), 5, DimensionMetric::kL2, 1 << 20))
    EXPECT_TRUE(std::isnan(v));
  for (const double v : by_blocks({{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, 5, DimensionMetric::kL2, 1 << 20)) {
    EXPECT_TRUE(std::isnan(v));
  }
  const Table zeros(3, {0, 0});
  for (const double v : by_blocks(zeros, 5, DimensionMetric::kCosine, 0)) EXPECT_TRUE(std::isnan(v));
}

TEST(LocalDimensions, Refuses) {
  LocalDimensions job;
  EXPECT_THROW(job.start(1, DimensionMetric::kL2, 0), Error);
  EXPECT_THROW(job.start(1001, DimensionMetric::kL2, 0), Error);
  EXPECT_THROW(dimension_metric("l1"), Error);
  job.start(2, DimensionMetric::kL2, 0);
  const float row[] = {1, 2, 3};
  job.look(row, 3);
  EXPECT_THROW(job.look(row, 2), Error);
  const Table t = table_of(300, 3, 1);
  job.start(20, DimensionMetric::kL2, 0);
  for (const auto& r : t) job.look(r.data(), 3);
  ASSERT_TRUE(job.next_block());
  for (size_t i = 0; job.add_point(t[i].data(), 3); ++i) {
  }
  const Stop now{[](void*) { return true; }, nullptr};
  EXPECT_THROW(
      {
        for (const auto& r : t) job.offer(r.data(), 3, now);
      },
      Stopped);
}

}  // namespace
}  // namespace lowdim::core
