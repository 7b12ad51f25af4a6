// lid(table, column): the local dimension around every row, from the row's k nearest others
// (core/dimension/local.h). A lean_hnsw index on the column by the same distance gives these, as far as it
// finds them; without one, or with enable_indexscan off, all pairs of rows are measured, in blocks that fit
// work_mem.
//
// The caller needs what a query would: the right to read the column. Row security cannot be applied here, so
// a table where it holds is refused.

#include <cmath>

#include "core/dimension/estimate.h"
#include "core/dimension/local.h"
#include "pg/am/hnsw/am.h"
#include "pg/door.h"
#include "pg/fn.h"
#include "pg/functions/table_search.h"
#include "pg/stop.h"
#include "pg/types/dense_type.h"

extern "C" {
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "optimizer/cost.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
}

namespace lowdim::pg {
namespace {

using core::LocalDimensions;

// A search is wide enough for so many times the rows that are wanted: a missing neighbour changes the value.
// With it, 99.98 % of the 20 nearest are found where half of it finds 98 % (sql/lid.sql, by cosine).
constexpr uint32_t kWidth = 2;

struct Source {
  Relation table;
  AttrNumber column;
  DenseType type;
  TupleTableSlot* slot;
  MemoryContext row;  // for one row at a time
};

// Calls see(value, floats, place) for each row that is not NULL, from number `from` on, until it says no. The
// same rows in the same order each time: the snapshot does not change, and the scan begins at the beginning.
template <class See>
void read_rows(const Source& s, uint32 from, See see) {
  TableScanDesc scan = table_beginscan_strat(s.table, GetActiveSnapshot(), 0, nullptr, true, false);
  uint32 number = 0;
  bool more = true;
  while (more && table_scan_getnextslot(scan, ForwardScanDirection, s.slot)) {
    CHECK_FOR_INTERRUPTS();
    bool null;
    const Datum value = slot_getattr(s.slot, s.column, &null);
    if (null || number++ < from) continue;
    const MemoryContext old = MemoryContextSwitchTo(s.row);
    more = see(value, dense_floats(s.type, value), s.slot->tts_tid);
    MemoryContextSwitchTo(old);
    MemoryContextReset(s.row);
  }
  ExecClearTuple(s.slot);
  table_endscan(scan);
}

void put(ReturnSetInfo* result, ItemPointerData tid, double value) {
  Datum values[2] = {PointerGetDatum(&tid), Float8GetDatum(value)};
  bool nulls[2] = {false, std::isnan(value)};
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

void by_distances(const Source& s, LocalDimensions* job, ReturnSetInfo* result) {
  const core::Stop stop = server_stop();
  while (call_core([=] { return job->next_block(); })) {
    ItemPointerData* tids = static_cast<ItemPointerData*>(
        palloc_extended(sizeof(ItemPointerData) * job->most_points(), MCXT_ALLOC_HUGE));
    size_t n = 0;
    read_rows(s, job->first(), [&](Datum, Floats f, ItemPointerData tid) {
      tids[n++] = tid;
      return call_core([=] { return job->add_point(f.x, f.dims); });
    });
    if (!job->whole()) {
      read_rows(s, 0, [&](Datum, Floats f, ItemPointerData) {
        call_core([=] { job->offer(f.x, f.dims, stop); });
        return true;
      });
    }
    const LocalDimensions::Values values = call_core([=] { return job->finish(stop); });
    for (size_t i = 0; i < values.n; ++i) put(result, tids[i], values.data[i]);
    pfree(tids);
  }
}

// A whole, valid index on the column by this distance, which this transaction may use; or nullptr.
Relation open_index_on(const Source& s, core::DimensionMetric metric) {
  if (!enable_indexscan) return nullptr;
  const paged::hnsw::Metric wanted =
      metric == core::DimensionMetric::kL2 ? paged::hnsw::Metric::kL2 : paged::hnsw::Metric::kCosine;
  ListCell* cell;
  foreach (cell, RelationGetIndexList(s.table)) {
    Relation index = index_open(lfirst_oid(cell), AccessShareLock);
    if (index->rd_indam->aminsert == hnsw::insert && index->rd_index->indisvalid &&
        index->rd_index->indkey.values[0] == s.column && RelationGetIndexPredicate(index) == NIL &&
        hnsw::opclass_of(index)->metric == wanted && !too_young(index)) {
      return index;
    }
    index_close(index, AccessShareLock);
  }
  return nullptr;
}

// Rows in the order of lower bounds of their distance, until no later one can be among the k nearest.
void offer_nearest(const Source& s, LocalDimensions* job, IndexScanDesc scan, TupleTableSlot* slot,
                   MemoryContext context) {
  while (index_getnext_slot(scan, ForwardScanDirection, slot)) {
    CHECK_FOR_INTERRUPTS();
    // NaN is that of a row without direction, and these come last.
    if (scan->xs_orderbynulls[0] || !(DatumGetFloat8(scan->xs_orderbyvals[0]) <= job->reach())) break;
    bool null;
    const Datum value = slot_getattr(slot, s.column, &null);
    if (null) continue;
    const MemoryContext old = MemoryContextSwitchTo(context);
    const Floats f = dense_floats(s.type, value);
    call_core([=] { job->offer_to_query(f.x, f.dims); });
    MemoryContextSwitchTo(old);
    MemoryContextReset(context);
  }
  ExecClearTuple(slot);
}

void by_index(const Source& s, LocalDimensions* job, Relation index, int32 k, ReturnSetInfo* result) {
  IndexScanDesc scan = index_beginscan(s.table, index, GetActiveSnapshot(), 0, 1);
  hnsw::expect_rows(scan, kWidth * (static_cast<uint32_t>(k) + 1));
  TupleTableSlot* slot = table_slot_create(s.table, nullptr);
  MemoryContext context =
      AllocSetContextCreate(CurrentMemoryContext, "lid neighbour", ALLOCSET_DEFAULT_SIZES);
  read_rows(s, 0, [&](Datum value, Floats f, ItemPointerData tid) {
    double found = core::kAbsent;
    if (call_core([=] { return job->begin_query(f.x, f.dims); })) {
      ScanKeyData order;
      order_by(index, value, &order);
      index_rescan(scan, nullptr, 0, &order, 1);
      offer_nearest(s, job, scan, slot, context);
      found = call_core([=] { return job->query_value(); });
    }
    put(result, tid, found);
    return true;
  });
  ExecDropSingleTupleTableSlot(slot);
  index_endscan(scan);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;
using namespace lowdim;

LOWDIM_FN(lowdim_lid_of_rows) {
  const int32 k = PG_GETARG_INT32(2);
  const char* metric_name = text_to_cstring(PG_GETARG_TEXT_PP(3));
  InitMaterializedSRF(fcinfo, 0);
  ReturnSetInfo* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  const size_t budget = static_cast<size_t>(work_mem) * 1024;
  core::LocalDimensions* job = make_in<core::LocalDimensions>(CurrentMemoryContext);
  const core::DimensionMetric metric = call_core([=] {
    const core::DimensionMetric m = core::dimension_metric(metric_name);
    job->start(static_cast<uint32_t>(Max(k, 0)), m, budget);
    return m;
  });

  const char* name = NameStr(*PG_GETARG_NAME(1));
  Relation table = open_table(PG_GETARG_OID(0), "Measure its partitions one by one.");
  Source source{};
  source.table = table;
  source.column = column_named(table, name);
  source.type = dense_type_of_column(TupleDescAttr(RelationGetDescr(table), source.column - 1)->atttypid,
                                     name, RelationGetRelationName(table));
  check_rights(table, source.column, "lid",
               "Give lid(double precision[]) the distances that a lateral sub-query finds.");
  source.slot = table_slot_create(table, nullptr);
  source.row = AllocSetContextCreate(CurrentMemoryContext, "lid row", ALLOCSET_DEFAULT_SIZES);

  read_rows(source, 0, [&](Datum, Floats f, ItemPointerData) {
    call_core([=] { job->look(f.x, f.dims); });
    return true;
  });
  Relation index = open_index_on(source, metric);
  if (index != nullptr) {
    by_index(source, job, index, k, result);
    index_close(index, NoLock);
  } else {
    by_distances(source, job, result);
  }
  ExecDropSingleTupleTableSlot(source.slot);
  table_close(table, NoLock);
  return static_cast<Datum>(0);
}
