// Input, output, receive, send and length coercion of sparsevec.

#include <climits>

#include "core/vec/literal.h"
#include "core/vec/wire.h"
#include "pg/compat.h"
#include "pg/pg.h"
#include "pg/types/input.h"
#include "pg/types/types.h"

extern "C" {
#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
}

namespace lowdim::pg {
namespace {

SparseVector* make_from(const int32* indices, const float* values, int nnz, int dim) {
  SparseVector* v = make_sparse(dim, nnz);
  memcpy(v->indices, indices, sizeof(int32) * static_cast<Size>(nnz));
  memcpy(v->values(), values, sizeof(float) * static_cast<Size>(nnz));
  return v;
}

// What the parser leaves to its caller: bounds and duplicates of sorted indices.
core::WireFault fault_of(const int32* indices, uint32_t n, int32 dim) {
  for (uint32_t i = 0; i < n; ++i) {
    if (indices[i] < 0 || indices[i] >= dim) return core::WireFault::kIndexBounds;
    if (i > 0 && indices[i] == indices[i - 1]) return core::WireFault::kIndexTwice;
  }
  return core::WireFault::kNone;
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;
using namespace lowdim;

LOWDIM_FN(lowdim_sparsevec_in) {
  const char* text = PG_GETARG_CSTRING(0);
  const int32 typmod = PG_GETARG_INT32(2);
  int32_t indices[kMaxSparseNonZeros];
  float values[kMaxSparseNonZeros];
  uint32_t n;
  int32_t dim;
  if (const core::LiteralError error = core::parse_sparse(text, indices, values, n, dim)) {
    return report_literal(fcinfo, error, text, SparseVector::kName, '{');
  }
  if (dim < 1) {
    LOWDIM_ERETURN(fcinfo,
                   (errcode(ERRCODE_DATA_EXCEPTION), errmsg("sparsevec must have at least 1 dimension")));
  }
  if (dim > kMaxSparseDims) {
    LOWDIM_ERETURN(fcinfo, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                            errmsg("sparsevec cannot have more than %d dimensions", kMaxSparseDims)));
  }
  core::sort_pairs(indices, values, n);
  if (const core::WireFault fault = fault_of(indices, n, dim); fault != core::WireFault::kNone) {
    LOWDIM_ERETURN(fcinfo, (errcode(ERRCODE_DATA_EXCEPTION),
                            fault == core::WireFault::kIndexBounds
                                ? errmsg("sparsevec index out of bounds")
                                : errmsg("sparsevec indices must not contain duplicates")));
  }
  if (typmod != -1 && typmod != dim) {
    LOWDIM_ERETURN(fcinfo,
                   (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected %d dimensions, not %d", typmod, dim)));
  }
  PG_RETURN_POINTER(make_from(indices, values, static_cast<int>(n), dim));
}

LOWDIM_FN(lowdim_sparsevec_out) {
  const SparseVector* v = arg<SparseVector>(fcinfo, 0);
  constexpr Size kIntLength = 10;  // an index counted from 1, at most 1,000,000,000
  const Size room =
      (kIntLength + 1 + FLOAT_SHORTEST_DECIMAL_LEN + 1) * static_cast<Size>(v->nnz) + kIntLength + 4;
  char* const text = static_cast<char*>(palloc(room));
  char* at = text;
  *at++ = '{';
  for (int i = 0; i < v->nnz; ++i) {
    if (i > 0) *at++ = ',';
    at += pg_ltoa(v->indices[i] + 1, at);
    *at++ = ':';
    at += float_to_shortest_decimal_bufn(v->values()[i], at);
  }
  *at++ = '}';
  *at++ = '/';
  at += pg_ltoa(v->dim, at);
  *at = '\0';
  PG_RETURN_CSTRING(text);
}

LOWDIM_FN(lowdim_sparsevec_recv) {
  StringInfo buffer = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(buffer->data) + buffer->cursor;
  const size_t left = static_cast<size_t>(buffer->len - buffer->cursor);
  int32_t dim = 0;
  int32_t nnz = 0;
  if (const core::WireError e = core::decode_sparse_header(bytes, left, dim, nnz)) {
    raise_wire(e, SparseVector::kName, dim, kMaxSparseDims);
  }
  check_expected_dim(PG_GETARG_INT32(2), dim);
  SparseVector* v = make_sparse(dim, nnz);
  if (const core::WireError e =
          core::decode_sparse(bytes + core::kSparseHeaderBytes, left - core::kSparseHeaderBytes, dim,
                              static_cast<uint32_t>(nnz), v->indices, v->values())) {
    raise_wire(e, SparseVector::kName, dim, kMaxSparseDims);
  }
  buffer->cursor +=
      static_cast<int>(core::kSparseHeaderBytes) + nnz * static_cast<int>(sizeof(int32) + sizeof(float));
  PG_RETURN_POINTER(v);
}

LOWDIM_FN(lowdim_sparsevec_send) {
  const SparseVector* v = arg<SparseVector>(fcinfo, 0);
  StringInfoData buffer;
  pq_begintypsend(&buffer);
  pq_sendint32(&buffer, static_cast<uint32>(v->dim));
  pq_sendint32(&buffer, static_cast<uint32>(v->nnz));
  pq_sendint32(&buffer, 0);
  for (int i = 0; i < v->nnz; ++i) pq_sendint32(&buffer, static_cast<uint32>(v->indices[i]));
  for (int i = 0; i < v->nnz; ++i) pq_sendfloat4(&buffer, v->values()[i]);
  PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

LOWDIM_FN(lowdim_sparsevec) {
  SparseVector* v = arg<SparseVector>(fcinfo, 0);
  check_expected_dim(PG_GETARG_INT32(1), v->dim);
  PG_RETURN_POINTER(v);
}
