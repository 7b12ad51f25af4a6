// Element-wise arithmetic, concatenation, slices and signs of vector and halfvec.

#include <cmath>

#include "pg/pg.h"
#include "pg/types/types.h"

extern "C" {
#include "utils/float.h"
#include "utils/varbit.h"
}

namespace lowdim::pg {
namespace {

enum class Op { kAdd, kSub, kMul };

// The element-wise result, rounded to T's elements. An infinite result is an overflow; a product that rounds
// to 0 though neither factor is 0 is an underflow.
template <Op op, class T>
Datum elementwise(FunctionCallInfo fcinfo) {
  const T* a = arg<T>(fcinfo, 0);
  const T* b = arg<T>(fcinfo, 1);
  check_same_dim(a, b);
  T* result = make_dense<T>(a->dim);
  bool overflow = false;
  bool underflow = false;
  for (int i = 0; i < a->dim; ++i) {
    const float x = T::to_float(a->x[i]);
    const float y = T::to_float(b->x[i]);
    const typename T::Element z = T::from_float(op == Op::kAdd ? x + y : op == Op::kSub ? x - y : x * y);
    result->x[i] = z;
    overflow |= std::isinf(T::to_float(z));
    if (op == Op::kMul) underflow |= T::to_float(z) == 0 && x != 0 && y != 0;
  }
  if (overflow) float_overflow_error();
  if (underflow) float_underflow_error();
  PG_RETURN_POINTER(result);
}

template <class T>
Datum concat(FunctionCallInfo fcinfo) {
  const T* a = arg<T>(fcinfo, 0);
  const T* b = arg<T>(fcinfo, 1);
  const int dim = a->dim + b->dim;
  check_dim<T>(dim);
  T* result = make_dense<T>(dim);
  memcpy(result->x, a->x, sizeof(a->x[0]) * static_cast<Size>(a->dim));
  memcpy(result->x + a->dim, b->x, sizeof(b->x[0]) * static_cast<Size>(b->dim));
  PG_RETURN_POINTER(result);
}

// count elements from position start (from 1), cut to the vector like substring().
template <class T>
Datum slice(FunctionCallInfo fcinfo) {
  const T* v = arg<T>(fcinfo, 0);
  const int64 start = PG_GETARG_INT32(1);
  const int64 count = PG_GETARG_INT32(2);
  const int64 first = Max(start, 1);
  const int64 end = Min(start + count, static_cast<int64>(v->dim) + 1);  // exclusive
  check_dim<T>(count < 1 ? 0 : Max(end - first, 0));
  T* result = make_dense<T>(static_cast<int>(end - first));
  memcpy(result->x, v->x + first - 1, sizeof(v->x[0]) * static_cast<Size>(end - first));
  PG_RETURN_POINTER(result);
}

// One bit an element, 1 where it is above 0, most significant bit first.
template <class T>
Datum signs(FunctionCallInfo fcinfo) {
  const T* v = arg<T>(fcinfo, 0);
  const Size size = VARBITTOTALLEN(v->dim);
  VarBit* result = static_cast<VarBit*>(palloc0(size));
  SET_VARSIZE(result, size);
  VARBITLEN(result) = v->dim;
  for (int i = 0; i < v->dim; ++i) {
    if (T::to_float(v->x[i]) > 0) VARBITS(result)[i / 8] |= static_cast<bits8>(0x80 >> (i % 8));
  }
  PG_RETURN_VARBIT_P(result);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;

LOWDIM_FN(lowdim_vector_dims) { PG_RETURN_INT32(arg<Vector>(fcinfo, 0)->dim); }
LOWDIM_FN(lowdim_vector_add) { return elementwise<Op::kAdd, Vector>(fcinfo); }
LOWDIM_FN(lowdim_vector_sub) { return elementwise<Op::kSub, Vector>(fcinfo); }
LOWDIM_FN(lowdim_vector_mul) { return elementwise<Op::kMul, Vector>(fcinfo); }
LOWDIM_FN(lowdim_vector_concat) { return concat<Vector>(fcinfo); }
LOWDIM_FN(lowdim_vector_subvector) { return slice<Vector>(fcinfo); }
LOWDIM_FN(lowdim_vector_binary_quantize) { return signs<Vector>(fcinfo); }

LOWDIM_FN(lowdim_halfvec_dims) { PG_RETURN_INT32(arg<HalfVector>(fcinfo, 0)->dim); }
LOWDIM_FN(lowdim_halfvec_add) { return elementwise<Op::kAdd, HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_sub) { return elementwise<Op::kSub, HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_mul) { return elementwise<Op::kMul, HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_concat) { return concat<HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_subvector) { return slice<HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_binary_quantize) { return signs<HalfVector>(fcinfo); }
