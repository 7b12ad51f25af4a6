// Budgets and noise: values known from elsewhere, safe rounding, composition, and images of the guarantee.

#include "core/privacy/calibration.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/privacy/release.h"
#include "privacy_fixture.h"

namespace lowdim::core {
namespace {

constexpr double kDelta = 1e-6;

TEST(PrivacyCalibration, GoldenGaussian) {
  const struct {
    double epsilon, analytic, zcdp, rho;
  } golden[] = {{0.1, 36.305, 52.660, 0.00018},
                {0.5, 8.058, 10.607, 0.00444},
                {1, 4.225, 5.350, 0.01747},
                {2, 2.230, 2.720, 0.06757},
                {4, 1.194, 1.403, 0.25394}};
  for (const auto& g : golden) {
    EXPECT_NEAR(analytic_sigma(g.epsilon, kDelta), g.analytic, 6e-4) << g.epsilon;
    EXPECT_NEAR(zcdp_rho(g.epsilon, kDelta), g.rho, 6e-6) << g.epsilon;
    EXPECT_NEAR(zcdp_sigma(zcdp_rho(g.epsilon, kDelta)), g.zcdp, 6e-4) << g.epsilon;
  }
}

// Long doubles as the judge: what is promised is not above what was asked for.
TEST(PrivacyCalibration, RoundsToTheSafeSide) {
  const auto cdf = [](long double x) { return 0.5L * std::erfc(-x / std::sqrt(2.0L)); };
  for (double epsilon = 1e-6; epsilon < 60; epsilon *= 1.7) {
    for (double delta = 1e-14; delta < 0.5; delta *= 31) {
      const long double rho = zcdp_rho(epsilon, delta);
      EXPECT_LE(rho + 2 * std::sqrt(rho * -std::log(static_cast<long double>(delta))), epsilon);
      EXPECT_GE(zcdp_epsilon(static_cast<double>(rho), delta),
                rho + 2 * std::sqrt(rho * -std::log(static_cast<long double>(delta))));
      const long double sigma = analytic_sigma(epsilon, delta);
      const long double real =
          cdf(0.5L / sigma - epsilon * sigma) -
          std::exp(static_cast<long double>(epsilon)) * cdf(-0.5L / sigma - epsilon * sigma);
      EXPECT_LE(real, delta) << epsilon << " " << delta;
      EXPECT_GE(real, delta * (1 - 1e-4)) << epsilon << " " << delta;
      // For one release the analytic bound is never the worse one.
      EXPECT_LE(sigma, zcdp_sigma(static_cast<double>(rho)));
    }
  }
}

TEST(PrivacyCalibration, Composition) {
  const PrivacyCost a{1, 0, 0.5}, b = pure_cost(0.5), c{1, 1e-6, zcdp_rho(1, 1e-6)};
  EXPECT_NEAR(b.rho, 0.125, 1e-12);
  EXPECT_GE(b.rho, 0.125);
  const PrivacyCost ab = together(a, b), best = beside(a, c);
  EXPECT_NEAR(ab.epsilon, 1.5, 1e-12);
  EXPECT_GE(ab.epsilon, 1.5);
  EXPECT_NEAR(ab.rho, 0.625, 1e-12);
  EXPECT_EQ(best.epsilon, 1);
  EXPECT_EQ(best.delta, 1e-6);
  EXPECT_EQ(best.rho, 0.5);
  // A hundred Gaussian releases: in rho about ten times the epsilon of one, not a hundred times.
  PrivacyCost sum;
  for (int i = 0; i < 100; ++i) sum = together(sum, c);
  EXPECT_NEAR(sum.epsilon, 100, 1e-9);
  EXPECT_NEAR(sum.epsilon_at(1e-6), sum.rho + 2 * std::sqrt(sum.rho * std::log(1e6)), 1e-6);
  EXPECT_LT(sum.epsilon_at(1e-6), 12);
  EXPECT_NEAR(sum.epsilon_at(1e-3), zcdp_epsilon(sum.rho, 1e-3), 1e-9);
  // Pure epsilon needs no delta; rho needs one.
  EXPECT_NEAR(ab.epsilon_at(0), 1.5, 1e-12);
  EXPECT_EQ(c.epsilon_at(0), std::numeric_limits<double>::infinity());
  EXPECT_EQ(PrivacyCost{}.epsilon_at(1e-6), 0);
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_EQ((PrivacyCost{infinite, 0, infinite}).epsilon_at(0.1), infinite);
}

PrivacyOptions options(NoiseMechanism mechanism, double epsilon) {
  PrivacyOptions o;
  o.mechanism = mechanism;
  o.epsilon = epsilon;
  return o;
}

TEST(PrivacyCalibration, NoiseFollowsTheSensitivity) {
  const RowBound row{3000000, static_cast<U128>(1) << 41};
  PrivacyOptions o = options(NoiseMechanism::kLaplace, 0.5);
  EXPECT_NEAR(calibrate(o, row, 10).noise.value(), 6e6, 1);
  EXPECT_GE(calibrate(o, row, 10).noise.value(), 6e6);
  EXPECT_EQ(calibrate(o, row, 10).cost.epsilon, 0.5);
  EXPECT_EQ(calibrate(o, row, 10).cost.delta, 0);
  o.neighbours = Neighbours::kReplaceOne;
  o.max_rows = 3;
  EXPECT_NEAR(calibrate(o, row, 10).noise.value(), 36e6, 1);

  o = options(NoiseMechanism::kGaussian, 1);
  const double l2 = std::sqrt(2.0) * 0x1p20;
  EXPECT_NEAR(calibrate(o, row, 10).noise.value(), 5.3499 * l2, 1e-3 * l2);
  EXPECT_NEAR(calibrate(o, row, 10).cost.rho, 0.01747, 6e-6);
  o.bound = GaussianBound::kAnalytic;
  EXPECT_NEAR(calibrate(o, row, 10).noise.value(), 4.225 * l2, 1e-3 * l2);
  // Its rho is that of its sigma, not of what zCDP would have given.
  EXPECT_NEAR(calibrate(o, row, 10).cost.rho, 0.5 / (4.225 * 4.225), 1e-4);
  o.neighbours = Neighbours::kReplaceOne;
  o.max_rows = 3;
  EXPECT_NEAR(calibrate(o, row, 10).noise.value(), 6 * 4.225 * l2, 1e-2 * l2);

  // Where the unit is coarse, the difference between discrete and continuous noise costs delta, or too much.
  o = options(NoiseMechanism::kGaussian, 1);
  o.bound = GaussianBound::kAnalytic;
  o.delta = 1e-2;
  const double coarse = calibrate(o, {1, 100}, 1).noise.value() / 10;
  EXPECT_GT(coarse, analytic_sigma(1, 1e-2) * (1 + 1e-4));
  EXPECT_THROW(calibrate(o, {1, 1}, 1), Error);

  const Guarantee none = calibrate(options(NoiseMechanism::kNone, 1), row, 10);
  EXPECT_EQ(none.noise.numerator, 0u);
  EXPECT_EQ(none.cost.epsilon, std::numeric_limits<double>::infinity());
}

TEST(PrivacyCalibration, RefusesBadOptions) {
  const RowBound row{1 << 20, static_cast<U128>(1) << 40};
  for (const double epsilon :
       {0.0, -1.0, 1e-10, 101.0, static_cast<double>(NAN), static_cast<double>(INFINITY)})
    EXPECT_THROW(calibrate(options(NoiseMechanism::kLaplace, epsilon), row, 1), Error) << epsilon;
  for (const double delta : {0.0, 1.0, -1e-6, static_cast<double>(NAN)}) {
    PrivacyOptions o = options(NoiseMechanism::kGaussian, 1);
    o.delta = delta;
    EXPECT_THROW(calibrate(o, row, 1), Error) << delta;
  }
  PrivacyOptions o = options(NoiseMechanism::kGaussian, 1);
  o.max_rows = 0;
  EXPECT_THROW(calibrate(o, row, 1), Error);
  // Too much noise for 64 bits.
  EXPECT_THROW(calibrate(options(NoiseMechanism::kLaplace, 1e-9), {uint64_t{1} << 40, 1}, 1), Error);
}

TEST(PrivacyCalibration, FixedPoint) {
  EXPECT_EQ(to_fixed(1), kFixedOne);
  EXPECT_EQ(to_fixed(-1), -kFixedOne);
  EXPECT_EQ(to_fixed(1e300), kFixedOne);
  EXPECT_EQ(to_fixed(-INFINITY), -kFixedOne);
  EXPECT_EQ(to_fixed(INFINITY), kFixedOne);
  EXPECT_EQ(to_fixed(NAN), 0);
  EXPECT_EQ(to_fixed(0x1.8p-20), 2);
  EXPECT_EQ(to_fixed(0x1.0p-21), 0);
  EXPECT_THROW(check_rows(kMaxPrivateRows + 1), Error);
  check_rows(kMaxPrivateRows);
}

TEST(PrivacyCalibration, NoiseIsAdded) {
  SeededEntropy entropy(8);
  RandomBits bits(entropy.source());
  for (const NoiseMechanism mechanism : {NoiseMechanism::kLaplace, NoiseMechanism::kGaussian}) {
    const Guarantee g = calibrate(options(mechanism, 1), {1 << 20, static_cast<U128>(1) << 40}, 20000);
    std::vector<int64_t> values(20000, 1000);
    add_noise(g, values.data(), values.size(), bits);
    double square = 0;
    for (const int64_t v : values) square += std::pow(static_cast<double>(v - 1000) / g.noise_std(), 2);
    EXPECT_NEAR(square / 20000, 1, 0.06);
  }
  std::vector<int64_t> values(3, 7);
  add_noise(calibrate(options(NoiseMechanism::kNone, 1), {1, 1}, 3), values.data(), 3, bits);
  EXPECT_EQ(values, std::vector<int64_t>(3, 7));
  FailingEntropy failing;
  RandomBits no_bits(failing.source());
  EXPECT_THROW(
      add_noise(calibrate(options(NoiseMechanism::kGaussian, 1), {1, 1}, 3), values.data(), 3, no_bits),
      Error);
}

TEST(PrivacyCalibration, GuaranteeImage) {
  PrivacyOptions o = options(NoiseMechanism::kGaussian, 0.7);
  o.bound = GaussianBound::kAnalytic;
  o.neighbours = Neighbours::kReplaceOne;
  o.max_rows = 9;
  o.delta = 1e-7;
  const Guarantee g = calibrate(o, {1 << 20, static_cast<U128>(1) << 44}, 100);
  ByteWriter out = begin_image(PrivateImage::kKdeSketch);
  write_guarantee(out, g);
  std::vector<uint8_t> image = end_image(std::move(out));
  ByteReader in = open_image(PrivateImage::kKdeSketch, image.data(), image.size());
  const Guarantee back = read_guarantee(in);
  in.end();
  EXPECT_EQ(back.facts(), g.facts());
  EXPECT_EQ(back.noise.numerator, g.noise.numerator);
  EXPECT_EQ(image_kind(image.data(), image.size()), PrivateImage::kKdeSketch);
  EXPECT_THROW(open_image(PrivateImage::kMomentSketch, image.data(), image.size()), Error);
  for (size_t i = 0; i < image.size(); ++i) {
    image[i] ^= 0x10;
    EXPECT_THROW(open_image(PrivateImage::kKdeSketch, image.data(), image.size()), Error) << i;
    image[i] ^= 0x10;
  }
  for (size_t n = 0; n < image.size(); ++n)
    EXPECT_THROW(open_image(PrivateImage::kKdeSketch, image.data(), n), Error) << n;
}

}  // namespace
}  // namespace lowdim::core
