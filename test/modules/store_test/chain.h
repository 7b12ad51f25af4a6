// The smallest index that needs everything a Store has: numbers in a chain of pages, in the order of
// insertion. It is run by the unit tests over StrictStore and by this module's access method over the
// server's buffers.
//
// Layout: block 0 is the meta page, whose options name the first page and, as a hint, the last; a page's body
// is an array of numbers. Life of a page: live (linked) -> dead (kDead, unlinked, its next still leads back
// into the chain)
// -> free (on the free list, after all walkers have left the gate) -> live.
// Invariant, after every prefix of the log: what was appended by a completed chain_append is found by a walk
// from the first page. A dead page not yet freed, or an all-zero page, is only lost room, which the next
// vacuum takes.
#pragma once

#include <cstdint>

#include "core/base/arena.h"
#include "paged/freelist.h"
#include "paged/meta.h"
#include "paged/store.h"

namespace lowdim::chain {

using namespace paged;

struct Options {
  Block first;
  Block tail;  // a page of the chain; walk on from it
  uint32_t page_items;
  uint32_t reserved;
};
inline constexpr Format kFormat{0x4C434831, 2, 1, 1, 100};
inline constexpr uint16_t kLinks = kind::kFirstOwn;
inline constexpr uint16_t kDead = 1;  // flag: unlinked
inline constexpr Gate kWalkers{0};    // share: whoever holds block numbers of the chain

inline bool is_live(PageView page) { return page.is_kind(kLinks) && (page.trailer().flags & kDead) == 0; }

template <Store S>
void create(S& s, uint32_t page_items = kBodyBytes / sizeof(uint64_t)) {
  s.txn([&](auto& txn) {
    const NewPage meta = txn.extend(), first = txn.extend();
    first.page.init(kLinks);
    init_meta(meta.page, kFormat, Options{first.block, first.block, page_items, 0});
    s.slot(first.block, kWholePage, SlotEvent::kBorn);
    return Verdict::kCommit;
  });
}

// All ones (no first page) if the meta page is not good.
template <Store S>
Options read_options(S& s) {
  return s.read(kMetaBlock, [](PageView page) {
    Options o{kNoBlock, kNoBlock, 0, 0};
    return read_meta(page, kFormat, o) == MetaStatus::kGood ? o : Options{kNoBlock, kNoBlock, 0, 0};
  });
}

// The tail hint may name no page that vacuum could free, so it is set while that page is locked and alive.
// Setting it after grow_from is a second record: a crash in between leaves an older hint, from which one
// walks on.
template <Store S>
void set_tail(S& s, Block tail) {
  s.txn([&](auto& txn) {
    const PageEdit meta = txn.edit(kMetaBlock), page = txn.edit(tail);
    Options o;
    if (!is_live(page) || read_meta(meta, kFormat, o) != MetaStatus::kGood) return Verdict::kAbandon;
    o.tail = tail;
    write_options(meta, o);
    return Verdict::kCommit;
  });
}

template <Store S>
void append(S& s, uint64_t value) {
  s.with(kWalkers, GateMode::kShare, [&] {
    const Options o = read_options(s);
    Block at = o.tail;
    bool from_first = false;
    while (at != kNoBlock) {
      s.poll();
      const Block here = at;
      bool full = false, done = false;
      s.change(here, [&](PageEdit page) {
        s.slot(here, kWholePage, SlotEvent::kRead);
        at = kNoBlock;
        if (!is_live(page)) return Verdict::kAbandon;
        at = page.next();
        full = at == kNoBlock && page.item_count<uint64_t>() >= o.page_items;
        if (at != kNoBlock || full) return Verdict::kAbandon;
        done = page.append(value);
        return Verdict::kCommit;
      });
      if (done) return;
      if (full) {
        const Block got = grow_from(s, here, kLinks, [&](PageEdit old, Block block, PageEdit page) {
          // Since we looked, another may have grown the chain here, or vacuum may have made room or unlinked
          // it.
          if (!is_live(old) || old.next() != kNoBlock || old.item_count<uint64_t>() < o.page_items) {
            return Verdict::kAbandon;
          }
          page.append(value);
          old.set_next(block);
          return Verdict::kCommit;
        });
        if (got != kNoBlock) {
          set_tail(s, got);
          return;
        }
        at = here;
      } else if (at == kNoBlock && !from_first) {
        at = o.first;  // the hint died before we came; the first page never does
        from_first = true;
      } else if (at == kNoBlock) {
        at = o.first;  // another page died under us: once more
      }
    }
    s.damage(kMetaBlock, kWholePage, "nothing can be appended to this chain");
  });
}

// visit(value) for all, under a share lock: it only notes.
template <Store S, class Visit>
void scan(S& s, Visit visit) {
  s.with(kWalkers, GateMode::kShare, [&] {
    Block at = read_options(s).first;
    for (Block steps = 0; at != kNoBlock; steps++) {
      s.poll();
      const Block here = at;
      if (here >= s.pages() || steps > s.pages()) {
        s.damage(here, kWholePage, "the chain leads nowhere or is a ring");
        return;
      }
      at = s.read(here, [&](PageView page) {
        s.slot(here, kWholePage, SlotEvent::kRead);
        if (!page.is_kind(kLinks)) {
          s.damage(here, kWholePage, "a page of the chain is of another kind");
          return kNoBlock;
        }
        for (size_t i = 0; i < page.item_count<uint64_t>(); i++) visit(page.items<uint64_t>()[i]);
        return page.next();
      });
      if (at != kNoBlock) s.prefetch(at);
    }
  });
}

// Unlinks `block`, empty, from `before`. Pages in ascending order, which is not the chain's.
template <Store S>
bool unlink(S& s, Block before, Block block) {
  return s.txn([&](auto& txn) {
    const PageEdit meta = txn.edit(kMetaBlock);
    txn.edit(before < block ? before : block);
    const PageEdit left = txn.edit(before), page = txn.edit(block);
    Options o;
    if (read_meta(meta, kFormat, o) != MetaStatus::kGood || left.next() != block || page.body_bytes() != 0) {
      return Verdict::kAbandon;  // somebody has appended to it since
    }
    left.set_next(page.next());
    page.trailer().flags |= kDead;
    if (o.tail == block) o.tail = o.first;
    write_options(meta, o);
    s.slot(block, kWholePage, SlotEvent::kDied);
    return Verdict::kCommit;
  });
}

// Frees dead and never written pages. A page is all zeros only between its extension and its first record,
// which its lock spans: one that can be locked was left by a crash or an error.
template <Store S>
Block sweep(S& s) {
  s.pass(kWalkers);  // walkers that came before the pages died may still hold their numbers; those who come
                     // now cannot
  Block freed = 0;
  const Block pages = s.pages();
  for (Block block = kMetaBlock + 1; block < pages; block++) {
    s.poll();
    const bool lost = s.read(block, [](PageView page) {
      return page.is_new() || (page.is_kind(kLinks) && (page.trailer().flags & kDead) != 0);
    });
    if (lost) freed += free_page(s, block);
  }
  return freed;
}

// Removes the values that `dies(value)` says, returns how many. One vacuum at a time: the server sees to
// that.
template <Store S, class Dies>
uint64_t vacuum(S& s, Dies dies) {
  uint64_t removed = 0;
  const Block first = read_options(s).first;
  Block before = kNoBlock;
  for (Block at = first; at != kNoBlock;) {
    s.poll();
    const Block here = at;
    bool is_empty = false;
    s.change(here, [&](PageEdit page) {
      at = kNoBlock;
      if (!page.is_kind(kLinks)) {
        s.damage(here, kWholePage, "a page of the chain is of another kind");
        return Verdict::kAbandon;
      }
      uint64_t* items = page.items<uint64_t>();
      const size_t count = page.item_count<uint64_t>();
      size_t kept = 0;
      for (size_t i = 0; i < count; i++) {
        if (!dies(items[i])) items[kept++] = items[i];
      }
      at = page.next();
      is_empty = kept == 0;
      removed += count - kept;
      page.set_body_bytes(kept * sizeof(uint64_t));
      return kept == count ? Verdict::kAbandon : Verdict::kCommit;
    });
    if (is_empty && here != first && unlink(s, before, here)) {
      // `at` was read before the unlinking: look at the link that the chain has now.
      at = s.read(before, [](PageView page) { return page.next(); });
    } else {
      before = here;
    }
  }
  sweep(s);
  return removed;
}

struct Census {
  uint64_t values = 0;
  Block live = 0, free = 0, lost = 0;
};

// Reports damage and counts. For use while nobody changes the chain.
template <Store S>
Census check(S& s) {
  Census census;
  const Options o = read_options(s);
  if (o.first == kNoBlock)
    s.damage(kMetaBlock, kWholePage, "not the meta page of a chain that this version reads");
  bool tail_seen = false;
  Block at = o.first;
  for (Block steps = 0; at != kNoBlock; steps++) {
    s.poll();
    const Block here = at;
    if (here >= s.pages() || steps > s.pages()) {
      s.damage(here, kWholePage, "the chain leads nowhere or is a ring");
      break;
    }
    tail_seen |= here == o.tail;
    at = s.read(here, [&](PageView page) {
      if (!is_live(page)) {
        s.damage(here, kWholePage, "a page of the chain is not a live page");
        return kNoBlock;
      }
      if (page.item_count<uint64_t>() > o.page_items)
        s.damage(here, kWholePage, "more items than a page may have");
      census.values += page.item_count<uint64_t>();
      census.live++;
      return page.next();
    });
  }
  if (!tail_seen) s.damage(kMetaBlock, kWholePage, "the tail hint names no page of the chain");
  census.free = check_freelist(s);
  census.lost = s.pages() - 1 - census.live - census.free;
  return census;
}

}  // namespace lowdim::chain
