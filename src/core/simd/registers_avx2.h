// One AVX2 register: eight floats. Float tails are masked loads, half tails reread the last eight halves
// where there are eight. See kernels_impl.h for what the members are.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <xsimd/xsimd.hpp>

#include "core/base/half.h"
#include "core/simd/sum.h"
#include "core/simd/tables.h"

namespace lowdim::simd {
namespace {

using Arch = xsimd::fma3<xsimd::avx2>;

// Eight lanes from `kMaskWindow + k`: the first 8 - k are set. From `kMaskWindow + 8 + k`: the last k are
// set.
alignas(32) constexpr int32_t kMaskWindow[24] = {-1, -1, -1, -1, -1, -1, -1, -1, 0,  0,  0,  0,
                                                 0,  0,  0,  0,  -1, -1, -1, -1, -1, -1, -1, -1};

struct Reg {
  using F = xsimd::batch<float, Arch>;
  using D = xsimd::batch<double, Arch>;
  static constexpr size_t kLanes = F::size;
  static_assert(kLanes == 8);

  static __m256i mask_at(size_t k) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMaskWindow + k));
  }

  static F load(const float* p) { return F::load_unaligned(p); }
  static F load(const uint16_t* p) {
    return F(_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static F load_rest(const float* p, size_t i, size_t n) {
    return F(_mm256_maskload_ps(p + i, mask_at(8 - (n - i))));
  }
  // Nothing masks 16-bit loads in AVX2. An and with the mask clears whatever the lanes hold, NaN included.
  static F load_rest(const uint16_t* p, size_t i, size_t n) {
    const size_t rest = n - i;
    if (n >= kLanes) return F(_mm256_and_ps(load(p + n - kLanes), _mm256_castsi256_ps(mask_at(8 + rest))));
    uint64_t words[2] = {0, 0};
    for (size_t j = 0; j < rest; ++j) words[j / 4] |= static_cast<uint64_t>(p[i + j]) << (16 * (j % 4));
    return F(_mm256_cvtph_ps(_mm_set_epi64x(static_cast<int64_t>(words[1]), static_cast<int64_t>(words[0]))));
  }

  static constexpr size_t kLong = 0;

  static void add_squares(F x, D& lo, D& hi) {
    const D a(_mm256_cvtps_pd(_mm256_castps256_ps128(x)));
    const D b(_mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)));
    lo = xsimd::fma(a, a, lo);
    hi = xsimd::fma(b, b, hi);
  }

  static __m128i to_half(F x) { return _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static void store_rest(F x, float* p, size_t count) { _mm256_maskstore_ps(p, mask_at(8 - count), x); }
  static void store_half(F x, uint16_t* p) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), to_half(x)); }
  static void store_half_rest(F x, uint16_t* p, size_t count) {
    uint16_t halves[kLanes];
    store_half(x, halves);
    for (size_t j = 0; j < count; ++j) p[j] = halves[j];
  }

  static float sum(F x) { return sum_of(x); }
  static double sum(D x) { return sum_of(x); }

  static constexpr size_t kTileDocuments = 3;
  static F add_four(F a, F b, F c, F d) {
    const __m256 ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    const __m256 cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
    return F(_mm256_add_ps(_mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(ab), _mm256_castps_pd(cd))),
                           _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(ab), _mm256_castps_pd(cd)))));
  }
  static F add_quarters(const F x[2]) {
    return F(
        _mm256_add_ps(_mm256_permute2f128_ps(x[0], x[1], 0x20), _mm256_permute2f128_ps(x[0], x[1], 0x31)));
  }

  using Bits = xsimd::batch<uint64_t, Arch>;
  static constexpr size_t kBytes = 8 * Bits::size;
  static constexpr bool kMasksBytes = false;  // the popcnt instruction takes the rest word by word

  static Bits load_bits(const uint8_t* p) {
    return Bits(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  // Nibbles by table, bytes to lanes by a sum of absolute differences from 0 (Mula, Kurz, Lemire 2018).
  static Bits popcount(Bits x) {
    const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                            0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i nibble = _mm256_set1_epi8(0x0f);
    const __m256i low = _mm256_shuffle_epi8(counts, _mm256_and_si256(x, nibble));
    const __m256i high = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
    return Bits(_mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256()));
  }
  static uint64_t sum_bits(Bits x) {
    uint64_t words[Bits::size];
    x.store_unaligned(words);
    return (words[0] + words[1]) + (words[2] + words[3]);
  }
};

}  // namespace
}  // namespace lowdim::simd
