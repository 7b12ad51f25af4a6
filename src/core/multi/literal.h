// The text literal of multivector: '[[1,2],[3,4]]', vectors of one dimension, each written like a vector of
// its own (core/vec/literal.h has its grammar) and white space between any two tokens. Pure functions, no
// allocation: measure_multi tells how much room a text can need, parse_multi fills it. Called by
// pg/types/multi_io.cpp and the fuzzer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/vec/literal.h"

namespace lowdim::core {

enum class MultiFault : uint8_t {
  kNone,
  kLiteral,     // see `literal`
  kNoVectors,   // '[]'
  kTooMany,     // more than kMaxVectors vectors
  kTooLarge,    // more than kMaxMultiElements elements
  kDifferDims,  // a vector of `other` dimensions after those of `dims`
};

struct MultiError {
  MultiFault fault = MultiFault::kNone;
  LiteralError literal;
  uint32_t dims = 0;   // of the first vector (kDifferDims)
  uint32_t other = 0;  // of the vector that differs
  explicit operator bool() const { return fault != MultiFault::kNone; }
};

// The most floats that parse_multi writes for this text: exact for a correct literal, for any other text
// never more than half its bytes, nor than kMaxMultiElements.
size_t measure_multi(std::string_view text);

// Writes the vectors one behind the other to `out`, which has room for `room` floats, as measure_multi says.
// Sets `vectors` and `dims`.
MultiError parse_multi(std::string_view text, float max_abs, float* out, size_t room, uint32_t& vectors,
                       uint32_t& dims);

}  // namespace lowdim::core
