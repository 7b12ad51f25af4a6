// IEEE 754 binary16 ("half") to and from binary32, one element at a time: literals, casts, wire formats, and
// the reference for the bulk kernels of core/simd. Both directions give the bits of the F16C instructions:
// rounding to nearest even, overflow to infinity, subnormals kept, NaN payloads kept and made quiet.
//
// Branch-free integer steps, so that a loop over them vectorises without F16C. Always inlined and free of
// std: the SIMD object files include this, and none of them may leave a shared copy of it to the linker.
#pragma once

#include <cstdint>

namespace lowdim {

[[gnu::always_inline]] inline constexpr float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t magnitude = static_cast<uint32_t>(half & 0x7fffu) << 13;
  // Read as a float, the magnitude is 2^112 too small; the product is exact, and normalises subnormals too.
  uint32_t bits = __builtin_bit_cast(uint32_t, __builtin_bit_cast(float, magnitude) * 0x1p112f);
  bits |= magnitude >= 0x0f800000u ? 0x7f800000u : 0u;
  bits |= magnitude > 0x0f800000u ? 0x00400000u : 0u;
  return __builtin_bit_cast(float, sign | bits);
}

[[gnu::always_inline]] inline constexpr uint16_t float_to_half(float value) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, value);
  const uint32_t sign = bits >> 16 & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;

  // From 2^-14: rebias the exponent, then add just under half a unit of the last kept bit, and one more if
  // that bit is odd. A carry runs into the exponent, and from the largest half into infinity, as it should.
  const uint32_t normal = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
  // Below 2^-14: the unit of a float in [0.5, 1) is 2^-24, which is that of a subnormal half, so adding 0.5
  // lets the addition round; what is above the bits of 0.5 is the result.
  const uint32_t below = magnitude < 0x38800000u ? magnitude : 0u;
  const uint32_t subnormal =
      __builtin_bit_cast(uint32_t, __builtin_bit_cast(float, below) + 0.5f) - 0x3f000000u;
  const uint32_t nan = 0x7e00u | (magnitude >> 13 & 0x3ffu);

  uint32_t half = magnitude < 0x38800000u ? subnormal : normal;
  half = magnitude >= 0x47800000u ? 0x7c00u : half;  // 65536 and above, infinity
  half = magnitude > 0x7f800000u ? nan : half;
  return static_cast<uint16_t>(sign | half);
}

}  // namespace lowdim
