// Casts between arrays, vector and halfvec.

#include "pg/pg.h"
#include "pg/types/array.h"
#include "pg/types/types.h"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
}

namespace lowdim::pg {
namespace {

template <class T>
Datum dense_from_array(FunctionCallInfo fcinfo) {
  const FloatArray array = float_array(PG_GETARG_ARRAYTYPE_P(0));
  check_dim<T>(array.n);
  check_expected_dim(PG_GETARG_INT32(1), array.n);
  T* result = make_dense<T>(array.n);
  for (int i = 0; i < array.n; ++i) {
    check_element<T>(array.values[i]);
    result->x[i] = narrow<T>(array.values[i]);
  }
  PG_RETURN_POINTER(result);
}

template <class T>
Datum dense_to_float4(FunctionCallInfo fcinfo) {
  const T* v = arg<T>(fcinfo, 0);
  const int dim = v->dim;
  const Size size = ARR_OVERHEAD_NONULLS(1) + sizeof(float4) * static_cast<Size>(dim);
  ArrayType* array = static_cast<ArrayType*>(palloc0(size));
  SET_VARSIZE(array, size);
  array->ndim = 1;
  array->elemtype = FLOAT4OID;
  ARR_DIMS(array)[0] = dim;
  ARR_LBOUND(array)[0] = 1;
  float4* out = reinterpret_cast<float4*>(ARR_DATA_PTR(array));
  for (int i = 0; i < dim; ++i) out[i] = T::to_float(v->x[i]);
  PG_RETURN_ARRAYTYPE_P(array);
}

template <class From, class To>
Datum dense_to_dense(FunctionCallInfo fcinfo) {
  const From* v = arg<From>(fcinfo, 0);
  check_expected_dim(PG_GETARG_INT32(1), v->dim);
  To* result = make_dense<To>(v->dim);
  for (int i = 0; i < v->dim; ++i) result->x[i] = narrow<To>(From::to_float(v->x[i]));
  PG_RETURN_POINTER(result);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;

LOWDIM_FN(lowdim_array_to_vector) { return dense_from_array<Vector>(fcinfo); }
LOWDIM_FN(lowdim_array_to_halfvec) { return dense_from_array<HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_vector_to_float4) { return dense_to_float4<Vector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_to_float4) { return dense_to_float4<HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_vector_to_halfvec) { return dense_to_dense<Vector, HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_to_vector) { return dense_to_dense<HalfVector, Vector>(fcinfo); }
