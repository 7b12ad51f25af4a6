// How a long computation learns that nobody wants its result any more. The server's side asks for a pending
// cancel; tests and benchmarks pass nothing.
#pragma once

#include "core/base/error.h"

namespace lowdim::core {

struct Stop {
  bool (*asked)(void*) = nullptr;
  void* self = nullptr;

  // Throws Stopped. Call it at least every few milliseconds of work.
  void check() const {
    if (asked != nullptr && asked(self)) throw Stopped{};
  }
};

}  // namespace lowdim::core
