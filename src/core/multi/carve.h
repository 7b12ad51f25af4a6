// Ball carving: fewer vectors for a query whose vectors are alike (MUVERA, section 3.2; see
// core/multi/fde.h). The first vector that is left takes all those left whose cosine similarity to it reaches
// the threshold; their sum replaces them. For a document vector that is the best match of all of a ball,
// MaxSim stays what it was.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/stop.h"
#include "core/multi/maxsim.h"

namespace lowdim::core {

// Writes the sums, in the order of their first vectors, to `out`, which has room for the whole set, and
// returns how many there are: 1 to set.count. Products and sums are in double precision, in order, so that
// the result is the same on every machine. A zero vector is alone unless the threshold is 0 or less; its
// similarity to anything is 0. Sums beyond float32 are infinite. Throws Stopped.
uint32_t carve(const MultiView& set, double threshold, float* out, Stop stop);

}  // namespace lowdim::core
