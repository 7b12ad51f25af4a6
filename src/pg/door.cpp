// See door.h: the only catch and the only raise of the extension.

#include "pg/door.h"

#include <cstdio>
#include <exception>
#include <new>

#include "core/base/error.h"

extern "C" {
#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
}

namespace lowdim::pg {
namespace {

int sqlstate_of(core::ErrorKind kind) {
  switch (kind) {
    case core::ErrorKind::kInvalidParameter:
      return ERRCODE_INVALID_PARAMETER_VALUE;
    case core::ErrorKind::kData:
      return ERRCODE_DATA_EXCEPTION;
    case core::ErrorKind::kLimit:
      return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
    case core::ErrorKind::kCorrupted:
      return ERRCODE_DATA_CORRUPTED;
    case core::ErrorKind::kNotSupported:
      return ERRCODE_FEATURE_NOT_SUPPORTED;
    case core::ErrorKind::kInternal:
      return ERRCODE_INTERNAL_ERROR;
  }
  return ERRCODE_INTERNAL_ERROR;
}

void note(Fault& fault, int sqlstate, const char* message, const char* hint = "") {
  fault.sqlstate = sqlstate;
  std::snprintf(fault.message, sizeof fault.message, "%s", message);
  std::snprintf(fault.hint, sizeof fault.hint, "%s", hint);
}

}  // namespace

void describe_current_exception(Fault& fault) noexcept {
  try {
    throw;
  } catch (const core::Error& e) {
    note(fault, sqlstate_of(e.kind()), e.what(), e.hint().c_str());
  } catch (const core::Stopped&) {
    note(fault, ERRCODE_QUERY_CANCELED, "canceling statement due to user request");
  } catch (const std::bad_alloc&) {
    note(fault, ERRCODE_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& e) {
    note(fault, ERRCODE_INTERNAL_ERROR, e.what());
  } catch (...) {
    note(fault, ERRCODE_INTERNAL_ERROR, "unknown C++ exception");
  }
}

void raise(const Fault& fault) {
  CHECK_FOR_INTERRUPTS();  // a cancel speaks with the server's own words
  ereport(ERROR, (errcode(fault.sqlstate), errmsg("%s", fault.message),
                  fault.hint[0] != '\0' ? errhint("%s", fault.hint) : 0));
  pg_unreachable();
}

ErrorData* attempt(void (*body)(void*), void* argument) {
  const MemoryContext context = CurrentMemoryContext;
  const ResourceOwner owner = CurrentResourceOwner;
  ErrorData* volatile error = nullptr;
  BeginInternalSubTransaction(nullptr);
  MemoryContextSwitchTo(context);
  PG_TRY();
  {
    body(argument);
    ReleaseCurrentSubTransaction();
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    error = CopyErrorData();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
  }
  PG_END_TRY();
  MemoryContextSwitchTo(context);
  CurrentResourceOwner = owner;
  return error;
}

}  // namespace lowdim::pg
