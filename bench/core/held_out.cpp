// How should an index measure the recall of new queries with its own rows? Two graphs of lean_hnsw outside a
// server, one of all rows and one without a sample of them, and the recall@10 of: new queries on the first;
// the sample on the second, as a build measures that links it last; the sample on the first, each row's own
// node hidden, as VACUUM measures (paged/hnsw/calibrate.h). docs/lean_hnsw.md quotes its table.
#include <cmath>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "../data/arguments.h"
#include "../data/fvecs.h"
#include "../data/truth.h"
#include "lean_graph.h"

namespace {

using namespace lowdim;

constexpr size_t kNearest = 10;
constexpr const char* kUsage =
    "held_out --base FILE --queries FILE --metric l2|cosine [--sample 2000] [--n 1000] [--segments 50]\n"
    "         [--threads 2] [--ef 12,18,27,40,60,90,140,220,350,600]\n";

using Vectors = bench::Matrix<float>;
using Ids = bench::Matrix<int32_t>;

Vectors rows_from(const Vectors& from, size_t first, size_t n) {
  Vectors out(n, from.cols);
  std::copy(from.row(first), from.row(first) + n * from.cols, out.values.begin());
  return out;
}

// Of rows of `base` the nearest others.
Ids nearest_others(const Vectors& base, const Vectors& rows, const std::vector<uint32_t>& self,
                   size_t threads) {
  const Ids all = bench::find_truth(bench::Metric::kL2, base, rows, kNearest + 1, threads).ids;
  Ids out(rows.rows, kNearest);
  for (size_t q = 0; q < rows.rows; ++q) {
    size_t n = 0;
    for (size_t j = 0; j <= kNearest && n < kNearest; ++j) {
      if (all.row(q)[j] != static_cast<int32_t>(self[q])) out.row(q)[n++] = all.row(q)[j];
    }
  }
  return out;
}

struct Found {
  double recall, error;  // the standard error
};
Found measure(const bench::LeanGraph& graph, const Vectors& queries, const Ids& truth, uint32_t ef,
              const uint32_t* hidden = nullptr) {
  std::vector<uint32_t> hits(queries.rows);
  graph.search(
      queries, queries.rows, ef,
      [&](size_t q, float, uint32_t at) {
        const int32_t* right = truth.row(q);
        hits[q] += std::find(right, right + kNearest, static_cast<int32_t>(at)) != right + kNearest;
      },
      hidden);
  double sum = 0, squares = 0;
  for (const uint32_t h : hits) {
    const double share = static_cast<double>(h) / kNearest;
    sum += share;
    squares += share * share;
  }
  const double n = static_cast<double>(queries.rows), mean = sum / n;
  return {mean, std::sqrt(std::max(0.0, squares / n - mean * mean) / n)};
}

int run(const bench::Arguments& args) {
  Vectors base = bench::read_vectors(args.required("base")),
          queries = bench::read_vectors(args.required("queries"));
  if (args.required("metric") == "cosine") {
    bench::normalize(base);
    bench::normalize(queries);
  }
  const size_t n_sample = args.count("sample", 2000), threads = args.count("threads", 2);
  if (n_sample == 0 || base.rows < n_sample + kNearest + 1) args.fail("the sample leaves no rows");
  queries = rows_from(queries, 0, std::min(queries.rows, args.count("n", 1000)));
  const uint32_t n = static_cast<uint32_t>(base.rows);
  base = bench::rows_in_order(base, bench::shuffled(n, 1));
  const Vectors rest = rows_from(base, 0, n - n_sample), sample = rows_from(base, n - n_sample, n_sample);
  // In the whole graph the sample comes among the others.
  const std::vector<uint32_t> order = bench::shuffled(n, 2);
  base = bench::rows_in_order(base, order);
  std::vector<uint32_t> self(n_sample), places(n);
  for (uint32_t i = 0; i < n; ++i) {
    if (order[i] >= n - n_sample) self[order[i] - (n - n_sample)] = i;
  }
  std::iota(places.begin(), places.end(), 0u);

  bench::LeanGraphOptions o;
  o.segments = static_cast<uint32_t>(args.count("segments", o.segments));
  o.threads = threads;
  o.quiet = true;
  const bench::LeanGraph whole(base, places, o), less(rest, places, o);
  const Ids of_queries = bench::find_truth(bench::Metric::kL2, base, queries, kNearest, threads).ids;
  const Ids of_held = bench::find_truth(bench::Metric::kL2, rest, sample, kNearest, threads).ids;
  const Ids of_hidden = nearest_others(base, sample, self, threads);
  std::printf("| ef | new queries | error | held out | error | hidden | hidden - held out, points |\n");
  std::printf("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  for (const std::string& word : bench::split(args.text("ef", "12,18,27,40,60,90,140,220,350,600"))) {
    const uint32_t ef = static_cast<uint32_t>(std::stoul(word));
    const Found fresh = measure(whole, queries, of_queries, ef), held = measure(less, sample, of_held, ef),
                hidden = measure(whole, sample, of_hidden, ef, self.data());
    std::printf("| %u | %.4f | %.4f | %.4f | %.4f | %.4f | %+.2f |\n", ef, fresh.recall, fresh.error,
                held.recall, held.error, hidden.recall, 100 * (hidden.recall - held.recall));
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments args(argc, argv, kUsage,
                              {"base", "queries", "metric", "sample", "n", "segments", "threads", "ef"});
  try {
    return run(args);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "held_out: %s\n", e.what());
    return 1;
  }
}
