// Pivots: what codes keep of a row, distances by them, their image and its damage.
#include "core/statistics/pivots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/random.h"

namespace lowdim::core {
namespace {

constexpr SphereMetric kAll[] = {SphereMetric::kL2, SphereMetric::kInner, SphereMetric::kCosine,
                                 SphereMetric::kL1};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> normal(size_t n, uint64_t seed, double mean = 0) {
  Random random(seed);
  std::vector<float> out(n);
  for (float& x : out) x = static_cast<float>(mean + random.normal());
  return out;
}

TEST(Pivots, KeepRowsToAStep) {
  const std::vector<float> x = {1, -2, 0.5, 0, 0, 0, 1e-3F, 3e-3F, -127e-3F};
  const std::vector<uint8_t> bytes = make_pivots({x.data(), 3, 3}, 3, 1);
  ASSERT_EQ(bytes.size(), 3 * 7);
  const Pivots p{bytes.data(), 3, 3};
  for (size_t i = 0; i < 3; ++i) {
    float out[3];
    read_pivot(p, i, out);
    const float largest = std::max({std::fabs(x[3 * i]), std::fabs(x[3 * i + 1]), std::fabs(x[3 * i + 2])});
    for (size_t j = 0; j < 3; ++j) EXPECT_NEAR(out[j], x[3 * i + j], largest / 254 + 1e-12) << i << j;
  }
  // Rows that were scaled come back in their own units.
  const std::vector<uint8_t> half = make_pivots({x.data(), 3, 3}, 3, 2);
  float out[3];
  read_pivot({half.data(), 3, 3}, 0, out);
  EXPECT_NEAR(out[1], -1, 1e-6);
  EXPECT_TRUE(valid_pivots(bytes.data(), bytes.size(), 3, 3));
  EXPECT_FALSE(valid_pivots(bytes.data(), bytes.size() - 1, 3, 3));
  EXPECT_FALSE(valid_pivots(bytes.data(), bytes.size(), 2, 3));
  EXPECT_FALSE(valid_pivots(bytes.data(), bytes.size(), 3, 4));
  for (const float bad : {-1.0F, std::nanf(""), std::numeric_limits<float>::infinity()}) {
    std::vector<uint8_t> damaged = bytes;
    std::memcpy(damaged.data() + 7, &bad, sizeof bad);
    EXPECT_FALSE(valid_pivots(damaged.data(), damaged.size(), 3, 3)) << bad;
  }
}

// The middle that make_pivots takes is the median of 15 rows; 7 steps lead from there to the row's farthest
// element.
TEST(Pivots, KeepRowsToAStepOfFourBits) {
  for (const size_t dims : {193, 224, 239, 784}) {
    for (const double factor : {1.0, 8.0}) {
      constexpr size_t kRows = 40;
      std::vector<float> x = normal(kRows * dims, dims, 3);
      for (size_t i = 0; i < kRows; ++i) {
        x[i * dims + 5] += 500;  // as all rows have it
        for (size_t j = 0; j < dims; ++j) x[i * dims + j] *= static_cast<float>(i + 1);
      }
      for (size_t j = 0; j < dims; ++j) x[j] = 0;
      const std::vector<uint8_t> bytes = make_pivots({x.data(), kRows, dims}, kRows, factor);
      EXPECT_EQ(bytes.size(), 4 * dims + kRows * (8 + (dims + 1) / 2));
      EXPECT_TRUE(valid_pivots(bytes.data(), bytes.size(), kRows, dims));
      std::vector<float> middle(dims), out(dims);
      for (size_t j = 0; j < dims; ++j) {
        std::vector<float> few;
        for (size_t i = 0; i < 15; ++i) few.push_back(x[i * dims + j]);
        std::sort(few.begin(), few.end());
        middle[j] = few[7];
      }
      for (size_t i = 0; i < kRows; ++i) {
        const float error = read_pivot({bytes.data(), kRows, dims}, i, out.data());
        float farthest = 0;
        double square = 0;
        for (size_t j = 0; j < dims; ++j)
          farthest = std::max(farthest, std::fabs(x[i * dims + j] - middle[j]));
        for (size_t j = 0; j < dims; ++j) {
          const double off = out[j] * factor - static_cast<double>(x[i * dims + j]);
          ASSERT_NEAR(off, 0, farthest / 14 + 1e-3) << i << " " << j;
          square += off * off;
        }
        EXPECT_NEAR(error * factor, std::sqrt(square), 1e-3 * (1 + std::sqrt(square)));
      }
    }
  }
}

// Rows that differ from a common one by little: that one costs no steps.
TEST(Pivots, WhatAllRowsHaveInCommonCostsNothing) {
  constexpr size_t kDims = 400, kRows = 50;
  const std::vector<float> common = normal(kDims, 1, 100);
  std::vector<float> x = normal(kRows * kDims, 2);
  for (size_t at = 0; at < x.size(); ++at) x[at] = common[at % kDims] + 0.01F * x[at];
  const std::vector<uint8_t> bytes = make_pivots({x.data(), kRows, kDims}, kRows, 1);
  std::vector<float> out(kDims);
  for (size_t i = 0; i < kRows; ++i) {
    EXPECT_LT(read_pivot({bytes.data(), kRows, kDims}, i, out.data()), 0.2 * 0.01 * std::sqrt(kDims));
  }
  // All equal, and a single one: to the last bit.
  std::vector<float> equal;
  for (size_t i = 0; i < 3; ++i) equal.insert(equal.end(), common.begin(), common.end());
  for (const size_t n : {1, 3}) {
    const std::vector<uint8_t> same = make_pivots({equal.data(), n, kDims}, n, 1);
    EXPECT_EQ(read_pivot({same.data(), n, kDims}, n - 1, out.data()), 0);
    EXPECT_EQ(out, common);
  }
}

TEST(Pivots, DistancesAreThoseOfTheRows) {
  constexpr size_t kDims = 800, kRows = 60;
  // Centers at several distances from the rows; of pivots as centers, both sides are off.
  const std::vector<float> x = normal(kRows * kDims, 3, 0.5);
  const std::vector<uint8_t> bytes = make_pivots({x.data(), kRows, kDims}, kRows, 1);
  const Pivots pivots{bytes.data(), kRows, kDims};
  for (const double size : {0.3, 1.0, 3.0}) {
    std::vector<float> center = normal(kDims, 4, 0.5);
    for (size_t j = 0; j < kDims; ++j) center[j] = x[j] + static_cast<float>(size) * (center[j] - x[j]);
    for (const SphereMetric metric : kAll) {
      const std::vector<double> d = pivot_distances(pivots, metric, center.data());
      // A row's error is about a seventh of its length and points anywhere: of products, it is multiplied
      // by the center's length; of distances only by that of the difference.
      const double length = metric == SphereMetric::kInner
                                ? std::sqrt(-sphere_distance(metric, center.data(), center.data(), kDims))
                                : 0;
      double sum = 0, truth = 0;
      for (size_t i = 0; i < kRows; ++i) {
        const double exact = sphere_distance(metric, center.data(), x.data() + i * kDims, kDims);
        EXPECT_NEAR(d[i], exact, metric == SphereMetric::kInner ? 0.7 * length : 0.03 * exact)
            << static_cast<int>(metric) << " " << i;
        sum += d[i];
        truth += exact;
      }
      EXPECT_NEAR(sum, truth, metric == SphereMetric::kInner ? 3 * length : 0.003 * truth)
          << static_cast<int>(metric) << " " << size;
    }
  }
  std::vector<float> own(kDims);
  const float error = read_pivot(pivots, 7, own.data());
  EXPECT_GT(error, 1);
  const std::vector<double> d = pivot_distances(pivots, SphereMetric::kL2, own.data(), error);
  double sum = 0, truth = 0;
  for (size_t i = 0; i < kRows; ++i) {
    if (i == 7) continue;
    sum += d[i];
    truth += sphere_distance(SphereMetric::kL2, x.data() + 7 * kDims, x.data() + i * kDims, kDims);
  }
  EXPECT_EQ(d[7], 0);
  EXPECT_NEAR(sum, truth, 0.002 * truth);
  EXPECT_LT(pivot_distances(pivots, SphereMetric::kL2, x.data() + 7 * kDims)[7], 0.01 * error);
}

TEST(Pivots, OfExtremesHaveDistances) {
  constexpr size_t kDims = 300;
  constexpr float kLargest = std::numeric_limits<float>::max();
  const std::vector<float> ordinary = normal(kDims, 5);
  for (const float value : {0.0F, 1e-45F, 1e-30F, 1.0F, 1e30F, kLargest, -kLargest}) {
    std::vector<float> x;
    for (size_t i = 0; i < 4; ++i) x.insert(x.end(), ordinary.begin(), ordinary.end());
    std::fill_n(x.begin(), kDims, value);
    x[kDims] = value;
    for (size_t j = 2 * kDims; j < 3 * kDims; ++j) x[j] = j % 2 == 0 ? value : -value;
    const std::vector<uint8_t> bytes = make_pivots({x.data(), 4, kDims}, 4, 1);
    ASSERT_TRUE(valid_pivots(bytes.data(), bytes.size(), 4, kDims)) << value;
    for (const SphereMetric metric : kAll) {
      for (size_t i = 0; i < 4; ++i) {
        for (const double d : pivot_distances({bytes.data(), 4, kDims}, metric, x.data() + i * kDims)) {
          EXPECT_FALSE(std::isnan(d)) << value;
        }
      }
    }
  }
  // The zero vector has no direction, though the middle is none.
  std::vector<float> x = normal(20 * kDims, 6, 2);
  std::fill_n(x.begin(), kDims, 0.0F);
  const std::vector<uint8_t> bytes = make_pivots({x.data(), 20, kDims}, 20, 1);
  const std::vector<double> d =
      pivot_distances({bytes.data(), 20, kDims}, SphereMetric::kCosine, ordinary.data());
  EXPECT_EQ(d[0], kInfinity);
  EXPECT_LT(d[1], 2);
}

TEST(Pivots, DamageIsSeen) {
  constexpr size_t kDims = 201, kRow = 8 + 101, kMiddle = 4 * kDims;
  const std::vector<float> x = normal(3 * kDims, 7);
  const std::vector<uint8_t> bytes = make_pivots({x.data(), 3, kDims}, 3, 1);
  ASSERT_EQ(bytes.size(), kMiddle + 3 * kRow);
  EXPECT_TRUE(valid_pivots(bytes.data(), bytes.size(), 3, kDims));
  for (const size_t n : {0, 2, 4}) EXPECT_FALSE(valid_pivots(bytes.data(), bytes.size(), n, kDims)) << n;
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(valid_pivots(bytes.data(), n, 3, kDims)) << n;
  EXPECT_FALSE(valid_pivots(bytes.data(), bytes.size(), 3, kDims + 1));
  EXPECT_FALSE(valid_pivots(bytes.data(), bytes.size(), 3, kDims - 2));
  const auto valid = [&](size_t at, float value) {
    std::vector<uint8_t> damaged = bytes;
    std::memcpy(damaged.data() + at, &value, sizeof value);
    return valid_pivots(damaged.data(), damaged.size(), 3, kDims);
  };
  for (const float bad : {std::nanf(""), kInfinity, -kInfinity}) {
    EXPECT_FALSE(valid(0, bad));
    EXPECT_FALSE(valid(kMiddle - 4, bad));
    EXPECT_FALSE(valid(kMiddle + kRow, bad));          // a step
    EXPECT_FALSE(valid(kMiddle + 2 * kRow + 4, bad));  // an error
  }
  EXPECT_TRUE(valid(0, -1));
  EXPECT_FALSE(valid(kMiddle + kRow, -1));
  EXPECT_FALSE(valid(kMiddle + kRow + 4, -1));
  EXPECT_TRUE(valid(kMiddle + kRow + 4, 1));
}

TEST(Pivots, DoNotCompress) {
  // Rows that are all alike: no three bytes of the codes come again, but by chance.
  for (const size_t dims : {150, 500}) {
    const std::vector<float> x(4 * dims, 1.0F);
    const std::vector<uint8_t> bytes = make_pivots({x.data(), 4, dims}, 4, 1);
    const Pivots p{bytes.data(), 4, dims};
    const size_t head = dims == 500 ? 8 : 4;
    std::vector<uint32_t> threes;
    for (size_t i = 0; i < 4; ++i) {
      const uint8_t* codes = bytes.data() + p.middle_bytes() + i * p.row_bytes() + head;
      for (size_t j = 0; j + 2 < p.row_bytes() - head; ++j) {
        threes.push_back(codes[j] << 16 | codes[j + 1] << 8 | codes[j + 2]);
      }
    }
    std::sort(threes.begin(), threes.end());
    const size_t distinct = static_cast<size_t>(std::unique(threes.begin(), threes.end()) - threes.begin());
    EXPECT_GT(distinct, threes.size() - 10);
  }
}

TEST(Pivots, AreAsManyAsFit) {
  EXPECT_EQ(pivot_count(3, 100000), 1000);
  EXPECT_EQ(pivot_count(3, 10), 10);
  EXPECT_EQ(pivot_count(784, 100000), (192 << 10) / 788);
  EXPECT_EQ(pivot_count(16000, 100000), 64);
  EXPECT_EQ(pivot_count(16000, 0), 0);
}

TEST(Pivots, DistancesAreThoseOfSql) {
  const float a[] = {1, 2, 2}, b[] = {3, 0, 1}, zero[] = {0, 0, 0};
  EXPECT_NEAR(sphere_distance(SphereMetric::kL2, a, b, 3), 3, 1e-6);
  EXPECT_NEAR(sphere_distance(SphereMetric::kInner, a, b, 3), -5, 1e-6);
  EXPECT_NEAR(sphere_distance(SphereMetric::kCosine, a, b, 3), 1 - 5 / (3 * std::sqrt(10)), 1e-6);
  EXPECT_NEAR(sphere_distance(SphereMetric::kL1, a, b, 3), 5, 1e-6);
  EXPECT_EQ(sphere_distance(SphereMetric::kCosine, a, zero, 3), std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace lowdim::core
