// Spheres: what the range operators <<->>, <<#>>, <<=>> and <<+>> have on their right, a composite value of a
// center (vector, halfvec or sparsevec) and a radius. A row is within if its distance to the center is less
// than the radius, as < compares double precision. Used by the operators, the index and the planner.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "access/htup.h"
#include "access/tupdesc.h"
}

namespace lowdim::pg {

struct Sphere {
  Datum center;
  double radius;
};

// How a sphere's row type is laid out, remembered between calls.
struct SphereType {
  Oid type;
  int32 typmod;
  TupleDesc layout;  // in the memory context given to read_sphere
};

// False if the center or the radius is NULL. *cache begins as zeros and lives as long as `context`. The
// center points into the value, which must be plain (not compressed or out of line).
bool read_sphere(HeapTupleHeader value, SphereType* cache, MemoryContext context, Sphere* out);

}  // namespace lowdim::pg
