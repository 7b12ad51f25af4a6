// The aggregates intrinsic_dimension, spectrum and participation_ratio, and lid of a list of distances.

#include "pg/functions/dimension.h"

#include "core/dimension/estimators.h"
#include "pg/stop.h"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/memutils.h"
}

namespace lowdim::pg {

using core::DimensionState;
using core::DimensionUse;

DimensionState* start_dimension_state(FunctionCallInfo fcinfo, MemoryContext context, DimensionUse use,
                                      int options_arg, size_t dims) {
  OptionPairs options{nullptr, 0};
  if (options_arg >= 0) {
    if (PG_ARGISNULL(options_arg)) {
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("options must not be null")));
    }
    options = flatten_options(PG_GETARG_JSONB_P(options_arg), "options");
  }
  DimensionState* state = make_in<DimensionState>(context);
  const size_t budget = static_cast<size_t>(maintenance_work_mem) * 1024;
  call_core(
      [=] { state->start(use, core::parse_dimension_options(use, options.pairs, options.n), dims, budget); });
  return state;
}

namespace {

Datum accumulate_vector(FunctionCallInfo fcinfo, DimensionUse use, int options_arg) {
  return accumulate_dimension<Vector>(fcinfo, use, -1, options_arg);
}
Datum accumulate_halfvec(FunctionCallInfo fcinfo, DimensionUse use, int options_arg) {
  return accumulate_dimension<HalfVector>(fcinfo, use, -1, options_arg);
}

// What core computed, or NULL where there is none.
Datum estimate_datum(FunctionCallInfo fcinfo, const core::Estimate& e) {
  if (!e.known()) PG_RETURN_NULL();
  PG_RETURN_FLOAT8(e.value);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;
using lowdim::core::Estimate;

LOWDIM_FN(lowdim_dimension_accum) { return accumulate_vector(fcinfo, DimensionUse::kDimension, -1); }
LOWDIM_FN(lowdim_dimension_accum_options) { return accumulate_vector(fcinfo, DimensionUse::kDimension, 2); }
LOWDIM_FN(lowdim_dimension_accum_halfvec) { return accumulate_halfvec(fcinfo, DimensionUse::kDimension, -1); }
LOWDIM_FN(lowdim_dimension_accum_options_halfvec) {
  return accumulate_halfvec(fcinfo, DimensionUse::kDimension, 2);
}
LOWDIM_FN(lowdim_spectrum_accum) { return accumulate_vector(fcinfo, DimensionUse::kSpectrum, -1); }
LOWDIM_FN(lowdim_spectrum_accum_options) { return accumulate_vector(fcinfo, DimensionUse::kSpectrum, 2); }
LOWDIM_FN(lowdim_spectrum_accum_halfvec) { return accumulate_halfvec(fcinfo, DimensionUse::kSpectrum, -1); }
LOWDIM_FN(lowdim_spectrum_accum_options_halfvec) {
  return accumulate_halfvec(fcinfo, DimensionUse::kSpectrum, 2);
}

LOWDIM_FN(lowdim_dimension_combine) {
  MemoryContext context = dimension_context(fcinfo);
  DimensionState* left = dimension_state(fcinfo, 0);
  const DimensionState* right = dimension_state(fcinfo, 1);
  if (right != nullptr) {
    if (left == nullptr) left = make_in<DimensionState>(context);
    call_core([=] { left->merge(*right); });
  }
  if (left == nullptr) PG_RETURN_NULL();
  PG_RETURN_POINTER(left);
}

LOWDIM_FN(lowdim_dimension_serialize) {
  dimension_context(fcinfo);
  DimensionState* state = dimension_state(fcinfo, 0);
  struct Bytes {
    const uint8_t* data;
    size_t n;
  };
  const Bytes image = call_core([=] {
    const auto& bytes = state->image();
    return Bytes{bytes.data(), bytes.size()};
  });
  if (image.n > MaxAllocSize - VARHDRSZ) {
    ereport(ERROR,
            (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("the sample is too large for parallel workers"),
             errhint("Take a smaller sample.")));
  }
  bytea* value = static_cast<bytea*>(palloc(VARHDRSZ + image.n));
  SET_VARSIZE(value, VARHDRSZ + image.n);
  memcpy(VARDATA(value), image.data, image.n);
  PG_RETURN_BYTEA_P(value);
}

LOWDIM_FN(lowdim_dimension_deserialize) {
  dimension_context(fcinfo);
  const bytea* image = PG_GETARG_BYTEA_PP(0);
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(VARDATA_ANY(image));
  const size_t n = VARSIZE_ANY_EXHDR(image);
  DimensionState* state = make_in<DimensionState>(CurrentMemoryContext);
  call_core([=] { state->restore(bytes, n); });
  PG_RETURN_POINTER(state);
}

LOWDIM_FN(lowdim_intrinsic_dimension_final) {
  dimension_context(fcinfo);
  const DimensionState* state = dimension_state(fcinfo, 0);
  if (state == nullptr) PG_RETURN_NULL();
  const lowdim::core::Stop stop = server_stop();
  return estimate_datum(fcinfo, call_core([=] { return state->estimate(stop); }));
}

LOWDIM_FN(lowdim_participation_ratio_final) {
  dimension_context(fcinfo);
  const DimensionState* state = dimension_state(fcinfo, 0);
  if (state == nullptr) PG_RETURN_NULL();
  const lowdim::core::Stop stop = server_stop();
  return estimate_datum(fcinfo, call_core([=] { return state->participation(stop); }));
}

LOWDIM_FN(lowdim_spectrum_final) {
  dimension_context(fcinfo);
  DimensionState* state = dimension_state(fcinfo, 0);
  if (state == nullptr) PG_RETURN_NULL();
  const lowdim::core::Stop stop = server_stop();
  struct Values {
    const double* data;
    int n;
  };
  const Values values = call_core([=] {
    const auto& v = state->spectrum(stop);
    return Values{v.data(), static_cast<int>(v.size())};
  });
  Datum* elements = static_cast<Datum*>(palloc(sizeof(Datum) * static_cast<Size>(values.n)));
  for (int i = 0; i < values.n; ++i) elements[i] = Float8GetDatum(values.data[i]);
  PG_RETURN_ARRAYTYPE_P(
      construct_array(elements, values.n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

LOWDIM_FN(lowdim_lid) {
  ArrayType* array = PG_GETARG_ARRAYTYPE_P(0);
  if (ARR_HASNULL(array) && array_contains_nulls(array)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
  }
  const size_t n = static_cast<size_t>(ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)));
  const double* distances = reinterpret_cast<const double*>(ARR_DATA_PTR(array));
  const Estimate e = call_core([=] { return lowdim::core::local_dimension(distances, n); });
  if (e.reason == lowdim::core::kBadDistances) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("%s", e.reason)));
  }
  return estimate_datum(fcinfo, e);
}
