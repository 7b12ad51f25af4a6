// The machine's read bandwidth, which is what a distance kernel is measured against: the plainest loop that
// there is, which adds up an array, in the registers that read fastest here. kernels_bench.cpp calls it next
// to each kernel, on the same memory, so that both see the same clock, the same neighbours and the same
// pages.
#pragma once

#include <time.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>

#include "core/simd/kernels.h"

namespace lowdim::bench {

// Sums `bytes` (a multiple of 512) at p as 64-bit words. Eight sums,
// unrolled so that they stay in registers: only the loads can be the limit.
inline uint64_t read_sum_base(const void* p, size_t bytes) {
  const uint64_t* words = static_cast<const uint64_t*>(p);
  uint64_t s[8] = {};
  for (size_t i = 0; i < bytes / 8; i += 8)
#pragma GCC unroll 8
    for (size_t j = 0; j < 8; ++j) s[j] += words[i + j];
  return s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7];
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] inline uint64_t read_sum_avx2(const void* p, size_t bytes) {
  const __m256i* v = static_cast<const __m256i*>(p);
  __m256i s[8];
#pragma GCC unroll 8
  for (__m256i& x : s) x = _mm256_setzero_si256();
  for (size_t i = 0; i < bytes / 32; i += 8)
#pragma GCC unroll 8
    for (size_t j = 0; j < 8; ++j) s[j] = _mm256_add_epi64(s[j], _mm256_loadu_si256(v + i + j));
  uint64_t words[4], sum = 0;
#pragma GCC unroll 8
  for (size_t j = 0; j < 8; ++j) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(words), s[j]);
    sum += words[0] + words[1] + words[2] + words[3];
  }
  return sum;
}

[[gnu::target("avx512f")]] inline uint64_t read_sum_avx512(const void* p, size_t bytes) {
  const __m512i* v = static_cast<const __m512i*>(p);
  __m512i s[8];
#pragma GCC unroll 8
  for (__m512i& x : s) x = _mm512_setzero_si512();
  for (size_t i = 0; i < bytes / 64; i += 8)
#pragma GCC unroll 8
    for (size_t j = 0; j < 8; ++j) s[j] = _mm512_add_epi64(s[j], _mm512_loadu_si512(v + i + j));
  uint64_t words[8], sum = 0;
#pragma GCC unroll 8
  for (size_t j = 0; j < 8; ++j) {
    _mm512_storeu_si512(words, s[j]);
    for (const uint64_t w : words) sum += w;
  }
  return sum;
}
#endif

inline uint64_t read_sum(simd::Level level, const void* p, size_t bytes) {
#if defined(__x86_64__)
  if (level == simd::Level::kAvx512) return read_sum_avx512(p, bytes);
  if (level == simd::Level::kAvx2) return read_sum_avx2(p, bytes);
#endif
  (void)level;
  return read_sum_base(p, bytes);
}

// Processor time of this thread in seconds: what other processes take of the processor does not count.
inline double thread_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Bytes a second at `level`: the median of `rounds` rounds of `passes` passes.
inline double read_bandwidth(simd::Level level, const void* p, size_t bytes, int rounds, int passes) {
  std::vector<double> rates;
  volatile uint64_t sink = 0;
  for (int r = 0; r < rounds; ++r) {
    const double start = thread_seconds();
    for (int i = 0; i < passes; ++i) sink = sink + read_sum(level, p, bytes);
    rates.push_back(static_cast<double>(bytes) * passes / (thread_seconds() - start));
  }
  std::nth_element(rates.begin(), rates.begin() + rounds / 2, rates.end());
  return rates[static_cast<size_t>(rounds / 2)];
}

// The level that reads fastest, which need not be the widest.
inline simd::Level fastest_reader(const void* p, size_t bytes, int rounds, int passes) {
  simd::Level fastest = simd::Level::kBase;
  double best = 0;
  for (const simd::Level level : {simd::Level::kBase, simd::Level::kAvx2, simd::Level::kAvx512}) {
    if (simd::kernels_for(level) == nullptr) continue;
    const double rate = read_bandwidth(level, p, bytes, rounds, passes);
    if (rate > best) {
      best = rate;
      fastest = level;
    }
  }
  return fastest;
}

}  // namespace lowdim::bench
