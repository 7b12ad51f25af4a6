// core/base/half.h: every half there and back, and every rounding case of floats against a reference that
// works on values, not on bits: the nearest representable half in double arithmetic, ties to the even one.

#include "core/base/half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

namespace lowdim {
namespace {

static_assert(float_to_half(1.0f) == 0x3c00 && half_to_float(0x3c00) == 1.0f);
static_assert(float_to_half(-2.0f) == 0xc000 && float_to_half(65504.0f) == 0x7bff);

// What a finite or infinite half is worth, from the definition of the format.
double value_of(uint16_t half) {
  const double sign = half & 0x8000 ? -1 : 1;
  const int exponent = half >> 10 & 31;
  const int fraction = half & 0x3ff;
  if (exponent == 31) return sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

bool is_nan_half(uint16_t half) { return (half & 0x7fff) > 0x7c00; }

// Round to nearest even by scaling to the unit of the last place and letting nearbyint round. Above the
// largest half the format continues as if it had one more exponent, and what would land there is infinity.
uint16_t reference_half(float f) {
  const uint16_t sign = std::signbit(f) ? 0x8000 : 0;
  const double x = std::fabs(static_cast<double>(f));
  if (x == 0) return sign;
  if (std::isinf(x)) return sign | 0x7c00;
  const int exponent = std::max(std::ilogb(x), -14);
  const double unit = std::ldexp(1.0, exponent - 10);
  const double rounded = std::nearbyint(x / unit) * unit;
  if (rounded >= 65536) return sign | 0x7c00;
  const int e = std::max(rounded > 0 ? std::ilogb(rounded) : -14, -14);
  const int units = static_cast<int>(rounded / std::ldexp(1.0, e - 10));
  return static_cast<uint16_t>(sign |
                               (units + 1024 * (e + 14)));  // the implicit bit carries into the exponent
}

TEST(Half, EveryHalfHasItsValue) {
  for (uint32_t h = 0; h < 65536; ++h) {
    const uint16_t half = static_cast<uint16_t>(h);
    const float f = half_to_float(half);
    if (is_nan_half(half)) {
      EXPECT_TRUE(std::isnan(f)) << h;
    } else {
      EXPECT_EQ(static_cast<double>(f), value_of(half)) << h;
    }
    EXPECT_EQ(std::signbit(f), (h & 0x8000) != 0) << h;
  }
}

TEST(Half, EveryHalfSurvivesARoundTrip) {
  for (uint32_t h = 0; h < 65536; ++h) {
    const uint16_t half = static_cast<uint16_t>(h);
    const uint16_t expected = is_nan_half(half) ? half | 0x200 : half;  // NaNs keep their payload, made quiet
    EXPECT_EQ(float_to_half(half_to_float(half)), expected) << h;
  }
}

// Around every half and every midpoint between two, the floats next to it: where rounding can go wrong.
TEST(Half, RoundsToNearestEvenAroundEveryHalf) {
  for (uint32_t h = 0; h < 0x7c00; ++h) {
    const double here = value_of(static_cast<uint16_t>(h));
    const double next = h + 1 == 0x7c00 ? 65536.0 : value_of(static_cast<uint16_t>(h + 1));
    for (const double point : {here, (here + next) / 2}) {
      const float f = static_cast<float>(point);  // exact: 12 bits
      const float inf = std::numeric_limits<float>::infinity();
      for (const float x : {std::nextafterf(f, -inf), f, std::nextafterf(f, inf)}) {
        ASSERT_EQ(float_to_half(x), reference_half(x)) << h << " " << x;
        ASSERT_EQ(float_to_half(-x), reference_half(-x)) << h << " " << -x;
      }
    }
  }
}

TEST(Half, TiesGoToTheEvenHalf) {
  EXPECT_EQ(float_to_half(1.0f + 0x1p-11f), 0x3c00);
  EXPECT_EQ(float_to_half(1.0f + 0x3p-11f), 0x3c02);
  EXPECT_EQ(float_to_half(0x1p-25f), 0x0000);  // half of the smallest subnormal
  EXPECT_EQ(float_to_half(std::nextafterf(0x1p-25f, 1)), 0x0001);
  EXPECT_EQ(float_to_half(0x3p-25f), 0x0002);
  EXPECT_EQ(float_to_half(65519.996f), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0f), 0x7c00);  // the tie with what would be 65536
}

// One float of every 251 bit patterns, which is 17 million, all exponents and signs among them.
TEST(Half, AgreesWithTheReferenceOverAllFloats) {
  std::mt19937 random(1);
  for (uint64_t bits = random() % 251; bits <= 0xffffffffu; bits += 251) {
    const float x = std::bit_cast<float>(static_cast<uint32_t>(bits));
    if (std::isnan(x)) {
      const uint16_t half = float_to_half(x);
      ASSERT_EQ(half, (bits >> 16 & 0x8000) | 0x7e00 | (bits >> 13 & 0x3ff)) << bits;
    } else {
      ASSERT_EQ(float_to_half(x), reference_half(x)) << bits;
    }
  }
}

}  // namespace
}  // namespace lowdim
