// Every crash and every error of one operation, over StrictStore.
//
// A crash leaves exactly the records committed before it (a GenericXLog record is atomic) and the file as
// long as it had become, so its states are the images that StrictStore records: before the operation, after
// each commit, after each extension. An error jumps out of a store call with a real longjmp; then comes what
// transaction abort does. Both stop at the first state that `check` does not like; `check` says what is
// wrong, or "".
#pragma once

#include <csetjmp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bump_arena.h"
#include "strict_store.h"

namespace lowdim::testing {

using Operation = std::function<void(StrictStore&, Arena)>;
using Check = std::function<std::string(StrictStore&)>;

struct Stepped {
  uint64_t states = 0;  // tried, the bad one included
  std::string failure;  // "" if all were good
};

namespace stepper {

inline std::string checked(StrictStore& store, const Check& check) {
  try {
    return check(store);
  } catch (const Violation& v) {
    return std::string("the check broke a rule: ") + v.what();
  }
}

// True if the operation came to its end. Nothing with a destructor lives between setjmp and the jump's
// target: the operation's own frames are what is tested.
inline bool run_to_end(StrictStore& store, const Operation& operation, Arena arena, uint64_t jump_at) {
  std::jmp_buf target;
  if (setjmp(target) != 0) return false;
  store.jump_at(jump_at, &target);
  store.operation([&] { operation(store, arena); });
  return true;
}

}  // namespace stepper

// Runs `operation` on `start` and hands every state that a crash could have left to `check`, which may go on
// using it.
inline Stepped step_crashes(const StrictStore::Image& start, const Operation& operation, const Check& check) {
  std::vector<StrictStore::Image> images{start};
  {
    StrictStore store(start);
    store.record(&images);
    BumpArena arena;
    store.operation([&] { operation(store, arena.arena()); });
  }
  Stepped result;
  for (StrictStore::Image& image : images) {
    StrictStore after(std::move(image));
    const std::string what = stepper::checked(after, check);
    result.states++;
    if (what.empty()) continue;
    result.failure = "crash at state " + std::to_string(result.states - 1) + ": " + what;
    break;
  }
  return result;
}

// Runs `operation` on `start` again and again, the k-th store call jumping away, for all k.
inline Stepped step_errors(const StrictStore::Image& start, const Operation& operation, const Check& check) {
  Stepped result;
  BumpArena arena;
  for (uint64_t k = 1;; k++) {
    StrictStore store(start);
    const bool ended = stepper::run_to_end(store, operation, arena.arena(), k);
    store.jump_at(0, nullptr);
    arena.free_all();
    store.recover_all();
    const std::string what = stepper::checked(store, check);
    result.states++;
    if (!what.empty()) {
      result.failure = "error at store call " + std::to_string(k) + ": " + what;
      break;
    }
    if (ended) break;
  }
  return result;
}

}  // namespace lowdim::testing
