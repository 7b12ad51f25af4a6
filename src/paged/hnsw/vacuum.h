// Vacuum: takes away the addresses of dead rows, and the nodes that have none left.
//
//   1. A sweep over the pages: addresses go, overflow slots without any are unlinked and freed, a node
//   without
//      rows becomes kDead. Dead nodes that an earlier vacuum left, cut short, are taken up again.
//   2. The gate kInserters is passed: from here on nobody links to a dead node.
//   3. Repair (repair.h): nobody links to one any more.
//   4. The dead slots are freed, and their pages put on the list of pages with room.
//
// Each page is one record, and vacuum may be cut after any: what is dead stays so until it is freed, and the
// next vacuum begins at 1 again. Scans take no gate and may read freed slots: see layout.h.
//
// Memory: three bits for each slot of the index and what a walk needs (one more); with less than that
// allowed, the four steps are done for one range of nodes after the other. One vacuum of an index at a time.
#pragma once

#include "paged/hnsw/repair.h"
#include "paged/hnsw/slots.h"

namespace lowdim::paged::hnsw {

struct VacuumOptions {
  bool list_only = false;  // dies() is asked about every address, once; nothing is changed whatever it says
  size_t memory_bytes = size_t{64} << 20;
};

struct VacuumCounts {
  uint64_t pages = 0;
  uint64_t nodes = 0;  // live ones that are left
  uint64_t tids = 0;   // addresses that are left
  uint64_t removed_tids = 0;
  uint64_t died = 0;       // nodes
  uint64_t taken_up = 0;   // dead nodes that an earlier vacuum left
  uint64_t freed = 0;      // slots of nodes
  uint64_t new_pages = 0;  // pages of zeros that became pages with room
  uint64_t ranges = 0;     // more than one: the memory did not do
  RepairCounts repair;
};

template <Store S, class Dies, class Model>
class Vacuum {
 public:
  Vacuum(S& s, Arena arena, const VacuumOptions& how, Dies& dies, Model& model)
      : s_(s), arena_(arena), how_(how), dies_(dies), model_(model), g_(Options{}), chains_(arena) {}

  VacuumCounts run() {
    if (read_options(s_, &o_) != MetaStatus::kGood) {
      s_.damage(kMetaBlock, kWholePage, "not the meta page of a lean_hnsw index that this version reads");
      return counts_;
    }
    g_ = Geometry(o_);
    const uint64_t nodes_before = o_.nodes;
    // Pages that come later have no dead nodes before the next vacuum.
    const Block pages = s_.pages();
    counts_.pages = pages;
    const uint64_t fit = how_.memory_bytes * 8 / 3 / g_.slots_per_page;
    const Block range = static_cast<Block>(fit < 1 ? 1 : fit < pages ? fit : pages);
    dead_ = NodeBits(arena_, uint64_t{range} * g_.slots_per_page);
    NodeBits linked(arena_, uint64_t{range} * g_.slots_per_page);
    work_ = NodeBits(arena_, range);
    for (Block first = 0; first < pages; first = pages - first <= range ? pages : first + range) {
      const Block count = pages - first < range ? pages - first : range;
      ++counts_.ranges;
      dead_.start(g_.id(first, 0), uint64_t{count} * g_.slots_per_page);
      work_.start(first, count);
      any_dead_ = any_work_ = false;
      for (Block block = first == kMetaBlock ? kMetaBlock + 1 : first; block < first + count; ++block) {
        s_.poll();
        sweep(block);
      }
      if (how_.list_only) continue;
      if (any_dead_) {
        s_.pass(kInserters);
        repair(linked);
      }
      for (Block block = first; (any_dead_ || any_work_) && block < first + count; ++block) {
        if (!work_.has(block)) continue;
        s_.poll();
        free_page_slots(block);
      }
    }
    if (!how_.list_only) count(nodes_before);
    return counts_;
  }

 private:
  OverflowHead* row_slot(PageEdit page, NodeId id, NodeId owner) const {
    return const_cast<OverflowHead*>(row_slot(static_cast<PageView>(page), id, owner));
  }
  // The overflow slot `id` of `owner`, if it is one.
  const OverflowHead* row_slot(PageView page, NodeId id, NodeId owner) const {
    if (!is_nodes(page, g_)) return nullptr;
    const OverflowHead& head = overflow_of(slot_at(page, g_, g_.item(id)));
    return head.state == State::kOverflow && head.owner == owner && head.tid_count <= g_.overflow_room()
               ? &head
               : nullptr;
  }
  void need_work(Block block) {
    any_work_ = true;
    work_.set(block);
  }
  void die(Block block, uint32_t item, SlotHead& head) {
    head.state = State::kDead;
    s_.slot(block, item, SlotEvent::kDied);
    ++counts_.died;
    --counts_.nodes;
    bury(block, item);
  }
  void bury(Block block, uint32_t item) {
    any_dead_ = true;
    dead_.set(g_.id(block, item));
    need_work(block);
  }

