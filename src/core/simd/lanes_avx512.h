// Sixteen float lanes in one AVX-512 register, and integer dot products with VNNI. See codes_impl.h for what
// the members are.
#pragma once

#include "core/simd/registers_avx512.h"

namespace lowdim::simd {
namespace {

struct Lanes {
  using V = __m512;
  static constexpr size_t kCodes = 4;
  static constexpr size_t kVectors = 8;

  static V zero() { return _mm512_setzero_ps(); }
  static V all(float x) { return _mm512_set1_ps(x); }
  static V load(const float* p) { return _mm512_loadu_ps(p); }
  static V load_part(const float* p, size_t count) { return _mm512_maskz_loadu_ps(Reg::first(count), p); }
  static V add(V a, V b) { return _mm512_add_ps(a, b); }
  static V sub(V a, V b) { return _mm512_sub_ps(a, b); }
  static V mul(V a, V b) { return _mm512_mul_ps(a, b); }
  static V min(V a, V b) { return _mm512_min_ps(a, b); }
  static V max(V a, V b) { return _mm512_max_ps(a, b); }
  static void store(V x, float* p) { _mm512_storeu_ps(p, x); }

  static V from_u8(const uint8_t* p) { return floats(bytes(p)); }
  static V from_u8_part(const uint8_t* p, size_t count) {
    return floats(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(Reg::first(count), p)));
  }
  static void from_u4(const uint8_t* p, V out[2]) {
    const __m512i x = bytes(p);
    out[0] = floats(_mm512_and_si512(x, _mm512_set1_epi32(15)));
    out[1] = floats(_mm512_srli_epi32(x, 4));
  }
  static void from_u2(const uint8_t* p, V out[4]) {
    const __m512i x = bytes(p), three = _mm512_set1_epi32(3);
    out[0] = floats(_mm512_and_si512(x, three));
    out[1] = floats(_mm512_and_si512(_mm512_srli_epi32(x, 2), three));
    out[2] = floats(_mm512_and_si512(_mm512_srli_epi32(x, 4), three));
    out[3] = floats(_mm512_srli_epi32(x, 6));
  }
  static V from_f16(const uint8_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static V from_f16_part(const uint8_t* p, size_t count) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(Reg::first(count), p));
  }
  static V where(V x, uint32_t bits) { return _mm512_maskz_mov_ps(static_cast<__mmask16>(bits), x); }

