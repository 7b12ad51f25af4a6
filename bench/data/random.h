// Random numbers of the data sets: core's (core/base/random.h), and a shuffle made of them. Used by the
// hold-out split of fetch and by the generator; golden checksums in bench_data_test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "core/base/random.h"

namespace lowdim::bench {

using core::Random;

// 0..n-1 in random order: Fisher-Yates from the front, so the first m entries are a sample of m without
// repeats.
inline std::vector<uint32_t> shuffled(size_t n, uint64_t seed) {
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  Random random(seed);
  for (size_t i = 0; i + 1 < n; i++) std::swap(order[i], order[i + random.below(n - i)]);
  return order;
}

}  // namespace lowdim::bench
