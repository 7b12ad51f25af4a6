// Exact MaxSim of every query (maxsim_truth.h): document numbers to an .ivecs file, negative MaxSim to an
// .fvecs file of the same shape. The answer is the same on every machine. Called by `prepare` and by hand for
// other sets.
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>

#include "arguments.h"
#include "fvecs.h"
#include "maxsim_truth.h"
#include "mvecs.h"

namespace {

constexpr const char* kUsage =
    "maxsim_truth --base FILE.mvecs --queries FILE.mvecs --out PREFIX [--k 100] [--threads N]\n"
    "  writes PREFIX.ivecs (document numbers) and PREFIX.fvecs (negative MaxSim)\n";

void run(const lowdim::bench::Arguments& args) {
  using namespace lowdim::bench;
  const auto start = std::chrono::steady_clock::now();
  const MultiSet base = read_mvecs(args.required("base"));
  const MultiSet queries = read_mvecs(args.required("queries"));
  const std::string out = args.required("out");
  const Truth truth = find_maxsim_truth(base, queries, args.count("k", 100),
                                        args.count("threads", std::thread::hardware_concurrency()));
  write_vecs(out + ".ivecs", truth.ids);
  write_vecs(out + ".fvecs", truth.distances);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%zu best of %zu queries in %zu documents, %zu queries rescanned in double: %.1f s\n",
              truth.ids.cols, queries.size(), base.size(), truth.rescanned, took.count());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(lowdim::bench::Arguments(argc, argv, kUsage, {"base", "queries", "out", "k", "threads"}));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "maxsim_truth: %s\n", e.what());
    return 1;
  }
}
