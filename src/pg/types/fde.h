// The type fde: the options of fixed-dimensional encodings (core/multi/fde_options.h). A varlena that holds
// their text form, always in the same order and spelling, so that equal options are equal bytes.
#pragma once

#include "core/multi/fde.h"
#include "pg/pg.h"

extern "C" {
#include "access/attnum.h"
#include "nodes/nodes.h"
}

namespace lowdim::pg {

// The encoder for options, an fde, and vectors of `dims` dimensions. It stays valid until the next call.
core::FdeEncoder* fde_encoder(Datum options, uint32_t dims);

// fde_document(column, constant), as an index expression that was simplified, in a cast to vector(n) or not.
struct FdeExpression {
  AttrNumber column;  // 0 for any other expression
  int32 dims;         // of the column's vectors, -1 where its type does not say
  Datum options;
};
FdeExpression fde_expression_of(const Node* expression);

// The same options for a query: fill_empty is the documents' matter.
Datum fde_query_options(Datum options);

}  // namespace lowdim::pg
