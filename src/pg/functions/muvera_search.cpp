// muvera_search: the documents of a table with the largest MaxSim, found among the candidates that an index
// on fde_document(column) gives (core/multi/fde.h). The index ranks candidates by its codes alone, so that no
// encoding is computed for them; each is read from the table once, for its MaxSim, in the table's order.
//
// The caller needs what a query would: the right to read the column. Row security cannot be applied here, so
// a table where it holds is refused.

#include <cmath>
#include <cstdlib>

#include "core/multi/maxsim.h"
#include "pg/am/hnsw/am.h"
#include "pg/door.h"
#include "pg/functions/table_search.h"
#include "pg/stop.h"
#include "pg/types/fde.h"
#include "pg/types/multi.h"

extern "C" {
#include "access/genam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
}

extern "C" PGDLLEXPORT Datum lowdim_fde_query(PG_FUNCTION_ARGS);

namespace lowdim::pg {
namespace {

constexpr int kMostCandidates = 1000000;

struct Found {
  double score;
  ItemPointerData tid;
};

// The largest score first, what is not a number last, then by place; for qsort.
int compare_found(const void* a, const void* b) {
  const Found* x = static_cast<const Found*>(a);
  const Found* y = static_cast<const Found*>(b);
  if (std::isnan(x->score) != std::isnan(y->score)) return std::isnan(x->score) ? 1 : -1;
  if (!std::isnan(x->score) && x->score != y->score) return x->score > y->score ? -1 : 1;
  return ItemPointerCompare(const_cast<ItemPointer>(&x->tid), const_cast<ItemPointer>(&y->tid));
}

int compare_tids(const void* a, const void* b) {
  return ItemPointerCompare(static_cast<ItemPointer>(const_cast<void*>(a)),
                            static_cast<ItemPointer>(const_cast<void*>(b)));
}

[[noreturn]] void raise_no_index(Relation table, AttrNumber column, const char* young) {
  const char* name = RelationGetRelationName(table);
  const char* attribute = NameStr(TupleDescAttr(RelationGetDescr(table), column - 1)->attname);
  if (young != nullptr) {
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("index \"%s\" cannot serve this transaction", young),
             errdetail("It lacks rows as older transactions see them, which may still run."),
             errhint("Search in a new transaction, when those that ran beside CREATE INDEX have ended.")));
  }
  ereport(ERROR,
          (errcode(ERRCODE_UNDEFINED_OBJECT),
           errmsg("no lean_hnsw index on fde_document(%s) of \"%s\"", attribute, name),
           errhint("CREATE INDEX ON %s USING lean_hnsw (fde_document(%s) vector_ip_ops) WITH (rerank = "
                   "none);",
                   quote_identifier(name), quote_identifier(attribute))));
}

// A whole, valid index by inner product on an encoding of the column; of several the one with the most
// dimensions. What is encoded goes to *expression.
Relation open_encoding_index(Relation table, AttrNumber column, FdeExpression* expression) {
  Relation found = nullptr;
  const char* young = nullptr;
  ListCell* cell;
  foreach (cell, RelationGetIndexList(table)) {
    Relation index = index_open(lfirst_oid(cell), AccessShareLock);
    const List* expressions = RelationGetIndexExpressions(index);
    if (index->rd_indam->aminsert == hnsw::insert && index->rd_index->indisvalid &&
        RelationGetIndexPredicate(index) == NIL && expressions != NIL &&
        hnsw::opclass_of(index)->metric == paged::hnsw::Metric::kInner) {
      const FdeExpression e = fde_expression_of(static_cast<const Node*>(linitial(expressions)));
      if (e.column == column && too_young(index)) {
        young = pstrdup(RelationGetRelationName(index));
      } else if (e.column == column &&
                 (found == nullptr || hnsw::declared_dims(index) > hnsw::declared_dims(found))) {
        if (found != nullptr) index_close(found, AccessShareLock);
        found = index;
        *expression = e;
        continue;
      }
    }
    index_close(index, AccessShareLock);
  }
  if (found == nullptr) raise_no_index(table, column, young);
  return found;
}

struct Search {
  Relation table;
  AttrNumber column;
  core::MultiView query;
  float* best;  // for each vector of the query
};

double score_of(const Search& search, Datum value) {
  const Multivector* document = reinterpret_cast<const Multivector*>(PG_DETOAST_DATUM(value));
  if (static_cast<uint32_t>(document->dim) != search.query.dims) {
    raise_different_dims(Multivector::kName, document->dim, static_cast<int>(search.query.dims));
  }
  const core::MultiView set{document->x, document->count, static_cast<uint32_t>(document->dim)};
  const core::MultiView query = search.query;
  float* const best = search.best;
  const core::Stop stop = server_stop();
  call_core([=] { core::max_matches(set, query, best, nullptr, stop); });
  return core::sum_matches(best, query.count);
}

