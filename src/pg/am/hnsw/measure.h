// Distances of rows that the index does not keep (rerank = none): fetched from the table as the scan's
// snapshot sees them and measured by the function of the operator class's distance. Called by scan.cpp.
#pragma once

#include "pg/am/hnsw/am.h"

extern "C" {
#include "access/relscan.h"
}

namespace lowdim::pg::hnsw {

struct TableMeasure;  // in the memory context that it was made in

TableMeasure* make_table_measure(IndexScanDesc scan);
// False if the snapshot sees no row there. *distance is NaN where SQL has NaN.
bool measure_row(TableMeasure* measure, paged::hnsw::Tid tid, Datum query, double* distance);
// Lets go of pins and slots; error paths need not call it.
void end_table_measure(TableMeasure* measure);

}  // namespace lowdim::pg::hnsw
