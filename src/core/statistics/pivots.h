// Pivots: rows of a column that stand for all of it, a uniform sample. How many of them lie within a radius
// of a center tells how many rows do; that the center's own surroundings are asked, and not the column's
// average ones, is what makes the estimate good. Kept as codes with a scale each, of a byte in few dimensions
// and of four bits in many, where the rounding of so many elements hardly adds up to anything in a direction
// that matters: it moves estimates less than another sample would (bench/core/selectivity.cpp), where
// projecting to fewer dimensions spoils them. What it adds to every squared distance is known and taken off.
//
// Layout with eight bits: for each pivot a float4, what one step of a code means, and then the codes, 127 for
// zero. With four bits: dims float4, the middle that the codes start from, so that what all rows have in
// common costs no steps; and for each pivot two float4, step and length of the rounding error, and the codes,
// 7 for the middle, packed as simd/codes.h has it. Codes are combined by exclusive or with a fixed
// pseudo-random stream: those of images compress well, and the server would try for long. What it cannot help
// trying is paid by the byte, and is why there are no more of them (bench/sql/analyze.sh, mnist).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/codec/matrix.h"
#include "core/statistics/pair_quantiles.h"

namespace lowdim::core {

// Of a code: 8 in few dimensions, 4 in many.
unsigned pivot_bits(size_t dims);

// Bytes that somebody else owns; any alignment.
struct Pivots {
  const uint8_t* bytes = nullptr;
  size_t n = 0;
  size_t dims = 0;

  unsigned bits() const { return pivot_bits(dims); }
  size_t middle_bytes() const;
  size_t row_bytes() const;
};

// How many of `rows` rows of so many dimensions are kept: 1,000 in few dimensions, 64 at least, and between
// as many as fit 192 kB.
size_t pivot_count(size_t dims, size_t rows);

// The first n of `rows`; their values are divided by `factor`, a power of two (neighbours.h: scale_rows).
std::vector<uint8_t> make_pivots(Rows rows, size_t n, double factor);

// True if the bytes are n pivots of dims dimensions.
bool valid_pivots(const uint8_t* bytes, size_t n_bytes, size_t n, size_t dims);

// Pivot i as floats; `out` has room for dims, which are kMaxDims at most. Returns how far it is from the row
// that it was made of, 0 with eight bits.
float read_pivot(const Pivots& pivots, size_t i, float* out);

// The distance as the range operators have it; +infinity where it is not a number (a zero vector's cosine).
double sphere_distance(SphereMetric metric, const float* a, const float* b, size_t dims);

// From a center to each pivot, in the pivots' order; the center itself may be off by a vector of length
// `error`.
std::vector<double> pivot_distances(const Pivots& pivots, SphereMetric metric, const float* center,
                                    double error = 0);

}  // namespace lowdim::core
