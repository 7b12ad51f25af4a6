// The aggregate codec_train. Its state is a core::CodecTrainer in the aggregate's memory context; workers
// exchange its image. The options, and the sample queries, of a group's first row count for the whole group.

#include "core/codec/train.h"
#include "pg/door.h"
#include "pg/options.h"
#include "pg/stop.h"
#include "pg/types/floats.h"
#include "pg/types/types.h"

extern "C" {
#include "utils/array.h"
#include "utils/lsyscache.h"
}

namespace lowdim::pg {
namespace {

using core::CodecTrainer;

CodecTrainer* state_arg(FunctionCallInfo fcinfo, int n) {
  return PG_ARGISNULL(n) ? nullptr : reinterpret_cast<CodecTrainer*>(PG_GETARG_POINTER(n));
}

MemoryContext aggregate_context(FunctionCallInfo fcinfo) {
  MemoryContext context;
  if (AggCheckCallContext(fcinfo, &context) == 0) elog(ERROR, "codec_train called in non-aggregate context");
  return context;
}

template <class T>
void set_queries(CodecTrainer* trainer, ArrayType* array) {
  Datum* elements;
  bool* nulls;
  int n;
  int16 length;
  bool by_value;
  char alignment;
  get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &alignment);
  deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, alignment, &elements, &nulls, &n);
  for (int i = 0; i < n; ++i) {
    if (nulls[i]) {
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
    }
    const T* q = reinterpret_cast<const T*>(PG_DETOAST_DATUM(elements[i]));
    const float* x = floats_of(q);
    const size_t dims = static_cast<size_t>(q->dim);
    call_core([=] { trainer->add_query(x, dims); });
  }
}

template <class T>
Datum accumulate(FunctionCallInfo fcinfo, bool with_queries) {
  MemoryContext context = aggregate_context(fcinfo);
  CodecTrainer* trainer = state_arg(fcinfo, 0);
  const int options_arg = with_queries ? 3 : 2;
  if (PG_ARGISNULL(1)) {
    if (trainer == nullptr) PG_RETURN_NULL();
    PG_RETURN_POINTER(trainer);
  }
  const T* v = arg<T>(fcinfo, 1);
  const size_t dims = static_cast<size_t>(v->dim);
  if (trainer == nullptr) {
    if (PG_ARGISNULL(options_arg)) {
      ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("codec options must not be null")));
    }
    const OptionPairs options = flatten_options(PG_GETARG_JSONB_P(options_arg), "codec options");
    trainer = make_in<CodecTrainer>(context);
    const size_t budget = static_cast<size_t>(maintenance_work_mem) * 1024;
    call_core([=] { trainer->start(core::parse_options(options.pairs, options.n), dims, budget); });
    if (with_queries && !PG_ARGISNULL(2)) set_queries<T>(trainer, PG_GETARG_ARRAYTYPE_P(2));
  }
  const float* x = floats_of(v);
  call_core([=] { trainer->add(x, dims); });
  PG_RETURN_POINTER(trainer);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;
using lowdim::core::CodecTrainer;

LOWDIM_FN(lowdim_codec_train_accum) { return accumulate<Vector>(fcinfo, false); }
LOWDIM_FN(lowdim_codec_train_accum_queries) { return accumulate<Vector>(fcinfo, true); }
LOWDIM_FN(lowdim_codec_train_accum_halfvec) { return accumulate<HalfVector>(fcinfo, false); }
LOWDIM_FN(lowdim_codec_train_accum_queries_halfvec) { return accumulate<HalfVector>(fcinfo, true); }

LOWDIM_FN(lowdim_codec_train_combine) {
  MemoryContext context = aggregate_context(fcinfo);
  CodecTrainer* left = state_arg(fcinfo, 0);
  CodecTrainer* right = state_arg(fcinfo, 1);
  if (right != nullptr) {
    if (left == nullptr) left = make_in<CodecTrainer>(context);
    call_core([=] { left->merge(*right); });
  }
  if (left == nullptr) PG_RETURN_NULL();
  PG_RETURN_POINTER(left);
}

LOWDIM_FN(lowdim_codec_train_serialize) {
  aggregate_context(fcinfo);
  CodecTrainer* trainer = state_arg(fcinfo, 0);
  struct Bytes {
    const uint8_t* data;
    size_t n;
  };
  const Bytes image = call_core([=] {
    const auto& bytes = trainer->image();
    return Bytes{bytes.data(), bytes.size()};
  });
  bytea* value = static_cast<bytea*>(palloc(VARHDRSZ + image.n));
  SET_VARSIZE(value, VARHDRSZ + image.n);
  memcpy(VARDATA(value), image.data, image.n);
  PG_RETURN_BYTEA_P(value);
}

LOWDIM_FN(lowdim_codec_train_deserialize) {
  aggregate_context(fcinfo);
  const bytea* image = PG_GETARG_BYTEA_PP(0);
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(VARDATA_ANY(image));
  const size_t n = VARSIZE_ANY_EXHDR(image);
  CodecTrainer* trainer = make_in<CodecTrainer>(CurrentMemoryContext);
  call_core([=] { trainer->restore(bytes, n); });
  PG_RETURN_POINTER(trainer);
}

LOWDIM_FN(lowdim_codec_train_final) {
  aggregate_context(fcinfo);
  CodecTrainer* trainer = state_arg(fcinfo, 0);
  if (trainer == nullptr) PG_RETURN_NULL();
  const lowdim::core::Stop stop = server_stop();
  const lowdim::core::Codec* codec = call_core([=] { return &trainer->finish(stop); });
  const Size n = codec->image().size();
  struct varlena* value = static_cast<struct varlena*>(palloc(VARHDRSZ + n));
  SET_VARSIZE(value, VARHDRSZ + n);
  memcpy(VARDATA(value), codec->image().data(), n);
  PG_RETURN_POINTER(value);
}
