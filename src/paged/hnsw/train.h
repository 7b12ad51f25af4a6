// Turning an index that began empty into a trained one: vectors are read back from the slots, the caller
// makes a code and a graph of them in memory (core/graph/small.h), and these are written: the model and the
// entries to new pages, links and codes into the slots, and last the meta page, which makes all of it count.
// Until then scans sweep and look at none of it; a crash before leaves pages that only vacuum finds, and the
// next attempt writes anew.
//
// kInserters is held exclusively throughout, so nodes only die meanwhile; vacuum passes the gate between that
// and its repair, and then sees the links written here. Called after an insert that asked for it.
#pragma once

#include "core/base/arena.h"
#include "paged/hnsw/create.h"
#include "paged/hnsw/distance.h"

namespace lowdim::paged::hnsw {

// What is to be learned from.
struct TrainingRows {
  const float* rows;  // n x dims
  uint32_t n;
  uint32_t dims;
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

// bool learn(const Options&, const TrainingRows&, TrainedGraph*): may jump, false gives it up for now. True
// if the index has become trained by this call.
template <Store S, class Learn>
bool train(S& s, Arena arena, Learn learn) {
  bool done = false;
  s.with(kInserters, GateMode::kExclusive, [&] {
    Options o{};
    if (read_options(s, &o) != MetaStatus::kGood) return;
    if (o.model_block != kNoBlock || o.trainable == 0) return;
    const Geometry g(o);
    ArenaVec<NodeId> ids(arena);
    ArenaVec<float> rows(arena);
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
    const uint32_t n = static_cast<uint32_t>(ids.size());
    TrainedGraph graph{};
    if (n == 0 || !learn(o, TrainingRows{rows.data(), n, o.dims}, &graph)) return;
    core::GraphCode code;
    if (!core::GraphCode::open(graph.model, graph.model_bytes, &code) || code.dims() != o.guide_dims ||
        code.code_bytes() != g.code_bytes()) {
      return;
    }
    const Block model = write_model(s, graph.model, graph.model_bytes);
    Entry* entries = arena.grab<Entry>(graph.entry_count + 1);
    for (uint32_t e = 0; e < graph.entry_count; ++e) {
      const uint32_t row = graph.entries[e];
      entries[e] = {ids[row], graph.codes + size_t{row} * g.code_bytes()};
    }
    const Block first = write_entries(s, g, entries, graph.entry_count);
    write_graph(s, g, ids.data(), n, graph);
    done = s.change(kMetaBlock, [&](PageEdit meta) {
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
  });
  return done;
}

}  // namespace lowdim::paged::hnsw
