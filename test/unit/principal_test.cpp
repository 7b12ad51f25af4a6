// The leading principal directions without all the others (core/codec/principal): what they keep beside the
// exact ones, orthonormality whatever the rows are, the same bits again, and a cancelled run ends.
#include "core/codec/principal.h"

#include <gtest/gtest.h>

#include <cmath>

#include "codec_training_data.h"
#include "core/base/error.h"
#include "core/codec/pca.h"

namespace lowdim::core {
namespace {

using test::rows_of;

Matrix centred(Matrix x) {
  const Eigen::RowVectorXf mean = x.cast<double>().colwise().mean().cast<float>();
  x.rowwise() -= mean;
  return x;
}

double off_orthonormal(const MatrixD& v) {
  return (v * v.transpose() - MatrixD::Identity(v.rows(), v.rows())).cwiseAbs().maxCoeff();
}

// The variance that the span of the first k directions keeps, of the rows themselves.
double kept(const Matrix& x, const MatrixD& v) {
  return (x.cast<double>() * v.transpose()).squaredNorm() / static_cast<double>(x.rows());
}

struct Shape {
  size_t n, dims, k;
};

void expect_near_exact(const Matrix& x, const Shape& shape, double tolerance) {
  SCOPED_TRACE(testing::Message() << shape.n << " x " << shape.dims << " to " << shape.k);
  const EigenPairs found = principal_pairs(x, shape.k, Stop{});
  ASSERT_EQ(found.vectors.rows(), static_cast<Eigen::Index>(shape.k));
  ASSERT_EQ(found.vectors.cols(), static_cast<Eigen::Index>(shape.dims));
  EXPECT_LT(off_orthonormal(found.vectors), 1e-10);
  const MatrixD d = x.cast<double>();
  const VectorD exact = symmetric_eigen(d.transpose() * d / static_cast<double>(shape.n), Stop{})
                            .values.head(static_cast<Eigen::Index>(shape.k));
  const double best = exact.sum();
  EXPECT_GE(kept(x, found.vectors), best * (1 - tolerance));
  EXPECT_NEAR(found.values.sum(), kept(x, found.vectors), 1e-5 * best);
  for (Eigen::Index i = 0; i + 1 < found.values.size(); ++i) EXPECT_GE(found.values(i), found.values(i + 1));
  EXPECT_NEAR(found.values(0), exact(0), 0.02 * exact(0));
}

TEST(Principal, KeepsWhatTheExactDirectionsKeep) {
  // More rows than dimensions; fewer; so few that they are the span; more directions than rows.
  for (const Shape s : {Shape{900, 200, 24}, Shape{150, 400, 24}, Shape{50, 300, 24}, Shape{10, 60, 24},
                        Shape{90, 40, 30}, Shape{300, 40, 40}}) {
    expect_near_exact(centred(test::decaying(s.n, s.dims, 0.97, 1, 3)), s, 1e-3);
  }
}

TEST(Principal, SteepSpectrum) {
  for (const Shape s : {Shape{20, 60, 24}, Shape{20, 60, 8}, Shape{200, 120, 8}, Shape{100, 150, 8}}) {
    expect_near_exact(centred(test::decaying(s.n, s.dims, 0.6, 6)), s, 1e-3);
  }
}

TEST(Principal, FlatSpectrum) {
  for (const Shape s : {Shape{900, 200, 24}, Shape{150, 400, 24}}) {
    expect_near_exact(centred(test::gaussian(s.n, s.dims, 2)), s, 0.1);
  }
}

TEST(Principal, RowsThatDependOnEachOther) {
  for (const size_t n : {size_t{1}, size_t{2}, size_t{20}, size_t{100}, size_t{700}}) {
    for (const size_t distinct : {size_t{1}, size_t{2}, size_t{7}}) {
      SCOPED_TRACE(testing::Message() << n << " rows, " << distinct << " distinct");
      const Matrix few = test::gaussian(distinct, 120, 3);
      Matrix x(n, 120);
      for (size_t i = 0; i < n; ++i) x.row(i) = few.row(i % distinct);
      x = centred(x);
      const EigenPairs found = principal_pairs(x, 12, Stop{});
      EXPECT_LT(off_orthonormal(found.vectors), 1e-10);
      const double all = x.cast<double>().squaredNorm() / static_cast<double>(n);
      EXPECT_NEAR(kept(x, found.vectors), all, 1e-5 * all);
    }
  }
}

TEST(Principal, TheSameRowsGiveTheSameBits) {
  for (const Shape s : {Shape{500, 130, 20}, Shape{100, 300, 20}, Shape{30, 300, 20}}) {
    const Matrix x = centred(test::decaying(s.n, s.dims, 0.98, 4));
    const EigenPairs a = principal_pairs(x, s.k, Stop{}), b = principal_pairs(x, s.k, Stop{});
    EXPECT_EQ(a.values, b.values);
    EXPECT_EQ(a.vectors, b.vectors);
    for (Eigen::Index i = 0; i < a.vectors.rows(); ++i) {
      EXPECT_EQ(a.vectors.row(i).maxCoeff(), a.vectors.row(i).cwiseAbs().maxCoeff()) << i;
    }
  }
}

TEST(Principal, TrainPcaTakesItWhereItIsLess) {
  const Matrix x = test::decaying(150, 900, 0.97, 5, 2);
  EXPECT_LT(principal_cost(150, 900, 24).operations, 9.0 * 900 * 900 * 900 / 2);
  const Pca direct = train_pca(rows_of(x), 24, Stop{});
  const EigenPairs pairs = principal_pairs(centred(x), 24, Stop{});
  EXPECT_NEAR(direct.pairs.values.sum(), pairs.values.sum(), 1e-5 * pairs.values.sum());
  EXPECT_NEAR(direct.total_variance, centred(x).cast<double>().squaredNorm() / 150,
              1e-5 * direct.total_variance);
  EXPECT_LE(direct.kept(24), 1);
}

TEST(Principal, StopsAndRefuses) {
  const Matrix x = centred(test::decaying(500, 130, 0.98, 4));
  test::StopAfter never{1 << 30};
  principal_pairs(x, 20, never.stop());
  for (const int calls : {0, 3, 20, 40}) {
    test::StopAfter later{calls};
    EXPECT_THROW(principal_pairs(x, 20, later.stop()), Stopped) << calls;
  }
  Matrix bad = x;
  bad(3, 4) = INFINITY;
  EXPECT_THROW(principal_pairs(bad, 20, Stop{}), Error);
  EXPECT_THROW(principal_pairs(x * 1e30f, 20, Stop{}), Error);
}

}  // namespace
}  // namespace lowdim::core
