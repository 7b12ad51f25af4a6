// The server's strong random bytes as core's source of noise. Never pg_prng: noise that can be guessed hides
// nothing. core says what it means where there are none (core/privacy/entropy.h).
#pragma once

#include "core/privacy/entropy.h"
#include "pg/pg.h"

namespace lowdim::pg {

inline core::Entropy server_entropy() {
  return {[](void*, uint8_t* out, size_t n) { return pg_strong_random(out, n); }, nullptr};
}

}  // namespace lowdim::pg
