// The SIMD kernels, one query against many vectors, as an exact scan calls them. Names are
// kernel/level/dims/place, as in --benchmark_filter='l2sq_f32/avx512/.*'. Places are `l2cache`, 256 KiB of
// vectors scanned again and again, and `memory`, 256 MiB, beyond the caches. `dims` are bits for hamming and
// jaccard; read/<level> is the loop of bandwidth.h. Counters, all by processor time:
//   GB/s          bytes of the scanned vectors a second (10^9); the query stays in the first-level cache
//   ns/pair       time of one call
//   of_bandwidth  GB/s over the read bandwidth measured just before on the same vectors
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>

#include "bandwidth.h"
#include "core/base/half.h"
#include "core/simd/kernels.h"

namespace lowdim::bench {
namespace {

using simd::Kernels;
using simd::Level;

struct Place {
  const char* name;
  size_t bytes;
  int rounds, passes;  // of the bandwidth measurement: about 2 ms in the cache, 60 ms in memory
};
constexpr Place kL2Cache = {"l2cache", size_t{256} << 10, 7, 64};
constexpr Place kMemory = {"memory", size_t{256} << 20, 3, 1};
constexpr uint32_t kDims[] = {32, 100, 128, 384, 768, 1536, 3072};

enum class Element { kF32, kF16, kBit };

size_t bytes_of(Element element, uint32_t dim) {
  switch (element) {
    case Element::kF32:
      return size_t{4} * dim;
    case Element::kF16:
      return size_t{2} * dim;
    case Element::kBit:
      return dim / 8;
  }
  return 0;
}

// The largest place, allocated and filled once for each element type, since filling takes longer than
// scanning. Blocks of 1 MiB repeat: the values do not matter, only that they are ordinary numbers and every
// page is there.
const uint8_t* vectors(Element element) {
  static uint8_t* filled[3] = {};
  uint8_t*& data = filled[static_cast<int>(element)];
  if (data != nullptr) return data;
  data = static_cast<uint8_t*>(std::aligned_alloc(4096, kMemory.bytes));
  constexpr size_t kBlock = size_t{1} << 20;
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (size_t i = 0; i < kBlock / 4; ++i) {
    const float x = normal(random);
    const uint32_t halves = float_to_half(x) | static_cast<uint32_t>(float_to_half(normal(random))) << 16;
    const uint32_t bits = static_cast<uint32_t>(random());
    const void* word = &x;
    if (element == Element::kF16) word = &halves;
    if (element == Element::kBit) word = &bits;
    std::memcpy(data + 4 * i, word, 4);
  }
  for (size_t at = kBlock; at < kMemory.bytes; at += kBlock) std::memcpy(data + at, data, kBlock);
  return data;
}

// One call of a kernel: a query, a stored vector, its dimension; returns what keeps the call alive.
using Call = double (*)(const Kernels& k, const void* query, const void* vector, uint32_t dim);

template <auto Member, class T>
double call_distance(const Kernels& k, const void* q, const void* v, uint32_t dim) {
  return static_cast<double>((k.*Member)(static_cast<const T*>(q), static_cast<const T*>(v), dim));
}
template <auto Member, class T>
double call_cosine(const Kernels& k, const void* q, const void* v, uint32_t dim) {
  float out[3];
  (k.*Member)(static_cast<const T*>(q), static_cast<const T*>(v), dim, out);
  return static_cast<double>(out[0] + out[1] + out[2]);
}
template <auto Member, class T>
double call_norm(const Kernels& k, const void*, const void* v, uint32_t dim) {
  return (k.*Member)(static_cast<const T*>(v), dim);
}
double call_hamming(const Kernels& k, const void* q, const void* v, uint32_t dim) {
  return static_cast<double>(
      k.hamming(static_cast<const uint8_t*>(q), static_cast<const uint8_t*>(v), dim / 8));
}
double call_jaccard(const Kernels& k, const void* q, const void* v, uint32_t dim) {
  uint64_t out[2];
  k.jaccard(static_cast<const uint8_t*>(q), static_cast<const uint8_t*>(v), dim / 8, out);
  return static_cast<double>(out[0] + out[1]);
}
double call_to_f32(const Kernels& k, const void*, const void* v, uint32_t dim) {
  alignas(64) float out[3072];
  k.f16_to_f32(static_cast<const uint16_t*>(v), out, dim);
  benchmark::DoNotOptimize(&out[0]);
  return 0;
}
double call_to_f16(const Kernels& k, const void*, const void* v, uint32_t dim) {
  alignas(64) uint16_t out[3072];
  k.f32_to_f16(static_cast<const float*>(v), out, dim);
  benchmark::DoNotOptimize(&out[0]);
  return 0;
}

struct Subject {
  const char* name;
  Element element;
  Call call;
};
constexpr Subject kSubjects[] = {
    {"l2sq_f32", Element::kF32, call_distance<&Kernels::l2sq_f32, float>},
    {"dot_f32", Element::kF32, call_distance<&Kernels::dot_f32, float>},
    {"l1_f32", Element::kF32, call_distance<&Kernels::l1_f32, float>},
    {"cosine_f32", Element::kF32, call_cosine<&Kernels::cosine_f32, float>},
    {"norm2_f32", Element::kF32, call_norm<&Kernels::norm2_f32, float>},
    {"l2sq_f16", Element::kF16, call_distance<&Kernels::l2sq_f16, uint16_t>},
    {"dot_f16", Element::kF16, call_distance<&Kernels::dot_f16, uint16_t>},
    {"l1_f16", Element::kF16, call_distance<&Kernels::l1_f16, uint16_t>},
    {"cosine_f16", Element::kF16, call_cosine<&Kernels::cosine_f16, uint16_t>},
    {"norm2_f16", Element::kF16, call_norm<&Kernels::norm2_f16, uint16_t>},
    {"hamming", Element::kBit, call_hamming},
    {"jaccard", Element::kBit, call_jaccard},
    {"f16_to_f32", Element::kF16, call_to_f32},
    {"f32_to_f16", Element::kF32, call_to_f16},
};

void scan(benchmark::State& state, const Subject& subject, const Kernels& k, uint32_t dim,
          const Place& place) {
  const size_t size = bytes_of(subject.element, dim);
  const size_t count = place.bytes / size;
  const uint8_t* data = vectors(subject.element);
  alignas(64) uint8_t query[4 * 3072];
  std::memcpy(query, data + (size_t{100} << 10), size);
  static int fastest[2] = {
      -1, -1};  // by place, found once: reading memory on every level takes longer than a kernel
  int& level = fastest[place.bytes == kMemory.bytes];
  if (level < 0) level = static_cast<int>(fastest_reader(data, place.bytes, 5, place.passes));
  const double bandwidth =
      read_bandwidth(static_cast<Level>(level), data, place.bytes, place.rounds, place.passes);
  double sum = 0;
  for (auto _ : state)
    for (size_t i = 0; i < count; ++i) sum += subject.call(k, query, data + i * size, dim);
  benchmark::DoNotOptimize(sum);

  using benchmark::Counter;
  const double pairs = static_cast<double>(count) * static_cast<double>(state.iterations());
  const double bytes = pairs * static_cast<double>(size);
  state.counters["GB/s"] = Counter(bytes * 1e-9, Counter::kIsRate);
  state.counters["of_bandwidth"] = Counter(bytes / bandwidth, Counter::kIsRate);
  state.counters["ns/pair"] = Counter(pairs * 1e-9, Counter::kIsRate | Counter::kInvert);
}

void read(benchmark::State& state, Level level, const Place& place) {
  const uint8_t* data = vectors(Element::kF32);
  for (auto _ : state) benchmark::DoNotOptimize(read_sum(level, data, place.bytes));
  const double bytes = static_cast<double>(place.bytes) * static_cast<double>(state.iterations());
  state.counters["GB/s"] = benchmark::Counter(bytes * 1e-9, benchmark::Counter::kIsRate);
}

// Passes over memory are few and counted: one takes 10 to 100 ms.
void schedule(benchmark::internal::Benchmark* b, const Place& place) {
  b->Unit(benchmark::kMicrosecond);
  if (place.bytes == kMemory.bytes) {
    b->Iterations(2);
  } else {
    b->MinTime(0.01);
  }
}

const bool registered = [] {
  const Level levels[] = {Level::kBase, Level::kAvx2, Level::kAvx512};
  for (const Place& place : {kL2Cache, kMemory})
    for (const Level level : levels)
      if (const Kernels* k = simd::kernels_for(level)) {
        const std::string name = std::string("read/") + k->name + "/" + place.name;
        schedule(benchmark::RegisterBenchmark(name.c_str(), read, level, place), place);
      }
  for (const Subject& subject : kSubjects)
    for (const Level level : levels) {
      const Kernels* k = simd::kernels_for(level);
      if (k == nullptr) continue;
      for (const uint32_t dim : kDims)
        for (const Place& place : {kL2Cache, kMemory}) {
          const std::string name =
              std::string(subject.name) + "/" + k->name + "/" + std::to_string(dim) + "/" + place.name;
          schedule(benchmark::RegisterBenchmark(name.c_str(),
                                                [&subject, k, dim, place](benchmark::State& state) {
                                                  scan(state, subject, *k, dim, place);
                                                }),
                   place);
        }
    }
  return true;
}();

}  // namespace
}  // namespace lowdim::bench
