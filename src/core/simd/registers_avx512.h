// One AVX-512 register: sixteen floats. All tails are masked loads and stores: lanes that are masked off are
// not touched in memory. See kernels_impl.h for what the members are.
#pragma once

// GCC 12's own AVX-512 intrinsics are written with registers left undefined on purpose, and it warns of them
// where they are inlined. clang has no such warning.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <xsimd/xsimd.hpp>

#include "core/base/half.h"
#include "core/simd/sum.h"
#include "core/simd/tables.h"

namespace lowdim::simd {
namespace {

using Arch = xsimd::avx512bw;

struct Reg {
  using F = xsimd::batch<float, Arch>;
  using D = xsimd::batch<double, Arch>;
  static constexpr size_t kLanes = F::size;
  static_assert(kLanes == 16);

  // The first `count` lanes, count below 32.
  static __mmask16 first(size_t count) {
    return static_cast<__mmask16>(_bzhi_u32(~0u, static_cast<uint32_t>(count)));
  }

  static F load(const float* p) { return F::load_unaligned(p); }
  static F load(const uint16_t* p) {
    return F(_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
  }
  static F load_rest(const float* p, size_t i, size_t n) {
    return F(_mm512_maskz_loadu_ps(first(n - i), p + i));
  }
  static F load_rest(const uint16_t* p, size_t i, size_t n) {
    return F(_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first(n - i), p + i)));
  }

  static constexpr size_t kLong = 256;
  struct Half {
    using F = xsimd::batch<float, xsimd::fma3<xsimd::avx2>>;
    static constexpr size_t kLanes = F::size;
    static F load(const float* p) { return F::load_unaligned(p); }
    static F load_rest(const float* p, size_t i, size_t n) {
      return F(_mm256_maskz_loadu_ps(static_cast<__mmask8>(first(n - i)), p + i));
    }
    static float sum(F x) { return sum_of(x); }
  };

  static void add_squares(F x, D& lo, D& hi) {
    const D a(_mm512_cvtps_pd(_mm512_castps512_ps256(x)));
    const D b(_mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1)));
    lo = xsimd::fma(a, a, lo);
    hi = xsimd::fma(b, b, hi);
  }

  static __m256i to_half(F x) { return _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static void store_rest(F x, float* p, size_t count) { _mm512_mask_storeu_ps(p, first(count), x); }
  static void store_half(F x, uint16_t* p) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), to_half(x)); }
  static void store_half_rest(F x, uint16_t* p, size_t count) {
    _mm256_mask_storeu_epi16(p, first(count), to_half(x));
  }

  static float sum(F x) { return sum_of(x); }
  static double sum(D x) { return sum_of(x); }

  static constexpr size_t kTileDocuments = 6;
  static F add_four(F a, F b, F c, F d) {
    const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    return F(_mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd))),
                           _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd)))));
  }
  // Even and odd quarters of both.
  static __m512 add_pairs(__m512 a, __m512 b) {
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
  }
  static F add_quarters(const F x[4]) { return F(add_pairs(add_pairs(x[0], x[1]), add_pairs(x[2], x[3]))); }

  using Bits = xsimd::batch<uint64_t, Arch>;
  static constexpr size_t kBytes = 8 * Bits::size;
  static constexpr bool kMasksBytes = true;

  static Bits load_bits(const uint8_t* p) { return Bits(_mm512_loadu_si512(p)); }
  static Bits load_bits_rest(const uint8_t* p, size_t count) {
    return Bits(_mm512_maskz_loadu_epi8(_bzhi_u64(~uint64_t{0}, static_cast<uint32_t>(count)), p));
  }
  static Bits popcount(Bits x) { return Bits(_mm512_popcnt_epi64(x)); }
  static uint64_t sum_bits(Bits x) { return static_cast<uint64_t>(_mm512_reduce_add_epi64(x)); }
};

}  // namespace
}  // namespace lowdim::simd
