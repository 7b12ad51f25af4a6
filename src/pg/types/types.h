// The column types as they lie in memory and on disk, and the checks that every function shares. The layouts
// are pgvector's, so that a table's files mean the same to both.
//
//   vector, halfvec   0 varlena length, 4 int16 dim, 6 int16 unused (0), 8 dim elements (float4 / binary16)
//   sparsevec         0 varlena length, 4 int32 dim, 8 int32 nnz, 12 int32 unused (0), 16 nnz x int32 index
//   from 0,
//                     ascending, then nnz x float4, none 0
// Elements are finite in every stored value.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/half.h"
#include "core/simd/kernels.h"
#include "core/vec/limits.h"
#include "core/vec/sparse.h"
#include "pg/compat.h"
#include "pg/fn.h"
#include "pg/pg.h"

namespace lowdim::pg {

struct Vector {
  int32 vl_len_;
  int16 dim;
  int16 unused;
  float x[FLEXIBLE_ARRAY_MEMBER];

  using Element = float;
  static constexpr const char* kName = "vector";
  static constexpr float kMaxAbs = 3.402823466e+38F;
  static float to_float(float v) { return v; }
  static float from_float(float v) { return v; }  // rounds; the caller checks for infinity
};
static_assert(offsetof(Vector, dim) == 4 && offsetof(Vector, x) == 8);

struct HalfVector {
  int32 vl_len_;
  int16 dim;
  int16 unused;
  uint16_t x[FLEXIBLE_ARRAY_MEMBER];

  using Element = uint16_t;
  static constexpr const char* kName = "halfvec";
  static constexpr float kMaxAbs = 65519.996F;  // the largest float that rounds to a finite half
  static float to_float(uint16_t v) { return half_to_float(v); }
  static uint16_t from_float(float v) { return float_to_half(v); }
};
static_assert(offsetof(HalfVector, dim) == 4 && offsetof(HalfVector, x) == 8);

struct SparseVector {
  int32 vl_len_;
  int32 dim;
  int32 nnz;
  int32 unused;
  int32 indices[FLEXIBLE_ARRAY_MEMBER];

  static constexpr const char* kName = "sparsevec";
  static constexpr float kMaxAbs = 3.402823466e+38F;
  float* values() { return reinterpret_cast<float*>(indices + nnz); }
  const float* values() const { return reinterpret_cast<const float*>(indices + nnz); }
  core::SparseView view() const { return {indices, values(), static_cast<uint32_t>(nnz), dim}; }
};
static_assert(offsetof(SparseVector, dim) == 4 && offsetof(SparseVector, indices) == 16);

template <class T>
struct TypeLimit {
  static constexpr int32 kDims = kMaxDims;
};
template <>
struct TypeLimit<SparseVector> {
  static constexpr int32 kDims = kMaxSparseDims;
};

// Argument n as a T, detoasted; PostgreSQL keeps the copy, if one was made, until the memory context ends.
template <class T>
inline T* arg(FunctionCallInfo fcinfo, int n) {
  return reinterpret_cast<T*>(PG_DETOAST_DATUM(PG_GETARG_DATUM(n)));
}

// Zero-filled results with their headers set. Dimensions must have been checked.
template <class T>
T* make_dense(int dim) {
  const Size size = offsetof(T, x) + sizeof(typename T::Element) * static_cast<Size>(dim);
  T* v = static_cast<T*>(palloc0(size));
  SET_VARSIZE(v, size);
  v->dim = static_cast<int16>(dim);
  return v;
}
SparseVector* make_sparse(int dim, int nnz);

// Checks, each raising what its name says.
template <class T>
void check_dim(int64 dim) {
  if (dim < 1) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("%s must have at least 1 dimension", T::kName)));
  }
  if (dim > TypeLimit<T>::kDims) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("%s cannot have more than %d dimensions", T::kName, TypeLimit<T>::kDims)));
  }
}
void check_expected_dim(int32 typmod, int dim);
void raise_not_finite(const char* type_name, bool nan);
[[noreturn]] void raise_out_of_range(const char* type_name, float value);
[[noreturn]] void raise_different_dims(const char* type_name, int a, int b);

template <class T>
inline void check_same_dim(const T* a, const T* b) {
  if (unlikely(a->dim != b->dim)) raise_different_dims(T::kName, a->dim, b->dim);
}

template <class T>
inline void check_element(float v) {
  if (unlikely(!(v - v == 0))) raise_not_finite(T::kName, v != v);
}

// A float as an element of T; an error when it is finite and T's nearest value is not.
template <class T>
inline typename T::Element narrow(float v) {
  if (v - v == 0 && (v > T::kMaxAbs || v < -T::kMaxAbs)) raise_out_of_range(T::kName, v);
  return T::from_float(v);
}

// distance = 1 - cosine similarity, in [0, 2]; NaN for a zero vector. norms are squared.
double cosine_distance(double dot, double norm_a, double norm_b);

}  // namespace lowdim::pg
