// See entropy.h.

#include "core/privacy/entropy.h"

#include <bit>

#include "core/base/error.h"

namespace lowdim::core {

RandomBits::~RandomBits() {
  volatile uint8_t* const bytes = buffer_;
  for (size_t i = 0; i < sizeof buffer_; ++i) bytes[i] = 0;
}

uint8_t RandomBits::byte() {
  if (left_ == 0) {
    stop_.check();
    if (source_.fill == nullptr || !source_.fill(source_.self, buffer_, sizeof buffer_)) {
      throw Error(ErrorKind::kInternal, "could not generate random bytes for noise");
    }
    left_ = sizeof buffer_;
  }
  uint8_t& next = buffer_[--left_];
  const uint8_t value = next;
  next = 0;
  return value;
}

U128 RandomBits::below(U128 bound) {
  const U128 most = bound - 1;
  const uint64_t high = static_cast<uint64_t>(most >> 64);
  const int bits =
      high != 0 ? 64 + std::bit_width(high) : static_cast<int>(std::bit_width(static_cast<uint64_t>(most)));
  for (;;) {
    U128 x = 0;
    for (int have = 0; have < bits; have += 8) x = x << 8 | byte();
    if (const int extra = (8 - bits % 8) % 8; extra != 0) x >>= extra;
    if (x <= most) return x;
  }
}

}  // namespace lowdim::core
