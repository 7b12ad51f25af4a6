// See privacy_ledger.h; and the type dp_column, dp_column_owned, and dp_balance.

#include "pg/functions/privacy_ledger.h"

#include <cmath>

#include "pg/door.h"
#include "pg/fn.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/varlena.h"
}

namespace lowdim::pg {
namespace {

Oid owner_of(Oid relation) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for relation %u", relation);
  const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
  ReleaseSysCache(tuple);
  return owner;
}

Protection protection_in(uint64 row) {
  bool null = false;
  Protection p{};
  p.id = DatumGetInt32(value_of(row, 1));
  p.column = *reinterpret_cast<const ColumnName*>(DatumGetPointer(value_of(row, 2)));
  const Datum unit = value_of(row, 3, &null);
  p.has_unit = !null;
  if (p.has_unit) p.unit = *reinterpret_cast<const ColumnName*>(DatumGetPointer(unit));
  p.max_rows = DatumGetInt32(value_of(row, 4));
  p.budget.epsilon = DatumGetFloat8(value_of(row, 5));
  p.budget.delta = DatumGetFloat8(value_of(row, 6));
  const char* accounting = TextDatumGetCString(value_of(row, 7));
  p.budget.accounting = call_core([=] { return core::parse_accounting(accounting); });
  p.charges = DatumGetInt32(value_of(row, 8));
  return p;
}

}  // namespace

Ledger ledger_of(FunctionCallInfo fcinfo) {
  Ledger ledger{};
  ledger.schema = get_func_namespace(fcinfo->flinfo->fn_oid);
  const Oid table = get_relname_relid("dp_protected_columns", ledger.schema);
  ledger.column_type = type_in(ledger, "dp_column");
  if (!OidIsValid(table) || !OidIsValid(ledger.column_type)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                    errmsg("the tables of lowdim are not in the schema of its functions")));
  }
  ledger.name = quote_identifier(get_namespace_name(ledger.schema));
  ledger.owner = owner_of(table);
  return ledger;
}

Oid type_in(const Ledger& ledger, const char* name) {
  return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
                         ObjectIdGetDatum(ledger.schema));
}

Role become(Oid role, int more) {
  Role before{};
  GetUserIdAndSecContext(&before.user, &before.context);
  SetUserIdAndSecContext(role, before.context | SECURITY_LOCAL_USERID_CHANGE | more);
  before.settings = NewGUCNestLevel();
  set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
                    0, false);
  return before;
}

void come_back(const Role& role) {
  AtEOXact_GUC(false, role.settings);
  SetUserIdAndSecContext(role.user, role.context);
}

uint64 run(const Ledger& ledger, const char* command, int expected, Parameters& parameters, bool read_only) {
  StringInfoData text;
  initStringInfo(&text);
  for (const char* c = command; *c != '\0'; ++c) {
    if (*c == '@') {
      appendStringInfoString(&text, ledger.name);
    } else {
      appendStringInfoChar(&text, *c);
    }
  }
  const int result = SPI_execute_with_args(text.data, parameters.n, parameters.types, parameters.values,
                                           parameters.nulls, read_only, 0);
  if (result != expected) elog(ERROR, "%s: %s", text.data, SPI_result_code_string(result));
  return SPI_processed;
}

Datum value_of(uint64 row, int n, bool* null) {
  bool is_null = false;
  const Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, n, &is_null);
  if (null != nullptr) {
    *null = is_null;
  } else if (is_null) {
    elog(ERROR, "unexpected null in the tables of lowdim");
  }
  return value;
}

int32 protection_id(const Ledger& ledger, const ColumnName& column) {
  // Few rows, and dp_column has no operators that a query could search with.
  Parameters none{};
  PushActiveSnapshot(GetLatestSnapshot());
  const uint64 rows =
      run(ledger, "SELECT id, \"column\" FROM @.dp_protected_columns", SPI_OK_SELECT, none, true);
  PopActiveSnapshot();
  for (uint64 i = 0; i < rows; ++i) {
    const ColumnName* c = reinterpret_cast<const ColumnName*>(DatumGetPointer(value_of(i, 2)));
    if (c->table == column.table && c->attnum == column.attnum) return DatumGetInt32(value_of(i, 1));
  }
  return 0;
}

