// PCA, the dense linear projection, rotations and random projections.
#include <gtest/gtest.h>
#include <Eigen/SVD>

#include <cmath>
#include <functional>

#include "codec_image_check.h"
#include "codec_training_data.h"
#include "core/codec/linear.h"
#include "core/codec/pca.h"
#include "core/codec/random_projection.h"
#include "core/codec/rotation.h"

namespace lowdim::core {
namespace {

using test::decaying;
using test::gaussian;
using test::rows_of;

Vector base(const Projection& p, const float* x) {
  Vector out(p.out_dims());
  p.apply_base(x, out.data());
  return out;
}

Vector query(const Projection& p, const float* q) {
  Vector out(p.out_dims());
  p.apply_query(q, out.data());
  return out;
}

Vector restored(const Projection& p, const Vector& u) {
  Vector out(p.in_dims());
  p.restore(u.data(), out.data());
  return out;
}

double reconstruction_error(const Projection& p, const Matrix& x) {
  double sum = 0;
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    sum += (restored(p, base(p, x.row(i).data())) - x.row(i).transpose()).squaredNorm();
  }
  return sum / static_cast<double>(x.rows());
}

TEST(Pca, ReachesTheOptimumOfEckartAndYoung) {
  const Matrix x = decaying(900, 48, 0.93, 1, 3);
  Moments moments(48);
  moments.add(rows_of(x), Stop{});
  MatrixD centred = x.cast<double>();
  centred.rowwise() -= centred.colwise().mean().eval();
  const VectorD squares = Eigen::JacobiSVD<MatrixD>(centred).singularValues().array().square();
  for (const size_t d : {1, 7, 24, 48}) {
    const Pca pca = train_pca(moments, d, Stop{});
    const auto p = pca.projection(d);
    const double best = squares.tail(48 - static_cast<Eigen::Index>(d)).sum() / 900;
    EXPECT_NEAR(reconstruction_error(*p, x), best, 1e-4 * squares.sum() / 900) << d;
    EXPECT_NEAR(pca.kept(d), squares.head(static_cast<Eigen::Index>(d)).sum() / squares.sum(), 1e-6);
    EXPECT_TRUE(p->orthonormal());
    EXPECT_EQ(p->isometric(), d == 48);
  }
}

TEST(Pca, SmallerDimensionsArePrefixes) {
  const Matrix x = decaying(500, 40, 0.9, 2);
  const Pca wide = train_pca(rows_of(x), 24, Stop{});
  const Pca narrow = train_pca(rows_of(x), 6, Stop{});
  const auto p = narrow.projection(6);
  const auto prefix = wide.projection(24)->prefix(6);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(base(*p, x.row(i).data()), base(*prefix, x.row(i).data()));
    EXPECT_LE((base(*p, x.row(i).data()) - base(*wide.projection(24), x.row(i).data()).head(6)).norm(), 1e-6);
  }
}

TEST(Pca, FromRowsWithoutTheMatrix) {
  // A budget that holds the iterated block but not 256 x 256 matrices.
  const Matrix x = decaying(700, 256, 0.9, 3, 1);
  const size_t budget = 800 << 10;
  EXPECT_THROW(train_pca(Moments(256), 8, Stop{}, budget), Error);
  const Pca direct = train_pca(rows_of(x), 8, Stop{});
  const Pca iterated = train_pca(rows_of(x), 8, Stop{}, budget);
  EXPECT_NE(iterated.pairs.vectors, direct.pairs.vectors);  // it did take the other way
  EXPECT_NEAR(iterated.kept(8), direct.kept(8), 1e-4);
  EXPECT_NEAR(reconstruction_error(*iterated.projection(8), x),
              reconstruction_error(*direct.projection(8), x), 1e-3 * direct.total_variance);
  EXPECT_THROW(train_pca(rows_of(x), 8, Stop{}, 1000), Error);
}

TEST(Pca, Arguments) {
  const Matrix x = decaying(10, 5, 0.9, 3);
  EXPECT_THROW(train_pca(rows_of(x), 0, Stop{}), Error);
  EXPECT_THROW(train_pca(rows_of(x), 6, Stop{}), Error);
  EXPECT_THROW(train_pca(Rows{x.data(), 0, 5}, 2, Stop{}), Error);
  // One row, equal rows, more directions than rows: still a projection.
  const auto one = train_pca(Rows{x.data(), 1, 5}, 5, Stop{}).projection(5);
  EXPECT_LE((restored(*one, base(*one, x.row(0).data())) - x.row(0).transpose()).norm(), 1e-6);
  test::StopAfter later{2};
  EXPECT_THROW(train_pca(rows_of(x), 5, later.stop()), Stopped);
}

