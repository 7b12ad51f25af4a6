// See samplers.h.

#include "core/privacy/samplers.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"

namespace lowdim::core {

double NoiseScale::value() const {
  return std::ldexp(static_cast<double>(numerator), -static_cast<int>(shift));
}

NoiseScale NoiseScale::at_least(double v) {
  if (!(v > 0)) throw Error(ErrorKind::kInternal, "noise scale is not positive");
  int exponent = 0;
  std::frexp(v, &exponent);  // v < 2^exponent
  if (exponent > 52 || !std::isfinite(v)) {
    throw Error(ErrorKind::kLimit, "the noise that this privacy budget asks for is too large",
                "Choose a larger epsilon or delta, or fewer rows per unit.");
  }
  NoiseScale scale;
  scale.shift = static_cast<uint32_t>(std::clamp(51 - exponent, 0, static_cast<int>(kMaxShift)));
  scale.numerator = static_cast<uint64_t>(std::ceil(std::ldexp(v, static_cast<int>(scale.shift))));
  scale.numerator = std::min(scale.numerator, kMaxNumerator);  // v just below 2^52
  return scale;
}

bool bernoulli(RandomBits& bits, U128 numerator, U128 denominator) {
  return bits.below(denominator) < numerator;
}

namespace {

// exp(-x) = sum of (-x)^k / k!: the first k at which a coin of probability x / k fails is odd with that
// probability. x / k as two coins, so that nothing overflows.
bool bernoulli_exp_fraction(RandomBits& bits, U128 numerator, U128 denominator) {
  uint64_t k = 1;
  while (bernoulli(bits, numerator, denominator) && bernoulli(bits, 1, k)) ++k;
  return k % 2 == 1;
}

}  // namespace

bool bernoulli_exp(RandomBits& bits, U128 numerator, U128 denominator) {
  while (numerator > denominator) {
    if (!bernoulli_exp_fraction(bits, 1, 1)) return false;
    numerator -= denominator;
  }
  return bernoulli_exp_fraction(bits, numerator, denominator);
}

int64_t discrete_laplace(RandomBits& bits, NoiseScale scale) {
  const U128 t = scale.numerator;
  if (t == 0) return 0;
  for (;;) {
    const bool negative = bits.bit();
    U128 u;
    do {
      u = bits.below(t);
    } while (!bernoulli_exp(bits, u, t));
    uint64_t v = 0;
    while (bernoulli_exp_fraction(bits, 1, 1)) ++v;
    const U128 y = (v * t + u) >> scale.shift;
    if (negative && y == 0) continue;  // zero has one sign, else it would come twice as often
    // A v that would overflow, 2^11 heads in a row at the largest scale, does not happen; its noise would be
    // cut.
    const int64_t magnitude = static_cast<int64_t>(std::min<U128>(y, uint64_t{1} << 62));
    return negative ? -magnitude : magnitude;
  }
}

int64_t discrete_gaussian(RandomBits& bits, NoiseScale sigma) {
  const U128 s = sigma.numerator;
  if (s == 0) return 0;
  for (;;) {
    const int64_t y = discrete_laplace(bits, sigma);
    const U128 scaled = static_cast<U128>(y < 0 ? -y : y) << sigma.shift;
    const U128 difference = scaled > s ? scaled - s : s - scaled;
    if (difference >> 62 != 0) continue;  // accepted with a probability below exp(-2^18), that is never
    if (bernoulli_exp(bits, difference * difference, 2 * s * s)) return y;
  }
}

}  // namespace lowdim::core
