// The graph of lean_hnsw outside a server: builds it, searches it with the codes that its nodes carry, and
// counts what a search costs: hops (pages), codes scored, exact distances. Counts are exact and the same on
// every machine; times stand beside them. docs/lean_hnsw.md quotes its tables.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "../data/arguments.h"
#include "../data/fvecs.h"
#include "core/base/random.h"
#include "core/codec/fastscan.h"
#include "core/graph/beam.h"
#include "core/graph/build.h"
#include "core/graph/train.h"
#include "core/simd/fastscan.h"
#include "core/simd/kernels.h"
#include "graph_schemes.h"

namespace {

using namespace lowdim;

constexpr const char* kEfs = "10,20,40,80,160,320";
constexpr const char* kUsage =
    "graph --base FILE --queries FILE --truth FILE.ivecs --metric l2|cosine|ip [--rows N] [--n 1000] [--k "
    "10]\n"
    "      [--segments 50] [--degree 32] [--slack 32] [--ef-construction 64] [--improve 1] [--entries 0]\n"
    "      [--sample 20000] [--threads 2] [--ef 10,20,40,80,160,320] [--order shuffle|file]\n"
    "      [--schemes exact,lvq4:96,rabitq1]   the same graph with other codes (graph_schemes.h)\n";

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> out;
  for (size_t at = 0; at < list.size();) {
    const size_t comma = std::min(list.find(',', at), list.size());
    out.push_back(list.substr(at, comma - at));
    at = comma + 1;
  }
  return out;
}

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

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void normalize(bench::Matrix<float>& m) {
  for (size_t i = 0; i < m.rows; ++i) {
    double norm = 0;
    for (size_t d = 0; d < m.cols; ++d)
      norm += static_cast<double>(m.row(i)[d]) * static_cast<double>(m.row(i)[d]);
    const float inverse = norm > 0 ? static_cast<float>(1 / std::sqrt(norm)) : 0.0f;
    for (size_t d = 0; d < m.cols; ++d) m.row(i)[d] *= inverse;
  }
}

