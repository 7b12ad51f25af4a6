// dp_release: charge, commit, compute, store, commit. The order is the promise: nobody sees an answer whose
// charge could still be rolled back, by ROLLBACK, a savepoint, an error or a crash.
//
// So it is a procedure that commits, in no transaction block, and its first commit waits for the disk
// whatever synchronous_commit says. What fails after that leaves its charge. The rows are read as the owner
// of the table under the restrictions of maintenance commands, since planning may evaluate what that owner
// wrote into an index.

#include "core/privacy/job.h"
#include "pg/door.h"
#include "pg/failpoint.h"
#include "pg/fn.h"
#include "pg/functions/privacy_ledger.h"
#include "pg/options.h"

extern "C" {
#include "access/table.h"
#include "access/xact.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"
}

namespace lowdim::pg {
namespace {

// All of it lives in SPI's memory until the procedure ends, commits in between included.
struct Release {
  Ledger ledger;
  const char* name;
  Oid table;
  const char* column_name;
  Jsonb* options;
  ColumnName column;
  Protection protection;
  int32 charge;
  const char* aggregate;
};

void check_not_atomic(FunctionCallInfo fcinfo) {
  const Node* context = fcinfo->context;
  if (context == nullptr || !IsA(context, CallContext) ||
      reinterpret_cast<const CallContext*>(context)->atomic || IsSubTransaction()) {
    ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
                    errmsg("dp_release cannot run inside a transaction block, a function or a block with "
                           "exception handlers"),
                    errdetail("Its charge must be committed before anything is computed."),
                    errhint("CALL it on its own, with autocommit.")));
  }
}

const char* qualified_table(Oid table) {
  return quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)), get_rel_name(table));
}

// What computes the release; $1 are the options.
const char* query_of(const Release& r) {
  const char* column = quote_identifier(get_attname(r.column.table, r.column.attnum, false));
  const char* table = qualified_table(r.column.table);
  const char* type =
      format_type_extended(get_atttype(r.column.table, r.column.attnum), -1, FORMAT_TYPE_FORCE_QUALIFY);
  const char* rows;
  if (!r.protection.has_unit) {
    rows = psprintf("SELECT t.%s::%s AS v FROM ONLY %s t", column, type, table);
  } else {
    const ColumnName unit = r.protection.unit;
    if (!is_column(unit)) {
      ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                      errmsg("the column with the units of %s is gone", text_of(r.column))));
    }
    const char* unit_name = quote_identifier(get_attname(unit.table, unit.attnum, false));
    rows = psprintf(
        "SELECT c.v FROM (SELECT t.%s::%s AS v, row_number() OVER (PARTITION BY t.%s ORDER BY "
        "gen_random_uuid()) AS n FROM ONLY %s t WHERE t.%s IS NOT NULL AND t.%s IS NOT NULL) c WHERE c.n <= "
        "%d",
        column, type, unit_name, table, unit_name, column, r.protection.max_rows);
  }
  return psprintf("SELECT %s.%s(q.v, $1) FROM (%s) q", r.ledger.name, r.aggregate, rows);
}

// Locks the table so that no name changes, and looks again whether it can be read as a whole.
Oid open_protected(const Release& r) {
  Relation table = try_table_open(r.column.table, AccessShareLock);
  if (table == nullptr || !is_column(r.column)) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("the protected column is gone")));
  }
  check_table(table, r.column);
  check_column_type(r.ledger, r.column);
  const Oid owner = table->rd_rel->relowner;
  table_close(table, NoLock);
  return owner;
}

