// Small lean_hnsw indexes over StrictStore for the tests of vacuum and check: rows of floats whose address is
// their number, a code and a graph made in memory, scans that say what they found. Whatever an operation
// needs is made beforehand, since operations may be left by a jump.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "bump_arena.h"
#include "hnsw_fixture.h"
#include "paged/hnsw/build.h"
#include "paged/hnsw/check.h"
#include "paged/hnsw/insert.h"
#include "paged/hnsw/train.h"
#include "paged/hnsw/vacuum.h"
#include "stepper.h"
#include "strict_store.h"

// A namespace of its own, beside the fixture of inserts.
namespace lowdim::testing::churn {

namespace hnsw = paged::hnsw;

// Row i has the address row_tid(i).
inline hnsw::Tid row_tid(uint32_t i) { return static_cast<hnsw::Tid>(i / 100 + 1) << 16 | (i % 100 + 1); }
inline uint32_t row_of(hnsw::Tid tid) {
  return static_cast<uint32_t>((tid >> 16) - 1) * 100 + static_cast<uint32_t>(tid & 0xFFFF) - 1;
}

// Points around centres, so that neighbourhoods differ. With `copies`, each vector stands that many times.
inline std::vector<float> cluster_rows(uint32_t n, uint32_t dims, uint32_t centres, uint64_t seed,
                                       uint32_t copies = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> middle(size_t{centres} * dims), rows(size_t{n} * dims);
  for (float& v : middle) v = 2 * normal(random);
  for (uint32_t i = 0; i < n; ++i) {
    const uint32_t c = static_cast<uint32_t>(random() % centres);
    for (uint32_t d = 0; d < dims; ++d) {
      rows[size_t{i} * dims + d] =
          i % copies != 0 ? rows[size_t{i - 1} * dims + d] : middle[size_t{c} * dims + d] + normal(random);
    }
  }
  return rows;
}

// Rows, and an index of some of them.
struct World {
  uint32_t dims = 0;
  std::vector<float> rows;
  hnsw::Options first{};     // of the empty index
  StrictStore::Image image;  // with the rows that were put in

