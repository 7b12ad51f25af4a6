// See check_table.h. The snapshot is older than the look at the index, so that a row which it sees was in the
// index by then: on a standby, writers are not kept out. Expressions run as the table's owner, restricted:
// they are not the caller's. On error the server puts user and settings back.

#include "pg/am/hnsw/check_table.h"

#include <algorithm>

extern "C" {
#include "access/tableam.h"
#include "catalog/index.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
}

namespace lowdim::pg::hnsw {
namespace {

using paged::Block;
using paged::PageView;
using paged::hnsw::Geometry;
using paged::hnsw::State;
using paged::hnsw::Tid;

// Addresses are looked at in `parts` rounds.
struct Search {
  uint64_t part, parts;
  Tid* tids;  // of the part, sorted
  size_t count, room;
  uint64_t missed;
  void* self;
  void (*missing)(void* self, ItemPointer row);

  bool mine(Tid tid) const { return tid * 0x9E3779B97F4A7C15u % parts == part; }
  void add(Tid tid) {
    if (!mine(tid)) return;
    if (count == room) {
      room *= 2;
      tids = static_cast<Tid*>(repalloc_huge(tids, room * sizeof(Tid)));
    }
    tids[count++] = tid;
  }
};

// One page's addresses are copied under its lock, and kept after it: memory is not asked for under a lock.
struct PageTids {
  Tid tids[paged::kBodyBytes / paged::hnsw::kTidBytes];
  size_t count;
};

void list_tids(StorePg& store, const Options& o, Search* search) {
  const Geometry g(o);
  PageTids* found = static_cast<PageTids*>(palloc(sizeof(PageTids)));
  const Block pages = store.pages();
  for (Block block = paged::kMetaBlock + 1; block < pages; ++block) {
    store.poll();
    found->count = 0;
    store.read(block, [&](PageView page) {
      if (!paged::hnsw::is_nodes(page, g)) return;
      const auto take = [&](const uint8_t* at, uint32_t n) {
        for (uint32_t i = 0; i < n; ++i) {
          found->tids[found->count++] = paged::hnsw::get_tid(at + size_t{i} * paged::hnsw::kTidBytes);
        }
      };
      for (uint32_t item = 0; item < g.slots_per_page; ++item) {
        const uint8_t* slot = paged::hnsw::slot_at(page, g, item);
        const paged::hnsw::SlotHead& head = paged::hnsw::head_of(slot);
        if (head.state == State::kLive) {
          take(head.tids, Min(uint32_t{head.tid_count}, paged::hnsw::kInlineTids));
        } else if (head.state == State::kOverflow) {
          const auto& over = *reinterpret_cast<const paged::hnsw::OverflowHead*>(slot);
          take(slot + sizeof(paged::hnsw::OverflowHead), Min(uint32_t{over.tid_count}, g.overflow_room()));
        }
      }
    });
    for (size_t i = 0; i < found->count; ++i) search->add(found->tids[i]);
  }
  pfree(found);
  std::sort(search->tids, search->tids + search->count);
}

void look_up_row(Relation, ItemPointer row, Datum*, bool* is_null, bool, void* state) {
  Search* search = static_cast<Search*>(state);
  const Tid tid = pack_tid(*row);
  if (is_null[0] || !search->mine(tid)) return;
  if (std::binary_search(search->tids, search->tids + search->count, tid)) return;
  search->missed++;
  search->missing(search->self, row);
}

}  // namespace

uint64_t find_missing_rows(const OpenIndex& open, StorePg& store, uint64_t tids, size_t memory_bytes,
                           void* self, void (*missing)(void* self, ItemPointer row)) {
  Oid user;
  int security;
  GetUserIdAndSecContext(&user, &security);
  SetUserIdAndSecContext(open.table->rd_rel->relowner, security | SECURITY_RESTRICTED_OPERATION);
  const int nest = NewGUCNestLevel();
  (void)set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
                          true, 0, false);
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "lean_hnsw check of rows", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext old = MemoryContextSwitchTo(context);
  const Options o = load_context(open.index, store).options;
  Search search{};
  search.parts = tids * sizeof(Tid) / Max(memory_bytes, size_t{1}) + 1;
  search.room = tids / search.parts + 1024;
  search.tids = static_cast<Tid*>(MemoryContextAllocHuge(context, search.room * sizeof(Tid)));
  search.self = self;
  search.missing = missing;
  const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  for (; search.part < search.parts; ++search.part) {
    search.count = 0;
    list_tids(store, o, &search);
    // As a concurrent build does, with the snapshot: rows then come with the address that an index has.
    IndexInfo* info = BuildIndexInfo(open.index);
    info->ii_Concurrent = true;
    TableScanDesc scan = table_beginscan_strat(open.table, snapshot, 0, nullptr, true, false);
    table_index_build_scan(open.table, open.index, info, false, false, look_up_row, &search, scan);
  }
  UnregisterSnapshot(snapshot);
  MemoryContextSwitchTo(old);
  MemoryContextDelete(context);
  AtEOXact_GUC(false, nest);
  SetUserIdAndSecContext(user, security);
  return search.missed;
}

}  // namespace lowdim::pg::hnsw
