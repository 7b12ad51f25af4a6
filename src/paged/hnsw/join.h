// Linking nodes that lie in their slots already: those of a build that its memory had no room for. Only the
// code that a slot carries is used, so it works for every payload: the distance of two codes is a sum over
// segments of what depends on two nibbles, which is a table for each of the first code's nibbles.
//
// The rest is an insertion (insert.h): a walk, pruning by decoded codes, links back under each page's lock.
// Several processes may join nodes at once. Called by pg/am/hnsw/build_graph.cpp.
#pragma once

#include <algorithm>
#include <new>

#include "paged/hnsw/build.h"
#include "paged/hnsw/create.h"
#include "paged/hnsw/neighbours.h"
#include "paged/hnsw/search.h"

namespace lowdim::paged::hnsw {

template <Store S>
class Joiner {
 public:
  // All that is referred to must stay.
  Joiner(S& s, const Options& o, const core::GraphCode& code, Arena arena)
      : s_(s),
        o_(o),
        g_(o),
        arena_(arena),
        walk_(arena, o),
        pruner_(arena, g_, code),
        pairs_(arena.grab<float>(size_t{g_.segments} * 256)),
        entries_(arena.grab<uint8_t>(size_t{g_.segments} * 16)),
        own_(arena.grab<uint8_t>(g_.code_bytes())),
        seen_(arena),
        codes_(arena),
        chosen_(arena.grab<uint32_t>(g_.degree + 1)),
        links_(arena.grab<Candidate>(g_.degree + 1)),
        by_id_(arena.grab<Candidate>(g_.degree + 1)) {
    measure_pairs(code);
  }

  void join(NodeId id) {
    id_ = id;
    const bool there = s_.read(g_.block(id), [&](PageView page) {
      if (!is_nodes(page, g_)) return false;
      std::memcpy(own_, slot_at(page, g_, g_.item(id)) + g_.code_offset(), g_.code_bytes());
      return true;
    });
    if (!there) return;
    look();
    choose();
    link_back();
  }

  const WalkCounts& counts() const { return walk_.counts; }

 private:
  // What two nibbles of a segment contribute to the distance of two codes, but for a constant.
  void measure_pairs(const core::GraphCode& code) {
    uint8_t* a = arena_.grab<uint8_t>(g_.code_bytes());
    uint8_t* b = arena_.grab<uint8_t>(g_.code_bytes());
    float* u = arena_.grab<float>(code.code_dims());
    float* v = arena_.grab<float>(code.code_dims());
    std::memset(a, 0, g_.code_bytes());
    std::memset(b, 0, g_.code_bytes());
    for (uint32_t s = 0; s < g_.segments; ++s) {
      const uint32_t shift = 4 * (s % 2);
      for (uint32_t i = 0; i < 256; ++i) {
        a[s / 2] = static_cast<uint8_t>(i / 16 << shift);
        b[s / 2] = static_cast<uint8_t>(i % 16 << shift);
        code.decode(a, u);
        code.decode(b, v);
        pairs_[s * 256 + i] = code.distance_decoded(u, code.decoded_term(a, u), v, code.decoded_term(b, v));
      }
      a[s / 2] = b[s / 2] = 0;
    }
  }

  void look() {
    // As GraphCode::tables makes them: bytes of one step, each row from its least entry on.
    float widest = 0;
    const auto row_of = [&](uint32_t s) {
      return pairs_ + s * 256 + (own_[s / 2] >> (4 * (s % 2)) & 15) * 16;
    };
    for (uint32_t s = 0; s < g_.segments; ++s) {
      const auto [low, high] = std::minmax_element(row_of(s), row_of(s) + 16);
      widest = *high - *low > widest ? *high - *low : widest;
    }
    const float scale = widest > 0 ? 255 / widest : 0;
    for (uint32_t s = 0; s < g_.segments; ++s) {
      const float* row = row_of(s);
      const float low = *std::min_element(row, row + 16);
      for (uint32_t c = 0; c < 16; ++c)
        entries_[16 * s + c] = static_cast<uint8_t>((row[c] - low) * scale + 0.5f);
    }
    const core::GraphTables tables{entries_, 0, 1};
    seen_.clear();
    codes_.clear();
    walk(s_, o_, tables, o_.ef_construction, walk_, [&](NodeId id, const uint8_t* slot) {
      if (head_of(slot).state != State::kLive || id == id_) return;
      const size_t at = codes_.size();
      codes_.resize(at + g_.code_bytes());
      std::memcpy(codes_.data() + at, slot + g_.code_offset(), g_.code_bytes());
      seen_.push_back({0, id, nullptr});
    });
  }

