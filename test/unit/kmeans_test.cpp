// k-means: separated blobs are found, the inertia never rises, empty clusters are filled, the same seed gives
// the same bits, assignments are the nearest centroids, and a cancelled run ends.
#include "core/cluster/kmeans.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "core/base/random.h"
#include "core/cluster/nearest.h"

namespace lowdim::core {
namespace {

// n rows around `k` centres that lie `apart` from each other, shifted by `offset`; row i belongs to i % k.
std::vector<float> blobs(size_t n, size_t dims, size_t k, double apart, double offset, uint64_t seed) {
  Random random(seed);
  std::vector<double> centres(k * dims);
  for (double& c : centres) c = offset + apart * random.normal();
  std::vector<float> rows(n * dims);
  for (size_t i = 0; i < n; ++i) {
    for (size_t d = 0; d < dims; ++d) {
      rows[i * dims + d] = static_cast<float>(centres[i % k * dims + d] + random.normal());
    }
  }
  return rows;
}

double distance2(const float* a, const float* b, size_t dims) {
  double sum = 0;
  for (size_t d = 0; d < dims; ++d) {
    const double x = static_cast<double>(a[d]) - static_cast<double>(b[d]);
    sum += x * x;
  }
  return sum;
}

TEST(KMeans, FindsSeparatedBlobs) {
  constexpr size_t kN = 3000, kDims = 9, kK = 11;
  for (const double offset : {0.0, 5000.0}) {  // far from the origin, too
    const std::vector<float> data = blobs(kN, kDims, kK, 30, offset, 5);
    const KMeans found = kmeans({data.data(), kN, kDims}, kK, 20, 1, Stop{});
    std::set<uint32_t> used;
    for (size_t i = 0; i < kN; ++i) {
      ASSERT_EQ(found.nearest[i], found.nearest[i % kK]) << i;
      used.insert(found.nearest[i]);
    }
    EXPECT_EQ(used.size(), kK);
    EXPECT_NEAR(found.final_inertia() / kN, kDims, 0.05 * kDims);  // the noise's variance
  }
}

TEST(KMeans, InertiaNeverRises) {
  for (const size_t k : {2u, 16u, 200u}) {
    const std::vector<float> data = blobs(2000, 7, 40, 2, 100, k);
    const KMeans found = kmeans({data.data(), 2000, 7}, k, 25, 3, Stop{});
    ASSERT_GT(found.inertia.size(), 2u);
    for (size_t i = 1; i < found.inertia.size(); ++i) {
      EXPECT_LE(found.inertia[i], found.inertia[i - 1] * (1 + 1e-9)) << k << " " << i;
    }
  }
}

TEST(KMeans, FewDimensionsAndCentroids) {
  // Taken one by one, not by products: every size of the last block, the first of equal centroids.
  for (const size_t dims : {1u, 2u, 4u}) {
    for (const size_t n : {1u, 7u, 8u, 191u, 193u, 1000u}) {
      const std::vector<float> data = blobs(n, dims, 6, 3, 100, n);
      Matrix centroids(16, static_cast<Eigen::Index>(dims));
      for (size_t c = 0; c < 16; ++c) {
        for (size_t d = 0; d < dims; ++d) {
          centroids(static_cast<Eigen::Index>(c), static_cast<Eigen::Index>(d)) =
              data[(c / 2 * 37 % n) * dims + d];
        }
      }
      std::vector<uint32_t> nearest(n);
      std::vector<float> distances(n);
      const double inertia =
          assign_nearest({data.data(), n, dims}, centroids, nearest.data(), distances.data(), Stop{});
      double sum = 0;
      for (size_t i = 0; i < n; ++i) {
        double least = std::numeric_limits<double>::max();
        for (Eigen::Index c = 0; c < 16; ++c) {
          least = std::min(least, distance2(&data[i * dims], centroids.row(c).data(), dims));
        }
        EXPECT_EQ(nearest[i] % 2, 0u);
        EXPECT_NEAR(distances[i], least, 1e-4 + 1e-4 * least);
        EXPECT_NEAR(distance2(&data[i * dims], centroids.row(nearest[i]).data(), dims), least, 1e-4);
        sum += least;
      }
      EXPECT_NEAR(inertia, sum, 1e-4 * sum + 1e-4);
    }
  }
}

TEST(KMeans, InertiaIsThatOfTheNearestCentroids) {
  constexpr size_t kN = 700, kDims = 5;
  const std::vector<float> data = blobs(kN, kDims, 6, 3, 10, 8);
  const KMeans found = kmeans({data.data(), kN, kDims}, 1500, 2, 3, Stop{});  // several blocks of centroids
  double sum = 0;
  for (size_t i = 0; i < kN; ++i) {
    double least = std::numeric_limits<double>::max();
    for (Eigen::Index c = 0; c < found.centroids.rows(); ++c) {
      least = std::min(least, distance2(&data[i * kDims], found.centroids.row(c).data(), kDims));
    }
    EXPECT_LE(distance2(&data[i * kDims], found.centroids.row(found.nearest[i]).data(), kDims), least + 1e-4);
    sum += least;
  }
  EXPECT_NEAR(found.final_inertia(), sum, 1e-3);
}

// Three of four seeds are nearest to no row.
TEST(KMeans, EmptyClustersAreFilled) {
  constexpr size_t kN = 400;
  Random random(2);
  std::vector<float> data(kN * 2);
  for (float& x : data) x = static_cast<float>(random.normal());
  Matrix seeds(4, 2);
  seeds << 0, 0, 900, 0, 0, 900, 900, 900;
  const KMeans found = lloyd({data.data(), kN, 2}, seeds, 10, Stop{});
  std::vector<int> counts(4);
  for (const uint32_t c : found.nearest) ++counts[c];
  for (const int n : counts) EXPECT_GT(n, 0);
  for (size_t i = 1; i < found.inertia.size(); ++i) EXPECT_LE(found.inertia[i], found.inertia[i - 1]);
}

TEST(KMeans, FewerRowsThanClusters) {
  const std::vector<float> data = {1, 2, 1, 2, 5, 6};
  const KMeans found = kmeans({data.data(), 3, 2}, 8, 5, 1, Stop{});
  EXPECT_EQ(found.centroids.rows(), 8);
  EXPECT_EQ(found.final_inertia(), 0);
}

TEST(KMeans, SameSeedSameBits) {
  std::vector<float> data = blobs(1500, 6, 12, 2, 0, 4);
  const KMeans one = kmeans({data.data(), 1500, 6}, 32, 8, 77, Stop{});
  std::vector<char> shifted(data.size() * sizeof(float) + 4);  // another alignment
  std::memcpy(shifted.data() + 4, data.data(), data.size() * sizeof(float));
  const KMeans two = kmeans({reinterpret_cast<const float*>(shifted.data() + 4), 1500, 6}, 32, 8, 77, Stop{});
  EXPECT_EQ(one.centroids, two.centroids);
  EXPECT_EQ(one.nearest, two.nearest);
  const KMeans other = kmeans({data.data(), 1500, 6}, 32, 8, 78, Stop{});
  EXPECT_NE(one.centroids, other.centroids);
}

TEST(KMeans, Refusals) {
  const std::vector<float> data = {1, 2, std::numeric_limits<float>::quiet_NaN(), 3};
  EXPECT_THROW(kmeans({data.data(), 0, 2}, 2, 5, 1, Stop{}), Error);
  EXPECT_THROW(kmeans({data.data(), 1, 2}, 0, 5, 1, Stop{}), Error);
  EXPECT_THROW(kmeans({data.data(), 2, 2}, 2, 5, 1, Stop{}), Error);
  int polls = 0;
  const Stop stop{[](void* n) { return ++*static_cast<int*>(n) > 20; }, &polls};
  const std::vector<float> many = blobs(20000, 8, 5, 1, 0, 1);
  EXPECT_THROW(kmeans({many.data(), 20000, 8}, 64, 50, 1, stop), Stopped);
}

TEST(Nearest, FirstOfEqualsAndValidForNan) {
  Random random(6);
  for (size_t n = 1; n < 60; ++n) {
    std::vector<float> base(n), scores(n);
    for (int round = 0; round < 50; ++round) {
      for (float& s : scores) s = static_cast<float>(random.below(4));
      for (float& b : base) b = static_cast<float>(random.below(3));
      size_t least = 0;
      for (size_t i = 1; i < n; ++i) {
        if (base[i] - scores[i] < base[least] - scores[least]) least = i;
      }
      ASSERT_EQ(first_least_difference(base.data(), scores.data(), n), least) << n;
    }
    for (float& s : scores) s = std::numeric_limits<float>::quiet_NaN();
    EXPECT_LT(first_least_difference(base.data(), scores.data(), n), n);
  }
}

}  // namespace
}  // namespace lowdim::core
