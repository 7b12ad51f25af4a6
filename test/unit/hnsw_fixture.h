// What the tests of paged/hnsw share: vectors drawn from seeds, small indexes over StrictStore, inserts and
// searches as the server makes them, exact answers beside them.
//
// Row i of a list of vectors has the address i + 1. Functions that take an Arena may be jumped out of:
// nothing with a destructor lives in them while the store is called.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bump_arena.h"
#include "core/base/random.h"
#include "core/graph/small.h"
#include "paged/hnsw/build.h"
#include "paged/hnsw/create.h"
#include "paged/hnsw/insert.h"
#include "paged/hnsw/search.h"
#include "paged/hnsw/train.h"
#include "strict_store.h"

namespace lowdim::testing {

using Vectors = std::vector<std::vector<float>>;

struct IndexShape {
  uint32_t dims = 8;
  paged::hnsw::Metric metric = paged::hnsw::Metric::kL2;
  paged::hnsw::Payload payload = paged::hnsw::Payload::kFloat16;
  uint32_t degree = 32;  // a multiple of 32: more makes slots large, so that few fit a page
  uint32_t ef_construction = 32;
  uint32_t segments = 0;  // 0: chosen by the room; dims + 2, if even, is the most that is of use
};

// Clusters with noise: neighbours are near, and there are far ones.
inline Vectors draw_vectors(size_t n, uint32_t dims, uint64_t seed) {
  core::Random random(seed);
  Vectors centres(8, std::vector<float>(dims));
  for (auto& c : centres) {
    for (float& v : c) v = static_cast<float>(random.normal());
  }
  Vectors out(n, std::vector<float>(dims));
  for (auto& x : out) {
    const auto& c = centres[random.below(centres.size())];
    for (uint32_t d = 0; d < dims; ++d) x[d] = c[d] + 0.5f * static_cast<float>(random.normal());
  }
  return out;
}

inline paged::hnsw::Options shape_options(const IndexShape& shape) {
  paged::hnsw::Options o{};
  o.metric = shape.metric;
  o.payload = shape.payload;
  o.trainable = 1;
  o.dims = o.guide_dims = shape.dims;
  o.degree = shape.degree;
  o.ef_construction = shape.ef_construction;
  o.ef_search = 40;
  o.segments = shape.segments;
  paged::hnsw::init_options(o);
  return o;
}

// The value as the access method sees it. Memory is the arena's.
inline paged::hnsw::Input to_input(const paged::hnsw::Options& o, const float* x, Arena arena) {
  paged::hnsw::Input in{};
  uint64_t hash = 0;
  for (uint32_t d = 0; d < o.dims; ++d) {
    uint32_t bits;
    std::memcpy(&bits, x + d, sizeof bits);
    hash = core::mix64(hash ^ bits) + 1;
  }
  in.hash = static_cast<uint32_t>(hash);
  float* copy = arena.grab<float>(o.dims);
  std::memcpy(copy, x, o.dims * sizeof(float));
  if (o.metric == paged::hnsw::Metric::kCosine) {
    double norm = 0;
    for (uint32_t d = 0; d < o.dims; ++d) norm += static_cast<double>(x[d]) * static_cast<double>(x[d]);
    in.alone = !(norm > 0);
    for (uint32_t d = 0; d < o.dims && norm > 0; ++d) {
      copy[d] = static_cast<float>(static_cast<double>(x[d]) / std::sqrt(norm));
    }
  }
  in.x = in.guide = copy;
  return in;
}

// The code of a trained index. Not by store calls: the server has it in a cache.
inline core::GraphCode load_code(const StrictStore& s, const paged::hnsw::Options& o, Arena arena) {
  core::GraphCode code;
  if (o.model_block == paged::kNoBlock) return code;
  uint8_t* image = static_cast<uint8_t*>(arena.grab_from(arena.self, o.model_bytes, 8));
  uint32_t at = 0;
  for (paged::Block b = o.model_block; at < o.model_bytes; ++b) {
    const paged::PageView page = s.page(b);
    const uint32_t n = std::min(static_cast<uint32_t>(page.body_bytes()), o.model_bytes - at);
    if (!page.is_kind(paged::hnsw::kind::kModel) || n == 0) return core::GraphCode();
    std::memcpy(image + at, page.items<uint8_t>(), n);
    at += n;
  }
  core::GraphCode::open(image, o.model_bytes, &code);
  return code;
}

// One row, as the access method inserts it.
inline paged::hnsw::Inserted insert_row(StrictStore& s, Arena arena, const float* x, paged::hnsw::Tid tid) {
  paged::hnsw::Inserted result;
  s.with(paged::hnsw::kInserters, paged::GateMode::kShare, [&] {
    paged::hnsw::Options o{};
    if (paged::hnsw::read_options(s, &o) != paged::MetaStatus::kGood) return;
    const core::GraphCode code = load_code(s, o, arena);
    const paged::hnsw::Input in = to_input(o, x, arena);
    result = paged::hnsw::insert(s, o, code, in, tid, arena);
  });
  return result;
}

// The caller's part of training. It owns what it learns, so it lives outside of what may be jumped over.
class Learner {
 public:
  bool operator()(const paged::hnsw::Options& o, const paged::hnsw::TrainingRows& rows,
                  paged::hnsw::TrainedGraph* out) {
    core::GraphCodeOptions options;
    options.metric = o.metric == paged::hnsw::Metric::kInner ? core::GraphMetric::kInner
                     : o.metric == paged::hnsw::Metric::kL1  ? core::GraphMetric::kL1
                                                             : core::GraphMetric::kL2;
    options.segments = o.segments - 2;
    made_ = core::make_small_graph({rows.rows, rows.n, rows.dims}, options, o.degree, o.ef_construction, {});
    *out = {made_.model.data(),
            static_cast<uint32_t>(made_.model.size()),
            made_.codes.data(),
            made_.counts.data(),
            made_.links.data(),
            made_.entries.data(),
            static_cast<uint32_t>(made_.entries.size())};
    return true;
  }

