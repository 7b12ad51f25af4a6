// Seeded draws from the distributions that random features need, the same on every machine: made of
// core/base/random.h and + - * / and square roots of doubles, which IEEE 754 fixes to the bit, where the C
// library's logarithm would not be. Random::normal() is not enough here: a sum of twelve uniforms is bounded,
// and the kernel that its features estimate is off by up to 0.01 along an axis.
//
// For features, which are public. Noise comes from samplers.h.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/base/random.h"

namespace lowdim::core {

// ln(x) of a normal positive double, to 2 units of the last place: m 2^e with m in [sqrt(1/2), sqrt(2)], and
// ln(m) = 2 atanh(s) with s = (m - 1) / (m + 1), |s| < 0.172.
inline double portable_log(double x) {
  uint64_t bits = std::bit_cast<uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  bits = (bits & ((uint64_t{1} << 52) - 1)) | (uint64_t{1023} << 52);
  double m = std::bit_cast<double>(bits);
  if (m > 1.4142135623730951) {
    m /= 2;
    ++exponent;
  }
  const double s = (m - 1) / (m + 1), z = s * s;
  double sum = 0;
  for (int k = 23; k >= 1; k -= 2) sum = sum * z + 1.0 / k;
  return 2 * s * sum + exponent * 0.69314718055994530942;
}

class Draws {
 public:
  explicit Draws(uint64_t seed) : random_(seed) {}

  uint64_t next() { return random_.next(); }
  uint64_t below(uint64_t bound) { return random_.below(bound); }
  bool coin() { return random_.next() >> 63 != 0; }

  // Standard normal: Marsaglia's polar method, of whose two results one is used.
  double normal() {
    for (;;) {
      const double u = 2 * random_.uniform() - 1, v = 2 * random_.uniform() - 1;
      const double q = u * u + v * v;
      if (q < 1 && q > 0) return u * std::sqrt(-2 * portable_log(q) / q);
    }
  }
  double exponential() { return -portable_log(1 - random_.uniform()); }
  double cauchy() {
    const double a = normal();
    return a / normal();
  }
  // The length of a standard normal vector of n >= 2 dimensions: by Marsaglia and Tsang's gamma (2000).
  double chi(uint32_t n) {
    const double d = n / 2.0 - 1.0 / 3, c = 1 / std::sqrt(9 * d);
    for (;;) {
      const double x = normal(), w = 1 + c * x, v = w * w * w, u = 1 - random_.uniform();
      if (v > 0 && portable_log(u) < x * x / 2 + d - d * v + d * portable_log(v)) return std::sqrt(2 * d * v);
    }
  }

 private:
  Random random_;
};

}  // namespace lowdim::core
