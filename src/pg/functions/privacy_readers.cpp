// Who reads a release, and its end: dp_grant, dp_revoke, dp_drop_release, for owners of the table; and
// dp_sketch_of, which reads what the view dp_releases shows to the caller.

#include "pg/fn.h"
#include "pg/functions/privacy_ledger.h"

extern "C" {
#include "utils/acl.h"
}

namespace lowdim::pg {
namespace {

[[noreturn]] void raise_no_release(const char* name) {
  ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no release \"%s\"", name),
                  errhint("dp_releases shows what you may read.")));
  pg_unreachable();
}

// Within SPI: does something to a release of which the current role owns the column.
uint64 change_release(FunctionCallInfo fcinfo, const char* command, int expected, Parameters& parameters) {
  const Ledger ledger = ledger_of(fcinfo);
  const char* name = text_to_cstring(PG_GETARG_TEXT_PP(0));
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  const Role before = become(ledger.owner);
  Parameters by{};
  by.add(TEXTOID, PG_GETARG_DATUM(0));
  if (run(ledger,
          "SELECT p.\"column\" FROM @.dp_answers s JOIN @.dp_protected_columns p ON p.id = s.protected"
          " WHERE s.release = $1",
          SPI_OK_SELECT, by) == 0) {
    raise_no_release(name);
  }
  const ColumnName column = *reinterpret_cast<const ColumnName*>(DatumGetPointer(value_of(0, 1)));
  if (!owned_by(column, before.user)) {
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be owner of release \"%s\"", name),
                    errdetail("That is who owns the table that it was computed from.")));
  }
  const uint64 rows = run(ledger, command, expected, parameters);
  come_back(before);
  SPI_finish();
  return rows;
}

// The role's number, 0 for public.
Oid reader_of(FunctionCallInfo fcinfo) {
  const char* name = NameStr(*PG_GETARG_NAME(1));
  return strcmp(name, "public") == 0 ? InvalidOid : get_role_oid(name, false);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;

LOWDIM_FN(lowdim_dp_grant) {
  Parameters row{};
  row.add(TEXTOID, PG_GETARG_DATUM(0));
  row.add(REGROLEOID, ObjectIdGetDatum(reader_of(fcinfo)));
  row.add(NAMEOID, PG_GETARG_DATUM(1));
  change_release(fcinfo,
                 "INSERT INTO @.dp_readers (release, reader, reader_name) VALUES ($1, $2, $3)"
                 " ON CONFLICT (release, reader) DO UPDATE SET reader_name = $3",
                 SPI_OK_INSERT, row);
  PG_RETURN_VOID();
}

LOWDIM_FN(lowdim_dp_revoke) {
  Parameters row{};
  row.add(TEXTOID, PG_GETARG_DATUM(0));
  row.add(REGROLEOID, ObjectIdGetDatum(reader_of(fcinfo)));
  change_release(fcinfo, "DELETE FROM @.dp_readers WHERE release = $1 AND reader = $2", SPI_OK_DELETE, row);
  PG_RETURN_VOID();
}

LOWDIM_FN(lowdim_dp_drop_release) {
  Parameters row{};
  row.add(TEXTOID, PG_GETARG_DATUM(0));
  change_release(fcinfo, "DELETE FROM @.dp_answers WHERE release = $1", SPI_OK_DELETE, row);
  PG_RETURN_VOID();
}

LOWDIM_FN(lowdim_dp_sketch_of) {
  const Ledger ledger = ledger_of(fcinfo);
  const char* name = text_to_cstring(PG_GETARG_TEXT_PP(0));
  const MemoryContext caller = CurrentMemoryContext;
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  const Role before = become(GetUserId());
  Parameters by{};
  by.add(TEXTOID, PG_GETARG_DATUM(0));
  if (run(ledger, "SELECT sketch FROM @.dp_releases WHERE release = $1", SPI_OK_SELECT, by, true) == 0) {
    raise_no_release(name);
  }
  bool null = false;
  const Datum found = value_of(0, 1, &null);
  if (null) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("release \"%s\" is not a sketch", name),
                    errhint("SELECT vector, count FROM dp_releases.")));
  }
  const MemoryContext old = MemoryContextSwitchTo(caller);
  const Datum sketch = PointerGetDatum(PG_DETOAST_DATUM_COPY(found));
  MemoryContextSwitchTo(old);
  come_back(before);
  SPI_finish();
  PG_RETURN_DATUM(sketch);
}
