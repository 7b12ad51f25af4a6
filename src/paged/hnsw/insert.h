// Insertion of one row: an equal vector's node gets its address, else a node is made, linked to neighbours
// that a walk found, and they to it.
//
// Records, each leaving a valid index: the new slot whole, with its links; for each page with neighbours the
// links back; perhaps an entry. A crash in between leaves a node that few or none lead to: the row's
// transaction is lost then too. Called inside kInserters (share) with options read inside it, so that the
// index cannot become trained meanwhile, and no node that was seen alive can be freed.
#pragma once

#include <bit>
#include <cmath>

#include "paged/hnsw/create.h"
#include "paged/hnsw/neighbours.h"
#include "paged/hnsw/search.h"
#include "paged/hnsw/slots.h"

namespace lowdim::paged::hnsw {

// An index that began empty is trained when it has that many nodes.
inline constexpr uint64_t kTrainAt = 1024;

// Whether to ask for training when the nodes become `now` from `before`: at kTrainAt, and where that fails
// again after each sixteenth that came since, or less. So what all tries read is in proportion to the index.
inline bool asks_for_training(uint64_t before, uint64_t now) {
  if (now < kTrainAt || before < kTrainAt) return now >= kTrainAt;
  const uint64_t step = std::bit_floor(before) / 16;
  return before / step != now / step;
}

struct Inserted {
  NodeId id = kNoNode;  // the row's node; kNoNode: the index is damaged, nothing was inserted
  bool duplicate = false;
  bool train = false;  // the caller should call train() when it has left the gate
  WalkCounts counts;
};

namespace insert_detail {

template <Store S>
class Insertion {
 public:
  Insertion(S& s, const Options& o, const core::GraphCode& code, const Input& in, Tid tid, Arena arena)
      : s_(s),
        o_(o),
        g_(o),
        code_(code),
        in_(in),
        tid_(tid),
        arena_(arena),
        slot_(arena.grab<uint8_t>(g_.slot_bytes)),
        own_(slot_ + g_.code_offset()),
        seen_(arena),
        seen_codes_(arena),
        links_(arena) {}

  Inserted run() {
    std::memset(slot_, 0, g_.slot_bytes);
    SlotHead& head = head_of(slot_);
    make_payload(o_, in_, arena_.grab<float>(o_.dims), slot_ + g_.payload_offset(), head);
    put_place(slot_, g_, in_.place);
    head.state = State::kLive;
    head.overflow = kNoNode;
    head.tid_count = 1;
    put_tid(head.tids, tid_);
    trained_ = o_.model_block != kNoBlock;
    const bool linked = trained_ && !in_.alone;
    if (linked) {
      look();
    } else if (!trained_ && o_.nodes < 4 * kTrainAt) {
      sweep();
    }
    const auto same = [&](const uint8_t* slot) { return is_same(slot); };
    if (twin_ != kNoNode && add_tid(s_, g_, twin_, tid_, same)) {
      result_.id = twin_;
      result_.duplicate = true;
      return result_;
    }
    if (linked) choose();
    const Taken taken = take_slot(
        s_, g_, kNoBlock, SlotUse::kNode, [](PageEdit) { return true; },
        [&](PageEdit, NodeId, uint8_t* slot) {
          const uint16_t version = head_of(slot).version;
          std::memcpy(slot, slot_, g_.slot_bytes);
          head_of(slot).version = version;
        });
    result_.id = taken.id;
    if (taken.id == kNoNode) return result_;
    result_.train = !trained_ && o_.trainable != 0 && asks_for_training(taken.nodes_before, taken.nodes);
    if (linked) link_back();
    return result_;
  }

 private:
  struct Seen {
    float distance;
    NodeId id;
    uint32_t at;  // in seen_codes_, in codes
  };

  bool is_same(const uint8_t* slot) const {
    const SlotHead& mine = head_of(slot_);
    const SlotHead& head = head_of(slot);
    if (head.state != State::kLive || head.hash != mine.hash || head.flags != mine.flags) return false;
    // Where no vector is kept, the code must do: a hash alone meets by chance too often.
    if (o_.payload == Payload::kNone) {
      return trained_ && !in_.alone && std::memcmp(slot + g_.code_offset(), own_, g_.code_bytes()) == 0;
    }
    return head.exponent == mine.exponent && std::memcmp(&head.error, &mine.error, sizeof mine.error) == 0 &&
           std::memcmp(slot + g_.payload_offset(), slot_ + g_.payload_offset(), g_.payload_bytes) == 0;
  }

  // Without a graph all nodes are read: while there are few.
  void sweep() {
    if (o_.payload == Payload::kNone) return;
    const Block pages = s_.pages();
    for (Block block = kMetaBlock + 1; block < pages && twin_ == kNoNode; ++block) {
      s_.poll();
      s_.read(block, [&](PageView page) {
        if (!is_nodes(page, g_)) return;
        for (uint32_t item = 0; item < g_.slots_per_page; ++item) {
          if (is_same(slot_at(page, g_, item))) twin_ = g_.id(block, item);
        }
      });
    }
  }

