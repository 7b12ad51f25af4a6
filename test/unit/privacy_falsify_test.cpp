// Tries to prove the stated privacy wrong. For each structure, mechanism and neighbour relation, two
// neighbouring data sets that differ by as much as they can are released many times; the likelihood ratio of
// the two, the statistic that tells them apart best, makes the events, and where the probability of one
// exceeds e^epsilon times that of the other by more than delta and chance, the claim is false. The same
// procedure must convict mechanisms that are broken as published code is: noise divided by the number of
// rows, and sensitivity of adding one row where one is replaced.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "core/privacy/distances.h"
#include "core/privacy/kde.h"
#include "core/privacy/moments.h"
#include "privacy_fixture.h"

namespace lowdim::core {
namespace {

constexpr double kEpsilon = 1, kDelta = 1e-3;
constexpr int kRuns = 16000;
constexpr double kConvict = 5;  // standard errors, over some hundred events

struct Released {
  std::vector<int64_t> values;
  int64_t weight;
  Guarantee guarantee;
};

// A data set that can be released again and again.
struct Case {
  std::function<Released(const PrivacyOptions&, RandomBits&)> release;
  int64_t rows;
};

template <class Sketch, class Sums>
Case case_of(const Sums& sums) {
  return {[sums](const PrivacyOptions& privacy, RandomBits& bits) {
            const Sketch sketch(sums, privacy, bits);
            return Released{sketch.values(), sketch.weight(), sketch.guarantee()};
          },
          sums.rows()};
}

std::vector<double> exact(const Case& data, int64_t weight, RandomBits& bits) {
  PrivacyOptions none;
  none.mechanism = NoiseMechanism::kNone;
  const Released r = data.release(none, bits);
  std::vector<double> values(r.values.begin(), r.values.end());
  values.back() = static_cast<double>(data.rows * weight);
  return values;
}

struct Mechanism {
  const char* name;
  NoiseMechanism mechanism;
  GaussianBound bound;

