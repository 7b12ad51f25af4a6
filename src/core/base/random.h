// Seeded random numbers that are the same on every compiler, machine and instruction set: SplitMix64 (Steele,
// Lea, Flood 2014) and only + - * on doubles, so that neither the standard library's distributions nor libm
// can change what a seed means. What a trained model or an encoding draws is drawn here.
#pragma once

#include <cstdint>

namespace lowdim::core {

// One step of SplitMix64's output function: a bijection that mixes all bits.
constexpr uint64_t mix64(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() { return mix64(state_ += 0x9e3779b97f4a7c15u); }

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
    for (int i = 0; i < 12; ++i) sum += uniform();
    return sum - 6;
  }

 private:
  uint64_t state_;
};

}  // namespace lowdim::core
