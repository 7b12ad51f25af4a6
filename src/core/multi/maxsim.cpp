// See maxsim.h.

#include "core/multi/maxsim.h"

#include <algorithm>
#include <limits>

#include "core/simd/kernels.h"

namespace lowdim::core {
namespace {

// The kernel reads a block of document vectors once for every few query vectors, so both blocks should stay
// in the first-level cache together. At least a tile of either, whatever its size; the most vectors bound the
// work between two questions whether to stop.
constexpr size_t kBlockBytes = size_t{16} << 10;
constexpr size_t kFewest = 12;  // a multiple of every level's tile
constexpr size_t kMost = 516;

uint32_t block_of(uint32_t dims) {
  const size_t fitting = kBlockBytes / (sizeof(float) * dims);
  return static_cast<uint32_t>(std::clamp(fitting / kFewest * kFewest, kFewest, kMost));
}

}  // namespace

void max_matches(const MultiView& document, const MultiView& query, float* best, uint32_t* which, Stop stop) {
  std::fill_n(best, query.count, -std::numeric_limits<float>::infinity());
  if (which != nullptr) std::fill_n(which, query.count, 0);
  const auto& kernels = simd::kernels();
  const uint32_t block = block_of(query.dims);
  const size_t dims = query.dims;
  for (uint32_t d = 0; d < document.count; d += block) {
    const uint32_t documents = std::min(block, document.count - d);
    for (uint32_t q = 0; q < query.count; q += block) {
      stop.check();
      kernels.max_dots_f32(document.x + d * dims, documents, query.x + q * dims,
                           std::min(block, query.count - q), query.dims, d, best + q,
                           which != nullptr ? which + q : nullptr);
    }
  }
}

double sum_matches(const float* best, uint32_t n) {
  double sum = 0;
  for (uint32_t j = 0; j < n; ++j) sum += static_cast<double>(best[j]);
  return sum;
}

}  // namespace lowdim::core
