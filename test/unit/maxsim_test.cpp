// MaxSim: the kernel on every level of this processor, and the walk over blocks, against plain loops in
// double precision. Tolerance of a float product: |got - exact| <= 4e-7 * (4 + n / 16) * sum of |terms|; a
// float operation errs by 6e-8 of its result, and the longest chain of additions, at four lanes, is n / 4
// + 3.

#include "core/multi/maxsim.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "core/simd/kernels.h"

namespace lowdim::core {
namespace {

using simd::Kernels;
using simd::Level;

std::vector<const Kernels*> levels() {
  std::vector<const Kernels*> found;
  for (const Level level : {Level::kBase, Level::kAvx2, Level::kAvx512})
    if (const Kernels* k = simd::kernels_for(level)) found.push_back(k);
  return found;
}

// Exactly n floats, `offset` bytes from an aligned address: with AddressSanitizer, one further fails.
class Floats {
 public:
  explicit Floats(size_t n, size_t offset = 0) : bytes_(new char[4 * n + offset]), offset_(offset) {}
  const float* data() const { return reinterpret_cast<const float*>(bytes_.get() + offset_); }
  float get(size_t i) const {
    float x;
    std::memcpy(&x, bytes_.get() + offset_ + 4 * i, 4);
    return x;
  }
  void set(size_t i, float x) { std::memcpy(bytes_.get() + offset_ + 4 * i, &x, 4); }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t offset_;
};

Floats random_floats(size_t n, std::mt19937_64& random, size_t offset = 0) {
  std::normal_distribution<float> normal;
  Floats x(n, offset);
  for (size_t i = 0; i < n; ++i) x.set(i, normal(random));
  return x;
}

struct Exact {
  std::vector<double> best;
  std::vector<double> tolerance;
};

Exact reference(const Floats& d, size_t n_d, const Floats& q, size_t n_q, size_t n) {
  Exact exact;
  for (size_t j = 0; j < n_q; ++j) {
    double best = -std::numeric_limits<double>::infinity();
    double most = 0;
    for (size_t i = 0; i < n_d; ++i) {
      double dot = 0;
      double magnitude = 0;
      for (size_t k = 0; k < n; ++k) {
        const double term = static_cast<double>(d.get(i * n + k)) * static_cast<double>(q.get(j * n + k));
        dot += term;
        magnitude += std::fabs(term);
      }
      best = std::max(best, dot);
      most = std::max(most, magnitude);
    }
    exact.best.push_back(best);
    exact.tolerance.push_back(4e-7 * (4 + static_cast<double>(n) / 16) * most);
  }
  return exact;
}

struct Found {
  std::vector<float> best;
  std::vector<uint32_t> which;
};

Found run(const Kernels& k, const Floats& d, size_t n_d, const Floats& q, size_t n_q, size_t n,
          uint32_t place = 0) {
  Found f{std::vector<float>(n_q, -HUGE_VALF), std::vector<uint32_t>(n_q, 12345)};
  k.max_dots_f32(d.data(), n_d, q.data(), n_q, static_cast<uint32_t>(n), place, f.best.data(),
                 f.which.data());
  std::vector<float> alone(n_q, -HUGE_VALF);
  k.max_dots_f32(d.data(), n_d, q.data(), n_q, static_cast<uint32_t>(n), place, alone.data(), nullptr);
  EXPECT_EQ(alone, f.best) << k.name << ": the same with and without places";
  return f;
}

TEST(MaxSim, EveryLevelAgreesWithPlainLoops) {
  std::mt19937_64 random(5);
  for (const size_t n : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 128, 1000})
    for (const size_t n_d : {1, 2, 3, 4, 5, 8, 11})
      for (const size_t n_q : {1, 2, 3, 4, 5, 7, 12}) {
        const Floats d = random_floats(n_d * n, random, 4 * (n % 4));
        const Floats q = random_floats(n_q * n, random, 4 * ((n + 2) % 4));
        const Exact exact = reference(d, n_d, q, n_q, n);
        for (const Kernels* k : levels()) {
          const Found f = run(*k, d, n_d, q, n_q, n, 100);
          for (size_t j = 0; j < n_q; ++j) {
            ASSERT_NEAR(f.best[j], exact.best[j], exact.tolerance[j])
                << k->name << " " << n << " " << n_d << " " << n_q << " " << j;
            ASSERT_GE(f.which[j], 100u);
            ASSERT_LT(f.which[j], 100u + n_d);
          }
        }
      }
}

// One pair at a time has the product 15, all others 0: a pair left out, or put down to another vector, shows.
TEST(MaxSim, EveryPairCountsInItsPlace) {
  for (const size_t n : {1, 3, 8, 21, 32})
    for (const size_t n_d : {1, 4, 6, 9})
      for (const size_t n_q : {1, 3, 4, 7})
        for (size_t i = 0; i < n_d; ++i)
          for (size_t j = 0; j < n_q; ++j)
            for (const size_t at : {size_t{0}, n / 2, n - 1}) {
              Floats d(n_d * n), q(n_q * n);
              for (size_t t = 0; t < n_d * n; ++t) d.set(t, 0);
              for (size_t t = 0; t < n_q * n; ++t) q.set(t, 0);
              d.set(i * n + at, 3);
              q.set(j * n + at, 5);
              for (const Kernels* k : levels()) {
                const Found f = run(*k, d, n_d, q, n_q, n);
                for (size_t t = 0; t < n_q; ++t) {
                  ASSERT_EQ(f.best[t], t == j ? 15.0f : 0.0f) << k->name << " " << n << " " << i << " " << j;
                  ASSERT_EQ(f.which[t], t == j ? i : 0u) << k->name << " " << n << " " << i << " " << j;
                }
              }
            }
}

TEST(MaxSim, TheFirstOfEqualsWinsAndPlaceChangesNoBit) {
  std::mt19937_64 random(6);
  for (const size_t n : {5, 37, 128}) {
    const Floats one = random_floats(n, random);
    const Floats q = random_floats(5 * n, random);
    Floats d(9 * n);
    for (size_t t = 0; t < 9 * n; ++t) d.set(t, one.get(t % n));
    for (const Kernels* k : levels()) {
      const Found all = run(*k, d, 9, q, 5, n);
      const Found alone = run(*k, one, 1, q, 5, n);
      EXPECT_EQ(all.best, alone.best) << k->name;
      EXPECT_EQ(all.which, std::vector<uint32_t>(5, 0)) << k->name;
    }
  }
}

// Two equal documents at any two places, lanes and tiles apart: the first is named, and what was there before
// stays where neither is better.
TEST(MaxSim, OfTwoEqualsAnywhereTheFirstWins) {
  for (const size_t n_d : {2, 7, 15, 26})
    for (size_t first = 0; first < n_d; ++first)
      for (size_t second = first + 1; second < n_d; ++second) {
        Floats d(n_d), q(5);
        for (size_t i = 0; i < n_d; ++i) d.set(i, i == first || i == second ? 3.0f : 1.0f);
        for (size_t j = 0; j < 5; ++j) q.set(j, 2);
        for (const Kernels* k : levels()) {
          const Found f = run(*k, d, n_d, q, 5, 1, 10);
          EXPECT_EQ(f.best, std::vector<float>(5, 6.0f)) << k->name;
          EXPECT_EQ(f.which, std::vector<uint32_t>(5, 10 + static_cast<uint32_t>(first)))
              << k->name << " " << first << " " << second;
          float best[5] = {6, 6, 6, 6, 6};
          uint32_t which[5] = {3, 3, 3, 3, 3};
          k->max_dots_f32(d.data(), n_d, q.data(), 5, 1, 10, best, which);
          for (const uint32_t w : which) EXPECT_EQ(w, 3u) << k->name;
        }
      }
}

TEST(MaxSim, BestIsRaisedNotReplaced) {
  Floats d(2), q(2);
  d.set(0, 1), d.set(1, 2), q.set(0, 1), q.set(1, -1);
  for (const Kernels* k : levels()) {
    float best[2] = {1.5f, 7};
    uint32_t which[2] = {40, 41};
    k->max_dots_f32(d.data(), 2, q.data(), 2, 1, 60, best, which);
    EXPECT_EQ(best[0], 2.0f);
    EXPECT_EQ(which[0], 61u);
    EXPECT_EQ(best[1], 7.0f);
    EXPECT_EQ(which[1], 41u);
  }
}

TEST(MaxSim, OverflowIsInfiniteAndNaNNeverWins) {
  Floats d(6), q(2);
  const float big = 3e38f;
  for (size_t t = 0; t < 6; ++t) d.set(t, 1);
  d.set(0, big), d.set(1, big);   // inf - inf
  d.set(4, -big), d.set(5, big);  // -inf - inf
  q.set(0, 10), q.set(1, -10);
  for (const Kernels* k : levels()) {
    const Found f = run(*k, d, 3, q, 1, 2);
    EXPECT_EQ(f.best[0], 0.0f) << k->name;  // the vector in the middle
    EXPECT_EQ(f.which[0], 1u) << k->name;
  }
}

struct Forced {
  explicit Forced(Level level) { simd::force(level); }
  ~Forced() { simd::force(simd::detect()); }
};

// Sizes on both sides of the blocks, and blocks of the fewest vectors (large dims).
TEST(MaxSim, BlocksAddUpToTheWhole) {
  std::mt19937_64 random(7);
  struct Case {
    uint32_t n_d, n_q, n;
  };
  for (const Case c : {Case{1, 1, 1}, Case{128, 32, 128}, Case{525, 1040, 3}, Case{13, 25, 600},
                       Case{40, 3, 16000}, Case{1100, 2, 1}}) {
    const Floats d = random_floats(size_t{c.n_d} * c.n, random);
    const Floats q = random_floats(size_t{c.n_q} * c.n, random);
    const Exact exact = reference(d, c.n_d, q, c.n_q, c.n);
    double sum = 0, sum_tolerance = 0;
    for (uint32_t j = 0; j < c.n_q; ++j) sum += exact.best[j], sum_tolerance += exact.tolerance[j];
    for (const Kernels* k : levels()) {
      const Forced forced(k->level);
      std::vector<float> best(c.n_q);
      std::vector<uint32_t> which(c.n_q);
      max_matches({d.data(), c.n_d, c.n}, {q.data(), c.n_q, c.n}, best.data(), which.data(), Stop{});
      for (uint32_t j = 0; j < c.n_q; ++j) {
        ASSERT_NEAR(best[j], exact.best[j], exact.tolerance[j]) << k->name << " " << c.n_d << " " << j;
        double dot = 0;
        for (uint32_t t = 0; t < c.n; ++t)
          dot += static_cast<double>(d.get(size_t{which[j]} * c.n + t)) *
                 static_cast<double>(q.get(size_t{j} * c.n + t));
        ASSERT_NEAR(dot, exact.best[j], 2 * exact.tolerance[j]) << k->name << " " << c.n_d << " " << j;
      }
      EXPECT_NEAR(sum_matches(best.data(), c.n_q), sum, sum_tolerance) << k->name;
    }
  }
}

TEST(MaxSim, SumsInDoublePrecision) {
  std::vector<float> best(3, 1.0f);
  best[0] = 16777216.0f;  // where a float sum would lose the ones
  EXPECT_EQ(sum_matches(best.data(), 3), 16777218.0);
}

TEST(MaxSim, StopsWhenAsked) {
  std::mt19937_64 random(8);
  const Floats d = random_floats(4000, random);
  std::vector<float> best(4000);
  int asked = 0;
  const Stop stop{[](void* p) { return ++*static_cast<int*>(p) == 5; }, &asked};
  EXPECT_THROW(max_matches({d.data(), 4000, 1}, {d.data(), 4000, 1}, best.data(), nullptr, stop), Stopped);
  EXPECT_EQ(asked, 5);
}

}  // namespace
}  // namespace lowdim::core
