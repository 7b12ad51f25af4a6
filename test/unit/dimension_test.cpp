// Neighbours, estimators, spectrum, labels: values worked out by hand, published ones, and answers to input
// that has no dimension.
#include "core/dimension/estimators.h"

#include <gtest/gtest.h>

#include <functional>

#include "core/dimension/danco.h"
#include "core/dimension/ess.h"
#include "core/dimension/labels.h"
#include "core/dimension/spectrum.h"
#include "dimension_manifolds.h"

namespace lowdim::core {
namespace {

using test::manifold_named;
using test::rows_in;
using test::sample_of;

Matrix cube(size_t n, size_t dims, uint64_t seed) {
  Random random(seed);
  Matrix x(static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(dims));
  for (float& c : x.reshaped<Eigen::RowMajor>()) c = static_cast<float>(random.uniform());
  return x;
}

// A table of given distances; one row a point.
NeighbourTable table_of(const std::vector<std::vector<float>>& rows) {
  NeighbourTable t;
  t.n = t.base = rows.size();
  t.base = std::max<size_t>(t.base, 100);
  t.k = static_cast<uint32_t>(rows[0].size());
  for (const auto& row : rows) {
    t.distances.insert(t.distances.end(), row.begin(), row.end());
    t.found.push_back(t.k);
    t.zeros.push_back(0);
  }
  t.ids.assign(t.distances.size(), 0);
  return t;
}

TEST(Neighbours, AreThoseOfASort) {
  // Sizes below and above a block of rows, with duplicates.
  for (const auto& [n, dims] : {std::pair<size_t, size_t>{1, 3}, {2, 1}, {130, 7}, {300, 1000}}) {
    Matrix x = cube(n, dims, n);
    if (n > 20) x.row(17) = x.row(3);
    const uint32_t k = 9;
    const NeighbourTable table = nearest_of_sample(rows_in(x), k, Stop{});
    const std::vector<uint32_t> own = [&] {
      std::vector<uint32_t> all(n);
      for (size_t i = 0; i < n; ++i) all[i] = static_cast<uint32_t>(i);
      return all;
    }();
    const NeighbourTable other = nearest_in_base(rows_in(x), rows_in(x), own.data(), k, Stop{});
    for (size_t i = 0; i < n; ++i) {
      std::vector<double> d;
      for (size_t j = 0; j < n; ++j) {
        const double r =
            (x.row(static_cast<Eigen::Index>(i)) - x.row(static_cast<Eigen::Index>(j))).cast<double>().norm();
        if (j != i && r > 0) d.push_back(r);
      }
      std::sort(d.begin(), d.end());
      const size_t found = std::min<size_t>(k, d.size());
      ASSERT_EQ(table.found[i], found);
      ASSERT_EQ(other.found[i], found);
      ASSERT_EQ(table.zeros[i], n > 20 && (i == 3 || i == 17) ? 1u : 0u);
      ASSERT_EQ(other.zeros[i], table.zeros[i]);
      for (size_t j = 0; j < found; ++j) {
        EXPECT_NEAR(table.row(i)[j], d[j], 1e-5 * d[j]);
        EXPECT_EQ(other.row(i)[j], table.row(i)[j]);
        const Eigen::Index id = static_cast<Eigen::Index>(table.ids_of(i)[j]);
        EXPECT_NEAR((x.row(static_cast<Eigen::Index>(i)) - x.row(id)).norm(), table.row(i)[j], 1e-5 * d[j]);
      }
    }
    EXPECT_EQ(table.duplicated(), n > 20 ? 2.0 / static_cast<double>(n) : 0.0);
  }
}

TEST(Neighbours, RefuseWhatTheyCannotMeasure) {
  const Matrix x = cube(5, 3, 1);
  EXPECT_THROW(nearest_of_sample(rows_in(x), 0, Stop{}), Error);
  EXPECT_THROW(nearest_of_sample(rows_in(x), 1001, Stop{}), Error);
  const Matrix huge = x * 1e30f;
  EXPECT_THROW(nearest_of_sample(rows_in(huge), 2, Stop{}), Error);
  EXPECT_THROW(nearest_in_base({x.data(), 5, 3}, {x.data(), 3, 5}, nullptr, 2, Stop{}), Error);
  const Stop now{[](void*) { return true; }, nullptr};
  EXPECT_THROW(nearest_of_sample(rows_in(x), 2, now), Stopped);
  EXPECT_THROW(nearest_in_base(rows_in(x), rows_in(x), nullptr, 2, now), Stopped);
}

TEST(Neighbours, ScalingIsExact) {
  const Matrix x = cube(200, 5, 3);
  const double plain = mackay_ghahramani(nearest_of_sample(rows_in(x), 10, Stop{}), 10).value;
  for (const float size : {0x1p100f, 0x1p-100f}) {
    std::vector<float> rows(x.data(), x.data() + x.size());
    for (float& v : rows) v *= size;
    const double factor = scale_rows(rows);
    EXPECT_EQ(rows[7], x.data()[7] * static_cast<float>(static_cast<double>(size) * factor));
    EXPECT_EQ(mackay_ghahramani(nearest_of_sample({rows.data(), 200, 5}, 10, Stop{}), 10).value, plain);
  }
  std::vector<float> ordinary = {3, -4}, zero = {0, 0};
  EXPECT_EQ(scale_rows(ordinary), 1);
  EXPECT_EQ(scale_rows(zero), 1);
}

TEST(Estimators, WorkedByHand) {
  // Points with T = (1, 2, 4) and (1, 1, 2): logs of T_3 / T_j are 2 ln 2 + ln 2 and 2 ln 2.
  const NeighbourTable t = table_of({{1, 2, 4}, {1, 1, 2}});
  const double ln2 = std::log(2.0);
  EXPECT_NEAR(mackay_ghahramani(t, 3).value, 2 * 2 / (5 * ln2), 1e-12);
  EXPECT_NEAR(mean_local(t, 3).value, (2 / (3 * ln2) + 2 / (2 * ln2)) / 2, 1e-12);
  EXPECT_NEAR(two_nn_ml(t).value, 1 / ln2, 1e-12);  // (N - 1) / (ln 2 + ln 1)
  EXPECT_NEAR(two_nn_ml(t).standard_error, 1 / ln2 / std::sqrt(2.0), 1e-12);
  const Estimate e = mackay_ghahramani(t, 3);
  EXPECT_EQ(e.points, 2u);
  EXPECT_EQ(e.base, 100u);
  EXPECT_EQ(e.k, 3u);
  EXPECT_EQ(e.reason, nullptr);
}

TEST(Estimators, DivisorIsKMinusOne) {
  // With k - 2 in its place, MG at k = 3 is half. Both the pooled estimate and each point's own tell.
  const Matrix x = sample_of(manifold_named("M7_Roll"), 2500, 1);
  const NeighbourTable table = nearest_of_sample(rows_in(x), 20, Stop{});
  EXPECT_NEAR(mackay_ghahramani(table, 3).value, 2, 0.1);
  EXPECT_NEAR(mackay_ghahramani(table, 20).value, 2, 0.1);
  // The mean of the values, in contrast, is too large by (k-1)/(k-2).
  EXPECT_NEAR(mean_local(table, 20).value / mackay_ghahramani(table, 20).value, 19.0 / 18, 0.02);
}

TEST(Estimators, LocalDimensionOfAList) {
  const double ln2 = std::log(2.0);
  const double d[] = {4, 0, 1, 2};  // any order, the zero dropped
  const Estimate e = local_dimension(d, 4);
  EXPECT_NEAR(e.value, 2 / (3 * ln2), 1e-12);
  EXPECT_NEAR(e.standard_error, e.value / std::sqrt(2.0), 1e-12);
  EXPECT_EQ(e.k, 3u);
  const double wide[] = {1e-300, 1e300};
  EXPECT_NEAR(local_dimension(wide, 2).value, 1 / (600 * std::log(10.0)), 1e-12);
  for (const auto& [bad, reason] : std::vector<std::pair<std::vector<double>, const char*>>{
           {{}, kTooFewNeighbours},
           {{1}, kTooFewNeighbours},
           {{0, 0, 0}, kTooFewNeighbours},
           {{0, 3}, kTooFewNeighbours},
           {{2, 2, 2}, kEquallyFar},
           {{1, -1}, "distances must be finite and not negative"},
           {{1, NAN}, "distances must be finite and not negative"},
           {{1, INFINITY}, "distances must be finite and not negative"}}) {
    const Estimate none = local_dimension(bad.data(), bad.size());
    EXPECT_FALSE(none.known());
    EXPECT_STREQ(none.reason, reason);
  }
}

TEST(Estimators, LikelihoodsHaveTheirMaximumThere) {
  const Matrix x = cube(800, 6, 2);
  const NeighbourTable table = nearest_of_sample(rows_in(x), 21, Stop{});
  const auto logs = [&](uint32_t near, uint32_t far) {
    std::vector<double> l;
    for (size_t i = 0; i < table.n; ++i) {
      l.push_back(std::log(static_cast<double>(table.row(i)[far - 1])) -
                  std::log(static_cast<double>(table.row(i)[near - 1])));
    }
    return l;
  };
  // As the densities are written, without the constants.
  const auto gride_likelihood = [&](double d, double k, const std::vector<double>& l) {
    double sum = 0;
    for (const double x : l) {
      sum += std::log(d) + (k > 1 ? (k - 1) * std::log(std::expm1(d * x)) : 0) - (d * (2 * k - 1) + 1) * x;
    }
    return sum;
  };
  const auto mind_likelihood = [&](double d, double k, const std::vector<double>& l) {
    double sum = 0;
    for (const double x : l) sum += std::log(k * d) - (d - 1) * x + (k - 1) * std::log(-std::expm1(-d * x));
    return sum;
  };
  const auto check = [](const Estimate& e, const std::function<double(double)>& likelihood) {
    ASSERT_TRUE(e.known());
    const double top = likelihood(e.value);
    for (const double off : {0.5, 0.9, 0.999, 1.001, 1.1, 2.0}) EXPECT_LT(likelihood(e.value * off), top);
    // The standard error is the curvature's.
    const double h = 1e-3 * e.value;
    const double bend = (likelihood(e.value + h) - 2 * top + likelihood(e.value - h)) / (h * h);
    EXPECT_NEAR(e.standard_error, 1 / std::sqrt(-bend), 1e-3 * e.standard_error);
  };
  for (const uint32_t k : {1u, 2u, 4u, 8u, 10u}) {
    const auto l = logs(k, 2 * k);
    check(gride(table, k), [&](double d) { return gride_likelihood(d, k, l); });
  }
  for (const uint32_t k : {1u, 2u, 10u, 20u}) {
    const auto l = logs(1, k + 1);
    check(mind_ml(table, k), [&](double d) { return mind_likelihood(d, k, l); });
    EXPECT_NEAR(mind_ml_integer(table, k, 30).value, mind_ml(table, k).value, 1);
  }
  EXPECT_EQ(mind_ml_integer(table, 10, 3).value, 3);
  // Gride at its finest scale is TwoNN.
  EXPECT_NEAR(gride(table, 1).value, two_nn_ml(table).value * 800 / 799, 1e-9);
  const auto scales = gride_scales(table);
  ASSERT_EQ(scales.size(), 4u);  // 1, 2, 4, 8
  EXPECT_EQ(scales[3].value, gride(table, 8).value);
}

TEST(Estimators, KnowTheDimensionOfACube) {
  for (const size_t d : {1, 2, 4}) {
    const Matrix x = cube(2000, d, d);
    const double truth = static_cast<double>(d);
    const NeighbourTable table = nearest_of_sample(rows_in(x), 21, Stop{});
    EXPECT_NEAR(mackay_ghahramani(table, 20).value, truth, 0.1 * truth);
    EXPECT_NEAR(two_nn_ml(table).value, truth, 0.1 * truth);
    EXPECT_NEAR(gride(table, 8).value, truth, 0.1 * truth);
    EXPECT_NEAR(mind_ml(table, 20).value, truth, 0.1 * truth);
    EXPECT_EQ(mind_ml_integer(table, 20, 20).value, truth);
    EXPECT_NEAR(correlation_dimension(rows_in(x), table, 10, 20, Stop{}).value, truth, 0.15 * truth);
    EXPECT_NEAR(ess_of_sample(EssVersion::kSine, rows_in(x), table, 20, Stop{}).value, truth, 0.15 * truth);
    EXPECT_NEAR(ess_of_sample(EssVersion::kCosine, rows_in(x), table, 20, Stop{}).value, truth, 0.15 * truth);
  }
}

TEST(Estimators, CorrelationCountsEveryPair) {
  const Matrix x = cube(300, 3, 9);
  const NeighbourTable table = nearest_of_sample(rows_in(x), 20, Stop{});
  std::vector<double> near, far, all;
  for (size_t i = 0; i < 300; ++i) {
    near.push_back(table.row(i)[9]);
    far.push_back(table.row(i)[19]);
    for (size_t j = 0; j < 300; ++j) {
      if (i != j)
        all.push_back((x.row(static_cast<Eigen::Index>(i)) - x.row(static_cast<Eigen::Index>(j))).norm());
    }
  }
  std::sort(near.begin(), near.end());
  std::sort(far.begin(), far.end());
  const double r1 = near[150], r2 = far[150];
  const auto within = [&](double r) {
    return static_cast<double>(std::count_if(all.begin(), all.end(), [&](double d) { return d < r; }));
  };
  EXPECT_NEAR(correlation_dimension(rows_in(x), table, 10, 20, Stop{}).value,
              std::log(within(r2) / within(r1)) / std::log(r2 / r1), 2e-2);
}

// Every estimator on x, with the neighbours it would have asked for.
std::vector<Estimate> all_estimates(const Matrix& x, uint32_t k) {
  const NeighbourTable t = nearest_of_sample(rows_in(x), 2 * k + 1, Stop{});
  return {mackay_ghahramani(t, k),
          mean_local(t, k),
          two_nn_fit(t),
          two_nn_ml(t),
          gride(t, k),
          mind_ml(t, k),
          mind_ml_integer(t, k, 10),
          correlation_dimension(rows_in(x), t, k, 2 * k, Stop{}),
          ess_of_sample(EssVersion::kSine, rows_in(x), t, k, Stop{}),
          ess_of_sample(EssVersion::kCosine, rows_in(x), t, k, Stop{}),
          danco(rows_in(x), t, k, 5, 1, Stop{})};
}

TEST(Estimators, AnswerWhatHasNoDimension) {
  Matrix equal = Matrix::Constant(50, 4, 1.5f);
  Matrix twins(2, 3);  // two different points
  twins << 1, 2, 3, 4, 5, 6;
  for (const Matrix& x : {Matrix(0, 3), Matrix(Matrix::Constant(1, 3, 1.0f)), equal, twins, cube(4, 3, 1)}) {
    const auto estimates = all_estimates(x, 5);
    for (size_t i = 0; i < estimates.size(); ++i) {
      const Estimate& e = estimates[i];
      if (x.rows() == 4 && (i == 2 || i == 3)) continue;  // TwoNN has what it needs
      EXPECT_FALSE(e.known()) << x.rows() << " rows, estimator " << i;
      ASSERT_NE(e.reason, nullptr) << i;
      EXPECT_STREQ(e.reason, x.rows() < 2 ? kTooFewPoints : kTooFewNeighbours) << i;
    }
  }
  // A regular simplex: every pair equally far. Never infinite.
  const Matrix simplex = Matrix::Identity(40, 40);
  for (const Estimate& e : all_estimates(simplex, 5)) {
    EXPECT_TRUE(e.known() ? std::isfinite(e.value) : e.reason != nullptr);
  }
  EXPECT_STREQ(all_estimates(simplex, 5)[0].reason, kEquallyFar);
  // k below what an estimator needs, or above what the table has.
  const Matrix x = cube(100, 3, 2);
  const NeighbourTable t = nearest_of_sample(rows_in(x), 10, Stop{});
  for (const uint32_t k : {0u, 1u, 11u, UINT32_MAX}) {
    EXPECT_FALSE(mackay_ghahramani(t, k).known());
    EXPECT_FALSE(mean_local(t, k).known());
  }
  for (const uint32_t k : {0u, 6u, UINT32_MAX}) EXPECT_FALSE(gride(t, k).known());
  for (const uint32_t k : {0u, 10u, UINT32_MAX}) EXPECT_FALSE(mind_ml(t, k).known());
  EXPECT_FALSE(danco(rows_in(x), t, 10, 5, 1, Stop{}).known());
}

TEST(Estimators, DuplicatesAreDropped) {
  // Each point twice: neighbours and estimates are those of the points once.
  const Matrix once = cube(300, 4, 5);
  Matrix twice(600, 4);
  twice << once, once;
  const NeighbourTable t = nearest_of_sample(rows_in(twice), 20, Stop{});
  EXPECT_EQ(t.duplicated(), 1.0);
  EXPECT_TRUE(std::all_of(t.distances.begin(), t.distances.end(), [](float d) { return d > 0; }));
  // Every neighbour is there twice: T_2 = T_1 for all.
  EXPECT_STREQ(two_nn_ml(t).reason, kEquallyFar);
}

TEST(Ess, PublishedValues) {
  EXPECT_NEAR(dimension_of_skewness(EssVersion::kSine, 0.88546915), 5.08681575, 5e-7);
  EXPECT_NEAR(dimension_of_skewness(EssVersion::kCosine, 0.371001), 5.11274497, 5e-7);
  const double sine[] = {.63662, .78540, .84883, .88357, .90541, .92039, .93128, .93956, .94607};
  for (uint32_t m = 2; m <= 10; ++m) EXPECT_NEAR(expected_skewness(EssVersion::kSine, m), sine[m - 2], 5e-6);
  const double cosine[] = {.63662, .5, .42441, .375, .33953, .3125};
  for (uint32_t m = 2; m <= 7; ++m)
    EXPECT_NEAR(expected_skewness(EssVersion::kCosine, m), cosine[m - 2], 5e-6);
  EXPECT_EQ(dimension_of_skewness(EssVersion::kSine, 0), 1);
  EXPECT_NEAR(dimension_of_skewness(EssVersion::kCosine, 1), 1, 1e-12);
  for (const double none : {1.0, -0.1, static_cast<double>(NAN)}) {
    EXPECT_TRUE(std::isnan(dimension_of_skewness(EssVersion::kSine, none)));
  }
  EXPECT_TRUE(std::isnan(dimension_of_skewness(EssVersion::kCosine, 0)));
  EXPECT_TRUE(std::isnan(dimension_of_skewness(EssVersion::kCosine, 1.1)));
}

TEST(Ess, OfANeighbourhood) {
  const Matrix ball = uniform_ball(300, 7, 3);
  EXPECT_NEAR(ess(EssVersion::kSine, rows_in(ball)).value, 7, 0.3);
  EXPECT_NEAR(ess(EssVersion::kCosine, rows_in(ball)).value, 7, 0.3);
  // A square's corners: of six pairs of vectors, four at right angles, two opposite.
  Matrix square(4, 2);
  square << 0, 0, 0, 1, 1, 0, 1, 1;
  EXPECT_NEAR(skewness_of(EssVersion::kSine, rows_in(square)), 4.0 / 6, 1e-7);
  EXPECT_NEAR(skewness_of(EssVersion::kCosine, rows_in(square)), 2.0 / 6, 1e-7);
  const Matrix equal = Matrix::Constant(5, 3, 2.0f);
  for (const Matrix& x : {Matrix(0, 3), Matrix(equal.topRows(1)), equal}) {
    EXPECT_FALSE(ess(EssVersion::kSine, rows_in(x)).known());
    EXPECT_NE(ess(EssVersion::kSine, rows_in(x)).reason, nullptr);
  }
}

TEST(Danco, EqualStatisticsDoNotDiverge) {
  for (const double d : {1.0, 7.5, 40.0}) {
    for (const double tau : {0.5, 20.0, 800.0}) {
      const DancoStatistics s{d, 1.3, tau, 100};
      EXPECT_NEAR(danco_divergence(s, s, 10), 0, 1e-8);
      for (const double f : {0.5, 0.9, 1.1, 2.0}) {
        EXPECT_GT(danco_divergence(s, {d * f, 1.3, tau, 100}, 10), 0);
        EXPECT_GT(danco_divergence(s, {d, 1.3, tau * f, 100}, 10), 0);
      }
      EXPECT_GT(danco_divergence(s, {d, 1.2, tau, 100}, 10), 0);
    }
  }
}

TEST(Spectrum, OfWeightedRows) {
  // Two axes of variance 4 and 1, the third constant.
  Matrix x(4, 3);
  x << 2, 0, 7, -2, 0, 7, 0, 1, 7, 0, -1, 7;
  const auto plain = covariance_spectrum(rows_in(x), nullptr, SIZE_MAX, Stop{});
  ASSERT_EQ(plain.size(), 3u);
  EXPECT_NEAR(plain[0], 2, 1e-12);
  EXPECT_NEAR(plain[1], 0.5, 1e-12);
  EXPECT_NEAR(plain[2], 0, 1e-12);
  const uint64_t counts[] = {3, 3, 1, 1};
  const auto weighted = covariance_spectrum(rows_in(x), counts, SIZE_MAX, Stop{});
  EXPECT_NEAR(weighted[0], 3, 1e-12);
  EXPECT_NEAR(weighted[1], 0.25, 1e-12);
}

TEST(Spectrum, IsThatOfTheCovariance) {
  for (const auto& [n, dims] : {std::pair<size_t, size_t>{600, 40}, {30, 90}, {40, 40}, {1, 5}}) {
    Matrix x = cube(n, dims, dims);
    x.array() += 1000;  // far from the origin
    MatrixD centred = x.cast<double>();
    centred.rowwise() -= centred.colwise().mean().eval();
    const MatrixD covariance = centred.transpose() * centred / static_cast<double>(n);
    const auto values = covariance_spectrum(rows_in(x), nullptr, SIZE_MAX, Stop{});
    ASSERT_EQ(values.size(), dims);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < dims; ++i) {
      EXPECT_GE(values[i], 0);
      EXPECT_GE(values[i == 0 ? 0 : i - 1], values[i]);
      sum += values[i];
      squares += values[i] * values[i];
    }
    EXPECT_NEAR(sum, covariance.trace(), 1e-9);
    EXPECT_NEAR(squares, covariance.squaredNorm(), 1e-9);
    const SpectrumSums sums = spectrum_sums(rows_in(x), nullptr, SIZE_MAX, Stop{});
    EXPECT_NEAR(sums.sum, sum, 1e-9);
    EXPECT_NEAR(sums.squares, squares, 1e-9);
    if (n > 1) {
      EXPECT_NEAR(participation_ratio(sums).value, sum * sum / squares, 1e-6);
    }
  }
}

TEST(Spectrum, Dimensions) {
  EXPECT_NEAR(participation_ratio(std::vector<double>{3, 3, 3, 0}).value, 3, 1e-12);
  EXPECT_NEAR(participation_ratio(std::vector<double>{5, 0, 0}).value, 1, 1e-12);
  EXPECT_EQ(fukunaga_olsen({10, 5, 0.51, 0.5, 0.1}).value, 3);
  EXPECT_EQ(components_for_share({6, 3, 1}, 0.6).value, 1);
  EXPECT_EQ(components_for_share({6, 3, 1}, 0.61).value, 2);
  EXPECT_EQ(components_for_share({6, 3, 1}, 1).value, 3);
  EXPECT_EQ(components_for_share({6, 3, 1, 0}, 1).value, 3);
  for (const std::vector<double>& none : {std::vector<double>{}, {0, 0}}) {
    EXPECT_FALSE(participation_ratio(none).known());
    EXPECT_FALSE(fukunaga_olsen(none).known());
    EXPECT_FALSE(components_for_share(none, 0.9).known());
    EXPECT_NE(participation_ratio(none).reason, nullptr);
  }
  // An isotropic Gaussian of d dimensions: d / (1 + (d+1)/n).
  const Matrix x = sample_of(manifold_named("M12_Norm"), 2500, 4);
  EXPECT_NEAR(participation_ratio(spectrum_sums(rows_in(x), nullptr, SIZE_MAX, Stop{})).value,
              20 / (1 + 21.0 / 2500), 0.05);
  EXPECT_THROW(covariance_spectrum(rows_in(x), nullptr, 1000, Stop{}), Error);
}

TEST(Labels, SharpnessIsTheNearestOtherLabel) {
  Matrix x(6, 2);
  x << 0, 0, 0, 3, 0, 3, 4, 0, 10, 0, 10, 0.5f;
  const uint32_t labels[] = {1, 1, 1, 2, 3, 3};
  // Nearest of another label: 4, 5, 5, 4, 6, sqrt(36.25).
  const LabelSharpness s = label_sharpness(rows_in(x), labels, 1, Stop{});
  EXPECT_NEAR(s.value, 1 / 4.0, 1e-7);
  EXPECT_EQ(s.a, 0u);
  EXPECT_EQ(s.b, 3u);
  EXPECT_EQ(s.points, 6u);
  EXPECT_EQ(s.conflicts, 0u);
  EXPECT_NEAR(s.quantile, 1 / 4.0, 1e-7);
  EXPECT_NEAR(label_sharpness(rows_in(x), labels, 0, Stop{}).quantile, 1 / std::sqrt(36.25), 1e-7);
  EXPECT_NEAR(label_sharpness(rows_in(x), labels, 0.5, Stop{}).quantile, 1 / 5.0, 1e-7);
  EXPECT_NEAR(label_sharpness(rows_in(x), labels, 0.7, Stop{}).quantile, 0.2 + 0.5 * 0.05, 1e-7);
  // The same place under two labels is a conflict, not infinitely sharp.
  const uint32_t torn[] = {1, 1, 2, 2, 3, 3};
  const LabelSharpness t = label_sharpness(rows_in(x), torn, 0.5, Stop{});
  EXPECT_EQ(t.conflicts, 1u);
  EXPECT_NEAR(t.value, 1 / 3.0, 1e-7);
  EXPECT_EQ(t.a, 0u);
  EXPECT_EQ(t.b, 2u);
}

TEST(Labels, SharpnessOfNothing) {
  const Matrix x = Matrix::Constant(3, 2, 1.0f);
  const uint32_t one[] = {1, 1, 1}, many[] = {1, 2, 3};
  for (const auto& [n, labels] :
       {std::pair<size_t, const uint32_t*>{0, one}, {1, one}, {3, one}, {3, many}}) {
    const LabelSharpness s = label_sharpness({x.data(), n, 2}, labels, 0.9, Stop{});
    EXPECT_TRUE(std::isnan(s.value));
    EXPECT_NE(s.reason, nullptr);
    EXPECT_EQ(s.conflicts, labels == many ? 3u : 0u);
  }
  EXPECT_THROW(label_sharpness(rows_in(x), one, 1.5, Stop{}), Error);
  EXPECT_THROW(label_sharpness(rows_in(x), one, NAN, Stop{}), Error);
  const Matrix huge = Matrix::Random(100, 2) * 1e30f;
  std::vector<uint32_t> labels(100);
  labels[3] = 1;
  EXPECT_THROW(label_sharpness(rows_in(huge), labels.data(), 0.5, Stop{}), Error);
  const Stop now{[](void*) { return true; }, nullptr};
  EXPECT_THROW(label_sharpness(rows_in(cube(100, 2, 1)), labels.data(), 0.5, now), Stopped);
}

TEST(Labels, TaskDifficultyAsPublished) {
  const TaskDifficulty imagenet = task_difficulty(1280901, 1000, 48, 943.5923, 65, 0.1);
  EXPECT_NEAR(imagenet.frequency, 70.69043, 5e-6);
  EXPECT_NEAR(imagenet.bits, 3.5833e41, 5e36);
  const TaskDifficulty mnist = task_difficulty(60000, 10, 14, 4380.657 / 255, 2.3987084824335305, 0.001);
  EXPECT_NEAR(mnist.frequency, 38.96589, 5e-6);
  EXPECT_NEAR(mnist.parameters, 4.1296e12, 5e7);
  EXPECT_NEAR(mnist.bits, 1.4848e16, 5e11);
  EXPECT_THROW(task_difficulty(0, 10, 14, 1, 1, 0.1), Error);
  EXPECT_THROW(task_difficulty(100, 1, 14, 1, 1, 0.1), Error);
  EXPECT_THROW(task_difficulty(100, 10, 1, 1, 1, 0.1), Error);
  EXPECT_THROW(task_difficulty(100, 10, 14, 0, 1, 0.1), Error);
  EXPECT_THROW(task_difficulty(100, 10, 14, 1, -1, 0.1), Error);
  EXPECT_THROW(task_difficulty(100, 10, 14, 1, 1, 0), Error);
  EXPECT_THROW(task_difficulty(100, 10, 14, 1, 1, 1), Error);
  EXPECT_THROW(task_difficulty(NAN, 10, 14, 1, 1, 0.1), Error);
  EXPECT_THROW(task_difficulty(100, 10, 5000, 1e9, 1e-9, 0.1), Error);  // beyond doubles
}

}  // namespace
}  // namespace lowdim::core
