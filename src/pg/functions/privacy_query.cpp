// What a dp_sketch answers: kde, kde_sum, distance_sum and their kin, dp_rows, dp_sum, dp_avg, dp_classify,
// kde_error, dp_explain. All of them compute from what is released and cost no privacy. Also bandwidth_hint,
// for samples that are public.

#include "core/privacy/job.h"
#include "core/privacy/query.h"
#include "pg/door.h"
#include "pg/fn.h"
#include "pg/functions/dimension.h"
#include "pg/options.h"
#include "pg/stop.h"
#include "pg/types/sketch.h"
#include "pg/types/types.h"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
}

namespace lowdim::pg {
namespace {

using core::SketchQuery;

// ask(sketch, y, dims) of a sketch and a vector.
template <class Ask>
Datum answer(FunctionCallInfo fcinfo, Ask ask) {
  SketchQuery* sketch = sketch_arg(fcinfo, 0);
  const Vector* y = arg<Vector>(fcinfo, 1);
  PG_RETURN_FLOAT8(call_core([=] { return ask(*sketch, y->x, static_cast<size_t>(y->dim)); }));
}

template <class Fill>
Datum answer_vector(FunctionCallInfo fcinfo, Fill fill) {
  const SketchQuery* sketch = sketch_arg(fcinfo, 0);
  const uint32_t dims = sketch->dims();
  Vector* out = make_dense<Vector>(static_cast<int>(Max(dims, 1)));
  call_core([=] { fill(*sketch, out->x); });
  PG_RETURN_POINTER(out);
}

struct Elements {
  Datum* values;
  int n;
};

Elements elements_of(FunctionCallInfo fcinfo, int n, const char* what) {
  ArrayType* array = PG_GETARG_ARRAYTYPE_P(n);
  if (ARR_NDIM(array) > 1) {
    ereport(ERROR,
            (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR), errmsg("%s must be an array of one dimension", what)));
  }
  if (array_contains_nulls(array)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not contain nulls", what)));
  }
  int16 length;
  bool by_value;
  char align;
  get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
  Elements out;
  deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, &out.values, nullptr, &out.n);
  return out;
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;
using lowdim::core::SketchQuery;

LOWDIM_FN(lowdim_kde) {
  return answer(fcinfo, [](SketchQuery& s, const float* y, size_t dims) { return s.kde(y, dims); });
}
LOWDIM_FN(lowdim_kde_sum) {
  return answer(fcinfo, [](SketchQuery& s, const float* y, size_t dims) { return s.kde_sum(y, dims); });
}
LOWDIM_FN(lowdim_distance_sum) {
  return answer(fcinfo, [](SketchQuery& s, const float* y, size_t dims) { return s.distance_sum(y, dims); });
}
LOWDIM_FN(lowdim_power_distance_sum) {
  const double power = PG_GETARG_FLOAT8(2);
  return answer(fcinfo,
                [power](SketchQuery& s, const float* y, size_t dims) { return s.power_sum(y, dims, power); });
}
LOWDIM_FN(lowdim_squared_distance_sum) {
  return answer(fcinfo,
                [](SketchQuery& s, const float* y, size_t dims) { return s.squared_distance_sum(y, dims); });
}
LOWDIM_FN(lowdim_inner_product_sum) {
  return answer(fcinfo, [](SketchQuery& s, const float* y, size_t dims) { return s.inner_sum(y, dims); });
}
LOWDIM_FN(lowdim_mean_cosine) {
  return answer(fcinfo, [](SketchQuery& s, const float* y, size_t dims) { return s.mean_cosine(y, dims); });
}

LOWDIM_FN(lowdim_dp_rows) {
  const SketchQuery* sketch = sketch_arg(fcinfo, 0);
  PG_RETURN_FLOAT8(call_core([=] { return sketch->rows(); }));
}
LOWDIM_FN(lowdim_sketch_sum) {
  return answer_vector(fcinfo, [](const SketchQuery& s, float* out) { s.sum(out); });
}
LOWDIM_FN(lowdim_sketch_avg) {
  return answer_vector(fcinfo, [](const SketchQuery& s, float* out) { s.mean(out); });
}
LOWDIM_FN(lowdim_kde_error) {
  const SketchQuery* sketch = sketch_arg(fcinfo, 0);
  PG_RETURN_FLOAT8(call_core([=] { return sketch->kde_error(); }));
}

// Before there is a sketch: of options and a number of rows.
LOWDIM_FN(lowdim_kde_error_expected) {
  const OptionPairs options = flatten_options(PG_GETARG_JSONB_P(0), "options");
  const double rows = PG_GETARG_FLOAT8(1);
  if (!(rows >= 0 && rows <= static_cast<double>(lowdim::core::kMaxPrivateRows))) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid number of rows: %g", rows)));
  }
  PG_RETURN_FLOAT8(
      call_core([=] { return lowdim::core::expected_kde_error(options.pairs, options.n, rows); }));
}

LOWDIM_FN(lowdim_dp_explain) {
  SketchQuery* sketch = sketch_arg(fcinfo, 0);
  struct Text {
    const char* bytes;
    size_t n;
  };
  const Text text = call_core([=] {
    const auto& json = sketch->explain();
    return Text{json.data(), json.size()};
  });
  PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(text.bytes, text.n))));
}

LOWDIM_FN(lowdim_dp_classify) {
  const Elements labels = elements_of(fcinfo, 0, "labels"), sketches = elements_of(fcinfo, 1, "sketches");
  if (labels.n != sketches.n) {
    ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
                    errmsg("%d labels for %d private sketches", labels.n, sketches.n)));
  }
  const Vector* y = arg<Vector>(fcinfo, 2);
  if (labels.n == 0) PG_RETURN_NULL();
  lowdim::core::SketchCache* cache = sketch_cache(fcinfo);
  for (int i = 0; i < sketches.n; ++i) sketch_at(cache, static_cast<size_t>(i), sketches.values[i]);
  const size_t best = call_core(
      [=] { return cache->best(static_cast<size_t>(sketches.n), y->x, static_cast<size_t>(y->dim)); });
  PG_RETURN_TEXT_P(DatumGetTextPCopy(labels.values[best]));
}

LOWDIM_FN(lowdim_bandwidth_hint_final) {
  dimension_context(fcinfo);
  const lowdim::core::DimensionState* state = dimension_state(fcinfo, 0);
  if (state == nullptr) PG_RETURN_NULL();
  const lowdim::core::Stop stop = server_stop();
  const double median = call_core([=] { return state->median_distance(stop); });
  if (!(median > 0)) PG_RETURN_NULL();
  PG_RETURN_FLOAT8(median / 2);
}
