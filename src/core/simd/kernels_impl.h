// The kernels' bodies, compiled once for each level: kernels_<level>.cpp includes registers_<level>.h, which
// defines `Reg` (one vector register of the level and what differs between levels), then this, and defines
// its table.
//
// Everything is in an anonymous namespace and uses neither std nor Eigen: an inline function shared between
// object files would reach the linker once per level, and it might keep the AVX-512 copy for every caller.
// Each object file exports its table and nothing else; the tests in test/unit/kernels_test.cpp run every
// level.
//
// Reg has, for T = float or uint16_t (a half):
//   F, D, kLanes           batches of float and double of one register, and how many floats F has
//   load(p)                kLanes elements at p, as floats
//   load_rest(p, i, n)     the elements p[i, n), at least one, fewer than kLanes; other lanes are 0. The
//                          lane of each depends on i and n only, and is its place if i is 0
//   add_squares(x, lo, hi) squares of x in double, added to lo and hi
//   store_half(x, p), store_half_rest(x, p, count), store_rest(x, p, count)
//   sum(F), sum(D)
//   kTileDocuments         document vectors in a tile of MaxSim: as many as leave its sums in registers
//   add_four(a, b, c, d)   lane j of each quarter (four lanes) = the sum of the same quarter's lanes of the
//                          j-th argument
//   add_quarters(x)        quarter a = the sum of the quarters of x[a]
//   kLong, Half            from how many floats on distances are taken in registers `Half`; 0 for never
//   Bits, kBytes, load_bits(p), popcount(x), sum_bits(x): the same for bit strings, counts per 64-bit lane
//   kMasksBytes            whether load_bits_rest(p, count) is there, for count < kBytes
#pragma once

#include "core/base/half.h"
#include "core/simd/maxsim_impl.h"
#include "core/simd/tables.h"

namespace lowdim::simd {
namespace {

using F = Reg::F;
using D = Reg::D;
using Bits = Reg::Bits;
constexpr size_t kLanes = Reg::kLanes;

struct L2 {
  template <class B>
  static B step(B sum, B a, B b) {
    const B d = a - b;
    return xsimd::fma(d, d, sum);
  }
};

struct Dot {
  template <class B>
  static B step(B sum, B a, B b) {
    return xsimd::fma(a, b, sum);
  }
};

struct L1 {
  template <class B>
  static B step(B sum, B a, B b) {
    return sum + xsimd::abs(a - b);
  }
};

// Four sums, so that a step need not wait for the one before it. What is left after the unrolled loop goes to
// different sums for the same reason: at 100 dimensions it is a third of the work.
template <class Metric, class R, class T>
float distance_in(const T* a, const T* b, size_t n) {
  constexpr size_t k = R::kLanes;
  typename R::F s0(0.0f), s1(0.0f), s2(0.0f), s3(0.0f);
  size_t i = 0;
  for (; i + 4 * k <= n; i += 4 * k) {
    s0 = Metric::step(s0, R::load(a + i), R::load(b + i));
    s1 = Metric::step(s1, R::load(a + i + k), R::load(b + i + k));
    s2 = Metric::step(s2, R::load(a + i + 2 * k), R::load(b + i + 2 * k));
    s3 = Metric::step(s3, R::load(a + i + 3 * k), R::load(b + i + 3 * k));
  }
  if (i + 2 * k <= n) {
    s0 = Metric::step(s0, R::load(a + i), R::load(b + i));
    s1 = Metric::step(s1, R::load(a + i + k), R::load(b + i + k));
    i += 2 * k;
  }
  if (i + k <= n) {
    s2 = Metric::step(s2, R::load(a + i), R::load(b + i));
    i += k;
  }
  if (i < n) s3 = Metric::step(s3, R::load_rest(a, i, n), R::load_rest(b, i, n));
  return R::sum((s0 + s1) + (s2 + s3));
}

// Long arrays of floats take half registers where Reg has them. From memory a loop over full AVX-512
// registers was slower by 15 to 30 % (Zen 4; it asks for more cache lines at once, which seems to be why),
// for about 7 % gained in the L2 cache. Benchmark: l2sq_f32/avx512/*/memory in bench/micro/kernels_bench.cpp.
template <class Metric, class T, class R = Reg>
float distance(const T* a, const T* b, uint32_t n) {
  if constexpr (sizeof(T) == sizeof(float) && R::kLong > 0) {
    if (n >= R::kLong) return distance_in<Metric, typename R::Half>(a, b, n);
  }
  return distance_in<Metric, R>(a, b, n);
}

// Three sums twice: six steps in flight cover the latency of one.
template <class T>
void cosine(const T* a, const T* b, uint32_t n32, float out[3]) {
  const size_t n = n32;
  F ab0(0.0f), aa0(0.0f), bb0(0.0f), ab1(0.0f), aa1(0.0f), bb1(0.0f);
  const auto step = [](F x, F y, F& ab, F& aa, F& bb) {
    ab = xsimd::fma(x, y, ab);
    aa = xsimd::fma(x, x, aa);
    bb = xsimd::fma(y, y, bb);
  };
  size_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    step(Reg::load(a + i), Reg::load(b + i), ab0, aa0, bb0);
    step(Reg::load(a + i + kLanes), Reg::load(b + i + kLanes), ab1, aa1, bb1);
  }
  if (i + kLanes <= n) {
    step(Reg::load(a + i), Reg::load(b + i), ab0, aa0, bb0);
    i += kLanes;
  }
  if (i < n) step(Reg::load_rest(a, i, n), Reg::load_rest(b, i, n), ab1, aa1, bb1);
  out[0] = Reg::sum(ab0 + ab1);
  out[1] = Reg::sum(aa0 + aa1);
  out[2] = Reg::sum(bb0 + bb1);
}

template <class T>
double norm2(const T* a, uint32_t n32) {
  const size_t n = n32;
  D s0(0.0), s1(0.0), s2(0.0), s3(0.0);
  size_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    Reg::add_squares(Reg::load(a + i), s0, s1);
    Reg::add_squares(Reg::load(a + i + kLanes), s2, s3);
  }
  if (i + kLanes <= n) {
    Reg::add_squares(Reg::load(a + i), s0, s1);
    i += kLanes;
  }
  if (i < n) Reg::add_squares(Reg::load_rest(a, i, n), s2, s3);
  return Reg::sum((s0 + s1) + (s2 + s3));
}

