// vector_stats: what ANALYZE has kept of a vector column, with advice; vector_selectivity: what the planner
// makes of it for a sphere.

#include "core/statistics/advice.h"
#include "core/statistics/selectivity.h"
#include "pg/compat.h"
#include "pg/door.h"
#include "pg/planner/column_statistics.h"
#include "pg/types/floats.h"

extern "C" {
#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/index.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_type.h"
#include "utils/acl.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"
}

namespace lowdim::pg {
namespace {

struct ColumnName {
  Oid table;
  AttrNumber number;
  double rows;  // as the table's statistics have it
};

// The column that a user may read all of, as pg_stats demands it.
ColumnName find_column(Oid table, const char* column) {
  Relation relation = relation_open(table, AccessShareLock);  // raises where there is none
  const AttrNumber number = get_attnum(table, column);
  if (number == InvalidAttrNumber) {
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("column \"%s\" of relation \"%s\" does not exist",
                                                       column, RelationGetRelationName(relation))));
  }
  // Statistics of an index are those of its table's rows.
  const char kind = relation->rd_rel->relkind;
  const bool index = kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX;
  const Oid read = index ? IndexGetRelation(table, false) : table;
  if (pg_class_aclcheck(read, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
      (index || pg_attribute_aclcheck(read, number, GetUserId(), ACL_SELECT) != ACLCHECK_OK)) {
    aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(read)), get_rel_name(read));
  }
  if (check_enable_rls(read, InvalidOid, true) == RLS_ENABLED) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("row security hides rows of \"%s\" from you, so that its statistics are not shown",
                           get_rel_name(read))));
  }
  const double rows = relation->rd_rel->reltuples;
  relation_close(relation, AccessShareLock);
  return {table, number, rows};
}

// Of the table's own rows, or of all its children's where it has none. The caller releases the tuple.
HeapTuple statistics_tuple(const ColumnName& column) {
  for (const bool inherited : {false, true}) {
    HeapTuple tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(column.table),
                                      Int16GetDatum(column.number), BoolGetDatum(inherited));
    if (HeapTupleIsValid(tuple)) return tuple;
  }
  return nullptr;
}

core::SphereMetric metric_named(const text* name) {
  const char* const given = text_to_cstring(name);
  constexpr const char* kNames[core::kSphereMetrics] = {"l2", "ip", "cosine", "l1"};
  for (size_t i = 0; i < core::kSphereMetrics; ++i) {
    if (strcmp(given, kNames[i]) == 0) return static_cast<core::SphereMetric>(i);
  }
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown metric \"%s\"", given),
                  errhint("Metrics are l2, ip, cosine and l1.")));
  pg_unreachable();
}

// Arguments: table, column, center, radius, metric.
template <class T>
Datum estimate(FunctionCallInfo fcinfo) {
  for (const int i : {0, 1, 3, 4}) {
    if (PG_ARGISNULL(i)) PG_RETURN_NULL();
  }
  const ColumnName column = find_column(PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1)));
  const double radius = PG_GETARG_FLOAT8(3);
  const core::SphereMetric metric = metric_named(PG_GETARG_TEXT_PP(4));
  HeapTuple tuple = statistics_tuple(column);
  if (tuple == nullptr) PG_RETURN_NULL();
  ColumnStatistics found;
  const bool known = read_column_statistics(tuple, true, &found);
  ReleaseSysCache(tuple);
  if (!known) PG_RETURN_NULL();
  const float* center = nullptr;
  if (!PG_ARGISNULL(2)) {
    const T* given = arg<T>(fcinfo, 2);
    const int32 dims = static_cast<int32>(found.figures.dims);
    if (given->dim != dims) raise_different_dims(T::kName, dims, given->dim);
    center = floats_of(given);
  }
  const ColumnStatistics* s = &found;
  const double rows = Max(column.rows, 1);
  const double share = (1 - s->nulls) * call_core([=] {
                         return center == nullptr
                                    ? core::selectivity_of_any(s->figures, metric, radius, rows)
                                    : core::selectivity(s->figures, s->pivots, metric, center, radius, rows);
                       });
  free_column_statistics(&found);
  PG_RETURN_FLOAT8(share);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;

LOWDIM_FN(lowdim_vector_stats) {
  const ColumnName column = find_column(PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1)));
  HeapTuple tuple = statistics_tuple(column);
  if (tuple == nullptr) PG_RETURN_NULL();
  ColumnStatistics found;
  const bool known = read_column_statistics(tuple, false, &found);
  ReleaseSysCache(tuple);
  if (!known) PG_RETURN_NULL();
  lowdim::core::StatisticsReport* report = make_in<lowdim::core::StatisticsReport>(CurrentMemoryContext);
  const ColumnStatistics* s = &found;
  const char* json = call_core([=] {
    report->make(s->figures, s->nulls);
    return report->json().c_str();
  });
  const Datum result = DirectFunctionCall1(jsonb_in, CStringGetDatum(json));
  free_column_statistics(&found);
  PG_RETURN_DATUM(result);
}

LOWDIM_FN(lowdim_vector_selectivity) { return estimate<Vector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_selectivity) { return estimate<HalfVector>(fcinfo); }
