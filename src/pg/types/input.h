// Words for what core's parsers and decoders find wrong with a value (core/vec/literal.h, core/vec/wire.h).
#pragma once

#include "core/vec/literal.h"
#include "core/vec/wire.h"
#include "pg/pg.h"

namespace lowdim::pg {

// Reports a literal's error, softly where the caller of the input function asked for that (PostgreSQL 16 on).
// `opening` is '[' or '{'. Returns a null Datum for the input function to return.
Datum report_literal(FunctionCallInfo fcinfo, const core::LiteralError& error, const char* text,
                     const char* type_name, char opening);

[[noreturn]] void raise_wire(const core::WireError& error, const char* type_name, int dims, int max_dims);

}  // namespace lowdim::pg
