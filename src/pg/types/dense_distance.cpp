// Distances, norms and what index support needs of vector and halfvec. Exact scans spend their time here:
// nothing but the dimension check lies between the arguments and one kernel call.

#include <cmath>

#include "pg/detoast.h"
#include "pg/pg.h"
#include "pg/types/types.h"

namespace lowdim::pg {
namespace {

using simd::kernels;

inline float l2sq(const DenseView<Vector>& a, const DenseView<Vector>& b) {
  return kernels().l2sq_f32(a.x, b.x, static_cast<uint32_t>(a.dim));
}
inline float l2sq(const DenseView<HalfVector>& a, const DenseView<HalfVector>& b) {
  return kernels().l2sq_f16(a.x, b.x, static_cast<uint32_t>(a.dim));
}
inline float dot(const DenseView<Vector>& a, const DenseView<Vector>& b) {
  return kernels().dot_f32(a.x, b.x, static_cast<uint32_t>(a.dim));
}
inline float dot(const DenseView<HalfVector>& a, const DenseView<HalfVector>& b) {
  return kernels().dot_f16(a.x, b.x, static_cast<uint32_t>(a.dim));
}
inline float l1(const DenseView<Vector>& a, const DenseView<Vector>& b) {
  return kernels().l1_f32(a.x, b.x, static_cast<uint32_t>(a.dim));
}
inline float l1(const DenseView<HalfVector>& a, const DenseView<HalfVector>& b) {
  return kernels().l1_f16(a.x, b.x, static_cast<uint32_t>(a.dim));
}
inline void cosine_sums(const DenseView<Vector>& a, const DenseView<Vector>& b, float* out) {
  kernels().cosine_f32(a.x, b.x, static_cast<uint32_t>(a.dim), out);
}
inline void cosine_sums(const DenseView<HalfVector>& a, const DenseView<HalfVector>& b, float* out) {
  kernels().cosine_f16(a.x, b.x, static_cast<uint32_t>(a.dim), out);
}

// float32 sums overflow beyond |x| ~ 1e19 and vanish below 1e-19, where the angle is as well defined as
// elsewhere.
template <class T>
double cosine_in_double(const DenseView<T>& a, const DenseView<T>& b) {
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (int i = 0; i < a.dim; ++i) {
    const double x = T::to_float(a.x[i]);
    const double y = T::to_float(b.x[i]);
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return cosine_distance(ab, aa, bb);
}

template <class T>
Datum dense_cosine(FunctionCallInfo fcinfo) {
  const DenseView<T> a = distance_arg<T>(fcinfo, 0);
  const DenseView<T> b = distance_arg<T>(fcinfo, 1);
  check_same_dim(a, b);
  float sums[3];
  cosine_sums(a, b, sums);
  constexpr float kTiny = 1e-30F;
  constexpr float kHuge = 1e30F;
  if (likely(sums[1] > kTiny && sums[2] > kTiny && sums[1] < kHuge && sums[2] < kHuge)) {
    PG_RETURN_FLOAT8(cosine_distance(sums[0], sums[1], sums[2]));
  }
  PG_RETURN_FLOAT8(cosine_in_double(a, b));
}

// Defines a distance function of two T: `expression` sees a and b.
#define LOWDIM_DISTANCE(name, T, expression)           \
  LOWDIM_FN(name) {                                    \
    const DenseView<T> a = distance_arg<T>(fcinfo, 0); \
    const DenseView<T> b = distance_arg<T>(fcinfo, 1); \
    check_same_dim(a, b);                              \
    PG_RETURN_FLOAT8(expression);                      \
  }

// Angle / pi of unit vectors.
double spherical(float dot_product) {
  const double clamped = dot_product > 1 ? 1 : dot_product < -1 ? -1 : static_cast<double>(dot_product);
  return std::acos(clamped) / M_PI;
}

template <class T>
double norm2(const T* v);
template <>
double norm2(const Vector* v) {
  return kernels().norm2_f32(v->x, static_cast<uint32_t>(v->dim));
}
template <>
double norm2(const HalfVector* v) {
  return kernels().norm2_f16(v->x, static_cast<uint32_t>(v->dim));
}

template <class T>
Datum dense_norm(FunctionCallInfo fcinfo) {
  PG_RETURN_FLOAT8(std::sqrt(norm2<T>(arg<T>(fcinfo, 0))));
}

// The zero vector stays zero.
template <class T>
Datum dense_normalize(FunctionCallInfo fcinfo) {
  const T* v = arg<T>(fcinfo, 0);
  const double norm = std::sqrt(norm2<T>(v));
  T* result = make_dense<T>(v->dim);
  if (norm > 0) {
    for (int i = 0; i < v->dim; ++i)
      result->x[i] = T::from_float(static_cast<float>(T::to_float(v->x[i]) / norm));
  }
  PG_RETURN_POINTER(result);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;

LOWDIM_DISTANCE(lowdim_vector_l2_distance, Vector, std::sqrt(static_cast<double>(l2sq(a, b))))
LOWDIM_DISTANCE(lowdim_vector_l2_squared_distance, Vector, static_cast<double>(l2sq(a, b)))
LOWDIM_DISTANCE(lowdim_vector_inner_product, Vector, static_cast<double>(dot(a, b)))
LOWDIM_DISTANCE(lowdim_vector_negative_inner_product, Vector, -static_cast<double>(dot(a, b)))
LOWDIM_DISTANCE(lowdim_vector_l1_distance, Vector, static_cast<double>(l1(a, b)))
LOWDIM_DISTANCE(lowdim_vector_spherical_distance, Vector, spherical(dot(a, b)))
LOWDIM_FN(lowdim_vector_cosine_distance) { return dense_cosine<Vector>(fcinfo); }
LOWDIM_FN(lowdim_vector_norm) { return dense_norm<Vector>(fcinfo); }
LOWDIM_FN(lowdim_vector_l2_normalize) { return dense_normalize<Vector>(fcinfo); }

LOWDIM_DISTANCE(lowdim_halfvec_l2_distance, HalfVector, std::sqrt(static_cast<double>(l2sq(a, b))))
LOWDIM_DISTANCE(lowdim_halfvec_l2_squared_distance, HalfVector, static_cast<double>(l2sq(a, b)))
LOWDIM_DISTANCE(lowdim_halfvec_inner_product, HalfVector, static_cast<double>(dot(a, b)))
LOWDIM_DISTANCE(lowdim_halfvec_negative_inner_product, HalfVector, -static_cast<double>(dot(a, b)))
LOWDIM_DISTANCE(lowdim_halfvec_l1_distance, HalfVector, static_cast<double>(l1(a, b)))
LOWDIM_DISTANCE(lowdim_halfvec_spherical_distance, HalfVector, spherical(dot(a, b)))
LOWDIM_FN(lowdim_halfvec_cosine_distance) { return dense_cosine<HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_norm) { return dense_norm<HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_l2_normalize) { return dense_normalize<HalfVector>(fcinfo); }
