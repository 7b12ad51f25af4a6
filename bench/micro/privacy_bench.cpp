// Private kernel densities: rows into a sketch, and answers out of it: subject x level x dimensions x
// features [x rows].
//   micro --benchmark_filter='kde_(add|query)/avx512/'
// Subjects: kde_add puts one row after another into the sums, as an aggregate does; kde_query asks a released
// sketch (Gaussian noise, epsilon 1) of that many rows; moments_add and distance_add are for comparison, with
// no features. Counters: items_per_second are rows or queries a second of processor time.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/privacy/distances.h"
#include "core/privacy/kde.h"
#include "core/privacy/moments.h"
#include "core/simd/kernels.h"

namespace lowdim::bench {
namespace {

using namespace core;
using simd::Level;

constexpr size_t kRows = 256;

// Of length 1, about.
std::vector<float> rows_of(uint32_t dims) {
  std::vector<float> rows(kRows * dims);
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0, 1 / std::sqrt(static_cast<float>(dims)));
  for (float& x : rows) x = normal(random);
  return rows;
}

struct SeededBytes {
  std::mt19937_64 random{1};
  static bool fill(void* self, uint8_t* out, size_t n) {
    for (size_t i = 0; i < n; ++i)
      out[i] = static_cast<uint8_t>(static_cast<SeededBytes*>(self)->random() >> 56);
    return true;
  }
};

KdeOptions options_of(uint32_t dims, uint32_t features) {
  KdeOptions o;
  o.dims = dims;
  o.features = features;
  return o;
}

template <class Sums, class Options>
void add(benchmark::State& state, const Options& options) {
  const std::vector<float> rows = rows_of(options.dims);
  Sums sums(options);
  size_t i = 0;
  for (auto _ : state) sums.add(rows.data() + i++ % kRows * options.dims);
  benchmark::DoNotOptimize(sums.rows());
  state.SetItemsProcessed(state.iterations());
}

// The sums of `rows` rows: those of 1,000, merged as often as needed.
KdeSums sums_of(const KdeOptions& options, size_t rows) {
  const std::vector<float> x = rows_of(options.dims);
  KdeSums sums(options), thousand(options);
  for (size_t i = 0; i < 1000; ++i) thousand.add(x.data() + i % kRows * options.dims);
  for (size_t i = 0; i < rows; i += 1000) sums.merge(thousand);
  return sums;
}

void query(benchmark::State& state, uint32_t dims, uint32_t features, size_t rows) {
  SeededBytes source;
  RandomBits bits({SeededBytes::fill, &source});
  KdeQuery query(KdeSketch(sums_of(options_of(dims, features), rows), PrivacyOptions{}, bits));
  const std::vector<float> y = rows_of(dims);
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(query.sum(y.data() + i++ % kRows * dims));
  state.SetItemsProcessed(state.iterations());
}

void register_all() {
  const auto with = [](Level level, auto run) {
    return [=](benchmark::State& state) {
      simd::force(level);
      run(state);
    };
  };
  for (const Level level : {Level::kBase, Level::kAvx2, Level::kAvx512}) {
    const simd::Kernels* kernels = simd::kernels_for(level);
    if (kernels == nullptr) continue;
    const std::string at = std::string("/") + kernels->name + "/";
    for (const auto& [dims, features] :
         {std::pair<uint32_t, uint32_t>{100, 1024}, {512, 2048}, {784, 4096}}) {
      const std::string size = std::to_string(dims) + "/" + std::to_string(features);
      benchmark::RegisterBenchmark(("kde_add" + at + size).c_str(), with(level, [=](benchmark::State& state) {
                                     add<KdeSums>(state, options_of(dims, features));
                                   }));
      for (const size_t rows : {size_t{1000}, size_t{10000000}}) {
        benchmark::RegisterBenchmark(
            ("kde_query" + at + size + "/" + std::to_string(rows)).c_str(),
            with(level, [=](benchmark::State& state) { query(state, dims, features, rows); }));
      }
    }
    for (const uint32_t dims : {100u, 512u}) {
      benchmark::RegisterBenchmark(("moments_add" + at + std::to_string(dims)).c_str(),
                                   with(level, [=](benchmark::State& state) {
                                     MomentOptions o;
                                     o.dims = dims;
                                     add<MomentSums>(state, o);
                                   }));
      benchmark::RegisterBenchmark(("distance_add" + at + std::to_string(dims)).c_str(),
                                   with(level, [=](benchmark::State& state) {
                                     DistanceOptions o;
                                     o.dims = dims, o.low = -1;
                                     add<DistanceSums>(state, o);
                                   }));
    }
  }
}

const bool registered = (register_all(), true);

}  // namespace
}  // namespace lowdim::bench