struct Xor {
  template <class W>
  static W of(W a, W b) {
    return a ^ b;
  }
};

struct And {
  template <class W>
  static W of(W a, W b) {
    return a & b;
  }
};

struct Or {
  template <class W>
  static W of(W a, W b) {
    return a | b;
  }
};

// A 64-bit word of `count` bytes at p, at most 8.
inline uint64_t load_word(const uint8_t* p, size_t count) {
  uint64_t word = 0;
  if (count == 8) {
    __builtin_memcpy(&word, p, 8);
    return word;
  }
  for (size_t j = 0; j < count; ++j) word |= static_cast<uint64_t>(p[j]) << (8 * j);
  return word;
}

// Both counts of one pass over a and b. hamming() takes one, and the compiler drops the other.
template <class First, class Second, class R = Reg>
void count_bits(const uint8_t* a, const uint8_t* b, size_t n, uint64_t* first, uint64_t* second) {
  Bits f0(uint64_t{0}), f1(uint64_t{0}), g0(uint64_t{0}), g1(uint64_t{0});
  const auto step = [](Bits x, Bits y, Bits& f, Bits& g) {
    f = f + Reg::popcount(First::of(x, y));
    g = g + Reg::popcount(Second::of(x, y));
  };
  size_t i = 0;
  for (; i + 2 * Reg::kBytes <= n; i += 2 * Reg::kBytes) {
    step(Reg::load_bits(a + i), Reg::load_bits(b + i), f0, g0);
    step(Reg::load_bits(a + i + Reg::kBytes), Reg::load_bits(b + i + Reg::kBytes), f1, g1);
  }
  if (i + Reg::kBytes <= n) {
    step(Reg::load_bits(a + i), Reg::load_bits(b + i), f0, g0);
    i += Reg::kBytes;
  }
  uint64_t rest_first = 0, rest_second = 0;
  if constexpr (R::kMasksBytes) {
    if (i < n) step(R::load_bits_rest(a + i, n - i), R::load_bits_rest(b + i, n - i), f1, g1);
  } else {
    while (i < n) {
      const size_t count = n - i < 8 ? n - i : 8;
      const uint64_t x = load_word(a + i, count), y = load_word(b + i, count);
      rest_first += static_cast<uint64_t>(__builtin_popcountll(First::of(x, y)));
      rest_second += static_cast<uint64_t>(__builtin_popcountll(Second::of(x, y)));
      i += count;
    }
  }
  *first = rest_first + Reg::sum_bits(f0 + f1);
  *second = rest_second + Reg::sum_bits(g0 + g1);
}

uint64_t hamming(const uint8_t* a, const uint8_t* b, size_t n_bytes) {
  uint64_t count = 0, same = 0;
  count_bits<Xor, Xor>(a, b, n_bytes, &count, &same);
  return count;
}

void jaccard(const uint8_t* a, const uint8_t* b, size_t n_bytes, uint64_t out[2]) {
  count_bits<And, Or>(a, b, n_bytes, &out[0], &out[1]);
}

// The last register of a conversion overlaps the one before it and writes the same results again.
void f16_to_f32(const uint16_t* in, float* out, size_t n) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Reg::load(in + i).store_unaligned(out + i);
  if (i == n) return;
  if (n < kLanes) return Reg::store_rest(Reg::load_rest(in, 0, n), out, n);
  Reg::load(in + n - kLanes).store_unaligned(out + n - kLanes);
}

void f32_to_f16(const float* in, uint16_t* out, size_t n) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Reg::store_half(Reg::load(in + i), out + i);
  if (i == n) return;
  if (n < kLanes) return Reg::store_half_rest(Reg::load_rest(in, 0, n), out, n);
  Reg::store_half(Reg::load(in + n - kLanes), out + n - kLanes);
}

constexpr Kernels make_kernels(const char* name, Level level) {
  return {.name = name,
          .level = level,
          .l2sq_f32 = distance<L2, float>,
          .dot_f32 = distance<Dot, float>,
          .l1_f32 = distance<L1, float>,
          .cosine_f32 = cosine<float>,
          .norm2_f32 = norm2<float>,
          .l2sq_f16 = distance<L2, uint16_t>,
          .dot_f16 = distance<Dot, uint16_t>,
          .l1_f16 = distance<L1, uint16_t>,
          .cosine_f16 = cosine<uint16_t>,
          .norm2_f16 = norm2<uint16_t>,
          .max_dots_f32 = max_dots_f32,
          .hamming = hamming,
          .jaccard = jaccard,
          .f16_to_f32 = f16_to_f32,
          .f32_to_f16 = f32_to_f16};
}

}  // namespace
}  // namespace lowdim::simd
