// What the aggregates over a core::DimensionState share: their state in the aggregate's memory context, and
// its arguments. The options of a group's first row count for the whole group.
#pragma once

#include "core/dimension/job.h"
#include "pg/door.h"
#include "pg/options.h"
#include "pg/types/floats.h"
#include "pg/types/types.h"

namespace lowdim::pg {

inline core::DimensionState* dimension_state(FunctionCallInfo fcinfo, int n) {
  return PG_ARGISNULL(n) ? nullptr : reinterpret_cast<core::DimensionState*>(PG_GETARG_POINTER(n));
}

inline MemoryContext dimension_context(FunctionCallInfo fcinfo) {
  MemoryContext context;
  if (AggCheckCallContext(fcinfo, &context) == 0) elog(ERROR, "called in non-aggregate context");
  return context;
}

// A state for vectors of `dims` dimensions, with the options in argument options_arg; -1: no such argument.
core::DimensionState* start_dimension_state(FunctionCallInfo fcinfo, MemoryContext context,
                                            core::DimensionUse use, int options_arg, size_t dims);

inline Datum dimension_state_datum(const core::DimensionState* state) { return PointerGetDatum(state); }

// The transition of an aggregate over (state, vector [, label] [, options]): NULL vectors and labels are left
// out. label_arg: -1 for none.
template <class T>
Datum accumulate_dimension(FunctionCallInfo fcinfo, core::DimensionUse use, int label_arg, int options_arg) {
  MemoryContext context = dimension_context(fcinfo);
  core::DimensionState* state = dimension_state(fcinfo, 0);
  if (PG_ARGISNULL(1) || (label_arg >= 0 && PG_ARGISNULL(label_arg))) {
    if (state == nullptr) PG_RETURN_NULL();
    PG_RETURN_POINTER(state);
  }
  const T* v = arg<T>(fcinfo, 1);
  const size_t dims = static_cast<size_t>(v->dim);
  if (state == nullptr) state = start_dimension_state(fcinfo, context, use, options_arg, dims);
  const float* x = floats_of(v);
  std::string_view label;
  if (label_arg >= 0) {
    const text* t = PG_GETARG_TEXT_PP(label_arg);
    label = {VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)};
  }
  call_core([=] { state->add(x, dims, label); });
  PG_RETURN_POINTER(state);
}

}  // namespace lowdim::pg
