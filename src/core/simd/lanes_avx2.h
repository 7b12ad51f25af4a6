// Sixteen float lanes in two AVX2 registers. See codes_impl.h for what the members are.
#pragma once

#include "core/simd/registers_avx2.h"

namespace lowdim::simd {
namespace {

struct Lanes {
  struct V {
    __m256 a, b;
  };
  static constexpr size_t kCodes = 2;
  static constexpr size_t kVectors = 4;

  static constexpr size_t kSplit = 0;

  static V zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static V all(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static V load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static V load_part(const float* p, size_t count) {
    if (count > 8) return {_mm256_loadu_ps(p), _mm256_maskload_ps(p + 8, Reg::mask_at(16 - count))};
    return {_mm256_maskload_ps(p, Reg::mask_at(8 - count)), _mm256_setzero_ps()};
  }
  static V add(V x, V y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
  static V sub(V x, V y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
  static V mul(V x, V y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
  static V min(V x, V y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
  static V max(V x, V y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
  static void store(V x, float* p) { _mm256_storeu_ps(p, x.a), _mm256_storeu_ps(p + 8, x.b); }

  static V from_u8(const uint8_t* p) {
    const I x = bytes(p);
    return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)};
  }
  static V from_u8_part(const uint8_t* p, size_t count) {
    uint8_t copy[16] = {};
    __builtin_memcpy(copy, p, count);
    return from_u8(copy);
  }
  static void from_u4(const uint8_t* p, V out[2]) {
    const I x = bytes(p);
    out[0] = field<0, 15>(x);
    out[1] = field<4, 15>(x);
  }
  static void from_u2(const uint8_t* p, V out[4]) {
    const I x = bytes(p);
    out[0] = field<0, 3>(x);
    out[1] = field<2, 3>(x);
    out[2] = field<4, 3>(x);
    out[3] = field<6, 3>(x);
  }
  static V from_f16(const uint8_t* p) {
    return {_mm256_cvtph_ps(load16(p)), _mm256_cvtph_ps(load16(p + 16))};
  }
  static V from_f16_part(const uint8_t* p, size_t count) {
    uint8_t copy[32] = {};
    __builtin_memcpy(copy, p, 2 * count);
    return from_f16(copy);
  }
  static V where(V x, uint32_t bits) {
    const __m256i weights = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const __m256i low = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(bits)), weights);
    const __m256i high = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(bits >> 8)), weights);
    return {_mm256_and_ps(x.a, _mm256_castsi256_ps(_mm256_cmpeq_epi32(low, weights))),
            _mm256_and_ps(x.b, _mm256_castsi256_ps(_mm256_cmpeq_epi32(high, weights)))};
  }

  static float sum(V x) {
    const __m256 a = _mm256_add_ps(x.a, x.b);
    const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_shuffle_ps(c, c, 1)));
  }
  static void store_codes(V x, uint8_t* p) {
    // Packing works on 128-bit halves; the permutation puts the words back in order.
    const __m256i words =
        _mm256_permute4x64_epi64(_mm256_packus_epi32(_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)), 0xd8);
    const __m128i packed =
        _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed);
  }

  // 255 * 127 * 2 does not fit the 16-bit sums of maddubs, so bytes are widened.
  template <class Q>
  static int32_t dot(const Q* q, const uint8_t* c, size_t n) {
    __m256i s = _mm256_setzero_si256(), s1 = s;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
      s = _mm256_add_epi32(s, _mm256_madd_epi16(widen(q + i), _mm256_cvtepu8_epi16(load16(c + i))));
      s1 = _mm256_add_epi32(s1,
                            _mm256_madd_epi16(widen(q + i + 16), _mm256_cvtepu8_epi16(load16(c + i + 16))));
    }
    if (i + 16 <= n) {
      s = _mm256_add_epi32(s, _mm256_madd_epi16(widen(q + i), _mm256_cvtepu8_epi16(load16(c + i))));
      i += 16;
    }
    s = _mm256_add_epi32(s, s1);
    int32_t rest = 0;
    for (; i < n; ++i) rest += static_cast<int32_t>(q[i]) * c[i];
    return rest + total(s);
  }
  // Sixteen bytes as words: their low nibbles are the first sixteen dimensions, their high ones the others.
  static int32_t dot_groups(const int16_t* q, const uint8_t* c, size_t groups) {
    __m256i s0 = _mm256_setzero_si256(), s1 = s0;
    const __m256i nibble = _mm256_set1_epi16(15);
    for (; groups > 0; --groups, q += 32, c += 16) {
      const __m256i x = _mm256_cvtepu8_epi16(load16(c));
      s0 = _mm256_add_epi32(s0, _mm256_madd_epi16(_mm256_and_si256(x, nibble), load32(q)));
      s1 = _mm256_add_epi32(s1, _mm256_madd_epi16(_mm256_srli_epi16(x, 4), load32(q + 16)));
    }
    return total(_mm256_add_epi32(s0, s1));
  }
  // Nibbles do fit. Two groups of 32 dimensions a step.
  template <class Q>
  static int32_t dot_groups(const Q* q, const uint8_t* c, size_t groups) {
    __m256i s = _mm256_setzero_si256();
    const __m256i nibble = _mm256_set1_epi8(15);
    for (; groups >= 2; groups -= 2, q += 64, c += 32) {
      const __m256i x = load32(c), a = load32(q), b = load32(q + 32);
      s = multiply(s, _mm256_and_si256(x, nibble), _mm256_permute2x128_si256(a, b, 0x20), q);
      s = multiply(s, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble),
                   _mm256_permute2x128_si256(a, b, 0x31), q);
    }
    if (groups == 1) {
      const __m128i x = load16(c);
      const __m256i codes = _mm256_and_si256(
          _mm256_inserti128_si256(_mm256_castsi128_si256(x), _mm_srli_epi16(x, 4), 1), nibble);
      s = multiply(s, codes, load32(q), q);
    }
    return total(s);
  }

 private:
  struct I {
    __m256i a, b;
  };
  static __m128i load16(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
  static __m256i load32(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static I bytes(const uint8_t* p) {
    const __m128i x = load16(p);
    return {_mm256_cvtepu8_epi32(x), _mm256_cvtepu8_epi32(_mm_srli_si128(x, 8))};
  }
  template <int kShift, int kMask>
  static V field(I x) {
    const __m256i mask = _mm256_set1_epi32(kMask);
    return {_mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32(x.a, kShift), mask)),
            _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32(x.b, kShift), mask))};
  }
  static __m256i widen(const int8_t* p) { return _mm256_cvtepi8_epi16(load16(p)); }
  static __m256i widen(const int16_t* p) { return load32(p); }
  static __m256i widen(const uint8_t* p) { return _mm256_cvtepu8_epi16(load16(p)); }
  static __m256i multiply(__m256i s, __m256i c, __m256i q, const int8_t*) {
    return _mm256_add_epi32(s, _mm256_madd_epi16(_mm256_maddubs_epi16(c, q), _mm256_set1_epi16(1)));
  }
  static __m256i multiply(__m256i s, __m256i c, __m256i q, const uint8_t*) {
    return _mm256_add_epi32(s, _mm256_madd_epi16(_mm256_maddubs_epi16(q, c), _mm256_set1_epi16(1)));
  }
  static int32_t total(__m256i s) {
    const __m128i a = _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
    const __m128i b = _mm_add_epi32(a, _mm_shuffle_epi32(a, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(b, _mm_shuffle_epi32(b, 0xb1)));
  }
};

}  // namespace
}  // namespace lowdim::simd
