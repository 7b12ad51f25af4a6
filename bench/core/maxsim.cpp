// Times MaxSim of one query and a document on every level, as a share of the rate of multiply-adds that the
// same core has just then (fma_peak.h): by the tiled kernel, and by one call of the inner product kernel for
// each pair. `cache` is one document again and again; `memory` many, one behind the other, more than the
// caches hold.
//   maxsim [query vectors] [document vectors] [dims] [documents]      default 32 128 128 2000
// Prints for each level and way microseconds a document, GFLOP/s (two operations for each element of a pair),
// their share of the peak, and MaxSim of a document as a check. Repetitions are short and take turns, 400 of
// each; each figure is the best of its own.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include "core/base/random.h"
#include "core/multi/maxsim.h"
#include "core/simd/kernels.h"
#include "fma_peak.h"

namespace {

using lowdim::core::MultiView;
using lowdim::simd::Level;

constexpr int kRepetitions = 400;
constexpr double kSeconds = 50e-6;  // of a repetition, roughly

double pairwise(const MultiView& document, const MultiView& query) {
  const auto& kernels = lowdim::simd::kernels();
  double sum = 0;
  for (uint32_t j = 0; j < query.count; ++j) {
    float best = -std::numeric_limits<float>::infinity();
    for (uint32_t i = 0; i < document.count; ++i)
      best = std::max(best, kernels.dot_f32(document.x + size_t{i} * document.dims,
                                            query.x + size_t{j} * query.dims, query.dims));
    sum += static_cast<double>(best);
  }
  return sum;
}

double tiled(const MultiView& document, const MultiView& query) {
  static std::vector<float> best;
  best.resize(query.count);
  lowdim::core::max_matches(document, query, best.data(), nullptr, lowdim::core::Stop{});
  return lowdim::core::sum_matches(best.data(), query.count);
}

template <class Work>
double seconds_of(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The documents, and how one way does with them.
struct Way {
  const char* name;
  const char* place;
  double (*maxsim)(const MultiView&, const MultiView&);
  size_t documents;  // different ones
  size_t at = 0;
  size_t batch = 1;                                       // in a repetition
  double best = std::numeric_limits<double>::infinity();  // seconds a document
  double check = 0;

  void repeat(const std::vector<float>& x, uint32_t vectors, const MultiView& query) {
    const double took = seconds_of([&] {
      for (size_t i = 0; i < batch; ++i) {
        check = maxsim({x.data() + at * vectors * query.dims, vectors, query.dims}, query);
        at = (at + 1) % documents;
      }
    });
    best = std::min(best, took / static_cast<double>(batch));
  }
};

void measure(Level level, const std::vector<float>& x, size_t n, uint32_t vectors, const MultiView& query) {
  Way ways[] = {{"pairwise", "cache", pairwise, 1},
                {"pairwise", "memory", pairwise, n},
                {"tiled", "cache", tiled, 1},
                {"tiled", "memory", tiled, n}};
  volatile float half = 0.5f, sink = 0;
  size_t steps = 1000;
  double peak = 0;
  for (int r = 0; r < kRepetitions; ++r) {
    const double took = seconds_of(
        [&] { sink = sink + lowdim::bench::multiply_adds(level, steps, x.data(), half, 2 * half); });
    peak = std::max(peak, lowdim::bench::operations_of(level, steps) / took);
    if (r == 0) steps = static_cast<size_t>(static_cast<double>(steps) * kSeconds / took) + 1;
    for (Way& way : ways) {
      way.repeat(x, vectors, query);
      if (r == 0) way.batch = static_cast<size_t>(kSeconds / way.best) + 1;
    }
  }
  const char* name = lowdim::simd::kernels().name;
  std::printf("%-9s %-9s %-7s %12s    %8.1f GFLOP/s\n", name, "peak", "", "", 1e-9 * peak);
  for (const Way& way : ways) {
    const double rate = 2.0 * query.count * vectors * query.dims / way.best;
    std::printf("%-9s %-9s %-7s %9.3f us    %8.1f GFLOP/s  %5.1f %%  %.6g\n", name, way.name, way.place,
                1e6 * way.best, 1e-9 * rate, 100 * rate / peak, way.check);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, size_t fallback) {
    return argc > i ? static_cast<size_t>(std::strtoull(argv[i], nullptr, 10)) : fallback;
  };
  const auto query_vectors = static_cast<uint32_t>(argument(1, 32));
  const auto vectors = static_cast<uint32_t>(argument(2, 128));
  const auto dims = static_cast<uint32_t>(argument(3, 128));
  const size_t n = argument(4, 2000);
  lowdim::core::Random random(1);
  const auto filled = [&](size_t size) {
    std::vector<float> x(size);
    for (float& v : x) v = static_cast<float>(random.uniform() - 0.5);
    return x;
  };
  const std::vector<float> documents = filled(n * vectors * dims);
  const std::vector<float> query = filled(size_t{query_vectors} * dims);
  const MultiView view{query.data(), query_vectors, dims};
  for (const Level level : {Level::kBase, Level::kAvx2, Level::kAvx512}) {
    if (lowdim::simd::kernels_for(level) == nullptr) continue;
    lowdim::simd::force(level);
    measure(level, documents, n, vectors, view);
  }
}
