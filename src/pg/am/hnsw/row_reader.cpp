// See row_reader.h. The snapshot is the one that sees all that VACUUM may not take away yet: what it leaves
// out no query on this server can ask for, and out-of-line values of what it sees are still there. A standby
// without feedback may have older queries; they miss such rows in a trained index a little earlier than
// VACUUM would end them.
//
// All versions of a row that hang on one address have the same indexed value, but for those that are older
// than the index (the server leaves such chains to the last version): the hash tells.

#include "pg/am/hnsw/row_reader.h"

#include <cstring>

extern "C" {
#include "access/tableam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
}

namespace lowdim::pg::hnsw {

using paged::hnsw::Fetched;

struct RowReader {
  const Options* options;
  const OpclassInfo* opclass;
  const ValueRoom* room;
  SnapshotData snapshot;
  IndexFetchTableData* fetch;
  TupleTableSlot* slot;
  IndexInfo* info;
  EState* estate;  // for expressions
};

RowReader* make_row_reader(Relation heap, Relation index, const Options& o, const OpclassInfo& opclass,
                           const ValueRoom& room) {
  RowReader* r = static_cast<RowReader*>(palloc0(sizeof(RowReader)));
  r->options = &o;
  r->opclass = &opclass;
  r->room = &room;
  InitNonVacuumableSnapshot(r->snapshot, GlobalVisTestFor(heap));
  r->fetch = table_index_fetch_begin(heap);
  r->slot = table_slot_create(heap, nullptr);
  // Not the caller's: its expressions may be in use.
  r->info = BuildIndexInfo(index);
  r->estate = CreateExecutorState();
  GetPerTupleExprContext(r->estate)->ecxt_scantuple = r->slot;
  return r;
}

Fetched read_row(RowReader* r, paged::hnsw::Tid tid, uint32_t hash, float* guide) {
  ItemPointerData at = unpack_tid(tid);
  bool again = false, all_dead = false;
  Fetched got = Fetched::kGone;
  do {
    if (!table_index_fetch_tuple(r->fetch, &at, &r->snapshot, r->slot, &again, &all_dead)) break;
    got = Fetched::kUnfit;
    const MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(r->estate));
    Datum values[INDEX_MAX_KEYS];
    bool is_null[INDEX_MAX_KEYS];
    FormIndexDatum(r->info, r->slot, r->estate, values, is_null);
    Input in;
    if (!is_null[0] && read_value(*r->options, *r->opclass, values[0], *r->room, &in) && !in.alone &&
        in.hash == hash) {
      std::memcpy(guide, in.guide, r->options->guide_dims * sizeof(float));
      got = Fetched::kRow;
    }
    MemoryContextSwitchTo(old);
    ResetPerTupleExprContext(r->estate);
  } while (again && got != Fetched::kRow);
  ExecClearTuple(r->slot);
  return got;
}

void end_row_reader(RowReader* r) {
  FreeExecutorState(r->estate);
  ExecDropSingleTupleTableSlot(r->slot);
  table_index_fetch_end(r->fetch);
}

}  // namespace lowdim::pg::hnsw