  // What is put to the test, as pairs of epsilon and delta. Gaussian noise of a given rho promises a curve of
  // them, on which an epsilon below the one asked for is easier to refute.
  std::vector<std::pair<double, double>> claims() const {
    if (mechanism == NoiseMechanism::kLaplace) return {{kEpsilon, 0}};
    const double sigma = bound == GaussianBound::kAnalytic ? analytic_sigma(kEpsilon, kDelta)
                                                           : zcdp_sigma(zcdp_rho(kEpsilon, kDelta));
    return {
        {kEpsilon, kDelta}, {kEpsilon, analytic_delta(sigma, kEpsilon)}, {0.25, analytic_delta(sigma, 0.25)}};
  }
};
constexpr Mechanism kMechanisms[] = {{"laplace", NoiseMechanism::kLaplace, GaussianBound::kZcdp},
                                     {"zcdp", NoiseMechanism::kGaussian, GaussianBound::kZcdp},
                                     {"analytic", NoiseMechanism::kGaussian, GaussianBound::kAnalytic}};

// Most standard errors by which an event refutes that releases that spend `spent` keep what `claim` promises.
double conviction(const Case& a, const Case& b, const PrivacyOptions& spent, const Mechanism& claim,
                  RandomBits& bits) {
  std::vector<double> ratio[2], all;
  const Released first = a.release(spent, bits);
  const std::vector<double> fa = exact(a, first.weight, bits), fb = exact(b, first.weight, bits);
  const double scale = first.guarantee.noise.value();
  const bool laplace = spent.mechanism == NoiseMechanism::kLaplace;
  for (int i = 0; i < kRuns; ++i) {
    for (int of = 0; of < 2; ++of) {
      const Released r = (of == 0 ? a : b).release(spent, bits);
      double log_ratio = 0;
      for (size_t k = 0; k < fa.size(); ++k) {
        const double da = (static_cast<double>(r.values[k]) - fa[k]) / scale;
        const double db = (static_cast<double>(r.values[k]) - fb[k]) / scale;
        log_ratio += laplace ? std::abs(db) - std::abs(da) : (db * db - da * da) / 2;
      }
      ratio[of].push_back(log_ratio);
      all.push_back(log_ratio);
    }
  }
  for (auto& r : ratio) std::sort(r.begin(), r.end());
  std::sort(all.begin(), all.end());
  double worst = -1e9;
  for (size_t i = all.size() / 100; i < all.size(); i += all.size() / 100) {
    const auto above = [&](int of) {
      return static_cast<double>(ratio[of].end() -
                                 std::upper_bound(ratio[of].begin(), ratio[of].end(), all[i])) /
             kRuns;
    };
    const double pa = above(0), pb = above(1);
    const auto test = [&](double p, double q) {
      for (const auto& [epsilon, delta] : claim.claims()) {
        const double grown = std::exp(epsilon);
        const double spread = (p * (1 - p) + grown * grown * q * (1 - q) + 1.0 / kRuns) / kRuns;
        worst = std::max(worst, (p - grown * q - delta) / std::sqrt(spread));
      }
    };
    test(pa, pb);
    test(1 - pb, 1 - pa);
  }
  return worst;
}

PrivacyOptions budget(const Mechanism& m, Neighbours neighbours) {
  PrivacyOptions o;
  o.mechanism = m.mechanism;
  o.bound = m.bound;
  o.epsilon = kEpsilon;
  o.delta = kDelta;
  o.neighbours = neighbours;
  return o;
}

// `without` is `base` less a row, `replaced` is `base` with that row replaced.
void try_all(const Case& base, const Case& without, const Case& replaced, uint64_t seed) {
  SeededEntropy entropy(seed);
  RandomBits bits(entropy.source());
  for (const Mechanism& m : kMechanisms) {
    const PrivacyOptions add = budget(m, Neighbours::kAddRemove),
                         replace = budget(m, Neighbours::kReplaceOne);
    EXPECT_LT(conviction(base, without, add, m, bits), kConvict) << m.name;
    EXPECT_LT(conviction(base, replaced, replace, m, bits), kConvict) << m.name;
    // The factor 2 forgotten.
    EXPECT_GT(conviction(base, replaced, add, m, bits), kConvict) << m.name;
    // Noise divided by the number of rows: here 10 of them.
    PrivacyOptions divided = add;
    divided.epsilon *= 10;
    EXPECT_GT(conviction(base, without, divided, m, bits), kConvict) << m.name;
  }
}

// One feature of one dimension: rows of phases 1/8 and 5/8 turn, whose pairs are opposite and have the
// largest sum of absolute values.
TEST(PrivacyFalsify, Kde) {
  KdeOptions options;
  options.dims = 1;
  options.features = 1;
  KdeFeatures features(options);
  const float one = 1;
  const double turn = static_cast<double>(features.phases(&one)[0]);
  const float x = static_cast<float>(0.125 / turn), opposite = static_cast<float>(0.625 / turn), other = 0.3f;
  const auto data = [&](const std::vector<float>& rows) {
    KdeSums sums(options);
    for (const float& row : rows) sums.add(&row);
    return case_of<KdeSketch>(sums);
  };
  try_all(data({other, x}), data({other}), data({other, opposite}), 1);
}

TEST(PrivacyFalsify, Moments) {
  MomentOptions options;
  options.dims = 1;
  options.radius = 3;
  const auto data = [&](const std::vector<float>& rows) {
    MomentSums sums(options);
    for (const float& row : rows) sums.add(&row);
    return case_of<MomentSketch>(sums);
  };
  // Beyond the radius: cut.
  try_all(data({1, 100}), data({1}), data({1, -100}), 2);
}

TEST(PrivacyFalsify, Distances) {
  DistanceOptions options;
  options.dims = 1;
  options.depth = 1;
  const auto data = [&](const std::vector<float>& rows) {
    DistanceSums sums(options);
    for (const float& row : rows) sums.add(&row);
    return case_of<DistanceSketch>(sums);
  };
  try_all(data({0.25, 0}), data({0.25}), data({0.25, 7}), 3);
}

// Several rows a unit: both rows of one unit go.
TEST(PrivacyFalsify, RowsOfAUnit) {
  MomentOptions options;
  options.dims = 1;
  options.normalize = true;
  MomentSums with(options), without(options);
  const float x = 1, other = -1;
  with.add(&x), with.add(&x), with.add(&other), without.add(&other);
  const Case a = case_of<MomentSketch>(with), b = case_of<MomentSketch>(without);
  SeededEntropy entropy(4);
  RandomBits bits(entropy.source());
  for (const Mechanism& m : kMechanisms) {
    PrivacyOptions o = budget(m, Neighbours::kAddRemove);
    EXPECT_GT(conviction(a, b, o, m, bits), kConvict) << m.name;
    o.max_rows = 2;
    EXPECT_LT(conviction(a, b, o, m, bits), kConvict) << m.name;
  }
}

}  // namespace
}  // namespace lowdim::core
