// See input.h.

#include "pg/types/input.h"

#include "core/vec/limits.h"
#include "pg/compat.h"
#include "pg/pg.h"
#include "pg/types/types.h"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace lowdim::pg {
namespace {

// A message repeats at most this much of a literal, which may have a gigabyte.
constexpr int kEchoBytes = 200;

char* echo(const char* text, size_t length) {
  if (length <= kEchoBytes) return pnstrdup(text, length);
  const int n = pg_mbcliplen(text, kEchoBytes + MAX_MULTIBYTE_CHAR_LEN, kEchoBytes);
  return psprintf("%.*s...", n, text);
}

}  // namespace

Datum report_literal(FunctionCallInfo fcinfo, const core::LiteralError& error, const char* text,
                     const char* type_name, char opening) {
  const bool sparse = opening == '{';
  const char* detail = nullptr;
  switch (error.fault) {
    case core::LiteralFault::kNone:
      pg_unreachable();
    case core::LiteralFault::kEmpty:
      LOWDIM_ERETURN(
          fcinfo, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("%s must have at least 1 dimension", type_name)));
    case core::LiteralFault::kTooMany:
      LOWDIM_ERETURN(
          fcinfo,
          (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
           sparse ? errmsg("%s cannot have more than %d non-zero elements", type_name, kMaxSparseNonZeros)
                  : errmsg("%s cannot have more than %d dimensions", type_name, kMaxDims)));
    case core::LiteralFault::kOutOfRange:
      LOWDIM_ERETURN(fcinfo, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                              errmsg("\"%s\" is out of range for type %s",
                                     echo(text + error.position, error.length), type_name)));
    case core::LiteralFault::kNaN:
      LOWDIM_ERETURN(fcinfo, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("NaN not allowed in %s", type_name)));
    case core::LiteralFault::kInfinite:
      LOWDIM_ERETURN(
          fcinfo, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("infinite value not allowed in %s", type_name)));
    case core::LiteralFault::kNoOpening:
      detail = psprintf("Vector contents must start with \"%c\".", opening);
      break;
    case core::LiteralFault::kJunk:
      detail = sparse ? "Junk after closing." : "Junk after closing right brace.";
      break;
    case core::LiteralFault::kEnd:
      detail = "Unexpected end of input.";
      break;
    case core::LiteralFault::kSyntax:
      detail =
          psprintf("Unexpected \"%.*s\" at character %d.", pg_mblen(text + error.position),
                   text + error.position, pg_mbstrlen_with_len(text, static_cast<int>(error.position)) + 1);
      break;
  }
  LOWDIM_ERETURN(fcinfo,
                 (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
                  errmsg("invalid input syntax for type %s: \"%s\"", type_name, echo(text, strlen(text))),
                  errdetail_internal("%s", detail)));
}

void raise_wire(const core::WireError& error, const char* type_name, int dims, int max_dims) {
  const int value = static_cast<int>(error.value);
  switch (error.fault) {
    case core::WireFault::kTruncated:
      ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION), errmsg("insufficient data left in message")));
      break;
    case core::WireFault::kDims:
      if (value < 1) {
        ereport(ERROR,
                (errcode(ERRCODE_DATA_EXCEPTION), errmsg("%s must have at least 1 dimension", type_name)));
      }
      ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                      errmsg("%s cannot have more than %d dimensions", type_name, max_dims)));
      break;
    case core::WireFault::kUnused:
      ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected unused to be 0, not %d", value)));
      break;
    case core::WireFault::kNonZeros:
      if (value < 0) {
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("%s cannot have negative number of elements", type_name)));
      }
      if (value > kMaxSparseNonZeros) {
        ereport(ERROR,
                (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                 errmsg("%s cannot have more than %d non-zero elements", type_name, kMaxSparseNonZeros)));
      }
      ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                      errmsg("%s cannot have more elements than dimensions", type_name),
                      errdetail("The value has %d elements and %d dimensions.", value, dims)));
      break;
    case core::WireFault::kNaN:
    case core::WireFault::kInfinite:
      raise_not_finite(type_name, error.fault == core::WireFault::kNaN);
      break;
    case core::WireFault::kIndexBounds:
      ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("%s index out of bounds", type_name)));
      break;
    case core::WireFault::kIndexOrder:
      ereport(ERROR,
              (errcode(ERRCODE_DATA_EXCEPTION), errmsg("%s indices must be in ascending order", type_name)));
      break;
    case core::WireFault::kIndexTwice:
      ereport(ERROR,
              (errcode(ERRCODE_DATA_EXCEPTION), errmsg("%s indices must not contain duplicates", type_name)));
      break;
    case core::WireFault::kZero:
      ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                      errmsg("binary representation of %s cannot contain zero values", type_name)));
      break;
    case core::WireFault::kVectors:
      if (value < 1) {
        ereport(ERROR,
                (errcode(ERRCODE_DATA_EXCEPTION), errmsg("%s must have at least 1 vector", type_name)));
      }
      ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                      errmsg("%s cannot have more than %u vectors", type_name, kMaxVectors)));
      break;
    case core::WireFault::kNone:
      break;
  }
  pg_unreachable();
}

}  // namespace lowdim::pg
