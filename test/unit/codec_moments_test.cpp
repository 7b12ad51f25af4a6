// Streaming moments and the symmetric eigensolver, against direct computations in double precision.
#include "core/codec/moments.h"

#include <gtest/gtest.h>

#include "codec_image_check.h"
#include "codec_training_data.h"
#include "core/codec/symmetric_eigen.h"

namespace lowdim::core {
namespace {

using test::decaying;
using test::rows_of;

MatrixD direct_covariance(const Matrix& x) {
  MatrixD d = x.cast<double>();
  d.rowwise() -= d.colwise().mean().eval();
  return d.transpose() * d / static_cast<double>(x.rows());
}

MatrixD direct_second_moment(const Matrix& x) {
  const MatrixD d = x.cast<double>();
  return d.transpose() * d / static_cast<double>(x.rows());
}

TEST(Moments, StreamingEqualsDirect) {
  // Sizes below, at and above the row block and the tile.
  for (const auto& [n, dims] :
       {std::pair<size_t, size_t>{1, 3}, {7, 1}, {255, 17}, {256, 128}, {1000, 150}, {600, 257}}) {
    const Matrix x = decaying(n, dims, 0.98, n + dims, 2);
    Moments moments(dims);
    moments.add(rows_of(x), Stop{});
    EXPECT_EQ(moments.count(), n);
    const MatrixD second = direct_second_moment(x);
    const double size = second.cwiseAbs().maxCoeff();
    EXPECT_LE((moments.second_moment() - second).cwiseAbs().maxCoeff(), 2e-6 * size) << n << " x " << dims;
    EXPECT_LE((moments.covariance() - direct_covariance(x)).cwiseAbs().maxCoeff(), 2e-6 * size);
    EXPECT_LE((moments.mean() - VectorD(x.cast<double>().colwise().mean().transpose())).cwiseAbs().maxCoeff(),
              1e-9);
  }
}

TEST(Moments, FarFromTheOrigin) {
  // Deviation 1 around 10,000: sum x x^T in float32 would leave nothing of it.
  Matrix x = test::gaussian(2000, 20, 5);
  x.array() += 10000;
  Moments moments(20);
  moments.add(rows_of(x), Stop{});
  EXPECT_LE((moments.covariance() - direct_covariance(x)).cwiseAbs().maxCoeff(), 1e-5);
}

TEST(Moments, MergeEqualsAll) {
  const Matrix x = decaying(1500, 60, 0.95, 3, 1);
  Moments all(60);
  all.add(rows_of(x), Stop{});
  for (const size_t cut : {size_t{0}, size_t{1}, size_t{200}, size_t{256}, size_t{777}, size_t{1500}}) {
    Moments first(60);
    Moments second(60);
    first.add(Rows{x.data(), cut, 60}, Stop{});
    second.add(Rows{x.data() + cut * 60, 1500 - cut, 60}, Stop{});
    first.merge(second, Stop{});
    EXPECT_EQ(first.count(), 1500u);
    EXPECT_LE((first.covariance() - all.covariance()).cwiseAbs().maxCoeff(), 2e-6);
    EXPECT_LE((first.mean() - all.mean()).cwiseAbs().maxCoeff(), 1e-9);
  }
}

TEST(Moments, MergeWithItself) {
  const Matrix x = decaying(300, 10, 0.9, 3, 1);  // settled and pending rows
  Moments once(10);
  once.add(rows_of(x), Stop{});
  Moments twice = once;
  twice.merge(twice, Stop{});
  EXPECT_EQ(twice.count(), 600u);
  EXPECT_LE((twice.covariance() - once.covariance()).cwiseAbs().maxCoeff(), 2e-6);
}

TEST(Moments, ImageKeepsEverything) {
  const Matrix x = decaying(700, 33, 0.9, 4);
  Moments moments(33);
  moments.add(Rows{x.data(), 600, 33}, Stop{});  // some rows settled, some pending
  ByteWriter out;
  moments.write(out);
  ByteReader in(out.bytes().data(), out.bytes().size());
  Moments back = Moments::read(in);
  in.end();
  const Rows rest{x.data() + 600 * 33, 100, 33};
  moments.add(rest, Stop{});
  back.add(rest, Stop{});
  EXPECT_EQ(back.count(), 700u);
  EXPECT_EQ(back.covariance(), moments.covariance());  // to the bit
  EXPECT_EQ(back.mean(), moments.mean());
}

TEST(Moments, DamagedImages) {
  const Matrix x = decaying(258, 4, 0.9, 4);
  Moments moments(4);
  moments.add(rows_of(x), Stop{});
  ByteWriter out;
  moments.write(out);
  test::check_damaged_images(out.bytes(), [](ByteReader& in) {
    Moments back = Moments::read(in);
    try {
      back.merge(back, Stop{});
      back.covariance();
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::kData) throw;  // values so large that they overflow
    }
  });
}

TEST(Moments, Limits) {
  try {
    Moments moments(16000);
    FAIL() << "a gigabyte in a quarter of one";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kLimit);
    EXPECT_FALSE(e.hint().empty());
  }
  Moments four(4);
  const Matrix five = Matrix::Zero(1, 5);
  EXPECT_THROW(four.add(rows_of(five), Stop{}), Error);
  EXPECT_THROW(four.merge(Moments(5), Stop{}), Error);
  Matrix large(2, 2);
  large << 3e38f, 1, -3e38f, 2;
  Moments two(2);
  two.add(rows_of(large), Stop{});
  try {
    two.covariance();
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kData);
  }
}

TEST(Moments, Stops) {
  const Matrix x = decaying(600, 300, 0.9, 4);
  test::StopAfter later{3};
  Moments moments(300);
  EXPECT_THROW(moments.add(rows_of(x), later.stop()), Stopped);
}