  void choose() {
    const uint32_t n = static_cast<uint32_t>(seen_.size());
    pruner_.set_base(own_);
    for (uint32_t j = 0; j < n; ++j) {
      seen_[j].code = codes_.data() + size_t{j} * g_.code_bytes();
      seen_[j].distance = pruner_.distance_from_base(seen_[j].code);
    }
    std::sort(seen_.begin(), seen_.end(), nearer);
    count_ =
        pruner_.choose(seen_.data(), n < o_.ef_construction ? n : o_.ef_construction, g_.degree / 2, chosen_);
    for (uint32_t j = 0; j < count_; ++j) links_[j] = seen_[chosen_[j]];
    s_.change(g_.block(id_), [&](PageEdit page) {
      uint8_t* slot = slot_at(page, g_, g_.item(id_));
      put_links(
          slot, g_, count_, [&](uint32_t j) { return links_[j].id; },
          [&](uint32_t j) { return links_[j].code; });
      return Verdict::kCommit;
    });
  }

  // Links of the nodes from..to, all on one page, to the new one. False if none took it.
  bool link_page(const Candidate* from, const Candidate* to, bool force) {
    bool taken = false;
    s_.poll();
    s_.change(g_.block(from->id), [&](PageEdit page) {
      if (!is_nodes(page, g_)) return Verdict::kAbandon;
      for (const Candidate* c = from; c != to; ++c) {
        uint8_t* slot = slot_at(page, g_, g_.item(c->id));
        SlotHead& head = head_of(slot);
        if (head.state != State::kLive || has_link(slot, g_, id_)) continue;
        uint32_t lane = head.count;
        if (lane == g_.degree) lane = pruner_.lane_for(slot, id_, own_, force);
        if (lane == g_.degree) continue;
        put_link(slot, g_, lane, id_, own_);
        if (lane == head.count) ++head.count;
        taken = true;
      }
      return taken ? Verdict::kCommit : Verdict::kAbandon;
    });
    return taken;
  }

  void link_back() {
    std::copy(links_, links_ + count_, by_id_);
    std::sort(by_id_, by_id_ + count_, [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
    bool reachable = false;
    for (uint32_t from = 0, to = 0; from < count_; from = to) {
      while (to < count_ && g_.block(by_id_[to].id) == g_.block(by_id_[from].id)) ++to;
      reachable |= link_page(by_id_ + from, by_id_ + to, false);
    }
    std::sort(links_, links_ + count_, nearer);
    for (uint32_t j = 0; j < count_ && !reachable; ++j)
      reachable = link_page(links_ + j, links_ + j + 1, true);
    if (!reachable) add_entry(s_, g_, o_.entries_block, id_, own_);
  }

  S& s_;
  const Options& o_;
  Geometry g_;
  Arena arena_;
  Walk walk_;
  Pruner pruner_;
  float* pairs_;      // segments x 16 x 16
  uint8_t* entries_;  // the tables of the node at hand
  uint8_t* own_;      // its code
  NodeId id_ = kNoNode;
  ArenaVec<Candidate> seen_;
  ArenaVec<uint8_t> codes_;  // of those seen
  uint32_t* chosen_;
  Candidate* links_;
  Candidate* by_id_;
  uint32_t count_ = 0;
};

}  // namespace lowdim::paged::hnsw
