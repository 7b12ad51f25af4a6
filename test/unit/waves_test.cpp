// The wave kernels: every phase that exists against the C library, every level of this processor against the
// baseline to the bit (all sizes around the register widths, arrays that end where their allocation ends),
// and the bounds that sensitivities are made of, over all phases.

#include "core/simd/waves.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <numbers>
#include <vector>

#include "core/base/random.h"

namespace lowdim::simd {
namespace {

std::vector<const WaveKernels*> levels() {
  std::vector<const WaveKernels*> found;
  for (const Level level : {Level::kBase, Level::kAvx2, Level::kAvx512})
    if (const WaveKernels* k = wave_kernels_for(level)) found.push_back(k);
  return found;
}

// A phase is one of 2^23 + 1, so this is all of them.
TEST(Waves, AllPhases) {
  constexpr size_t kBlock = 1 << 13;
  std::vector<float> turns(kBlock), c(kBlock), s(kBlock);
  for (const WaveKernels* k : levels()) {
    double error = 0;
    uint64_t square = 0, absolute = 0;
    for (int64_t at = -(1 << 22); at <= 1 << 22; at += kBlock) {
      for (size_t i = 0; i < kBlock; ++i)
        turns[i] = static_cast<float>(static_cast<double>(at + static_cast<int64_t>(i)) * 0x1p-23);
      std::vector<int64_t> cosines(kBlock), sines(kBlock);
      k->add_waves(turns.data(), kBlock, cosines.data(), sines.data());
      k->waves_f32(turns.data(), kBlock, c.data(), s.data());
      for (size_t i = 0; i < kBlock; ++i) {
        const int64_t p = cosines[i], q = sines[i];
        square = std::max(square, static_cast<uint64_t>(p * p + q * q));
        absolute = std::max(absolute, static_cast<uint64_t>(std::abs(p) + std::abs(q)));
        // Against the C library only a part: it takes its time.
        if (i % 16 != 0) continue;
        const double angle = 2 * std::numbers::pi * static_cast<double>(turns[i]);
        error = std::max({error, std::abs(static_cast<double>(c[i]) - std::cos(angle)),
                          std::abs(static_cast<double>(s[i]) - std::sin(angle))});
        EXPECT_EQ(p, std::nearbyint(static_cast<double>(c[i]) * 0x1p20));
        EXPECT_EQ(q, std::nearbyint(static_cast<double>(s[i]) * 0x1p20));
      }
    }
    EXPECT_LT(error, 8e-7);
    EXPECT_EQ(square, kWaveSquare);
    EXPECT_EQ(absolute, kWaveAbsolute);
    // Hardly more than exact cosines would have: rounding to integers alone gives up to 0.71 more.
    EXPECT_LT(std::sqrt(static_cast<double>(kWaveSquare)), 0x1p20 + 2);
    EXPECT_LT(static_cast<double>(kWaveAbsolute), std::sqrt(2.0) * 0x1p20 + 2);
  }
}

template <class T>
struct Tight {
  Tight(size_t n, size_t offset) : storage(new T[n + offset]()), data(storage.get() + offset) {}
  std::unique_ptr<T[]> storage;
  T* data;
};

// Whatever the phase, also one that is no number.
float some_phase(core::Random& random) {
  switch (random.below(12)) {
    case 0:
      return std::numeric_limits<float>::infinity();
    case 1:
      return -std::numeric_limits<float>::infinity();
    case 2:
      return std::numeric_limits<float>::quiet_NaN();
    case 3:
      return 0x1p30f * static_cast<float>(random.normal());
    case 4:
      return 1e-42f;
    case 5:
      return static_cast<float>(random.below(9)) * 0.25f - 1;
    default:
      return static_cast<float>(std::exp(6 * random.normal()) * random.normal());
  }
}

TEST(Waves, SameBitsOnEveryLevel) {
  core::Random random(1);
  const WaveKernels& base = *wave_kernels_for(Level::kBase);
  for (const WaveKernels* k : levels()) {
    for (size_t n = 0; n <= 70; ++n) {
      for (const size_t offset : {0, 1, 3}) {
        Tight<float> turns(n, offset), a(n, offset), b(n, offset), c(n, offset), s(n, offset), c0(n, 0),
            s0(n, 0);
        Tight<int64_t> p(n, offset), q(n, offset), p0(n, 0), q0(n, 0);
        for (size_t i = 0; i < n; ++i) {
          turns.data[i] = some_phase(random);
          a.data[i] = static_cast<float>(1e6 * random.normal());
          b.data[i] = static_cast<float>(1e6 * random.normal());
          p.data[i] = p0.data[i] = static_cast<int64_t>(random.next() >> 3);
        }
        k->waves_f32(turns.data, n, c.data, s.data);
        base.waves_f32(turns.data, n, c0.data, s0.data);
        ASSERT_EQ(std::memcmp(c.data, c0.data, n * sizeof(float)), 0);
        ASSERT_EQ(std::memcmp(s.data, s0.data, n * sizeof(float)), 0);
        k->add_waves(turns.data, n, p.data, q.data);
        base.add_waves(turns.data, n, p0.data, q0.data);
        ASSERT_EQ(std::memcmp(p.data, p0.data, n * sizeof(int64_t)), 0);
        ASSERT_EQ(std::memcmp(q.data, q0.data, n * sizeof(int64_t)), 0);
        const float dot = k->dot_waves(turns.data, a.data, b.data, n);
        const float dot0 = base.dot_waves(turns.data, a.data, b.data, n);
        ASSERT_EQ(std::memcmp(&dot, &dot0, sizeof dot), 0);
        double sum = 0, size = 1;
        for (size_t i = 0; i < n; ++i) {
          ASSERT_LE(std::abs(c.data[i]), 1.000001f);  // never NaN
          ASSERT_LE(std::abs(s.data[i]), 1.000001f);
          sum += static_cast<double>(a.data[i]) * static_cast<double>(c.data[i]) +
                 static_cast<double>(b.data[i]) * static_cast<double>(s.data[i]);
          size += std::abs(static_cast<double>(a.data[i])) + std::abs(static_cast<double>(b.data[i]));
        }
        ASSERT_NEAR(dot, sum, 1e-6 * size);
      }
    }
  }
}

TEST(Waves, HadamardIsTheTransform) {
  core::Random random(2);
  for (const WaveKernels* k : levels()) {
    for (size_t n = 16; n <= 1024; n *= 2) {
      Tight<float> x(n, 1), y(n, 0);
      for (size_t i = 0; i < n; ++i) x.data[i] = y.data[i] = static_cast<float>(random.normal());
      std::vector<float> before(x.data, x.data + n);
      k->hadamard_f32(x.data, n);
      wave_kernels_for(Level::kBase)->hadamard_f32(y.data, n);
      ASSERT_EQ(std::memcmp(x.data, y.data, n * sizeof(float)), 0);
      for (size_t i = 0; i < n; ++i) {
        double sum = 0;
        for (size_t j = 0; j < n; ++j)
          sum += (__builtin_popcountll(i & j) % 2 == 0 ? 1 : -1) * static_cast<double>(before[j]);
        ASSERT_NEAR(x.data[i], sum, 1e-4);
      }
    }
  }
}

// Sixteen vectors at once get what each gets alone, on every level, to the bit.
TEST(Waves, RowsAreWhatEachIs) {
  core::Random random(3);
  for (const WaveKernels* k : levels()) {
    for (size_t n = 16; n <= 512; n *= 2) {
      for (const size_t count : {n, n - 3, size_t{1}}) {
        constexpr uint32_t kCalls = 3;
        Tight<float> rows(16 * n, 1), spread(16 * n, 1), factors(n, 1), lengths(n, 0), one(n, 1), out(n, 1);
        Tight<uint16_t> places(n, 1);
        Tight<uint32_t> sums(32 * n, 1);
        Tight<int64_t> c(n, 0), s(n, 0), c0(n, 0), s0(n, 0);
        std::memset(sums.data, 0, 32 * n * sizeof(uint32_t));
        for (size_t j = 0; j < n; ++j) {
          places.data[j] = static_cast<uint16_t>(random.below(n));
          factors.data[j] = static_cast<float>(random.normal());
          lengths.data[j] = static_cast<float>(random.normal());
          c.data[j] = c0.data[j] = static_cast<int64_t>(random.next() >> 8);
          s.data[j] = s0.data[j] = -c.data[j];
        }
        for (uint32_t call = 0; call < kCalls; ++call) {
          // The largest sums there are: phases of 0 have a cosine of 1.
          for (size_t i = 0; i < 16 * n; ++i)
            rows.data[i] = call == 0 ? 0 : static_cast<float>(random.normal());
          for (size_t r = 0; r < 16; ++r) {
            for (size_t j = 0; j < n; ++j) one.data[j] = rows.data[16 * j + r];
            k->spread_f32(one.data, places.data, factors.data, n, out.data);
            for (size_t j = 0; j < n; ++j) ASSERT_EQ(out.data[j], factors.data[j] * one.data[places.data[j]]);
            k->hadamard_f32(out.data, n);
            k->scale_f32(out.data, lengths.data, count);
            wave_kernels_for(Level::kBase)->add_waves(out.data, count, c0.data, s0.data);
          }
          k->spread_rows(rows.data, places.data, factors.data, n, spread.data);
          k->hadamard_rows(spread.data, n);
          k->add_waves_rows(spread.data, lengths.data, count, sums.data);
        }
        k->fold_rows(sums.data, count, kCalls, c.data, s.data);
        ASSERT_EQ(std::memcmp(c.data, c0.data, n * sizeof(int64_t)), 0);
        ASSERT_EQ(std::memcmp(s.data, s0.data, n * sizeof(int64_t)), 0);
      }
    }
  }
}

// As many calls as there may be before sums are folded, each with the largest numbers.
TEST(Waves, RowsDoNotOverflow) {
  for (const WaveKernels* k : levels()) {
    std::vector<float> zero(16, 0.0f), factor(1, 1.0f);
    std::vector<uint32_t> sums(32, 0);
    for (int call = 0; call < 2000; ++call) k->add_waves_rows(zero.data(), factor.data(), 1, sums.data());
    int64_t cosine = 0, sine = 0;
    k->fold_rows(sums.data(), 1, 2000, &cosine, &sine);
    ASSERT_EQ(cosine, int64_t{2000} * 16 << 20);
    ASSERT_EQ(sine, 0);
  }
}

}  // namespace
}  // namespace lowdim::simd
