// FastScan for AVX-512: four segments a step; empty on other platforms. See fastscan_impl.h.

#include "core/simd/tables.h"

#if LOWDIM_SIMD_X86
// As in registers_avx512.h.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#include "core/simd/fastscan_impl.h"

namespace lowdim::simd {
namespace {

// Sixteen codes: sums by pairs of neighbouring bytes, and of the odd bytes alone.
struct Pairs {
  __m512i all = _mm512_setzero_si512(), odd = _mm512_setzero_si512();

  void add(__m512i entries) {
    all = _mm512_add_epi16(all, entries);
    odd = _mm512_add_epi16(odd, _mm512_srli_epi16(entries, 8));
  }
  static __m128i fold(__m512i x) {
    const __m256i half = _mm256_add_epi16(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
    return _mm_add_epi16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  }
  template <bool kAdd>
  void store(uint32_t* sums) const {
    const __m128i o = fold(odd);
    const __m128i e = fold(_mm512_sub_epi16(all, _mm512_slli_epi16(odd, 8)));
    const __m256i words = _mm256_set_m128i(_mm_unpackhi_epi16(e, o), _mm_unpacklo_epi16(e, o));
    __m512i x = _mm512_cvtepu16_epi32(words);
    if constexpr (kAdd) x = _mm512_add_epi32(x, _mm512_loadu_si512(sums));
    _mm512_storeu_si512(sums, x);
  }
};

template <bool kAdd>
void scan(const uint8_t* block, uint32_t m, const uint8_t* tables, uint32_t* sums) {
  const __m512i nibble = _mm512_set1_epi8(15);
  Pairs low, high;
  const auto step = [&](__m512i codes, __m512i table) {
    low.add(_mm512_shuffle_epi8(table, _mm512_and_si512(codes, nibble)));
    high.add(_mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(codes, 4), nibble)));
  };
  for (; m >= 4; m -= 4, block += 64, tables += 64) {
    step(_mm512_loadu_si512(block), _mm512_loadu_si512(tables));
  }
  if (m > 0) {  // the segments that are not there look up zeros in tables of zeros
    const __mmask64 there = _bzhi_u64(~uint64_t{0}, 16 * m);
    step(_mm512_maskz_loadu_epi8(there, block), _mm512_maskz_loadu_epi8(there, tables));
  }
  low.store<kAdd>(sums);
  high.store<kAdd>(sums + 16);
}

}  // namespace

constinit const FastScanKernels fastscan_kernels_avx512 = {.level = Level::kAvx512, .sums = scan_blocks};

}  // namespace lowdim::simd
#endif
