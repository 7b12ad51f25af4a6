// Values of a column that may be a vector or a halfvec, as floats. What a type is, its input function tells:
// nothing looks a type up by name.
#pragma once

#include "pg/pg.h"

namespace lowdim::pg {

enum class DenseType : uint8_t { kNone, kVector, kHalfvec };

// A domain over one of the two is one, too.
DenseType dense_type_of(Oid type);
// The same for a column, with an ERROR for kNone.
DenseType dense_type_of_column(Oid type, const char* column, const char* table);

struct Floats {
  const float* x;
  size_t dims;
};
// May point into the value, or be in the current memory context.
Floats dense_floats(DenseType type, Datum value);

}  // namespace lowdim::pg