// The options with the number of rows that a unit may have: what the job and the aggregate are asked.
core::PrivacyCost cost_of(Release* r) {
  const OptionPairs given = flatten_options(r->options, "options");
  const size_t n = given.n + 1;
  core::OptionPair* pairs = static_cast<core::OptionPair*>(palloc(sizeof(core::OptionPair) * n));
  for (size_t i = 0; i < given.n; ++i) {
    pairs[i] = given.pairs[i];
    if (pairs[i].key == "max_rows") {
      ereport(ERROR,
              (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("max_rows is not an option of a release"),
               errdetail("It is what dp_protect said of the column.")));
    }
  }
  const char* rows = psprintf("%d", r->protection.max_rows);
  pairs[given.n] = {"max_rows", rows, false};
  struct Asked {
    const char* statistic;
    uint32 dims;
    core::PrivacyCost cost;
  };
  const Asked asked = call_core([=] {
    const core::PrivateJob job = core::parse_private_job({}, pairs, n);
    return Asked{core::statistic_name(job.statistic), job.dims(), job.cost()};
  });
  Oid type, collation;
  int32 declared;
  get_atttypetypmodcoll(r->column.table, r->column.attnum, &type, &declared, &collation);
  if (asked.dims > 0 && declared > 0 && asked.dims != static_cast<uint32>(declared)) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("options are for %u dimensions, column %s has %d",
                                                            asked.dims, text_of(r->column), declared)));
  }
  r->aggregate = psprintf("dp_%s", asked.statistic);
  return asked.cost;
}

void check_covered(const Release& r, const core::PrivacyCost& cost) {
  const core::PrivacyCost spent = spent_of(r.ledger, r.protection);
  const core::PrivacyBudget budget = r.protection.budget;
  struct Answer {
    bool covered;
    core::PrivacyBalance balance;
  };
  const Answer a = call_core([=] {
    return Answer{budget.covers(core::together(spent, cost)), core::balance_of(budget, spent)};
  });
  if (a.covered) return;
  const bool zcdp = budget.accounting == core::Accounting::kZcdp;
  ereport(ERROR, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
                  errmsg("the privacy budget of %s does not cover release \"%s\"", text_of(r.column), r.name),
                  zcdp ? errdetail("It costs rho %g, %g is left.", cost.rho, a.balance.left.rho)
                       : errdetail("It costs epsilon %g and delta %g, %g and %g are left.", cost.epsilon,
                                   cost.delta, a.balance.left.epsilon, a.balance.left.delta),
                  zcdp ? errhint("Up to epsilon %g at delta %g fits with the mechanism zcdp.",
                                 a.balance.left.epsilon, a.balance.left.delta)
                       : 0));
}

// In the first transaction: everything that can be refused is, then the charge is written and the name
// taken.
void charge(Release* r) {
  const Ledger& ledger = r->ledger;
  const char* who = current_role();
  r->column = owned_column(r->table, r->column_name);
  const Oid owner = open_protected(*r);
  Role before = become(ledger.owner);
  r->protection = lock_protection(ledger, protection_id(ledger, r->column));
  if (r->protection.id == 0) raise_not_protected(r->column);
  const core::PrivacyCost cost = cost_of(r);
  come_back(before);

  // What does not parse must not cost.
  before = become(owner, SECURITY_RESTRICTED_OPERATION);
  Oid types[] = {JSONBOID};
  if (SPI_prepare(query_of(*r), 1, types) == nullptr) {
    elog(ERROR, "SPI_prepare: %s", SPI_result_code_string(SPI_result));
  }
  come_back(before);

  before = become(ledger.owner);
  check_covered(*r, cost);
  r->charge = r->protection.charges + 1;
  Parameters row{};
  row.add(INT4OID, Int32GetDatum(r->protection.id));
  row.add(INT4OID, Int32GetDatum(r->charge));
  row.add(TEXTOID, CStringGetTextDatum(who));
  row.add(TEXTOID, CStringGetTextDatum(r->name));
  row.add(JSONBOID, JsonbPGetDatum(r->options));
  row.add(FLOAT8OID, Float8GetDatum(cost.epsilon));
  row.add(FLOAT8OID, Float8GetDatum(cost.delta));
  row.add(FLOAT8OID, Float8GetDatum(cost.rho));
  run(ledger,
      "INSERT INTO @.dp_charges (protected, charge, at, who, release, options, epsilon, delta, rho, state)"
      " VALUES ($1, $2, clock_timestamp(), $3::name, $4, $5, $6, $7, $8, 'charged')",
      SPI_OK_INSERT, row);
  row.n = 2;
  run(ledger, "UPDATE @.dp_protected_columns SET charges = $2 WHERE id = $1", SPI_OK_UPDATE, row);
  row.values[2] = row.values[3];
  row.n = 3;
  if (run(ledger,
          "INSERT INTO @.dp_answers (release, protected, charge) VALUES ($3, $1, $2)"
          " ON CONFLICT (release) DO NOTHING",
          SPI_OK_INSERT, row) == 0) {
    ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("release \"%s\" exists already", r->name),
                    errhint("Take another name; dp_drop_release frees one.")));
  }
  come_back(before);
  ForceSyncCommit();
}

