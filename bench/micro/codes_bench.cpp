// Scoring and making codes, beside the float32 kernels that they replace: subject x level x dimensions x
// place.
//   micro --benchmark_filter='(lvq8_score|l2sq_f32_scan)/avx512/768/memory'
// Subjects: *_score is Scorer::score in blocks of 64 codes (what a partition scan does), dot_* and planes the
// bare kernel in such blocks, *_encode is Quantizer::encode, *_f32_scan one call of a float32 kernel a
// vector. Places: `l2cache`, 512 KiB of codes or vectors, again and again; `memory`, 256 MiB, beyond every
// cache. Counters: items_per_second are vectors a second (of processor time), GB/s bytes of codes or vectors
// read.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/codec/lvq.h"
#include "core/codec/optimized_scalar.h"
#include "core/codec/pack.h"
#include "core/codec/scalar.h"
#include "core/simd/codes.h"
#include "core/simd/kernels.h"

namespace lowdim::bench {
namespace {

using core::LvqQuantizer;
using core::Quantizer;
using core::Rows;
using simd::CodeKernels;
using simd::Level;

constexpr size_t kL2Cache = size_t{512} << 10, kMemory = size_t{256} << 20;
constexpr size_t kRows = 64;

// kRows centred rows, which repeat in what is scanned.
std::vector<float> rows_of(uint32_t dims) {
  std::vector<float> rows(kRows * dims);
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (float& x : rows) x = normal(random);
  return rows;
}

// Allocated once: touching the pages takes longer than scanning them.
uint8_t* room() {
  static uint8_t* data = static_cast<uint8_t*>(std::aligned_alloc(4096, kMemory));
  return data;
}

// Fills `bytes` with whole items of `size` bytes, of which there are kRows; returns how many.
size_t fill(const void* items, size_t size, size_t bytes) {
  const size_t count = bytes / size;
  for (size_t i = 0; i < count; ++i)
    std::memcpy(room() + i * size, static_cast<const uint8_t*>(items) + i % kRows * size, size);
  return count;
}

void report(benchmark::State& state, size_t count, size_t size) {
  const double items = static_cast<double>(count) * static_cast<double>(state.iterations());
  state.SetItemsProcessed(static_cast<int64_t>(items));
  state.counters["GB/s"] =
      benchmark::Counter(items * static_cast<double>(size) * 1e-9, benchmark::Counter::kIsRate);
}

// In blocks of kRows from the room.
template <class Score>
void scan(benchmark::State& state, size_t count, size_t size, Score score) {
  for (auto _ : state) {
    for (size_t i = 0; i + kRows <= count; i += kRows) score(room() + i * size);
    benchmark::ClobberMemory();
  }
  report(state, count / kRows * kRows, size);
}

std::unique_ptr<Quantizer> make(const std::string& name, const Rows& rows) {
  if (name == "float16") return std::make_unique<core::Float16Quantizer>(rows.dims);
  if (name == "int8") return core::Int8Quantizer::train(rows);
  if (name == "lvq8") return LvqQuantizer::train(rows, 8, 0);
  if (name == "lvq4") return LvqQuantizer::train(rows, 4, 0);
  if (name == "lvq4x8") return LvqQuantizer::train(rows, 4, 8);
  if (name == "scalar1") return std::make_unique<core::OptimizedScalarQuantizer>(rows.dims, 1);
  if (name == "scalar1x4") return std::make_unique<core::OptimizedScalarQuantizer>(rows.dims, 1, 4);
  return std::make_unique<core::OptimizedScalarQuantizer>(rows.dims, 4);
}

void score(benchmark::State& state, Level level, const std::string& name, uint32_t dims, size_t bytes) {
  simd::force(level);
  const std::vector<float> rows = rows_of(dims);
  const auto quantizer = make(name, {rows.data(), kRows, dims});
  const size_t size = quantizer->code_bytes();
  std::vector<uint8_t> codes(kRows * size);
  for (size_t i = 0; i < kRows; ++i) quantizer->encode(rows.data() + i * dims, codes.data() + i * size);
  const auto scorer = quantizer->prepare(rows.data());
  float out[kRows];
  scan(state, fill(codes.data(), size, bytes), size, [&](const uint8_t* p) {
    scorer->score(p, size, kRows, out);
    benchmark::DoNotOptimize(out[0]);
  });
  simd::force(simd::detect());
}

void encode(benchmark::State& state, Level level, const std::string& name, uint32_t dims) {
  simd::force(level);
  const std::vector<float> rows = rows_of(dims);
  const auto quantizer = make(name, {rows.data(), kRows, dims});
  std::vector<uint8_t> code(quantizer->code_bytes());
  for (auto _ : state)
    for (size_t i = 0; i < kRows; ++i) {
      quantizer->encode(rows.data() + i * dims, code.data());
      benchmark::DoNotOptimize(code[0]);
      benchmark::ClobberMemory();
    }
  report(state, kRows, dims * sizeof(float));
  simd::force(simd::detect());
}

void floats(benchmark::State& state, float (*kernel)(const float*, const float*, uint32_t), uint32_t dims,
            size_t bytes) {
  const std::vector<float> rows = rows_of(dims);
  const size_t size = dims * sizeof(float);
  float sum = 0;
  scan(state, fill(rows.data(), size, bytes), size, [&](const uint8_t* p) {
    for (size_t i = 0; i < kRows; ++i)
      sum += kernel(rows.data(), reinterpret_cast<const float*>(p + i * size), dims);
    benchmark::DoNotOptimize(sum);
  });
}

// The bare kernels, on random bytes.
void kernel(benchmark::State& state, const CodeKernels& k, const std::string& name, uint32_t dims,
            size_t bytes) {
  const unsigned bits = name == "planes_u1" ? 1 : static_cast<unsigned>(name.back() - '0');
  const size_t size = core::packed_bytes(dims, bits);
  std::mt19937 random(6);
  std::vector<uint8_t> codes(kRows * size), query(4 * dims);
  for (uint8_t& x : codes) x = static_cast<uint8_t>(random());
  for (uint8_t& x : query) x = static_cast<uint8_t>(random() % 16);
  const std::vector<int16_t> i16(query.begin(), query.end());
  const std::vector<float> q = rows_of(dims);
  const size_t count = fill(codes.data(), size, bytes);
  float out[kRows];
  int32_t ints[kRows];
  uint32_t counts[kRows];
  scan(state, count, size, [&](const uint8_t* p) {
    const int8_t* i8 = reinterpret_cast<const int8_t*>(query.data());
    if (name == "dot_f32_u8") k.dot_f32_u8(q.data(), p, size, kRows, dims, out);
    if (name == "dot_f32_u4") k.dot_f32_u4(q.data(), p, size, kRows, dims, out);
    if (name == "dot_f32_u2") k.dot_f32_u2(q.data(), p, size, kRows, dims, out);
    if (name == "dot_f32_u1") k.dot_f32_u1(q.data(), p, size, kRows, dims, out);
    if (name == "dot_i16_u8") k.dot_i16_u8(i16.data(), p, size, kRows, dims, ints);
    if (name == "dot_i16_u4") k.dot_i16_u4(i16.data(), p, size, kRows, dims, ints);
    if (name == "dot_i8_u8") k.dot_i8_u8(i8, p, size, kRows, dims, ints);
    if (name == "dot_i8_u4") k.dot_i8_u4(i8, p, size, kRows, dims, ints);
    if (name == "dot_u8_u8") k.dot_u8_u8(query.data(), p, size, kRows, dims, ints);
    if (name == "dot_u8_u4") k.dot_u8_u4(query.data(), p, size, kRows, dims, ints);
    if (name == "planes_u1") k.dot_planes_u1(query.data(), 4, p, size, kRows, size, counts);
    benchmark::DoNotOptimize(&out[0]);
    benchmark::DoNotOptimize(&ints[0]);
    benchmark::DoNotOptimize(&counts[0]);
  });
}

void add(const std::string& name, std::function<void(benchmark::State&)> run, size_t bytes) {
  auto* b = benchmark::RegisterBenchmark(name.c_str(), std::move(run))->Unit(benchmark::kMicrosecond);
  if (bytes == kMemory) {
    b->Iterations(3);
  } else {
    b->MinTime(0.02);
  }
}

const bool registered = [] {
  for (const Level level : {Level::kBase, Level::kAvx2, Level::kAvx512}) {
    const simd::Kernels* f = simd::kernels_for(level);
    if (f == nullptr) continue;
    const CodeKernels* k = simd::code_kernels_for(level);
    for (const uint32_t dims : {100u, 128u, 768u}) {
      const std::string middle = std::string("/") + f->name + "/" + std::to_string(dims);
      for (const size_t bytes : {kL2Cache, kMemory}) {
        const std::string end = middle + (bytes == kMemory ? "/memory" : "/l2cache");
        add(
            "l2sq_f32_scan" + end, [=](auto& s) { floats(s, f->l2sq_f32, dims, bytes); }, bytes);
        add(
            "dot_f32_scan" + end, [=](auto& s) { floats(s, f->dot_f32, dims, bytes); }, bytes);
        for (const char* name :
             {"lvq8", "lvq4", "lvq4x8", "float16", "int8", "scalar1", "scalar1x4", "scalar4"})
          add(
              name + std::string("_score") + end, [=](auto& s) { score(s, level, name, dims, bytes); },
              bytes);
        for (const char* name :
             {"dot_f32_u8", "dot_f32_u4", "dot_f32_u2", "dot_f32_u1", "dot_i16_u8", "dot_i16_u4", "dot_i8_u8",
              "dot_i8_u4", "dot_u8_u8", "dot_u8_u4", "planes_u1"})
          add(
              name + end, [=](auto& s) { kernel(s, *k, name, dims, bytes); }, bytes);
      }
      for (const char* name : {"lvq8", "lvq4", "lvq4x8", "float16", "int8", "scalar1", "scalar4"})
        add(
            name + std::string("_encode") + middle, [=](auto& s) { encode(s, level, name, dims); }, 0);
    }
  }
  return true;
}();

}  // namespace
}  // namespace lowdim::bench
