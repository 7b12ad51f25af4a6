// Properties of the dense binary formats that the wire fuzzers share.
#pragma once

#include <vector>

#include "core/vec/limits.h"
#include "core/vec/wire.h"
#include "property.h"

namespace lowdim::fuzz {

// What a header should be answered with, read apart from the decoder.
inline core::WireFault expected_dense_header(const uint8_t* data, size_t size) {
  if (size < 4) return core::WireFault::kTruncated;
  if (get16(data) < 1 || get16(data) > kMaxDims) return core::WireFault::kDims;
  return get16(data + 2) != 0 ? core::WireFault::kUnused : core::WireFault::kNone;
}

// Decodes a message with `decode` into exactly its elements' room; returns them, nothing if it is refused.
template <class T, class Decode>
std::vector<T> check_dense_wire(const uint8_t* data, size_t size, Decode decode) {
  int32_t dims = 0;
  const core::WireError header = core::decode_dense_header(data, size, dims);
  property(header.fault == expected_dense_header(data, size), "the header's fault");
  if (header.fault == core::WireFault::kDims) property(header.value == get16(data), "the dimensions refused");
  if (header.fault == core::WireFault::kUnused) property(header.value == get16(data + 2), "the unused field");
  if (header) return {};
  property(dims == get16(data), "the dimensions");

  const auto count = static_cast<uint32_t>(dims);
  std::vector<T> out(count);
  const core::WireError e = decode(data + 4, size - 4, count, out.data());
  property((e.fault == core::WireFault::kTruncated) == (size - 4 < count * sizeof(T)), "truncated or not");
  if (e.fault == core::WireFault::kTruncated) return {};
  if (e) {
    property(e.fault == core::WireFault::kNaN || e.fault == core::WireFault::kInfinite,
             "a fault of elements");
    property(e.value >= 0 && e.value < dims, "an element's number");
    const auto at = static_cast<size_t>(e.value);
    const uint8_t* p = data + 4 + at * sizeof(T);
    const int sign_and_exponent = sizeof(T) == 4 ? get16(p) & 0x7F80 : get16(p) & 0x7C00;
    property(sign_and_exponent == (sizeof(T) == 4 ? 0x7F80 : 0x7C00), "the element is not finite");
    return {};
  }
  std::vector<uint8_t> sent;
  put16(sent, count);
  put16(sent, 0);
  for (const T v : out) {
    if constexpr (sizeof(T) == 4) {
      put32(sent, std::bit_cast<uint32_t>(v));
    } else {
      put16(sent, v);
    }
  }
  property(sent.size() <= size && std::memcmp(sent.data(), data, sent.size()) == 0, "sent, it is the same");
  return out;
}

}  // namespace lowdim::fuzz
