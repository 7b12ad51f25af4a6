// fde_advice: which options fixed-dimensional encodings of a column should have. The column is read once,
// through SPI, so privileges and row security hold; only documents that enter the bounded sample are
// detoasted (core/multi/advice.h).

#include "core/multi/advice.h"

#include "pg/door.h"
#include "pg/fn.h"
#include "pg/stop.h"
#include "pg/types/multi.h"

extern "C" {
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
}

namespace lowdim::pg {
namespace {

using core::FdeAdvisor;

constexpr uint64_t kSeed = 1;  // the same advice for the same table

// The element type of the argument `queries` as the function was declared: `multivector`, in whatever schema.
Oid declared_type(FunctionCallInfo fcinfo) {
  Oid* types;
  int count;
  get_func_signature(fcinfo->flinfo->fn_oid, &types, &count);
  if (count != 4) elog(ERROR, "function has %d arguments", count);
  return get_element_type(types[3]);
}

core::MultiView view_of(const Multivector* m) { return {m->x, m->count, static_cast<uint32_t>(m->dim)}; }

void read_column(FdeAdvisor* advisor, Oid table, const char* column, Oid type) {
  const char* name = get_rel_name(table);
  if (name == nullptr) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", table)));
  }
  const AttrNumber number = get_attnum(table, column);
  if (number == InvalidAttrNumber) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                    errmsg("column \"%s\" of relation \"%s\" does not exist", column, name)));
  }
  const Oid found = get_atttype(table, number);
  if (getBaseType(found) != type) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                    errmsg("column \"%s\" of relation \"%s\" is of type %s, not %s", column, name,
                           format_type_be(found), format_type_be(type))));
  }
  const char* query = psprintf("SELECT %s FROM %s WHERE %s IS NOT NULL", quote_identifier(column),
                               quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)), name),
                               quote_identifier(column));
  if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
  Portal portal = SPI_cursor_open_with_args(nullptr, query, 0, nullptr, nullptr, nullptr, true, 0);
  MemoryContext one =
      AllocSetContextCreate(CurrentMemoryContext, "fde_advice document", ALLOCSET_DEFAULT_SIZES);
  for (;;) {
    CHECK_FOR_INTERRUPTS();
    SPI_cursor_fetch(portal, true, 256);
    if (SPI_processed == 0) break;
    for (uint64 i = 0; i < SPI_processed; ++i) {
      CHECK_FOR_INTERRUPTS();
      if (call_core([=] { return advisor->skip(); })) continue;
      MemoryContext old = MemoryContextSwitchTo(one);
      bool null;
      const Datum value = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &null);
      const core::MultiView document = view_of(reinterpret_cast<const Multivector*>(PG_DETOAST_DATUM(value)));
      call_core([=] { advisor->add(document); });
      MemoryContextSwitchTo(old);
      MemoryContextReset(one);
    }
    SPI_freetuptable(SPI_tuptable);
  }
  SPI_cursor_close(portal);
  SPI_finish();
}

void read_queries(FdeAdvisor* advisor, ArrayType* array) {
  ArrayIterator it = array_create_iterator(array, 0, nullptr);
  Datum value;
  bool null;
  while (array_iterate(it, &value, &null)) {
    if (null) {
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
    }
    const core::MultiView query = view_of(reinterpret_cast<const Multivector*>(PG_DETOAST_DATUM(value)));
    call_core([=] { advisor->add_query(query); });
  }
  array_free_iterator(it);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;
using namespace lowdim;

LOWDIM_FN(lowdim_fde_advice) {
  for (int i = 0; i < 3; ++i) {
    if (PG_ARGISNULL(i)) {
      ereport(ERROR,
              (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument %d must not be null", i + 1)));
    }
  }
  const double target = PG_GETARG_FLOAT8(2);
  const size_t budget = static_cast<size_t>(maintenance_work_mem) * 1024;
  core::FdeAdvisor* advisor = make_in<core::FdeAdvisor>(CurrentMemoryContext);
  call_core([=] { advisor->start(target, budget, kSeed); });
  read_column(advisor, PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1)), declared_type(fcinfo));
  if (!PG_ARGISNULL(3)) read_queries(advisor, PG_GETARG_ARRAYTYPE_P(3));
  const core::Stop stop = server_stop();
  call_core([=] { advisor->begin(stop); });
  const size_t steps = advisor->steps();
  ereport(NOTICE, (errmsg("measuring %zu encodings on %zu of %zu documents with %zu queries", steps,
                          advisor->documents(), advisor->seen(), advisor->queries())));
  for (size_t i = 0; i < steps; ++i) {
    CHECK_FOR_INTERRUPTS();
    call_core([=] { advisor->step(i, stop); });
  }
  const char* answer = call_core([=] { return advisor->answer(stop).c_str(); });
  PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(answer)));
}
