// lowdim_recall: how many of the true neighbours an index finds at several ef_search, and how fast. Rows of
// the table serve as queries; what is true is asked of the table itself, in SQL, without any index. A row
// that is its own query is left out of both answers, since finding it is no merit; rows at equal distances
// count as the same answer.
//
// Everything runs as the table's owner, restricted, with an empty search path: the index's expressions are
// not the caller's. On error the server puts user and settings back.

#include <cmath>

#include "pg/am/hnsw/am.h"
#include "pg/am/hnsw/open.h"
#include "pg/fn.h"

extern "C" {
#include "catalog/pg_index.h"
#include "catalog/pg_operator.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "optimizer/plancat.h"
#include "portability/instr_time.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
}

namespace lowdim::pg::hnsw {
namespace {

constexpr int kMostSample = 100000, kMostK = 1000;
constexpr int kEfSearch[] = {10, 20, 40, 80, 160, 320, 640};

// --- The planner sees one index of the table. Another one on the same column would often be as good to it.

Oid only_index = InvalidOid;
get_relation_info_hook_type next_hook = nullptr;

void hide_other_indexes(PlannerInfo* root, Oid table, bool inherits, RelOptInfo* rel) {
  if (next_hook != nullptr) next_hook(root, table, inherits, rel);
  if (!OidIsValid(only_index)) return;
  IndexOptInfo* only = nullptr;
  ListCell* cell;
  foreach (cell, rel->indexlist) {
    IndexOptInfo* info = static_cast<IndexOptInfo*>(lfirst(cell));
    if (info->indexoid == only_index) only = info;
  }
  if (only != nullptr) rel->indexlist = list_make1(only);
}

void show_other_indexes(void*) { only_index = InvalidOid; }

// Until the current memory context is gone, which an error sees to as well.
void plan_with_only(Oid index) {
  static bool hooked = false;
  if (!hooked) {
    next_hook = get_relation_info_hook;
    get_relation_info_hook = hide_other_indexes;
    hooked = true;
  }
  MemoryContextCallback* callback =
      static_cast<MemoryContextCallback*>(palloc0(sizeof(MemoryContextCallback)));
  callback->func = show_other_indexes;
  MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
  only_index = index;
}

void set_locally(const char* name, const char* value) {
  (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

// --- The queries' texts

struct Texts {
  const char* table;
  const char* column;     // or expression
  const char* distance;   // of it to $1
  const char* predicate;  // of a partial index, or "true"
  Oid type;
  int16 type_length;
  bool type_by_value;
};

Texts make_texts(const OpenIndex& open) {
  Texts t{};
  const Oid index = RelationGetRelid(open.index), table = RelationGetRelid(open.table);
  t.table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(open.table)),
                                       RelationGetRelationName(open.table));
  t.column = pg_get_indexdef_columns(index, false);
  t.type = open.index->rd_opcintype[0];
  get_typlenbyval(t.type, &t.type_length, &t.type_by_value);

  const Oid op = get_opfamily_member(open.index->rd_opfamily[0], t.type, t.type, 1);
  HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(op));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for operator %u", op);
  const Form_pg_operator form = reinterpret_cast<Form_pg_operator>(GETSTRUCT(tuple));
  t.distance = psprintf("%s OPERATOR(%s.%s) $1", t.column,
                        quote_identifier(get_namespace_name(form->oprnamespace)), NameStr(form->oprname));
  ReleaseSysCache(tuple);

  t.predicate = "true";
  tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for index %u", index);
  bool none = false;
  const Datum predicate = SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indpred, &none);
  if (!none) {
    t.predicate = TextDatumGetCString(DirectFunctionCall2(pg_get_expr, predicate, ObjectIdGetDatum(table)));
  }
  ReleaseSysCache(tuple);
  return t;
}

// --- Measuring

struct Sampled {
  Datum query;
  ItemPointerData self;
  double farthest;  // of the true neighbours
  int expected;     // their number
};

[[noreturn]] void raise_spi(int code) {
  elog(ERROR, "lowdim_recall: %s", SPI_result_code_string(code));
  pg_unreachable();
}

