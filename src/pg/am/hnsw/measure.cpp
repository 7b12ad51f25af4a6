// See measure.h.

#include "pg/am/hnsw/measure.h"

extern "C" {
#include "access/tableam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
}

namespace lowdim::pg::hnsw {

struct TableMeasure {
  IndexScanDesc scan;
  IndexFetchTableData* fetch;
  TupleTableSlot* slot;
  IndexInfo* info;
  FmgrInfo distance;
  EState* estate;  // for expressions
};

TableMeasure* make_table_measure(IndexScanDesc scan) {
  TableMeasure* m = static_cast<TableMeasure*>(palloc0(sizeof(TableMeasure)));
  m->scan = scan;
  m->fetch = table_index_fetch_begin(scan->heapRelation);
  m->slot = table_slot_create(scan->heapRelation, nullptr);
  m->info = BuildIndexInfo(scan->indexRelation);
  Relation index = scan->indexRelation;
  const Oid type = index->rd_opcintype[0];
  const Oid ordering = get_opfamily_member(index->rd_opfamily[0], type, type, 1);
  fmgr_info_cxt(get_opcode(ordering), &m->distance, CurrentMemoryContext);
  m->estate = CreateExecutorState();
  GetPerTupleExprContext(m->estate)->ecxt_scantuple = m->slot;
  return m;
}

bool measure_row(TableMeasure* m, paged::hnsw::Tid tid, Datum query, double* distance) {
  ItemPointerData at = unpack_tid(tid);
  bool again = false, all_dead = false;
  if (!table_index_fetch_tuple(m->fetch, &at, m->scan->xs_snapshot, m->slot, &again, &all_dead)) return false;
  const MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(m->estate));
  Datum values[INDEX_MAX_KEYS];
  bool is_null[INDEX_MAX_KEYS];
  FormIndexDatum(m->info, m->slot, m->estate, values, is_null);
  bool found = false;
  if (!is_null[0]) {
    *distance = DatumGetFloat8(FunctionCall2Coll(&m->distance, InvalidOid, values[0], query));
    found = true;
  }
  MemoryContextSwitchTo(old);
  ResetPerTupleExprContext(m->estate);
  ExecClearTuple(m->slot);
  return found;
}

void end_table_measure(TableMeasure* m) {
  FreeExecutorState(m->estate);
  ExecDropSingleTupleTableSlot(m->slot);
  table_index_fetch_end(m->fetch);
}

}  // namespace lowdim::pg::hnsw
