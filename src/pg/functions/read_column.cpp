// See read_column.h.

#include "pg/functions/read_column.h"

extern "C" {
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
}

namespace lowdim::pg {

struct ColumnCursor {
  Portal portal;
  MemoryContext outside;
  MemoryContext value;
  SPITupleTable* rows;  // fetched
  uint64 at, n;
};

namespace {

constexpr long kBatch = 256;

}  // namespace

Oid type_of_column(Oid table, const char* column) {
  const char* name = get_rel_name(table);
  if (name == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", table)));
  }
  const AttrNumber number = get_attnum(table, column);
  if (number == InvalidAttrNumber) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("column \"%s\" of relation \"%s\" does not exist", column, name)));
  }
  return get_atttype(table, number);
}

ColumnCursor* open_column(Oid table, const char* column, Oid cast_to) {
  type_of_column(table, column);
  const char* name = quote_identifier(column);
  const char* cast = OidIsValid(cast_to)
                         ? psprintf("::%s", format_type_extended(cast_to, -1, FORMAT_TYPE_FORCE_QUALIFY))
                         : "";
  const char* query = psprintf(
      "SELECT %s%s FROM %s WHERE %s IS NOT NULL", name, cast,
      quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)), get_rel_name(table)), name);
  const MemoryContext outside = CurrentMemoryContext;
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  ColumnCursor* cursor = static_cast<ColumnCursor*>(palloc0(sizeof(ColumnCursor)));
  cursor->portal = SPI_cursor_open_with_args(nullptr, query, 0, nullptr, nullptr, nullptr, true, 0);
  cursor->outside = outside;
  cursor->value = AllocSetContextCreate(CurrentMemoryContext, "column value", ALLOCSET_DEFAULT_SIZES);
  return cursor;
}

bool next_value(ColumnCursor* cursor, Datum* value) {
  CHECK_FOR_INTERRUPTS();
  MemoryContextReset(cursor->value);
  if (cursor->at == cursor->n) {
    if (cursor->rows != nullptr) SPI_freetuptable(cursor->rows);
    SPI_cursor_fetch(cursor->portal, true, kBatch);
    cursor->rows = SPI_tuptable;
    cursor->at = 0;
    cursor->n = SPI_processed;
    if (cursor->n == 0) return false;
  }
  MemoryContextSwitchTo(cursor->value);
  bool null;
  *value = SPI_getbinval(cursor->rows->vals[cursor->at++], cursor->rows->tupdesc, 1, &null);
  return true;
}

void close_column(ColumnCursor* cursor) {
  const MemoryContext outside = cursor->outside;
  SPI_cursor_close(cursor->portal);
  SPI_finish();
  MemoryContextSwitchTo(outside);
}

void check_not_null(FunctionCallInfo fcinfo, int n) {
  for (int i = 0; i < n; ++i) {
    if (PG_ARGISNULL(i)) {
      ereport(ERROR,
              (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument %d must not be null", i + 1)));
    }
  }
}

Oid declared_element_type(FunctionCallInfo fcinfo, int n) {
  Oid* types;
  int count;
  get_func_signature(fcinfo->flinfo->fn_oid, &types, &count);
  if (n >= count) elog(ERROR, "function has %d arguments", count);
  return get_element_type(types[n]);
}

}  // namespace lowdim::pg
