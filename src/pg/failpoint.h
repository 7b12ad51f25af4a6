// Failure points for tests: after the n-th commit of a store in this session, something happens. Off, as
// always but in tests, it costs one predictable branch a commit.
//
// The setting is text, commit:N:ACTION, counted from when it was set; it fires once. ACTION is
//   error  raises an ERROR (SQLSTATE XX000) there
//   crash  makes sure that the N records are on disk and ends the process as kill -9 would
//   pause  waits until it can have the advisory lock 5640, which another session holds, and goes on
// No page lock is held at a failure point; a gate may be.
#pragma once

#include <cstdint>

namespace lowdim::pg {

extern bool failpoint_armed;

// Defines the setting: superusers only, hidden from SHOW ALL. `name` is lowdim.failpoint in the extension.
void define_failpoint_setting(const char* name);

void failpoint_fires();  // counts; see failpoint_commit

// Called by a store after each commit, with its locks released.
inline void failpoint_commit() {
  if (__builtin_expect(failpoint_armed, false)) failpoint_fires();
}

}  // namespace lowdim::pg
