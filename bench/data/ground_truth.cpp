// Exact nearest neighbours of every query (truth.h): row numbers to an .ivecs file, distances to an .fvecs
// file of the same shape. The answer is the same on every machine. Called by `prepare` and by hand for other
// sets.
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>

#include "arguments.h"
#include "fvecs.h"
#include "truth.h"

namespace {

constexpr const char* kUsage =
    "ground_truth --base FILE --queries FILE --metric l2|cosine|ip --out PREFIX [--k 100] [--threads N]\n"
    "  reads .fvecs or .bvecs; writes PREFIX.ivecs (row numbers) and PREFIX.fvecs (distances)\n";

void run(const lowdim::bench::Arguments& args) {
  using namespace lowdim::bench;
  const auto start = std::chrono::steady_clock::now();
  const Matrix<float> base = read_vectors(args.required("base"));
  const Matrix<float> queries = read_vectors(args.required("queries"));
  const Metric metric = metric_named(args.required("metric"));
  const std::string out = args.required("out");
  const Truth truth = find_truth(metric, base, queries, args.count("k", 100),
                                 args.count("threads", std::thread::hardware_concurrency()));
  write_vecs(out + ".ivecs", truth.ids);
  write_vecs(out + ".fvecs", truth.distances);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%zu neighbours of %zu queries in %zu rows, %zu queries rescanned in double: %.1f s\n",
              truth.ids.cols, queries.rows, base.rows, truth.rescanned, took.count());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(lowdim::bench::Arguments(argc, argv, kUsage, {"base", "queries", "metric", "out", "k", "threads"}));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "ground_truth: %s\n", e.what());
    return 1;
  }
}