 private:
  core::SmallGraph made_;
};

// `read` as train() wants it: of an index that keeps no vectors, and of no other.
template <class Read>
bool train_index(StrictStore& s, Arena arena, Learner& learner, Read read, size_t row_bytes = SIZE_MAX) {
  return paged::hnsw::train(s, arena, row_bytes, read, [&](const auto& o, const auto& rows, auto* out) {
    return learner(o, rows, out);
  });
}
inline bool train_index(StrictStore& s, Arena arena, Learner& learner) {
  return train_index(s, arena, learner, [](paged::hnsw::Tid, uint32_t, float*) -> paged::hnsw::Fetched {
    throw Violation(Rule::kRange, "the table is read");
  });
}

inline paged::hnsw::Inserted insert_row(StrictStore& s, const std::vector<float>& x, paged::hnsw::Tid tid) {
  BumpArena arena;
  paged::hnsw::Inserted result;
  s.operation([&] { result = insert_row(s, arena.arena(), x.data(), tid); });
  return result;
}
inline bool train_index(StrictStore& s) {
  BumpArena arena;
  Learner learner;
  bool done = false;
  s.operation([&] { done = train_index(s, arena.arena(), learner); });
  return done;
}

// An index of these rows, trained on all of them or, if `trained` says so, on the first `trained`; 0: never.
inline StrictStore::Image make_index(const IndexShape& shape, const Vectors& rows,
                                     size_t trained = SIZE_MAX) {
  StrictStore s;
  s.set_read_bound(64);
  paged::hnsw::create(s, shape_options(shape));
  trained = std::min(trained, rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i == trained && i > 0) train_index(s);
    insert_row(s, rows[i], i + 1);
  }
  if (trained == rows.size() && trained > 0) train_index(s);
  return s.image();
}
inline StrictStore::Image make_index(uint32_t dims, paged::hnsw::Metric metric, const Vectors& rows) {
  IndexShape shape;
  shape.dims = dims;
  shape.metric = metric;
  return make_index(shape, rows);
}