  // --- 1
  void sweep(Block block) {
    bool dirty = false;
    chains_.clear();
    s_.read(block, [&](PageView page) {
      if (page.is_new()) need_work(block);
      if (!is_nodes(page, g_)) return;
      if (!has_room(page) && count_free(page, g_) != 0) need_work(block);
      uncounted_ += uncounted_of(page);
      for (uint32_t item = 0; item < g_.slots_per_page; ++item) {
        const SlotHead& head = head_of(slot_at(page, g_, item));
        if (head.state == State::kDead && !how_.list_only) {
          ++counts_.taken_up;
          bury(block, item);
        }
        if (head.state != State::kLive || head.tid_count > kInlineTids) continue;
        ++counts_.nodes;
        counts_.tids += head.tid_count;
        for (uint32_t i = 0; i < head.tid_count; ++i) dirty |= dies_(get_tid(head.tids + i * kTidBytes));
        if (head.overflow != kNoNode) chains_.push_back(g_.id(block, item));
        dirty |= head.tid_count == 0 && head.overflow == kNoNode;
      }
    });
    if (dirty && !how_.list_only) {
      s_.change(block, [&](PageEdit page) {
        if (!is_nodes(page, g_)) return Verdict::kAbandon;
        for (uint32_t item = 0; item < g_.slots_per_page; ++item) {
          SlotHead& head = head_of(slot_at(page, g_, item));
          if (head.state != State::kLive || head.tid_count > kInlineTids) continue;
          head.tid_count = static_cast<uint8_t>(filter(head.tids, head.tid_count));
          if (head.tid_count == 0 && head.overflow == kNoNode) die(block, item, head);
        }
        return Verdict::kCommit;
      });
    }
    for (const NodeId id : chains_) clean_chain(id);
  }
  // Takes the dead ones out of `n` addresses; the others keep their order.
  uint32_t filter(uint8_t* tids, uint32_t n) {
    uint32_t left = 0;
    for (uint32_t i = 0; i < n; ++i) {
      const Tid tid = get_tid(tids + size_t{i} * kTidBytes);
      if (!dies_(tid)) put_tid(tids + size_t{left++} * kTidBytes, tid);
    }
    counts_.removed_tids += n - left;
    counts_.tids -= n - left;
    return left;
  }

  void clean_chain(NodeId owner) {
    for (uint32_t attempt = 0; attempt < 4; ++attempt) {
      if (clean_chain_once(owner, attempt == 0)) return;
    }
  }
  // False if another put a slot before one that was to go.
  bool clean_chain_once(NodeId owner, bool first_time) {
    NodeId at = s_.read(g_.block(owner), [&](PageView page) {
      if (!is_nodes(page, g_)) return kNoNode;
      const SlotHead& head = head_of(slot_at(page, g_, g_.item(owner)));
      return head.state == State::kLive ? head.overflow : kNoNode;
    });
    NodeId before = kNoNode;  // the head itself
    const Block pages = s_.pages();
    for (uint64_t steps = 0; at != kNoNode; ++steps) {
      s_.poll();
      if (g_.block(at) >= pages || steps > uint64_t{pages} * g_.slots_per_page) {
        s_.damage(g_.block(owner), g_.item(owner), "a chain of rows leads nowhere or is a ring");
        return true;
      }
      bool good = false, dirty = false, empty = false;
      const NodeId next = s_.read(g_.block(at), [&](PageView page) {
        const OverflowHead* head = row_slot(page, at, owner);
        good = head != nullptr;
        if (!good) return kNoNode;
        const uint8_t* tids = reinterpret_cast<const uint8_t*>(head + 1);
        for (uint32_t i = 0; i < head->tid_count; ++i) dirty |= dies_(get_tid(tids + size_t{i} * kTidBytes));
        if (first_time) counts_.tids += head->tid_count;
        empty = head->tid_count == 0;
        return head->next;
      });
      if (!good) {
        s_.damage(g_.block(owner), g_.item(owner), "a chain of rows leads to what is not one of its slots");
        return true;
      }
      if (how_.list_only) dirty = empty = false;
      if (dirty) {
        s_.change(g_.block(at), [&](PageEdit page) {
          OverflowHead* head = row_slot(page, at, owner);
          if (head == nullptr) return Verdict::kAbandon;
          head->tid_count =
              static_cast<uint16_t>(filter(reinterpret_cast<uint8_t*>(head + 1), head->tid_count));
          empty = head->tid_count == 0;
          return Verdict::kCommit;
        });
      }
      if (!empty) {
        before = at;
      } else if (!unlink(owner, before, at)) {
        return false;
      }
      at = next;
    }
    return true;
  }
  // Takes an overflow slot without addresses out of its chain and frees it, in one record. A slot that got
  // one meanwhile stays, which is fine.
  bool unlink(NodeId owner, NodeId before, NodeId at) {
    const NodeId from = before == kNoNode ? owner : before;
    const Block here = g_.block(at), there = g_.block(from);
    bool moved = false;
    s_.txn([&](auto& txn) {
      if (there < here) txn.edit(there);
      const PageEdit page = txn.edit(here), other = txn.edit(there);
      OverflowHead* gone = row_slot(page, at, owner);
      if (gone == nullptr || !is_nodes(other, g_)) return Verdict::kAbandon;
      if (gone->tid_count != 0) return Verdict::kAbandon;
      SlotHead& head = head_of(slot_at(other, g_, g_.item(from)));
      OverflowHead* link = before == kNoNode ? nullptr : row_slot(other, before, owner);
      if (before == kNoNode ? head.state != State::kLive || head.overflow != at
                            : link == nullptr || link->next != at) {
        moved = true;
        return Verdict::kAbandon;
      }
      (link == nullptr ? head.overflow : link->next) = gone->next;
      s_.slot(here, g_.item(at), SlotEvent::kDied);
      free_slot(s_, g_, page, here, g_.item(at));
      if (link == nullptr && head.overflow == kNoNode && head.tid_count == 0) die(there, g_.item(from), head);
      return Verdict::kCommit;
    });
    need_work(here);
    return !moved;
  }

