// MaxSim, the similarity of late interaction: the sum over query vectors of the largest inner product with a
// document vector (Khattab and Zaharia, "ColBERT", SIGIR 2020). Inner products are summed in float32, like
// those of vector, and their maxima in double precision.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/stop.h"

namespace lowdim::core {

// `count` vectors of `dims` floats, one behind the other at any alignment. At least one of each.
struct MultiView {
  const float* x;
  uint32_t count;
  uint32_t dims;
};

// Fills best[j] with the largest inner product of query vector j and, unless `which` is nullptr, which[j]
// with the document vector it was found at, counted from 0: the first of equals. Both have room for
// query.count. The dimensions must agree. Products beyond float32 are infinite, or not a number where
// infinities cancel; the latter never win, and best[j] is -infinity (and which[j] 0) where all of them are.
// Throws Stopped; asks within a few milliseconds of work.
void max_matches(const MultiView& document, const MultiView& query, float* best, uint32_t* which, Stop stop);

// The sum of best[0, n).
double sum_matches(const float* best, uint32_t n);

}  // namespace lowdim::core
