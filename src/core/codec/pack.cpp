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
  for (size_t i = 0; i < count; ++i) {
    const Place at = place_of(first + i, n, bits);
    codes[i] = static_cast<uint8_t>(packed[at.byte] >> at.shift & mask);
  }
}

}  // namespace lowdim::core
