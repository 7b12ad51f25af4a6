// The code kernels' bodies, compiled once for each level: codes_<level>.cpp includes lanes_<level>.h, which
// defines `Lanes`, then this, and defines its table. Anonymous namespace, no std, no Eigen, for the reasons
// given in kernels_impl.h. These files are compiled with -ffp-contract=off: a product fused with its sum on
// one level would differ in the last bit from the others.
//
// Lanes has, for V = sixteen floats:
//   kCodes                    how many codes are scored together: enough sums to hide an addition's latency
//   kVectors                  how many vectors are projected together: what the registers hold of sums
//   zero, all(x), load(p), load_part(p, count)   count <= 16, other lanes 0
//   add, sub, mul, min, max, store(x, p)
//   from_u8(p), from_u8_part(p, count), from_f16(p), from_f16_part(p, count)
//   from_u4(p, out[2]), from_u2(p, out[4])       16 bytes of packed codes
//   where(x, bits)            lanes whose bit is set, others 0
//   sum(x)                    folded in halves: lane i + lane i + 8, then + 4, + 2, + 1
//   store_codes(x, p)         lanes in [0, 255], rounded to nearest even, to sixteen bytes
//   dot(q, c, n)              integers, one byte a code
//   dot_groups(q, c, groups)  integers, groups of 32 dimensions of 4-bit codes
//   kSplit, split(q, n, high, low), dot_split(high, low, c, n)  where kSplit > 0: 16-bit queries as two of
//   bytes,
//                             at most kSplit dimensions of arrays of kSplit bytes
#pragma once

#include "core/simd/code_tables.h"

