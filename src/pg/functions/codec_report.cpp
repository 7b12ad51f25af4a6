// codec_report and codec_recommend: what each compression method would cost and keep on a column. The column
// is read once, through SPI, so privileges and row security hold; a bounded sample of it is measured
// (core/codec/report_job.h).

#include "core/codec/report_job.h"
#include "pg/door.h"
#include "pg/functions/read_column.h"
#include "pg/options.h"
#include "pg/stop.h"
#include "pg/types/types.h"

extern "C" {
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"
}

namespace lowdim::pg {
namespace {

using core::ReportJob;

void read_rows(ReportJob* job, Oid table, const char* column, Oid vector_type) {
  ColumnCursor* cursor = open_column(table, column, vector_type);
  for (Datum value; next_value(cursor, &value);) {
    const Vector* v = reinterpret_cast<const Vector*>(PG_DETOAST_DATUM(value));
    const float* x = v->x;
    const size_t dims = static_cast<size_t>(v->dim);
    call_core([=] { job->add(x, dims); });
  }
  close_column(cursor);
}

void read_queries(ReportJob* job, ArrayType* array) {
  ArrayIterator it = array_create_iterator(array, 0, nullptr);
  Datum value;
  bool null;
  while (array_iterate(it, &value, &null)) {
    if (null) {
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
    }
    const Vector* v = reinterpret_cast<const Vector*>(PG_DETOAST_DATUM(value));
    const float* x = v->x;
    const size_t dims = static_cast<size_t>(v->dim);
    call_core([=] { job->add_query(x, dims); });
  }
  array_free_iterator(it);
}

// Measures every method; a notice before each.
ReportJob* run_report(FunctionCallInfo fcinfo, int options_arg, int queries_arg) {
  const Oid table = PG_GETARG_OID(0);
  const char* column = NameStr(*PG_GETARG_NAME(1));
  const OptionPairs options = flatten_options(PG_GETARG_JSONB_P(options_arg), "report options");
  const size_t budget = static_cast<size_t>(maintenance_work_mem) * 1024;
  ReportJob* job = make_in<ReportJob>(CurrentMemoryContext);
  call_core([=] { job->set_options(options.pairs, options.n, budget); });
  read_rows(job, table, column, declared_element_type(fcinfo, queries_arg));
  if (!PG_ARGISNULL(queries_arg)) read_queries(job, PG_GETARG_ARRAYTYPE_P(queries_arg));
  const core::Stop stop = server_stop();
  call_core([=] { job->begin(stop); });
  const size_t steps = job->steps();
  ereport(NOTICE, (errmsg("measuring %zu methods on %zu of %zu rows with %zu queries", steps,
                          job->base_rows(), job->table_rows(), job->n_queries())));
  for (size_t i = 0; i < steps; ++i) {
    CHECK_FOR_INTERRUPTS();
    ereport(NOTICE, (errmsg("%zu of %zu: %s", i + 1, steps, job->step_name(i))));
    call_core([=] { job->step(i, stop); });
  }
  return job;
}

// A figure that was not measured is NULL.
void put(Datum* value, bool* null, double x) {
  *null = x != x;
  *value = Float8GetDatum(x);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;
using lowdim::core::ReportJob;
using lowdim::core::ReportRow;

LOWDIM_FN(lowdim_codec_report) {
  check_not_null(fcinfo, 3);
  ReportJob* job = run_report(fcinfo, 2, 3);
  InitMaterializedSRF(fcinfo, 0);
  ReturnSetInfo* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (const ReportRow& row : job->rows()) {
    constexpr int kColumns = 12;
    Datum values[kColumns];
    bool nulls[kColumns] = {};
    values[0] = CStringGetTextDatum(row.method.c_str());
    put(&values[1], &nulls[1], row.bytes_per_vector);
    put(&values[2], &nulls[2], row.compression);
    put(&values[3], &nulls[3], row.mse);
    put(&values[4], &nulls[4], row.recall_at_10);
    put(&values[5], &nulls[5], row.encode_us);
    put(&values[6], &nulls[6], row.decode_us);
    put(&values[7], &nulls[7], row.distance_ns);
    put(&values[8], &nulls[8], row.train_s);
    put(&values[9], &nulls[9], row.target > 0 ? row.target : lowdim::core::kNotMeasured);
    nulls[10] = row.options.empty();
    if (!nulls[10]) values[10] = DirectFunctionCall1(jsonb_in, CStringGetDatum(row.options.c_str()));
    nulls[11] = row.note.empty();
    if (!nulls[11]) values[11] = CStringGetTextDatum(row.note.c_str());
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  return static_cast<Datum>(0);
}

LOWDIM_FN(lowdim_codec_recommend) {
  check_not_null(fcinfo, 5);
  const double max_bytes = PG_GETARG_FLOAT8(2);
  const double min_recall = PG_GETARG_FLOAT8(3);
  if (!(max_bytes > 0)) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("max_bytes_per_vector must be above 0")));
  }
  if (!(min_recall >= 0 && min_recall <= 1)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("min_recall must be between 0 and 1")));
  }
  ReportJob* job = run_report(fcinfo, 4, 5);
  const char* answer = call_core([=] { return job->recommend(max_bytes, min_recall).c_str(); });
  PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(answer)));
}
