// Text literals of the vector types: '[1,2.5,-3e2]' (vector, halfvec) and '{1:1.5,3:2}/5' (sparsevec).
// Pure functions over bytes: no allocation, no exceptions, no locale; output space is the caller's. Every
// failure is a plain value that says what, where and how long, so that the server's side (pg/types/*_io.cpp)
// can word it; the fuzzers in test/fuzz call exactly these functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/vec/limits.h"

namespace lowdim::core {

enum class LiteralFault : uint8_t {
  kNone,
  kNoOpening,   // does not start with '[' or '{'
  kSyntax,      // an unexpected character; `position` points at it
  kEnd,         // the input ends inside the literal
  kJunk,        // characters after the literal
  kEmpty,       // '[]'
  kTooMany,     // more than the allowed number of elements
  kOutOfRange,  // a number that the element type cannot hold; position and length give its text
  kNaN,
  kInfinite,
};

struct LiteralError {
  LiteralFault fault = LiteralFault::kNone;
  size_t position = 0;  // bytes from the start of the text
  size_t length = 0;    // of the offending number (kOutOfRange), else 0
  explicit operator bool() const { return fault != LiteralFault::kNone; }
};

// Parses one number at text[position]; advances `position` behind it. Accepts what strtof accepts in the C
// locale (sign, decimal, exponent, hexadecimal, inf, nan). Too small values become 0, too large ones are
// kOutOfRange. No leading white space.
LiteralError parse_float(std::string_view text, size_t& position, float& value);

// '[x1,...,xn]' with white space (space \t \n \r \v \f) between any two tokens. Writes n values to `out`
// (room for kMaxDims). `max_abs` is the largest magnitude the element type rounds to a finite value
// (65519.996 for halves).
LiteralError parse_dense(std::string_view text, float max_abs, float* out, uint32_t& n);

// The same from text[position] on, for literals that contain such a list: advances `position` behind the ']'
// and does not look at what follows. Writes at most `room` values; one more than room is kTooMany.
LiteralError parse_list(std::string_view text, size_t& position, float max_abs, float* out, uint32_t room,
                        uint32_t& n);

// Advances `position` over white space.
void skip_space(std::string_view text, size_t& position);

// '{i:x,...}/dims', indices counted from 1, in any order. Zero values are dropped. Writes pairs in the order
// of the text to `indices` (counted from 0, clamped to the int32 range: the caller checks the bounds) and
// `values` (room for kMaxSparseNonZeros each).
LiteralError parse_sparse(std::string_view text, int32_t* indices, float* values, uint32_t& nnz,
                          int32_t& dims);

// Sorts parallel arrays of (index, value) by index; stable order of equal indices is not kept.
void sort_pairs(int32_t* indices, float* values, uint32_t n);

}  // namespace lowdim::core
