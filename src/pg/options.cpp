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

struct Flattening {
  const char* what;
  const char* const* arrays;
  OptionPairs out;
};

void put(Flattening* f, const char* key, const JsonbValue& v) {
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
      refuse(f->what, key);
  }
  OptionPairs& out = f->out;
  if (out.n == kMaxPairs) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("%s have more than %zu values", f->what, kMaxPairs)));
  }
  out.pairs[out.n++] = {view(key), view(text), v.type == jbvString};
}

bool may_be_array(const Flattening* f, const char* key) {
  for (const char* const* a = f->arrays; a != nullptr && *a != nullptr; ++a) {
    if (strcmp(*a, key) == 0) return true;
  }
  return false;
}

void flatten_array(Flattening* f, JsonbContainer* container, const char* key) {
  if (!may_be_array(f, key) || JsonContainerSize(container) == 0) refuse(f->what, key);
  JsonbIterator* it = JsonbIteratorInit(container);
  JsonbValue v;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE;) {
    if (token == WJB_ELEM) put(f, key, v);
  }
}

void flatten(Flattening* f, JsonbContainer* container, const char* prefix, int depth) {
  JsonbIterator* it = JsonbIteratorInit(container);
  JsonbValue v;
  if (JsonbIteratorNext(&it, &v, true) != WJB_BEGIN_OBJECT) {
    refuse(f->what, *prefix != '\0' ? prefix : nullptr);
  }
  const char* key = prefix;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE;) {
    if (token == WJB_KEY) {
      key = psprintf("%s%s%.*s", prefix, *prefix != '\0' ? "." : "", v.val.string.len, v.val.string.val);
    } else if (token == WJB_VALUE && v.type == jbvBinary && JsonContainerIsArray(v.val.binary.data)) {
      flatten_array(f, v.val.binary.data, key);
    } else if (token == WJB_VALUE && v.type == jbvBinary && depth < kMaxDepth) {
      flatten(f, v.val.binary.data, key, depth + 1);
    } else if (token == WJB_VALUE) {
      put(f, key, v);
    }
  }
}

}  // namespace

OptionPairs flatten_options(Jsonb* options, const char* what, const char* const* arrays) {
  Flattening f{
      what, arrays, {static_cast<core::OptionPair*>(palloc(kMaxPairs * sizeof(core::OptionPair))), 0}};
  flatten(&f, &options->root, "", 1);
  return f.out;
}

}  // namespace lowdim::pg
