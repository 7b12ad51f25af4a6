// See failpoint.h.

#include "pg/failpoint.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "pg/pg.h"

extern "C" {
#include "access/xlog.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
}

namespace lowdim::pg {

FailPoint failpoint_armed = FailPoint::kNone;

namespace {

constexpr int64 kPauseLock = 5640;

enum class Action { kNone, kError, kCrash, kPause };

char* setting = nullptr;
Action action = Action::kNone;
long passes_left = 0;

// "" is none; false if the text is not understood.
bool parse(const char* text, FailPoint& point, Action& what, long& count) {
  point = FailPoint::kNone;
  what = Action::kNone;
  count = 0;
  if (text == nullptr || text[0] == '\0') return true;
  const char* colon = std::strchr(text, ':');
  if (colon == nullptr) return false;
  const auto named = [&](const char* name) {
    return std::strlen(name) == static_cast<size_t>(colon - text) &&
           std::strncmp(text, name, std::strlen(name)) == 0;
  };
  if (named("commit")) point = FailPoint::kCommit;
  if (named("release")) point = FailPoint::kRelease;
  char* end = nullptr;
  count = std::strtol(colon + 1, &end, 10);
  if (point == FailPoint::kNone || count < 1 || *end != ':') return false;
  const char* name = end + 1;
  if (std::strcmp(name, "error") == 0) what = Action::kError;
  if (std::strcmp(name, "crash") == 0) what = Action::kCrash;
  if (std::strcmp(name, "pause") == 0) what = Action::kPause;
  return what != Action::kNone;
}

bool check_setting(char** value, void**, GucSource) {
  FailPoint point;
  Action what;
  long count;
  if (parse(*value, point, what, count)) return true;
  GUC_check_errdetail(
      "It has the form POINT:N:ACTION, where POINT is commit or release, and ACTION error, crash or pause.");
  return false;
}

void assign_setting(const char* value, void*) { parse(value, failpoint_armed, action, passes_left); }

}  // namespace

void define_failpoint_setting(const char* name) {
  DefineCustomStringVariable(
      name,
      "Makes something happen after a commit of an index page change or in a private release, for tests.",
      "POINT:N:ACTION, where POINT is commit or release, and ACTION error, crash or pause.", &setting, "",
      PGC_SUSET, GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE, check_setting, assign_setting, nullptr);
}

void failpoint_fires() {
  if (--passes_left > 0) return;
  failpoint_armed = FailPoint::kNone;
  switch (action) {
    case Action::kNone:
      break;
    case Action::kError:
      ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("failure point \"%s\"", setting)));
      break;
    case Action::kCrash:
      // Without the flush the crash would take some of the records with it, and the cut would lie before
      // them.
      XLogFlush(XactLastRecEnd);
      kill(getpid(), SIGKILL);
      break;
    case Action::kPause:
      DirectFunctionCall1(pg_advisory_lock_int8, Int64GetDatum(kPauseLock));
      DirectFunctionCall1(pg_advisory_unlock_int8, Int64GetDatum(kPauseLock));
      break;
  }
}

}  // namespace lowdim::pg
