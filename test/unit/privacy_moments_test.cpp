// Private moments: exact without noise, bounded rows, noise of the promised size, order and images.

#include "core/privacy/moments.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/base/error.h"
#include "core/base/random.h"
#include "privacy_fixture.h"

namespace lowdim::core {
namespace {

constexpr uint32_t kDims = 12;
using Rows = std::vector<std::vector<float>>;

Rows some_rows(size_t n, uint64_t seed) {
  Random random(seed);
  Rows rows(n, std::vector<float>(kDims));
  for (auto& row : rows)
    for (float& v : row) v = static_cast<float>(0.3 + random.normal());
  return rows;
}

MomentSums sums_of(const MomentOptions& options, const Rows& rows) {
  MomentSums sums(options);
  for (const auto& row : rows) sums.add(row.data());
  return sums;
}

MomentSketch release(const MomentSums& sums, NoiseMechanism mechanism, uint64_t seed = 1) {
  SeededEntropy entropy(seed);
  RandomBits bits(entropy.source());
  PrivacyOptions privacy;
  privacy.mechanism = mechanism;
  return MomentSketch(sums, privacy, bits);
}

MomentOptions options_of(double radius, bool normalize = false) {
  MomentOptions o;
  o.dims = kDims;
  o.radius = radius;
  o.normalize = normalize;
  return o;
}

TEST(PrivacyMoments, ExactWithoutNoise) {
  const Rows rows = some_rows(200, 1), queries = some_rows(5, 2);
  const MomentSketch sketch = release(sums_of(options_of(20), rows), NoiseMechanism::kNone);
  EXPECT_EQ(sketch.rows(), 200);
  std::vector<double> sum(kDims), mean(kDims), expected(kDims);
  double square = 0;
  for (const auto& row : rows)
    for (uint32_t d = 0; d < kDims; ++d) expected[d] += row[d], square += double{row[d]} * row[d];
  sketch.sum(sum.data());
  sketch.mean(mean.data());
  for (uint32_t d = 0; d < kDims; ++d) {
    EXPECT_NEAR(sum[d], expected[d], 200 * 20 * 0x1p-21);
    EXPECT_NEAR(mean[d], expected[d] / 200, 20 * 0x1p-21);
  }
  EXPECT_NEAR(sketch.square_mean(), square / 200, 400 * 0x1p-19);
  for (const auto& y : queries) {
    double distances = 0, inner = 0;
    for (const auto& row : rows) {
      for (uint32_t d = 0; d < kDims; ++d) {
        distances += std::pow(double{row[d]} - double{y[d]}, 2);
        inner += double{row[d]} * double{y[d]};
      }
    }
    EXPECT_NEAR(sketch.squared_distance_sum(y.data()), distances, 0.2);
    EXPECT_NEAR(sketch.inner_sum(y.data()), inner, 0.05);
    EXPECT_THROW(sketch.mean_cosine(y.data()), Error);
  }
}

TEST(PrivacyMoments, Directions) {
  const Rows rows = some_rows(100, 3), queries = some_rows(3, 4);
  const MomentSketch sketch = release(sums_of(options_of(1, true), rows), NoiseMechanism::kNone);
  const auto norm = [](const std::vector<float>& x) {
    double s = 0;
    for (const float v : x) s += double{v} * v;
    return std::sqrt(s);
  };
  for (const auto& y : queries) {
    double cosine = 0;
    for (const auto& row : rows) {
      double inner = 0;
      for (uint32_t d = 0; d < kDims; ++d) inner += double{row[d]} * double{y[d]};
      cosine += inner / norm(row) / norm(y) / 100;
    }
    EXPECT_NEAR(sketch.mean_cosine(y.data()), cosine, 1e-5);
  }
  EXPECT_EQ(sketch.mean_cosine(std::vector<float>(kDims).data()), 0);
  EXPECT_EQ(sketch.square_mean(), 1);
}

TEST(PrivacyMoments, RowsAreCut) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  for (const bool normalize : {false, true}) {
    for (const float v : {1e-45f, 0.1f, 1.0f, 3e38f, -3e38f, inf, nan, 0.0f}) {
      const MomentSums sums = sums_of(options_of(2, normalize), {std::vector<float>(kDims, v)});
      double square = 0;
      for (uint32_t d = 0; d < kDims; ++d) square += std::pow(static_cast<double>(sums.sums()[d]), 2);
      EXPECT_LE(std::sqrt(square), 0x1p20 + std::sqrt(kDims) / 2) << v;
      EXPECT_LE(sums.sums()[kDims], 1 << 18);
      EXPECT_EQ(sums.rows(), 1);
      if (std::isfinite(v) && v != 0 && (normalize || std::abs(v) >= 1)) {
        EXPECT_GE(std::sqrt(square), 0x1p20 - 4) << v;
      }
      if (!std::isfinite(v) || v == 0) {
        EXPECT_EQ(square, 0) << v;
      }
    }
  }
}

TEST(PrivacyMoments, Noise) {
  const MomentSums sums = sums_of(options_of(20), some_rows(50, 5));
  for (const NoiseMechanism mechanism : {NoiseMechanism::kGaussian, NoiseMechanism::kLaplace}) {
    std::vector<double> exact(kDims), noisy(kDims);
    release(sums, NoiseMechanism::kNone).sum(exact.data());
    double square = 0, rows = 0, expected = 0, expected_rows = 0;
    for (uint64_t i = 0; i < 200; ++i) {
      const MomentSketch sketch = release(sums, mechanism, i);
      sketch.sum(noisy.data());
      for (uint32_t d = 0; d < kDims; ++d) square += std::pow(noisy[d] - exact[d], 2) / (200 * kDims);
      rows += std::pow(sketch.rows() - 50, 2) / 200;
      expected = sketch.sum_noise();
      expected_rows = sketch.rows_noise();
    }
    EXPECT_NEAR(std::sqrt(square) / expected, 1, 0.1);
    EXPECT_NEAR(std::sqrt(rows) / expected_rows, 1, 0.25);
    // Of a row as long as the radius: 5.35 at epsilon 1, and a little for what else is released.
    if (mechanism == NoiseMechanism::kGaussian) {
      EXPECT_NEAR(expected / 20, 5.350 * std::sqrt(1 + 2.0 / 16), 0.01);
    }
  }
}

TEST(PrivacyMoments, OrderSplitAndImages) {
  const MomentOptions options = options_of(2);
  const Rows rows = some_rows(31, 6);
  const MomentSums whole = sums_of(options, rows);
  MomentSums backwards(options);
  for (size_t i = rows.size(); i-- > 0;) {
    const auto image = sums_of(options, {rows[i]}).image();
    backwards.merge(MomentSums::read(image.data(), image.size()));
  }
  EXPECT_EQ(whole.image(), backwards.image());
  EXPECT_THROW(backwards.merge(MomentSums(options_of(3))), Error);

  const MomentSketch sketch = release(whole, NoiseMechanism::kGaussian);
  std::vector<uint8_t> image = sketch.image();
  const MomentSketch back = MomentSketch::read(image.data(), image.size());
  EXPECT_EQ(back.image(), image);
  EXPECT_EQ(back.facts(), sketch.facts());
  for (size_t i = 0; i < image.size(); ++i) {
    image[i] ^= 0x80;
    EXPECT_THROW(MomentSketch::read(image.data(), image.size()), Error) << i;
    image[i] ^= 0x80;
    EXPECT_THROW(MomentSketch::read(image.data(), i), Error) << i;
  }
  for (const double radius : {0.0, -1.0, static_cast<double>(NAN), static_cast<double>(INFINITY)})
    EXPECT_THROW(MomentSums{options_of(radius)}, Error);
  MomentOptions none;
  EXPECT_THROW(MomentSums{none}, Error);
}

// Less content is less noise, and what is not there can be neither asked for nor seen.
TEST(PrivacyMoments, Content) {
  const Rows rows = some_rows(50, 8);
  const auto sketch_of = [&](MomentContent content, NoiseMechanism mechanism) {
    MomentOptions o = options_of(20);
    o.content = content;
    if (content == MomentContent::kCount) o.dims = 0;
    MomentSums sums(o);
    for (const auto& row : rows) o.has_sum() ? sums.add(row.data()) : sums.add_other();
    return release(sums, mechanism);
  };
  std::vector<double> all(kDims), sum(kDims);
  sketch_of(MomentContent::kAll, NoiseMechanism::kNone).sum(all.data());
  sketch_of(MomentContent::kSum, NoiseMechanism::kNone).sum(sum.data());
  EXPECT_EQ(all, sum);
  EXPECT_EQ(sketch_of(MomentContent::kCount, NoiseMechanism::kNone).rows(), 50);
  EXPECT_EQ(sketch_of(MomentContent::kMean, NoiseMechanism::kNone).rows(), 50);
  for (const NoiseMechanism mechanism : {NoiseMechanism::kGaussian, NoiseMechanism::kLaplace}) {
    const MomentSketch whole = sketch_of(MomentContent::kAll, mechanism),
                       mean = sketch_of(MomentContent::kMean, mechanism),
                       only = sketch_of(MomentContent::kSum, mechanism),
                       count = sketch_of(MomentContent::kCount, mechanism);
    EXPECT_LT(mean.sum_noise(), whole.sum_noise());
    EXPECT_LT(only.sum_noise(), mean.sum_noise());
    EXPECT_LT(count.rows_noise(), mean.rows_noise() / 3);
    EXPECT_EQ(mean.values()[kDims], 0);      // no squares
    EXPECT_EQ(only.values()[kDims + 1], 0);  // no count
    EXPECT_THROW(only.rows(), Error);
    EXPECT_THROW(mean.square_mean(), Error);
    EXPECT_THROW(mean.squared_distance_sum(rows[0].data()), Error);
    EXPECT_THROW(count.sum(sum.data()), Error);
    EXPECT_THROW(count.inner_sum(rows[0].data()), Error);
    for (const MomentSketch* s : {&whole, &mean, &only, &count}) {
      const std::vector<uint8_t> image = s->image();
      EXPECT_EQ(MomentSketch::read(image.data(), image.size()).image(), image);
    }
  }
  // Sensitivity 1, to what rounding adds, at the golden sigma of epsilon 1 and delta 1e-6 (zCDP).
  EXPECT_NEAR(sketch_of(MomentContent::kCount, NoiseMechanism::kGaussian).rows_noise(), 5.350, 1e-3);
  EXPECT_NEAR(sketch_of(MomentContent::kSum, NoiseMechanism::kGaussian).sum_noise() / 20, 5.350, 1e-3);
  MomentOptions count = options_of(1);
  count.content = MomentContent::kCount;
  EXPECT_THROW(MomentSums{count}, Error);  // dims
}

}  // namespace
}  // namespace lowdim::core