Protection lock_protection(const Ledger& ledger, int32 id) {
  Parameters by{};
  by.add(INT4OID, Int32GetDatum(id));
  const uint64 rows =
      run(ledger,
          "SELECT id, \"column\", unit, max_rows_per_unit, epsilon, delta, accounting, charges"
          " FROM @.dp_protected_columns WHERE id = $1 FOR UPDATE",
          SPI_OK_SELECT, by);
  return rows == 0 ? Protection{} : protection_in(0);
}

core::PrivacyCost spent_of(const Ledger& ledger, const Protection& protection) {
  Parameters by{};
  by.add(INT4OID, Int32GetDatum(protection.id));
  const uint64 rows = run(ledger,
                          "SELECT epsilon, delta, rho FROM @.dp_charges"
                          " WHERE protected = $1",
                          SPI_OK_SELECT, by);
  // A charge that this snapshot does not see, or that is gone, must not be spent twice.
  if (rows != static_cast<uint64>(protection.charges)) {
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                    errmsg("the ledger of %s has %lu of %d charges", text_of(protection.column),
                           static_cast<unsigned long>(rows), protection.charges)));
  }
  core::PrivacyCost total;
  for (uint64 i = 0; i < rows; ++i) {
    const core::PrivacyCost cost{DatumGetFloat8(value_of(i, 1)), DatumGetFloat8(value_of(i, 2)),
                                 DatumGetFloat8(value_of(i, 3))};
    total = core::together(total, cost);
  }
  return total;
}

ColumnName owned_column(Oid table, const char* column) {
  const char* name = get_rel_name(table);
  if (name == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", table)));
  }
  if (!owns_relation(table, GetUserId())) {
    aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(table)), name);
  }
  const AttrNumber attnum = get_attnum(table, column);
  if (attnum < 1) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("column \"%s\" of relation \"%s\" does not exist", column, name)));
  }
  return {table, attnum, 0};
}

bool is_column(const ColumnName& column) {
  return column.attnum > 0 && OidIsValid(get_atttype(column.table, column.attnum));
}

bool owned_by(const ColumnName& column, Oid role) {
  return is_column(column) ? owns_relation(column.table, role) : superuser_arg(role);
}

void check_column_type(const Ledger& ledger, const ColumnName& column) {
  const Oid type = get_atttype(column.table, column.attnum);
  if (type == type_in(ledger, "vector") || type == type_in(ledger, "halfvec")) return;
  ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                  errmsg("column %s is of type %s", text_of(column), format_type_be(type)),
                  errhint("Columns of vector and halfvec can be protected.")));
}

const char* text_of(const ColumnName& column) {
  if (!is_column(column)) return "-";
  return psprintf("%s.%s",
                  quote_qualified_identifier(get_namespace_name(get_rel_namespace(column.table)),
                                             get_rel_name(column.table)),
                  quote_identifier(get_attname(column.table, column.attnum, false)));
}

void check_not_null(FunctionCallInfo fcinfo, int n, const char* name) {
  if (PG_ARGISNULL(n)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be null", name)));
  }
}

void raise_not_protected(const ColumnName& column) {
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("column %s is not protected", text_of(column)),
                  errhint("Give it a budget with dp_protect.")));
  pg_unreachable();
}

const char* current_role() { return GetUserNameFromId(GetUserId(), false); }

}  // namespace lowdim::pg

using namespace lowdim::pg;
using namespace lowdim;

