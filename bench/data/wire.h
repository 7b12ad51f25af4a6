// The binary wire format of the column types, as a client sends it: vector and halfvec are int16 dimension,
// int16 zero, then big-endian elements; bit is an int32 length and its bits, most significant first;
// multivector is int32 dimension, int32 vectors, int32 zero, then big-endian float4, vector after vector.
// Used by load.cpp (COPY BINARY) and by the query client of bench/sql.
#pragma once

#include <bit>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "core/base/half.h"

namespace lowdim::bench {

enum class WireType { kVector, kHalfvec, kBit };

inline WireType wire_type_named(const std::string& name) {
  if (name == "vector") return WireType::kVector;
  if (name == "halfvec") return WireType::kHalfvec;
  if (name == "bit") return WireType::kBit;
  throw std::invalid_argument("type must be vector, halfvec or bit, not " + name);
}

template <class T>
void put_big_endian(std::string& out, T value) {
  for (int shift = 8 * (static_cast<int>(sizeof(T)) - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(static_cast<uint64_t>(value) >> shift));
}

// Appends one value. For bit, an element above zero sets its bit, as binary_quantize does.
inline void put_value(std::string& out, WireType type, const float* v, size_t dim) {
  if (type == WireType::kBit) {
    put_big_endian(out, static_cast<uint32_t>(dim));
    for (size_t i = 0; i < dim; i += 8) {
      unsigned byte = 0;
      for (size_t j = i; j < i + 8 && j < dim; j++) byte |= (v[j] > 0 ? 0x80u : 0u) >> (j - i);
      out.push_back(static_cast<char>(byte));
    }
    return;
  }
  put_big_endian(out, static_cast<uint16_t>(dim));
  put_big_endian(out, static_cast<uint16_t>(0));
  for (size_t i = 0; i < dim; i++) {
    if (type == WireType::kVector)
      put_big_endian(out, std::bit_cast<uint32_t>(v[i]));
    else
      put_big_endian(out, float_to_half(v[i]));
  }
}

// Appends one multivector, of `vectors` vectors of `dims` elements.
inline void put_multivector(std::string& out, const float* x, size_t vectors, size_t dims) {
  put_big_endian(out, static_cast<uint32_t>(dims));
  put_big_endian(out, static_cast<uint32_t>(vectors));
  put_big_endian(out, uint32_t{0});
  for (size_t i = 0; i < vectors * dims; i++) put_big_endian(out, std::bit_cast<uint32_t>(x[i]));
}

}  // namespace lowdim::bench
