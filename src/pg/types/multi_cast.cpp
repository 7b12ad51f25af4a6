// Casts of multivector: from and to arrays of numbers (two dimensions), arrays of vectors, and one vector.

#include <limits>

#include "pg/pg.h"
#include "pg/types/array.h"
#include "pg/types/multi.h"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
}

namespace lowdim::pg {
namespace {

// An array of vectors or halfvecs, of one dimension: the values one behind the other.
template <class T>
Datum multi_from_vectors(FunctionCallInfo fcinfo) {
  ArrayType* array = PG_GETARG_ARRAYTYPE_P(0);
  if (ARR_NDIM(array) > 1) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D")));
  }
  if (ARR_HASNULL(array) && array_contains_nulls(array)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
  }
  const int count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
  check_multi_size(count, 1);
  Multivector* result = nullptr;
  float* out = nullptr;
  ArrayIterator it = array_create_iterator(array, 0, nullptr);
  Datum value;
  bool null;
  while (array_iterate(it, &value, &null)) {
    T* v = reinterpret_cast<T*>(PG_DETOAST_DATUM(value));
    if (result == nullptr) {
      check_expected_dim(PG_GETARG_INT32(1), v->dim);
      check_multi_size(count, v->dim);
      result = make_multi(count, v->dim);
      out = result->x;
    }
    if (v->dim != result->dim) raise_different_dims(Vector::kName, result->dim, v->dim);
    for (int j = 0; j < v->dim; ++j) *out++ = T::to_float(v->x[j]);
    if (DatumGetPointer(value) != reinterpret_cast<char*>(v)) pfree(v);
  }
  array_free_iterator(it);
  PG_RETURN_POINTER(result);
}

template <class T>
Datum multi_to_vectors(FunctionCallInfo fcinfo) {
  const Multivector* v = arg<Multivector>(fcinfo, 0);
  // The element type as the function was declared: `vector`, in whatever schema it is.
  const Oid type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
  int16 length;
  bool by_value;
  char alignment;
  get_typlenbyvalalign(type, &length, &by_value, &alignment);
  Datum* values = static_cast<Datum*>(palloc(sizeof(Datum) * v->count));
  for (int i = 0; i < v->count; ++i) {
    CHECK_FOR_INTERRUPTS();
    T* one = make_dense<T>(v->dim);
    const float* x = v->vector(i);
    for (int j = 0; j < v->dim; ++j) one->x[j] = narrow<T>(x[j]);
    values[i] = PointerGetDatum(one);
  }
  PG_RETURN_ARRAYTYPE_P(construct_array(values, v->count, type, length, by_value, alignment));
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;

LOWDIM_FN(lowdim_vectors_to_multivector) { return multi_from_vectors<Vector>(fcinfo); }
LOWDIM_FN(lowdim_halfvecs_to_multivector) { return multi_from_vectors<HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_multivector_to_vectors) { return multi_to_vectors<Vector>(fcinfo); }
LOWDIM_FN(lowdim_multivector_to_halfvecs) { return multi_to_vectors<HalfVector>(fcinfo); }

LOWDIM_FN(lowdim_array_to_multivector) {
  ArrayType* array = PG_GETARG_ARRAYTYPE_P(0);
  const int n_dims = ARR_NDIM(array);
  if (n_dims != 2 && n_dims != 0) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 2-D")));
  }
  const int count = n_dims == 0 ? 0 : ARR_DIMS(array)[0];
  const int dim = n_dims == 0 ? 0 : ARR_DIMS(array)[1];
  check_multi_size(count, 1);
  check_dim<Multivector>(dim);
  check_expected_dim(PG_GETARG_INT32(1), dim);
  check_multi_size(count, dim);
  const FloatArray numbers = float_elements(array);
  Multivector* result = make_multi(count, dim);
  for (int i = 0; i < numbers.n; ++i) check_element<Multivector>(numbers.values[i]);
  memcpy(result->x, numbers.values, sizeof(float) * result->elements());
  PG_RETURN_POINTER(result);
}

LOWDIM_FN(lowdim_multivector_to_float4) {
  const Multivector* v = arg<Multivector>(fcinfo, 0);
  const Size size = ARR_OVERHEAD_NONULLS(2) + sizeof(float4) * v->elements();
  if (v->elements() > MaxArraySize || !AllocSizeIsValid(size)) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("array size exceeds the maximum allowed (%d)", static_cast<int>(MaxArraySize))));
  }
  ArrayType* array = static_cast<ArrayType*>(palloc0(size));
  SET_VARSIZE(array, size);
  array->ndim = 2;
  array->elemtype = FLOAT4OID;
  ARR_DIMS(array)[0] = v->count;
  ARR_DIMS(array)[1] = v->dim;
  ARR_LBOUND(array)[0] = 1;
  ARR_LBOUND(array)[1] = 1;
  memcpy(ARR_DATA_PTR(array), v->x, sizeof(float4) * v->elements());
  PG_RETURN_ARRAYTYPE_P(array);
}

LOWDIM_FN(lowdim_vector_to_multivector) {
  const Vector* v = arg<Vector>(fcinfo, 0);
  check_expected_dim(PG_GETARG_INT32(1), v->dim);
  Multivector* result = make_multi(1, v->dim);
  memcpy(result->x, v->x, sizeof(float) * result->elements());
  PG_RETURN_POINTER(result);
}
