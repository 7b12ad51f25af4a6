// See fde.h; also input, output, receive and send of the type, and what makes one.

#include "pg/types/fde.h"

#include "core/multi/fde_cache.h"
#include "pg/door.h"
#include "pg/fn.h"
#include "pg/options.h"
#include "pg/types/types.h"

extern "C" {
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
}

using namespace lowdim::pg;
using namespace lowdim;

extern "C" {
PGDLLEXPORT Datum lowdim_fde_document(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum lowdim_vector(PG_FUNCTION_ARGS);
}

namespace lowdim::pg {
namespace {

core::FdeCache* session_cache = nullptr;

core::FdeText* new_options() { return make_in<core::FdeText>(CurrentMemoryContext); }

// The value of these options.
Datum make_value(core::FdeText* given) {
  call_core([=] { given->write(); });
  return PointerGetDatum(cstring_to_text_with_len(given->text.data(), static_cast<int>(given->text.size())));
}

Datum from_text(const char* text, size_t n) {
  core::FdeText* const given = new_options();
  call_core([=] { given->options = core::parse_fde_options({text, n}); });
  return make_value(given);
}

Datum from_jsonb(Jsonb* object) {
  const OptionPairs pairs = flatten_options(object, "FDE options");
  core::FdeText* const given = new_options();
  call_core([=] { given->options = core::parse_fde_options(pairs.pairs, pairs.n); });
  return make_value(given);
}

// A JSON object, or key=value.
Datum from_either(const char* text, size_t n) {
  size_t at = 0;
  while (at < n && isspace(static_cast<unsigned char>(text[at]))) ++at;
  if (at < n && text[at] == '{') {
    return from_jsonb(DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text))));
  }
  return from_text(text, n);
}

}  // namespace

core::FdeEncoder* fde_encoder(Datum options, uint32_t dims) {
  if (session_cache == nullptr) session_cache = make_in<core::FdeCache>(TopMemoryContext);
  const struct varlena* text = PG_DETOAST_DATUM_PACKED(options);
  const std::string_view key(VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text));
  core::FdeCache* const cache = session_cache;
  return call_core([=] { return &cache->get(key, dims); });
}

FdeExpression fde_expression_of(const Node* expression) {
  constexpr FdeExpression kOther{0, -1, 0};
  if (!IsA(expression, FuncExpr)) return kOther;
  const FuncExpr* call = reinterpret_cast<const FuncExpr*>(expression);
  // By what it runs, not by name: nothing here assumes a schema.
  FmgrInfo function;
  fmgr_info(call->funcid, &function);
  // A cast to vector(n) changes nothing, and says the dimensions where the column does not.
  if (function.fn_addr == lowdim_vector)
    return fde_expression_of(static_cast<const Node*>(linitial(call->args)));
  if (list_length(call->args) != 2) return kOther;
  const Node* set = static_cast<const Node*>(linitial(call->args));
  const Node* options = static_cast<const Node*>(lsecond(call->args));
  if (!IsA(set, Var) || !IsA(options, Const)) return kOther;
  const Const* value = reinterpret_cast<const Const*>(options);
  if (function.fn_addr != lowdim_fde_document || value->constisnull) return kOther;
  const Var* column = reinterpret_cast<const Var*>(set);
  return {column->varattno, column->vartypmod, value->constvalue};
}

Datum fde_query_options(Datum options) {
  const struct varlena* text = PG_DETOAST_DATUM_PACKED(options);
  const std::string_view given(VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text));
  core::FdeText* const parsed = new_options();
  call_core([=] {
    parsed->options = core::parse_fde_options(given);
    parsed->options.fill_empty = core::FillEmpty::kByDefault;
  });
  return make_value(parsed);
}

}  // namespace lowdim::pg

LOWDIM_FN(lowdim_fde_in) {
  const char* text = PG_GETARG_CSTRING(0);
  PG_RETURN_DATUM(from_either(text, strlen(text)));
}

LOWDIM_FN(lowdim_fde_out) { PG_RETURN_CSTRING(TextDatumGetCString(PG_GETARG_DATUM(0))); }

LOWDIM_FN(lowdim_fde_recv) {
  StringInfo buffer = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
  int n;
  const char* text = pq_getmsgtext(buffer, buffer->len - buffer->cursor, &n);
  PG_RETURN_DATUM(from_either(text, static_cast<size_t>(n)));
}

LOWDIM_FN(lowdim_fde_send) {
  const text* value = PG_GETARG_TEXT_PP(0);
  StringInfoData buffer;
  pq_begintypsend(&buffer);
  pq_sendtext(&buffer, VARDATA_ANY(value), static_cast<int>(VARSIZE_ANY_EXHDR(value)));
  PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

LOWDIM_FN(lowdim_fde_from_jsonb) { PG_RETURN_DATUM(from_jsonb(PG_GETARG_JSONB_P(0))); }

// (repetitions, k_sim, d_proj, final_dims, seed, fill_empty, center); NULL leaves an option out. Written as
// text, so that one place says what is allowed.
LOWDIM_FN(lowdim_fde_options) {
  StringInfoData text;
  initStringInfo(&text);
  const char* const names[] = {"repetitions", "k_sim", "d_proj", "final_dims"};
  for (int i = 0; i < 4; ++i) {
    if (!PG_ARGISNULL(i)) appendStringInfo(&text, "%s=%d ", names[i], PG_GETARG_INT32(i));
  }
  if (!PG_ARGISNULL(4)) appendStringInfo(&text, "seed=" INT64_FORMAT " ", PG_GETARG_INT64(4));
  if (!PG_ARGISNULL(5)) appendStringInfo(&text, "fill_empty=%s ", PG_GETARG_BOOL(5) ? "on" : "off");
  core::FdeText* const given = new_options();
  const std::string_view numbers(text.data, static_cast<size_t>(text.len));
  const Vector* center = PG_ARGISNULL(6) ? nullptr : arg<Vector>(fcinfo, 6);
  call_core([=] {
    given->options = core::parse_fde_options(numbers);
    if (center != nullptr) given->options.center.assign(center->x, center->x + center->dim);
  });
  PG_RETURN_DATUM(make_value(given));
}

// The dimensions of the encodings of vectors of so many dimensions.
LOWDIM_FN(lowdim_fde_dims) {
  const int32 dims = PG_GETARG_INT32(1);
  if (dims < 1 || dims > kMaxDims) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("dimensions must be between 1 and %d", static_cast<int>(kMaxDims))));
  }
  const struct varlena* text = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0));
  const std::string_view options(VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text));
  PG_RETURN_INT32(static_cast<int32>(call_core(
      [=] { return core::fde_dims(core::parse_fde_options(options), static_cast<uint32_t>(dims)); })));
}