  static float sum(V x) {
    const __m256 a = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_shuffle_ps(c, c, 1)));
  }
  static void store_codes(V x, uint8_t* p) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x)));
  }

  static int32_t dot(const int8_t* q, const uint8_t* c, size_t n) {
    __m512i s0 = _mm512_setzero_si512(), s1 = s0;
    size_t i = 0;
    for (; i + 128 <= n; i += 128) {
      s0 = _mm512_dpbusd_epi32(s0, _mm512_loadu_si512(c + i), _mm512_loadu_si512(q + i));
      s1 = _mm512_dpbusd_epi32(s1, _mm512_loadu_si512(c + i + 64), _mm512_loadu_si512(q + i + 64));
    }
    for (; i < n; i += 64) {
      const __mmask64 m = first_bytes(n - i);
      s0 = _mm512_dpbusd_epi32(s0, _mm512_maskz_loadu_epi8(m, c + i), _mm512_maskz_loadu_epi8(m, q + i));
    }
    return _mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1));
  }
  // VNNI multiplies unsigned by signed bytes only, so unsigned ones are widened.
  static int32_t dot(const uint8_t* q, const uint8_t* c, size_t n) {
    __m512i s = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i += 32) {
      const __mmask32 m = static_cast<__mmask32>(first_bytes(n - i));
      s = _mm512_dpwssd_epi32(s, _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(m, c + i)),
                              _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(m, q + i)));
    }
    return _mm512_reduce_add_epi32(s);
  }
  static int32_t dot(const int16_t* q, const uint8_t* c, size_t n) {
    __m512i s0 = _mm512_setzero_si512(), s1 = s0;
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
      s0 = _mm512_dpwssd_epi32(s0, _mm512_cvtepu8_epi16(load32(c + i)), _mm512_loadu_si512(q + i));
      s1 = _mm512_dpwssd_epi32(s1, _mm512_cvtepu8_epi16(load32(c + i + 32)), _mm512_loadu_si512(q + i + 32));
    }
    for (; i < n; i += 32) {
      const __mmask32 m = static_cast<__mmask32>(first_bytes(n - i));
      s0 = _mm512_dpwssd_epi32(s0, _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(m, c + i)),
                               _mm512_maskz_loadu_epi16(m, q + i));
    }
    return _mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1));
  }
  // Many codes and one query: 256 * high + low bytes of the query, both signed, so that VNNI's byte products
  // do; twice as fast as words, which the splitting is worth from a few codes on. Benchmark:
  // dot_i16_u8/avx512/768/l2cache.
  static constexpr size_t kSplit = 1024;  // dimensions at a time
  static void split(const int16_t* q, size_t n, int8_t* high, int8_t* low) {
    for (size_t i = 0; i < n; i += 32) {
      const __m512i x = _mm512_maskz_loadu_epi16(static_cast<__mmask32>(first_bytes(n - i)), q + i);
      const __m512i up = _mm512_srai_epi16(_mm512_add_epi16(x, _mm512_set1_epi16(128)), 8);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(high + i), _mm512_cvtepi16_epi8(up));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(low + i), _mm512_cvtepi16_epi8(x));
    }
  }
  static int32_t dot_split(const int8_t* high, const int8_t* low, const uint8_t* c, size_t n) {
    __m512i h = _mm512_setzero_si512(), l = h;
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
      const __m512i x = _mm512_loadu_si512(c + i);
      h = _mm512_dpbusd_epi32(h, x, _mm512_loadu_si512(high + i));
      l = _mm512_dpbusd_epi32(l, x, _mm512_loadu_si512(low + i));
    }
    if (i < n) {
      // What lies in high and low beyond n is multiplied by 0.
      const __m512i x = _mm512_maskz_loadu_epi8(first_bytes(n - i), c + i);
      h = _mm512_dpbusd_epi32(h, x, _mm512_loadu_si512(high + i));
      l = _mm512_dpbusd_epi32(l, x, _mm512_loadu_si512(low + i));
    }
    return _mm512_reduce_add_epi32(_mm512_add_epi32(_mm512_slli_epi32(h, 8), l));
  }
  // Sixteen bytes as words: their low nibbles, then their high ones, are 32 dimensions in order.
  static int32_t dot_groups(const int16_t* q, const uint8_t* c, size_t groups) {
    __m512i s0 = _mm512_setzero_si512(), s1 = s0;
    const __m512i nibble = _mm512_set1_epi16(15);
    for (; groups >= 2; groups -= 2, q += 64, c += 32) {
      const __m512i x = _mm512_cvtepu8_epi16(load32(c));
      const __m512i a = _mm512_loadu_si512(q), b = _mm512_loadu_si512(q + 32);
      s0 = _mm512_dpwssd_epi32(s0, _mm512_and_si512(x, nibble), _mm512_shuffle_i64x2(a, b, 0x44));
      s1 = _mm512_dpwssd_epi32(s1, _mm512_srli_epi16(x, 4), _mm512_shuffle_i64x2(a, b, 0xee));
    }
    if (groups == 1) {
      const __m256i x = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(c)));
      const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(x), _mm256_srli_epi16(x, 4), 1);
      s0 = _mm512_dpwssd_epi32(s0, _mm512_and_si512(both, nibble), _mm512_loadu_si512(q));
    }
    return _mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1));
  }
  // Whole groups of 32 dimensions. Four groups a step: their low nibbles are the first, third, fifth and
  // seventh sixteen of the query, their high ones the others.
  template <class Q>
  static int32_t dot_groups(const Q* q, const uint8_t* c, size_t groups) {
    __m512i s0 = _mm512_setzero_si512(), s1 = s0;
    const __m512i nibble = _mm512_set1_epi8(15);
    for (size_t g = 0; g < groups; g += 4, q += 128, c += 64) {
      const size_t left = groups - g;
      const __m512i x = _mm512_maskz_loadu_epi8(first_bytes(16 * left), c);
      const __m512i a = _mm512_maskz_loadu_epi8(first_bytes(32 * left), q);
      const __m512i b =
          left > 2 ? _mm512_maskz_loadu_epi8(first_bytes(32 * left - 64), q + 64) : _mm512_setzero_si512();
      const __m512i low = _mm512_and_si512(x, nibble);
      const __m512i high = _mm512_and_si512(_mm512_srli_epi16(x, 4), nibble);
      s0 = multiply(q, s0, low, _mm512_shuffle_i64x2(a, b, 0x88));
      s1 = multiply(q, s1, high, _mm512_shuffle_i64x2(a, b, 0xdd));
    }
    return _mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1));
  }

 private:
  static __m512i bytes(const uint8_t* p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static __m256i load32(const uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static V floats(__m512i x) { return _mm512_cvtepi32_ps(x); }
  static __mmask64 first_bytes(size_t count) {
    return count >= 64 ? ~uint64_t{0} : _bzhi_u64(~uint64_t{0}, static_cast<uint32_t>(count));
  }
  static __m512i multiply(const int8_t*, __m512i s, __m512i c, __m512i q) {
    return _mm512_dpbusd_epi32(s, c, q);
  }
  static __m512i multiply(const uint8_t*, __m512i s, __m512i c, __m512i q) {
    return _mm512_dpbusd_epi32(s, q, c);
  }
};

}  // namespace
}  // namespace lowdim::simd
