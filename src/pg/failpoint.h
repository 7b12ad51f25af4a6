// Failure points for tests: at the n-th time that a session passes a point, something happens. Off, as always
// but in tests, it costs one predictable branch.
//
// The setting is text, POINT:N:ACTION, counted from when it was set; it fires once. POINT is
//   commit   after a commit of a store; no page lock is held there, a gate may be
//   release  in a private release: first when its charge is committed, then when the sketch is stored and not
//            yet committed
// ACTION is
//   error  raises an ERROR (SQLSTATE XX000) there
//   crash  makes sure that the records so far are on disk and ends the process as kill -9 would
//   pause  waits until it can have the advisory lock 5640, which another session holds, and goes on
#pragma once

#include <cstdint>

namespace lowdim::pg {

enum class FailPoint { kNone, kCommit, kRelease };

extern FailPoint failpoint_armed;

// Defines the setting: superusers only, hidden from SHOW ALL. `name` is lowdim.failpoint in the extension.
void define_failpoint_setting(const char* name);

void failpoint_fires();  // counts; see failpoint

// Called where the point is.
inline void failpoint(FailPoint point) {
  if (__builtin_expect(failpoint_armed == point, false)) failpoint_fires();
}
inline void failpoint_commit() { failpoint(FailPoint::kCommit); }

}  // namespace lowdim::pg
