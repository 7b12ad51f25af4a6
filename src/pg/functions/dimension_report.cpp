// dimension_report: every estimator of intrinsic dimension at several scales. The column is read once,
// through SPI, so privileges and row security hold; a bounded sample of it is measured
// (core/dimension/report.h).

#include "core/dimension/report.h"

#include "pg/door.h"
#include "pg/fn.h"
#include "pg/functions/read_column.h"
#include "pg/options.h"
#include "pg/stop.h"
#include "pg/types/dense_type.h"

extern "C" {
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"
}

namespace lowdim::pg {
namespace {

using core::DimensionReport;

DimensionReport* run_report(FunctionCallInfo fcinfo) {
  static const char* const kArrays[] = {"k", "metrics", nullptr};
  const Oid table = PG_GETARG_OID(0);
  const char* column = NameStr(*PG_GETARG_NAME(1));
  const OptionPairs options = flatten_options(PG_GETARG_JSONB_P(2), "report options", kArrays);
  const size_t budget = static_cast<size_t>(maintenance_work_mem) * 1024;
  DimensionReport* report = make_in<DimensionReport>(CurrentMemoryContext);
  call_core([=] { report->set_options(options.pairs, options.n, budget); });
  const Oid its_type = type_of_column(table, column);
  const DenseType type = dense_type_of_column(its_type, column, get_rel_name(table));
  ColumnCursor* cursor = open_column(table, column, InvalidOid);
  for (Datum value; next_value(cursor, &value);) {
    const Floats f = dense_floats(type, value);
    call_core([=] { report->add(f.x, f.dims); });
  }
  close_column(cursor);
  call_core([=] { report->begin(); });
  const size_t steps = report->steps();
  ereport(NOTICE, (errmsg("measuring %zu distinct rows of %llu", report->sample_rows(),
                          static_cast<unsigned long long>(report->table_rows()))));
  const core::Stop stop = server_stop();
  for (size_t i = 0; i < steps; ++i) {
    CHECK_FOR_INTERRUPTS();
    ereport(DEBUG1, (errmsg_internal("%zu of %zu: %s", i + 1, steps, report->step_name(i))));
    call_core([=] { report->step(i, stop); });
  }
  return report;
}

// A figure that there is none of is NULL.
void put(Datum* value, bool* null, double x) {
  *null = x != x;
  *value = Float8GetDatum(x);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;

LOWDIM_FN(lowdim_dimension_report) {
  check_not_null(fcinfo, 3);
  const lowdim::core::DimensionReport* report = run_report(fcinfo);
  InitMaterializedSRF(fcinfo, 0);
  ReturnSetInfo* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (const lowdim::core::DimensionReportRow& row : report->rows()) {
    constexpr int kColumns = 10;
    Datum values[kColumns];
    bool nulls[kColumns] = {};
    const lowdim::core::Estimate& e = row.estimate;
    values[0] = CStringGetTextDatum(row.estimator);
    values[1] = CStringGetTextDatum(row.metric);
    nulls[2] = e.k == 0;
    values[2] = Int32GetDatum(static_cast<int32>(e.k));
    values[3] = Int64GetDatum(static_cast<int64>(e.base));
    put(&values[4], &nulls[4], e.value);
    put(&values[5], &nulls[5], e.standard_error);
    values[6] = Int64GetDatum(static_cast<int64>(e.points));
    values[7] = Int64GetDatum(static_cast<int64>(report->duplicates()));
    put(&values[8], &nulls[8], row.seconds);
    nulls[9] = row.note.empty();
    if (!nulls[9]) values[9] = CStringGetTextDatum(row.note.c_str());
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  return static_cast<Datum>(0);
}
