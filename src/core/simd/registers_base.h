// One vector register of the platform's baseline: SSE2 on x86-64, NEON on AArch64, four floats either way.
// xsimd batches and plain loops only, so that both are the same code. See kernels_impl.h for what the members
// are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <xsimd/xsimd.hpp>

#include "core/base/half.h"
#include "core/simd/sum.h"
#include "core/simd/tables.h"

namespace lowdim::simd {
namespace {

#if LOWDIM_SIMD_X86
using Arch = xsimd::sse2;
#elif defined(__aarch64__)
using Arch = xsimd::neon64;
#else
#error "lowdim's kernels are written for x86-64 and AArch64"
#endif

struct Reg {
  using F = xsimd::batch<float, Arch>;
  using D = xsimd::batch<double, Arch>;
  static constexpr size_t kLanes = F::size;
  static_assert(kLanes == 4);

  static F load(const float* p) { return F::load_unaligned(p); }
  static F load(const uint16_t* p) {
    float f[kLanes];
    for (size_t j = 0; j < kLanes; ++j) f[j] = half_to_float(p[j]);
    return F::load_unaligned(f);
  }
  static F load_rest(const float* p, size_t i, size_t n) {
    const float f[kLanes] = {p[i], i + 1 < n ? p[i + 1] : 0.0f, i + 2 < n ? p[i + 2] : 0.0f, 0.0f};
    return F::load_unaligned(f);
  }
  static F load_rest(const uint16_t* p, size_t i, size_t n) {
    const uint16_t h[kLanes] = {p[i], i + 1 < n ? p[i + 1] : uint16_t{0}, i + 2 < n ? p[i + 2] : uint16_t{0},
                                0};
    return load(h);
  }

  static constexpr size_t kLong = 0;

  static void add_squares(F x, D& lo, D& hi) {
    float f[kLanes];
    double d[kLanes];
    x.store_unaligned(f);
    for (size_t j = 0; j < kLanes; ++j) d[j] = static_cast<double>(f[j]);
    const D a = D::load_unaligned(d);
    const D b = D::load_unaligned(d + kLanes / 2);
    lo = xsimd::fma(a, a, lo);
    hi = xsimd::fma(b, b, hi);
  }

  static void store_rest(F x, float* p, size_t count) {
    float f[kLanes];
    x.store_unaligned(f);
    for (size_t j = 0; j < count; ++j) p[j] = f[j];
  }
  static void store_half(F x, uint16_t* p) { store_half_rest(x, p, kLanes); }
  static void store_half_rest(F x, uint16_t* p, size_t count) {
    float f[kLanes];
    x.store_unaligned(f);
    for (size_t j = 0; j < count; ++j) p[j] = float_to_half(f[j]);
  }

  static float sum(F x) { return sum_of(x); }
  static double sum(D x) { return sum_of(x); }

  static constexpr size_t kTileDocuments = 2;
  static F add_four(F a, F b, F c, F d) {
    // Not xsimd::bitwise_cast, whose argument is a batch in some versions and an element in others.
    const D ab = __builtin_bit_cast(D, xsimd::zip_lo(a, b) + xsimd::zip_hi(a, b));
    const D cd = __builtin_bit_cast(D, xsimd::zip_lo(c, d) + xsimd::zip_hi(c, d));
    return __builtin_bit_cast(F, xsimd::zip_lo(ab, cd)) + __builtin_bit_cast(F, xsimd::zip_hi(ab, cd));
  }
  static F add_quarters(const F x[1]) { return x[0]; }

  using Bits = xsimd::batch<uint64_t, Arch>;
  static constexpr size_t kBytes = 8 * Bits::size;
  static constexpr bool kMasksBytes = false;

  static Bits load_bits(const uint8_t* p) {
    uint64_t words[Bits::size];
    __builtin_memcpy(words, p, kBytes);
    return Bits::load_unaligned(words);
  }
  // Pairs, nibbles, bytes, then the sum of the eight bytes of each lane.
  static Bits popcount(Bits x) {
    x = x - ((x >> 1) & Bits(uint64_t{0x5555555555555555}));
    x = (x & Bits(uint64_t{0x3333333333333333})) + ((x >> 2) & Bits(uint64_t{0x3333333333333333}));
    x = (x + (x >> 4)) & Bits(uint64_t{0x0f0f0f0f0f0f0f0f});
    x = x + (x >> 8);
    x = x + (x >> 16);
    x = x + (x >> 32);
    return x & Bits(uint64_t{0x7f});
  }
  static uint64_t sum_bits(Bits x) {
    uint64_t words[Bits::size];
    x.store_unaligned(words);
    return words[0] + words[1];
  }
};

}  // namespace
}  // namespace lowdim::simd