Parameters key_of(const Release& r) {
  Parameters key{};
  key.add(INT4OID, Int32GetDatum(r.protection.id));
  key.add(INT4OID, Int32GetDatum(r.charge));
  return key;
}

void set_state(const Release& r, const char* state) {
  Parameters row = key_of(r);
  row.add(TEXTOID, CStringGetTextDatum(state));
  run(r.ledger, "UPDATE @.dp_charges SET state = $3 WHERE protected = $1 AND charge = $2", SPI_OK_UPDATE,
      row);
}

// In the second transaction.
void compute(void* argument) {
  const Release& r = *static_cast<const Release*>(argument);
  failpoint(FailPoint::kRelease);
  Role before = become(open_protected(r), SECURITY_RESTRICTED_OPERATION);
  Parameters given{};
  given.add(JSONBOID, JsonbPGetDatum(r.options));
  given.add(INT4OID, Int32GetDatum(r.protection.max_rows));
  run(r.ledger, "SELECT $1 || jsonb_build_object('max_rows', $2)", SPI_OK_SELECT, given);
  Parameters options{};
  options.add(JSONBOID, value_of(0, 1));
  run(r.ledger, query_of(r), SPI_OK_SELECT, options);
  const Datum answer = value_of(0, 1);
  const Oid type = SPI_gettypeid(SPI_tuptable->tupdesc, 1);
  const char* kind = type == type_in(r.ledger, "dp_sketch") ? "sketch" : type == INT8OID ? "count" : "vector";
  come_back(before);

  before = become(r.ledger.owner);
  Parameters row = key_of(r);
  row.add(type, answer);
  if (run(r.ledger,
          psprintf("UPDATE @.dp_answers SET %s = $3, created = clock_timestamp()"
                   " WHERE protected = $1 AND charge = $2",
                   kind),
          SPI_OK_UPDATE, row) == 0) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("release \"%s\" was dropped while it was computed", r.name)));
  }
  set_state(r, "done");
  come_back(before);
  failpoint(FailPoint::kRelease);
}

void note_failure(const Release& r) {
  const Role before = become(r.ledger.owner);
  set_state(r, "failed");
  Parameters key = key_of(r);
  run(r.ledger, "DELETE FROM @.dp_answers WHERE protected = $1 AND charge = $2", SPI_OK_DELETE, key);
  come_back(before);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;

LOWDIM_FN(lowdim_dp_release) {
  const char* names[] = {"release", "table", "column", "options"};
  for (int i = 0; i < 4; ++i) check_not_null(fcinfo, i, names[i]);
  check_not_atomic(fcinfo);
  if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  Release r{};
  r.ledger = ledger_of(fcinfo);
  r.name = text_to_cstring(PG_GETARG_TEXT_PP(0));
  r.table = PG_GETARG_OID(1);
  r.column_name = pstrdup(NameStr(*PG_GETARG_NAME(2)));
  r.options = PG_GETARG_JSONB_P_COPY(3);
  if (r.name[0] == '\0') {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a release must have a name")));
  }
  charge(&r);
  SPI_commit();

  ErrorData* error = attempt(compute, &r);
  if (error != nullptr) note_failure(r);
  SPI_commit();
  if (error != nullptr) {
    ereport(WARNING, (errmsg("release \"%s\" failed, its charge stays", r.name)));
    ReThrowError(error);
  }
  SPI_finish();
  PG_RETURN_VOID();
}