  // Walks to where the vector belongs; notes what lives there.
  void look() {
    core::GraphTables tables{arena_.grab<uint8_t>(16 * size_t{g_.segments}), 0, 0};
    std::memset(tables.entries, 0, 16 * size_t{g_.segments});  // segments that the model does not have
    float* scratch = arena_.grab<float>(code_.scratch_floats());
    code_.encode(in_.guide, scratch, own_);
    code_.tables(in_.guide, scratch, &tables);
    Walk w(arena_, o_);
    const uint32_t bytes = g_.code_bytes();
    bool first = true;
    walk(s_, o_, tables, o_.ef_construction, w, [&](NodeId id, const uint8_t* slot) {
      if (first) entries_ = w.counts.scored;  // nothing else was scored before
      first = false;
      if (head_of(slot).state != State::kLive) return;
      if (twin_ == kNoNode && is_same(slot)) twin_ = id;
      const uint8_t* code = slot + g_.code_offset();
      double sum = 0;
      for (uint32_t seg = 0; seg < g_.segments; ++seg) {
        sum += tables.entries[16 * seg + (code[seg / 2] >> (4 * (seg % 2)) & 15)];
      }
      const double estimate = static_cast<double>(tables.bias) + static_cast<double>(tables.step) * sum;
      const uint32_t at = static_cast<uint32_t>(seen_.size());
      seen_codes_.resize(seen_codes_.size() + bytes);
      std::memcpy(seen_codes_.data() + size_t{at} * bytes, code, bytes);
      seen_.push_back({static_cast<float>(estimate), id, at});
    });
    if (first) entries_ = w.counts.scored;
    result_.counts = w.counts;
  }

  // Writes the links of the new slot.
  void choose() {
    pruner_ = new (arena_.grab_from(arena_.self, sizeof(Pruner), alignof(Pruner))) Pruner(arena_, g_, code_);
    const uint32_t n = static_cast<uint32_t>(seen_.size());
    Candidate* all = arena_.grab<Candidate>(n + 1);
    for (uint32_t j = 0; j < n; ++j) {
      all[j] = {seen_[j].distance, seen_[j].id, seen_codes_.data() + size_t{seen_[j].at} * g_.code_bytes()};
    }
    std::sort(all, all + n, nearer);
    const uint32_t most = n < o_.ef_construction ? n : o_.ef_construction;
    uint32_t* chosen = arena_.grab<uint32_t>(g_.degree);
    const uint32_t count = pruner_->choose(all, most, g_.degree / 2, chosen);
    for (uint32_t j = 0; j < count; ++j) {
      const Candidate& c = all[chosen[j]];
      put_link(slot_, g_, j, c.id, c.code);
      links_.push_back(c);
    }
    head_of(slot_).count = static_cast<uint8_t>(count);
  }

  // What became of a link back.
  enum class Back : uint8_t { kLinked, kThere, kRefused };
  Back link_to(uint8_t* slot, bool force) {
    SlotHead& head = head_of(slot);
    if (head.state != State::kLive || head.count > g_.degree) return Back::kRefused;
    if (has_link(slot, g_, result_.id)) return Back::kThere;
    uint32_t lane = head.count;
    if (lane == g_.degree) lane = pruner_->lane_for(slot, result_.id, own_, force);
    if (lane == g_.degree) return Back::kRefused;
    put_link(slot, g_, lane, result_.id, own_);
    if (lane == head.count) ++head.count;
    return Back::kLinked;
  }
  // The links of those from..to, all on one page; one record.
  bool link_page(const Candidate* from, const Candidate* to, bool force) {
    bool there = false;
    s_.poll();
    s_.change(g_.block(from->id), [&](PageEdit page) {
      there = false;
      bool changed = false;
      if (!is_nodes(page, g_)) return Verdict::kAbandon;
      for (const Candidate* c = from; c != to; ++c) {
        const Back back = link_to(slot_at(page, g_, g_.item(c->id)), force);
        changed |= back == Back::kLinked;
        there |= back != Back::kRefused;
      }
      return changed ? Verdict::kCommit : Verdict::kAbandon;
    });
    return there;
  }

  void link_back() {
    const uint32_t n = static_cast<uint32_t>(links_.size());
    Candidate* by_id = arena_.grab<Candidate>(n + 1);
    std::copy(links_.begin(), links_.end(), by_id);
    std::sort(by_id, by_id + n, [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
    bool reachable = false;
    for (uint32_t from = 0, to = 0; from < n; from = to) {
      while (to < n && g_.block(by_id[to].id) == g_.block(by_id[from].id)) ++to;
      reachable |= link_page(by_id + from, by_id + to, false);
    }
    // Nobody thinks it worth a link: then the nearest must.
    std::sort(links_.begin(), links_.end(), nearer);
    for (uint32_t j = 0; j < n && !reachable; ++j) reachable = link_page(&links_[j], &links_[j] + 1, true);
    if (!reachable || static_cast<double>(entries_) < std::sqrt(static_cast<double>(o_.nodes))) {
      add_entry(s_, g_, o_.entries_block, result_.id, own_);
    }
  }

  S& s_;
  const Options& o_;
  Geometry g_;
  const core::GraphCode& code_;
  const Input& in_;
  Tid tid_;
  Arena arena_;
  uint8_t* slot_;  // the new slot as it will be
  uint8_t* own_;   // its code
  bool trained_ = false;
  uint64_t entries_ = 0;
  NodeId twin_ = kNoNode;
  ArenaVec<Seen> seen_;
  ArenaVec<uint8_t> seen_codes_;
  ArenaVec<Candidate> links_;
  Pruner* pruner_ = nullptr;
  Inserted result_;
};

}  // namespace insert_detail

// `o` and `code` as they are inside the gate; `code` is not looked at while the index is not trained.
template <Store S>
Inserted insert(S& s, const Options& o, const core::GraphCode& code, const Input& in, Tid tid, Arena arena) {
  return insert_detail::Insertion<S>(s, o, code, in, tid, arena).run();
}

}  // namespace lowdim::paged::hnsw
