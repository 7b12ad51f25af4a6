// Packed codes of 1, 2, 4 and 8 bits, in the layout that simd/codes.h describes: groups whose fields lie
// sixteen dimensions apart, then the rest in order. Used by the quantizers; the kernels read the same layout.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lowdim::core {

// n codes of `bits` bits, 1, 2, 4 or 8.
constexpr size_t packed_bytes(size_t n, unsigned bits) { return (n * bits + 7) / 8; }

// `codes` holds n codes below 2^bits, one a byte; padding bits of `out` become 0.
void pack_codes(const uint8_t* codes, size_t n, unsigned bits, uint8_t* out);

// The codes of dimensions [first, first + count) of n.
void unpack_codes(const uint8_t* packed, size_t n, unsigned bits, size_t first, size_t count, uint8_t* codes);

}  // namespace lowdim::core
