// The code kernels: inner products of one query with many quantized vectors, and the passes that make scalar
// codes. A second table beside Kernels, chosen with it: codes are scored a block at a time, `n` of them
// `stride` bytes apart, so that the call and the query's loads are paid once. Called by the scorers of
// core/codec and by the indexes.
//
// Every kernel gives the same bits on every level. Integers do by themselves. Floats are multiplied, rounded,
// and added (never fused) into sixteen partial sums, dimension d to sum d % 16, which are then folded in
// halves: 16 to 8, 4, 2, 1; so a packed code gives the bits that its unpacked one would.
//
// Packed codes of B bits, B = 1, 2, 4: 16 bytes (B = 1: 2 bytes) hold a group of 16 * 8 / B dimensions (B =
// 1: 16), bits B k .. B k + B - 1 of byte i for dimension 16 k + i of the group, so that a load, a shift and
// a mask give sixteen consecutive dimensions. What is left after the last whole group is packed in order from
// the low bits up, as are single bits always: n dimensions take exactly ceil(n B / 8) bytes. Padding bits are
// ignored. codec/pack.h packs and unpacks.
//
// Pointers may be unaligned, n and dims may be 0, and nothing outside of the codes and the query is read.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/simd/kernels.h"

namespace lowdim::simd {

struct CodeKernels {
  Level level;

  // out[i] = sum over d < dims of q[d] * code i's element d. The query is finite.
  using FloatDot = void (*)(const float* q, const uint8_t* codes, size_t stride, size_t n, uint32_t dims,
                            float* out);
  FloatDot dot_f32_u8;   // one byte a dimension
  FloatDot dot_f32_u4;   // packed
  FloatDot dot_f32_u2;   // packed
  FloatDot dot_f32_u1;   // packed
  FloatDot dot_f32_f16;  // IEEE halves, little-endian

  // The same with integer queries; exact where the sum of |q[d]| times the largest code fits 31 bits, as it
  // always does for 8-bit queries of up to 32,000 dimensions.
  using Int8Dot = void (*)(const int8_t* q, const uint8_t* codes, size_t stride, size_t n, uint32_t dims,
                           int32_t* out);
  using Uint8Dot = void (*)(const uint8_t* q, const uint8_t* codes, size_t stride, size_t n, uint32_t dims,
                            int32_t* out);
  using Int16Dot = void (*)(const int16_t* q, const uint8_t* codes, size_t stride, size_t n, uint32_t dims,
                            int32_t* out);
  // 16-bit queries are within -32640..32639.
  Int16Dot dot_i16_u8;
  Int16Dot dot_i16_u4;
  Int8Dot dot_i8_u8;
  Int8Dot dot_i8_u4;
  Uint8Dot dot_u8_u8;
  Uint8Dot dot_u8_u4;

  // out[i] = sum over p < n_planes of 2^p * popcount(plane p & code i): the inner product of an unsigned
  // query, given as bit planes of `bytes` bytes one after the other, with 1-bit codes. A plane's padding bits
  // must be 0.
  void (*dot_planes_u1)(const uint8_t* planes, uint32_t n_planes, const uint8_t* codes, size_t stride,
                        size_t n, size_t bytes, uint32_t* out);

  // out[i * columns + j] = sum over d < dims of x[i * dims + d] * matrix[d * columns + j], for i < n, added
  // up one by one in the order of d, not in sixteen sums. columns is a multiple of 16.
  void (*project_f32)(const float* x, size_t n, uint32_t dims, const float* matrix, uint32_t columns,
                      float* out);

  // out[0], out[1] = the least and greatest of v[0, n), n > 0; zeros are positive.
  void (*min_max_f32)(const float* v, uint32_t n, float out[2]);
  // codes[d] = clamp((v[d] * scale - bias) * inverse, 0, top) rounded to nearest even; top <= 255.
  void (*quantize_f32)(const float* v, uint32_t n, float scale, float bias, float inverse, float top,
                       uint8_t* codes);
  // As quantize_f32 of what codes leave: ((v[d] * scale - bias) - delta * codes[d] + delta / 2) * inverse,
  // top 255.
  void (*quantize_rest_f32)(const float* v, const uint8_t* codes, uint32_t n, float scale, float bias,
                            float delta, float inverse, uint8_t* rest);
  // Packs n codes below 16.
  void (*pack_u4)(const uint8_t* codes, uint32_t n, uint8_t* out);
};

// nullptr where kernels_for(level) is.
const CodeKernels* code_kernels_for(Level level);

// The table of the level that kernels() uses.
const CodeKernels& code_kernels();

}  // namespace lowdim::simd
