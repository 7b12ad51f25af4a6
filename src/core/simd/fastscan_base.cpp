// FastScan for any processor of the platform: SSE2 has no byte shuffle, so these are plain look-ups. See
// fastscan_impl.h.

#include "core/simd/fastscan_impl.h"

namespace lowdim::simd {
namespace {

template <bool kAdd>
void scan(const uint8_t* block, uint32_t m, const uint8_t* tables, uint32_t* sums) {
  uint32_t low[16] = {}, high[16] = {};
  for (uint32_t s = 0; s < m; ++s, block += 16, tables += 16) {
    for (size_t j = 0; j < 16; ++j) {
      low[j] += tables[block[j] & 15];
      high[j] += tables[block[j] >> 4];
    }
  }
  for (size_t j = 0; j < 16; ++j) {
    sums[j] = low[j] + (kAdd ? sums[j] : 0);
    sums[16 + j] = high[j] + (kAdd ? sums[16 + j] : 0);
  }
}

}  // namespace

constinit const FastScanKernels fastscan_kernels_base = {.level = Level::kBase, .sums = scan_blocks};

}  // namespace lowdim::simd
