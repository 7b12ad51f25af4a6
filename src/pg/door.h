// The one way from the longjmp world (pg, paged) into the throw world (core).
//
// ereport(ERROR) is a longjmp: undefined where it skips a destructor. An uncaught exception ends the backend
// and with it every session. So: call_core runs a core call under one catch-all, copies what was caught into
// plain data, leaves the catch so that every C++ object is destroyed, and only then raises. Rules for
// callers: no lock or pin is held across the door, the body calls nothing of PostgreSQL's, what it returns is
// trivially destructible.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "pg/pg.h"

namespace lowdim::pg {

// An exception as plain data: safe to be jumped over.
struct Fault {
  int sqlstate;
  char message[512];
  char hint[256];
};

// Inside a catch block only: describes the exception being handled.
void describe_current_exception(Fault& fault) noexcept;

// Raises `fault` as an ERROR. Only plain data may be alive in the callers' frames.
[[noreturn]] void raise(const Fault& fault);

// Runs `body` and reports whether it returned; calls nothing of PostgreSQL's.
template <class Body>
bool runs(Body& body, Fault& fault) noexcept {
  try {
    body();
    return true;
  } catch (...) {
    describe_current_exception(fault);
  }
  return false;  // the exception object and all of core's locals are gone here
}

// Calls into core: returns what `body` returns, or raises what it throws as a PostgreSQL error.
template <class Body>
auto call_core(Body body) {
  using Result = decltype(body());
  static_assert(std::is_trivially_destructible_v<Body>,
                "captures must be plain: the error path jumps over them");
  Fault fault;
  if constexpr (std::is_void_v<Result>) {
    if (!runs(body, fault)) raise(fault);
  } else {
    static_assert(std::is_trivially_destructible_v<Result>, "an owning result would be jumped over");
    Result result{};
    auto step = [&] { result = body(); };
    if (!runs(step, fault)) raise(fault);
    return result;
  }
}

// Runs `body` in a subtransaction. Null if it came to its end; else what it raised, after what it did was
// rolled back. For work that has to go on after an error; `body` may have only plain data in its frames.
ErrorData* attempt(void (*body)(void*), void* argument);

// An owning C++ object that lives in a memory context: its destructor runs when the context is reset or
// deleted, so error, cancel and rescan all destroy it. The context's own memory holds the object and the
// callback.
template <class T, class... Args>
T* make_in(MemoryContext context, Args... args) {
  struct Cell {
    MemoryContextCallback callback;
    alignas(alignof(T) > 8 ? 8 : alignof(T)) unsigned char room[sizeof(T)];
  };
  static_assert(alignof(T) <= 8, "palloc aligns to 8");
  Cell* cell = static_cast<Cell*>(MemoryContextAllocZero(context, sizeof(Cell)));
  T* object = reinterpret_cast<T*>(cell->room);
  call_core([=] { new (object) T(args...); });
  cell->callback.func = [](void* p) { static_cast<T*>(p)->~T(); };
  cell->callback.arg = object;
  MemoryContextRegisterResetCallback(context, &cell->callback);
  return object;
}

}  // namespace lowdim::pg
