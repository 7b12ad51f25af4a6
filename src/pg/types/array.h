// integer[], real[], double precision[] and numeric[] as floats, for the casts to the vector types.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/array.h"
}

namespace lowdim::pg {

struct FloatArray {
  float* values;
  int n;
};

// The elements rounded to float4 (infinite where too large, except numeric, which raises). Raises for more
// than one dimension, for NULL elements and for other element types. An empty array has n = 0.
FloatArray float_array(ArrayType* array);

// The same for an array of any number of dimensions, its elements in the order in which they are stored.
FloatArray float_elements(ArrayType* array);

}  // namespace lowdim::pg