// Rows on pages of their own, as a build lays them out; without links they hold what it needs. Row i has
// address i + 1, or as much more. Returns the number of the last page. `hash`: if not 0, of all rows.
inline paged::Block lay_rows(StrictStore& s, const paged::hnsw::Options& o, const core::GraphCode* code,
                             const Vectors& rows, uint32_t hash = 0, paged::hnsw::Tid more = 0) {
  using namespace paged::hnsw;  // NOLINT
  BumpArena arena;
  std::vector<uint64_t> memory(paged::kPageBytes / 8);
  NodePage page(reinterpret_cast<uint8_t*>(memory.data()), o);
  std::vector<float> floats(2 * o.dims + 16 * size_t{o.segments} + 64);
  std::vector<uint8_t> bytes(lay_scratch_bytes(code) + 1);
  const auto append = [&] {
    s.txn([&](auto& txn) {
      paged::NewPage added = txn.extend();
      added.page.init(kind::kNodes);
      added.page.set_body_bytes(page.bytes() == nullptr ? 0 : size_t{o.slot_bytes} * o.slots_per_page);
      std::memcpy(added.page.bytes() + 24, page.bytes() + 24, paged::kBodyBytes);
      return paged::Verdict::kCommit;
    });
    page.begin();
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    Input in = to_input(o, rows[i].data(), arena.arena());
    if (hash != 0) in.hash = hash;
    lay_node(o, code, in, i + 1 + more, floats.data(), bytes.data(), page.take());
    if (page.full()) append();
  }
  if (!page.empty()) append();
  return s.pages() - 1;
}

// What a build writes into the pages from..to of nodes that are not linked.
inline void clear_links(StrictStore& s, const paged::hnsw::Geometry& g, paged::Block from, paged::Block to) {
  using namespace paged::hnsw;  // NOLINT
  for (paged::Block b = from; b < to; ++b) {
    s.change(b, [&](paged::PageEdit page) {
      for (uint32_t i = 0; i < g.slots_per_page; ++i) {
        uint8_t* slot = slot_at(page, g, i);
        if (head_of(slot).state != State::kLive) continue;
        put_links(
            slot, g, 0, [](uint32_t) { return kNoNode; }, [](uint32_t) { return nullptr; });
      }
      return paged::Verdict::kCommit;
    });
  }
}

// The distance of SQL, NaN for a zero vector under cosine.
inline double exact_distance(paged::hnsw::Metric metric, const std::vector<float>& a,
                             const std::vector<float>& b) {
  double l2 = 0, l1 = 0, dot = 0, na = 0, nb = 0;
  for (size_t d = 0; d < a.size(); ++d) {
    const double x = static_cast<double>(a[d]), y = static_cast<double>(b[d]);
    l2 += (x - y) * (x - y);
    l1 += std::fabs(x - y);
    dot += x * y;
    na += x * x;
    nb += y * y;
  }
  switch (metric) {
    case paged::hnsw::Metric::kL2:
      return std::sqrt(l2);
    case paged::hnsw::Metric::kL1:
      return l1;
    case paged::hnsw::Metric::kInner:
      return -dot;
    default:
      return 1 - dot / std::sqrt(na * nb);
  }
}

// The first k rows that a scan hands out; k = SIZE_MAX: all. Sets what it took.
inline std::vector<paged::hnsw::Tid> search(StrictStore& s, const std::vector<float>& x, size_t k,
                                            const paged::hnsw::ScanLimits& limits, Arena arena = {},
                                            paged::hnsw::WalkCounts* counts = nullptr,
                                            uint32_t* rounds = nullptr) {
  BumpArena own;
  if (arena.grab_from == nullptr) arena = own.arena();
  std::vector<paged::hnsw::Tid> found;
  paged::hnsw::Options o{};
  if (paged::hnsw::read_options(s, &o) != paged::MetaStatus::kGood) return found;
  const core::GraphCode code = load_code(s, o, arena);
  paged::hnsw::Query q{};
  q.input = to_input(o, x.data(), arena);
  q.scratch = arena.grab<float>(2 * size_t{o.dims} + 16 + 16 * size_t{o.segments});
  q.norm = 0;
  for (uint32_t d = 0; d < o.dims; ++d) {
    q.norm += static_cast<double>(q.input.x[d]) * static_cast<double>(q.input.x[d]);
  }
  q.norm = std::sqrt(q.norm);
  if (o.model_block != paged::kNoBlock && !q.input.alone) {
    q.tables.entries = arena.grab<uint8_t>(16 * size_t{o.segments});
    std::memset(q.tables.entries, 0, 16 * size_t{o.segments});
    code.tables(q.input.guide, q.scratch, &q.tables);
  }
  paged::hnsw::Scan<StrictStore> scan(s, o, q, limits, arena);
  for (paged::hnsw::Row row; found.size() < k && scan.next(&row);) found.push_back(row.tid);
  if (counts != nullptr) *counts = scan.counts();
  if (rounds != nullptr) *rounds = scan.rounds();
  return found;
}
inline std::vector<paged::hnsw::Tid> search(StrictStore& s, const std::vector<float>& x, size_t k,
                                            uint32_t ef = 40, Arena arena = {},
                                            paged::hnsw::WalkCounts* counts = nullptr,
                                            uint32_t* rounds = nullptr) {
  paged::hnsw::ScanLimits limits;
  limits.ef = ef;
  return search(s, x, k, limits, arena, counts, rounds);
}
inline std::vector<paged::hnsw::Tid> search_alone(StrictStore& s, const std::vector<float>& x, size_t k,
                                                  const paged::hnsw::ScanLimits& limits,
                                                  paged::hnsw::WalkCounts* counts = nullptr) {
  std::vector<paged::hnsw::Tid> found;
  s.operation([&] { found = search(s, x, k, limits, {}, counts); });
  return found;
}
inline std::vector<paged::hnsw::Tid> search_alone(StrictStore& s, const std::vector<float>& x, size_t k,
                                                  uint32_t ef = 40) {
  paged::hnsw::ScanLimits limits;
  limits.ef = ef;
  return search_alone(s, x, k, limits);
}

