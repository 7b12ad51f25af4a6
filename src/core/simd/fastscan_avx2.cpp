// FastScan for AVX2: two segments a step, one in each half of a register; empty on other platforms. See
// fastscan_impl.h.

#include "core/simd/tables.h"

#if LOWDIM_SIMD_X86
#include <immintrin.h>

#include "core/simd/fastscan_impl.h"

namespace lowdim::simd {
namespace {

// Sixteen codes: sums by pairs of neighbouring bytes, and of the odd bytes alone.
struct Pairs {
  __m256i all = _mm256_setzero_si256(), odd = _mm256_setzero_si256();

  void add(__m256i entries) {
    all = _mm256_add_epi16(all, entries);
    odd = _mm256_add_epi16(odd, _mm256_srli_epi16(entries, 8));
  }
  template <bool kAdd>
  void store(uint32_t* sums) const {
    const __m256i even = _mm256_sub_epi16(all, _mm256_slli_epi16(odd, 8));
    const __m128i e = _mm_add_epi16(_mm256_castsi256_si128(even), _mm256_extracti128_si256(even, 1));
    const __m128i o = _mm_add_epi16(_mm256_castsi256_si128(odd), _mm256_extracti128_si256(odd, 1));
    put<kAdd>(_mm_unpacklo_epi16(e, o), sums);
    put<kAdd>(_mm_unpackhi_epi16(e, o), sums + 8);
  }
  template <bool kAdd>
  static void put(__m128i words, uint32_t* sums) {
    __m256i x = _mm256_cvtepu16_epi32(words);
    __m256i* to = reinterpret_cast<__m256i*>(sums);
    if constexpr (kAdd) x = _mm256_add_epi32(x, _mm256_loadu_si256(to));
    _mm256_storeu_si256(to, x);
  }
};

template <bool kAdd>
void scan(const uint8_t* block, uint32_t m, const uint8_t* tables, uint32_t* sums) {
  const __m256i nibble = _mm256_set1_epi8(15);
  Pairs low, high;
  const auto step = [&](__m256i codes, __m256i table) {
    low.add(_mm256_shuffle_epi8(table, _mm256_and_si256(codes, nibble)));
    high.add(_mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(codes, 4), nibble)));
  };
  for (; m >= 2; m -= 2, block += 32, tables += 32) {
    step(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(block)),
         _mm256_loadu_si256(reinterpret_cast<const __m256i*>(tables)));
  }
  if (m == 1) {  // the upper half looks up zeros in a table of zeros
    step(_mm256_zextsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(block))),
         _mm256_zextsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(tables))));
  }
  low.store<kAdd>(sums);
  high.store<kAdd>(sums + 16);
}

}  // namespace

constinit const FastScanKernels fastscan_kernels_avx2 = {.level = Level::kAvx2, .sums = scan_blocks};

}  // namespace lowdim::simd
#endif
