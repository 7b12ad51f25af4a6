// dp_protect and dp_set_budget: the budget of a column, which only the owner of its table sets.
//
// What ANALYZE keeps of a column are rows of it, so a protected column has no statistics: neither it nor an
// index's expression of it, and none of the extended kind.

#include "core/privacy/release.h"
#include "pg/door.h"
#include "pg/fn.h"
#include "pg/functions/privacy_ledger.h"

extern "C" {
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/heap.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
}

namespace lowdim::pg {
namespace {

// Rows of a unit are brought together by sorting.
ColumnName unit_column(const ColumnName& column, const char* name) {
  const ColumnName unit = owned_column(column.table, name);
  const Oid type = get_atttype(unit.table, unit.attnum);
  if (unit.attnum == column.attnum) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("the unit must be another column than \"%s\"", name)));
  }
  if (!OidIsValid(lookup_type_cache(type, TYPECACHE_LT_OPR)->lt_opr)) {
    ereport(ERROR,
            (errcode(ERRCODE_DATATYPE_MISMATCH),
             errmsg("values of type %s cannot be compared, so they cannot be units", format_type_be(type))));
  }
  return unit;
}

void add_budget(const Ledger& ledger, int32 id, const core::PrivacyBudget& budget, const char* who) {
  Parameters row{};
  row.add(INT4OID, Int32GetDatum(id));
  row.add(TEXTOID, CStringGetTextDatum(who));
  row.add(FLOAT8OID, Float8GetDatum(budget.epsilon));
  row.add(FLOAT8OID, Float8GetDatum(budget.delta));
  run(ledger,
      "INSERT INTO @.dp_budgets (protected, at, who, epsilon, delta)"
      " VALUES ($1, clock_timestamp(), $2::name, $3, $4)",
      SPI_OK_INSERT, row);
}

// The table is locked against another dp_protect.
void add_protection(const Ledger& ledger, const Protection& p, const char* who) {
  if (protection_id(ledger, p.column) != 0) {
    ereport(ERROR,
            (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("column %s is protected already", text_of(p.column)),
             errhint("dp_set_budget changes its budget; its unit and accounting stay.")));
  }
  const char* accounting = core::accounting_name(p.budget.accounting);
  Parameters row{};
  row.add(ledger.column_type, PointerGetDatum(&p.column));
  row.add(ledger.column_type, PointerGetDatum(&p.unit), !p.has_unit);
  row.add(INT4OID, Int32GetDatum(p.max_rows));
  row.add(FLOAT8OID, Float8GetDatum(p.budget.epsilon));
  row.add(FLOAT8OID, Float8GetDatum(p.budget.delta));
  row.add(TEXTOID, CStringGetTextDatum(accounting));
  run(ledger,
      "INSERT INTO @.dp_protected_columns (\"column\", unit, max_rows_per_unit, epsilon, delta, accounting)"
      " VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
      SPI_OK_INSERT_RETURNING, row);
  add_budget(ledger, DatumGetInt32(value_of(0, 1)), p.budget, who);
}

// As the table's owner, within SPI: ends what ANALYZE keeps of the column.
void end_statistics(const ColumnName& column) {
  const Ledger pg_catalog{};
  Parameters by{};
  by.add(OIDOID, ObjectIdGetDatum(column.table));
  by.add(INT4OID, Int32GetDatum(column.attnum));
  if (run(pg_catalog,
          "SELECT s.stxname FROM pg_depend d JOIN pg_statistic_ext s ON s.oid = d.objid"
          " WHERE d.classid = 'pg_statistic_ext'::regclass AND d.refclassid = 'pg_class'::regclass"
          " AND d.refobjid = $1 AND d.refobjsubid = $2 ORDER BY 1",
          SPI_OK_SELECT, by, true) > 0) {
    const char* name = NameStr(*DatumGetName(value_of(0, 1)));
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("statistics object \"%s\" keeps values of column %s", name, text_of(column)),
                    errhint("Drop it with DROP STATISTICS.")));
  }
  const uint64 expressions = run(
      pg_catalog,
      "SELECT i.indexrelid::oid, k.n::int4"
      " FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k(attnum, n)"
      " WHERE i.indrelid = $1 AND k.attnum = 0 AND k.n <= i.indnkeyatts AND EXISTS (SELECT FROM pg_depend d"
      " WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid"
      " AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 AND d.refobjsubid = $2)",
      SPI_OK_SELECT, by, true);
  const SPITupleTable* found = SPI_tuptable;
  Parameters none{};
  run(pg_catalog,
      psprintf("ALTER TABLE ONLY %s ALTER COLUMN %s SET STATISTICS 0",
               quote_qualified_identifier(get_namespace_name(get_rel_namespace(column.table)),
                                          get_rel_name(column.table)),
               quote_identifier(get_attname(column.table, column.attnum, false))),
      SPI_OK_UTILITY, none);
  RemoveStatistics(column.table, column.attnum);
  for (uint64 i = 0; i < expressions; ++i) {
    bool null;
    const Oid index = DatumGetObjectId(SPI_getbinval(found->vals[i], found->tupdesc, 1, &null));
    const int32 n = DatumGetInt32(SPI_getbinval(found->vals[i], found->tupdesc, 2, &null));
    run(pg_catalog,
        psprintf(
            "ALTER INDEX %s ALTER COLUMN %d SET STATISTICS 0",
            quote_qualified_identifier(get_namespace_name(get_rel_namespace(index)), get_rel_name(index)), n),
        SPI_OK_UTILITY, none);
    RemoveStatistics(index, static_cast<AttrNumber>(n));
  }
}

}  // namespace

