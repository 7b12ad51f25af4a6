// The comparison and hash functions that the btree and hash operator classes of every type are made of. A
// type gives compare(a, b) and hash(v, seed); LOWDIM_COMPARISONS defines the nine SQL functions over them.
#pragma once

#include "pg/types/types.h"

namespace lowdim::pg {

struct Multivector;

int compare(const Vector* a, const Vector* b);
int compare(const HalfVector* a, const HalfVector* b);
int compare(const SparseVector* a, const SparseVector* b);
int compare(const Multivector* a, const Multivector* b);
uint64 hash(const Vector* v, uint64 seed);
uint64 hash(const HalfVector* v, uint64 seed);
uint64 hash(const SparseVector* v, uint64 seed);
uint64 hash(const Multivector* v, uint64 seed);

// Copies made by detoasting are freed: btree comparison functions run in long-lived memory contexts.
template <class T>
int compare_args(FunctionCallInfo fcinfo) {
  T* a = arg<T>(fcinfo, 0);
  T* b = arg<T>(fcinfo, 1);
  const int order = compare(a, b);
  PG_FREE_IF_COPY(a, 0);
  PG_FREE_IF_COPY(b, 1);
  return order;
}

template <class T>
uint64 hash_arg(FunctionCallInfo fcinfo, uint64 seed) {
  T* v = arg<T>(fcinfo, 0);
  const uint64 value = hash(v, seed);
  PG_FREE_IF_COPY(v, 0);
  return value;
}

}  // namespace lowdim::pg

// hash and hash_extended agree in the low 32 bits when the seed is 0, as partitioning requires.
#define LOWDIM_COMPARISONS(name, T)                                                                       \
  LOWDIM_FN(lowdim_##name##_lt) { PG_RETURN_BOOL(lowdim::pg::compare_args<lowdim::pg::T>(fcinfo) < 0); }  \
  LOWDIM_FN(lowdim_##name##_le) { PG_RETURN_BOOL(lowdim::pg::compare_args<lowdim::pg::T>(fcinfo) <= 0); } \
  LOWDIM_FN(lowdim_##name##_eq) { PG_RETURN_BOOL(lowdim::pg::compare_args<lowdim::pg::T>(fcinfo) == 0); } \
  LOWDIM_FN(lowdim_##name##_ne) { PG_RETURN_BOOL(lowdim::pg::compare_args<lowdim::pg::T>(fcinfo) != 0); } \
  LOWDIM_FN(lowdim_##name##_ge) { PG_RETURN_BOOL(lowdim::pg::compare_args<lowdim::pg::T>(fcinfo) >= 0); } \
  LOWDIM_FN(lowdim_##name##_gt) { PG_RETURN_BOOL(lowdim::pg::compare_args<lowdim::pg::T>(fcinfo) > 0); }  \
  LOWDIM_FN(lowdim_##name##_cmp) { PG_RETURN_INT32(lowdim::pg::compare_args<lowdim::pg::T>(fcinfo)); }    \
  LOWDIM_FN(lowdim_##name##_hash) {                                                                       \
    PG_RETURN_INT32(static_cast<int32>(lowdim::pg::hash_arg<lowdim::pg::T>(fcinfo, 0)));                  \
  }                                                                                                       \
  LOWDIM_FN(lowdim_##name##_hash_extended) {                                                              \
    PG_RETURN_INT64(static_cast<int64>(                                                                   \
        lowdim::pg::hash_arg<lowdim::pg::T>(fcinfo, static_cast<uint64>(PG_GETARG_INT64(1)))));           \
  }
