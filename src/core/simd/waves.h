// Cosines and sines of many phases, and the Walsh-Hadamard transform: what random Fourier features are made
// of. A third table beside Kernels and CodeKernels, chosen with them. Called by core/privacy.
//
// Every kernel gives the same bits on every level: only additions, subtractions, products, minima and maxima
// of floats, each rounded, in one order. The C library's cosines would not do: they differ between libraries
// and their versions in the last bit, and what a row adds to a sum must not depend on the machine that adds
// it, or the sums that two workers or a standby and its primary make of the same rows would differ.
//
// A phase is in turns, 1 for the full circle. It is cut to [-2^22, 2^22] (NaN counts as 2^22), taken modulo 1
// and rounded to a multiple of 2^-23: so there are 2^23 + 1 values that a cosine or sine can have, and
// their bounds below are those of all of them, not of a model of rounding errors. Both are within 8e-7 of the
// exact value at the rounded phase. From about 2^-2 turns on, what is rounded off the float phase is its own
// last bit.
//
// Pointers may be unaligned, n may be 0, and nothing outside of the n elements is read or written.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/simd/kernels.h"

namespace lowdim::simd {

struct WaveKernels {
  Level level;

  void (*waves_f32)(const float* turns, size_t n, float* cosines, float* sines);
  // cosines[i] += rint(2^20 cos(2 pi turns[i])), likewise sines.
  void (*add_waves)(const float* turns, size_t n, int64_t* cosines, int64_t* sines);
  // The sum of a[i] cos(2 pi turns[i]) + b[i] sin(2 pi turns[i]), cosines and sines apart and element i to
  // sum i % 16 of each; these are folded in halves, and the two results added.
  float (*dot_waves)(const float* turns, const float* a, const float* b, size_t n);

  // In place and unnormalized: n is a power of two, at least 16. Twice is n times the identity.
  void (*hadamard_f32)(float* x, size_t n);
  // to[j] = factors[j] from[places[j]].
  void (*spread_f32)(const float* from, const uint16_t* places, const float* factors, size_t n, float* to);
  // x[j] *= factors[j].
  void (*scale_f32)(float* x, const float* factors, size_t n);

  // The same for sixteen vectors at once, element j of vector r at x[16 j + r]; each gets the bits that it
  // gets alone. add_waves_rows scales phases by factors[j] and adds what add_waves adds, and a constant, to
  // sums[32 j + r] (cosines) and sums[32 j + 16 + r] (sines), modulo 2^32; fold_rows adds up the sixteen sums
  // of each after `calls` such calls, at most 2,000.
  void (*hadamard_rows)(float* x, size_t n);
  void (*spread_rows)(const float* from, const uint16_t* places, const float* factors, size_t n, float* to);
  void (*add_waves_rows)(const float* x, const float* factors, size_t n, uint32_t* sums);
  void (*fold_rows)(const uint32_t* sums, size_t n, uint32_t calls, int64_t* cosines, int64_t* sines);
};

// Of the pair of integers that add_waves adds for one phase, over all phases: the largest sum of squares and
// of absolute values.
inline constexpr uint64_t kWaveSquare = 1099514322356;
inline constexpr uint64_t kWaveAbsolute = 1482911;

// nullptr where kernels_for(level) is.
const WaveKernels* wave_kernels_for(Level level);

// The table of the level that kernels() uses.
const WaveKernels& wave_kernels();

}  // namespace lowdim::simd
