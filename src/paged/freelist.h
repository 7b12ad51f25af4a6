// Whole pages that an index has given up: a linked list from the meta page's free_head through trailer.next.
//
// Invariant, after every prefix of the log: each page on the list has kind kFree, is on it once, and nothing
// else links to it. Each operation is one record, so a crash loses no page but an extended one that was never
// written. Called by inserts (grow_from), vacuum (free_page) and checks (check_freelist).
#pragma once

#include "paged/meta.h"
#include "paged/store.h"

namespace lowdim::paged {

// Puts `block` on the free list. The caller has unlinked it (slot event kDied), and has passed the gates of
// everybody who could still know its number. False if it is free already, or if the meta page is damaged.
template <Store S>
bool free_page(S& s, Block block) {
  return s.txn([&](auto& txn) {
    const PageEdit meta = txn.edit(kMetaBlock);
    const PageEdit page = txn.edit(block);
    MetaHead* head = meta_head(meta);
    // Twice on the list would give one page to two owners, and make the list a ring.
    if (head == nullptr || page.is_kind(kind::kFree)) return Verdict::kAbandon;
    page.init(kind::kFree);
    page.set_next(head->free_head);
    head->free_head = block;
    s.slot(block, kWholePage, SlotEvent::kFreed);
    return Verdict::kCommit;
  });
}

// Links a page to `from`, a free one or a new one, in one record: Verdict f(PageEdit from, Block block,
// PageEdit page) sets the links, `page` being initialised to `kind`. f must look at `from` again: it may have
// changed since the caller read it, and another may have grown it already (kAbandon then). Returns the block,
// or kNoBlock if f abandoned.
template <Store S, class F>
Block grow_from(S& s, Block from, uint16_t kind, F f) {
  for (;; s.poll()) {
    const Block hint = s.read(kMetaBlock, [](PageView meta) {
      const MetaHead* head = meta_head(meta);
      return head == nullptr ? kNoBlock : head->free_head;
    });
    const bool reuse = hint != kNoBlock && hint != from && hint < s.pages();
    Block got = kNoBlock;
    bool stale = false;
    s.txn([&](auto& txn) {
      if (!reuse) {
        const PageEdit old = txn.edit(from);
        const NewPage fresh = txn.extend();  // the highest number: ascending order holds
        fresh.page.init(kind);
        if (f(old, fresh.block, fresh.page) == Verdict::kAbandon) return Verdict::kAbandon;
        s.slot(fresh.block, kWholePage, SlotEvent::kBorn);
        got = fresh.block;
        return Verdict::kCommit;
      }
      // The meta page is block 0, so it comes first; the other two in order of their numbers.
      const PageEdit meta = txn.edit(kMetaBlock);
      txn.edit(hint < from ? hint : from);
      const PageEdit old = txn.edit(from), page = txn.edit(hint);
      MetaHead* head = meta_head(meta);
      // The hint was read under another lock: only if it is still the head does it belong to the list.
      if (head == nullptr || head->free_head != hint) {
        stale = true;
        return Verdict::kAbandon;
      }
      if (!page.is_kind(kind::kFree)) {
        s.damage(hint, kWholePage, "a page on the free list is not free");
        head->free_head = kNoBlock;  // what hangs on a foreign page is not ours to give away
        stale = true;
        return Verdict::kCommit;
      }
      const Block next = page.next();
      page.init(kind);
      if (f(old, hint, page) == Verdict::kAbandon) return Verdict::kAbandon;
      head->free_head = next;
      s.slot(hint, kWholePage, SlotEvent::kReused);
      got = hint;
      return Verdict::kCommit;
    });
    if (!stale) return got;
  }
}

// Walks the list and reports damage; returns how many pages are on it. For use while nobody changes the
// index.
template <Store S>
Block check_freelist(S& s) {
  Block at = s.read(kMetaBlock, [](PageView meta) {
    const MetaHead* head = meta_head(meta);
    return head == nullptr ? kNoBlock : head->free_head;
  });
  const Block pages = s.pages();
  Block count = 0;
  while (at != kNoBlock) {
    s.poll();
    if (at >= pages || at == kMetaBlock) {
      s.damage(at, kWholePage, "the free list leads to a page that does not exist");
      break;
    }
    if (count >= pages) {
      s.damage(at, kWholePage, "the free list is a ring");
      break;
    }
    const Block here = at;
    bool is_free = false;
    at = s.read(here, [&](PageView page) {
      is_free = page.is_kind(kind::kFree);
      return is_free ? page.next() : kNoBlock;
    });
    if (!is_free) {
      s.damage(here, kWholePage, "a page on the free list is not free");
      break;
    }
    count++;
  }
  return count;
}

}  // namespace lowdim::paged
