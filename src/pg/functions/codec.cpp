// Encoding, decoding and estimating distances with a trained codec.

#include "core/codec/codec.h"
#include "pg/door.h"
#include "pg/types/codec_types.h"
#include "pg/types/floats.h"
#include "pg/types/types.h"

extern "C" {
#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/jsonb.h"
}

namespace lowdim::pg {
namespace {

template <class T>
Datum encode(FunctionCallInfo fcinfo) {
  const core::Codec& codec = codec_arg(fcinfo, 0);
  const T* v = arg<T>(fcinfo, 1);
  check_codec_dim(codec, v->dim);
  const float* x = floats_of(v);
  const Size size = offsetof(Code, bytes) + codec.code_bytes();
  Code* code = static_cast<Code*>(palloc0(size));
  SET_VARSIZE(code, size);
  code->fingerprint = short_fingerprint(codec.fingerprint());
  const core::Codec* model = &codec;
  call_core([=] { model->encode(x, code->bytes); });
  PG_RETURN_POINTER(code);
}

enum class Estimate { kL2, kInner, kCosine };

template <class T>
Datum estimate(FunctionCallInfo fcinfo, Estimate what) {
  const core::Codec& codec = codec_arg(fcinfo, 0);
  const Code* code = code_arg(fcinfo, 1, codec);
  const T* v = arg<T>(fcinfo, 2);
  const core::CodecQuery* query = &prepared_query(fcinfo, codec, floats_of(v), v->dim);
  PG_RETURN_FLOAT8(call_core([=] {
    switch (what) {
      case Estimate::kL2:
        return query->l2(code->bytes);
      case Estimate::kInner:
        return query->inner(code->bytes);
      case Estimate::kCosine:
        return query->cosine(code->bytes);
    }
    return 0.0;
  }));
}

core::CodecMetric metric_named(const text* name) {
  const char* word = text_to_cstring(name);
  if (strcmp(word, "l2") == 0) return core::CodecMetric::kL2;
  if (strcmp(word, "ip") == 0) return core::CodecMetric::kInner;
  if (strcmp(word, "cosine") == 0) return core::CodecMetric::kCosine;
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown metric \"%s\"", word),
                  errhint("Metrics are l2, ip, cosine.")));
  pg_unreachable();
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;
using namespace lowdim;

LOWDIM_FN(lowdim_codec_encode) { return encode<Vector>(fcinfo); }
LOWDIM_FN(lowdim_codec_encode_halfvec) { return encode<HalfVector>(fcinfo); }

LOWDIM_FN(lowdim_codec_decode) {
  const core::Codec& codec = codec_arg(fcinfo, 0);
  const Code* code = code_arg(fcinfo, 1, codec);
  pg::Vector* v = make_dense<pg::Vector>(static_cast<int>(codec.dims()));
  const core::Codec* model = &codec;
  float* const x = v->x;
  call_core([=] { model->decode(code->bytes, x); });
  for (int i = 0; i < v->dim; ++i) check_element<pg::Vector>(v->x[i]);
  PG_RETURN_POINTER(v);
}

LOWDIM_FN(lowdim_codec_l2_distance) { return estimate<pg::Vector>(fcinfo, Estimate::kL2); }
LOWDIM_FN(lowdim_codec_inner_product) { return estimate<pg::Vector>(fcinfo, Estimate::kInner); }
LOWDIM_FN(lowdim_codec_cosine_distance) { return estimate<pg::Vector>(fcinfo, Estimate::kCosine); }

// (low, high) as a record.
LOWDIM_FN(lowdim_codec_distance_bounds) {
  TupleDesc row;
  if (get_call_result_type(fcinfo, nullptr, &row) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "return type must be a row type");
  const core::CodecMetric metric = metric_named(PG_GETARG_TEXT_PP(3));
  const core::Codec& codec = codec_arg(fcinfo, 0);
  const Code* code = code_arg(fcinfo, 1, codec);
  const pg::Vector* v = arg<pg::Vector>(fcinfo, 2);
  const core::CodecQuery* query = &prepared_query(fcinfo, codec, v->x, v->dim);
  const core::Interval bounds = call_core([=] { return query->bounds(metric, code->bytes); });
  Datum values[2] = {Float8GetDatum(bounds.low), Float8GetDatum(bounds.high)};
  bool nulls[2] = {false, false};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row), values, nulls)));
}

LOWDIM_FN(lowdim_codec_info) {
  const core::Codec* codec = &codec_arg(fcinfo, 0);
  const size_t n = codec->info().size();
  char* json = static_cast<char*>(palloc(n + 1));
  memcpy(json, codec->info().data(), n);
  json[n] = '\0';
  PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}
