// Every difference between the PostgreSQL versions that lowdim builds on (15 to 17) stands here and nowhere
// else.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "storage/proc.h"
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

namespace lowdim::pg {

// Numbers the transactions of this session.
inline LocalTransactionId current_transaction() {
#if PG_VERSION_NUM >= 170000
  return MyProc->vxid.lxid;
#else
  return MyProc->lxid;
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

}  // namespace lowdim::pg
