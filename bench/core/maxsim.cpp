// Times MaxSim of one query and many documents on every level: by the tiled kernel, and by one call of the
// inner product kernel for each pair. Documents lie one behind the other, more than the caches hold.
//   maxsim [query vectors] [document vectors] [dims] [documents]      default 32 128 128 2000
// Prints microseconds a document, the best of five passes, and the sum of the results as a check.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include "core/base/random.h"
#include "core/multi/maxsim.h"
#include "core/simd/kernels.h"

namespace {

using lowdim::core::MultiView;

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

template <class Way>
void time_of(const char* name, const std::vector<float>& documents, size_t n, uint32_t vectors,
             const MultiView& query, Way way) {
  double best = 1e300;
  double sum = 0;
  for (int pass = 0; pass < 5; ++pass) {
    sum = 0;
    const auto start = std::chrono::steady_clock::now();
    for (size_t i = 0; i < n; ++i)
      sum += way(MultiView{documents.data() + i * vectors * query.dims, vectors, query.dims}, query);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count());
  }
  std::printf("%-9s %-9s %9.3f us  %.6g\n", lowdim::simd::kernels().name, name,
              1e6 * best / static_cast<double>(n), sum);
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
  using lowdim::simd::Level;
  for (const Level level : {Level::kBase, Level::kAvx2, Level::kAvx512}) {
    if (lowdim::simd::kernels_for(level) == nullptr) continue;
    lowdim::simd::force(level);
    time_of("pairwise", documents, n, vectors, view, pairwise);
    time_of("tiled", documents, n, vectors, view, tiled);
  }
}
