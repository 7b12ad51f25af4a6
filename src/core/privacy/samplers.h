// Exact samples of the discrete Laplace and the discrete Gaussian distribution (Canonne, Kamath, Steinke,
// "The Discrete Gaussian for Differential Privacy", NeurIPS 2020, algorithms 1 to 3), in integers of up to
// 128 bits. No floating-point number decides anything: a sample is a function of random bits alone, and its
// probability is the stated one, not one near it. Noise made of doubles is not private: the last bits of the
// result tell which inputs were possible (Mironov 2012).
//
// Differs from the paper: the Gaussian's scale is a fraction itself (not only its square), and the Laplace
// that proposes has that same scale, so that the acceptance probability is exp(-(|y| - s)^2 / (2 s^2)) and
// needs numbers of 2 log2(s) + 1 bits only. The time that a sample takes depends on its value.
#pragma once

#include <cstdint>

#include "core/privacy/entropy.h"

namespace lowdim::core {

// The number numerator / 2^shift.
struct NoiseScale {
  static constexpr uint64_t kMaxNumerator = (uint64_t{1} << 52) - 1;
  static constexpr uint32_t kMaxShift = 52;

  uint64_t numerator = 0;
  uint32_t shift = 0;

  double value() const;
  // The least scale that is not below v and has 51 bits or all it needs. Throws Error(kLimit) from 2^52 on
  // and Error(kInternal) for what is no positive number.
  static NoiseScale at_least(double v);
};

// True with probability numerator / denominator, numerator <= denominator, denominator > 0.
bool bernoulli(RandomBits& bits, U128 numerator, U128 denominator);

// True with probability exp(-numerator / denominator).
bool bernoulli_exp(RandomBits& bits, U128 numerator, U128 denominator);

// P(y) proportional to exp(-|y| / scale). A scale of 0 gives 0.
int64_t discrete_laplace(RandomBits& bits, NoiseScale scale);

// P(y) proportional to exp(-y^2 / (2 sigma^2)). A sigma of 0 gives 0.
int64_t discrete_gaussian(RandomBits& bits, NoiseScale sigma);

}  // namespace lowdim::core
