// Opens a lean_hnsw index by its number for the SQL functions about indexes: with its table, after the checks
// that a query would have made. Called by info.cpp, check.cpp and recall.cpp.
#pragma once

#include "pg/am/hnsw/am.h"

namespace lowdim::pg::hnsw {

struct OpenIndex {
  Relation table;
  Relation index;
};

enum class Wanted {
  kRead,   // figures: for those who may read the table, or own the index
  kQuiet,  // nobody writes meanwhile: for those who may lock the table. On a standby, where nobody can, as
           // kRead
};

// Raises an ERROR for what is no such index, is partitioned, of another session's temporary table, or not for
// the current user.
OpenIndex open_index(Oid oid, Wanted wanted);
// Keeps the locks until the transaction's end.
void close_index(const OpenIndex& open);

}  // namespace lowdim::pg::hnsw
