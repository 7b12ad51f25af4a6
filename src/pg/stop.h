// How core learns of a pending cancel or shutdown, without calling PostgreSQL: it reads two flags. What it
// throws then becomes the server's own message at the door (pg/door.h).
#pragma once

#include "core/base/stop.h"
#include "pg/pg.h"

namespace lowdim::pg {

inline core::Stop server_stop() {
  return {[](void*) { return QueryCancelPending != 0 || ProcDiePending != 0; }, nullptr};
}

}  // namespace lowdim::pg
