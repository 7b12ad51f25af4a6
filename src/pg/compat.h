// Every difference between the PostgreSQL versions that lowdim builds on (15 to 17) stands here and nowhere
// else.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "catalog/pg_class.h"
#include "postmaster/autovacuum.h"
#include "storage/bufmgr.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/rel.h"
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#include "varatt.h"  // was part of postgres.h
#endif
}

// Leaves an input function with an error: softly from 16 on, where the caller may have asked to be told
// instead of interrupted (pg_input_is_valid, COPY ... ON_ERROR); before that, always as an ERROR.
#if PG_VERSION_NUM >= 160000
#define LOWDIM_ERETURN(fcinfo, ...) ereturn((fcinfo)->context, static_cast<Datum>(0), __VA_ARGS__)
#else
#define LOWDIM_ERETURN(fcinfo, ...) \
  do {                              \
    (void)(fcinfo);                 \
    ereport(ERROR, __VA_ARGS__);    \
    pg_unreachable();               \
  } while (0)
#endif

// Says that the server may ask how many workers a build should have; before 17 an access method just has
// them.
#if PG_VERSION_NUM >= 170000
#define LOWDIM_AM_CAN_BUILD_PARALLEL(am) ((am)->amcanbuildparallel = true)
#else
#define LOWDIM_AM_CAN_BUILD_PARALLEL(am) ((void)(am))
#endif

// Says that a path must not be taken if any other can be; before 18 its infinite cost says that alone.
#if PG_VERSION_NUM >= 180000
#define LOWDIM_DISABLE_PATH(index_path) ((index_path)->path.disabled_nodes = 2)
#else
#define LOWDIM_DISABLE_PATH(index_path) ((void)(index_path))
#endif

namespace lowdim::pg {

// Numbers the transactions of this session.
inline LocalTransactionId current_transaction() {
#if PG_VERSION_NUM >= 170000
  return MyProc->vxid.lxid;
#else
  return MyProc->lxid;
#endif
}

// Pins a block of the main fork where `hint` says, if it is there.
inline bool read_recent_buffer(Relation relation, BlockNumber block, Buffer hint) {
#if PG_VERSION_NUM >= 160000
  return ReadRecentBuffer(relation->rd_locator, MAIN_FORKNUM, block, hint);
#else
  return ReadRecentBuffer(relation->rd_node, MAIN_FORKNUM, block, hint);
#endif
}

// The number of a relation's file, new after each rewrite.
inline Oid relation_file_number(Relation relation) {
#if PG_VERSION_NUM >= 160000
  return relation->rd_locator.relNumber;
#else
  return relation->rd_node.relNode;
#endif
}

inline bool in_autovacuum_worker() {
#if PG_VERSION_NUM >= 170000
  return AmAutoVacuumWorkerProcess();
#else
  return IsAutoVacuumWorkerProcess();
#endif
}

inline bool owns_relation(Oid relation, Oid role) {
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(RelationRelationId, relation, role);
#else
  return pg_class_ownercheck(relation, role);
#endif
}

}  // namespace lowdim::pg
