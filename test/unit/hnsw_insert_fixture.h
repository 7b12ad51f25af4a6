// What the tests of inserts look at beside rows: slots, links, entries and the list of pages with room, read
// from StrictStore's pages without a store call.
#pragma once

#include <gtest/gtest.h>

#include <map>

#include "hnsw_fixture.h"

namespace lowdim::testing {

using namespace paged;
using namespace paged::hnsw;

inline Options options_of(StrictStore& s) {
  Options o{};
  EXPECT_EQ(read_options(s, &o), MetaStatus::kGood);
  return o;
}

// f(id, slot) for each slot of the nodes' pages.
template <class F>
void each_slot(const StrictStore& s, const Geometry& g, F f) {
  for (Block b = 1; b < s.pages(); ++b) {
    if (!is_nodes(s.page(b), g)) continue;
    for (uint32_t i = 0; i < g.slots_per_page; ++i) f(g.id(b, i), slot_at(s.page(b), g, i));
  }
}

inline uint32_t overflow_slots(StrictStore& s) {
  uint32_t n = 0;
  each_slot(s, Geometry(options_of(s)),
            [&](NodeId, const uint8_t* slot) { n += head_of(slot).state == State::kOverflow; });
  return n;
}
inline uint32_t live_nodes(StrictStore& s) {
  uint32_t n = 0;
  each_slot(s, Geometry(options_of(s)),
            [&](NodeId, const uint8_t* slot) { n += head_of(slot).state == State::kLive; });
  return n;
}

// "" if the list of pages with room is as slots.h says.
inline std::string odd_room(StrictStore& s) {
  const Options o = options_of(s);
  const Geometry g(o);
  std::set<Block> listed;
  for (Block b = o.room_head; b != kNoBlock; b = s.page(b).next()) {
    if (!listed.insert(b).second) return "the list of pages with room is a ring";
    if (b >= s.pages() || !is_nodes(s.page(b), g)) return "the list of pages with room has a foreign page";
  }
  uint64_t uncounted = 0, nodes = 0;
  for (Block b = 1; b < s.pages(); ++b) {
    if (!is_nodes(s.page(b), g)) continue;
    const bool free = count_free(s.page(b), g) > 0;
    const std::string who = "page " + std::to_string(b);
    if (has_room(s.page(b)) != (listed.count(b) != 0)) return who + ": its flag is not what the list says";
    if (free != has_room(s.page(b)))
      return who + (free ? " has room but is not listed" : " is listed but full");
    if (!has_room(s.page(b)) && s.page(b).next() != kNoBlock) return who + " leads on";
    uncounted += uncounted_of(s.page(b));
  }
  each_slot(s, g, [&](NodeId, const uint8_t* slot) { nodes += head_of(slot).state == State::kLive; });
  if (o.nodes + uncounted != nodes) return "nodes are not counted";
  return "";
}

// "" if every link of the trained index leads to a live node, once, and its code is that node's.
inline std::string odd_links(StrictStore& s) {
  const Options o = options_of(s);
  const Geometry g(o);
  std::map<NodeId, std::vector<uint8_t>> codes;
  each_slot(s, g, [&](NodeId id, const uint8_t* slot) {
    if (head_of(slot).state == State::kLive) {
      codes[id].assign(slot + g.code_offset(), slot + g.code_offset() + g.code_bytes());
    }
  });
  std::string what;
  std::vector<uint8_t> code(g.code_bytes());
  each_slot(s, g, [&](NodeId id, const uint8_t* slot) {
    if (head_of(slot).state != State::kLive) return;
    const std::string who = "node " + std::to_string(id);
    if (head_of(slot).count > g.degree) what = who + " has too many links";
    std::set<NodeId> seen{id};
    for (uint32_t j = 0; j < head_of(slot).count; ++j) {
      const NodeId to = neighbour_of(slot, g, j);
      if (!seen.insert(to).second) what = who + " links to itself or twice to one";
      get_code(Geometry::bundle_codes(bundle_of(slot, g, j / kLanes)), j % kLanes, g.segments, code.data());
      if (codes.count(to) == 0) {
        what = who + " links to no node";
      } else if (codes[to] != code) {
        what = who + " has another code for a neighbour";
      }
    }
  });
  return what;
}

inline std::string odd(StrictStore& s) {
  const std::string what = odd_room(s);
  return !what.empty() || options_of(s).model_block == kNoBlock ? what : odd_links(s);
}

inline bool is_entry(StrictStore& s, NodeId id) {
  const Options o = options_of(s);
  const Geometry g(o);
  for (Block b = o.entries_block; b != kNoBlock; b = s.page(b).next()) {
    for (uint32_t e = 0; e < s.page(b).body<EntriesHead>()->count; ++e) {
      if (Geometry::bundle_ids(entries_bundle(s.page(b), g, e / kLanes))[e % kLanes] == id) return true;
    }
  }
  return false;
}
inline uint32_t links_to(StrictStore& s, NodeId id) {
  const Geometry g(options_of(s));
  uint32_t n = 0;
  each_slot(s, g, [&](NodeId, const uint8_t* slot) {
    n += head_of(slot).state == State::kLive && has_link(slot, g, id);
  });
  return n;
}

inline std::vector<Tid> tids(size_t n) {
  std::vector<Tid> out;
  for (size_t i = 1; i <= n; ++i) out.push_back(i);
  return out;
}
inline std::vector<Tid> with(std::vector<Tid> list, std::vector<Tid> more) {
  list.insert(list.end(), more.begin(), more.end());
  return list;
}

}  // namespace lowdim::testing
