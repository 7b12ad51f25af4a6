// Input, output, receive, send and length coercion of vector and halfvec.

#include <limits>

#include "core/vec/literal.h"
#include "core/vec/wire.h"
#include "pg/pg.h"
#include "pg/types/input.h"
#include "pg/types/types.h"

extern "C" {
#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
}

namespace lowdim::pg {
namespace {

template <class T>
Datum dense_in(FunctionCallInfo fcinfo) {
  const char* text = PG_GETARG_CSTRING(0);
  const int32 typmod = PG_GETARG_INT32(2);
  float values[kMaxDims];
  uint32_t n;
  if (const core::LiteralError error = core::parse_dense(text, T::kMaxAbs, values, n)) {
    return report_literal(fcinfo, error, text, T::kName, '[');
  }
  check_expected_dim(typmod, static_cast<int>(n));
  T* v = make_dense<T>(static_cast<int>(n));
  for (uint32_t i = 0; i < n; ++i) v->x[i] = T::from_float(values[i]);
  PG_RETURN_POINTER(v);
}

template <class T>
Datum dense_out(FunctionCallInfo fcinfo) {
  const T* v = arg<T>(fcinfo, 0);
  char* const text = static_cast<char*>(palloc(static_cast<Size>(v->dim) * FLOAT_SHORTEST_DECIMAL_LEN + 2));
  char* at = text;
  *at++ = '[';
  for (int i = 0; i < v->dim; ++i) {
    if (i > 0) *at++ = ',';
    at += float_to_shortest_decimal_bufn(T::to_float(v->x[i]), at);
  }
  *at++ = ']';
  *at = '\0';
  PG_RETURN_CSTRING(text);
}

template <class T>
Datum dense_recv(FunctionCallInfo fcinfo) {
  StringInfo buffer = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
  const int32 typmod = PG_GETARG_INT32(2);
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(buffer->data) + buffer->cursor;
  const size_t left = static_cast<size_t>(buffer->len - buffer->cursor);
  int32_t dims = 0;
  if (const core::WireError e = core::decode_dense_header(bytes, left, dims))
    raise_wire(e, T::kName, dims, kMaxDims);
  check_expected_dim(typmod, dims);
  T* v = make_dense<T>(dims);
  core::WireError e;
  if constexpr (sizeof(typename T::Element) == sizeof(float)) {
    e = core::decode_f32(bytes + core::kDenseHeaderBytes, left - core::kDenseHeaderBytes,
                         static_cast<uint32_t>(dims), v->x);
  } else {
    e = core::decode_f16(bytes + core::kDenseHeaderBytes, left - core::kDenseHeaderBytes,
                         static_cast<uint32_t>(dims), v->x);
  }
  if (e) raise_wire(e, T::kName, dims, kMaxDims);
  buffer->cursor +=
      static_cast<int>(core::kDenseHeaderBytes + sizeof(typename T::Element) * static_cast<size_t>(dims));
  PG_RETURN_POINTER(v);
}

template <class T>
Datum dense_send(FunctionCallInfo fcinfo) {
  const T* v = arg<T>(fcinfo, 0);
  StringInfoData buffer;
  pq_begintypsend(&buffer);
  enlargeStringInfo(&buffer, static_cast<int>(core::kDenseHeaderBytes +
                                              sizeof(typename T::Element) * static_cast<size_t>(v->dim)));
  pq_writeint16(&buffer, static_cast<uint16>(v->dim));
  pq_writeint16(&buffer, static_cast<uint16>(v->unused));
  for (int i = 0; i < v->dim; ++i) {
    if constexpr (sizeof(typename T::Element) == sizeof(float)) {
      pq_sendfloat4(&buffer, v->x[i]);
    } else {
      pq_writeint16(&buffer, v->x[i]);
    }
  }
  PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

// vector(vector, typmod, explicit): the length coercion.
template <class T>
Datum dense_coerce(FunctionCallInfo fcinfo) {
  T* v = arg<T>(fcinfo, 0);
  check_expected_dim(PG_GETARG_INT32(1), v->dim);
  PG_RETURN_POINTER(v);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;

LOWDIM_FN(lowdim_vector_in) { return dense_in<Vector>(fcinfo); }
LOWDIM_FN(lowdim_vector_out) { return dense_out<Vector>(fcinfo); }
LOWDIM_FN(lowdim_vector_recv) { return dense_recv<Vector>(fcinfo); }
LOWDIM_FN(lowdim_vector_send) { return dense_send<Vector>(fcinfo); }
LOWDIM_FN(lowdim_vector) { return dense_coerce<Vector>(fcinfo); }

LOWDIM_FN(lowdim_halfvec_in) { return dense_in<HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_out) { return dense_out<HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_recv) { return dense_recv<HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_send) { return dense_send<HalfVector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec) { return dense_coerce<HalfVector>(fcinfo); }