  uint32_t count() const { return static_cast<uint32_t>(rows.size() / dims); }
  const float* row(uint32_t i) const { return rows.data() + size_t{i} * dims; }
};

// The code of a trained index, null if its model is damaged; not by store calls, as in a server's cache.
inline const core::GraphCode* open_code(const StrictStore& s, const hnsw::Options& o, Arena arena) {
  if (o.model_block >= s.pages() || o.model_bytes > uint64_t{s.pages() - o.model_block} * paged::kBodyBytes) {
    return nullptr;
  }
  uint8_t* image = reinterpret_cast<uint8_t*>(arena.grab<uint64_t>(o.model_bytes / 8 + 1));
  uint32_t at = 0;
  for (paged::Block b = o.model_block; at < o.model_bytes; ++b) {
    if (b >= s.pages() || !s.page(b).is_kind(hnsw::kind::kModel)) return nullptr;
    const uint32_t n = std::min(static_cast<uint32_t>(s.page(b).body_bytes()), o.model_bytes - at);
    if (n == 0) return nullptr;
    std::memcpy(image + at, s.page(b).items<uint8_t>(), n);
    at += n;
  }
  core::GraphCode* code = arena.grab<core::GraphCode>(1);
  if (!core::GraphCode::open(image, o.model_bytes, code) || code->code_bytes() != o.segments / 2 ||
      code->dims() != o.guide_dims) {
    return nullptr;
  }
  return code;
}

// Options of these rows, with beams that memory can hold.
inline bool fits(const hnsw::Options& o, const World& w) {
  return o.dims == w.dims && o.guide_dims == w.dims && o.ef_construction <= 65536;
}

// As the access method does it: what it would raise an ERROR for ends here.
inline void insert_row(StrictStore& s, const World& w, uint32_t i, Arena arena) {
  s.with(hnsw::kInserters, paged::GateMode::kShare, [&] {
    hnsw::Options o{};
    if (hnsw::read_options(s, &o) != paged::MetaStatus::kGood || !fits(o, w)) return;
    const bool trained = o.model_block != paged::kNoBlock;
    const core::GraphCode* code = trained ? open_code(s, o, arena) : nullptr;
    if (trained && code == nullptr) return;
    const core::GraphCode none;
    hnsw::insert(s, o, trained ? *code : none, to_input(o, w.row(i), arena), row_tid(i), arena);
  });
}

template <class Dies>
hnsw::VacuumCounts vacuum_rows(StrictStore& s, const World&, Arena arena, Dies dies,
                               const hnsw::VacuumOptions& how = {}) {
  return hnsw::vacuum(
      s, arena, how, [&](hnsw::Tid tid) { return dies(row_of(tid)); },
      [&](const hnsw::Options& o) { return open_code(s, o, arena); });
}

// An index of the rows 0 .. n, trained on them if `trained`; row_bytes of a slot come from dims.
inline std::unique_ptr<World> make_world(std::vector<float> rows, uint32_t dims, uint32_t n, bool trained,
                                         hnsw::Payload payload = hnsw::Payload::kFloat32,
                                         hnsw::Metric metric = hnsw::Metric::kL2) {
  auto w = std::make_unique<World>();
  w->dims = dims;
  w->rows = std::move(rows);
  hnsw::Options& o = w->first;
  o.metric = metric;
  o.payload = payload;
  o.trainable = 1;
  o.dims = o.guide_dims = dims;
  o.degree = 32;
  o.ef_construction = 64;
  o.ef_search = 40;
  o.segments = dims < 32 ? dims / 2 * 2 + 2 : 34;
  hnsw::init_options(o);
  StrictStore store;
  store.set_read_bound(1000);
  hnsw::create(store, o);
  const hnsw::Geometry g(o);
  BumpArena arena;
  std::vector<float> floats(dims);
  // Rows after the first of equal ones go the way of inserts: they make chains.
  for (uint32_t i = 0; i < n; ++i) {
    if (i > 0 && std::memcmp(w->row(i), w->row(i - 1), dims * sizeof(float)) == 0) {
      store.operation([&] { insert_row(store, *w, i, arena.arena()); });
      arena.free_all();
      continue;
    }
    store.operation([&] {
      hnsw::take_slot(
          store, g, paged::kNoBlock, hnsw::SlotUse::kNode, [](paged::PageEdit) { return true; },
          [&](paged::PageEdit, hnsw::NodeId, uint8_t* slot) {
            hnsw::lay_node(o, nullptr, to_input(o, w->row(i), arena.arena()), row_tid(i), floats.data(),
                           nullptr, slot);
          });
    });
  }
  if (trained) train_index(store);
  w->image = store.image();
  return w;
}

struct Found {
  std::vector<uint32_t> rows;
  std::string wrong;  // a row twice, or out of order
  bool swept = false;
};
// The first `most` rows of a scan.
inline Found scan_rows(StrictStore& s, const World& w, const float* q, size_t most, uint32_t ef = 40) {
  Found found;
  BumpArena memory;
  const Arena arena = memory.arena();
  hnsw::Options o{};
  if (hnsw::read_options(s, &o) != paged::MetaStatus::kGood || !fits(o, w)) return found;
  hnsw::Query query{};
  query.input.x = query.input.guide = q;
  query.scratch = arena.grab<float>(o.dims);
  query.norm = 1;
  if (o.model_block != paged::kNoBlock) {
    query.tables.entries = arena.grab<uint8_t>(16 * size_t{o.segments});
    std::memset(query.tables.entries, 0, 16 * size_t{o.segments});
    const core::GraphCode* code = open_code(s, o, arena);
    if (code == nullptr) return found;
    code->tables(q, arena.grab<float>(code->scratch_floats()), &query.tables);
  }
  hnsw::ScanLimits limits;
  limits.ef = ef;
  hnsw::Scan<StrictStore> scan(s, o, query, limits, arena);
  std::set<hnsw::Tid> seen;
  double last = -std::numeric_limits<double>::infinity();
  hnsw::Row row;
  while (found.rows.size() < most && scan.next(&row)) {
    if (!seen.insert(row.tid).second) found.wrong = "row " + std::to_string(row_of(row.tid)) + " came twice";
    if (row.bound < last)
      last = std::numeric_limits<double>::infinity();  // what was put aside comes at the end
    if (std::isfinite(last)) last = row.bound;
    found.rows.push_back(row_of(row.tid));
  }
  found.swept = scan.swept();
  return found;
}

// The share of the k nearest rows of those that `in` says, which scans find, over many queries.
template <class In>
double recall(StrictStore& s, const World& w, In in, uint32_t queries, size_t k, uint32_t ef, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  uint64_t good = 0, all = 0;
  std::vector<float> q(w.dims);
  for (uint32_t n = 0; n < queries; ++n) {
    const float* near = w.row(static_cast<uint32_t>(random() % w.count()));
    for (uint32_t d = 0; d < w.dims; ++d) q[d] = near[d] + 0.7f * normal(random);
    std::vector<std::pair<float, uint32_t>> truth;
    for (uint32_t i = 0; i < w.count(); ++i) {
      if (in(i)) truth.emplace_back(simd::kernels().l2sq_f32(q.data(), w.row(i), w.dims), i);
    }
    const size_t top = std::min(k, truth.size());
    std::partial_sort(truth.begin(), truth.begin() + static_cast<ptrdiff_t>(top), truth.end());
    Found found;
    s.operation([&] { found = scan_rows(s, w, q.data(), k, ef); });
    const std::set<uint32_t> got(found.rows.begin(), found.rows.end());
    for (size_t j = 0; j < top; ++j) good += got.contains(truth[j].second);
    all += top;
  }
  return all == 0 ? 1 : static_cast<double>(good) / static_cast<double>(all);
}

inline hnsw::Census census_of(StrictStore& s, const hnsw::CheckOptions& how = {}) {
  BumpArena arena;
  hnsw::Census census;
  s.operation([&] { census = hnsw::check(s, arena.arena(), how); });
  return census;
}

// "" if check() has nothing to say, every row of `must` is found, and no others but those of `may`.
inline std::string index_is_good(StrictStore& s, const World& w, const std::set<uint32_t>& must,
                                 const std::set<uint32_t>& may = {}) {
  s.set_read_bound(1000);
  const hnsw::Census census = census_of(s);
  if (!s.damages().empty()) {
    const auto& d = s.damages().front();
    return "block " + std::to_string(d.block) + ", item " + std::to_string(d.item) + ": " + d.what;
  }
  if (census.damages != 0) return "damages are counted but not reported";
  Found found;
  s.operation([&] { found = scan_rows(s, w, w.row(0), SIZE_MAX); });
  if (!found.wrong.empty()) return found.wrong;
  const std::set<uint32_t> got(found.rows.begin(), found.rows.end());
  for (const uint32_t i : must) {
    if (!got.contains(i)) return "row " + std::to_string(i) + " is missing";
  }
  for (const uint32_t i : got) {
    if (!must.contains(i) && !may.contains(i)) return "row " + std::to_string(i) + " should not be there";
  }
  return "";
}

// Everything that can be done to an index, however damaged it is. Breaking a rule of the store throws.
inline void exercise(StrictStore& s, const World& w) {
  s.set_read_bound(20000);
  census_of(s);
  s.operation([&] { scan_rows(s, w, w.row(1), SIZE_MAX); });
  s.operation([&] { scan_rows(s, w, w.row(2), 5, 10); });
  BumpArena arena;
  s.operation([&] { insert_row(s, w, w.count() - 1, arena.arena()); });
  s.operation([&] { insert_row(s, w, 0, arena.arena()); });  // an equal vector
  s.operation([&] { vacuum_rows(s, w, arena.arena(), [](uint32_t i) { return i % 4 == 1; }); });
  s.operation([&] { insert_row(s, w, w.count() - 2, arena.arena()); });
  census_of(s);
}

}  // namespace lowdim::testing::churn
