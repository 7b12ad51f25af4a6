// Writes a set of vectors of known intrinsic dimension (manifold.h), with its queries and exact ground truth:
// the same four files that `prepare` makes of a real set. One seed gives one set on every machine.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <thread>

#include "arguments.h"
#include "fvecs.h"
#include "manifold.h"
#include "truth.h"

namespace {

constexpr const char* kUsage =
    "generate --out DIR [--rows 100000] [--queries 1000] [--dim 128] [--intrinsic 8] [--noise 0] [--linear]\n"
    "         [--seed 1] [--metric l2|cosine|ip] [--k 100] [--threads N]\n"
    "  writes base.fvecs, query.fvecs, truth.ivecs and truth.fvecs; --linear: a flat subspace, not a curved "
    "one;\n"
    "  --noise: standard deviation of what is added to every coordinate\n";

void run(const lowdim::bench::Arguments& args) {
  using namespace lowdim::bench;
  ManifoldSpec spec;
  spec.dim = args.count("dim", spec.dim);
  spec.intrinsic = args.count("intrinsic", spec.intrinsic);
  spec.seed = args.count("seed", spec.seed);
  spec.noise = args.number("noise", spec.noise);
  spec.linear = args.has("linear");
  const std::string out = args.required("out");
  const Metric metric = metric_named(args.text("metric", "l2"));
  const size_t k = args.count("k", 100);
  const size_t n_threads = args.count("threads", std::thread::hardware_concurrency());

  Manifold manifold(spec);
  const Matrix<float> base = manifold.sample(args.count("rows", 100000));
  const Matrix<float> queries = manifold.sample(args.count("queries", 1000));
  const Truth truth = find_truth(metric, base, queries, k, n_threads);
  std::filesystem::create_directories(out);
  write_vecs(out + "/base.fvecs", base);
  write_vecs(out + "/query.fvecs", queries);
  write_vecs(out + "/truth.ivecs", truth.ids);
  write_vecs(out + "/truth.fvecs", truth.distances);
  std::printf(
      "%zu base rows, %zu queries, %zu dimensions of which %zu intrinsic; base checksum %016llx\n", base.rows,
      queries.rows, spec.dim, spec.intrinsic,
      static_cast<unsigned long long>(checksum(base.values.data(), base.values.size() * sizeof(float))));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(lowdim::bench::Arguments(
        argc, argv, kUsage,
        {"out", "rows", "queries", "dim", "intrinsic", "noise", "seed", "metric", "k", "threads"},
        {"linear"}));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "generate: %s\n", e.what());
    return 1;
  }
}
