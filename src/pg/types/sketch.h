// The SQL type dp_sketch: a varlena with the image of a released sketch (core/privacy/query.h reads it).
//
// A function that is called for every row with the same sketch keeps it prepared at its call site
// (core::SketchCache). What is stored out of line is known by its TOAST pointer, the rest by its checksum.
#pragma once

#include "core/privacy/query.h"
#include "pg/pg.h"

namespace lowdim::pg {

// The sketch in argument n, read at most once for as long as the argument stays the same.
core::SketchQuery* sketch_arg(FunctionCallInfo fcinfo, int n);

// The same for a sketch that is no argument itself, at one of several places of the call site.
core::SketchQuery* sketch_at(core::SketchCache* cache, size_t place, Datum sketch);
core::SketchCache* sketch_cache(FunctionCallInfo fcinfo);

// An image as a value of the type.
Datum sketch_datum(const uint8_t* image, size_t n);

}  // namespace lowdim::pg
