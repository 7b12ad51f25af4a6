// Sources of random bytes for the tests of core/privacy: a seeded one, and one that fails.
#pragma once

#include "core/base/random.h"
#include "core/privacy/entropy.h"

namespace lowdim::core {

struct SeededEntropy {
  explicit SeededEntropy(uint64_t seed) : random(seed) {}
  Random random;
  uint64_t asked = 0;

  static bool fill(void* self, uint8_t* out, size_t n) {
    SeededEntropy& me = *static_cast<SeededEntropy*>(self);
    for (size_t i = 0; i < n; ++i) out[i] = static_cast<uint8_t>(me.random.next() >> 56);
    me.asked += n;
    return true;
  }
  Entropy source() { return {fill, this}; }
};

// Works `good` times, then no more.
struct FailingEntropy {
  int good = 0;
  static bool fill(void* self, uint8_t* out, size_t n) {
    FailingEntropy& me = *static_cast<FailingEntropy*>(self);
    for (size_t i = 0; i < n; ++i) out[i] = static_cast<uint8_t>(37 * i);
    return me.good-- > 0;
  }
  Entropy source() { return {fill, this}; }
};

}  // namespace lowdim::core