TEST(Linear, InnerProductsWithTheMean) {
  // Square and orthonormal: <q, x> = <q, mean> + <A^T q, B^T (x - mean)> exactly.
  const Matrix x = decaying(300, 20, 0.9, 4, 2);
  const auto p = train_pca(rows_of(x), 20, Stop{}).projection(20);
  const Eigen::Map<const Vector> mean(p->mean(), 20);
  for (int i = 0; i + 1 < 100; ++i) {
    const Vector q = x.row(i + 1).transpose();
    const double estimate = q.dot(mean) + query(*p, q.data()).dot(base(*p, x.row(i).data()));
    EXPECT_NEAR(estimate, x.row(i).dot(q), 1e-4 * x.row(i).norm() * q.norm());
  }
}

TEST(Linear, PlacesInMemoryDoNotShow) {
  const Matrix x = gaussian(1, 37, 5);
  const LinearProjection p(std::vector<float>(37, 0.25f), gaussian(37, 13, 6), gaussian(37, 13, 7));
  const Vector want = base(p, x.data());
  std::vector<float> in(41);
  std::vector<float> out(17);
  for (size_t shift = 0; shift < 4; ++shift) {
    std::copy_n(x.data(), 37, in.begin() + static_cast<std::ptrdiff_t>(shift));
    p.apply_base(in.data() + shift, out.data() + 3 - shift);
    EXPECT_EQ(want, Vector(Eigen::Map<Vector>(out.data() + 3 - shift, 13)));
  }
}

TEST(Linear, RestoreIsThePseudoInverse) {
  const LinearProjection p(std::vector<float>(12, 1.0f), gaussian(12, 5, 6), gaussian(12, 5, 7));
  const Matrix b = gaussian(12, 5, 7);
  const Vector u = gaussian(1, 5, 8).transpose();
  const Vector x = restored(p, u);
  EXPECT_LE((base(p, x.data()) - u).norm(), 1e-4 * u.norm());  // its projection is u
  const Vector away = x.array() - 1.0f;                        // and it lies in the span of b: the shortest
  const Vector in_span = b * (b.transpose() * b).ldlt().solve(b.transpose() * away);
  EXPECT_LE((away - in_span).norm(), 1e-4 * away.norm());
}

TEST(Linear, DependentColumns) {
  Matrix b = gaussian(10, 4, 7);
  b.col(2) = b.col(1);
  b.col(3).setZero();
  const LinearProjection p({}, b, b);
  const Vector x = b.col(0) + 2 * b.col(1);
  EXPECT_LE((restored(p, base(p, x.data())) - x).norm(), 1e-3 * x.norm());
  EXPECT_EQ(p.mean(), nullptr);
}

TEST(Linear, Images) {
  const Matrix x = decaying(60, 6, 0.8, 4, 2);
  const std::unique_ptr<const LinearProjection> trained = train_pca(rows_of(x), 3, Stop{}).projection(3);
  const LinearProjection aware(std::vector<float>(6, 0.5f), gaussian(6, 2, 6), gaussian(6, 2, 7));
  for (const LinearProjection* p : {trained.get(), &aware}) {
    ByteWriter out;
    p->write(out);
    ByteReader in(out.bytes().data(), out.bytes().size());
    const auto back = LinearProjection::read(in, 6);
    in.end();
    EXPECT_EQ(back->orthonormal(), p->orthonormal());
    const Vector u = base(*p, x.row(0).data());
    EXPECT_EQ(base(*back, x.row(0).data()), u);
    EXPECT_EQ(query(*back, x.row(0).data()), query(*p, x.row(0).data()));
    EXPECT_EQ(restored(*back, u), restored(*p, u));
    test::check_damaged_images(out.bytes(), [&](ByteReader& damaged) {
      const auto q = LinearProjection::read(damaged, 6);
      restored(*q, base(*q, x.row(0).data()));
      query(*q, x.row(0).data());
    });
  }
  // Columns that claim to be orthonormal and are not.
  ByteWriter out;
  LinearProjection({}, gaussian(6, 3, 9)).write(out);
  ByteReader in(out.bytes().data(), out.bytes().size());
  EXPECT_THROW(LinearProjection::read(in, 6), Error);
}

TEST(Rotation, IsIsometricAndInvertible) {
  for (const size_t dims : {1, 2, 3, 5, 8, 64, 96, 100, 255, 256, 257, 768, 784, 1536}) {
    const HadamardRotation p(dims, 7);
    EXPECT_TRUE(p.isometric());
    const Matrix x = gaussian(20, dims, dims);
    bool moved = false;
    for (Eigen::Index i = 0; i + 1 < x.rows(); ++i) {
      const Vector u = base(p, x.row(i).data());
      const Vector v = query(p, x.row(i + 1).data());
      EXPECT_NEAR(u.norm() / x.row(i).norm(), 1, 1e-5) << dims;
      EXPECT_NEAR(u.dot(v), x.row(i).dot(x.row(i + 1)), 1e-5 * x.row(i).norm() * x.row(i + 1).norm()) << dims;
      EXPECT_LE((restored(p, u) - x.row(i).transpose()).norm(), 1e-5 * x.row(i).norm()) << dims;
      moved |= (u - x.row(i).transpose()).norm() > 0.5 * x.row(i).norm();
    }
    if (dims >= 8) {
      EXPECT_TRUE(moved) << dims;
    }
  }
}