// Mean recall at k of the rows in `alive` (null: all), over queries; *hops: nodes expanded, on average.
inline double recall(StrictStore& s, const IndexShape& shape, const Vectors& rows, const Vectors& queries,
                     size_t k, const paged::hnsw::ScanLimits& limits,
                     const std::set<paged::hnsw::Tid>* alive = nullptr, double* hops = nullptr) {
  size_t good = 0, all = 0;
  uint64_t expanded = 0;
  for (const auto& q : queries) {
    std::vector<double> distances;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (alive == nullptr || alive->count(i + 1) != 0)
        distances.push_back(exact_distance(shape.metric, q, rows[i]));
    }
    const size_t top = std::min(k, distances.size());
    std::nth_element(distances.begin(), distances.begin() + static_cast<ptrdiff_t>(top - 1), distances.end());
    const double limit = distances[top - 1];
    all += top;
    paged::hnsw::WalkCounts counts;
    for (const auto tid : search_alone(s, q, top, limits, &counts)) {
      good += exact_distance(shape.metric, q, rows[tid - 1]) <= limit + (std::fabs(limit) + 1) * 1e-12;
    }
    expanded += counts.hops;
  }
  if (hops != nullptr) *hops = static_cast<double>(expanded) / static_cast<double>(queries.size());
  return static_cast<double>(good) / static_cast<double>(all);
}

inline double recall(StrictStore& s, const IndexShape& shape, const Vectors& rows, const Vectors& queries,
                     size_t k, uint32_t ef, const std::set<paged::hnsw::Tid>* alive = nullptr) {
  paged::hnsw::ScanLimits limits;
  limits.ef = ef;
  return recall(s, shape, rows, queries, k, limits, alive);
}

// "" if the index has exactly the addresses `must`, each once, and perhaps those of `may`.
inline std::string whole_index(StrictStore& s, const std::vector<paged::hnsw::Tid>& must,
                               const std::vector<paged::hnsw::Tid>& may = {}) {
  paged::hnsw::Options o{};
  if (paged::hnsw::read_options(s, &o) != paged::MetaStatus::kGood) return "the meta page is not good";
  std::vector<paged::hnsw::Tid> found = search_alone(s, std::vector<float>(o.dims, 0.25f), SIZE_MAX);
  std::sort(found.begin(), found.end());
  for (size_t i = 1; i < found.size(); ++i) {
    if (found[i] == found[i - 1]) return "row " + std::to_string(found[i]) + " is there twice";
  }
  for (const auto tid : must) {
    if (!std::binary_search(found.begin(), found.end(), tid))
      return "row " + std::to_string(tid) + " is missing";
  }
  for (const auto tid : found) {
    if (std::find(must.begin(), must.end(), tid) == must.end() &&
        std::find(may.begin(), may.end(), tid) == may.end()) {
      return "row " + std::to_string(tid) + " should not be there";
    }
  }
  if (!s.damages().empty()) {
    return "block " + std::to_string(s.damages().front().block) + ": " + s.damages().front().what;
  }
  return "";
}

}  // namespace lowdim::testing
