// Private sums of distances: without noise the sums themselves within what a cell hides, noise of the
// promised size whatever the depth, consistency, order and images.

#include "core/privacy/distances.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/base/error.h"
#include "core/base/random.h"
#include "privacy_fixture.h"

namespace lowdim::core {
namespace {

using Rows = std::vector<std::vector<float>>;

// In [-2, 6], a lump and a spread.
Rows some_rows(size_t n, uint32_t dims, uint64_t seed) {
  Random random(seed);
  Rows rows(n, std::vector<float>(dims));
  for (auto& row : rows)
    for (float& v : row)
      v = static_cast<float>(random.below(2) == 0 ? 0.2 * random.normal() : -2 + 8 * random.uniform());
  return rows;
}

DistanceOptions options_of(uint32_t dims, uint32_t depth) {
  DistanceOptions o;
  o.dims = dims;
  o.depth = depth;
  o.low = -2;
  o.high = 6;
  return o;
}

DistanceSums sums_of(const DistanceOptions& options, const Rows& rows) {
  DistanceSums sums(options);
  for (const auto& row : rows) sums.add(row.data());
  return sums;
}

DistanceSketch release(const DistanceSums& sums, NoiseMechanism mechanism, uint64_t seed = 1) {
  SeededEntropy entropy(seed);
  RandomBits bits(entropy.source());
  PrivacyOptions privacy;
  privacy.mechanism = mechanism;
  return DistanceSketch(sums, privacy, bits);
}

double exact_powers(const Rows& rows, const std::vector<float>& y, double p) {
  double sum = 0;
  for (const auto& row : rows)
    for (size_t d = 0; d < y.size(); ++d) sum += std::pow(std::abs(double{row[d]} - double{y[d]}), p);
  return sum;
}

TEST(PrivacyDistances, L1WithoutNoise) {
  const Rows rows = some_rows(500, 5, 1), queries = some_rows(30, 5, 2);
  for (const uint32_t depth : {1u, 2u, 5u, 8u, 12u}) {
    DistanceQuery query(release(sums_of(options_of(5, depth), rows), NoiseMechanism::kNone));
    // What a cell holds is off by half its width at most, in each coordinate.
    const double bound = 8 * std::ldexp(1, -static_cast<int>(depth)) / 2;
    for (const auto& y : queries) {
      double inside = 0;
      for (size_t d = 0; d < 5; ++d)
        for (const auto& row : rows)
          inside +=
              std::floor((double{row[d]} + 2) / (2 * bound)) == std::floor((double{y[d]} + 2) / (2 * bound));
      const double expected = exact_powers(rows, y, 1);
      EXPECT_NEAR(query.sum(y.data()), expected, inside * bound + 500 * 5 * 8 * 0x1p-20) << depth;
      EXPECT_NEAR(query.power_sum(y.data(), 1), expected, inside * bound + 500 * 5 * 8 * 0x1p-20) << depth;
    }
    // Outside of the box distances go on.
    const std::vector<float> far = {-12, 16, 6, -2, 100};
    EXPECT_NEAR(query.sum(far.data()), exact_powers(rows, far, 1), 500 * 5 * 8 * 0x1p-20);
    EXPECT_NEAR(query.power_sum(far.data(), 1), exact_powers(rows, far, 1), 500 * 5 * 8 * 0x1p-20);
  }
}

// Values that all rows share, like the zeros of sparse data, are not smeared over their cell.
TEST(PrivacyDistances, RowsAtTheEndOfACell) {
  const Rows rows(100, {-2, 0.6f, 6});
  DistanceQuery query(release(sums_of(options_of(3, 4), rows), NoiseMechanism::kNone));
  for (const std::vector<float>& y :
       {std::vector<float>{-2, 0.4f, 6}, std::vector<float>{-1.9f, 0.6f, 5.8f}}) {
    EXPECT_NEAR(query.sum(y.data()), exact_powers(rows, y, 1), y[0] == -2 ? 1e-2 : 5);
    EXPECT_NEAR(query.power_sum(y.data(), 1), query.sum(y.data()), 1e-6);
  }
}

TEST(PrivacyDistances, PowersWithoutNoise) {
  const Rows rows = some_rows(500, 3, 3), queries = some_rows(30, 3, 4);
  DistanceQuery query(release(sums_of(options_of(3, 10), rows), NoiseMechanism::kNone));
  for (const double p : {0.5, 1.5, 2.0, 3.0})
    for (const auto& y : queries) {
      const double expected = exact_powers(rows, y, p);
      EXPECT_NEAR(query.power_sum(y.data(), p), expected, 0.02 * expected) << p;
    }
  for (const double p : {0.0, -1.0, 8.1, static_cast<double>(NAN)})
    EXPECT_THROW(query.power_sum(queries[0].data(), p), Error);
}

TEST(PrivacyDistances, L2WithoutNoise) {
  constexpr uint32_t kDims = 24;
  Random random(5);
  Rows rows(300, std::vector<float>(kDims)), queries(20, std::vector<float>(kDims));
  for (Rows* all : {&rows, &queries})
    for (auto& row : *all)
      for (float& v : row) v = static_cast<float>(random.normal() * 0.15);
  DistanceOptions options;
  options.kind = DistanceKind::kL2;
  options.dims = kDims;
  options.radius = 1;
  options.directions = 256;
  options.depth = 8;
  DistanceQuery query(release(sums_of(options, rows), NoiseMechanism::kNone));
  for (const auto& y : queries) {
    double expected = 0;
    for (const auto& row : rows) {
      double square = 0;
      for (uint32_t d = 0; d < kDims; ++d) square += std::pow(double{row[d]} - double{y[d]}, 2);
      expected += std::sqrt(square);
    }
    EXPECT_NEAR(query.sum(y.data()) / expected, 1, 4 * 0.76 / 16);
  }
  EXPECT_THROW(query.power_sum(queries[0].data(), 2), Error);
}

// Deviation of the sum from that without noise, in widths of the interval.
double noise_of(uint32_t dims, uint32_t depth, NoiseMechanism mechanism, bool consistent) {
  const Rows rows = some_rows(50, dims, 6), queries = some_rows(10, dims, 7);
  const DistanceSums sums = sums_of(options_of(dims, depth), rows);
  DistanceQuery exact(release(sums, NoiseMechanism::kNone));
  double square = 0;
  constexpr int kReleases = 40;
  for (uint64_t i = 0; i < kReleases; ++i) {
    DistanceQuery noisy(release(sums, mechanism, i), consistent);
    for (const auto& y : queries) square += std::pow((noisy.sum(y.data()) - exact.sum(y.data())) / 8, 2);
  }
  return std::sqrt(square / (10 * kReleases));
}

TEST(PrivacyDistances, NoiseDoesNotGrowWithDepth) {
  const double one = 5.350 * std::sqrt(1.25);
  for (const uint32_t depth : {2u, 6u, 10u}) {
    const double raw = noise_of(1, depth, NoiseMechanism::kGaussian, false);
    const double consistent = noise_of(1, depth, NoiseMechanism::kGaussian, true);
    EXPECT_LT(raw, 1.7 * one) << depth;
    EXPECT_GT(raw, 0.3 * one) << depth;
    EXPECT_LT(consistent, raw) << depth;
  }
  // In d dimensions d times that with Gaussian noise, d^1.5 times with Laplace noise.
  const double gaussian = noise_of(16, 6, NoiseMechanism::kGaussian, true);
  EXPECT_LT(gaussian, 16 * 1.7 * one);
  EXPECT_GT(noise_of(16, 6, NoiseMechanism::kLaplace, true) / noise_of(1, 6, NoiseMechanism::kLaplace, true),
            32);
}

TEST(PrivacyDistances, AnyRowIsBounded) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  for (const DistanceKind kind : {DistanceKind::kL1, DistanceKind::kL2}) {
    DistanceOptions options = options_of(3, 4);
    options.kind = kind;
    options.directions = 5;
    for (const float v : {0.0f, -2.0f, 6.0f, 3e38f, -3e38f, inf, -inf, nan}) {
      const DistanceSums sums = sums_of(options, {std::vector<float>(3, v)});
      const DistanceSketch sketch = release(sums, NoiseMechanism::kNone);
      const uint64_t nodes = 30;
      for (uint32_t j = 0; j < options.coordinates(); ++j) {
        double square = 0;
        for (uint64_t i = 0; i < 2 * nodes; ++i)
          square += std::pow(static_cast<double>(sketch.values()[2 * j * nodes + i]) * 0x1p-20, 2);
        // One node of each of four depths: 15/16 for counts and at most a quarter of it for offsets.
        EXPECT_LE(square, 0.9375 * 1.25 + 1e-9) << v;
        EXPECT_GE(square, 0.9375 - 1e-5) << v;
      }
    }
  }
}

TEST(PrivacyDistances, OrderSplitAndImages) {
  const DistanceOptions options = options_of(4, 3);
  const Rows rows = some_rows(31, 4, 8);
  const DistanceSums whole = sums_of(options, rows);
  DistanceSums backwards(options);
  for (size_t i = rows.size(); i-- > 0;) {
    const auto image = sums_of(options, {rows[i]}).image();
    backwards.merge(DistanceSums::read(image.data(), image.size()));
  }
  EXPECT_EQ(whole.image(), backwards.image());
  EXPECT_THROW(backwards.merge(DistanceSums(options_of(4, 4))), Error);

  const DistanceSketch sketch = release(whole, NoiseMechanism::kGaussian);
  std::vector<uint8_t> image = sketch.image();
  const DistanceSketch back = DistanceSketch::read(image.data(), image.size());
  EXPECT_EQ(back.image(), image);
  EXPECT_EQ(back.facts(), sketch.facts());
  for (size_t i = 0; i < image.size(); ++i) {
    image[i] ^= 4;
    EXPECT_THROW(DistanceSketch::read(image.data(), image.size()), Error) << i;
    image[i] ^= 4;
    EXPECT_THROW(DistanceSketch::read(image.data(), i), Error) << i;
  }
  for (int i = 0; i < 6; ++i) {
    DistanceOptions o = options;
    if (i == 0) o.depth = 0;
    if (i == 1) o.depth = 13;
    if (i == 2) o.low = 6;
    if (i == 3) o.high = NAN;
    if (i == 4) o.dims = 0;
    if (i == 5) o.dims = 1000, o.depth = 12;
    EXPECT_THROW(DistanceSums{o}, Error) << i;
  }
}

}  // namespace
}  // namespace lowdim::core
