// See content_order.h.

#include "core/graph/content_order.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace lowdim::core {
namespace {

uint64_t hash_of(const float* row, size_t dims, uint64_t seed) {
  uint64_t h = seed ^ 0x9E3779B97F4A7C15;
  for (size_t d = 0; d < dims; ++d) {
    uint32_t bits;
    std::memcpy(&bits, row + d, sizeof bits);
    h = (h ^ bits) * 0xFF51AFD7ED558CCD;
    h ^= h >> 32;
  }
  return h;
}

}  // namespace

std::vector<uint32_t> order_by_content(Rows rows, uint64_t seed) {
  std::vector<std::pair<uint64_t, uint32_t>> keys(rows.n);
  for (size_t i = 0; i < rows.n; ++i) {
    keys[i] = {hash_of(rows.row(i), rows.dims, seed), static_cast<uint32_t>(i)};
  }
  std::sort(keys.begin(), keys.end());
  std::vector<uint32_t> out(rows.n);
  for (size_t i = 0; i < rows.n; ++i) out[i] = keys[i].second;
  return out;
}

void sort_by_content(float* rows, size_t n, size_t dims, uint64_t seed) {
  std::vector<uint32_t> from = order_by_content({rows, n, dims}, seed);
  std::vector<float> first(dims);
  for (size_t start = 0; start < n; ++start) {
    if (from[start] == start) continue;
    // A cycle: each place takes the row that belongs there, the last one the row that lay at the start.
    std::copy_n(rows + start * dims, dims, first.begin());
    size_t at = start;
    while (from[at] != start) {
      const size_t next = from[at];
      std::copy_n(rows + next * dims, dims, rows + at * dims);
      from[at] = static_cast<uint32_t>(at);
      at = next;
    }
    std::copy(first.begin(), first.end(), rows + at * dims);
    from[at] = static_cast<uint32_t>(at);
  }
}

}  // namespace lowdim::core
