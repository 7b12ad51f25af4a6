// multivector: several vectors of one dimension in one value.
//
//   0 varlena length, 4 int16 dim, 6 uint16 count, 8 count x dim float4, vector by vector
//
// All elements are finite, dim is 1 to kMaxDims, count 1 to kMaxVectors, and the whole has less than 1 GB, as
// every value of the server. float32, like vector: what is stored is what was given, and the kernels of
// MaxSim read it where it lies.
#pragma once

#include "core/multi/maxsim.h"
#include "pg/detoast.h"
#include "pg/types/types.h"

extern "C" {
#include "utils/memutils.h"
}

namespace lowdim::pg {

struct Multivector {
  int32 vl_len_;
  int16 dim;
  uint16 count;
  float x[FLEXIBLE_ARRAY_MEMBER];

  static constexpr const char* kName = "multivector";
  static constexpr float kMaxAbs = Vector::kMaxAbs;
  Size elements() const { return static_cast<Size>(count) * static_cast<Size>(dim); }
  const float* vector(int i) const { return x + static_cast<Size>(i) * static_cast<Size>(dim); }
};
static_assert(offsetof(Multivector, dim) == 4 && offsetof(Multivector, count) == 6 &&
              offsetof(Multivector, x) == 8);
static_assert(offsetof(Multivector, x) + sizeof(float) * kMaxMultiElements <= MaxAllocSize);

// Raises unless there are 1 to kMaxVectors vectors (22000, 54000) whose elements, of `dim` dimensions each,
// fit a value (54000).
void check_multi_size(int64 count, int dim);

// A value with its header set, its elements left to the caller. The size must have been checked.
Multivector* make_multi(int count, int dim);

// One vector of a multivector as a value of its own.
Vector* make_vector(const float* x, int dim);

// Argument n (0 or 1) of a function that is called for every row, where it lies.
inline core::MultiView multi_arg(FunctionCallInfo fcinfo, int n) {
  struct varlena* value = reinterpret_cast<struct varlena*>(PG_GETARG_POINTER(n));
  const char* payload;
  if (likely(VARATT_IS_4B_U(value))) {
    payload = VARDATA_4B(value);
  } else if (VARATT_IS_SHORT(value) && !VARATT_IS_EXTERNAL(value)) {
    payload = VARDATA_SHORT(value);
  } else {
    payload = VARDATA_4B(detoast(value, toast_cursor(fcinfo, n)));
  }
  int16 dim;
  uint16 count;
  memcpy(&dim, payload, sizeof dim);
  memcpy(&count, payload + sizeof dim, sizeof count);
  return {reinterpret_cast<const float*>(payload + sizeof dim + sizeof count), count,
          static_cast<uint32_t>(dim)};
}

}  // namespace lowdim::pg
