// Query-aware projections: the gradients of the loss, the order of the methods' losses, and what they gain on
// queries that were not trained on.
#include "core/codec/leanvec.h"

#include <gtest/gtest.h>
#include <Eigen/SVD>

#include <cmath>

#include "codec_training_data.h"
#include "core/codec/pca.h"

namespace lowdim::core {
namespace {

using test::decaying;
using test::gaussian;
using test::rows_of;

Moments moments_of(const Matrix& x) {
  Moments moments(static_cast<size_t>(x.cols()));
  moments.add(rows_of(x), Stop{});
  return moments;
}

// The mean of (<A^T q, B^T x> - <q, x>)^2 over all pairs, taken literally.
double loss_by_definition(const Matrix& q, const Matrix& x, const MatrixD& a, const MatrixD& b) {
  const MatrixD qd = q.cast<double>();
  const MatrixD xd = x.cast<double>();
  const MatrixD error = (qd * a) * (xd * b).transpose() - qd * xd.transpose();
  return error.squaredNorm() / static_cast<double>(error.size());
}

MatrixD top_of(const MatrixD& k, size_t d) {
  return symmetric_eigen(k, Stop{}).vectors.topRows(d).transpose();
}

TEST(Leanvec, LossIsTheErrorOfInnerProducts) {
  const test::Mismatched set = test::mismatched(120, 16, 3);
  const MatrixD kq = moments_of(set.queries).second_moment();
  const MatrixD kx = moments_of(set.base).second_moment();
  const MatrixD a = gaussian(16, 5, 1).cast<double>();
  const MatrixD b = gaussian(16, 5, 2).cast<double>();
  const double want = loss_by_definition(set.queries, set.base, a, b);
  EXPECT_NEAR(leanvec_loss(kq, kx, a, b), want, 1e-5 * want);
}

TEST(Leanvec, GradientsAgreeWithFiniteDifferences) {
  const test::Mismatched set = test::mismatched(120, 12, 3);
  const MatrixD kq = moments_of(set.queries).second_moment();
  const MatrixD kx = moments_of(set.base).second_moment();
  const MatrixD a = gaussian(12, 4, 1).cast<double>();
  const MatrixD b = gaussian(12, 4, 2).cast<double>();
  const MatrixD ga = leanvec_gradient_a(kq, kx, a, b);
  const MatrixD gb = leanvec_gradient_b(kq, kx, a, b);
  constexpr double kStep = 1e-4;
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    for (Eigen::Index j = 0; j < a.cols(); ++j) {
      MatrixD up = a, down = a;
      up(i, j) += kStep;
      down(i, j) -= kStep;
      EXPECT_NEAR((leanvec_loss(kq, kx, up, b) - leanvec_loss(kq, kx, down, b)) / (2 * kStep), ga(i, j),
                  1e-4 * ga.cwiseAbs().maxCoeff());
      up = b, down = b;
      up(i, j) += kStep;
      down(i, j) -= kStep;
      EXPECT_NEAR((leanvec_loss(kq, kx, a, up) - leanvec_loss(kq, kx, a, down)) / (2 * kStep), gb(i, j),
                  1e-4 * gb.cwiseAbs().maxCoeff());
    }
  }
}

TEST(Leanvec, LossesAreOrdered) {
  for (const uint64_t seed : {1, 2, 3}) {
    const test::Mismatched set = test::mismatched(800, 48, seed);
    const MatrixD kq = moments_of(set.queries).second_moment();
    const MatrixD kx = moments_of(set.base).second_moment();
    for (const size_t d : {6, 12, 24}) {
      const MatrixD p = top_of(kx, d);
      const double pca = leanvec_loss(kq, kx, p, p);
      const Leanvec eigen = leanvec_eigen(kq, kx, d, Stop{});
      const Leanvec sphering = leanvec_sphering(kq, kx, d, Stop{});
      const Leanvec warm = leanvec_frank_wolfe(kq, kx, eigen.b, Stop{});
      const Leanvec cold = leanvec_frank_wolfe(kq, kx, p, Stop{});
      const double slack = 1e-9 * (kq * kx).trace();
      EXPECT_GE(pca, eigen.loss - slack);
      EXPECT_GE(eigen.loss, sphering.loss - slack);
      EXPECT_GE(warm.loss, sphering.loss - slack);
      EXPECT_GE(cold.loss, sphering.loss - slack);
      EXPECT_LE(warm.loss, eigen.loss * 1.001);
      EXPECT_LT(sphering.loss, 0.8 * pca) << "the set is not mismatched";
      EXPECT_LT(cold.loss, 0.95 * pca) << "Frank-Wolfe did not move";
      EXPECT_LE(cold.a.jacobiSvd().singularValues()(0), 1 + 1e-6);  // inside the unit ball
      EXPECT_LE(cold.b.jacobiSvd().singularValues()(0), 1 + 1e-6);
      for (const Leanvec* r : {&eigen, &sphering, &warm}) {
        EXPECT_NEAR(r->loss, leanvec_loss(kq, kx, r->a, r->b), slack);
        EXPECT_NEAR(r->relative, r->loss / (kq * kx).trace(), 1e-9);
      }
    }
  }
}

// The closed form has a known value: the singular values that rank d leaves out of K_Q^(1/2) K_X^(1/2).
TEST(Leanvec, SpheringIsTheOptimum) {
  const test::Mismatched set = test::mismatched(800, 32, 5);
  const MatrixD kq = moments_of(set.queries).second_moment();
  const MatrixD kx = moments_of(set.base).second_moment();
  const auto root = [](const MatrixD& k) {
    const EigenPairs e = symmetric_eigen(k, Stop{});
    return MatrixD(e.vectors.transpose() * e.values.cwiseMax(0).cwiseSqrt().asDiagonal() * e.vectors);
  };
  const VectorD s = (root(kq) * root(kx)).jacobiSvd().singularValues();
  for (const size_t d : {4, 16, 31}) {
    const double best = s.tail(32 - static_cast<Eigen::Index>(d)).squaredNorm();
    EXPECT_NEAR(leanvec_sphering(kq, kx, d, Stop{}).loss, best, 1e-6 * s.squaredNorm() + 1e-3 * best) << d;
  }
}

TEST(Leanvec, QueriesLikeTheBaseGiveBackPca) {
  const Matrix x = decaying(1000, 40, 0.92, 6);
  const MatrixD k = moments_of(x).second_moment();
  for (const size_t d : {5, 10, 20}) {
    const MatrixD p = top_of(k, d);
    const double pca = leanvec_loss(k, k, p, p);
    const Leanvec eigen = leanvec_eigen(k, k, d, Stop{});
    EXPECT_NEAR(eigen.loss, pca, 0.01 * pca);
    EXPECT_NEAR(leanvec_sphering(k, k, d, Stop{}).loss, pca, 0.01 * pca);
    EXPECT_NEAR(leanvec_frank_wolfe(k, k, eigen.b, Stop{}).loss, pca, 0.01 * pca);
  }
}

TEST(Leanvec, SpheringIsNested) {
  const test::Mismatched set = test::mismatched(500, 30, 7);
  const Moments base = moments_of(set.base);
  const Moments queries = moments_of(set.queries);
  const Leanvec wide = train_leanvec(LeanvecAlgorithm::kSphering, base, queries, 20, Stop{});
  const Leanvec narrow = train_leanvec(LeanvecAlgorithm::kSphering, base, queries, 7, Stop{});
  EXPECT_TRUE(wide.nested);
  const MatrixD cut = wide.a.leftCols(7) * wide.b.leftCols(7).transpose();
  EXPECT_LE((cut - narrow.a * narrow.b.transpose()).cwiseAbs().maxCoeff(), 1e-6);
}

// Fewer queries than dimensions: whitening has directions without any query.
TEST(Leanvec, FewQueries) {
  const test::Mismatched set = test::mismatched(400, 32, 8);
  const Moments base = moments_of(set.base);
  Moments few(32);
  few.add(Rows{set.queries.data(), 3, 32}, Stop{});
  const Leanvec result = train_leanvec(LeanvecAlgorithm::kSphering, base, few, 8, Stop{});
  EXPECT_LE(result.relative, 1e-3);  // three queries need three dimensions
  const auto p = result.projection(base.mean());
  std::vector<float> u(8), x(32);
  p->apply_base(set.base.data(), u.data());
  p->restore(u.data(), x.data());
  for (const float v : x) EXPECT_TRUE(std::isfinite(v));
  // All-zero queries and constant vectors leave nothing to learn and must not fail.
  Moments zero(32);
  const Matrix none = Matrix::Zero(4, 32);
  zero.add(rows_of(none), Stop{});
  for (const auto algorithm :
       {LeanvecAlgorithm::kSphering, LeanvecAlgorithm::kEigen, LeanvecAlgorithm::kFrankWolfe}) {
    EXPECT_TRUE(train_leanvec(algorithm, base, zero, 8, Stop{}).b.allFinite());
    EXPECT_TRUE(train_leanvec(algorithm, zero, few, 8, Stop{}).b.allFinite());
  }
}

TEST(Leanvec, HeldOutQueriesGain) {
  const test::Mismatched set = test::mismatched(1500, 64, 9);
  Matrix shifted = set.base.array() + 0.5f;  // the mean must not disturb
  const Moments base = moments_of(shifted);
  const Moments queries = moments_of(set.queries);
  const size_t d = 16;
  const auto error = [&](const Projection& p) {
    const Eigen::Map<const Vector> mean(p.mean(), 64);
    double sum = 0;
    Vector u(d), v(d);
    for (Eigen::Index i = 0; i < 300; ++i) {
      const Vector q = set.held_out.row(i).transpose();
      const Vector x = shifted.row(i).transpose();
      p.apply_query(q.data(), v.data());
      p.apply_base(x.data(), u.data());
      const double e = q.dot(mean) + v.dot(u) - q.dot(x);
      sum += e * e;
    }
    return sum;
  };
  const double pca = error(*train_pca(base, d, Stop{}).projection(d));
  const auto aware = [&](LeanvecAlgorithm algorithm) {
    return error(*train_leanvec(algorithm, base, queries, d, Stop{}).projection(base.mean()));
  };
  EXPECT_LT(aware(LeanvecAlgorithm::kSphering), 0.6 * pca);
  EXPECT_LT(aware(LeanvecAlgorithm::kEigen), 0.9 * pca);
  EXPECT_LT(aware(LeanvecAlgorithm::kFrankWolfe), 0.9 * pca);
}

TEST(Leanvec, ArgumentsAndStop) {
  const test::Mismatched set = test::mismatched(100, 24, 10);
  const Moments base = moments_of(set.base);
  const Moments queries = moments_of(set.queries);
  const auto train = [&](const Moments& q, size_t d, size_t budget) {
    train_leanvec(LeanvecAlgorithm::kSphering, base, q, d, Stop{}, budget);
  };
  EXPECT_THROW(train(Moments(24), 8, 1 << 20), Error);
  EXPECT_THROW(train(Moments(23), 8, 1 << 20), Error);
  EXPECT_THROW(train(queries, 0, 1 << 20), Error);
  EXPECT_THROW(train(queries, 25, 1 << 20), Error);
  EXPECT_THROW(train(queries, 8, 1000), Error);
  EXPECT_NO_THROW(train(queries, 24, 1 << 20));
  for (const auto algorithm :
       {LeanvecAlgorithm::kSphering, LeanvecAlgorithm::kEigen, LeanvecAlgorithm::kFrankWolfe}) {
    for (const int calls : {0, 40, 120}) {
      test::StopAfter later{calls};
      EXPECT_THROW(train_leanvec(algorithm, base, queries, 8, later.stop()), Stopped);
    }
  }
}

}  // namespace
}  // namespace lowdim::core
