// The estimators of core/dimension on the benchmark of manifolds: what an independent implementation in
// double precision found with other random numbers, n = 2500, means of 3 samples. The truth is another
// matter: from about 10 dimensions on, 2,500 points are too few, and all of these find less.
#include <gtest/gtest.h>

#include "core/dimension/danco.h"
#include "core/dimension/estimators.h"
#include "core/dimension/spectrum.h"
#include "dimension_manifolds.h"

namespace lowdim::core {
namespace {

using test::manifold_named;
using test::rows_in;
using test::sample_of;

constexpr size_t kPoints = 2500;
constexpr uint64_t kSeeds = 3;

// The spread of TwoNN between samples is 2 to 3 %, so means of 3 differ by 2 % in the ordinary case. Two of
// 48 differ by more than 4 % here; the means of 40 samples are within 3 % of the table (M10a 9.14 and 9.17,
// Mn1 14.38 and 14.44).
double tolerance(const std::string& name, bool two_nn) {
  return two_nn && (name == "M10a_Cubic" || name == "Mn1_Nonlinear") ? 0.06 : 0.04;
}

struct Expected {
  const char* name;
  double mg5, mg10, mg20, local20, fit, ml, participation;
};

const Expected kTable[] = {
    {"M1_Sphere", 9.37, 9.17, 9.02, 9.50, 9.63, 9.65, 10.96},
    {"M2_Affine_3to5", 2.91, 2.89, 2.85, 3.02, 2.90, 2.89, 2.26},
    {"M3_Nonlinear_4to6", 3.82, 3.78, 3.75, 4.05, 3.76, 3.78, 2.73},
    {"M4_Nonlinear", 3.93, 3.91, 3.94, 4.19, 3.93, 3.90, 7.97},
    {"M5a_Helix1d", 0.99, 1.00, 1.00, 1.06, 1.01, 1.00, 2.40},
    {"M5b_Helix2d", 2.18, 2.42, 2.59, 2.84, 2.02, 2.05, 2.23},
    {"M6_Nonlinear", 6.00, 6.19, 6.38, 6.88, 5.95, 5.96, 11.94},
    {"M7_Roll", 1.97, 1.96, 1.95, 2.06, 1.93, 1.94, 2.94},
    {"M8_Nonlinear", 13.54, 13.57, 13.54, 14.43, 13.36, 13.23, 23.76},
    {"M9_Affine", 15.19, 14.83, 14.50, 15.26, 15.45, 15.59, 19.85},
    {"M10a_Cubic", 8.94, 8.82, 8.68, 9.16, 9.04, 9.05, 10.96},
    {"M10b_Cubic", 13.81, 13.57, 13.25, 13.95, 14.14, 14.26, 17.88},
    {"M10c_Cubic", 17.88, 17.50, 17.13, 18.02, 18.24, 18.47, 24.78},
    {"M10d_Cubic", 38.64, 37.38, 35.75, 37.62, 40.04, 39.93, 69.06},
    {"M11_Moebius", 1.96, 1.97, 1.96, 2.08, 1.95, 1.94, 2.16},
    {"M12_Norm", 16.54, 15.99, 15.38, 16.21, 16.89, 16.99, 19.85},
    {"M13a_Scurve", 1.98, 1.97, 1.95, 2.07, 2.03, 2.04, 1.87},
    {"M13b_Spiral", 1.01, 1.09, 1.54, 1.76, 1.02, 1.02, 2.03},
    {"Mbeta", 6.24, 6.03, 5.82, 6.54, 6.47, 6.44, 10.63},
    {"Mn1_Nonlinear", 14.26, 13.89, 13.56, 14.27, 14.82, 14.86, 18.86},
    {"Mn2_Nonlinear", 17.95, 17.55, 16.94, 17.83, 18.75, 18.71, 25.06},
    {"Mp1_Paraboloid", 2.94, 2.89, 2.85, 3.04, 3.07, 3.07, 1.26},
    {"Mp2_Paraboloid", 5.15, 5.00, 4.78, 5.18, 5.23, 5.21, 1.06},
    {"Mp3_Paraboloid", 6.74, 6.40, 5.88, 6.58, 7.14, 7.22, 1.02},
};

class BenchmarkManifolds : public testing::TestWithParam<Expected> {};

TEST_P(BenchmarkManifolds, AsMeasuredElsewhere) {
  const Expected& expected = GetParam();
  double mean[7] = {};
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Matrix x = sample_of(manifold_named(expected.name), kPoints, seed);
    const NeighbourTable table = nearest_of_sample(rows_in(x), 20, Stop{});
    const double found[] = {mackay_ghahramani(table, 5).value,
                            mackay_ghahramani(table, 10).value,
                            mackay_ghahramani(table, 20).value,
                            mean_local(table, 20).value,
                            two_nn_fit(table).value,
                            two_nn_ml(table).value,
                            participation_ratio(spectrum_sums(rows_in(x), nullptr, SIZE_MAX, Stop{})).value};
    for (int i = 0; i < 7; ++i) mean[i] += found[i] / kSeeds;
  }
  const double want[] = {expected.mg5, expected.mg10, expected.mg20,         expected.local20,
                         expected.fit, expected.ml,   expected.participation};
  const char* names[] = {"MG5", "MG10", "MG20", "LB20", "2NN", "2NN ML", "PR"};
  for (int i = 0; i < 7; ++i) {
    EXPECT_NEAR(mean[i], want[i], tolerance(expected.name, i == 4 || i == 5) * want[i])
        << expected.name << " " << names[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Table, BenchmarkManifolds, testing::ValuesIn(kTable),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Danco, FindsWhatTheOthersMiss) {
  // 24 and 10 dimensions from 1,000 points, where MG with k = 20 finds about 16 and 8.7.
  struct Case {
    const char* name;
    double truth, tolerance;
  };
  for (const Case& c : {Case{"M10c_Cubic", 24, 2.5}, {"M1_Sphere", 10, 1}, {"M7_Roll", 2, 0.6}}) {
    const Matrix x = sample_of(manifold_named(c.name), 1000, 1);
    const NeighbourTable table = nearest_of_sample(rows_in(x), 11, Stop{});
    const Estimate e = danco(rows_in(x), table, 10, 71, 1, Stop{});
    EXPECT_NEAR(e.value, c.truth, c.tolerance) << c.name;
    EXPECT_EQ(e.value, danco(rows_in(x), table, 10, 71, 1, Stop{}).value);
  }
}

}  // namespace
}  // namespace lowdim::core