ItemPointer item_pointer(Datum datum) { return reinterpret_cast<ItemPointer>(DatumGetPointer(datum)); }

Sampled* take_sample(const Texts& t, int most, int* count, MemoryContext context) {
  const char* sql = psprintf(
      "SELECT ctid, %s FROM ONLY %s WHERE %s IS NOT NULL AND (%s) ORDER BY pg_catalog.random() LIMIT %d",
      t.column, t.table, t.column, t.predicate, most);
  const int code = SPI_execute(sql, true, 0);
  if (code != SPI_OK_SELECT) raise_spi(code);
  *count = static_cast<int>(SPI_processed);
  const MemoryContext old = MemoryContextSwitchTo(context);
  Sampled* sample = static_cast<Sampled*>(palloc0(sizeof(Sampled) * Max(SPI_processed, 1)));
  for (int i = 0; i < *count; ++i) {
    bool null;
    HeapTuple row = SPI_tuptable->vals[i];
    sample[i].self = *item_pointer(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &null));
    const Datum value = SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &null);
    sample[i].query = datumCopy(PointerGetDatum(PG_DETOAST_DATUM(value)), t.type_by_value, t.type_length);
  }
  MemoryContextSwitchTo(old);
  SPI_freetuptable(SPI_tuptable);
  return sample;
}

SPIPlanPtr prepare(const Texts& t, const char* condition, int k, int options) {
  // One row more than wanted: the query itself is among them.
  const char* sql = psprintf("SELECT ctid, %s FROM ONLY %s WHERE %s AND (%s) ORDER BY %s LIMIT %d",
                             t.distance, t.table, condition, t.predicate, t.distance, k + 1);
  Oid types[] = {t.type};
  SPIPlanPtr plan = SPI_prepare_cursor(sql, 1, types, options | CURSOR_OPT_GENERIC_PLAN);
  if (plan == nullptr) raise_spi(SPI_result);
  return plan;
}

// Runs a query and calls see(distance) for each row but the query itself, for k at most.
template <class F>
double run(SPIPlanPtr plan, const Sampled& s, int k, F see) {
  Datum values[] = {s.query};
  instr_time start, took;
  INSTR_TIME_SET_CURRENT(start);
  const int code = SPI_execute_plan(plan, values, nullptr, true, 0);
  INSTR_TIME_SET_CURRENT(took);
  INSTR_TIME_SUBTRACT(took, start);
  if (code != SPI_OK_SELECT) raise_spi(code);
  for (uint64 i = 0, seen = 0; i < SPI_processed && seen < static_cast<uint64>(k); ++i) {
    bool null;
    HeapTuple row = SPI_tuptable->vals[i];
    ItemPointer at = item_pointer(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &null));
    Datum distance = SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &null);
    ItemPointerData self = s.self;
    if (ItemPointerEquals(at, &self)) continue;
    ++seen;
    see(DatumGetFloat8(distance));
  }
  SPI_freetuptable(SPI_tuptable);
  return INSTR_TIME_GET_DOUBLE(took) * 1e6;
}

void find_truth(const Texts& t, Sampled* sample, int n, int k) {
  const int nest = NewGUCNestLevel();
  set_locally("enable_seqscan", "on");
  set_locally("enable_indexscan", "off");
  set_locally("enable_sort", "on");
  SPIPlanPtr plan = prepare(t, psprintf("%s IS NOT NULL", t.column), k, CURSOR_OPT_PARALLEL_OK);
  for (int i = 0; i < n; ++i) {
    CHECK_FOR_INTERRUPTS();
    Sampled& s = sample[i];
    run(plan, s, k, [&](double distance) {
      if (std::isnan(distance)) return;  // of a zero vector: in no order
      s.farthest = distance;
      ++s.expected;
    });
  }
  SPI_freeplan(plan);
  AtEOXact_GUC(false, nest);
}

struct Figures {
  double recall, average_us;
};

