// The exact samplers: probabilities (chi-squared over single values, for scales from far below 1 to 2^40),
// moments and tails. Each statistic is also given a sampler that is broken in a way it is there for, and must
// reject it. Seeds are fixed, so that a test either always passes or never.

#include "core/privacy/samplers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <vector>

#include "core/base/error.h"
#include "privacy_fixture.h"

namespace lowdim::core {
namespace {

using Sampler = std::function<int64_t()>;
using Weight = std::function<double(int64_t)>;

// (chi^2 - k) / sqrt(2 k) of n samples against the distribution proportional to `weight`, in cells of single
// values where at least 20 are expected, one for the rest of either side. About standard normal.
double chi_squared(const Sampler& sample, const Weight& weight, int64_t reach, size_t n) {
  std::vector<double> p(static_cast<size_t>(2 * reach + 1));
  double total = 0;
  for (int64_t y = -reach; y <= reach; ++y) total += p[static_cast<size_t>(y + reach)] = weight(y);
  std::vector<double> seen(p.size());
  for (size_t i = 0; i < n; ++i) seen[static_cast<size_t>(std::clamp(sample(), -reach, reach) + reach)] += 1;
  double chi = 0, cells = 0, expected = 0, got = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    expected += p[i] / total * static_cast<double>(n);
    got += seen[i];
    double beyond = 0;
    for (size_t j = i + 1; j < p.size() && beyond < 20; ++j) beyond += p[j] / total * static_cast<double>(n);
    if (i + 1 < p.size() && (expected < 20 || beyond < 20)) continue;
    chi += (got - expected) * (got - expected) / expected;
    cells += 1;
    expected = got = 0;
  }
  return (chi - (cells - 1)) / std::sqrt(2 * (cells - 1));
}

constexpr double kReject = 5;
constexpr size_t kSamples = 100000;

Weight laplace(double scale) {
  return [=](int64_t y) { return std::exp(-std::abs(static_cast<double>(y)) / scale); };
}
Weight gaussian(double sigma) {
  return [=](int64_t y) {
    return std::exp(-static_cast<double>(y) * static_cast<double>(y) / (2 * sigma * sigma));
  };
}

// Scales numerator / 2^shift.
constexpr NoiseScale kScales[] = {{1, 2}, {1, 0}, {5, 1}, {29, 3}, {1000, 4}};

TEST(PrivacySamplers, LaplaceHasItsProbabilities) {
  SeededEntropy entropy(1);
  RandomBits bits(entropy.source());
  for (const NoiseScale scale : kScales) {
    const double z =
        chi_squared([&] { return discrete_laplace(bits, scale); }, laplace(scale.value()), 1500, kSamples);
    EXPECT_LT(std::abs(z), kReject) << scale.value();
  }
}

TEST(PrivacySamplers, GaussianHasItsProbabilities) {
  SeededEntropy entropy(2);
  RandomBits bits(entropy.source());
  for (const NoiseScale sigma : kScales) {
    const double z =
        chi_squared([&] { return discrete_gaussian(bits, sigma); }, gaussian(sigma.value()), 600, kSamples);
    EXPECT_LT(std::abs(z), kReject) << sigma.value();
  }
}

TEST(PrivacySamplers, ChiSquaredRejectsBrokenSamplers) {
  SeededEntropy entropy(3);
  RandomBits bits(entropy.source());
  constexpr NoiseScale scale{29, 3};
  const double s = scale.value();
  const auto z = [&](const Sampler& sample, const Weight& weight) {
    return chi_squared(sample, weight, 600, kSamples);
  };
  // Zero with both signs: twice as often as it should be.
  EXPECT_GT(z(
                [&] {
                  const int64_t y = discrete_laplace(bits, scale);
                  return y == 1 && bits.below(8) == 0 ? 0 : y;
                },
                laplace(s)),
            kReject);
  EXPECT_GT(z([&] { return discrete_laplace(bits, {30, 3}); }, laplace(s)), kReject);    // 3 % too wide
  EXPECT_GT(z([&] { return discrete_gaussian(bits, {30, 3}); }, gaussian(s)), kReject);  // the same
  EXPECT_GT(z([&] { return discrete_laplace(bits, {4, 0}); }, laplace(s)), kReject);     // no fraction
  EXPECT_GT(z([&] { return discrete_laplace(bits, scale); }, gaussian(s)), kReject);     // never rejected
  EXPECT_GT(z([&] { return std::abs(discrete_gaussian(bits, scale)); }, gaussian(s)), kReject);  // no sign
  // A Gaussian cut at three sigma.
  EXPECT_GT(z(
                [&] {
                  for (;;) {
                    const int64_t y = discrete_gaussian(bits, scale);
                    if (std::abs(static_cast<double>(y)) <= 3 * s) return y;
                  }
                },
                gaussian(s)),
            kReject);
}

// Mean, variance, kurtosis and the shares beyond some multiples of the scale, in standard errors.
struct Moments {
  double mean, variance, kurtosis;
  std::vector<double> beyond;
};
Moments moments(const Sampler& sample, double unit, const std::vector<double>& at, size_t n) {
  Moments m{0, 0, 0, std::vector<double>(at.size())};
  for (size_t i = 0; i < n; ++i) {
    const double x = static_cast<double>(sample()) / unit;
    m.mean += x;
    m.variance += x * x;
    m.kurtosis += x * x * x * x;
    for (size_t k = 0; k < at.size(); ++k) m.beyond[k] += std::abs(x) > at[k] ? 1 : 0;
  }
  const double d = static_cast<double>(n);
  m.mean /= d, m.variance /= d, m.kurtosis /= d;
  for (double& b : m.beyond) b /= d;
  return m;
}
double errors(double share, double expected, size_t n) {
  return (share - expected) / std::sqrt(expected * (1 - expected) / static_cast<double>(n));
}

// At scales that noise has in earnest the two are continuous for every purpose.
TEST(PrivacySamplers, MomentsAndTailsAtLargeScales) {
  SeededEntropy entropy(4);
  RandomBits bits(entropy.source());
  constexpr size_t n = 200000;
  for (const NoiseScale scale :
       {NoiseScale{(uint64_t{1} << 51) + 12345, 30}, NoiseScale{uint64_t{1} << 40, 0},
        NoiseScale{NoiseScale::kMaxNumerator, 0}}) {
    const Moments l = moments([&] { return discrete_laplace(bits, scale); }, scale.value(), {1, 3, 7}, n);
    const double root = std::sqrt(static_cast<double>(n));
    EXPECT_LT(std::abs(l.mean) / std::sqrt(2.0) * root, 4);
    EXPECT_LT(std::abs(l.variance - 2) / std::sqrt(20.0) * root, 4);  // E x^4 - (E x^2)^2 = 24 - 4
    for (size_t k = 0; k < 3; ++k)
      EXPECT_LT(std::abs(errors(l.beyond[k], std::exp(-(k == 0 ? 1.0 : k == 1 ? 3.0 : 7.0)), n)), 4);
    const Moments g = moments([&] { return discrete_gaussian(bits, scale); }, scale.value(), {1, 2, 4}, n);
    EXPECT_LT(std::abs(g.mean) * root, 4);
    EXPECT_LT(std::abs(g.variance - 1) / std::sqrt(2.0) * root, 4);
    EXPECT_LT(std::abs(g.kurtosis - 3) / std::sqrt(96.0) * root, 4);  // E x^8 - 9 = 96
    for (size_t k = 0; k < 3; ++k)
      EXPECT_LT(
          std::abs(errors(g.beyond[k], std::erfc(std::exp2(static_cast<double>(k)) / std::sqrt(2.0)), n)), 4);
  }
}

TEST(PrivacySamplers, MomentsAndTailsRejectBrokenSamplers) {
  SeededEntropy entropy(5);
  RandomBits bits(entropy.source());
  constexpr size_t n = 200000;
  constexpr NoiseScale scale{uint64_t{1} << 40, 0}, wide{(uint64_t{1} << 40) / 100 * 101, 0};
  const double root = std::sqrt(static_cast<double>(n));
  EXPECT_GT(
      std::abs(moments([&] { return discrete_gaussian(bits, wide); }, scale.value(), {}, n).variance - 1) /
          std::sqrt(2.0) * root,
      4);
  // A sum of twelve uniforms: right mean and variance, no tails, and too little kurtosis.
  const auto bell = [&] {
    int64_t sum = 0;
    for (int i = 0; i < 12; ++i) sum += static_cast<int64_t>(bits.below(uint64_t{1} << 40));
    return sum - (int64_t{6} << 40);
  };
  const Moments m = moments(bell, scale.value(), {4}, n);
  EXPECT_LT(std::abs(m.variance - 1) / std::sqrt(2.0) * root, 4);
  EXPECT_GT(std::abs(m.kurtosis - 3) / std::sqrt(96.0) * root, 4);
}

// exp(-x) for x below and above 1, and of a Gaussian's acceptance with numbers of more than 64 bits.
TEST(PrivacySamplers, BernoulliExp) {
  SeededEntropy entropy(6);
  RandomBits bits(entropy.source());
  const U128 big = static_cast<U128>(1) << 100;
  const struct {
    U128 numerator, denominator;
    double p;
  } cases[] = {{0, 1, 1},
               {1, 3, std::exp(-1.0 / 3)},
               {1, 1, std::exp(-1.0)},
               {7, 3, std::exp(-7.0 / 3)},
               {big + big / 2, big, std::exp(-1.5)}};
  for (const auto& c : cases) {
    double seen = 0;
    for (size_t i = 0; i < kSamples; ++i) seen += bernoulli_exp(bits, c.numerator, c.denominator) ? 1 : 0;
    if (c.p == 1) {
      EXPECT_EQ(seen, kSamples);
    } else {
      EXPECT_LT(std::abs(errors(seen / kSamples, c.p, kSamples)), 4) << c.p;
    }
  }
}

TEST(PrivacySamplers, BelowIsUniform) {
  SeededEntropy entropy(7);
  RandomBits bits(entropy.source());
  for (const uint64_t bound : {1u, 2u, 3u, 100u, 256u, 257u}) {
    std::vector<double> seen(bound);
    for (size_t i = 0; i < kSamples; ++i) seen[static_cast<size_t>(bits.below(bound))] += 1;
    double chi = 0;
    const double expected = static_cast<double>(kSamples) / static_cast<double>(bound);
    for (const double s : seen) chi += (s - expected) * (s - expected) / expected;
    const double cells = static_cast<double>(bound) - 1;
    if (bound > 1) {
      EXPECT_LT((chi - cells) / std::sqrt(2 * cells), kReject) << bound;
    }
  }
  // The high word too.
  const U128 bound = (static_cast<U128>(3) << 100) + 1;
  size_t above = 0;
  for (size_t i = 0; i < 3000; ++i) {
    const U128 x = bits.below(bound);
    ASSERT_LT(x, bound);
    above += x >> 101 != 0 ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(above), 1000, 150);
}

TEST(PrivacySamplers, ScalesRoundUp) {
  for (const double v : {0x1p-60, 1e-9, 0.3, 1.0, 5.35 * 0x1p20, 1e15, 0x1p52 - 1}) {
    const NoiseScale scale = NoiseScale::at_least(v);
    EXPECT_GE(scale.value(), v);
    if (v > 1e-3) {
      EXPECT_LE(scale.value(), v * (1 + 0x1p-49)) << v;
    }
    EXPECT_LE(scale.numerator, NoiseScale::kMaxNumerator);
    EXPECT_LE(scale.shift, NoiseScale::kMaxShift);
  }
  EXPECT_THROW(NoiseScale::at_least(0x1p52), Error);
  EXPECT_THROW(NoiseScale::at_least(INFINITY), Error);
  EXPECT_THROW(NoiseScale::at_least(0), Error);
  EXPECT_THROW(NoiseScale::at_least(NAN), Error);
}

// A source that fails at any time gives an error, never a sample.
TEST(PrivacySamplers, NoBytesNoNoise) {
  for (const int good : {0, 1, 2}) {
    FailingEntropy entropy{good};
    RandomBits bits(entropy.source());
    const auto draw = [&] {
      for (int i = 0; i < 1000; ++i) discrete_gaussian(bits, {uint64_t{1} << 45, 3});
    };
    EXPECT_THROW(draw(), Error) << good;
  }
  RandomBits none(Entropy{});
  EXPECT_THROW(none.bit(), Error);
}

}  // namespace
}  // namespace lowdim::core
