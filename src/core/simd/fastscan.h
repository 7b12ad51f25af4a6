// The FastScan kernels: sums of table entries for 32 packed 4-bit codes at a time. Sixteen 8-bit entries fill
// a register, so that one byte shuffle looks up sixteen codes. A third table beside Kernels, chosen with it.
// Integers: the same on every level. Called through codec/fastscan.h, which makes blocks and tables, and by
// whatever keeps codes in blocks (neighbour lists, partitions).
//
// A block is 32 codes of m segments, 16 m bytes: byte j of segment s has code j's nibble in its low half and
// code j + 16's in its high half. Tables are 16 m bytes: entry v of segment s at 16 s + v.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/simd/kernels.h"

namespace lowdim::simd {

struct FastScanKernels {
  Level level;

  // sums[32 b + i] = the sum over segments s < m of the table entry that code i of block b has there. Exact
  // for m below 2^24. Pointers may be unaligned, n_blocks and m may be 0, nothing outside of them is touched.
  void (*sums)(const uint8_t* blocks, size_t n_blocks, uint32_t m, const uint8_t* tables, uint32_t* sums);
};

// nullptr where kernels_for(level) is.
const FastScanKernels* fastscan_kernels_for(Level level);

// The table of the level that kernels() uses.
const FastScanKernels& fastscan_kernels();

}  // namespace lowdim::simd