  // --- 3
  void repair(NodeBits& linked) {
    // Anew: it may have been trained since.
    Options o{};
    if (read_options(s_, &o) != MetaStatus::kGood || o.model_block == kNoBlock) return;
    const core::GraphCode* code = model_(o);
    const RepairCounts got = Repair<S>(s_, arena_, o, code, dead_, linked).run();
    counts_.repair.repaired += got.repaired;
    counts_.repair.walked += got.walked;
    counts_.repair.relinked += got.relinked;
    counts_.repair.entries += got.entries;
  }

  // --- 4
  void free_page_slots(Block block) {
    bool list = false, fresh = false;
    uint64_t forgotten = 0, freed = 0;
    s_.read(block, [&](PageView page) {
      fresh = page.is_new();
      list = is_nodes(page, g_) && !has_room(page);
      for (uint32_t item = 0; is_nodes(page, g_) && item < g_.slots_per_page; ++item) {
        freed += head_of(slot_at(page, g_, item)).state == State::kDead && dead_.has(g_.id(block, item));
      }
    });
    if (fresh) {
      // What an error or a crash left after an extension: nobody knows its number.
      const bool taken = s_.change(block, [&](PageEdit page) {
        if (!page.is_new()) return Verdict::kAbandon;
        page.init(kind::kNodes);
        page.set_body_bytes(size_t{g_.slot_bytes} * g_.slots_per_page);
        return Verdict::kCommit;
      });
      if (!taken) return;
      ++counts_.new_pages;
      list = true;
    }
    if (freed != 0) {
      s_.change(block, [&](PageEdit page) {
        if (!is_nodes(page, g_)) return Verdict::kAbandon;
        freed = 0;
        for (uint32_t item = 0; item < g_.slots_per_page; ++item) {
          if (head_of(slot_at(page, g_, item)).state != State::kDead || !dead_.has(g_.id(block, item)))
            continue;
          free_slot(s_, g_, page, block, item);
          ++freed;
        }
        // Slots that come and go would count without end.
        forgotten = uncounted_of(page);
        set_uncounted(page, 0);
        return Verdict::kCommit;
      });
      counts_.freed += freed;
      forgotten_ += forgotten;
    }
    if (list) add_room(s_, g_, block);
  }

  // What was counted here, and what others counted meanwhile.
  void count(uint64_t nodes_before) {
    s_.change(kMetaBlock, [&](PageEdit page) {
      Options o{};
      if (read_meta(page, kFormat, o) != MetaStatus::kGood) return Verdict::kAbandon;
      const int64_t nodes = static_cast<int64_t>(counts_.nodes + forgotten_ + o.nodes) -
                            static_cast<int64_t>(uncounted_ + nodes_before);
      const uint64_t now = nodes < 0 ? 0 : static_cast<uint64_t>(nodes);
      if (o.nodes == now && o.inserted == 0 && counts_.died == 0) return Verdict::kAbandon;
      o.nodes = now;
      o.calibration.changed += static_cast<int64_t>(o.inserted + counts_.died);
      o.inserted = 0;
      write_options(page, o);
      return Verdict::kCommit;
    });
  }

  S& s_;
  Arena arena_;
  VacuumOptions how_;
  Dies& dies_;
  Model& model_;
  Options o_{};
  Geometry g_;
  VacuumCounts counts_;
  ArenaVec<NodeId> chains_;  // nodes of a page with overflow slots
  NodeBits dead_;
  NodeBits work_;  // pages with dead nodes, or with room and not on the list
  bool any_dead_ = false, any_work_ = false;
  uint64_t uncounted_ = 0, forgotten_ = 0;
};

// bool dies(Tid): the row is gone; asked under page locks, of an address that goes twice. const
// core::GraphCode* model(const Options&): the code of an index that is trained, null if it cannot be had.
template <Store S, class Dies, class Model>
VacuumCounts vacuum(S& s, Arena arena, const VacuumOptions& how, Dies dies, Model model) {
  return Vacuum<S, Dies, Model>(s, arena, how, dies, model).run();
}

}  // namespace lowdim::paged::hnsw