// Names that are no column's, as in a dump without the table, become a column that is gone: the ledger is
// worth more than the name.
LOWDIM_FN(lowdim_dp_column_in) {
  const char* given = PG_GETARG_CSTRING(0);
  ColumnName* column = static_cast<ColumnName*>(palloc0(sizeof(ColumnName)));
  if (strcmp(given, "-") == 0) PG_RETURN_POINTER(column);
  List* names = NIL;
  if (!SplitIdentifierString(pstrdup(given), '.', &names) || list_length(names) != 3) {
    LOWDIM_ERETURN(fcinfo, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                            errmsg("invalid input syntax for type %s: \"%s\"", "dp_column", given),
                            errhint("Write schema.table.column, or - for a column that is gone.")));
  }
  const Oid schema = get_namespace_oid(static_cast<const char*>(linitial(names)), true);
  const Oid table =
      OidIsValid(schema) ? get_relname_relid(static_cast<const char*>(lsecond(names)), schema) : InvalidOid;
  const AttrNumber attnum =
      OidIsValid(table) ? get_attnum(table, static_cast<const char*>(lthird(names))) : InvalidAttrNumber;
  if (attnum > 0) {
    *column = {table, attnum, 0};
  } else {
    ereport(WARNING, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("there is no column %s", given)));
  }
  PG_RETURN_POINTER(column);
}

LOWDIM_FN(lowdim_dp_column_out) {
  PG_RETURN_CSTRING(pstrdup(text_of(*reinterpret_cast<const ColumnName*>(PG_GETARG_POINTER(0)))));
}

LOWDIM_FN(lowdim_dp_column_owned) {
  const ColumnName column = *reinterpret_cast<const ColumnName*>(PG_GETARG_POINTER(0));
  PG_RETURN_BOOL(owned_by(column, GetUserId()));
}

namespace {

struct Costs {
  const float8* values;
  int n;
};

Costs costs_in(ArrayType* array) {
  if (ARR_NDIM(array) > 1 || (ARR_HASNULL(array) && array_contains_nulls(array))) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("costs must be arrays of one dimension without nulls")));
  }
  const Costs costs{reinterpret_cast<const float8*>(ARR_DATA_PTR(array)),
                    ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array))};
  for (int i = 0; i < costs.n; ++i) {
    if (!(costs.values[i] >= 0)) {
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("costs must be at least 0")));
    }
  }
  return costs;
}

}  // namespace

LOWDIM_FN(lowdim_dp_balance) {
  const char* accounting = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const double epsilon = PG_GETARG_FLOAT8(1), delta = PG_GETARG_FLOAT8(2);
  const Costs epsilons = costs_in(PG_GETARG_ARRAYTYPE_P(3)), deltas = costs_in(PG_GETARG_ARRAYTYPE_P(4)),
              rhos = costs_in(PG_GETARG_ARRAYTYPE_P(5));
  if (epsilons.n != deltas.n || epsilons.n != rhos.n) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("arrays of %d, %d and %d costs", epsilons.n, deltas.n, rhos.n),
                    errhint("Each release has an epsilon, a delta and a rho.")));
  }
  const core::PrivacyBalance b = call_core([=] {
    const core::PrivacyBudget budget{epsilon, delta, core::parse_accounting(accounting)};
    budget.check();
    core::PrivacyCost total;
    for (int i = 0; i < epsilons.n; ++i) {
      total = core::together(total, {epsilons.values[i], deltas.values[i], rhos.values[i]});
    }
    return core::balance_of(budget, total);
  });
  TupleDesc row;
  if (get_call_result_type(fcinfo, nullptr, &row) != TYPEFUNC_COMPOSITE) elog(ERROR, "not a composite type");
  const double out[] = {b.spent.epsilon, b.spent.delta, b.spent.rho,
                        b.left.epsilon,  b.left.delta,  b.left.rho};
  Datum values[6];
  bool nulls[6] = {};
  for (int i = 0; i < 6; ++i) values[i] = Float8GetDatum(out[i]);
  nulls[5] = std::isinf(b.left.rho);
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row), values, nulls)));
}
