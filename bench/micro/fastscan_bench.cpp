// FastScan over packed 4-bit codes against the float32 L2 kernel, both far beyond the caches: 256 MiB of
// codes in blocks of 32, and 256 MiB of vectors of 128 dimensions. m segments stand for 128 dimensions: m =
// 32 is 1 bit a dimension (PQ of 4 dimensions a segment), 64 is 2, 128 is 4. Names are fastscan/level/m.
// Counters, by processor time:
//   ns/code         time of one code
//   GB/s            bytes of the codes scanned a second (10^9)
//   times_l2sq_f32  codes a second over what l2sq_f32 of the same level does in vectors a second, measured
//   just
//                   before in the same run, the best of three passes
#include <benchmark/benchmark.h>

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "core/simd/fastscan.h"
#include "core/simd/kernels.h"

namespace lowdim::bench {
namespace {

constexpr size_t kBytes = size_t{256} << 20;
constexpr uint32_t kDims = 128;
constexpr size_t kCall = 32;  // blocks a call, whose sums stay in the first-level cache

double processor_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// 1 MiB of random bytes that repeat (any nibble is a code), and of small floats.
const uint8_t* codes() {
  static uint8_t* data = nullptr;
  if (data != nullptr) return data;
  data = static_cast<uint8_t*>(std::aligned_alloc(4096, kBytes));
  constexpr size_t kBlock = size_t{1} << 20;
  core::Random random(1);
  for (size_t i = 0; i < kBlock; ++i) data[i] = static_cast<uint8_t>(random.next());
  for (size_t at = kBlock; at < kBytes; at += kBlock) std::memcpy(data + at, data, kBlock);
  return data;
}

const float* vectors() {
  static float* data = nullptr;
  if (data != nullptr) return data;
  data = static_cast<float*>(std::aligned_alloc(4096, kBytes));
  constexpr size_t kBlock = size_t{1} << 18;
  core::Random random(2);
  for (size_t i = 0; i < kBlock; ++i) data[i] = static_cast<float>(random.normal());
  for (size_t at = kBlock; at < kBytes / sizeof(float); at += kBlock) {
    std::memcpy(data + at, data, kBlock * sizeof(float));
  }
  return data;
}

double l2sq_vectors_a_second(const simd::Kernels& k) {
  const float* data = vectors();
  std::vector<float> query(data + 1000, data + 1000 + kDims);
  constexpr size_t kCount = kBytes / sizeof(float) / kDims;
  double best = 0;
  for (int round = 0; round < 3; ++round) {
    const double start = processor_seconds();
    float sum = 0;
    for (size_t i = 0; i < kCount; ++i) sum += k.l2sq_f32(query.data(), data + i * kDims, kDims);
    benchmark::DoNotOptimize(sum);
    best = std::max(best, static_cast<double>(kCount) / (processor_seconds() - start));
  }
  return best;
}

void fastscan(benchmark::State& state, simd::Level level, uint32_t m) {
  const uint8_t* blocks = codes();
  const double reference = l2sq_vectors_a_second(*simd::kernels_for(level));
  const simd::FastScanKernels& k = *simd::fastscan_kernels_for(level);
  std::vector<uint8_t> tables(blocks + 4096, blocks + 4096 + size_t{16} * m);
  alignas(64) uint32_t sums[32 * kCall];
  const size_t block_bytes = size_t{16} * m, n_blocks = kBytes / block_bytes / kCall * kCall;
  for (auto _ : state) {
    for (size_t b = 0; b < n_blocks; b += kCall) {
      k.sums(blocks + b * block_bytes, kCall, m, tables.data(), sums);
      benchmark::DoNotOptimize(&sums[0]);
      benchmark::ClobberMemory();
    }
  }
  using benchmark::Counter;
  const double scored = static_cast<double>(32 * n_blocks) * static_cast<double>(state.iterations());
  state.counters["ns/code"] = Counter(scored * 1e-9, Counter::kIsRate | Counter::kInvert);
  state.counters["GB/s"] = Counter(scored / 2 * m * 1e-9, Counter::kIsRate);
  state.counters["times_l2sq_f32"] = Counter(scored / reference, Counter::kIsRate);
}

const bool registered = [] {
  for (const simd::Level level : {simd::Level::kBase, simd::Level::kAvx2, simd::Level::kAvx512}) {
    const simd::Kernels* k = simd::kernels_for(level);
    if (k == nullptr) continue;
    for (const uint32_t m : {32u, 64u, 128u}) {
      const std::string name = std::string("fastscan/") + k->name + "/" + std::to_string(m);
      benchmark::RegisterBenchmark(name.c_str(),
                                   [level, m](benchmark::State& state) { fastscan(state, level, m); })
          ->Unit(benchmark::kMillisecond)
          ->Iterations(5);
    }
  }
  return true;
}();

}  // namespace
}  // namespace lowdim::bench
