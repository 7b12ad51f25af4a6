// See options.h.

#include "pg/options.h"

extern "C" {
#include "utils/numeric.h"
}

namespace lowdim::pg {
namespace {

constexpr size_t kMaxPairs = 64;
constexpr int kMaxDepth = 4;

[[noreturn]] void refuse(const char* what, const char* key) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  key == nullptr ? errmsg("%s must be a JSON object", what)
                                 : errmsg("invalid value for %s key \"%s\"", what, key),
                  errhint("Values are strings, numbers, true and false.")));
  pg_unreachable();
}

std::string_view view(const char* text) { return {text, strlen(text)}; }

void flatten(JsonbContainer* container, const char* prefix, int depth, const char* what, OptionPairs* out) {
  JsonbIterator* it = JsonbIteratorInit(container);
  JsonbValue v;
  if (JsonbIteratorNext(&it, &v, true) != WJB_BEGIN_OBJECT) refuse(what, *prefix != '\0' ? prefix : nullptr);
  const char* key = prefix;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE;) {
    if (token == WJB_KEY) {
      key = psprintf("%s%s%.*s", prefix, *prefix != '\0' ? "." : "", v.val.string.len, v.val.string.val);
      continue;
    }
    if (token != WJB_VALUE) continue;
    if (v.type == jbvBinary && depth < kMaxDepth) {
      flatten(v.val.binary.data, key, depth + 1, what, out);
      continue;
    }
    const char* text;
    switch (v.type) {
      case jbvString:
        text = pnstrdup(v.val.string.val, static_cast<Size>(v.val.string.len));
        break;
      case jbvNumeric:
        text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(v.val.numeric)));
        break;
      case jbvBool:
        text = v.val.boolean ? "true" : "false";
        break;
      default:
        refuse(what, key);
    }
    if (out->n == kMaxPairs) {
      ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                      errmsg("%s have more than %zu keys", what, kMaxPairs)));
    }
    out->pairs[out->n++] = {view(key), view(text), v.type == jbvString};
  }
}

}  // namespace

OptionPairs flatten_options(Jsonb* options, const char* what) {
  OptionPairs out{static_cast<core::OptionPair*>(palloc(kMaxPairs * sizeof(core::OptionPair))), 0};
  flatten(&options->root, "", 1, what, &out);
  return out;
}

}  // namespace lowdim::pg
