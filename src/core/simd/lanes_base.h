// Sixteen float lanes in four of the compiler's own 16-byte vectors: SSE2 on x86-64, NEON on AArch64. Integer
// products are plain loops, which it vectorises. See codes_impl.h for what the members are.
#pragma once

#include "core/simd/registers_base.h"

namespace lowdim::simd {
namespace {

struct Lanes {
  typedef float F4 __attribute__((vector_size(16)));
  typedef int32_t I4 __attribute__((vector_size(16)));
  typedef uint16_t U8 __attribute__((vector_size(16)));
  typedef uint8_t U16 __attribute__((vector_size(16)));
  struct V {
    F4 r[4];
  };
  struct I {
    I4 r[4];
  };
  static constexpr size_t kCodes = 1;
  static constexpr size_t kVectors = 2;

  static constexpr size_t kSplit = 0;

  static V zero() { return all(0.0f); }
  static V all(float x) {
    const F4 v = {x, x, x, x};
    return {{v, v, v, v}};
  }
  static V load(const float* p) {
    V v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
  static V load_part(const float* p, size_t count) {
    float copy[16] = {};
    __builtin_memcpy(copy, p, count * sizeof(float));
    return load(copy);
  }
  static V add(V x, V y) { return {{x.r[0] + y.r[0], x.r[1] + y.r[1], x.r[2] + y.r[2], x.r[3] + y.r[3]}}; }
  static V sub(V x, V y) { return {{x.r[0] - y.r[0], x.r[1] - y.r[1], x.r[2] - y.r[2], x.r[3] - y.r[3]}}; }
  static V mul(V x, V y) { return {{x.r[0] * y.r[0], x.r[1] * y.r[1], x.r[2] * y.r[2], x.r[3] * y.r[3]}}; }
  static V min(V x, V y) {
    for (size_t i = 0; i < 4; ++i) x.r[i] = x.r[i] < y.r[i] ? x.r[i] : y.r[i];
    return x;
  }
  static V max(V x, V y) {
    for (size_t i = 0; i < 4; ++i) x.r[i] = x.r[i] > y.r[i] ? x.r[i] : y.r[i];
    return x;
  }
  static void store(V x, float* p) { __builtin_memcpy(p, &x, sizeof x); }

  static V from_u8(const uint8_t* p) { return floats(bytes(p)); }
  static V from_u8_part(const uint8_t* p, size_t count) {
    uint8_t copy[16] = {};
    __builtin_memcpy(copy, p, count);
    return from_u8(copy);
  }
  static void from_u4(const uint8_t* p, V out[2]) {
    const I x = bytes(p);
    for (int k = 0; k < 2; ++k) out[k] = field(x, 4 * k, 15);
  }
  static void from_u2(const uint8_t* p, V out[4]) {
    const I x = bytes(p);
    for (int k = 0; k < 4; ++k) out[k] = field(x, 2 * k, 3);
  }
  static V from_f16(const uint8_t* p) {
    uint16_t halves[16];
    float f[16];
    __builtin_memcpy(halves, p, sizeof halves);
    for (size_t j = 0; j < 16; ++j) f[j] = half_to_float(halves[j]);
    return load(f);
  }
  static V from_f16_part(const uint8_t* p, size_t count) {
    uint8_t copy[32] = {};
    __builtin_memcpy(copy, p, 2 * count);
    return from_f16(copy);
  }
  static V where(V x, uint32_t bits) {
    const int32_t b = static_cast<int32_t>(bits);
    for (int k = 0; k < 4; ++k) {
      const I4 weights = {1 << 4 * k, 2 << 4 * k, 4 << 4 * k, 8 << 4 * k};
      const I4 set = (I4{b, b, b, b} & weights) == weights;
      x.r[k] = reinterpret_cast<F4>(reinterpret_cast<I4>(x.r[k]) & set);
    }
    return x;
  }

  static float sum(V x) {
    const F4 s = (x.r[0] + x.r[2]) + (x.r[1] + x.r[3]);
    return (s[0] + s[2]) + (s[1] + s[3]);
  }
  // x is in 0..255: added to 1.5 * 2^23, it is rounded to nearest even and lies in the low bits.
  static void store_codes(V x, uint8_t* p) {
    x = add(x, all(12582912.0f));
    for (size_t j = 0; j < 16; ++j) p[j] = static_cast<uint8_t>(reinterpret_cast<I4>(x.r[j / 4])[j % 4]);
  }

  template <class Q>
  static int32_t dot(const Q* q, const uint8_t* c, size_t n) {
    int32_t s = 0;
    for (size_t i = 0; i < n; ++i) s += static_cast<int32_t>(q[i]) * static_cast<int32_t>(c[i]);
    return s;
  }
  template <class Q>
  static int32_t dot_groups(const Q* q, const uint8_t* c, size_t groups) {
    int32_t s = 0;
    // By way of bytes, both loops become vector code; at once, neither would.
    for (size_t g = 0; g < groups; ++g, q += 32, c += 16) {
      uint8_t bytes[32];
      for (size_t i = 0; i < 16; ++i) bytes[i] = c[i] & 15;
      for (size_t i = 0; i < 16; ++i) bytes[16 + i] = c[i] >> 4;
      s += dot(q, bytes, 32);
    }
    return s;
  }

 private:
  static I bytes(const uint8_t* p) {
    U16 x;
    __builtin_memcpy(&x, p, 16);
    const U16 z = {};
    const U8 low = reinterpret_cast<U8>(
        __builtin_shufflevector(x, z, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    const U8 high = reinterpret_cast<U8>(
        __builtin_shufflevector(x, z, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
    const U8 zero = {};
    return {{reinterpret_cast<I4>(__builtin_shufflevector(low, zero, 0, 8, 1, 9, 2, 10, 3, 11)),
             reinterpret_cast<I4>(__builtin_shufflevector(low, zero, 4, 12, 5, 13, 6, 14, 7, 15)),
             reinterpret_cast<I4>(__builtin_shufflevector(high, zero, 0, 8, 1, 9, 2, 10, 3, 11)),
             reinterpret_cast<I4>(__builtin_shufflevector(high, zero, 4, 12, 5, 13, 6, 14, 7, 15))}};
  }
  static V floats(I x) {
    return {{__builtin_convertvector(x.r[0], F4), __builtin_convertvector(x.r[1], F4),
             __builtin_convertvector(x.r[2], F4), __builtin_convertvector(x.r[3], F4)}};
  }
  static V field(I x, int shift, int mask) {
    for (int k = 0; k < 4; ++k) x.r[k] = (x.r[k] >> shift) & mask;
    return floats(x);
  }
};

}  // namespace
}  // namespace lowdim::simd
