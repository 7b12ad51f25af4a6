// Turning an index that began empty into a trained one: vectors are read back from the slots, or from the
// table where slots keep none (table_rows.h), the caller makes a code and a graph of them in memory
// (core/graph/small.h), and these are written: the model and the entries to new pages, links and codes into
// the slots, and last the meta page, which makes all of it count. Until then scans sweep and look at none of
// it; a crash before leaves pages that only vacuum finds, and the next attempt writes anew.
//
// kInserters is held exclusively from the list of nodes that counts to the end, so nodes only die meanwhile;
// vacuum passes the gate between that and its repair, and then sees the links written here. The table is read
// before the gate is taken, and again without it for what came meanwhile. Called after an insert that asked
// for it.
#pragma once

#include "core/base/arena.h"
#include "paged/hnsw/create.h"
#include "paged/hnsw/distance.h"
#include "paged/hnsw/table_rows.h"

namespace lowdim::paged::hnsw {

// What is to be learned from.
struct TrainingRows {
  const float* rows;  // n x dims
  uint32_t n;
  uint32_t dims;
  uint32_t distinct;  // about: equal rows may have nodes of their own where slots keep no vectors
};

// What came of it; plain arrays of the caller's, which must stay until train() returns.
struct TrainedGraph {
  const uint8_t* model;  // an image of core::GraphCode
  uint32_t model_bytes;
  const uint8_t* codes;     // of each row, code_bytes of the model
  const uint32_t* counts;   // of its links
  const uint32_t* links;    // numbers of rows, `degree` places for each row
  const uint32_t* entries;  // numbers of rows
  uint32_t entry_count;
};

// Links and codes of nodes ids[0..n), ascending, into their slots, a record a page.
template <Store S>
void write_graph(S& s, const Geometry& g, const NodeId* ids, uint32_t n, const TrainedGraph& graph) {
  const uint32_t bytes = g.code_bytes();
  for (uint32_t from = 0, to = 0; from < n; from = to) {
    const Block block = g.block(ids[from]);
    while (to < n && g.block(ids[to]) == block) ++to;
    s.poll();
    s.change(block, [&](PageEdit page) {
      if (!is_nodes(page, g)) return Verdict::kAbandon;
      for (uint32_t row = from; row < to; ++row) {
        uint8_t* slot = slot_at(page, g, g.item(ids[row]));
        SlotHead& head = head_of(slot);
        // Those that died meanwhile get their links too: searches pass through them until they are repaired.
        if (head.state != State::kLive && head.state != State::kDead) continue;
        std::memset(slot + sizeof(SlotHead), 0, size_t{g.bundles()} * g.bundle_bytes());
        const uint32_t count = graph.counts[row] < g.degree ? graph.counts[row] : g.degree;
        for (uint32_t j = 0; j < count; ++j) {
          const uint32_t other = graph.links[size_t{row} * g.degree + j];
          uint8_t* bundle = bundle_of(slot, g, j / kLanes);
          Geometry::bundle_ids(bundle)[j % kLanes] = ids[other];
          put_code(Geometry::bundle_codes(bundle), j % kLanes, g.segments,
                   graph.codes + size_t{other} * bytes);
        }
        head.count = static_cast<uint8_t>(count);
        std::memcpy(slot + g.code_offset(), graph.codes + size_t{row} * bytes, bytes);
      }
      return Verdict::kCommit;
    });
  }
}

namespace train_detail {

// The vectors that the slots keep, and whose they are; in the gate.
template <Store S>
void read_payloads(S& s, const Options& o, const Geometry& g, ArenaVec<NodeId>& ids, ArenaVec<float>& rows) {
  const Block pages = s.pages();
  for (Block block = kMetaBlock + 1; block < pages; ++block) {
    s.poll();
    s.read(block, [&](PageView page) {
      if (!is_nodes(page, g)) return;
      for (uint32_t item = 0; item < g.slots_per_page; ++item) {
        const uint8_t* slot = slot_at(page, g, item);
        const SlotHead& head = head_of(slot);
        if (head.state != State::kLive || (head.flags & kAlone) != 0) continue;
        ids.push_back(g.id(block, item));
        rows.resize(rows.size() + o.dims);
        decode_payload(o, head, slot + g.payload_offset(), rows.end() - o.dims);
      }
    });
  }
}

// From vectors to a trained index, in the gate. `ids` of rows.n nodes, ascending.
template <Store S, class Learn>
bool learn_and_write(S& s, Arena arena, const Options& o, const Geometry& g, const NodeId* ids,
                     const TrainingRows& rows, Learn& learn) {
  TrainedGraph graph{};
  if (rows.n == 0 || !learn(o, rows, &graph)) return false;
  core::GraphCode code;
  if (!core::GraphCode::open(graph.model, graph.model_bytes, &code) || code.dims() != o.guide_dims ||
      code.code_bytes() != g.code_bytes()) {
    return false;
  }
  const Block model = write_model(s, graph.model, graph.model_bytes);
  Entry* entries = arena.grab<Entry>(graph.entry_count + 1);
  for (uint32_t e = 0; e < graph.entry_count; ++e) {
    const uint32_t row = graph.entries[e];
    entries[e] = {ids[row], graph.codes + size_t{row} * g.code_bytes()};
  }
  const Block first = write_entries(s, g, entries, graph.entry_count);
  write_graph(s, g, ids, rows.n, graph);
  return s.change(kMetaBlock, [&](PageEdit meta) {
    Options now{};
    if (read_meta(meta, kFormat, now) != MetaStatus::kGood || now.model_block != kNoBlock)
      return Verdict::kAbandon;
    now.model_block = model;
    now.model_bytes = graph.model_bytes;
    now.entries_block = first;
    ++now.generation;
    write_options(meta, now);
    return Verdict::kCommit;
  });
}

// False if there is nothing to do.
template <Store S>
bool wants_training(S& s, Options* o) {
  return read_options(s, o) == MetaStatus::kGood && o->model_block == kNoBlock && o->trainable != 0;
}

}  // namespace train_detail

// Nodes that come while the table is read are read in another round, so many times; then others insert faster
// than this reads, and training waits until it is asked for again.
inline constexpr uint32_t kTrainRounds = 8;

// Fetched read(Tid tid, uint32_t hash, float* guide): the guide_dims floats of the row at `tid`, as
// table_rows.h wants them; called only for an index that keeps no vectors, never in the gate or under a page
// lock, may jump. Rows that take more than row_bytes are not read: the index stays as it is.
// bool learn(const Options&, const TrainingRows&, TrainedGraph*): may jump, false gives it up for now. True
// if the index has become trained by this call.
template <Store S, class Read, class Learn>
bool train(S& s, Arena arena, size_t row_bytes, Read read, Learn learn) {
  using train_detail::learn_and_write;
  using train_detail::wants_training;
  Options o{};
  if (!wants_training(s, &o)) return false;
  const Geometry g(o);
  bool done = false;
  if (o.payload != Payload::kNone) {
    s.with(kInserters, GateMode::kExclusive, [&] {
      if (!wants_training(s, &o)) return;
      ArenaVec<NodeId> ids(arena);
      ArenaVec<float> rows(arena);
      train_detail::read_payloads(s, o, g, ids, rows);
      const TrainingRows found{rows.data(), static_cast<uint32_t>(ids.size()), o.dims,
                               static_cast<uint32_t>(ids.size())};
      done = learn_and_write(s, arena, o, g, ids.data(), found, learn);
    });
    return done;
  }
  TableRows table(arena, o, row_bytes);
  bool more = table.list(s);
  for (uint32_t round = 0; more && round < kTrainRounds; ++round) {
    table.fetch(s, read);
    more = false;
    s.with(kInserters, GateMode::kExclusive, [&] {
      if (!wants_training(s, &o) || !table.list(s)) return;
      more = table.unread() != 0;
      if (more || table.unfit() != 0) return;
      table.pack();
      const TrainingRows found{table.rows(), table.count(), o.guide_dims, table.distinct()};
      done = learn_and_write(s, arena, o, g, table.ids(), found, learn);
    });
  }
  return done;
}

}  // namespace lowdim::paged::hnsw
