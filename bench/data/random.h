// Seeded random numbers that are the same on every compiler and machine: SplitMix64 (Steele, Lea, Flood 2014)
// and only + - * / on doubles, so that neither the standard library's distributions nor libm can change a
// data set. Used by the hold-out split of fetch and by the generator; golden checksums in bench_data_test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace lowdim::bench {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // Uniform in 0..bound-1, without bias: draws in the incomplete last span of 2^64 are drawn again.
  uint64_t below(uint64_t bound) {
    const uint64_t skip = (0 - bound) % bound;
    for (;;) {
      const uint64_t x = next();
      if (x >= skip) return x % bound;
    }
  }

  // Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  // Bell-shaped, mean 0, variance 1: twelve uniforms less six (Irwin-Hall). Needs no logarithm or cosine.
  double normal() {
    double sum = 0;
    for (int i = 0; i < 12; i++) sum += uniform();
    return sum - 6;
  }

 private:
  uint64_t state_;
};

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
