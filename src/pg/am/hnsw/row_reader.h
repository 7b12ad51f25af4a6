// Values of rows that are in an index, read from the table for training where the index keeps no vectors
// (paged/hnsw/table_rows.h). Rows of transactions that have not ended are read too. Called by insert.cpp.
#pragma once

#include "paged/hnsw/table_rows.h"
#include "pg/am/hnsw/am.h"

namespace lowdim::pg::hnsw {

struct RowReader;  // in the memory context that it was made in

// All arguments stay in use. Not in a gate, nor is any of the following.
RowReader* make_row_reader(Relation heap, Relation index, const Options& o, const OpclassInfo& opclass,
                           const ValueRoom& room);
// Writes the guide_dims floats of the value with this hash (Input::hash) whose row the index has at `tid`.
// kGone if every row there is dead to every snapshot.
paged::hnsw::Fetched read_row(RowReader* reader, paged::hnsw::Tid tid, uint32_t hash, float* guide);
// Lets go of pins and slots; error paths need not call it.
void end_row_reader(RowReader* reader);

}  // namespace lowdim::pg::hnsw
