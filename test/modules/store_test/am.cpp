// The callbacks of the access method store_test: an index that is a chain (chain.h) of row addresses. One
// build without log, inserts by records, vacuum through gates: all that the store does, and nothing else.

#include <cstdint>
#include <new>

#include "chain.h"
#include "core/base/arena.h"
#include "pg/arena_pg.h"
#include "pg/fn.h"
#include "pg/store_pg.h"

extern "C" {
#include "access/amapi.h"
#include "access/genam.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "commands/vacuum.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "utils/memutils.h"
}

namespace lowdim::pg {
namespace {

constexpr uint32_t kPageItems = 100;  // few, so that tests of some thousand rows have many pages

uint64_t pack(const ItemPointerData& tid) {
  return static_cast<uint64_t>(ItemPointerGetBlockNumber(&tid)) << 16 | ItemPointerGetOffsetNumber(&tid);
}
ItemPointerData unpack(uint64_t value) {
  ItemPointerData tid;
  ItemPointerSet(&tid, static_cast<BlockNumber>(value >> 16), static_cast<OffsetNumber>(value & 0xFFFF));
  return tid;
}

struct Build {
  StorePg* store;
  double rows;
};

void build_row(Relation, ItemPointer tid, Datum*, bool*, bool, void* state) {
  Build* build = static_cast<Build*>(state);
  chain::append(*build->store, pack(*tid));
  build->rows++;
}

IndexBuildResult* build(Relation heap, Relation index, IndexInfo* info) {
  StorePg store(index, {.logging = Logging::kLater});
  chain::create(store, kPageItems);
  Build state{&store, 0};
  IndexBuildResult* result = static_cast<IndexBuildResult*>(palloc(sizeof(IndexBuildResult)));
  result->heap_tuples = table_index_build_scan(heap, index, info, true, false, build_row, &state, nullptr);
  result->index_tuples = state.rows;
  log_all_pages(index, MAIN_FORKNUM);
  return result;
}

void build_empty(Relation index) {
  StorePg store(index, {.fork = INIT_FORKNUM, .logging = Logging::kLater});
  chain::create(store, kPageItems);
  log_all_pages(index, INIT_FORKNUM);
}

bool insert(Relation index, Datum*, bool*, ItemPointer tid, Relation, IndexUniqueCheck, bool, IndexInfo*) {
  StorePg store(index);
  chain::append(store, pack(*tid));
  return false;
}

IndexBulkDeleteResult* bulk_delete(IndexVacuumInfo* info, IndexBulkDeleteResult* stats,
                                   IndexBulkDeleteCallback callback, void* state) {
  if (stats == nullptr) stats = static_cast<IndexBulkDeleteResult*>(palloc0(sizeof(IndexBulkDeleteResult)));
  StorePg store(info->index, {.strategy = info->strategy});
  const uint64_t removed = chain::vacuum(store, [&](uint64_t value) {
    ItemPointerData tid = unpack(value);
    return callback(&tid, state);
  });
  stats->tuples_removed += static_cast<double>(removed);
  stats->num_pages = store.pages();
  return stats;
}

IndexBulkDeleteResult* vacuum_cleanup(IndexVacuumInfo*, IndexBulkDeleteResult* stats) { return stats; }

void cost(PlannerInfo*, IndexPath* path, double, Cost* startup, Cost* total, Selectivity* selectivity,
          double* correlation, double* pages) {
  // Tests want this plan, but not as an index-only scan without a condition, which an index without keys
  // cannot serve.
  *startup = *total = path->indexclauses == NIL ? 1e300 : 0;
  *selectivity = 1;
  *correlation = 0;
  *pages = 1;
}

bytea* options(Datum, bool) { return nullptr; }
bool validate(Oid) { return true; }

struct Scan {
  MemoryContext context;
  ArenaVec<uint64_t> found;
  size_t next;
  bool started;
};

IndexScanDesc begin_scan(Relation index, int keys, int orderbys) {
  IndexScanDesc scan = RelationGetIndexScan(index, keys, orderbys);
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "store_test scan", ALLOCSET_DEFAULT_SIZES);
  scan->opaque = new (palloc(sizeof(Scan))) Scan{context, ArenaVec<uint64_t>(arena_in(context)), 0, false};
  return scan;
}

void rescan(IndexScanDesc scan, ScanKey, int, ScanKey, int) {
  Scan* state = static_cast<Scan*>(scan->opaque);
  MemoryContextReset(state->context);
  state->found = ArenaVec<uint64_t>(arena_in(state->context));
  state->next = 0;
  state->started = false;
}

bool next_row(IndexScanDesc scan, ScanDirection) {
  Scan* state = static_cast<Scan*>(scan->opaque);
  if (!state->started) {
    state->started = true;
    StorePg store(scan->indexRelation);
    chain::scan(store, [&](uint64_t value) { state->found.push_back(value); });
  }
  if (state->next == state->found.size()) return false;
  scan->xs_heaptid = unpack(state->found[state->next++]);
  scan->xs_recheck = true;
  return true;
}

void end_scan(IndexScanDesc scan) { MemoryContextDelete(static_cast<Scan*>(scan->opaque)->context); }

}  // namespace
}  // namespace lowdim::pg

LOWDIM_FN(store_test_handler) {
  using namespace lowdim::pg;
  IndexAmRoutine* am = makeNode(IndexAmRoutine);
  am->amstrategies = 1;
  am->amoptionalkey = true;
  am->ambuild = build;
  am->ambuildempty = build_empty;
  am->aminsert = insert;
  am->ambulkdelete = bulk_delete;
  am->amvacuumcleanup = vacuum_cleanup;
  am->amcostestimate = cost;
  am->amoptions = options;
  am->amvalidate = validate;
  am->ambeginscan = begin_scan;
  am->amrescan = rescan;
  am->amgettuple = next_row;
  am->amendscan = end_scan;
  PG_RETURN_POINTER(am);
}