TEST(Rotation, SpreadsOneCoordinateOverAll) {
  for (const size_t dims : {96, 100, 256, 257, 768, 784, 1000}) {
    for (const uint64_t seed : {1, 2, 3}) {
      const HadamardRotation p(dims, seed);
      float worst = 0;
      for (size_t i = 0; i < dims; ++i) {
        Vector x = Vector::Zero(dims);
        x(i) = 1;
        worst = std::max(worst, base(p, x.data()).cwiseAbs().maxCoeff());
      }
      // Of D^2 normal values with deviation 1 / sqrt(D) the largest is about 5 deviations.
      EXPECT_LE(worst, 6.5 / std::sqrt(dims)) << dims << " seed " << seed;
    }
  }
}

TEST(Rotation, SeedsDiffer) {
  const Matrix x = gaussian(1, 100, 1);
  const Vector one = base(HadamardRotation(100, 1), x.data());
  EXPECT_EQ(one, base(HadamardRotation(100, 1), x.data()));
  EXPECT_GT((one - base(HadamardRotation(100, 2), x.data())).norm(), 0.5 * one.norm());
}

TEST(RandomProjection, InnerProductsAreUnbiased) {
  const size_t dims = 90;
  const Matrix x = gaussian(2, dims, 11);
  const Vector a = x.row(0).transpose();
  const Vector b = (x.row(0) * 0.5f + x.row(1)).transpose();
  const double truth = a.dot(b);
  for (const RandomEntries entries : {RandomEntries::kDense, RandomEntries::kSparse}) {
    constexpr int kSeeds = 3000;
    double sum = 0;
    double squares = 0;
    for (int seed = 0; seed < kSeeds; ++seed) {
      const RandomProjection p(entries, dims, 18, static_cast<uint64_t>(seed));
      const double estimate = query(p, a.data()).dot(base(p, b.data()));
      sum += estimate;
      squares += estimate * estimate;
    }
    const double mean = sum / kSeeds;
    const double error = std::sqrt((squares / kSeeds - mean * mean) / kSeeds);
    EXPECT_LE(std::abs(mean - truth), 4 * error);
    EXPECT_LE(error, 0.1 * truth);  // so that the line above says something
  }
}

TEST(RandomProjection, SparseHasTheStatedDensity) {
  const size_t dims = 400;
  const RandomProjection p(RandomEntries::kSparse, dims, 100, 3);
  size_t entries = 0;
  for (size_t i = 0; i < dims; ++i) {
    Vector x = Vector::Zero(dims);
    x(i) = 1;
    entries += static_cast<size_t>((base(p, x.data()).array() != 0).count());
  }
  EXPECT_NEAR(static_cast<double>(entries), 400 * 100 / 20.0, 5 * std::sqrt(400 * 100 / 20.0));
}

TEST(RandomProjection, RestoreHasTheSameProjection) {
  for (const RandomEntries entries : {RandomEntries::kDense, RandomEntries::kSparse}) {
    for (const size_t d : {1, 3, 30, 101}) {
      const RandomProjection p(entries, 202, d, 5);
      const Matrix x = gaussian(1, 202, d);
      const Vector u = base(p, x.data());
      const Vector back = restored(p, u);
      EXPECT_LE((base(p, back.data()) - u).norm(), 1e-3 * u.norm()) << d;
      EXPECT_LE(back.norm(), x.norm() * 1.001) << d;  // the shortest with that projection
      EXPECT_TRUE(restored(p, Vector::Zero(d)).isZero());
    }
  }
}

TEST(RandomProjection, Arguments) {
  EXPECT_THROW(RandomProjection(RandomEntries::kDense, 4, 5, 1), Error);
  EXPECT_THROW(RandomProjection(RandomEntries::kSparse, 4, 0, 1), Error);
}

// Rotations and random projections: the seed is all that is stored.
TEST(Seeded, Images) {
  const Matrix x = gaussian(1, 50, 1);
  const auto check = [&](const Projection& p,
                         const std::function<std::unique_ptr<Projection>(ByteReader&, size_t)>& read) {
    ByteWriter out;
    p.write(out);
    EXPECT_LE(out.bytes().size(), 24u);
    ByteReader in(out.bytes().data(), out.bytes().size());
    const auto back = read(in, 50);
    in.end();
    EXPECT_EQ(base(*back, x.data()), base(p, x.data()));
    ByteReader other(out.bytes().data(), out.bytes().size());
    EXPECT_THROW(read(other, 51), Error);
    test::check_damaged_images(out.bytes(), [&](ByteReader& damaged) {
      const auto q = read(damaged, 50);
      restored(*q, base(*q, x.data()));
    });
  };
  check(HadamardRotation(50, 9), HadamardRotation::read);
  check(RandomProjection(RandomEntries::kDense, 50, 21, 9), RandomProjection::read);
  check(RandomProjection(RandomEntries::kSparse, 50, 20, 9), RandomProjection::read);
}

}  // namespace
}  // namespace lowdim::core
