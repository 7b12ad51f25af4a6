// What the levels' FastScan kernels share, and why their 16-bit sums are exact. fastscan_<level>.cpp includes
// this, defines `scan` for one block and a bounded number of segments, and makes its table. Anonymous
// namespace, no std, for the reasons given in kernels_impl.h.
//
// An entry is at most 255, so 257 of them fit 16 bits; blocks of more segments are summed in runs of 256 that
// are added in 32 bits. The shuffling levels add pairs of entries as one 16-bit lane, entry of the even byte
// + 256 * entry of the odd one, and separately the odd ones alone. The first sum wraps around, but
// subtracting 256 times the second from it leaves the even bytes' sum, which fits.
#pragma once

#include "core/simd/fastscan_tables.h"

namespace lowdim::simd {
namespace {

constexpr uint32_t kRun = 256;

// Sums of one block over m <= kRun segments; adds to `sums` if kAdd, else overwrites.
template <bool kAdd>
void scan(const uint8_t* block, uint32_t m, const uint8_t* tables, uint32_t* sums);

void scan_blocks(const uint8_t* blocks, size_t n_blocks, uint32_t m, const uint8_t* tables, uint32_t* sums) {
  const size_t block_bytes = size_t{16} * m;
  for (size_t b = 0; b < n_blocks; ++b, blocks += block_bytes, sums += 32) {
    uint32_t s = m < kRun ? m : kRun;
    scan<false>(blocks, s, tables, sums);
    while (s < m) {
      const uint32_t run = m - s < kRun ? m - s : kRun;
      scan<true>(blocks + size_t{16} * s, run, tables + size_t{16} * s, sums);
      s += run;
    }
  }
}

}  // namespace
}  // namespace lowdim::simd
