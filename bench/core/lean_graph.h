// The graph of lean_hnsw outside a server: its code is trained, it is built by several threads, and searched
// with nodes as the index lays them out. Called by graph.cpp and orders.cpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../data/fvecs.h"
#include "core/base/random.h"
#include "core/codec/fastscan.h"
#include "core/graph/beam.h"
#include "core/graph/build.h"
#include "core/graph/content_order.h"
#include "core/graph/train.h"
#include "core/simd/fastscan.h"
#include "core/simd/kernels.h"
#include "normalize.h"

namespace lowdim::bench {

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A seeded permutation of 0 to n-1.
inline std::vector<uint32_t> shuffled(uint32_t n, uint64_t seed) {
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  core::Random random(seed);
  for (uint32_t i = n; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

inline Matrix<float> rows_in_order(const Matrix<float>& rows, const std::vector<uint32_t>& order) {
  Matrix<float> out(order.size(), rows.cols);
  for (size_t i = 0; i < order.size(); ++i)
    std::memcpy(out.row(i), rows.row(order[i]), rows.cols * sizeof(float));
  return out;
}

inline core::GraphOrder order_named(const std::string& name) {
  if (name == "shuffle") return core::GraphOrder::kShuffle;
  if (name == "lid_desc") return core::GraphOrder::kLidDescending;
  if (name == "heap") return core::GraphOrder::kHeap;
  throw std::invalid_argument("a build order is shuffle, lid_desc or heap, not " + name);
}

// Recall at k of searches whose rows come one by one, query after query, in any order. ids[i]: of row i in
// the truth.
class Recall {
 public:
  Recall(const Matrix<int32_t>& truth, const std::vector<uint32_t>& ids, size_t k)
      : truth_(truth), ids_(ids), k_(k) {}
  void see(size_t query, float distance, uint32_t row) {
    if (query != query_) finish();
    query_ = query;
    found_.emplace_back(distance, row);
  }
  double value() {
    finish();
    return static_cast<double>(good_) / static_cast<double>(queries_) / static_cast<double>(k_);
  }

 private:
  void finish() {
    if (found_.empty()) return;
    const size_t top = std::min(k_, found_.size());
    std::partial_sort(found_.begin(), found_.begin() + static_cast<ptrdiff_t>(top), found_.end());
    for (size_t i = 0; i < top; ++i) {
      for (size_t j = 0; j < k_; ++j)
        good_ += truth_.row(query_)[j] == static_cast<int32_t>(ids_[found_[i].second]);
    }
    ++queries_;
    found_.clear();
  }

  const Matrix<int32_t>& truth_;
  const std::vector<uint32_t>& ids_;
  size_t k_, query_ = 0, queries_ = 0;
  uint64_t good_ = 0;
  std::vector<std::pair<float, uint32_t>> found_;
};

struct LeanGraphOptions {
  core::GraphMetric metric = core::GraphMetric::kL2;
  uint32_t segments = 50;
  size_t sample = 20000;
  size_t threads = 2;
  size_t improve = 1;
  uint64_t seed = 2;              // of the sample that the code is trained on
  bool quiet = false;             // prints nothing
  core::GraphBuildOptions graph;  // n, row_bytes, and 0 entries are filled in
};

class LeanGraph {
 public:
  // Nodes are the rows of `base`, in their order; places[i] is that of node i in its table. Both stay.
  LeanGraph(const Matrix<float>& base, const std::vector<uint32_t>& places, const LeanGraphOptions& options)
      : base_(base), options_(options) {
    train(places);
    build(places);
    lay_out();
  }

  const core::GraphBuild& graph() const { return *graph_; }
  const core::GraphCode& code() const { return code_; }

  struct Counts {
    uint64_t hops = 0, scored = 0;
    double seconds = 0;
  };
  // Each query's expanded nodes to see(query, distance, node), in any order. `hidden`: for each query a node
  // that is treated as if it were not there, as when the index measures itself.
  template <class See>
  Counts search(const Matrix<float>& queries, size_t n_queries, uint32_t ef, See see,
                const uint32_t* hidden = nullptr) const {
    return search_until<core::Beam>(
        queries, n_queries, ef, see,
        [](size_t, const core::Beam&, const core::GraphTables&, uint64_t) { return false; }, hidden);
  }
  // The same, with stop(query, beam, tables, scored) after each node: true ends the query.
  template <class Beam, class See, class Stop>
  Counts search_until(const Matrix<float>& queries, size_t n_queries, uint32_t ef, See see, Stop stop,
                      const uint32_t* hidden = nullptr) const {
    Counts counts;
    const uint32_t n = options_.graph.n, degree = options_.graph.degree, m = code_.all_segments();
    const uint32_t dims = static_cast<uint32_t>(base_.cols);
    std::vector<uint64_t> keys(Beam::room(ef)), seen((n + 63) / 64);
    std::vector<uint8_t> entries(16 * m);
    std::vector<float> scratch(code_.scratch_floats());
    std::vector<uint32_t> sums((graph_->entry_count() + 31) / 32 * 32 + 32 * ((degree + 31) / 32));
    const auto start = std::chrono::steady_clock::now();
    const auto& scan = simd::fastscan_kernels();
    for (size_t q = 0; q < n_queries; ++q) {
      core::GraphTables tables{entries.data(), 0, 0};
      code_.tables(queries.row(q), scratch.data(), &tables);
      std::memset(seen.data(), 0, seen.size() * 8);
      if (hidden != nullptr) seen[hidden[q] / 64] |= uint64_t{1} << (hidden[q] % 64);
      Beam beam(keys.data(), ef);
      const uint64_t scored_before = counts.scored;
      const auto offer = [&](const uint8_t* at, size_t n_blocks, const uint32_t* ids, uint32_t count) {
        scan.sums(at, n_blocks, m, tables.entries, sums.data());
        counts.scored += count;
        for (uint32_t j = 0; j < count; ++j) {
          if (sums[j] >= beam.limit()) continue;
          uint64_t& word = seen[ids[j] / 64];
          const uint64_t bit = uint64_t{1} << (ids[j] % 64);
          if ((word & bit) != 0) continue;
          word |= bit;
          beam.push(sums[j], ids[j]);
        }
      };
      offer(entry_blocks_.data(), (graph_->entry_count() + 31) / 32, entry_ids_.data(),
            graph_->entry_count());
      for (uint32_t at; beam.pop(&at);) {
        ++counts.hops;
        see(q,
            options_.metric == core::GraphMetric::kInner
                ? -simd::kernels().dot_f32(queries.row(q), base_.row(at), dims)
                : simd::kernels().l2sq_f32(queries.row(q), base_.row(at), dims),
            at);
        const uint8_t* node = nodes_.data() + node_bytes_ * at;
        uint32_t count;
        std::memcpy(&count, node, 4);
        offer(node + 8 + degree * 4, (count + 31) / 32, reinterpret_cast<const uint32_t*>(node + 8), count);
        if (stop(q, beam, tables, counts.scored - scored_before)) break;
        uint32_t next;
        if (beam.peek(&next)) {
          const uint8_t* ahead = nodes_.data() + node_bytes_ * next;
          for (size_t b = 0; b < node_bytes_; b += 64) __builtin_prefetch(ahead + b);
        }
      }
    }
    counts.seconds = seconds_since(start);
    return counts;
  }

 private:
  template <class... Args>
  void say(const char* format, Args... args) const {
    if (!options_.quiet) std::printf(format, args...);
  }

  void train(const std::vector<uint32_t>& places) {
    const auto start = std::chrono::steady_clock::now();
    const size_t n_sample = std::min(base_.rows, options_.sample);
    Matrix<float> sample(n_sample, base_.cols);
    // As in a server: all rows, or some by where they lie in their table, then in an order of their own.
    std::vector<uint32_t> at(base_.rows);
    for (uint32_t i = 0; i < base_.rows; ++i) at[places[i]] = i;
    core::Random random(options_.seed);
    for (size_t i = 0; i < n_sample; ++i) {
      const uint32_t row = at[n_sample == base_.rows ? i : random.below(base_.rows)];
      std::memcpy(sample.row(i), base_.row(row), base_.cols * sizeof(float));
    }
    core::sort_by_content(sample.values.data(), n_sample, base_.cols, options_.seed);
    core::GraphCodeOptions options;
    options.metric = options_.metric;
    options.segments = options_.segments;
    image_ = core::train_graph_code({sample.values.data(), n_sample, base_.cols}, options, {});
    if (!core::GraphCode::open(image_.data(), image_.size(), &code_)) throw std::runtime_error("no code");
    say("training %.2f s: %u dimensions in %u segments, %u bytes a code, model %zu kB\n",
        seconds_since(start), code_.code_dims(), code_.segments(), code_.code_bytes(), image_.size() / 1024);
  }

  // body(counter) in every thread.
  template <class Body>
  void all(const char* what, Body body) const {
    const auto start = std::chrono::steady_clock::now();
    std::atomic<uint32_t> next{0};
    std::vector<std::thread> workers;
    for (size_t t = 0; t < options_.threads; ++t) workers.emplace_back([&] { body(next); });
    for (auto& w : workers) w.join();
    say("%s %.2f s\n", what, seconds_since(start));
  }

  void build(const std::vector<uint32_t>& places) {
    core::GraphBuildOptions& o = options_.graph;
    o.n = static_cast<uint32_t>(base_.rows);
    o.row_bytes = code_.code_dims();
    if (o.entries == 0) o.entries = static_cast<uint32_t>(std::sqrt(o.n));
    shared_.resize(core::GraphBuild::shared_bytes(o) / 8 + 1);
    graph_ = std::make_unique<core::GraphBuild>(o, shared_.data(), true);
    const core::GraphBuild& graph = *graph_;
    codes_.resize(size_t{o.n} * code_.code_bytes());
    all("encoding", [&](std::atomic<uint32_t>& next) {
      std::vector<float> scratch(code_.scratch_floats());
      for (uint32_t i; (i = next++) < o.n;) {
        code_.row(base_.row(i), scratch.data(), graph.row(i), graph.terms(i));
        code_.encode(base_.row(i), scratch.data(), codes_.data() + size_t{i} * code_.code_bytes());
      }
    });
    std::atomic<uint64_t> distances{0};
    const auto walk = [&](auto body) {
      return [&, body](std::atomic<uint32_t>& next) {
        std::vector<uint64_t> memory(core::GraphBuild::scratch_bytes(o) / 8 + 1);
        auto scratch = core::GraphBuild::make_scratch(o, memory.data());
        for (uint32_t i; (i = next++) < o.n;) body(i, scratch);
        distances += scratch.distances;
      };
    };
    all("touring", walk([&](uint32_t i, auto& s) { graph.find_home(i, places[i], s); }));
    graph.make_tour();
    all("inserting", walk([&](uint32_t i, auto& s) { graph.insert(graph.tour(i), s); }));
    say("  %.0f distances a node\n", static_cast<double>(distances) / o.n);
    for (size_t pass = 0; pass < options_.improve; ++pass) {
      all("improving", walk([&](uint32_t i, auto& s) { graph.improve(graph.tour(i), s); }));
    }
    all("finishing", walk([&](uint32_t i, auto& s) { graph.finish(i, s); }));
    uint64_t links = 0, without = 0;
    std::vector<uint8_t> reached(o.n);
    for (uint32_t i = 0; i < o.n; ++i) {
      links += graph.count(i);
      for (uint32_t j = 0; j < graph.count(i); ++j) reached[graph.links(i)[j]] = 1;
    }
    for (uint32_t i = 0; i < o.n; ++i) without += reached[i] == 0;
    say("  mean degree %.1f, %lu nodes that nobody links to\n", static_cast<double>(links) / o.n, without);
  }

  // Nodes as the index lays them out: ids, then a FastScan block of 32 codes (or two).
  void lay_out() {
    const uint32_t m = code_.all_segments(), degree = options_.graph.degree;
    node_bytes_ = degree * 4 + 8 + core::fastscan_bytes(degree, m);
    nodes_.resize(node_bytes_ * options_.graph.n);
    const auto put = [&](uint32_t node, size_t lane, uint8_t* blocks) {
      core::fastscan_put(codes_.data() + size_t{node} * code_.code_bytes(), lane % 32, m,
                         blocks + lane / 32 * 16 * m);
    };
    for (uint32_t i = 0; i < options_.graph.n; ++i) {
      uint8_t* node = nodes_.data() + node_bytes_ * i;
      const uint32_t count = graph_->count(i);
      std::memcpy(node, &count, 4);
      std::memcpy(node + 8, graph_->links(i), count * 4);
      for (uint32_t j = 0; j < count; ++j) put(graph_->links(i)[j], j, node + 8 + degree * 4);
    }
    entry_blocks_.resize(core::fastscan_bytes(graph_->entry_count(), m));
    for (uint32_t e = 0; e < graph_->entry_count(); ++e) {
      entry_ids_.push_back(graph_->entry(e));
      put(graph_->entry(e), e, entry_blocks_.data());
    }
  }

  const Matrix<float>& base_;
  LeanGraphOptions options_;
  std::vector<uint8_t> image_;
  core::GraphCode code_;
  std::vector<uint64_t> shared_;
  std::unique_ptr<core::GraphBuild> graph_;
  std::vector<uint8_t> codes_, nodes_, entry_blocks_;
  std::vector<uint32_t> entry_ids_;
  size_t node_bytes_ = 0;
};

}  // namespace lowdim::bench
