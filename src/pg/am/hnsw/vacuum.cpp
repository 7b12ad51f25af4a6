// VACUUM of an index: paged/hnsw/vacuum.h does it; here are the server's callbacks and what is counted for
// it. bulk_delete also serves CREATE INDEX CONCURRENTLY, which uses it to list the rows that the index has:
// every address is asked about, and since none dies nothing else is done. See am.h.

#include <new>

#include "paged/hnsw/calibrate.h"
#include "paged/hnsw/vacuum.h"
#include "pg/am/hnsw/am.h"
#include "pg/arena_pg.h"
#include "pg/compat.h"

extern "C" {
#include "commands/vacuum.h"
#include "postmaster/autovacuum.h"
#include "utils/memutils.h"
}

namespace lowdim::pg::hnsw {
namespace {

size_t memory_budget() {
  const int kilobytes =
      in_autovacuum_worker() && autovacuum_work_mem != -1 ? autovacuum_work_mem : maintenance_work_mem;
  return static_cast<size_t>(kilobytes) * 1024;
}

// When a fifth of the nodes has changed since searches were measured, they are measured anew. Inserts alone
// come by here too.
void calibrate_if_changed(IndexVacuumInfo* info) {
  StorePg store(info->index, {.strategy = info->strategy});
  Options o{};
  if (paged::hnsw::read_options(store, &o) != paged::MetaStatus::kGood || !paged::hnsw::wants_calibration(o))
    return;
  calibrate_index(info->index, store, memory_budget(), false);
}

}  // namespace

IndexBulkDeleteResult* bulk_delete(IndexVacuumInfo* info, IndexBulkDeleteResult* stats,
                                   IndexBulkDeleteCallback callback, void* state) {
  if (stats == nullptr) stats = static_cast<IndexBulkDeleteResult*>(palloc0(sizeof(IndexBulkDeleteResult)));
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "lean_hnsw vacuum", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext old = MemoryContextSwitchTo(context);
  StorePg store(info->index, {.strategy = info->strategy});
  load_context(info->index, store);  // for its error, if this version cannot read the index
  core::GraphCode code;
  const paged::hnsw::VacuumCounts counts = paged::hnsw::vacuum(
      store, arena_in(context), {.memory_bytes = memory_budget()},
      [&](paged::hnsw::Tid tid) {
        ItemPointerData at = unpack_tid(tid);
        return callback(&at, state);
      },
      [&](const Options&) -> const core::GraphCode* {
        const IndexContext now = load_context(info->index, store);
        if (now.options.model_block == paged::kNoBlock) return nullptr;
        code = now.code;
        return &code;
      });
  MemoryContextSwitchTo(old);
  MemoryContextDelete(context);
  // A further pass of the same vacuum counts what is left anew, and adds what it took away.
  stats->num_pages = static_cast<BlockNumber>(counts.pages);
  stats->estimated_count = false;
  stats->num_index_tuples = static_cast<double>(counts.tids);
  stats->tuples_removed += static_cast<double>(counts.removed_tids);
  return stats;
}

IndexBulkDeleteResult* vacuum_cleanup(IndexVacuumInfo* info, IndexBulkDeleteResult* stats) {
  if (info->analyze_only) return stats;
  calibrate_if_changed(info);
  // Without bulk_delete nothing has gone, and null says that what is known of the index stays.
  if (stats == nullptr) return stats;
  stats->num_pages = RelationGetNumberOfBlocks(info->index);
  // Rows that were inserted while the table was read are in the index's count and not in the table's.
  if (!info->estimated_count && stats->num_index_tuples > info->num_heap_tuples) {
    stats->num_index_tuples = info->num_heap_tuples;
  }
  return stats;
}

}  // namespace lowdim::pg::hnsw
