// See codec_types.h; also input, output, receive and send of both types.

#include "pg/types/codec_types.h"

#include <cstring>

#include "core/codec/cache.h"
#include "pg/door.h"
#include "pg/fn.h"

extern "C" {
#include "access/detoast.h"
#include "libpq/pqformat.h"
}

namespace lowdim::pg {
namespace {

using core::CodecCache;

constexpr size_t kImageKeyBytes = 16;  // magic, version and fingerprint name an image

CodecCache* cache_of(FunctionCallInfo fcinfo) {
  FmgrInfo* function = fcinfo->flinfo;
  if (function == nullptr) return make_in<CodecCache>(CurrentMemoryContext);
  if (function->fn_extra == nullptr) function->fn_extra = make_in<CodecCache>(function->fn_mcxt);
  return static_cast<CodecCache*>(function->fn_extra);
}

// Checks an image by building the codec once; nothing of it stays.
void check_image(const uint8* bytes, size_t n) {
  call_core([=] { core::Codec::read(bytes, n); });
}

bytea* bytea_of(const void* bytes, size_t n) {
  bytea* value = static_cast<bytea*>(palloc(VARHDRSZ + n));
  SET_VARSIZE(value, VARHDRSZ + n);
  if (n > 0) memcpy(VARDATA(value), bytes, n);
  return value;
}

void check_code_size(Size n) {
  if (n < offsetof(Code, bytes) + sizeof(float) + 1) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid code: too short")));
  }
}

}  // namespace

const core::Codec& codec_arg(FunctionCallInfo fcinfo, int n) {
  CodecCache* cache = cache_of(fcinfo);
  struct varlena* value = reinterpret_cast<struct varlena*>(PG_GETARG_POINTER(n));
  const void* key = value;
  size_t key_bytes = 0;
  if (VARATT_IS_EXTERNAL_ONDISK(value)) {  // its TOAST pointer names it
    key_bytes = VARSIZE_EXTERNAL(value);
    if (const core::Codec* codec = cache->find(key, key_bytes)) return *codec;
  }
  const struct varlena* image = PG_DETOAST_DATUM_PACKED(PointerGetDatum(value));
  const uint8* bytes = reinterpret_cast<const uint8*>(VARDATA_ANY(image));
  const size_t size = VARSIZE_ANY_EXHDR(image);
  if (key_bytes == 0) {
    key = bytes;
    key_bytes = Min(size, kImageKeyBytes);
    if (const core::Codec* codec = cache->find(key, key_bytes)) return *codec;
  }
  return *call_core([=] { return cache->load(key, key_bytes, bytes, size); });
}

const Code* code_arg(FunctionCallInfo fcinfo, int n, const core::Codec& codec) {
  const Code* code = reinterpret_cast<const Code*>(PG_DETOAST_DATUM(PG_GETARG_DATUM(n)));
  if (VARSIZE(code) < offsetof(Code, bytes) || code->fingerprint != short_fingerprint(codec.fingerprint())) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("code was made by another codec"),
                    errhint("A code can be used only with the codec that encoded it.")));
  }
  if (VARSIZE(code) != offsetof(Code, bytes) + codec.code_bytes()) {
    ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
                    errmsg("invalid code: %zu bytes where its codec makes %zu",
                           static_cast<size_t>(VARSIZE(code) - offsetof(Code, bytes)), codec.code_bytes())));
  }
  return code;
}

const core::CodecQuery& prepared_query(FunctionCallInfo fcinfo, const core::Codec& codec, const float* q,
                                       int dim) {
  check_codec_dim(codec, dim);
  CodecCache* cache = cache_of(fcinfo);
  return *call_core([=] { return cache->query(q); });
}

void check_codec_dim(const core::Codec& codec, int dim) {
  if (static_cast<int>(codec.dims()) != dim) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                    errmsg("expected %d dimensions, not %d", static_cast<int>(codec.dims()), dim),
                    errdetail("The codec was trained on vectors of %d dimensions.",
                              static_cast<int>(codec.dims()))));
  }
}

}  // namespace lowdim::pg

using namespace lowdim::pg;

// The text forms are those of bytea.
LOWDIM_FN(lowdim_codec_in) {
  const Datum image = DirectFunctionCall1(byteain, PG_GETARG_DATUM(0));
  const bytea* bytes = DatumGetByteaPP(image);
  check_image(reinterpret_cast<const uint8*>(VARDATA_ANY(bytes)), VARSIZE_ANY_EXHDR(bytes));
  PG_RETURN_DATUM(image);
}

LOWDIM_FN(lowdim_codec_out) {
  PG_RETURN_DATUM(DirectFunctionCall1(byteaout, PointerGetDatum(PG_GETARG_BYTEA_PP(0))));
}

LOWDIM_FN(lowdim_codec_recv) {
  StringInfo buffer = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
  const int n = buffer->len - buffer->cursor;
  const char* bytes = pq_getmsgbytes(buffer, n);
  check_image(reinterpret_cast<const uint8*>(bytes), static_cast<size_t>(n));
  PG_RETURN_BYTEA_P(bytea_of(bytes, static_cast<size_t>(n)));
}

LOWDIM_FN(lowdim_codec_send) { PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0)); }

LOWDIM_FN(lowdim_code_in) {
  const Datum code = DirectFunctionCall1(byteain, PG_GETARG_DATUM(0));
  check_code_size(VARSIZE_ANY(DatumGetPointer(code)));
  PG_RETURN_DATUM(code);
}

LOWDIM_FN(lowdim_code_out) {
  PG_RETURN_DATUM(DirectFunctionCall1(byteaout, PointerGetDatum(PG_GETARG_BYTEA_PP(0))));
}

LOWDIM_FN(lowdim_code_recv) {
  StringInfo buffer = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
  const int n = buffer->len - buffer->cursor;
  check_code_size(static_cast<Size>(n) + VARHDRSZ);
  PG_RETURN_BYTEA_P(bytea_of(pq_getmsgbytes(buffer, n), static_cast<size_t>(n)));
}

LOWDIM_FN(lowdim_code_send) { PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0)); }