int run(const bench::Arguments& args) {
  const std::string metric = args.required("metric");
  bench::Matrix<float> base = bench::read_vectors(args.required("base"));
  bench::Matrix<float> queries = bench::read_vectors(args.required("queries"));
  const bench::Matrix<int32_t> truth = bench::read_ivecs(args.required("truth"));
  if (metric == "cosine") {
    normalize(base);
    normalize(queries);
  }
  const size_t dims = base.cols, k = args.count("k", 10);
  const uint32_t n = static_cast<uint32_t>(std::min(base.rows, args.count("rows", base.rows)));
  const size_t n_queries = std::min(queries.rows, args.count("n", 1000));
  const size_t threads = args.count("threads", 2);

  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  if (args.text("order", "shuffle") == "shuffle") {
    core::Random random(1);
    for (uint32_t i = n; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  }

  // Nodes are numbered in that order.
  bench::Matrix<float> shuffled(n, dims);
  for (uint32_t i = 0; i < n; ++i) std::memcpy(shuffled.row(i), base.row(order[i]), dims * sizeof(float));
  base = std::move(shuffled);

  auto start = std::chrono::steady_clock::now();
  const size_t n_sample = std::min<size_t>(n, args.count("sample", 20000));
  bench::Matrix<float> sample(n_sample, dims);
  {
    core::Random random(2);
    for (size_t i = 0; i < n_sample; ++i)
      std::memcpy(sample.row(i), base.row(random.below(n)), dims * sizeof(float));
  }
  core::GraphCodeOptions options;
  options.metric = metric == "ip" ? core::GraphMetric::kInner : core::GraphMetric::kL2;
  options.segments = static_cast<uint32_t>(args.count("segments", 50));
  const std::vector<uint8_t> image =
      core::train_graph_code({sample.values.data(), n_sample, dims}, options, {});
  core::GraphCode code;
  if (!core::GraphCode::open(image.data(), image.size(), &code)) throw std::runtime_error("no code");
  std::printf("training %.2f s: %u dimensions in %u segments, %u bytes a code, model %zu kB\n",
              seconds_since(start), code.code_dims(), code.segments(), code.code_bytes(),
              image.size() / 1024);

  core::GraphBuildOptions o;
  o.n = n;
  o.row_bytes = code.code_dims();
  o.degree = static_cast<uint32_t>(args.count("degree", 32));
  o.slack = static_cast<uint32_t>(args.count("slack", 32));
  o.ef_construction = static_cast<uint32_t>(args.count("ef-construction", 64));
  o.entries = static_cast<uint32_t>(args.count("entries", 0));
  if (o.entries == 0) o.entries = static_cast<uint32_t>(std::sqrt(n));
  std::vector<uint64_t> shared(core::GraphBuild::shared_bytes(o) / 8 + 1);
  core::GraphBuild graph(o, shared.data(), true);
  std::vector<uint8_t> codes(size_t{n} * code.code_bytes());

  const auto all = [&](const char* what, auto body) {
    start = std::chrono::steady_clock::now();
    std::atomic<uint32_t> next{0};
    std::vector<std::thread> workers;
    for (size_t t = 0; t < threads; ++t) workers.emplace_back([&] { body(next); });
    for (auto& w : workers) w.join();
    std::printf("%s %.2f s\n", what, seconds_since(start));
  };
  all("encoding", [&](std::atomic<uint32_t>& next) {
    std::vector<float> scratch(code.scratch_floats());
    for (uint32_t i; (i = next++) < n;) {
      code.row(base.row(i), scratch.data(), graph.row(i), graph.terms(i));
      code.encode(base.row(i), scratch.data(), codes.data() + size_t{i} * code.code_bytes());
    }
  });
  std::atomic<uint64_t> distances{0};
  const auto walk = [&](auto body) {
    return [&, body](std::atomic<uint32_t>& next) {
      std::vector<uint64_t> memory(core::GraphBuild::scratch_bytes(o) / 8 + 1);
      auto scratch = core::GraphBuild::make_scratch(o, memory.data());
      for (uint32_t i; (i = next++) < n;) body(graph.tour(i), scratch);
      distances += scratch.distances;
    };
  };
  all("touring", [&](std::atomic<uint32_t>& next) {
    std::vector<uint64_t> memory(core::GraphBuild::scratch_bytes(o) / 8 + 1);
    auto scratch = core::GraphBuild::make_scratch(o, memory.data());
    for (uint32_t i; (i = next++) < n;) graph.find_home(i, scratch);
  });
  graph.make_tour();
  all("inserting", walk([&](uint32_t i, auto& s) { graph.insert(i, s); }));
  std::printf("  %.0f distances a node\n", static_cast<double>(distances) / n);
  for (size_t pass = 0; pass < args.count("improve", 1); ++pass) {
    all("improving", walk([&](uint32_t i, auto& s) { graph.improve(i, s); }));
  }
  all("finishing", walk([&](uint32_t i, auto& s) { graph.finish(i, s); }));
  uint64_t links = 0, without = 0;
  for (uint32_t i = 0; i < n; ++i) links += graph.count(i);
  std::vector<uint8_t> reached(n);
  for (uint32_t i = 0; i < n; ++i)
    for (uint32_t j = 0; j < graph.count(i); ++j) reached[graph.links(i)[j]] = 1;
  for (uint32_t i = 0; i < n; ++i) without += reached[i] == 0;
  std::printf("  mean degree %.1f, %lu nodes that nobody links to\n", static_cast<double>(links) / n,
              without);

  // Nodes as the index lays them out: ids, then a FastScan block of 32 codes (or two).
  const uint32_t m = code.all_segments(), blocks = (o.degree + 31) / 32;
  const size_t block_bytes = core::fastscan_bytes(o.degree, m), node_bytes = o.degree * 4 + 8 + block_bytes;
  std::vector<uint8_t> nodes(node_bytes * n);
  for (uint32_t i = 0; i < n; ++i) {
    uint8_t* node = nodes.data() + node_bytes * i;
    const uint32_t count = graph.count(i);
    std::memcpy(node, &count, 4);
    std::memcpy(node + 8, graph.links(i), count * 4);
    for (uint32_t j = 0; j < count; ++j) {
      core::fastscan_put(codes.data() + size_t{graph.links(i)[j]} * code.code_bytes(), j % 32, m,
                         node + 8 + o.degree * 4 + size_t{j / 32} * 16 * m);
    }
  }
  std::vector<uint8_t> entry_blocks(core::fastscan_bytes(graph.entry_count(), m));
  for (uint32_t e = 0; e < graph.entry_count(); ++e) {
    core::fastscan_put(codes.data() + size_t{graph.entry(e)} * code.code_bytes(), e % 32, m,
                       entry_blocks.data() + size_t{e / 32} * 16 * m);
  }

  std::printf("| ef | recall | hops | codes | us |\n| --- | --- | --- | --- | --- |\n");
  for (const std::string& word : split(args.text("ef", kEfs))) {
    const uint32_t ef = static_cast<uint32_t>(std::stoul(word));
    std::vector<uint64_t> keys(ef + 1);
    std::vector<uint8_t> entries(16 * m);
    std::vector<float> scratch(code.scratch_floats());
    std::vector<uint64_t> seen((n + 63) / 64);
    std::vector<std::pair<float, uint32_t>> found;
    uint64_t hops = 0, scored = 0, good = 0;
    std::vector<uint32_t> sums((graph.entry_count() + 31) / 32 * 32 + 32 * blocks);
    start = std::chrono::steady_clock::now();
    const auto& scan = simd::fastscan_kernels();
    for (size_t q = 0; q < n_queries; ++q) {
      core::GraphTables tables{entries.data(), 0, 0};
      code.tables(queries.row(q), scratch.data(), &tables);
      std::memset(seen.data(), 0, seen.size() * 8);
      core::Beam beam(keys.data(), ef);
      found.clear();
      const auto offer = [&](const uint8_t* at, size_t n_blocks, const uint32_t* ids, uint32_t count) {
        scan.sums(at, n_blocks, m, tables.entries, sums.data());
        scored += count;
        for (uint32_t j = 0; j < count; ++j) {
          if (sums[j] >= beam.limit()) continue;
          uint64_t& word = seen[ids[j] / 64];
          const uint64_t bit = uint64_t{1} << (ids[j] % 64);
          if ((word & bit) != 0) continue;
          word |= bit;
          beam.push(sums[j], ids[j]);
        }
      };
      std::vector<uint32_t> ids(graph.entry_count());
      for (uint32_t e = 0; e < ids.size(); ++e) ids[e] = graph.entry(e);
      offer(entry_blocks.data(), (ids.size() + 31) / 32, ids.data(), static_cast<uint32_t>(ids.size()));
      for (uint32_t at; beam.pop(&at);) {
        ++hops;
        const float d =
            options.metric == core::GraphMetric::kInner
                ? -simd::kernels().dot_f32(queries.row(q), base.row(at), static_cast<uint32_t>(dims))
                : simd::kernels().l2sq_f32(queries.row(q), base.row(at), static_cast<uint32_t>(dims));
        found.emplace_back(d, at);
        const uint8_t* node = nodes.data() + node_bytes * at;
        uint32_t count;
        std::memcpy(&count, node, 4);
        offer(node + 8 + o.degree * 4, (count + 31) / 32, reinterpret_cast<const uint32_t*>(node + 8), count);
        uint32_t next;
        if (beam.peek(&next)) {
          const uint8_t* ahead = nodes.data() + node_bytes * next;
          for (size_t b = 0; b < node_bytes; b += 64) __builtin_prefetch(ahead + b);
        }
      }
      const size_t top = std::min(k, found.size());
      std::partial_sort(found.begin(), found.begin() + static_cast<ptrdiff_t>(top), found.end());
      for (size_t i = 0; i < top; ++i) {
        for (size_t j = 0; j < k; ++j)
          good += truth.row(q)[j] == static_cast<int32_t>(order[found[i].second]);
      }
    }
    const double per = static_cast<double>(n_queries);
    std::printf("| %u | %.4f | %.1f | %.0f | %.1f |\n", ef,
                static_cast<double>(good) / per / static_cast<double>(k), static_cast<double>(hops) / per,
                static_cast<double>(scored) / per, seconds_since(start) / per * 1e6);
  }
  if (args.has("schemes")) {
    std::printf("\n| scheme | bytes | ef | recall | hops |\n| --- | ---: | ---: | ---: | ---: |\n");
    for (const std::string& name : split(args.text("schemes", ""))) {
      const auto scheme = bench::make_scheme(name, base, graph, n);
      for (const std::string& ef : split(args.text("ef", kEfs))) {
        search_scheme(*scheme, name, base, queries, truth, order, graph, n, n_queries, k,
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
       "ef-construction", "improve", "entries", "sample", "threads", "ef", "order", "schemes"});
  try {
    return run(args);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "graph: %s\n", e.what());
    return 1;
  }
}
