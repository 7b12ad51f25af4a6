// See types.h; also the type modifiers, alike for all types.

#include "pg/types/types.h"

#include <cmath>

#include "pg/pg.h"
#include "pg/types/multi.h"

extern "C" {
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "utils/array.h"
}

namespace lowdim::pg {

SparseVector* make_sparse(int dim, int nnz) {
  const Size size =
      offsetof(SparseVector, indices) + (sizeof(int32) + sizeof(float)) * static_cast<Size>(nnz);
  SparseVector* v = static_cast<SparseVector*>(palloc0(size));
  SET_VARSIZE(v, size);
  v->dim = dim;
  v->nnz = nnz;
  return v;
}

void check_expected_dim(int32 typmod, int dim) {
  if (typmod != -1 && typmod != dim) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected %d dimensions, not %d", typmod, dim)));
  }
}

void raise_not_finite(const char* type_name, bool nan) {
  if (nan) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("NaN not allowed in %s", type_name)));
  }
  ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("infinite value not allowed in %s", type_name)));
}

void raise_out_of_range(const char* type_name, float value) {
  char text[FLOAT_SHORTEST_DECIMAL_LEN];
  float_to_shortest_decimal_buf(value, text);
  ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                  errmsg("\"%s\" is out of range for type %s", text, type_name)));
  pg_unreachable();
}

void raise_different_dims(const char* type_name, int a, int b) {
  ereport(ERROR,
          (errcode(ERRCODE_DATA_EXCEPTION), errmsg("different %s dimensions %d and %d", type_name, a, b)));
  pg_unreachable();
}

double cosine_distance(double dot, double norm_a, double norm_b) {
  double similarity = dot / std::sqrt(norm_a * norm_b);
  if (similarity > 1) similarity = 1;
  if (similarity < -1) similarity = -1;
  return 1 - similarity;
}

namespace {

template <class T>
Datum typmod_in(FunctionCallInfo fcinfo) {
  int count;
  int32* const modifiers = ArrayGetIntegerTypmods(PG_GETARG_ARRAYTYPE_P(0), &count);
  if (count != 1) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid type modifier")));
  }
  if (*modifiers < 1) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("dimensions for type %s must be at least 1", T::kName)));
  }
  if (*modifiers > TypeLimit<T>::kDims) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("dimensions for type %s cannot exceed %d", T::kName, TypeLimit<T>::kDims)));
  }
  PG_RETURN_INT32(*modifiers);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;

LOWDIM_FN(lowdim_vector_typmod_in) { return typmod_in<Vector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_typmod_in) { return typmod_in<HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_sparsevec_typmod_in) { return typmod_in<SparseVector>(fcinfo); }
LOWDIM_FN(lowdim_multivector_typmod_in) { return typmod_in<Multivector>(fcinfo); }
