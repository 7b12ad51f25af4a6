// Pivots: rows of a column that stand for all of it, a uniform sample. How many of them lie within a radius
// of a center tells how many rows do; that the center's own surroundings are asked, and not the column's
// average ones, is what makes the estimate good. Kept as bytes with a scale each: rounding moves estimates
// less than another sample would (bench/core/selectivity.cpp), where projecting to fewer dimensions spoils
// them.
//
// Layout: for each pivot a float4, what one step of a byte means, and then dims signed bytes, each combined
// by exclusive or with a byte of a fixed pseudo-random stream. Codes of images compress well, and the server
// would try: that took longer than all the rest of the statistics (bench/sql/analyze.sh, mnist).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/codec/matrix.h"
#include "core/statistics/pair_quantiles.h"

namespace lowdim::core {

// Bytes that somebody else owns; any alignment.
struct Pivots {
  const uint8_t* bytes = nullptr;
  size_t n = 0;
  size_t dims = 0;

  size_t row_bytes() const { return sizeof(float) + dims; }
};

// How many of `rows` rows of so many dimensions are kept: 1,000 in few dimensions, 64 at least, and between
// as many as fit 192 kB.
size_t pivot_count(size_t dims, size_t rows);

// The first n of `rows`; their values are divided by `factor`, a power of two (neighbours.h: scale_rows).
std::vector<uint8_t> make_pivots(Rows rows, size_t n, double factor);

// True if the bytes are n pivots of dims dimensions.
bool valid_pivots(const uint8_t* bytes, size_t n_bytes, size_t n, size_t dims);

// Pivot i as floats; `out` has room for dims, which are kMaxDims at most.
void read_pivot(const Pivots& pivots, size_t i, float* out);

// The distance as the range operators have it; +infinity where it is not a number (a zero vector's cosine).
double sphere_distance(SphereMetric metric, const float* a, const float* b, size_t dims);

// From a center to each pivot, in the pivots' order.
std::vector<double> pivot_distances(const Pivots& pivots, SphereMetric metric, const float* center);

}  // namespace lowdim::core
