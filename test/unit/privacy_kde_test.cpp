// Private kernel density: without noise the kernels themselves within the error of random features, unbiased
// also where the structure of the features could show; sums that are the same to the bit in any order, split
// and instruction set; noise of the promised size; images.

#include "core/privacy/kde.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/simd/kernels.h"
#include "privacy_fixture.h"

namespace lowdim::core {
namespace {

constexpr Kernel kKernels[] = {Kernel::kGaussian, Kernel::kExponential, Kernel::kLaplace, Kernel::kCauchy,
                               Kernel::kSmooth};

using Rows = std::vector<std::vector<float>>;

Rows some_rows(size_t n, uint32_t dims, uint64_t seed, double spread = 0.4) {
  Random random(seed);
  Rows rows(n, std::vector<float>(dims));
  for (auto& row : rows)
    for (float& v : row) v = static_cast<float>(spread * random.normal());
  return rows;
}

KdeOptions options_of(Kernel kernel, uint32_t dims, uint32_t features, double bandwidth, uint64_t seed = 1) {
  KdeOptions o;
  o.kernel = kernel;
  o.dims = dims;
  o.features = features;
  o.bandwidth = bandwidth;
  o.seed = seed;
  return o;
}

KdeSums sums_of(const KdeOptions& options, const Rows& rows) {
  KdeSums sums(options);
  for (const auto& row : rows) sums.add(row.data());
  return sums;
}

KdeSketch release(const KdeSums& sums, NoiseMechanism mechanism, double epsilon = 1, uint64_t seed = 1) {
  SeededEntropy entropy(seed);
  RandomBits bits(entropy.source());
  PrivacyOptions privacy;
  privacy.mechanism = mechanism;
  privacy.epsilon = epsilon;
  return KdeSketch(sums, privacy, bits);
}

double exact_mean(const KdeOptions& o, const Rows& rows, const float* y) {
  double sum = 0;
  for (const auto& row : rows) sum += kernel_value(o.kernel, o.bandwidth, row.data(), y, o.dims);
  return sum / static_cast<double>(rows.size());
}

TEST(PrivacyKde, WithoutNoiseTheKernels) {
  for (const Kernel kernel : kKernels) {
    for (const uint32_t dims : {1u, 3u, 16u, 40u, 129u}) {
      const KdeOptions options = options_of(kernel, dims, 4096, 0.5 * std::sqrt(dims));
      const Rows rows = some_rows(100, dims, dims), queries = some_rows(20, dims, 1000 + dims);
      const KdeSketch sketch = release(sums_of(options, rows), NoiseMechanism::kNone);
      EXPECT_EQ(sketch.rows(), 100);
      KdeQuery query(sketch);
      double square = 0;
      for (const auto& y : queries) {
        const double error = query.mean(y.data()) - exact_mean(options, rows, y.data());
        EXPECT_LT(std::abs(error), 5 / std::sqrt(2.0 * 4096)) << kernel_name(kernel) << " " << dims;
        square += error * error / 20;
      }
      EXPECT_LT(std::sqrt(square), 1.6 / std::sqrt(2.0 * 4096)) << kernel_name(kernel) << " " << dims;
    }
  }
}

// One pair of vectors, many seeds: along an axis, along a row of the transform, and dense. The variance of p
// independent pairs would be (1 + k(2 z) - 2 k(z)^2) / (2 p); the dependence within a block makes up to twice
// that.
TEST(PrivacyKde, FeaturesAreUnbiased) {
  constexpr uint32_t kDims = 32, kFeatures = 64;
  constexpr int kSeeds = 1000;
  Random random(5);
  Rows differences(3, std::vector<float>(kDims));
  for (uint32_t d = 0; d < kDims; ++d) {
    differences[0][d] = d == 3 ? 1.0f : 0.0f;
    differences[1][d] = (__builtin_popcount(d & 13) % 2 == 0 ? 1 : -1) / std::sqrt(static_cast<float>(kDims));
    differences[2][d] = static_cast<float>(random.normal() / std::sqrt(static_cast<double>(kDims)));
  }
  for (const Kernel kernel : kKernels) {
    for (const auto& z : differences) {
      std::vector<float> x(kDims, 0.1f), y(kDims), twice(kDims);
      for (uint32_t d = 0; d < kDims; ++d) y[d] = x[d] + z[d], twice[d] = x[d] + 2 * z[d];
      double sum = 0, square = 0;
      const double h = kernel == Kernel::kLaplace ? 3 : 1;
      const double k = kernel_value(kernel, h, x.data(), y.data(), kDims);
      const double k2 = kernel_value(kernel, h, x.data(), twice.data(), kDims);
      for (int seed = 0; seed < kSeeds; ++seed) {
        const KdeOptions options = options_of(kernel, kDims, kFeatures, h, static_cast<uint64_t>(seed));
        KdeQuery query(release(sums_of(options, {x}), NoiseMechanism::kNone));
        const double error = query.mean(y.data()) - k;
        sum += error;
        square += error * error;
      }
      const double variance = square / kSeeds;
      EXPECT_LT(std::abs(sum / kSeeds), 4.5 * std::sqrt(variance / kSeeds)) << kernel_name(kernel);
      EXPECT_LT(variance, 2.1 * (1 + k2 - 2 * k * k) / (2 * kFeatures)) << kernel_name(kernel);
    }
  }
}

TEST(PrivacyKde, SumsAreTheSameInAnyOrderAndSplit) {
  for (const Kernel kernel : {Kernel::kGaussian, Kernel::kLaplace}) {
    const KdeOptions options = options_of(kernel, 20, 77, 1);
    Rows rows = some_rows(60, 20, 3);
    const std::vector<uint8_t> whole = sums_of(options, rows).image();
    Random random(4);
    for (int i = 0; i < 5; ++i) {
      for (size_t k = rows.size(); k > 1; --k) std::swap(rows[k - 1], rows[random.below(k)]);
      KdeSums total(options);
      for (size_t at = 0; at < rows.size();) {
        const size_t n = std::min<size_t>(1 + random.below(20), rows.size() - at);
        const auto image = sums_of(options, Rows(rows.begin() + static_cast<ptrdiff_t>(at),
                                                 rows.begin() + static_cast<ptrdiff_t>(at + n)))
                               .image();
        total.merge(KdeSums::read(image.data(), image.size()));
        at += n;
      }
      EXPECT_EQ(total.image(), whole);
    }
  }
  KdeSums a(options_of(Kernel::kGaussian, 20, 77, 1)), b(options_of(Kernel::kGaussian, 20, 77, 1, 2));
  EXPECT_THROW(a.merge(b), Error);
}

uint64_t hash_of(const std::vector<int64_t>& values) {
  uint64_t h = 1;
  for (const int64_t v : values) h = mix64(h ^ static_cast<uint64_t>(v)) + 1;
  return h;
}

// On every instruction set, and on every machine: the pinned numbers are part of what a seed means.
TEST(PrivacyKde, SameBitsEverywhere) {
  struct Restore {
    ~Restore() { simd::force(simd::detect()); }
  } restore;
  const uint64_t pinned[] = {548341610514586736u, 7302064586118312175u, 15949167407514438007u,
                             17560134009959492915u, 6061233906205522569u};
  std::vector<double> first;
  for (const simd::Level level : {simd::Level::kBase, simd::Level::kAvx2, simd::Level::kAvx512}) {
    if (simd::kernels_for(level) == nullptr) continue;
    simd::force(level);
    std::vector<double> answers;
    for (const Kernel kernel : kKernels) {
      const KdeSums sums = sums_of(options_of(kernel, 50, 200, 2, 9), some_rows(30, 50, 7));
      EXPECT_EQ(hash_of(sums.sums()), pinned[static_cast<size_t>(kernel)]) << kernel_name(kernel);
      const Rows y = some_rows(1, 50, 8);
      answers.push_back(KdeQuery(release(sums, NoiseMechanism::kGaussian)).sum(y[0].data()));
    }
    if (first.empty()) first = answers;
    EXPECT_EQ(answers, first);
  }
}

// Root mean square of what noise adds to the estimated sum.
double noise_of(uint32_t features, NoiseMechanism mechanism, double epsilon) {
  const KdeOptions options = options_of(Kernel::kGaussian, 16, features, 1);
  const Rows rows = some_rows(20, 16, 1), queries = some_rows(20, 16, 2);
  const KdeSums sums = sums_of(options, rows);
  KdeQuery exact(release(sums, NoiseMechanism::kNone));
  double square = 0;
  constexpr int kReleases = 40;
  for (uint64_t i = 0; i < kReleases; ++i) {
    KdeQuery noisy(release(sums, mechanism, epsilon, 100 + i));
    for (const auto& y : queries) square += std::pow(noisy.sum(y.data()) - exact.sum(y.data()), 2);
  }
  return std::sqrt(square / (20 * kReleases));
}

TEST(PrivacyKde, NoiseIsWhatIsPromised) {
  // Gaussian: the same for any number of features; 5.350 rows, 3 % more for the number of rows.
  for (const uint32_t p : {16u, 256u, 2048u})
    EXPECT_NEAR(noise_of(p, NoiseMechanism::kGaussian, 1), 5.350 * std::sqrt(1 + 1.0 / 16), 0.9) << p;
  // Laplace: 2 sqrt(p) / epsilon, an eighth more for the number of rows.
  for (const uint32_t p : {16u, 256u, 1024u})
    EXPECT_NEAR(noise_of(p, NoiseMechanism::kLaplace, 1) / (2 * std::sqrt(p)), 1.125, 0.2) << p;
}

TEST(PrivacyKde, ExpectedError) {
  const Rows rows = some_rows(1000, 16, 1), queries = some_rows(300, 16, 2);
  for (const NoiseMechanism mechanism :
       {NoiseMechanism::kNone, NoiseMechanism::kGaussian, NoiseMechanism::kLaplace})
    for (const double bandwidth : {0.6, 1.5, 4.0}) {
      const KdeOptions options = options_of(Kernel::kGaussian, 16, 512, bandwidth);
      const KdeSums sums = sums_of(options, rows);
      KdeError e{};
      double absolute = 0;
      for (uint64_t i = 0; i < 5; ++i) {
        const KdeSketch sketch = release(sums, mechanism, 1, i);
        KdeQuery query(sketch);
        e = kde_error(sketch);
        for (const auto& y : queries)
          absolute += std::abs(query.sum(y.data()) / 1000 - exact_mean(options, rows, y.data())) / (5 * 300);
      }
      EXPECT_LT(absolute, 1.5 * e.mean_absolute) << bandwidth;
      EXPECT_GT(absolute, 0.2 * e.mean_absolute) << bandwidth;
      PrivacyOptions privacy;
      privacy.mechanism = mechanism;
      const KdeError planned = kde_error(options, privacy, 1000);
      EXPECT_NEAR(planned.features, 1 / 32.0, 1e-9);
      EXPECT_LE(e.features, planned.features);
      EXPECT_EQ(e.sum_noise, planned.sum_noise);
      if (mechanism == NoiseMechanism::kGaussian) {
        EXPECT_NEAR(e.sum_noise, 5.350 * std::sqrt(1 + 1.0 / 16), 0.01);
        EXPECT_NEAR(e.noise, planned.noise, 0.2 * e.noise);
        EXPECT_NEAR(e.rows / e.noise, 4, 1e-3);
      }
      if (mechanism == NoiseMechanism::kNone) {
        EXPECT_EQ(e.noise, 0);
      }
    }
}

// The empty set has a sketch like any other.
TEST(PrivacyKde, EmptySet) {
  const KdeSums sums(options_of(Kernel::kGaussian, 16, 64, 1));
  const KdeSketch sketch = release(sums, NoiseMechanism::kGaussian);
  const std::vector<float> y(16, 0.5f);
  EXPECT_LT(std::abs(KdeQuery(sketch).sum(y.data())), 40);
  EXPECT_LT(std::abs(sketch.rows()), 150);
  EXPECT_NE(sketch.rows(), 0);
}

// Rows wait for each other to be added together: any number of them, asked for at any time, gives the sums of
// each alone, with rows between that are too far away to wait.
TEST(PrivacyKde, WaitingRowsShowNowhere) {
  for (const Kernel kernel : kKernels) {
    for (const uint32_t dims : {1u, 20u, 100u}) {
      const KdeOptions options = options_of(kernel, dims, 150, 1);
      Rows rows = some_rows(150, dims, 7);
      for (const size_t far : {size_t{3}, size_t{70}}) rows[far].assign(dims, 1e30f);
      KdeSums together(options), apart(options), asked(options);
      for (size_t i = 0; i < rows.size(); ++i) {
        together.add(rows[i].data());
        KdeSums one(options);
        one.add(rows[i].data());
        apart.merge(one);
        asked.add(rows[i].data());
        if (i % 37 == 0) {
          EXPECT_EQ(asked.sums(), apart.sums());
        }
      }
      EXPECT_EQ(together.rows(), 150);
      const KdeSums copy = together;  // with some that wait
      EXPECT_EQ(copy.image(), apart.image());
      EXPECT_EQ(together.sums(), apart.sums());
      EXPECT_EQ(asked.sums(), apart.sums());
    }
  }
}

// A row of any content adds a pair of length 1 for each feature, so it can be hidden; none where it is so far
// away that the phase has no fraction left, and then it is far from every query.
TEST(PrivacyKde, AnyRowIsBounded) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  for (const Kernel kernel : kKernels) {
    const KdeOptions options = options_of(kernel, 20, 50, 1e-3);
    for (const float v : {0.0f, 1e-45f, 1.0f, 1e20f, 3e38f, inf, -inf, nan}) {
      const std::vector<float> row(20, v);
      const KdeSums sums = sums_of(options, {row});
      KdeFeatures features(options);
      const float* const phases = features.phases(row.data());
      uint32_t far = 0;
      for (uint32_t i = 0; i < 50; ++i) {
        const int64_t c = sums.sums()[i], s = sums.sums()[50 + i];
        const bool near = std::abs(phases[i]) <= 0x1p22f;
        far += !near;
        EXPECT_NEAR(std::sqrt(static_cast<double>(c * c + s * s)), near ? 0x1p20 : 0, near ? 1.5 : 0)
            << kernel_name(kernel) << v;
      }
      if (std::abs(v) <= 1e-45f) {
        EXPECT_EQ(far, 0u);
      }
      if (!(std::abs(v) <= 1e20f)) {
        EXPECT_EQ(far, 50u);
      }
      const KdeSums some = sums_of(options, {std::vector<float>(20, 0.0f), row});
      if (far == 50) {
        EXPECT_EQ(KdeQuery(release(some, NoiseMechanism::kNone)).sum(row.data()), 0);
      }
      EXPECT_EQ(sums.rows(), 1);
    }
  }
}

TEST(PrivacyKde, Options) {
  const auto good = options_of(Kernel::kGaussian, 20, 50, 1);
  for (int i = 0; i < 9; ++i) {
    KdeOptions o = good;
    if (i == 0) o.dims = 0;
    if (i == 1) o.dims = 16001;
    if (i == 2) o.features = 0;
    if (i == 3) o.features = 65537;
    if (i == 4) o.bandwidth = 0;
    if (i == 5) o.bandwidth = NAN;
    if (i == 6) o.bandwidth = INFINITY;
    if (i == 7) o.kernel = static_cast<Kernel>(5);
    if (i == 8) o.kernel = Kernel::kLaplace, o.dims = 16000, o.features = 2000;
    EXPECT_THROW(KdeSums{o}, Error) << i;
  }
  for (const Kernel k : kKernels) EXPECT_EQ(kernel_of(kernel_name(k)), k);
  EXPECT_THROW(kernel_of("box"), Error);
}

TEST(PrivacyKde, Images) {
  const KdeSums sums = sums_of(options_of(Kernel::kSmooth, 5, 7, 0.3, 42), some_rows(9, 5, 1));
  KdeSketch sketch = release(sums, NoiseMechanism::kLaplace, 0.25);
  std::vector<uint8_t> image = sketch.image();
  const KdeSketch back = KdeSketch::read(image.data(), image.size());
  EXPECT_EQ(back.image(), image);
  EXPECT_EQ(back.facts(), sketch.facts());
  EXPECT_EQ(back.options(), sums.options());
  const std::vector<float> y(5, 0.2f);
  EXPECT_EQ(KdeQuery(back).sum(y.data()), KdeQuery(sketch).sum(y.data()));
  for (size_t i = 0; i < image.size(); ++i) {
    image[i] ^= 1;
    EXPECT_THROW(KdeSketch::read(image.data(), image.size()), Error) << i;
    image[i] ^= 1;
    EXPECT_THROW(KdeSketch::read(image.data(), i), Error) << i;
  }
  const std::vector<uint8_t> state = sums.image();
  EXPECT_EQ(KdeSums::read(state.data(), state.size()).image(), state);
  EXPECT_THROW(KdeSketch::read(state.data(), state.size()), Error);
  EXPECT_THROW(KdeSums::read(image.data(), image.size()), Error);
}

}  // namespace
}  // namespace lowdim::core
