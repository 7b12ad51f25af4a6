// jsonb options as flat pairs for core's option parsers: {"a": 1, "b": {"c": "x"}} gives ("a", 1) and ("b.c",
// "x").
#pragma once

#include "core/codec/options.h"
#include "pg/pg.h"

extern "C" {
#include "utils/jsonb.h"
}

namespace lowdim::pg {

struct OptionPairs {
  core::OptionPair* pairs;
  size_t n;
};

// Keys and texts live in the current memory context. `what` names the options in errors ("codec options").
// Raises for anything but an object whose values are strings, numbers, booleans or such objects. A key in
// `arrays`, a list that ends with nullptr, may also have an array of scalars that is not empty: a pair for
// each.
OptionPairs flatten_options(Jsonb* options, const char* what, const char* const* arrays = nullptr);

}  // namespace lowdim::pg