void check_eigen(const MatrixD& a, const EigenPairs& pairs, double tolerance) {
  const Eigen::Index k = pairs.values.size();
  const double size = std::max(a.cwiseAbs().maxCoeff(), 1e-300);
  EXPECT_LE((pairs.vectors * pairs.vectors.transpose() - MatrixD::Identity(k, k)).cwiseAbs().maxCoeff(),
            1e-12);
  const MatrixD residual = pairs.vectors * a - pairs.values.asDiagonal() * pairs.vectors;
  EXPECT_LE(residual.cwiseAbs().maxCoeff(), tolerance * size);
  for (Eigen::Index i = 0; i + 1 < k; ++i) EXPECT_GE(pairs.values(i), pairs.values(i + 1));
}

TEST(SymmetricEigen, Decomposes) {
  for (const size_t n : {1, 2, 3, 31, 64, 97}) {
    const MatrixD g = test::gaussian(n, n, n).cast<double>();
    const MatrixD a = g + g.transpose();
    check_eigen(a, symmetric_eigen(a, Stop{}), 1e-12 * static_cast<double>(n));
    check_eigen(a * 1e-200, symmetric_eigen(a * 1e-200, Stop{}), 1e-12 * static_cast<double>(n));
    // Only the lower triangle counts.
    MatrixD upper = a;
    for (size_t i = 0; i + 1 < n; ++i) upper(i, n - 1) = NAN;
    if (n > 1) {
      EXPECT_EQ(symmetric_eigen(upper, Stop{}).vectors, symmetric_eigen(a, Stop{}).vectors);
    }
  }
}

TEST(SymmetricEigen, DegenerateMatrices) {
  const size_t n = 40;
  check_eigen(MatrixD::Zero(n, n), symmetric_eigen(MatrixD::Zero(n, n), Stop{}), 1e-12);
  check_eigen(MatrixD::Identity(n, n), symmetric_eigen(MatrixD::Identity(n, n), Stop{}), 1e-12);
  check_eigen(MatrixD::Ones(n, n), symmetric_eigen(MatrixD::Ones(n, n), Stop{}), 1e-12);
  MatrixD graded = MatrixD::Zero(n, n);
  for (size_t i = 0; i < n; ++i) graded(i, i) = std::pow(10.0, -static_cast<double>(i) * 8);
  check_eigen(graded, symmetric_eigen(graded, Stop{}), 1e-12);
  MatrixD bad = MatrixD::Identity(3, 3);
  bad(1, 0) = INFINITY;
  EXPECT_THROW(symmetric_eigen(bad, Stop{}), Error);
}

TEST(SymmetricEigen, ValuesAloneAreTheSame) {
  const auto check = [](const MatrixD& a) {
    const VectorD all = symmetric_eigen(a, Stop{}).values, alone = symmetric_eigenvalues(a, Stop{});
    ASSERT_EQ(all.size(), alone.size());
    if (all.size() == 0) return;
    EXPECT_LE((all - alone).cwiseAbs().maxCoeff(), 1e-13 * all.cwiseAbs().maxCoeff()) << a.rows();
  };
  for (const size_t n : {0, 1, 2, 3, 31, 64, 150}) {
    const MatrixD g = test::gaussian(n, n, n + 1).cast<double>();
    check(g + g.transpose());
    check(1e200 * g * g.transpose());
    check(MatrixD::Zero(n, n));
    check(MatrixD::Ones(n, n));
    check(MatrixD::Identity(n, n) - MatrixD::Ones(n, n));
    MatrixD chain = MatrixD::Zero(n, n);  // tridiagonal, of a diagonal of zeros, and then one that falls
    for (size_t i = 0; i + 1 < n; ++i) chain(i, i + 1) = chain(i + 1, i) = 1;
    check(chain);
    for (size_t i = 0; i < n; ++i) chain.row(i) *= std::pow(0.5, i), chain.col(i) *= std::pow(0.5, i);
    check(chain);
  }
  EXPECT_TRUE(symmetric_eigenvalues(MatrixD::Constant(1, 1, -3), Stop{})(0) == -3);
  test::StopAfter later{200};
  const MatrixD g = test::gaussian(180, 180, 1).cast<double>();
  EXPECT_THROW(symmetric_eigenvalues(g + g.transpose(), later.stop()), Stopped);
}

TEST(SymmetricEigen, SubspaceIterationFindsTheTop) {
  const Matrix x = decaying(800, 200, 0.97, 9);
  const MatrixD a = direct_covariance(x);
  const EigenPairs all = symmetric_eigen(a, Stop{});
  const EigenPairs top = top_eigen([&](const MatrixD& in, MatrixD& out) { out = a * in; }, 200, 20, Stop{});
  ASSERT_EQ(top.vectors.rows(), 20);
  EXPECT_LE((top.vectors * top.vectors.transpose() - MatrixD::Identity(20, 20)).cwiseAbs().maxCoeff(), 1e-12);
  EXPECT_NEAR(top.values.sum() / all.values.head(20).sum(), 1, 1e-4);
  EXPECT_NEAR(std::abs(top.vectors.row(0).dot(all.vectors.row(0))), 1, 1e-6);
}

TEST(SymmetricEigen, Stops) {
  const MatrixD a = direct_covariance(decaying(300, 100, 0.97, 9));
  for (const int calls : {0, 50, 150, 250}) {
    test::StopAfter later{calls};
    EXPECT_THROW(symmetric_eigen(a, later.stop()), Stopped) << calls;
  }
}

}  // namespace
}  // namespace lowdim::core
