// The wave kernels' bodies, compiled once for each level: waves_<level>.cpp includes lanes_<level>.h, which
// defines `Lanes` (see codes_impl.h), then this, and defines its table. Anonymous namespace, no std, no
// Eigen, for the reasons given in kernels_impl.h; compiled with -ffp-contract=off, since a product fused with
// its sum on one level would differ in the last bit from the others.
#pragma once

#include "core/simd/wave_tables.h"

namespace lowdim::simd {
namespace {

using V = Lanes::V;

// Adding and subtracting 1.5 * 2^(23 - k) rounds to a multiple of 2^-k, ties to even.
constexpr float kRoundWhole = 0x1.8p23f;
constexpr float kRoundPhase = 1.5f;

struct Wave {
  V cosine, sine;
};

// With t the phase less its nearest whole number, in [-1/2, 1/2]: sine and cosine of pi t by polynomials in
// t^2 (interpolation at the Chebyshev nodes; they err by 3e-8 and 2e-8), then those of twice the angle. That
// needs no choice between quadrants.
inline Wave wave(V turns) {
  const V limit = Lanes::all(0x1p22f), whole = Lanes::all(kRoundWhole), fine = Lanes::all(kRoundPhase);
  // min gives its second argument for NaN.
  V t = Lanes::max(Lanes::min(turns, limit), Lanes::all(-0x1p22f));
  t = Lanes::sub(t, Lanes::sub(Lanes::add(t, whole), whole));
  t = Lanes::sub(Lanes::add(t, fine), fine);
  const V u = Lanes::mul(t, t);
  const auto step = [&](V sum, float next) { return Lanes::add(Lanes::mul(sum, u), Lanes::all(next)); };
  V s = step(Lanes::all(0.0776559114f), -0.598290384f);
  s = step(step(step(s, 2.55007744f), -5.1677103f), 3.14159274f);
  s = Lanes::mul(s, t);
  V c = step(Lanes::all(-0.0243959315f), 0.234937072f);
  c = step(step(step(step(c, -1.33521199f), 4.05870914f), -4.93480206f), 1.0f);
  const V twice = Lanes::add(s, s);
  return {Lanes::sub(Lanes::all(1.0f), Lanes::mul(twice, s)), Lanes::mul(twice, c)};
}

// f(i, count, turns) for sixteen elements at a time.
template <class F>
void sixteens(const float* turns, size_t n, F f) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) f(i, size_t{16}, Lanes::load(turns + i));
  if (i < n) f(i, n - i, Lanes::load_part(turns + i, n - i));
}

void waves_f32(const float* turns, size_t n, float* cosines, float* sines) {
  sixteens(turns, n, [=](size_t i, size_t count, V t) {
    const Wave w = wave(t);
    if (count == 16) {
      Lanes::store(w.cosine, cosines + i);
      Lanes::store(w.sine, sines + i);
      return;
    }
    float copy[32];
    Lanes::store(w.cosine, copy);
    Lanes::store(w.sine, copy + 16);
    __builtin_memcpy(cosines + i, copy, count * sizeof(float));
    __builtin_memcpy(sines + i, copy + 16, count * sizeof(float));
  });
}

// v * 2^20 to the nearest integer: it ends up in the low bits of the float 1.5 * 2^23 + v * 2^20.
inline void add_fixed(V v, size_t count, int64_t* sums) {
  float copy[16];
  int32_t bits[16];
  Lanes::store(Lanes::add(Lanes::mul(v, Lanes::all(0x1p20f)), Lanes::all(kRoundWhole)), copy);
  __builtin_memcpy(bits, copy, sizeof bits);
  constexpr int32_t kZero = 0x4b400000;
  if (count == 16) {
    for (size_t j = 0; j < 16; ++j) sums[j] += bits[j] - kZero;
  } else {
    for (size_t j = 0; j < count; ++j) sums[j] += bits[j] - kZero;
  }
}

void add_waves(const float* turns, size_t n, int64_t* cosines, int64_t* sines) {
  sixteens(turns, n, [=](size_t i, size_t count, V t) {
    const Wave w = wave(t);
    add_fixed(w.cosine, count, cosines + i);
    add_fixed(w.sine, count, sines + i);
  });
}

float dot_waves(const float* turns, const float* a, const float* b, size_t n) {
  V cosines = Lanes::zero(), sines = Lanes::zero();
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const Wave w = wave(Lanes::load(turns + i));
    cosines = Lanes::add(cosines, Lanes::mul(Lanes::load(a + i), w.cosine));
    sines = Lanes::add(sines, Lanes::mul(Lanes::load(b + i), w.sine));
  }
  if (i < n) {
    const Wave w = wave(Lanes::load_part(turns + i, n - i));
    cosines = Lanes::add(cosines, Lanes::mul(Lanes::load_part(a + i, n - i), w.cosine));
    sines = Lanes::add(sines, Lanes::mul(Lanes::load_part(b + i, n - i), w.sine));
  }
  return Lanes::sum(cosines) + Lanes::sum(sines);
}

// Butterflies within sixteen floats are done in quads, which every platform has; the wider ones in sixteens.
typedef float Quad __attribute__((vector_size(16)));

inline Quad transform_quad(Quad x) {
  constexpr Quad kOdd = {1, -1, 1, -1}, kHigh = {1, 1, -1, -1};
  x = __builtin_shufflevector(x, x, 1, 0, 3, 2) + x * kOdd;
  return __builtin_shufflevector(x, x, 2, 3, 0, 1) + x * kHigh;
}

