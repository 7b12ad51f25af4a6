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

constexpr WaveKernels make_wave_kernels(Level level) {
  return {.level = level,
          .waves_f32 = waves_f32,
          .add_waves = add_waves,
          .dot_waves = dot_waves,
          .hadamard_f32 = hadamard_f32};
}

}  // namespace
}  // namespace lowdim::simd
