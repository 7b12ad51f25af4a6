// The graph of lean_hnsw outside a server: builds it, searches it with the codes that its nodes carry, and
// counts what a search costs: hops (pages), codes scored, exact distances. Counts are exact and the same on
// every machine; times stand beside them. docs/lean_hnsw.md quotes its tables.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "../data/arguments.h"
#include "../data/fvecs.h"
#include "graph_effort.h"
#include "graph_schemes.h"
#include "lean_graph.h"

namespace {

using namespace lowdim;
using bench::split;

constexpr const char* kEfs = "10,20,40,80,160,320";
constexpr const char* kUsage =
    "graph --base FILE --queries FILE --truth FILE.ivecs --metric l2|cosine|ip [--rows N] [--n 1000] [--k "
    "10]\n"
    "      [--segments 50] [--degree 32] [--slack 32] [--ef-construction 64] [--improve 1] [--entries 0]\n"
    "      [--sample 20000] [--threads 2] [--ef 10,20,40,80,160,320] [--order shuffle|file]\n"
    "      [--build-order shuffle|lid_desc|heap]\n"
    "      [--schemes exact,lvq4:96,rabitq1]   the same graph with other codes (graph_schemes.h)\n"
    "      [--effort]   queries that stop by themselves, beside one effort for all (graph_effort.h)\n";

// A search with any scheme: float estimates, the exact distance of every expanded node.
void search_scheme(bench::Scheme& scheme, const std::string& name, const bench::Matrix<float>& base,
                   const bench::Matrix<float>& queries, const bench::Matrix<int32_t>& truth,
                   const std::vector<uint32_t>& order, const core::GraphBuild& graph, uint32_t n,
                   size_t n_queries, size_t k, uint32_t ef) {
  uint64_t hops = 0, good = 0;
  for (size_t q = 0; q < n_queries; ++q) {
    scheme.prepare(queries.row(q));
    std::vector<std::pair<float, uint32_t>> open, best, found;  // heaps: nearest first, farthest first
    std::vector<bool> seen(n);
    const auto nearest = [](const auto& a, const auto& b) { return a > b; };
    const auto push = [&](float d, uint32_t id) {
      if (seen[id] || (best.size() == ef && d >= best.front().first)) return;
      seen[id] = true;
      open.emplace_back(d, id);
      std::push_heap(open.begin(), open.end(), nearest);
      best.emplace_back(d, id);
      std::push_heap(best.begin(), best.end());
      if (best.size() > ef) {
        std::pop_heap(best.begin(), best.end());
        best.pop_back();
      }
    };
    for (uint32_t e = 0; e < graph.entry_count(); ++e) push(scheme.one(graph.entry(e)), graph.entry(e));
    float out[512];
    while (!open.empty() && (best.size() < ef || open.front().first <= best.front().first)) {
      const uint32_t at = open.front().second;
      std::pop_heap(open.begin(), open.end(), nearest);
      open.pop_back();
      ++hops;
      const float exact =
          simd::kernels().l2sq_f32(queries.row(q), base.row(at), static_cast<uint32_t>(base.cols));
      found.emplace_back(exact, at);
      scheme.score(at, exact, out);
      for (uint32_t j = 0; j < graph.count(at); ++j) push(out[j], graph.links(at)[j]);
    }
    const size_t top = std::min(k, found.size());
    std::partial_sort(found.begin(), found.begin() + static_cast<ptrdiff_t>(top), found.end());
    for (size_t i = 0; i < top; ++i) {
      for (size_t j = 0; j < k; ++j) good += truth.row(q)[j] == static_cast<int32_t>(order[found[i].second]);
    }
  }
  const double per = static_cast<double>(n_queries);
  std::printf("| %s | %zu | %u | %.4f | %.1f |\n", name.c_str(), scheme.bytes(), ef,
              static_cast<double>(good) / per / static_cast<double>(k), static_cast<double>(hops) / per);
  std::fflush(stdout);
}

int run(const bench::Arguments& args) {
  const std::string metric = args.required("metric");
  bench::Matrix<float> base = bench::read_vectors(args.required("base"));
  bench::Matrix<float> queries = bench::read_vectors(args.required("queries"));
  const bench::Matrix<int32_t> truth = bench::read_ivecs(args.required("truth"));
  if (metric == "cosine") {
    bench::normalize(base);
    bench::normalize(queries);
  }
  const size_t k = args.count("k", 10);
  const uint32_t n = static_cast<uint32_t>(std::min(base.rows, args.count("rows", base.rows)));
  const size_t n_queries = std::min(queries.rows, args.count("n", 1000));

  // Nodes are numbered in that order.
  std::vector<uint32_t> order = bench::shuffled(n, 1);
  if (args.text("order", "shuffle") != "shuffle") std::iota(order.begin(), order.end(), 0u);
  base = bench::rows_in_order(base, order);

  bench::LeanGraphOptions o;
  if (metric == "ip") o.metric = core::GraphMetric::kInner;
  o.segments = static_cast<uint32_t>(args.count("segments", o.segments));
  o.sample = args.count("sample", o.sample);
  o.threads = args.count("threads", o.threads);
  o.improve = args.count("improve", o.improve);
  o.graph.degree = static_cast<uint32_t>(args.count("degree", o.graph.degree));
  o.graph.slack = static_cast<uint32_t>(args.count("slack", o.graph.slack));
  o.graph.ef_construction = static_cast<uint32_t>(args.count("ef-construction", o.graph.ef_construction));
  o.graph.entries = static_cast<uint32_t>(args.count("entries", 0));
  o.graph.order = bench::order_named(args.text("build-order", "shuffle"));
  const bench::LeanGraph lean(base, order, o);

  if (args.has("effort")) {
    bench::compare_efforts(lean, queries, truth, order, n_queries, k);
    return 0;
  }
  std::printf("| ef | recall | hops | codes | us |\n| --- | --- | --- | --- | --- |\n");
  for (const std::string& ef : split(args.text("ef", kEfs))) {
    bench::Recall recall(truth, order, k);
    const auto counts = lean.search(queries, n_queries, static_cast<uint32_t>(std::stoul(ef)),
                                    [&](size_t q, float d, uint32_t at) { recall.see(q, d, at); });
    const double per = static_cast<double>(n_queries);
    std::printf("| %s | %.4f | %.1f | %.0f | %.1f |\n", ef.c_str(), recall.value(),
                static_cast<double>(counts.hops) / per, static_cast<double>(counts.scored) / per,
                counts.seconds / per * 1e6);
  }
  if (args.has("schemes")) {
    std::printf("\n| scheme | bytes | ef | recall | hops |\n| --- | ---: | ---: | ---: | ---: |\n");
    for (const std::string& name : split(args.text("schemes", ""))) {
      const auto scheme = bench::make_scheme(name, base, lean.graph(), n);
      for (const std::string& ef : split(args.text("ef", kEfs))) {
        search_scheme(*scheme, name, base, queries, truth, order, lean.graph(), n, n_queries, k,
                      static_cast<uint32_t>(std::stoul(ef)));
      }
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments args(
      argc, argv, kUsage,
      {"base", "queries", "truth", "metric", "rows", "n", "k", "segments", "degree", "slack",
       "ef-construction", "improve", "entries", "sample", "threads", "ef", "order", "schemes", "build-order"},
      {"effort"});
  try {
    return run(args);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "graph: %s\n", e.what());
    return 1;
  }
}