void check_table(Relation table, const ColumnName& column) {
  const Form_pg_class form = table->rd_rel;
  const bool ordinary = form->relkind == RELKIND_RELATION && form->relpersistence != RELPERSISTENCE_TEMP;
  if (!ordinary || form->relispartition) {
    ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
                    errmsg("\"%s\" is not an ordinary table", RelationGetRelationName(table)),
                    errdetail("Views, partitioned tables and their partitions, foreign and temporary tables "
                              "cannot be protected: other tables and queries have their rows as well.")));
  }
  if (check_enable_rls(column.table, form->relowner, true) == RLS_ENABLED) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("row security of \"%s\" holds for its owner too", RelationGetRelationName(table)),
                    errdetail("A policy's choice of rows may depend on other rows."),
                    errhint("ALTER TABLE ... NO FORCE ROW LEVEL SECURITY")));
  }
}

}  // namespace lowdim::pg

using namespace lowdim::pg;
using namespace lowdim;

LOWDIM_FN(lowdim_dp_protect) {
  const char* names[] = {"table", "column", "epsilon", "delta"};
  for (int i = 0; i < 4; ++i) check_not_null(fcinfo, i, names[i]);
  check_not_null(fcinfo, 5, "max_rows_per_unit");
  const Ledger ledger = ledger_of(fcinfo);
  Relation table = try_relation_open(PG_GETARG_OID(0), ShareUpdateExclusiveLock);
  Protection p{};
  p.column = owned_column(PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1)));
  check_table(table, p.column);
  const Oid owner = table->rd_rel->relowner;
  relation_close(table, NoLock);  // ALTER TABLE wants it unused
  check_column_type(ledger, p.column);
  p.budget.epsilon = PG_GETARG_FLOAT8(2);
  p.budget.delta = PG_GETARG_FLOAT8(3);
  p.budget.accounting = p.budget.delta > 0 ? core::Accounting::kZcdp : core::Accounting::kSum;
  if (!PG_ARGISNULL(6)) {
    const char* accounting = text_to_cstring(PG_GETARG_TEXT_PP(6));
    p.budget.accounting = call_core([=] { return core::parse_accounting(accounting); });
  }
  const core::PrivacyBudget budget = p.budget;
  call_core([=] { budget.check(); });
  p.has_unit = !PG_ARGISNULL(4);
  if (p.has_unit) p.unit = unit_column(p.column, NameStr(*PG_GETARG_NAME(4)));
  p.max_rows = PG_GETARG_INT32(5);
  constexpr int32 kMost = static_cast<int32>(core::PrivacyOptions::kMaxRows);
  if (p.max_rows < 1 || p.max_rows > kMost || (!p.has_unit && p.max_rows != 1)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    p.has_unit ? errmsg("max_rows_per_unit must be between 1 and %d", kMost)
                               : errmsg("max_rows_per_unit needs a unit")));
  }
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  const char* who = current_role();
  Role before = become(ledger.owner);
  add_protection(ledger, p, who);
  come_back(before);
  before = become(owner, SECURITY_RESTRICTED_OPERATION);
  end_statistics(p.column);
  come_back(before);
  SPI_finish();
  PG_RETURN_VOID();
}

LOWDIM_FN(lowdim_dp_set_budget) {
  const Ledger ledger = ledger_of(fcinfo);
  const ColumnName column = owned_column(PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1)));
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  const char* who = current_role();
  const Role before = become(ledger.owner);
  const Protection p = lock_protection(ledger, protection_id(ledger, column));
  if (p.id == 0) raise_not_protected(column);
  const core::PrivacyBudget budget{PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3), p.budget.accounting};
  const core::PrivacyCost spent = spent_of(ledger, p);
  if (!call_core([=] {
        budget.check();
        return budget.covers(spent);
      })) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("more than that is spent of the budget of %s", text_of(column)),
                    errhint("dp_ledger shows what is spent.")));
  }
  Parameters row{};
  row.add(INT4OID, Int32GetDatum(p.id));
  row.add(FLOAT8OID, Float8GetDatum(budget.epsilon));
  row.add(FLOAT8OID, Float8GetDatum(budget.delta));
  run(ledger, "UPDATE @.dp_protected_columns SET epsilon = $2, delta = $3 WHERE id = $1", SPI_OK_UPDATE, row);
  add_budget(ledger, p.id, budget, who);
  come_back(before);
  SPI_finish();
  PG_RETURN_VOID();
}