// Scores the rows that the scan gives until there are `wanted` or no more. What is not visible does not
// count.
int collect(const Search& search, IndexScanDesc scan, int wanted, Found* found) {
  ItemPointerData* tids = static_cast<ItemPointerData*>(
      palloc_extended(sizeof(ItemPointerData) * static_cast<Size>(wanted), MCXT_ALLOC_HUGE));
  TupleTableSlot* slot = table_slot_create(search.table, nullptr);
  MemoryContext row =
      AllocSetContextCreate(CurrentMemoryContext, "muvera_search row", ALLOCSET_DEFAULT_SIZES);
  int n = 0;
  for (bool more = true; more && n < wanted;) {
    int batch = 0;
    while (n + batch < wanted) {
      CHECK_FOR_INTERRUPTS();
      const ItemPointer tid = index_getnext_tid(scan, ForwardScanDirection);
      more = tid != nullptr;
      if (!more) break;
      tids[batch++] = *tid;
    }
    qsort(tids, static_cast<size_t>(batch), sizeof *tids, compare_tids);
    for (int i = 0; i < batch; ++i) {
      CHECK_FOR_INTERRUPTS();
      scan->xs_heaptid = tids[i];
      if (!index_fetch_heap(scan, slot)) continue;
      bool null;
      const Datum value = slot_getattr(slot, search.column, &null);
      if (null) continue;
      const MemoryContext old = MemoryContextSwitchTo(row);
      found[n].score = score_of(search, value);
      MemoryContextSwitchTo(old);
      MemoryContextReset(row);
      found[n++].tid = slot->tts_tid;
    }
  }
  ExecDropSingleTupleTableSlot(slot);
  return n;
}

void check_counts(int32 k, int32 candidates) {
  if (k < 1 || candidates < k || candidates > kMostCandidates) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    k < 1 ? errmsg("k must be at least 1")
                          : errmsg("candidates must be between k and %d", kMostCandidates)));
  }
}

AttrNumber column_of(Relation table, const char* name, Oid type) {
  const AttrNumber column = column_named(table, name);
  const Oid its_type = TupleDescAttr(RelationGetDescr(table), column - 1)->atttypid;
  if (its_type != type) {
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("column \"%s\" of relation \"%s\" is of type %s, not %s", name,
                           RelationGetRelationName(table), format_type_be(its_type), format_type_be(type))));
  }
  return column;
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;
using namespace lowdim;

LOWDIM_FN(lowdim_muvera_search) {
  const Multivector* query = arg<Multivector>(fcinfo, 2);
  const int32 k = PG_GETARG_INT32(3);
  const int32 candidates = PG_GETARG_INT32(4);
  check_counts(k, candidates);
  InitMaterializedSRF(fcinfo, 0);

  Relation table = open_table(PG_GETARG_OID(0), "Search its partitions one by one.");
  Search search{};
  search.table = table;
  search.column = column_of(table, NameStr(*PG_GETARG_NAME(1)), get_fn_expr_argtype(fcinfo->flinfo, 2));
  search.query = {query->x, query->count, static_cast<uint32_t>(query->dim)};
  search.best = static_cast<float*>(palloc(sizeof(float) * query->count));
  check_rights(table, search.column, "muvera_search",
               "Order a sub-query by fde_document(...) <#> fde_query(...) with a LIMIT, and its rows "
               "by the operator @#.");
  FdeExpression encoding{};
  Relation index = open_encoding_index(table, search.column, &encoding);
  if (encoding.dims > 0 && encoding.dims != query->dim) {
    raise_different_dims(Multivector::kName, encoding.dims, query->dim);
  }

  ScanKeyData order;
  const Datum encoded =
      DirectFunctionCall2(lowdim_fde_query, PointerGetDatum(query), fde_query_options(encoding.options));
  order_by(index, encoded, &order);
  IndexScanDesc scan = index_beginscan(table, index, GetActiveSnapshot(), 0, 1);
  hnsw::rank_by_codes(scan, static_cast<uint32_t>(candidates));
  index_rescan(scan, nullptr, 0, &order, 1);
  Found* found =
      static_cast<Found*>(palloc_extended(sizeof(Found) * static_cast<Size>(candidates), MCXT_ALLOC_HUGE));
  const int n = collect(search, scan, candidates, found);
  index_endscan(scan);
  index_close(index, NoLock);
  table_close(table, NoLock);

  qsort(found, static_cast<size_t>(n), sizeof *found, compare_found);
  ReturnSetInfo* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (int i = 0; i < Min(n, k); ++i) {
    Datum values[2] = {PointerGetDatum(&found[i].tid), Float8GetDatum(found[i].score)};
    bool nulls[2] = {};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  return static_cast<Datum>(0);
}
