// lowdim_check: what is wrong with an index, a row each; none if all is well. The work is paged/hnsw/check.h.
// Damage is noted under page locks, so it is put aside in memory and becomes rows afterwards.

#include "paged/hnsw/check.h"

#include "pg/am/hnsw/am.h"
#include "pg/am/hnsw/check_table.h"
#include "pg/am/hnsw/open.h"
#include "pg/arena_pg.h"
#include "pg/fn.h"

extern "C" {
#include "funcapi.h"
#include "utils/memutils.h"
}

namespace lowdim::pg::hnsw {
namespace {

using paged::Block;
using paged::hnsw::Census;
using paged::hnsw::CheckOptions;

struct Damage {
  Block block;
  uint32_t item;
  const char* what;  // a constant
};

struct Damages {
  Damage* list;
  uint64_t count, room;
};

void note(void* self, Block block, uint32_t item, const char* what) {
  Damages* damages = static_cast<Damages*>(self);
  if (damages->count < damages->room) damages->list[damages->count++] = {block, item, what};
}

struct Out {
  ReturnSetInfo* result;

  void row(const char* severity, const Damage* where, const char* what) {
    Datum values[4] = {};
    bool nulls[4] = {};
    values[0] = CStringGetTextDatum(severity);
    nulls[1] = where == nullptr;
    nulls[2] = where == nullptr || where->item == paged::kWholePage;
    if (!nulls[1]) values[1] = Int64GetDatum(static_cast<int64>(where->block));
    if (!nulls[2]) values[2] = Int32GetDatum(static_cast<int32>(where->item));
    values[3] = CStringGetTextDatum(what);
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  void note(uint64_t count, const char* what) {
    if (count != 0) row("note", nullptr, psprintf(UINT64_FORMAT " %s", count, what));
  }
};

// Rows of the table that are not in the index.
struct Missing {
  static constexpr uint64_t kMost = 1000;
  Out* out;
  uint64_t shown;

  static void put(void* self, ItemPointer row) {
    Missing* missing = static_cast<Missing*>(self);
    if (missing->shown == kMost) return;
    ++missing->shown;
    missing->out->row("error", nullptr,
                      psprintf("the row at (%u,%u) of the table is not in the index",
                               ItemPointerGetBlockNumber(row), ItemPointerGetOffsetNumber(row)));
  }
};

}  // namespace
}  // namespace lowdim::pg::hnsw

using namespace lowdim::pg::hnsw;

LOWDIM_FN(lowdim_check) {
  InitMaterializedSRF(fcinfo, 0);
  Out out{reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo)};
  const OpenIndex open = open_index(PG_GETARG_OID(0), Wanted::kQuiet);
  CheckOptions how;
  how.full = PG_GETARG_BOOL(1);
  how.memory_bytes = static_cast<size_t>(maintenance_work_mem) * 1024;
  Damages damages{static_cast<Damage*>(palloc(how.most_reports * sizeof(Damage))), 0, how.most_reports};

  lowdim::pg::StoreOptions options;
  options.sink = {note, &damages};
  options.strategy = GetAccessStrategy(BAS_BULKREAD);
  lowdim::pg::StorePg store(open.index, options);
  const MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "lean_hnsw check", ALLOCSET_DEFAULT_SIZES);
  const MemoryContext old = MemoryContextSwitchTo(context);
  const Census census = lowdim::paged::hnsw::check(store, lowdim::pg::arena_in(context), how);
  MemoryContextSwitchTo(old);
  MemoryContextDelete(context);

  for (uint64_t i = 0; i < damages.count; ++i) out.row("error", &damages.list[i], damages.list[i].what);
  if (census.damages > damages.count) {
    out.row("error", nullptr, psprintf(UINT64_FORMAT " more of them", census.damages - damages.count));
  }
  // Rows can be looked for only in an index whose pages can be read, and that should have them.
  if (how.full && census.damages == 0 && open.index->rd_index->indisvalid) {
    Missing missing{&out, 0};
    const uint64_t missed =
        find_missing_rows(open, store, census.tids, how.memory_bytes, &missing, Missing::put);
    if (missed > missing.shown) {
      out.row("error", nullptr, psprintf(UINT64_FORMAT " more of them", missed - missing.shown));
    }
  }
  close_index(open);
  out.note(census.new_pages, "pages of zeros, left by a crash: VACUUM takes them up");
  out.note(census.unused_pages, "pages of a training that did not end: REINDEX gives them back");
  out.note(census.orphans, "nodes that no node leads to: searches find them only when they read everything");
  return static_cast<Datum>(0);
}
