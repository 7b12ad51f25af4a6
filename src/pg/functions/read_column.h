// Reads a column of a table or view, through SPI, so privileges and row security hold. For functions that
// take a bounded sample of what passes by: codec_report, fde_advice, dimension_report.
#pragma once

#include "pg/pg.h"

namespace lowdim::pg {

// The type of a column of this relation; raises an ERROR where one of them does not exist.
Oid type_of_column(Oid table, const char* column);

struct ColumnCursor;  // SPI is connected while it is open
// What is not NULL; cast_to: a type to cast to, or InvalidOid.
ColumnCursor* open_column(Oid table, const char* column, Oid cast_to);
// The next value, good until the next call; until then the current memory context is one for this value.
bool next_value(ColumnCursor* cursor, Datum* value);
void close_column(ColumnCursor* cursor);

// Raises an ERROR if one of a function's first n arguments is NULL.
void check_not_null(FunctionCallInfo fcinfo, int n);
// The element type of argument n, an array, as the function was declared: `vector[]`, in whatever schema.
Oid declared_element_type(FunctionCallInfo fcinfo, int n);

}  // namespace lowdim::pg
