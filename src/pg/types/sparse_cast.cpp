// Casts between sparsevec and arrays, vector and halfvec.

#include "pg/pg.h"
#include "pg/types/array.h"
#include "pg/types/types.h"

namespace lowdim::pg {
namespace {

// element(i) is the float at i, already known to be finite.
template <class Element>
Datum sparse_from(int dim, Element element) {
  int nnz = 0;
  for (int i = 0; i < dim; ++i) nnz += element(i) != 0;
  if (nnz > kMaxSparseNonZeros) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("sparsevec cannot have more than %d non-zero elements", kMaxSparseNonZeros)));
  }
  SparseVector* result = make_sparse(dim, nnz);
  for (int i = 0, j = 0; i < dim; ++i) {
    const float x = element(i);
    if (x == 0) continue;
    result->indices[j] = i;
    result->values()[j++] = x;
  }
  PG_RETURN_POINTER(result);
}

template <class T>
Datum sparse_from_dense(FunctionCallInfo fcinfo) {
  const T* v = arg<T>(fcinfo, 0);
  check_expected_dim(PG_GETARG_INT32(1), v->dim);
  return sparse_from(v->dim, [&](int i) { return T::to_float(v->x[i]); });
}

template <class T>
Datum sparse_to_dense(FunctionCallInfo fcinfo) {
  const SparseVector* v = arg<SparseVector>(fcinfo, 0);
  check_dim<T>(v->dim);
  check_expected_dim(PG_GETARG_INT32(1), v->dim);
  T* result = make_dense<T>(v->dim);
  for (int i = 0; i < v->nnz; ++i) result->x[v->indices[i]] = narrow<T>(v->values()[i]);
  PG_RETURN_POINTER(result);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;

LOWDIM_FN(lowdim_array_to_sparsevec) {
  const FloatArray array = float_array(PG_GETARG_ARRAYTYPE_P(0));
  check_dim<SparseVector>(array.n);
  check_expected_dim(PG_GETARG_INT32(1), array.n);
  for (int i = 0; i < array.n; ++i) check_element<SparseVector>(array.values[i]);
  return sparse_from(array.n, [&](int i) { return array.values[i]; });
}
LOWDIM_FN(lowdim_vector_to_sparsevec) { return sparse_from_dense<Vector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_to_sparsevec) { return sparse_from_dense<HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_sparsevec_to_vector) { return sparse_to_dense<Vector>(fcinfo); }
LOWDIM_FN(lowdim_sparsevec_to_halfvec) { return sparse_to_dense<HalfVector>(fcinfo); }
