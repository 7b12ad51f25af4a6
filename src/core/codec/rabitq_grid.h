// The point of the B-bit grid whose direction is nearest to a vector's: the code search of RaBitQ (Gao et
// al., "Practical and asymptotically optimal quantization of high-dimensional vectors", 2024). Grid points
// have coordinates k + 1/2 with k in -2^(B-1) .. 2^(B-1)-1, so a code is a sign and a magnitude in each
// dimension. Called by RabitqQuantizer::encode; the result depends on the vector only, not on the processor.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lowdim::core {

// Fills codes[0..dims) with the offset binary code k + 2^(bits-1), a number below 2^bits whose highest bit is
// 1 where u is positive.
//
// The best code is floor(t |u|) for some scale t, clamped to the grid. The paper sweeps all t at which a
// coordinate changes; here a coarse grid of scales, then a finer one, finds the neighbourhood and only that
// is swept, which costs a few passes over the vector instead of a sort of dims * 2^(bits-1) numbers.
// u is finite and not zero.
void nearest_grid_direction(const float* u, size_t dims, int bits, uint8_t* codes);

}  // namespace lowdim::core
