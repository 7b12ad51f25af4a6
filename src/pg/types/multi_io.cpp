// Input, output, receive, send and length coercion of multivector, and what makes its values.

#include "core/multi/literal.h"
#include "core/vec/wire.h"
#include "pg/pg.h"
#include "pg/types/input.h"
#include "pg/types/multi.h"

extern "C" {
#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
}

namespace lowdim::pg {

void check_multi_size(int64 count, int dim) {
  if (count < 1) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("multivector must have at least 1 vector")));
  }
  if (count > kMaxVectors) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("multivector cannot have more than %u vectors", kMaxVectors)));
  }
  if (static_cast<uint64>(count) * static_cast<uint64>(dim) > kMaxMultiElements) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("multivector must be smaller than 1 GB"),
                    errdetail("The value has %d vectors of %d dimensions.", static_cast<int>(count), dim)));
  }
}

Multivector* make_multi(int count, int dim) {
  const Size size =
      offsetof(Multivector, x) + sizeof(float) * static_cast<Size>(count) * static_cast<Size>(dim);
  Multivector* v = static_cast<Multivector*>(palloc(size));
  SET_VARSIZE(v, size);
  v->dim = static_cast<int16>(dim);
  v->count = static_cast<uint16>(count);
  return v;
}

Vector* make_vector(const float* x, int dim) {
  Vector* v = make_dense<Vector>(dim);
  memcpy(v->x, x, sizeof(float) * static_cast<Size>(dim));
  return v;
}

namespace {

Datum report_multi(FunctionCallInfo fcinfo, const core::MultiError& error, const char* text) {
  switch (error.fault) {
    case core::MultiFault::kNone:
      pg_unreachable();
    case core::MultiFault::kLiteral:
      return report_literal(fcinfo, error.literal, text, Multivector::kName, '[');
    case core::MultiFault::kNoVectors:
      LOWDIM_ERETURN(fcinfo,
                     (errcode(ERRCODE_DATA_EXCEPTION), errmsg("multivector must have at least 1 vector")));
    case core::MultiFault::kTooMany:
      LOWDIM_ERETURN(fcinfo, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                              errmsg("multivector cannot have more than %u vectors", kMaxVectors)));
    case core::MultiFault::kTooLarge:
      LOWDIM_ERETURN(
          fcinfo, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("multivector must be smaller than 1 GB")));
    case core::MultiFault::kDifferDims:
      LOWDIM_ERETURN(fcinfo, (errcode(ERRCODE_DATA_EXCEPTION),
                              errmsg("different vector dimensions %u and %u", error.dims, error.other)));
  }
  pg_unreachable();
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;
using namespace lowdim;

// The value is built where it stays: for a correct literal the room that was measured is exactly its size.
LOWDIM_FN(lowdim_multivector_in) {
  const char* text = PG_GETARG_CSTRING(0);
  const int32 typmod = PG_GETARG_INT32(2);
  const std::string_view whole(text);
  const size_t room = core::measure_multi(whole);
  Multivector* v = static_cast<Multivector*>(palloc(offsetof(Multivector, x) + sizeof(float) * room));
  uint32_t count;
  uint32_t dim;
  if (const core::MultiError error = core::parse_multi(whole, Multivector::kMaxAbs, v->x, room, count, dim)) {
    return report_multi(fcinfo, error, text);
  }
  check_expected_dim(typmod, static_cast<int>(dim));
  v->dim = static_cast<int16>(dim);
  v->count = static_cast<uint16>(count);
  SET_VARSIZE(v, offsetof(Multivector, x) + sizeof(float) * v->elements());
  PG_RETURN_POINTER(v);
}

LOWDIM_FN(lowdim_multivector_out) {
  const Multivector* v = arg<Multivector>(fcinfo, 0);
  const int row_length = v->dim * FLOAT_SHORTEST_DECIMAL_LEN + 3;
  StringInfoData text;
  initStringInfo(&text);
  for (int i = 0; i < v->count; ++i) {
    CHECK_FOR_INTERRUPTS();
    enlargeStringInfo(&text, row_length);  // raises 54000 where the text would exceed the server's 1 GB
    char* at = text.data + text.len;
    *at++ = i == 0 ? '[' : ',';
    *at++ = '[';
    const float* x = v->vector(i);
    for (int j = 0; j < v->dim; ++j) {
      if (j > 0) *at++ = ',';
      at += float_to_shortest_decimal_bufn(x[j], at);
    }
    *at++ = ']';
    text.len = static_cast<int>(at - text.data);
  }
  appendStringInfoChar(&text, ']');
  PG_RETURN_CSTRING(text.data);
}

LOWDIM_FN(lowdim_multivector_recv) {
  StringInfo buffer = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(buffer->data) + buffer->cursor;
  const size_t left = static_cast<size_t>(buffer->len - buffer->cursor);
  int32_t dim = 0;
  int32_t count = 0;
  if (const core::WireError e = core::decode_multi_header(bytes, left, dim, count)) {
    raise_wire(e, Multivector::kName, dim, kMaxDims);
  }
  check_expected_dim(PG_GETARG_INT32(2), dim);
  check_multi_size(count, dim);
  Multivector* v = make_multi(count, dim);
  if (const core::WireError e =
          core::decode_f32(bytes + core::kMultiHeaderBytes, left - core::kMultiHeaderBytes,
                           static_cast<uint32_t>(v->elements()), v->x)) {
    raise_wire(e, Multivector::kName, dim, kMaxDims);
  }
  buffer->cursor += static_cast<int>(core::kMultiHeaderBytes + sizeof(float) * v->elements());
  PG_RETURN_POINTER(v);
}

LOWDIM_FN(lowdim_multivector_send) {
  const Multivector* v = arg<Multivector>(fcinfo, 0);
  const Size elements = v->elements();
  StringInfoData buffer;
  pq_begintypsend(&buffer);
  enlargeStringInfo(&buffer, static_cast<int>(core::kMultiHeaderBytes + sizeof(float) * elements));
  pq_writeint32(&buffer, static_cast<uint32>(v->dim));
  pq_writeint32(&buffer, v->count);
  pq_writeint32(&buffer, 0);
  for (Size i = 0; i < elements; ++i) {
    uint32 bits;
    memcpy(&bits, v->x + i, sizeof bits);
    pq_writeint32(&buffer, bits);
  }
  PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

// multivector(multivector, typmod, explicit): the length coercion.
LOWDIM_FN(lowdim_multivector) {
  Multivector* v = arg<Multivector>(fcinfo, 0);
  check_expected_dim(PG_GETARG_INT32(1), v->dim);
  PG_RETURN_POINTER(v);
}
