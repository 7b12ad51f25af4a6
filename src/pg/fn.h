// Declares a SQL-callable C function with C linkage, exports it, and begins its definition:
// LOWDIM_FN(lowdim_vector_in) { ... }.
#pragma once

#include "pg/pg.h"

#define LOWDIM_FN(name)                     \
  extern "C" {                              \
  PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
  PG_FUNCTION_INFO_V1(name);                \
  }                                         \
  Datum name([[maybe_unused]] PG_FUNCTION_ARGS)
