// See array.h.

#include "pg/types/array.h"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
}

namespace lowdim::pg {
namespace {

float to_float(Datum element, Oid type) {
  switch (type) {
    case INT4OID:
      return static_cast<float>(DatumGetInt32(element));
    case FLOAT4OID:
      return DatumGetFloat4(element);
    case FLOAT8OID:
      return static_cast<float>(DatumGetFloat8(element));
    case NUMERICOID:
      return DatumGetFloat4(DirectFunctionCall1(numeric_float4, element));
    default:
      ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("unsupported array type")));
      pg_unreachable();
  }
}

}  // namespace

FloatArray float_array(ArrayType* array) {
  if (ARR_NDIM(array) > 1) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D")));
  }
  return float_elements(array);
}

FloatArray float_elements(ArrayType* array) {
  if (ARR_HASNULL(array) && array_contains_nulls(array)) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
  }
  const Oid type = ARR_ELEMTYPE(array);
  int16 length;
  bool by_value;
  char alignment;
  get_typlenbyvalalign(type, &length, &by_value, &alignment);
  Datum* elements;
  FloatArray out;
  deconstruct_array(array, type, length, by_value, alignment, &elements, nullptr, &out.n);
  out.values = static_cast<float*>(palloc(sizeof(float) * static_cast<Size>(Max(out.n, 1))));
  for (int i = 0; i < out.n; ++i) out.values[i] = to_float(elements[i], type);
  pfree(elements);
  return out;
}

}  // namespace lowdim::pg
