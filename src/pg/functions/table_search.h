// For functions that read the rows of a table themselves, or search its indexes, instead of asking a query:
// the checks that a query would have made. muvera_search, lid.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "access/skey.h"
#include "utils/rel.h"
}

namespace lowdim::pg {

// A table or materialized view, with AccessShareLock. Raises an ERROR for others; the hint is for partitioned
// tables.
Relation open_table(Oid oid, const char* partitioned_hint);
// Raises an ERROR where there is no such column; system columns are none.
AttrNumber column_named(Relation table, const char* name);
// Raises an ERROR unless the user may read the column, and where row security holds, which `function` cannot
// apply.
void check_rights(Relation table, AttrNumber column, const char* function, const char* rls_hint);

// Whether a transaction with an older snapshot may find a row under a value that is younger than what it
// sees, or not at all: an index that was built while the table had rows with updates in their page that
// changed the column. The planner passes over these as well.
bool too_young(Relation index);
// The key of a scan in the order of the distance to `query`.
void order_by(Relation index, Datum query, ScanKey key);

}  // namespace lowdim::pg
