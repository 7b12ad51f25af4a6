// Parts and whole of multivector: counts, slices, concatenation, normalization, mean, order and hashing.

#include <cmath>

#include "core/simd/kernels.h"
#include "pg/pg.h"
#include "pg/types/compare.h"
#include "pg/types/multi.h"

extern "C" {
#include "common/hashfn.h"
#include "funcapi.h"
}

namespace lowdim::pg {

// The order of lists of vectors: by the first vectors that differ, then by count. Vectors compare as values
// of vector do.
int compare(const Multivector* a, const Multivector* b) {
  const Size common = a->dim == b->dim ? Min(a->elements(), b->elements()) : Min(a->dim, b->dim);
  for (Size i = 0; i < common; ++i) {
    if (a->x[i] != b->x[i]) return a->x[i] < b->x[i] ? -1 : 1;
  }
  if (a->dim != b->dim) return a->dim < b->dim ? -1 : 1;
  return a->count < b->count ? -1 : a->count > b->count;
}

// As of vector, over all elements; -0 equals 0 and hashes alike. The dimensions are part of the value.
uint64 hash(const Multivector* v, uint64 seed) {
  constexpr Size kBlock = 512;
  float block[kBlock];
  const int32 dim = v->dim;
  seed = hash_bytes_extended(reinterpret_cast<const unsigned char*>(&dim), sizeof dim, seed);
  const Size elements = v->elements();
  for (Size i = 0; i < elements; i += kBlock) {
    const Size n = Min(kBlock, elements - i);
    for (Size j = 0; j < n; ++j) block[j] = v->x[i + j] == 0 ? 0.0F : v->x[i + j];
    seed = hash_bytes_extended(reinterpret_cast<const unsigned char*>(block),
                               static_cast<int>(n * sizeof(float)), seed);
  }
  return seed;
}

}  // namespace lowdim::pg

using namespace lowdim::pg;
using namespace lowdim;

LOWDIM_FN(lowdim_multivector_count) {
  const Multivector* v = reinterpret_cast<const Multivector*>(
      PG_DETOAST_DATUM_SLICE(PG_GETARG_DATUM(0), 0, offsetof(Multivector, x) - offsetof(Multivector, dim)));
  PG_RETURN_INT32(v->count);
}

LOWDIM_FN(lowdim_multivector_dims) {
  const Multivector* v = reinterpret_cast<const Multivector*>(
      PG_DETOAST_DATUM_SLICE(PG_GETARG_DATUM(0), 0, offsetof(Multivector, x) - offsetof(Multivector, dim)));
  PG_RETURN_INT32(v->dim);
}

// The zero vectors stay zero.
LOWDIM_FN(lowdim_multivector_l2_normalize) {
  const Multivector* v = arg<Multivector>(fcinfo, 0);
  Multivector* result = make_multi(v->count, v->dim);
  float* out = result->x;
  for (int i = 0; i < v->count; ++i) {
    CHECK_FOR_INTERRUPTS();
    const float* x = v->vector(i);
    const double norm = std::sqrt(simd::kernels().norm2_f32(x, static_cast<uint32_t>(v->dim)));
    for (int j = 0; j < v->dim; ++j) *out++ = norm > 0 ? static_cast<float>(x[j] / norm) : 0.0F;
  }
  PG_RETURN_POINTER(result);
}

// count vectors from position start (from 1), cut to the value like substring().
LOWDIM_FN(lowdim_multivector_subvectors) {
  const Multivector* v = arg<Multivector>(fcinfo, 0);
  const int64 start = PG_GETARG_INT32(1);
  const int64 count = PG_GETARG_INT32(2);
  const int64 first = Max(start, 1);
  const int64 end = Min(start + count, static_cast<int64>(v->count) + 1);  // exclusive
  check_multi_size(count < 1 ? 0 : Max(end - first, 0), v->dim);
  Multivector* result = make_multi(static_cast<int>(end - first), v->dim);
  memcpy(result->x, v->vector(static_cast<int>(first - 1)), sizeof(float) * result->elements());
  PG_RETURN_POINTER(result);
}

LOWDIM_FN(lowdim_multivector_mean) {
  const Multivector* v = arg<Multivector>(fcinfo, 0);
  double* sums = static_cast<double*>(palloc0(sizeof(double) * static_cast<Size>(v->dim)));
  for (int i = 0; i < v->count; ++i) {
    CHECK_FOR_INTERRUPTS();
    const float* x = v->vector(i);
    for (int j = 0; j < v->dim; ++j) sums[j] += static_cast<double>(x[j]);
  }
  Vector* result = make_dense<Vector>(v->dim);
  for (int j = 0; j < v->dim; ++j) result->x[j] = static_cast<float>(sums[j] / v->count);
  PG_RETURN_POINTER(result);
}

LOWDIM_FN(lowdim_multivector_concat) {
  const Multivector* a = arg<Multivector>(fcinfo, 0);
  const Multivector* b = arg<Multivector>(fcinfo, 1);
  check_same_dim(a, b);
  const int count = a->count + b->count;
  check_multi_size(count, a->dim);
  Multivector* result = make_multi(count, a->dim);
  memcpy(result->x, a->x, sizeof(float) * a->elements());
  memcpy(result->x + a->elements(), b->x, sizeof(float) * b->elements());
  PG_RETURN_POINTER(result);
}

// One vector a call: a value near its limit has as many bytes again in its parts.
LOWDIM_FN(lowdim_multivector_unnest) {
  if (SRF_IS_FIRSTCALL()) {
    FuncCallContext* context = SRF_FIRSTCALL_INIT();
    MemoryContext old = MemoryContextSwitchTo(context->multi_call_memory_ctx);
    context->user_fctx = PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(0));
    MemoryContextSwitchTo(old);
  }
  FuncCallContext* context = SRF_PERCALL_SETUP();
  const Multivector* v = static_cast<const Multivector*>(context->user_fctx);
  if (context->call_cntr >= v->count) SRF_RETURN_DONE(context);
  // Before SRF_RETURN_NEXT, which counts the call and only then evaluates its argument.
  const Vector* next = make_vector(v->vector(static_cast<int>(context->call_cntr)), v->dim);
  SRF_RETURN_NEXT(context, PointerGetDatum(next));
}

LOWDIM_COMPARISONS(multivector, Multivector)
