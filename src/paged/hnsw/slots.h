// Taking and freeing slots, the list of pages with room, and the addresses of a node's rows.
//
// Invariants, after every prefix of the log:
//   - a page with kHasRoom is on the list from the meta page's room_head through trailer.next, and has a free
//     slot; a page without has next == kNoBlock. A page that loses its last free slot leaves the list in the
//     same record. Pages of zeros (a crash after an extension) are on no list.
//   - overflow slots of a node hang on it from their making to their freeing, which are one record with the
//     change of the link. One with an address is never freed, so whoever finds it owned by a live node may
//     add to it without locking the node.
//
// The meta page is changed only with the list. Until then a page counts its new nodes itself, in the upper
// byte of trailer.flags, so Options::nodes and inserted lag by less than the slots of the pages on the list.
// Called by inserts, builds and vacuum.
#pragma once

#include "paged/hnsw/layout.h"
#include "paged/store.h"

namespace lowdim::paged::hnsw {

// trailer.flags of a page of nodes: how many of its nodes the meta page has not counted yet.
inline constexpr uint32_t kUncountedShift = 8;
inline uint32_t uncounted_of(PageView page) { return page.trailer().flags >> kUncountedShift; }
inline void set_uncounted(PageEdit page, uint32_t n) {
  page.trailer().flags =
      static_cast<uint16_t>((page.trailer().flags & ((1u << kUncountedShift) - 1)) | n << kUncountedShift);
}

inline bool has_room(PageView page) { return (page.trailer().flags & kHasRoom) != 0; }

inline uint32_t count_free(PageView page, const Geometry& g) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < g.slots_per_page; ++i) n += head_of(slot_at(page, g, i)).state == State::kFree;
  return n;
}

// What a slot is wanted for: nodes are counted.
enum class SlotUse : uint8_t { kNode, kOverflow };

struct Taken {
  NodeId id = kNoNode;  // kNoNode: `check` said no, or the meta page is damaged
  bool damaged = false;
  uint64_t nodes_before = 0, nodes = 0;  // as the meta page counted and counts them; 0 if it was not written
};

namespace slots_detail {

// Fills the first free slot of `page`; there is one.
template <Store S, class Fill>
NodeId fill_first(S& s, const Geometry& g, Block block, PageEdit page, SlotUse use, Fill& fill) {
  uint32_t item = 0;
  while (head_of(slot_at(page, g, item)).state != State::kFree) ++item;
  uint8_t* slot = slot_at(page, g, item);
  // The version is raised by every freeing, so it tells a slot that was used before.
  const SlotEvent event = head_of(slot).version == 0 ? SlotEvent::kBorn : SlotEvent::kReused;
  const NodeId id = g.id(block, item);
  fill(id, slot);
  s.slot(block, item, event);
  if (use == SlotUse::kNode) set_uncounted(page, uncounted_of(page) + 1);
  return id;
}

inline void count(PageEdit page, Options& o) {
  o.nodes += uncounted_of(page);
  o.inserted += uncounted_of(page);
  set_uncounted(page, 0);
}

}  // namespace slots_detail