Figures measure(SPIPlanPtr plan, Oid index, Sampled* sample, int n, int k) {
  double found = 0, expected = 0, us = 0;
  for (int i = 0; i < n; ++i) {
    CHECK_FOR_INTERRUPTS();
    const Sampled& s = sample[i];
    int near = 0;
    last_scan.index = InvalidOid;
    us += run(plan, s, k, [&](double distance) { near += distance <= s.farthest; });
    if (last_scan.index != index) elog(ERROR, "lowdim_recall: the planner does not use the index");
    found += Min(near, s.expected);
    expected += s.expected;
  }
  return {found / expected, us / n};
}

void put_row(ReturnSetInfo* result, int ef, const Figures& figures) {
  Datum values[] = {Int32GetDatum(ef), Float8GetDatum(figures.recall), Float8GetDatum(figures.average_us)};
  bool nulls[] = {false, std::isnan(figures.recall), false};
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Effort current_effort(Relation index) {
  StorePg store(index);
  return choose_effort(load_context(index, store).options, storage_options(index));
}

// Each ef_search, the one in force among them, after a round that brings pages into memory.
void measure_all(const Texts& t, const OpenIndex& open, Sampled* sample, int n, int k,
                 ReturnSetInfo* result) {
  const Oid index = RelationGetRelid(open.index);
  const Effort effort = current_effort(open.index);
  const int current = static_cast<int>(effort.ef);
  const int nest = NewGUCNestLevel();
  set_locally("enable_seqscan", "off");
  set_locally("enable_bitmapscan", "off");
  set_locally("enable_sort", "off");
  set_locally("enable_indexscan", "on");
  plan_with_only(index);
  SPIPlanPtr plan = prepare(t, "true", k, 0);
  const auto with = [&](int ef) {
    set_locally("lowdim.ef_search", psprintf("%d", ef));
    put_row(result, ef, measure(plan, index, sample, n, k));
  };
  set_locally("lowdim.ef_search", psprintf("%d", kEfSearch[0]));
  measure(plan, index, sample, n, k);
  // Searches that stop by themselves are left to it, and are not those that all keep as many candidates.
  const auto with_current = [&] {
    if (!effort.per_query) return with(current);
    set_locally("lowdim.ef_search", "0");
    put_row(result, current, measure(plan, index, sample, n, k));
  };
  bool done = false;
  for (const int ef : kEfSearch) {
    if (!done && current <= ef) {
      if (current < ef || effort.per_query) with_current();
      done = true;
    }
    with(ef);
  }
  if (!done) with_current();
  SPI_freeplan(plan);
  only_index = InvalidOid;
  AtEOXact_GUC(false, nest);
}

}  // namespace
}  // namespace lowdim::pg::hnsw

using namespace lowdim::pg::hnsw;

LOWDIM_FN(lowdim_recall) {
  const int sample_size = PG_GETARG_INT32(1), k = PG_GETARG_INT32(2);
  if (sample_size < 1 || sample_size > kMostSample) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("sample must be between 1 and %d", kMostSample)));
  }
  if (k < 1 || k > kMostK) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must be between 1 and %d", kMostK)));
  }
  InitMaterializedSRF(fcinfo, 0);
  ReturnSetInfo* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  const OpenIndex open = open_index(PG_GETARG_OID(0), Wanted::kRead);
  if (!open.index->rd_index->indisvalid) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("index \"%s\" is not valid", RelationGetRelationName(open.index))));
  }
  Oid user;
  int security;
  GetUserIdAndSecContext(&user, &security);
  SetUserIdAndSecContext(open.table->rd_rel->relowner, security | SECURITY_RESTRICTED_OPERATION);
  const int nest = NewGUCNestLevel();
  set_locally("search_path", "pg_catalog, pg_temp");
  set_locally("jit", "off");  // each execution would compile anew, and be timed with it

  SPI_connect();
  const Texts texts = make_texts(open);
  int n = 0;
  Sampled* sample = take_sample(texts, sample_size, &n, CurrentMemoryContext);
  if (n > 0) {
    find_truth(texts, sample, n, k);
    measure_all(texts, open, sample, n, k, result);
  }
  SPI_finish();
  AtEOXact_GUC(false, nest);
  SetUserIdAndSecContext(user, security);
  close_index(open);
  return static_cast<Datum>(0);
}
