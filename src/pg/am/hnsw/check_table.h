// For lowdim_check: whether the rows of the table are in the index, which its pages alone cannot tell.
#pragma once

#include "pg/am/hnsw/am.h"
#include "pg/am/hnsw/open.h"

namespace lowdim::pg::hnsw {

// Calls missing(self, row) for each row that a new snapshot sees, that has a value to index, and whose
// address does not stand in the index; returns their number. `tids` is about how many addresses the index
// has. Reads index and table several times if that many do not fit into memory_bytes.
uint64_t find_missing_rows(const OpenIndex& open, StorePg& store, uint64_t tids, size_t memory_bytes,
                           void* self, void (*missing)(void* self, ItemPointer row));

}  // namespace lowdim::pg::hnsw