// Takes a free slot, of a page on the list or a new one, in one record together with a change of the page
// `partner` (kNoBlock: none). bool check(PageEdit partner) comes first: false ends it with nothing done.
// fill(PageEdit partner, NodeId id, uint8_t* slot) writes the slot, which is zeros but for the version: that
// stays. Without a partner both get the slot's own page, which tells them nothing.
template <Store S, class Check, class Fill>
Taken take_slot(S& s, const Geometry& g, Block partner, SlotUse use, Check check, Fill fill) {
  using slots_detail::count;
  using slots_detail::fill_first;
  struct Look {
    bool nodes;
    uint32_t free;
  };
  for (;; s.poll()) {
    Taken got;
    bool stale = false, foreign = false;
    const Block hint = s.read(kMetaBlock, [](PageView meta) {
      Options o{};
      return read_meta(meta, kFormat, o) == MetaStatus::kGood ? o.room_head : kNoBlock;
    });
    if (hint == kNoBlock || hint == kMetaBlock || hint >= s.pages()) {
      s.txn([&](auto& txn) {
        const PageEdit meta = txn.edit(kMetaBlock);
        Options o{};
        got.damaged = read_meta(meta, kFormat, o) != MetaStatus::kGood;
        if (got.damaged) return Verdict::kAbandon;
        if (o.room_head != hint) {
          stale = true;
          return Verdict::kAbandon;
        }
        // Before the extension, which cannot be undone.
        if (partner != kNoBlock && !check(txn.edit(partner))) return Verdict::kAbandon;
        const NewPage fresh = txn.extend();
        fresh.page.init(kind::kNodes);
        fresh.page.set_body_bytes(size_t{g.slot_bytes} * g.slots_per_page);
        const PageEdit other = partner == kNoBlock ? fresh.page : txn.edit(partner);
        const auto put = [&](NodeId id, uint8_t* slot) { fill(other, id, slot); };
        got.id = fill_first(s, g, fresh.block, fresh.page, use, put);
        got.nodes_before = o.nodes;
        count(fresh.page, o);
        o.room_head = kNoBlock;
        if (g.slots_per_page > 1) {
          fresh.page.trailer().flags |= kHasRoom;
          o.room_head = fresh.block;
        }
        write_options(meta, o);
        got.nodes = o.nodes;
        return Verdict::kCommit;
      });
    } else {
      const Look look = s.read(hint, [&](PageView page) {
        const bool nodes = is_nodes(page, g);
        return Look{nodes, nodes ? count_free(page, g) : 0};
      });
      const bool with_meta = !look.nodes || look.free <= 1;
      s.txn([&](auto& txn) {
        Options o{};
        got.damaged = with_meta && read_meta(txn.edit(kMetaBlock), kFormat, o) != MetaStatus::kGood;
        if (got.damaged) return Verdict::kAbandon;
        stale = with_meta && o.room_head != hint;
        if (stale) return Verdict::kAbandon;
        if (partner < hint) txn.edit(partner);
        const PageEdit page = txn.edit(hint);
        foreign = !is_nodes(page, g);
        const uint32_t free = foreign ? 0 : count_free(page, g);
        if (!with_meta && free <= 1) {
          stale = true;
          return Verdict::kAbandon;
        }
        if (free == 0) {  // not as it should be: off the list
          o.room_head = foreign ? kNoBlock : page.next();
          stale = true;
        } else {
          const PageEdit other = partner == kNoBlock ? page : txn.edit(partner);
          if (partner != kNoBlock && !check(other)) return Verdict::kAbandon;
          const auto put = [&](NodeId id, uint8_t* slot) { fill(other, id, slot); };
          got.id = fill_first(s, g, hint, page, use, put);
          if (!with_meta) return Verdict::kCommit;
          got.nodes_before = o.nodes;
          count(page, o);
          got.nodes = o.nodes;
          if (free == 1) o.room_head = page.next();
        }
        if (!foreign && free <= 1) {
          page.trailer().flags = static_cast<uint16_t>(page.trailer().flags & ~kHasRoom);
          page.set_next(kNoBlock);
        }
        write_options(txn.edit(kMetaBlock), o);
        return Verdict::kCommit;
      });
      if (foreign) s.damage(hint, kWholePage, "the list of pages with room leads to a page without nodes");
    }
    if (!stale) return got;
  }
}

// Puts a page on the list; one record. False if it is there, has no free slot, or is no page of nodes.
template <Store S>
bool add_room(S& s, const Geometry& g, Block block) {
  return s.txn([&](auto& txn) {
    const PageEdit meta = txn.edit(kMetaBlock), page = txn.edit(block);
    Options o{};
    if (read_meta(meta, kFormat, o) != MetaStatus::kGood || !is_nodes(page, g) || has_room(page) ||
        count_free(page, g) == 0) {
      return Verdict::kAbandon;
    }
    page.trailer().flags |= kHasRoom;
    page.set_next(o.room_head);
    o.room_head = block;
    write_options(meta, o);
    return Verdict::kCommit;
  });
}

