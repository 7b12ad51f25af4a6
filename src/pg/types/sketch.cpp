// See sketch.h; also input, output, receive and send.

#include "pg/types/sketch.h"

#include <cstring>

#include "pg/compat.h"
#include "pg/door.h"
#include "pg/fn.h"

extern "C" {
#include "access/detoast.h"
#include "libpq/pqformat.h"
}

namespace lowdim::pg {

using core::SketchCache;
using core::SketchQuery;

SketchCache* sketch_cache(FunctionCallInfo fcinfo) {
  FmgrInfo* function = fcinfo->flinfo;
  if (function == nullptr) return make_in<SketchCache>(CurrentMemoryContext);
  if (function->fn_extra == nullptr) function->fn_extra = make_in<SketchCache>(function->fn_mcxt);
  return static_cast<SketchCache*>(function->fn_extra);
}

namespace {

// What names an image that is not stored out of line: its size, its first bytes, and the checksum that ends
// it.
struct ImageKey {
  uint64 size, first, last;
};

}  // namespace

SketchQuery* sketch_at(SketchCache* cache, size_t place, Datum sketch) {
  struct varlena* value = reinterpret_cast<struct varlena*>(DatumGetPointer(sketch));
  const void* key = value;
  size_t key_bytes = 0;
  if (VARATT_IS_EXTERNAL_ONDISK(value)) {
    key_bytes = VARSIZE_EXTERNAL(value);
    if (SketchQuery* found = cache->find(place, key, key_bytes)) return found;
  }
  const struct varlena* image = PG_DETOAST_DATUM_PACKED(sketch);
  const uint8* bytes = reinterpret_cast<const uint8*>(VARDATA_ANY(image));
  const size_t n = VARSIZE_ANY_EXHDR(image);
  ImageKey name = {n, 0, 0};
  if (key_bytes == 0) {
    if (n >= sizeof name.first + sizeof name.last) {
      memcpy(&name.first, bytes, sizeof name.first);
      memcpy(&name.last, bytes + n - sizeof name.last, sizeof name.last);
    }
    key = &name;
    key_bytes = sizeof name;
    if (SketchQuery* found = cache->find(place, key, key_bytes)) return found;
  }
  return call_core([=] { return cache->load(place, key, key_bytes, bytes, n); });
}

SketchQuery* sketch_arg(FunctionCallInfo fcinfo, int n) {
  return sketch_at(sketch_cache(fcinfo), 0, PG_GETARG_DATUM(n));
}

Datum sketch_datum(const uint8_t* image, size_t n) {
  bytea* value = static_cast<bytea*>(palloc(VARHDRSZ + n));
  SET_VARSIZE(value, VARHDRSZ + n);
  memcpy(VARDATA(value), image, n);
  PG_RETURN_BYTEA_P(value);
}

}  // namespace lowdim::pg

using namespace lowdim::pg;

namespace {

// Checks an image by reading it once; nothing of it stays.
void check_image(const uint8_t* bytes, size_t n) {
  call_core([=] { lowdim::core::SketchQuery(bytes, n); });
}

}  // namespace

// The text form is that of bytea.
LOWDIM_FN(lowdim_sketch_in) {
  const Datum image = DirectFunctionCall1(byteain, PG_GETARG_DATUM(0));
  const bytea* bytes = DatumGetByteaPP(image);
  check_image(reinterpret_cast<const uint8*>(VARDATA_ANY(bytes)), VARSIZE_ANY_EXHDR(bytes));
  PG_RETURN_DATUM(image);
}

LOWDIM_FN(lowdim_sketch_out) {
  PG_RETURN_DATUM(DirectFunctionCall1(byteaout, PointerGetDatum(PG_GETARG_BYTEA_PP(0))));
}

LOWDIM_FN(lowdim_sketch_recv) {
  StringInfo buffer = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
  const int n = buffer->len - buffer->cursor;
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(pq_getmsgbytes(buffer, n));
  check_image(bytes, static_cast<size_t>(n));
  PG_RETURN_DATUM(sketch_datum(bytes, static_cast<size_t>(n)));
}

LOWDIM_FN(lowdim_sketch_send) { PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0)); }