void hadamard_f32(float* x, size_t n) {
  for (size_t i = 0; i < n; i += 16) {
    Quad q[4];
    __builtin_memcpy(q, x + i, sizeof q);
    for (size_t k = 0; k < 4; ++k) q[k] = transform_quad(q[k]);
    const Quad a = q[0] + q[1], b = q[0] - q[1], c = q[2] + q[3], d = q[2] - q[3];
    q[0] = a + c, q[1] = b + d, q[2] = a - c, q[3] = b - d;
    __builtin_memcpy(x + i, q, sizeof q);
  }
  for (size_t half = 16; half < n; half *= 2) {
    for (size_t at = 0; at < n; at += 2 * half) {
      for (size_t k = at; k < at + half; k += 16) {
        const V a = Lanes::load(x + k), b = Lanes::load(x + k + half);
        Lanes::store(Lanes::add(a, b), x + k);
        Lanes::store(Lanes::sub(a, b), x + k + half);
      }
    }
  }
}

void spread_f32(const float* __restrict from, const uint16_t* __restrict places,
                const float* __restrict factors, size_t n, float* __restrict to) {
  for (size_t j = 0; j < n; ++j) to[j] = factors[j] * from[places[j]];
}

void scale_f32(float* __restrict x, const float* __restrict factors, size_t n) {
  for (size_t j = 0; j < n; ++j) x[j] *= factors[j];
}

// Two steps at a time, in the order of hadamard_f32.
void hadamard_rows(float* x, size_t n) {
  size_t half = 1;
  for (; 4 * half <= n; half *= 4) {
    for (size_t at = 0; at < n; at += 4 * half) {
      for (size_t k = at; k < at + half; ++k) {
        float* const p[4] = {x + 16 * k, x + 16 * (k + half), x + 16 * (k + 2 * half),
                             x + 16 * (k + 3 * half)};
        const V x0 = Lanes::load(p[0]), x1 = Lanes::load(p[1]), x2 = Lanes::load(p[2]),
                x3 = Lanes::load(p[3]);
        const V a = Lanes::add(x0, x1), b = Lanes::sub(x0, x1), c = Lanes::add(x2, x3),
                d = Lanes::sub(x2, x3);
        Lanes::store(Lanes::add(a, c), p[0]);
        Lanes::store(Lanes::add(b, d), p[1]);
        Lanes::store(Lanes::sub(a, c), p[2]);
        Lanes::store(Lanes::sub(b, d), p[3]);
      }
    }
  }
  if (half == n) return;
  for (size_t k = 0; k < half; ++k) {
    const V a = Lanes::load(x + 16 * k), b = Lanes::load(x + 16 * (k + half));
    Lanes::store(Lanes::add(a, b), x + 16 * k);
    Lanes::store(Lanes::sub(a, b), x + 16 * (k + half));
  }
}

void spread_rows(const float* from, const uint16_t* places, const float* factors, size_t n, float* to) {
  for (size_t j = 0; j < n; ++j)
    Lanes::store(Lanes::mul(Lanes::all(factors[j]), Lanes::load(from + size_t{16} * places[j])), to + 16 * j);
}

typedef uint32_t Words __attribute__((vector_size(64)));

// To sixteen sums, as add_fixed makes numbers, but with the bits of kRoundWhole still in them.
inline void add_bits(V v, uint32_t* sums) {
  Words bits, sum;
  const V fixed = Lanes::add(Lanes::mul(v, Lanes::all(0x1p20f)), Lanes::all(kRoundWhole));
  static_assert(sizeof fixed == sizeof bits);
  __builtin_memcpy(&bits, &fixed, sizeof bits);
  __builtin_memcpy(&sum, sums, sizeof sum);
  sum += bits;
  __builtin_memcpy(sums, &sum, sizeof sum);
}

void add_waves_rows(const float* x, const float* factors, size_t n, uint32_t* sums) {
  for (size_t j = 0; j < n; ++j) {
    const Wave w = wave(Lanes::mul(Lanes::load(x + 16 * j), Lanes::all(factors[j])));
    add_bits(w.cosine, sums + 32 * j);
    add_bits(w.sine, sums + 32 * j + 16);
  }
}

void fold_rows(const uint32_t* sums, size_t n, uint32_t calls, int64_t* cosines, int64_t* sines) {
  constexpr uint32_t kZero = 0x4b400000;
  const uint32_t zero = calls * kZero;
  for (size_t j = 0; j < n; ++j) {
    int64_t c = 0, s = 0;
    for (size_t r = 0; r < 16; ++r) {
      c += static_cast<int32_t>(sums[32 * j + r] - zero);
      s += static_cast<int32_t>(sums[32 * j + 16 + r] - zero);
    }
    cosines[j] += c;
    sines[j] += s;
  }
}

constexpr WaveKernels make_wave_kernels(Level level) {
  return {.level = level,
          .waves_f32 = waves_f32,
          .add_waves = add_waves,
          .dot_waves = dot_waves,
          .hadamard_f32 = hadamard_f32,
          .spread_f32 = spread_f32,
          .scale_f32 = scale_f32,
          .hadamard_rows = hadamard_rows,
          .spread_rows = spread_rows,
          .add_waves_rows = add_waves_rows,
          .fold_rows = fold_rows};
}

}  // namespace
}  // namespace lowdim::simd
