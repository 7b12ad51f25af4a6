// Making an index: the meta page, the pages of the model, the pages of entries. Each call leaves the index
// valid after every record: pages belong to it only once the meta page names them. Called by builds and by
// training; read_options() by everybody.
#pragma once

#include "paged/freelist.h"
#include "paged/hnsw/layout.h"
#include "paged/store.h"

namespace lowdim::paged::hnsw {

// Options of an index without rows. The geometry is filled in; false if a slot does not fit a page.
inline bool init_options(Options& o) {
  o.model_block = o.entries_block = o.room_head = kNoBlock;
  o.model_bytes = o.generation = 0;
  o.nodes = o.inserted = 0;
  o.calibration = Calibration{};
  return choose_geometry(o);
}

// Writes an index without rows: the file is empty before.
template <Store S>
void create(S& s, const Options& o) {
  s.txn([&](auto& txn) {
    init_meta(txn.extend().page, kFormat, o);
    return Verdict::kCommit;
  });
}

// *o is to be used only if kGood; its geometry is sane then.
template <Store S>
MetaStatus read_options(S& s, Options* o) {
  if (s.pages() == 0) return MetaStatus::kDamaged;
  return s.read(kMetaBlock, [&](PageView page) {
    const MetaStatus status = read_meta(page, kFormat, *o);
    return status == MetaStatus::kGood && !sane_geometry(*o) ? MetaStatus::kDamaged : status;
  });
}

// Writes bytes to consecutive new pages; returns the first.
template <Store S>
Block write_model(S& s, const uint8_t* bytes, uint32_t n) {
  constexpr uint32_t kPerPage = static_cast<uint32_t>(kBodyBytes);
  for (;;) {
    Block first = kNoBlock, last = kNoBlock;
    bool broken = false;
    for (uint32_t at = 0; at < n && !broken; at += kPerPage) {
      s.poll();
      s.txn([&](auto& txn) {
        const NewPage fresh = txn.extend();
        const uint32_t size = n - at < kPerPage ? n - at : kPerPage;
        fresh.page.init(kind::kModel);
        std::memcpy(fresh.page.template items<uint8_t>(), bytes + at, size);
        fresh.page.set_body_bytes(size);
        s.slot(fresh.block, kWholePage, SlotEvent::kBorn);
        broken = first != kNoBlock && fresh.block != last + 1;
        if (first == kNoBlock) first = fresh.block;
        if (!broken) last = fresh.block;
        // A page that comes too late is written all the same. What an attempt leaves behind is not taken up
        // again: lowdim_check counts it as unused, REINDEX gives it back.
        return Verdict::kCommit;
      });
    }
    if (!broken) return first;
  }
}

// A node as searches begin with it.
struct Entry {
  NodeId id;
  const uint8_t* code;  // code_bytes
};

// Puts an entry after the others of a page that has room for it.
inline void append_entry(PageEdit page, const Geometry& g, NodeId id, const uint8_t* code) {
  EntriesHead& head = *page.items<EntriesHead>();
  const uint32_t lane = head.count % kLanes;
  uint8_t* bundle = entries_bundle(page, g, head.count / kLanes);
  if (lane == 0) {
    page.set_body_bytes(page.body_bytes() + g.bundle_bytes());
    std::memset(bundle, 0, g.bundle_bytes());
  }
  Geometry::bundle_ids(bundle)[lane] = id;
  put_code(Geometry::bundle_codes(bundle), lane, g.segments, code);
  ++head.count;
}

// A page of entries as it should be, its count within its body.
inline bool is_entries(PageView page, const Geometry& g) {
  if (!page.is_kind(kind::kEntries) || page.body_bytes() < sizeof(EntriesHead)) return false;
  const uint32_t count = page.body<EntriesHead>()->count;
  return count <= g.bundles_per_entries_page() * kLanes &&
         page.body_bytes() == sizeof(EntriesHead) + size_t{(count + kLanes - 1) / kLanes} * g.bundle_bytes();
}

// Writes the chain of entries to new pages, one at least; returns the first.
template <Store S>
Block write_entries(S& s, const Geometry& g, const Entry* entries, uint32_t n) {
  const uint32_t per_page = g.bundles_per_entries_page() * kLanes;
  Block first = kNoBlock;
  // Each page leads to the one written before, so that nothing is written twice.
  for (uint32_t from = 0; from < n || first == kNoBlock; from += per_page) {
    s.poll();
    s.txn([&](auto& txn) {
      const NewPage fresh = txn.extend();
      fresh.page.init(kind::kEntries);
      fresh.page.append(EntriesHead{});
      for (uint32_t i = from; i < n && i < from + per_page; ++i) {
        append_entry(fresh.page, g, entries[i].id, entries[i].code);
      }
      fresh.page.set_next(first);
      s.slot(fresh.block, kWholePage, SlotEvent::kBorn);
      first = fresh.block;
      return Verdict::kCommit;
    });
  }
  return first;
}

// Adds one entry to the chain from `first`, in the first page with room or a new one at the end; one record.
// False if the chain is damaged.
template <Store S>
bool add_entry(S& s, const Geometry& g, Block first, NodeId id, const uint8_t* code) {
  const uint32_t per_page = g.bundles_per_entries_page() * kLanes;
  Block at = first;
  for (Block steps = 0; at != kNoBlock && at < s.pages() && steps <= s.pages(); ++steps) {
    s.poll();
    const Block here = at;
    bool last = false, full = false;
    at = s.read(here, [&](PageView page) {
      if (!is_entries(page, g)) return kNoBlock;
      full = page.body<EntriesHead>()->count >= per_page;
      last = page.next() == kNoBlock;
      return full && !last ? page.next() : here;
    });
    if (at != here) continue;
    if (!full) {
      const bool added = s.change(here, [&](PageEdit page) {
        if (!is_entries(page, g) || page.body<EntriesHead>()->count >= per_page) return Verdict::kAbandon;
        append_entry(page, g, id, code);
        return Verdict::kCommit;
      });
      if (added) return true;
      continue;  // it filled up meanwhile
    }
    const Block got = grow_from(s, here, kind::kEntries, [&](PageEdit old, Block block, PageEdit page) {
      if (!is_entries(old, g) || old.next() != kNoBlock) return Verdict::kAbandon;
      page.append(EntriesHead{});
      append_entry(page, g, id, code);
      old.set_next(block);
      return Verdict::kCommit;
    });
    if (got != kNoBlock) return true;  // else another has grown it
  }
  return false;
}

}  // namespace lowdim::paged::hnsw
