// avg of vector and halfvec: the transition state is a float8 array of the row count and the sums, which any
// client or coordinator can read, merge and send. Inside an aggregate the state is changed in place.

#include <cmath>

#include "pg/pg.h"
#include "pg/types/types.h"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/float.h"
}

namespace lowdim::pg {
namespace {

// A state's array as numbers: values[0] is the count, values[1..n-1] the sums.
struct State {
  float8* values;
  int n;
};

State state_of(ArrayType* array, const char* caller) {
  if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] < 1 || ARR_HASNULL(array) ||
      ARR_ELEMTYPE(array) != FLOAT8OID) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("%s: expected state array", caller)));
  }
  return {reinterpret_cast<float8*>(ARR_DATA_PTR(array)), ARR_DIMS(array)[0]};
}

ArrayType* make_state(int n) {
  const Size size = ARR_OVERHEAD_NONULLS(1) + sizeof(float8) * static_cast<Size>(n);
  ArrayType* array = static_cast<ArrayType*>(palloc0(size));
  SET_VARSIZE(array, size);
  array->ndim = 1;
  array->elemtype = FLOAT8OID;
  ARR_DIMS(array)[0] = n;
  ARR_LBOUND(array)[0] = 1;
  return array;
}

// The state to write to, with room for `dim` sums: the one given if it may be changed, else a copy.
ArrayType* writable_state(FunctionCallInfo fcinfo, ArrayType* given, const State& state, int dim) {
  const bool empty = state.n == 1;
  if (!empty && AggCheckCallContext(fcinfo, nullptr) != 0) return given;
  ArrayType* array = make_state(dim + 1);
  memcpy(ARR_DATA_PTR(array), state.values, sizeof(float8) * static_cast<Size>(state.n));
  return array;
}

template <class T>
Datum accumulate(FunctionCallInfo fcinfo) {
  ArrayType* given = PG_GETARG_ARRAYTYPE_P(0);
  const T* v = arg<T>(fcinfo, 1);
  const State old = state_of(given, "vector_accum");
  const int dim = v->dim;
  if (old.n > 1) check_expected_dim(old.n - 1, dim);
  ArrayType* array = writable_state(fcinfo, given, old, dim);
  float8* values = state_of(array, "vector_accum").values;
  bool overflow = false;
  values[0] += 1;
  for (int i = 0; i < dim; ++i) {
    values[i + 1] += T::to_float(v->x[i]);
    overflow |= std::isinf(values[i + 1]);
  }
  if (overflow) float_overflow_error();
  PG_RETURN_ARRAYTYPE_P(array);
}

Datum combine(FunctionCallInfo fcinfo) {
  ArrayType* a = PG_GETARG_ARRAYTYPE_P(0);
  ArrayType* b = PG_GETARG_ARRAYTYPE_P(1);
  const State left = state_of(a, "vector_combine");
  const State right = state_of(b, "vector_combine");
  if (right.n == 1 || right.values[0] == 0) PG_RETURN_ARRAYTYPE_P(a);
  if (left.n == 1 || left.values[0] == 0) PG_RETURN_ARRAYTYPE_P(b);
  check_expected_dim(left.n - 1, right.n - 1);
  ArrayType* array = writable_state(fcinfo, a, left, left.n - 1);
  float8* values = state_of(array, "vector_combine").values;
  for (int i = 0; i < left.n; ++i) {
    values[i] += right.values[i];
    if (std::isinf(values[i])) float_overflow_error();
  }
  PG_RETURN_ARRAYTYPE_P(array);
}

// NULL for no rows.
template <class T>
Datum average(FunctionCallInfo fcinfo) {
  const State state = state_of(PG_GETARG_ARRAYTYPE_P(0), "vector_avg");
  if (state.values[0] == 0) PG_RETURN_NULL();
  check_dim<T>(state.n - 1);
  T* result = make_dense<T>(state.n - 1);
  for (int i = 0; i + 1 < state.n; ++i) {
    const float mean = static_cast<float>(state.values[i + 1] / state.values[0]);
    check_element<T>(mean);
    result->x[i] = narrow<T>(mean);
  }
  PG_RETURN_POINTER(result);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;

LOWDIM_FN(lowdim_vector_accum) { return accumulate<Vector>(fcinfo); }
LOWDIM_FN(lowdim_vector_combine) { return combine(fcinfo); }
LOWDIM_FN(lowdim_vector_avg) { return average<Vector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_accum) { return accumulate<HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_avg) { return average<HalfVector>(fcinfo); }