// Frees a slot whose death (SlotEvent::kDied) was reported, inside the caller's change of its page. The page
// is to be put on the list afterwards.
template <Store S>
void free_slot(S& s, const Geometry& g, PageEdit page, Block block, uint32_t item) {
  uint8_t* slot = slot_at(page, g, item);
  const uint16_t version = head_of(slot).version;
  std::memset(slot, 0, g.slot_bytes);
  head_of(slot).version = static_cast<uint16_t>(version == 0xFFFF ? 1 : version + 1);
  s.slot(block, item, SlotEvent::kFreed);
}

inline OverflowHead& overflow_of(uint8_t* slot) { return *reinterpret_cast<OverflowHead*>(slot); }
inline const OverflowHead& overflow_of(const uint8_t* slot) {
  return *reinterpret_cast<const OverflowHead*>(slot);
}

// Adds a row to node `id`: inline, to its first overflow slot, or to a new one put before that. Inside
// kInserters from before `id` was found. bool same(const uint8_t* slot) says that the slot is still the node.
// False if it is not any more, or if the meta page is damaged.
template <Store S, class Same>
bool add_tid(S& s, const Geometry& g, NodeId id, Tid tid, Same same) {
  struct Look {
    bool same, room;
    NodeId overflow;
  };
  const auto look_at = [&](PageView page) {
    if (!is_nodes(page, g)) return Look{false, false, kNoNode};
    const uint8_t* slot = slot_at(page, g, g.item(id));
    const SlotHead& head = head_of(slot);
    return Look{same(slot), head.tid_count < kInlineTids, head.overflow};
  };
  for (;; s.poll()) {
    const Look look = s.read(g.block(id), look_at);
    if (!look.same) return false;
    if (look.room) {
      const bool added = s.change(g.block(id), [&](PageEdit page) {
        const Look now = look_at(page);
        if (!now.same || !now.room) return Verdict::kAbandon;
        SlotHead& head = head_of(slot_at(page, g, g.item(id)));
        put_tid(head.tids + head.tid_count * kTidBytes, tid);
        ++head.tid_count;
        return Verdict::kCommit;
      });
      if (added) return true;
      continue;
    }
    const NodeId first = look.overflow;
    if (first != kNoNode && g.block(first) < s.pages()) {
      const bool added = s.change(g.block(first), [&](PageEdit page) {
        if (!is_nodes(page, g)) return Verdict::kAbandon;
        uint8_t* slot = slot_at(page, g, g.item(first));
        OverflowHead& head = overflow_of(slot);
        if (head.state != State::kOverflow || head.owner != id || head.tid_count >= g.overflow_room()) {
          return Verdict::kAbandon;
        }
        put_tid(slot + sizeof(OverflowHead) + size_t{head.tid_count} * kTidBytes, tid);
        ++head.tid_count;
        return Verdict::kCommit;
      });
      if (added) return true;
    }
    const Taken taken = take_slot(
        s, g, g.block(id), SlotUse::kOverflow,
        [&](PageEdit page) {
          const Look now = look_at(page);
          return now.same && !now.room && now.overflow == first;
        },
        [&](PageEdit page, NodeId fresh, uint8_t* slot) {
          OverflowHead& head = overflow_of(slot);
          head.state = State::kOverflow;
          head.next = first;
          head.owner = id;
          head.tid_count = 1;
          put_tid(slot + sizeof(OverflowHead), tid);
          head_of(slot_at(page, g, g.item(id))).overflow = fresh;
        });
    if (taken.id != kNoNode) return true;
    if (taken.damaged) return false;
  }
}

}  // namespace lowdim::paged::hnsw
