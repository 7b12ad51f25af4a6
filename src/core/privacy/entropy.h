// Random bits for noise. Where they come from is the caller's: the server gives its strong random source, a
// test a seeded generator or one that fails. core/base/random.h is for what a seed may give away and is never
// used for noise.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/stop.h"

namespace lowdim::core {

__extension__ using U128 = unsigned __int128;

// Writes n random bytes, or returns false. It must not throw.
struct Entropy {
  bool (*fill)(void* self, uint8_t* out, size_t n) = nullptr;
  void* self = nullptr;
};

// Bits out of an Entropy, which it asks for some hundred bytes at a time. No byte is used twice. Every draw
// throws Error(kInternal) where the source fails: no noise is better than noise that somebody can guess; and
// Stopped where `stop` says so.
class RandomBits {
 public:
  explicit RandomBits(Entropy source, Stop stop = {}) : source_(source), stop_(stop) {}
  // What is left would tell a reader of this memory nothing about noise that was drawn, but it goes anyway.
  ~RandomBits();
  RandomBits(const RandomBits&) = delete;
  RandomBits& operator=(const RandomBits&) = delete;

  bool bit() { return (byte() & 1) != 0; }
  // Uniform in 0..bound-1, bound > 0: as many bits as bound - 1 has, drawn again until they are below bound.
  U128 below(U128 bound);

 private:
  uint8_t byte();

  Entropy source_;
  Stop stop_;
  size_t left_ = 0;
  uint8_t buffer_[512] = {};
};

}  // namespace lowdim::core
