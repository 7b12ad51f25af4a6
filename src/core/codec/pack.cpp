// See pack.h.

#include "core/codec/pack.h"

#include <algorithm>
#include <cstring>

namespace lowdim::core {
namespace {

// Where the code of dimension d of n is: its byte, and the bit from which it starts.
struct Place {
  size_t byte;
  unsigned shift;
};

Place place_of(size_t d, size_t n, unsigned bits) {
  const size_t group = bits == 1 ? 16 : 128 / bits;
  // Single bits lie in order everywhere.
  if (bits == 1 || d >= n / group * group) {
    const size_t bit = d * bits;
    return {bit / 8, static_cast<unsigned>(bit % 8)};
  }
  const size_t in_group = d % group;
  return {d / group * 16 + in_group % 16, static_cast<unsigned>(in_group / 16) * bits};
}

}  // namespace

void pack_codes(const uint8_t* codes, size_t n, unsigned bits, uint8_t* out) {
  if (bits == 8) {
    if (n > 0) std::memcpy(out, codes, n);
    return;
  }
  std::fill_n(out, packed_bytes(n, bits), uint8_t{0});
  for (size_t d = 0; d < n; ++d) {
    const Place at = place_of(d, n, bits);
    out[at.byte] = static_cast<uint8_t>(out[at.byte] | codes[d] << at.shift);
  }
}

void unpack_codes(const uint8_t* packed, size_t n, unsigned bits, size_t first, size_t count,
                  uint8_t* codes) {
  if (bits == 8) {
    if (count > 0) std::memcpy(codes, packed + first, count);
    return;
  }
  const unsigned mask = (1u << bits) - 1;
  size_t i = 0;
  if (const size_t group = 128 / bits; bits != 1 && first % group == 0) {
    const uint64_t masks = mask * 0x0101010101010101u;
    for (; i + group <= count; i += group) {
      uint64_t halves[2];
      std::memcpy(halves, packed + (first + i) / group * 16, sizeof halves);
      for (size_t k = 0; k * bits < 8; ++k) {
        const uint64_t fields[2] = {halves[0] >> k * bits & masks, halves[1] >> k * bits & masks};
        std::memcpy(codes + i + 16 * k, fields, sizeof fields);
      }
    }
  }
  // Single bits, and what is behind the last whole group, lie in order.
  const size_t whole = bits == 1 ? 0 : n / (128 / bits) * (128 / bits);
  for (; i < count; ++i) {
    const size_t bit = (first + i) * bits;
    if (first + i >= whole) {
      codes[i] = static_cast<uint8_t>(packed[bit / 8] >> bit % 8 & mask);
      continue;
    }
    const Place at = place_of(first + i, n, bits);
    codes[i] = static_cast<uint8_t>(packed[at.byte] >> at.shift & mask);
  }
}

}  // namespace lowdim::core
