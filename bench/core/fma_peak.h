// The machine's rate of multiply-adds, which is what a kernel of products is measured against: the plainest
// loop that there is, fused multiply-adds between registers, with more chains than an addition has cycles of
// latency. A program calls it in turns with the kernel, so that both see the same clock and the same
// neighbours. The baseline has no fused instruction: it multiplies and adds.
#pragma once

#include <cstddef>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "core/simd/kernels.h"

namespace lowdim::bench {

// Twelve chains of s = s * x + y, and x and y: fourteen of sixteen registers. Each begins at another number,
// or the compiler would make one of those that are equal. What is computed comes near 2.
constexpr size_t kChains = 12;

// A vector of the compiler's, with which the baseline's loop is written for every processor.
using Four [[gnu::vector_size(16)]] = float;

// Products and sums are chains of their own, six of each: a chain of both would wait for their latencies.
inline float multiply_adds_base(size_t steps, const float* begin, float, float one) {
  const Four x = {one, one, one, one};
  Four p[kChains / 2], s[kChains / 2];
#pragma GCC unroll 6
  for (size_t j = 0; j < kChains / 2; ++j) {
    p[j] = x * begin[2 * j];
    s[j] = x * begin[2 * j + 1];
  }
  for (size_t i = 0; i < 2 * steps; ++i)
#pragma GCC unroll 6
    for (size_t j = 0; j < kChains / 2; ++j) {
      p[j] *= x;
      s[j] += p[j];
    }
  Four sum = s[0];
#pragma GCC unroll 6
  for (size_t j = 1; j < kChains / 2; ++j) sum += s[j];
  return sum[0] + sum[1] + sum[2] + sum[3];
}

#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] inline float multiply_adds_avx2(size_t steps, const float* begin, float half,
                                                            float one) {
  const __m256 x = _mm256_set1_ps(half), y = _mm256_set1_ps(one);
  __m256 s[kChains];
#pragma GCC unroll 12
  for (size_t j = 0; j < kChains; ++j) s[j] = _mm256_set1_ps(begin[j]);
  for (size_t i = 0; i < steps; ++i)
#pragma GCC unroll 12
    for (size_t j = 0; j < kChains; ++j) s[j] = _mm256_fmadd_ps(s[j], x, y);
  float lanes[8], sum = 0;
#pragma GCC unroll 12
  for (size_t j = 0; j < kChains; ++j) {
    _mm256_storeu_ps(lanes, s[j]);
    for (const float v : lanes) sum += v;
  }
  return sum;
}

[[gnu::target("avx512f")]] inline float multiply_adds_avx512(size_t steps, const float* begin, float half,
                                                             float one) {
  const __m512 x = _mm512_set1_ps(half), y = _mm512_set1_ps(one);
  __m512 s[kChains];
#pragma GCC unroll 12
  for (size_t j = 0; j < kChains; ++j) s[j] = _mm512_set1_ps(begin[j]);
  for (size_t i = 0; i < steps; ++i)
#pragma GCC unroll 12
    for (size_t j = 0; j < kChains; ++j) s[j] = _mm512_fmadd_ps(s[j], x, y);
  float lanes[16], sum = 0;
#pragma GCC unroll 12
  for (size_t j = 0; j < kChains; ++j) {
    _mm512_storeu_ps(lanes, s[j]);
    for (const float v : lanes) sum += v;
  }
  return sum;
}
#endif

// Does `steps` steps of kChains registers of this level, from begin[0, kChains), and returns something that
// depends on all of them. half and one are 0.5 and 1, in a way that the compiler does not know.
inline float multiply_adds(simd::Level level, size_t steps, const float* begin, float half, float one) {
#if defined(__x86_64__)
  if (level == simd::Level::kAvx512) return multiply_adds_avx512(steps, begin, half, one);
  if (level == simd::Level::kAvx2) return multiply_adds_avx2(steps, begin, half, one);
#endif
  (void)level;
  return multiply_adds_base(steps, begin, half, one);
}

// Operations of these steps; a multiply-add is two.
inline double operations_of(simd::Level level, size_t steps) {
  const size_t lanes = level == simd::Level::kAvx512 ? 16 : level == simd::Level::kAvx2 ? 8 : 4;
  return 2.0 * static_cast<double>(lanes * kChains * steps);
}

}  // namespace lowdim::bench