namespace lowdim::simd {
namespace {

using V = Lanes::V;

inline V multiply_add(V sum, V a, V b) { return Lanes::add(sum, Lanes::mul(a, b)); }

// The `count` codes of `kBits` bits that lie in order from p on, one a byte. Eight at a time: each step moves
// the upper half of every field of a word out to where it belongs.
template <unsigned kBits>
void spread(const uint8_t* p, size_t count, uint8_t* out) {
  size_t left = (count * kBits + 7) / 8;
  for (size_t i = 0; i < count; i += 8, p += kBits, out += 8) {
    uint64_t x = 0;
    for (size_t j = 0; j < kBits && j < left; ++j) x |= static_cast<uint64_t>(p[j]) << (8 * j);
    left -= left < kBits ? left : kBits;
    x = (x | x << (4 * (8 - kBits))) & (uint64_t{0x0000000100000001} * ((1u << 4 * kBits) - 1));
    x = (x | x << (2 * (8 - kBits))) & (uint64_t{0x0001000100010001} * ((1u << 2 * kBits) - 1));
    x = (x | x << (8 - kBits)) & (uint64_t{0x0101010101010101} * ((1u << kBits) - 1));
    __builtin_memcpy(out, &x, 8);
  }
}

// Formats: group(q, p, stride, s) takes kDims dimensions, kBytes bytes, of K codes; rest(q, p, count, s) what
// is left of one code.
struct U8 {
  static constexpr size_t kDims = 16, kBytes = 16;
  template <size_t K>
  static void group(const float* q, const uint8_t* p, size_t stride, V s[K]) {
    const V x = Lanes::load(q);
    for (size_t k = 0; k < K; ++k) s[k] = multiply_add(s[k], x, Lanes::from_u8(p + k * stride));
  }
  static V rest(const float* q, const uint8_t* p, size_t count, V s) {
    return multiply_add(s, Lanes::load_part(q, count), Lanes::from_u8_part(p, count));
  }
};

struct F16 {
  static constexpr size_t kDims = 16, kBytes = 32;
  template <size_t K>
  static void group(const float* q, const uint8_t* p, size_t stride, V s[K]) {
    const V x = Lanes::load(q);
    for (size_t k = 0; k < K; ++k) s[k] = multiply_add(s[k], x, Lanes::from_f16(p + k * stride));
  }
  static V rest(const float* q, const uint8_t* p, size_t count, V s) {
    return multiply_add(s, Lanes::load_part(q, count), Lanes::from_f16_part(p, count));
  }
};

template <unsigned kBits>
V rest_in_order(const float* q, const uint8_t* p, size_t count, V s) {
  uint8_t codes[16 * 8 / kBits];
  spread<kBits>(p, count, codes);
  for (size_t i = 0; i < count; i += 16) {
    const size_t part = count - i < 16 ? count - i : 16;
    s = multiply_add(s, Lanes::load_part(q + i, part), Lanes::from_u8_part(codes + i, part));
  }
  return s;
}

struct U4 {
  static constexpr size_t kDims = 32, kBytes = 16;
  template <size_t K>
  static void group(const float* q, const uint8_t* p, size_t stride, V s[K]) {
    const V x0 = Lanes::load(q), x1 = Lanes::load(q + 16);
    for (size_t k = 0; k < K; ++k) {
      V c[2];
      Lanes::from_u4(p + k * stride, c);
      s[k] = multiply_add(multiply_add(s[k], x0, c[0]), x1, c[1]);
    }
  }
  static V rest(const float* q, const uint8_t* p, size_t count, V s) {
    return rest_in_order<4>(q, p, count, s);
  }
};

struct U2 {
  static constexpr size_t kDims = 64, kBytes = 16;
  template <size_t K>
  static void group(const float* q, const uint8_t* p, size_t stride, V s[K]) {
    for (size_t k = 0; k < K; ++k) {
      V c[4];
      Lanes::from_u2(p + k * stride, c);
      for (size_t j = 0; j < 4; ++j) s[k] = multiply_add(s[k], Lanes::load(q + 16 * j), c[j]);
    }
  }
  static V rest(const float* q, const uint8_t* p, size_t count, V s) {
    return rest_in_order<2>(q, p, count, s);
  }
};

struct U1 {
  static constexpr size_t kDims = 16, kBytes = 2;
  template <size_t K>
  static void group(const float* q, const uint8_t* p, size_t stride, V s[K]) {
    const V x = Lanes::load(q);
    for (size_t k = 0; k < K; ++k) {
      const uint8_t* c = p + k * stride;
      s[k] = Lanes::add(s[k], Lanes::where(x, c[0] | static_cast<uint32_t>(c[1]) << 8));
    }
  }
  static V rest(const float* q, const uint8_t* p, size_t count, V s) {
    const uint32_t bits = p[0] | (count > 8 ? static_cast<uint32_t>(p[1]) << 8 : 0u);
    return Lanes::add(s, Lanes::where(Lanes::load_part(q, count), bits));
  }
};

template <class Format, size_t K>
void dot_some(const float* q, const uint8_t* codes, size_t stride, size_t dims, float* out) {
  V s[K];
  for (size_t k = 0; k < K; ++k) s[k] = Lanes::zero();
  size_t i = 0;
  const uint8_t* p = codes;
  for (; i + Format::kDims <= dims; i += Format::kDims, p += Format::kBytes)
    Format::template group<K>(q + i, p, stride, s);
  for (size_t k = 0; k < K; ++k) {
    if (i < dims) s[k] = Format::rest(q + i, p + k * stride, dims - i, s[k]);
    out[k] = Lanes::sum(s[k]);
  }
}

template <class Format>
void dot_float(const float* q, const uint8_t* codes, size_t stride, size_t n, uint32_t dims, float* out) {
  size_t i = 0;
  for (; i + Lanes::kCodes <= n; i += Lanes::kCodes)
    dot_some<Format, Lanes::kCodes>(q, codes + i * stride, stride, dims, out + i);
  for (; i < n; ++i) dot_some<Format, 1>(q, codes + i * stride, stride, dims, out + i);
}

template <class Q>
void dot_int_u8(const Q* q, const uint8_t* codes, size_t stride, size_t n, uint32_t dims, int32_t* out) {
  for (size_t i = 0; i < n; ++i) out[i] = Lanes::dot(q, codes + i * stride, dims);
}

template <class L>
void dot_i16_u8(const int16_t* q, const uint8_t* codes, size_t stride, size_t n, uint32_t dims,
                int32_t* out) {
  if constexpr (L::kSplit > 0) {
    if (n >= 4) {
      alignas(64) int8_t high[L::kSplit] = {}, low[L::kSplit] = {};
      for (size_t i = 0; i < n; ++i) out[i] = 0;
      for (size_t d = 0; d < dims; d += L::kSplit) {
        const size_t part = dims - d < L::kSplit ? dims - d : L::kSplit;
        L::split(q + d, part, high, low);
        // No prefetching: asking for later codes was 10 to 25 % slower from memory, at any distance.
        for (size_t i = 0; i < n; ++i) out[i] += L::dot_split(high, low, codes + i * stride + d, part);
      }
      return;
    }
  }
  dot_int_u8(q, codes, stride, n, dims, out);
}

template <class Q>
void dot_int_u4(const Q* q, const uint8_t* codes, size_t stride, size_t n, uint32_t dims, int32_t* out) {
  const size_t groups = dims / 32, rest = dims % 32;
  for (size_t i = 0; i < n; ++i) {
    const uint8_t* code = codes + i * stride;
    int32_t sum = Lanes::dot_groups(q, code, groups);
    if (rest > 0) {
      uint8_t last[32];
      spread<4>(code + 16 * groups, rest, last);
      sum += Lanes::dot(q + 32 * groups, last, rest);
    }
    out[i] = sum;
  }
}

inline uint64_t word_of(const uint8_t* p, size_t count) {
  uint64_t word = 0;
  if (count == 8) {
    __builtin_memcpy(&word, p, 8);
    return word;
  }
  for (size_t j = 0; j < count; ++j) word |= static_cast<uint64_t>(p[j]) << (8 * j);
  return word;
}

template <class R>
uint32_t dot_planes(const uint8_t* planes, uint32_t n_planes, const uint8_t* code, size_t bytes) {
  using Bits = typename R::Bits;
  Bits sum(uint64_t{0});
  size_t i = 0;
  for (; i + R::kBytes <= bytes; i += R::kBytes) {
    const Bits c = R::load_bits(code + i);
    for (uint32_t p = 0; p < n_planes; ++p)
      sum = sum + (R::popcount(c & R::load_bits(planes + p * bytes + i)) << static_cast<int32_t>(p));
  }
  uint64_t rest = 0;
  if constexpr (R::kMasksBytes) {
    if (i < bytes) {
      const Bits c = R::load_bits_rest(code + i, bytes - i);
      for (uint32_t p = 0; p < n_planes; ++p) {
        const Bits plane = R::load_bits_rest(planes + p * bytes + i, bytes - i);
        sum = sum + (R::popcount(c & plane) << static_cast<int32_t>(p));
      }
    }
  } else {
    while (i < bytes) {
      const size_t count = bytes - i < 8 ? bytes - i : 8;
      const uint64_t c = word_of(code + i, count);
      for (uint32_t p = 0; p < n_planes; ++p)
        rest += static_cast<uint64_t>(__builtin_popcountll(c & word_of(planes + p * bytes + i, count))) << p;
      i += count;
    }
  }
  return static_cast<uint32_t>(rest + R::sum_bits(sum));
}

void dot_planes_u1(const uint8_t* planes, uint32_t n_planes, const uint8_t* codes, size_t stride, size_t n,
                   size_t bytes, uint32_t* out) {
  for (size_t i = 0; i < n; ++i) out[i] = dot_planes<Reg>(planes, n_planes, codes + i * stride, bytes);
}

// kMany vectors meet sixteen columns: what is loaded of the matrix serves all of them.
template <size_t kMany>
inline void project_some(const float* x, uint32_t dims, const float* matrix, uint32_t columns, float* out) {
  for (uint32_t j = 0; j < columns; j += 16) {
    V s[kMany];
    for (size_t k = 0; k < kMany; ++k) s[k] = Lanes::zero();
    const float* row = matrix + j;
    for (uint32_t d = 0; d < dims; ++d, row += columns) {
      const V m = Lanes::load(row);
      for (size_t k = 0; k < kMany; ++k) s[k] = multiply_add(s[k], Lanes::all(x[k * dims + d]), m);
    }
    for (size_t k = 0; k < kMany; ++k) Lanes::store(s[k], out + k * columns + j);
  }
}

void project_f32(const float* x, size_t n, uint32_t dims, const float* matrix, uint32_t columns, float* out) {
  constexpr size_t kMany = Lanes::kVectors;
  size_t i = 0;
  for (; i + kMany <= n; i += kMany)
    project_some<kMany>(x + i * dims, dims, matrix, columns, out + i * columns);
  for (; i < n; ++i) project_some<1>(x + i * dims, dims, matrix, columns, out + i * columns);
}

void min_max_f32(const float* v, uint32_t n, float out[2]) {
  V low = Lanes::all(v[0]), high = low;
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const V x = Lanes::load(v + i);
    low = Lanes::min(low, x);
    high = Lanes::max(high, x);
  }
  float lows[16], highs[16];
  Lanes::store(low, lows);
  Lanes::store(high, highs);
  float least = lows[0], greatest = highs[0];
  for (size_t j = 1; j < 16; ++j) {
    least = lows[j] < least ? lows[j] : least;
    greatest = highs[j] > greatest ? highs[j] : greatest;
  }
  for (; i < n; ++i) {
    least = v[i] < least ? v[i] : least;
    greatest = v[i] > greatest ? v[i] : greatest;
  }
  // Which of two zeros a minimum gives depends on the order of its arguments.
  out[0] = least + 0.0f;
  out[1] = greatest + 0.0f;
}

// Sixteen codes at a time from value(i, count); the last ones by way of a copy.
template <class Value>
void quantize(size_t n, float top, uint8_t* codes, Value value) {
  const V most = Lanes::all(top);
  const auto bounded = [&](V x) { return Lanes::min(Lanes::max(x, Lanes::zero()), most); };
  size_t i = 0;
  for (; i + 16 <= n; i += 16) Lanes::store_codes(bounded(value(i, size_t{16})), codes + i);
  if (i == n) return;
  uint8_t last[16];
  Lanes::store_codes(bounded(value(i, n - i)), last);
  __builtin_memcpy(codes + i, last, n - i);
}

inline V load_up_to(const float* p, size_t count) {
  return count == 16 ? Lanes::load(p) : Lanes::load_part(p, count);
}

void quantize_f32(const float* v, uint32_t n, float scale, float bias, float inverse, float top,
                  uint8_t* codes) {
  const V s = Lanes::all(scale), b = Lanes::all(bias), f = Lanes::all(inverse);
  quantize(n, top, codes, [=](size_t i, size_t count) {
    return Lanes::mul(Lanes::sub(Lanes::mul(load_up_to(v + i, count), s), b), f);
  });
}

void quantize_rest_f32(const float* v, const uint8_t* codes, uint32_t n, float scale, float bias, float delta,
                       float inverse, uint8_t* rest) {
  const V s = Lanes::all(scale), b = Lanes::all(bias), f = Lanes::all(inverse);
  const V d = Lanes::all(delta), half = Lanes::all(delta * 0.5f);
  quantize(n, 255.0f, rest, [=](size_t i, size_t count) {
    const V x = Lanes::sub(Lanes::mul(load_up_to(v + i, count), s), b);
    const V c = count == 16 ? Lanes::from_u8(codes + i) : Lanes::from_u8_part(codes + i, count);
    return Lanes::mul(Lanes::add(Lanes::sub(x, Lanes::mul(d, c)), half), f);
  });
}

void pack_u4(const uint8_t* codes, uint32_t n, uint8_t* out) {
  size_t i = 0;
  for (; i + 32 <= n; i += 32, out += 16)
    for (size_t j = 0; j < 16; ++j) out[j] = static_cast<uint8_t>(codes[i + j] | codes[i + 16 + j] << 4);
  for (; i + 2 <= n; i += 2) *out++ = static_cast<uint8_t>(codes[i] | codes[i + 1] << 4);
  if (i < n) *out = codes[i];
}

constexpr CodeKernels make_code_kernels(Level level) {
  return {.level = level,
          .dot_f32_u8 = dot_float<U8>,
          .dot_f32_u4 = dot_float<U4>,
          .dot_f32_u2 = dot_float<U2>,
          .dot_f32_u1 = dot_float<U1>,
          .dot_f32_f16 = dot_float<F16>,
          .dot_i16_u8 = dot_i16_u8<Lanes>,
          .dot_i16_u4 = dot_int_u4<int16_t>,
          .dot_i8_u8 = dot_int_u8<int8_t>,
          .dot_i8_u4 = dot_int_u4<int8_t>,
          .dot_u8_u8 = dot_int_u8<uint8_t>,
          .dot_u8_u4 = dot_int_u4<uint8_t>,
          .dot_planes_u1 = dot_planes_u1,
          .project_f32 = project_f32,
          .min_max_f32 = min_max_f32,
          .quantize_f32 = quantize_f32,
          .quantize_rest_f32 = quantize_rest_f32,
          .pack_u4 = pack_u4};
}

}  // namespace
}  // namespace lowdim::simd
