// The access method lean_hnsw: what it can do and which callbacks do it. See am.h.

#include "pg/am/hnsw/am.h"
#include "pg/compat.h"
#include "pg/fn.h"

extern "C" {
#include "commands/vacuum.h"
}

LOWDIM_FN(lowdim_lean_hnsw_handler) {
  using namespace lowdim::pg::hnsw;
  (void)fcinfo;
  IndexAmRoutine* am = makeNode(IndexAmRoutine);
  am->amstrategies = 0;
  am->amsupport = 1;
  am->amcanorderbyop = true;
  // A scan without a condition is the usual one.
  am->amoptionalkey = true;
  am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
  LOWDIM_AM_CAN_BUILD_PARALLEL(am);
  am->amkeytype = InvalidOid;

  am->ambuild = build;
  am->ambuildempty = build_empty;
  am->aminsert = insert;
  am->ambulkdelete = bulk_delete;
  am->amvacuumcleanup = vacuum_cleanup;
  am->amcostestimate = cost;
  am->amoptions = parse_options;
  am->ambuildphasename = build_phase_name;
  am->amvalidate = validate;
  am->ambeginscan = begin_scan;
  am->amrescan = rescan;
  am->amgettuple = next_row;
  am->amendscan = end_scan;
  PG_RETURN_POINTER(am);
}
