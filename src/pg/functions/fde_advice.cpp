// fde_advice: which options fixed-dimensional encodings of a column should have. The column is read once,
// through SPI, so privileges and row security hold; only documents that enter the bounded sample are
// detoasted (core/multi/advice.h).

#include "core/multi/advice.h"

#include "pg/door.h"
#include "pg/fn.h"
#include "pg/functions/read_column.h"
#include "pg/stop.h"
#include "pg/types/multi.h"

extern "C" {
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
}

namespace lowdim::pg {
namespace {

using core::FdeAdvisor;

constexpr uint64_t kSeed = 1;  // the same advice for the same table

core::MultiView view_of(const Multivector* m) { return {m->x, m->count, static_cast<uint32_t>(m->dim)}; }

void read_documents(FdeAdvisor* advisor, Oid table, const char* column, Oid type) {
  const Oid found = type_of_column(table, column);
  if (getBaseType(found) != type) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                    errmsg("column \"%s\" of relation \"%s\" is of type %s, not %s", column,
                           get_rel_name(table), format_type_be(found), format_type_be(type))));
  }
  ColumnCursor* cursor = open_column(table, column, InvalidOid);
  for (Datum value; next_value(cursor, &value);) {
    if (call_core([=] { return advisor->skip(); })) continue;
    const core::MultiView document = view_of(reinterpret_cast<const Multivector*>(PG_DETOAST_DATUM(value)));
    call_core([=] { advisor->add(document); });
  }
  close_column(cursor);
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
  check_not_null(fcinfo, 3);
  const double target = PG_GETARG_FLOAT8(2);
  const size_t budget = static_cast<size_t>(maintenance_work_mem) * 1024;
  core::FdeAdvisor* advisor = make_in<core::FdeAdvisor>(CurrentMemoryContext);
  call_core([=] { advisor->start(target, budget, kSeed); });
  read_documents(advisor, PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1)), declared_element_type(fcinfo, 3));
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
