// Bytes from a seeded generator instead of a strong source, so that a run of a bench program can be repeated.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/random.h"

namespace lowdim::bench {

// For RandomBits({SeededBytes::fill, &bytes}).
struct SeededBytes {
  core::Random random;
  static bool fill(void* self, uint8_t* out, size_t n) {
    for (size_t i = 0; i < n; ++i)
      out[i] = static_cast<uint8_t>(static_cast<SeededBytes*>(self)->random.next() >> 56);
    return true;
  }
};

}  // namespace lowdim::bench
