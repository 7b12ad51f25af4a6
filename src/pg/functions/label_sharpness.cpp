// The aggregate label_sharpness, and task_difficulty.

#include "core/dimension/labels.h"

#include "pg/functions/dimension.h"
#include "pg/stop.h"

extern "C" {
#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
}

namespace lowdim::pg {
namespace {

using core::DimensionState;
using core::DimensionUse;
using core::SharpestPair;

Datum vector_datum(const float* x, size_t dims) {
  Vector* v = make_dense<Vector>(static_cast<int>(dims));
  memcpy(v->x, x, dims * sizeof(float));
  return PointerGetDatum(v);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;

LOWDIM_FN(lowdim_label_sharpness_accum) {
  return accumulate_dimension<Vector>(fcinfo, DimensionUse::kLabels, 2, -1);
}
LOWDIM_FN(lowdim_label_sharpness_accum_options) {
  return accumulate_dimension<Vector>(fcinfo, DimensionUse::kLabels, 2, 3);
}
LOWDIM_FN(lowdim_label_sharpness_accum_halfvec) {
  return accumulate_dimension<HalfVector>(fcinfo, DimensionUse::kLabels, 2, -1);
}
LOWDIM_FN(lowdim_label_sharpness_accum_options_halfvec) {
  return accumulate_dimension<HalfVector>(fcinfo, DimensionUse::kLabels, 2, 3);
}

// NULL without rows; without a pair, a row whose figures and pair are NULL.
LOWDIM_FN(lowdim_label_sharpness_final) {
  dimension_context(fcinfo);
  DimensionState* state = dimension_state(fcinfo, 0);
  if (state == nullptr) PG_RETURN_NULL();
  TupleDesc row;
  if (get_call_result_type(fcinfo, nullptr, &row) != TYPEFUNC_COMPOSITE || row->natts != 8) {
    elog(ERROR, "label_sharpness must return its own row type");
  }
  const lowdim::core::Stop stop = server_stop();
  const SharpestPair* pair = call_core([=] { return &state->sharpest(stop); });
  Datum values[8];
  bool nulls[8] = {};
  for (int i = 0; i < 6; ++i) nulls[i] = pair->figures.reason != nullptr;
  if (!nulls[0]) {
    values[0] = Float8GetDatum(pair->figures.value);
    values[1] = Float8GetDatum(pair->figures.quantile);
    values[2] = vector_datum(pair->a.data(), pair->a.size());
    values[3] = PointerGetDatum(
        cstring_to_text_with_len(pair->a_label.data(), static_cast<int>(pair->a_label.size())));
    values[4] = vector_datum(pair->b.data(), pair->b.size());
    values[5] = PointerGetDatum(
        cstring_to_text_with_len(pair->b_label.data(), static_cast<int>(pair->b_label.size())));
  }
  values[6] = Int64GetDatum(static_cast<int64>(pair->figures.points));
  values[7] = Int64GetDatum(static_cast<int64>(pair->figures.conflicts));
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row), values, nulls)));
}

LOWDIM_FN(lowdim_task_difficulty) {
  const double samples = PG_GETARG_FLOAT8(0);
  const double classes = PG_GETARG_FLOAT8(1);
  const double dimension = PG_GETARG_FLOAT8(2);
  const double radius = PG_GETARG_FLOAT8(3);
  const double separation = PG_GETARG_FLOAT8(4);
  const double error = PG_GETARG_FLOAT8(5);
  const double bits = call_core([=] {
    return lowdim::core::task_difficulty(samples, classes, dimension, radius, separation, error).bits;
  });
  PG_RETURN_FLOAT8(bits);
}
