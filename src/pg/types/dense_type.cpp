// See dense_type.h.

#include "pg/types/dense_type.h"

#include "pg/types/floats.h"

extern "C" {
#include "utils/builtins.h"
#include "utils/lsyscache.h"
PGDLLEXPORT Datum lowdim_vector_in(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum lowdim_halfvec_in(PG_FUNCTION_ARGS);
}

namespace lowdim::pg {
namespace {

template <class T>
Floats floats_in(Datum value) {
  const T* v = reinterpret_cast<const T*>(PG_DETOAST_DATUM(value));
  return {floats_of(v), static_cast<size_t>(v->dim)};
}

}  // namespace

DenseType dense_type_of(Oid type) {
  Oid input, parameter;
  const Oid base = getBaseType(type);
  if (get_typtype(base) != 'b') return DenseType::kNone;
  getTypeInputInfo(base, &input, &parameter);
  FmgrInfo function;
  fmgr_info(input, &function);
  if (function.fn_addr == lowdim_vector_in) return DenseType::kVector;
  return function.fn_addr == lowdim_halfvec_in ? DenseType::kHalfvec : DenseType::kNone;
}

DenseType dense_type_of_column(Oid type, const char* column, const char* table) {
  const DenseType found = dense_type_of(type);
  if (found == DenseType::kNone) {
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("column \"%s\" of relation \"%s\" is of type %s, not vector or halfvec", column,
                           table, format_type_be(type))));
  }
  return found;
}

Floats dense_floats(DenseType type, Datum value) {
  return type == DenseType::kVector ? floats_in<Vector>(value) : floats_in<HalfVector>(value);
}

}  // namespace lowdim::pg
