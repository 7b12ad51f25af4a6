// Properties of the literal parsers that the literal fuzzers share.
#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "core/vec/literal.h"
#include "property.h"

namespace lowdim::fuzz {

// A fault points into the text, and what it points at is what the fault says.
inline void check_error(const core::LiteralError& e, std::string_view text, float max_abs) {
  property(e.position <= text.size(), "position within the text");
  property(e.length <= text.size() - e.position, "length within the text");
  const bool at_end = e.position == text.size() || text[e.position] == '\0';
  const std::string number(text.substr(e.position, e.length));
  char* stop = nullptr;
  const float value = std::strtof(number.c_str(), &stop);
  const bool whole = !number.empty() && *stop == '\0';
  const bool spelt = number.find_first_of("iI") != std::string::npos;  // "inf", not 1e39
  switch (e.fault) {
    case core::LiteralFault::kNone:
      break;
    case core::LiteralFault::kEnd:
      property(at_end, "kEnd is at the end");
      break;
    case core::LiteralFault::kSyntax:
    case core::LiteralFault::kJunk:
    case core::LiteralFault::kTooMany:
      property(!at_end, "points at a character");
      break;
    case core::LiteralFault::kEmpty:
      property(!at_end && text[e.position] == ']', "kEmpty points at ]");
      break;
    case core::LiteralFault::kNoOpening:
      property(at_end || text[e.position] != '\0', "points at something");
      break;
    case core::LiteralFault::kOutOfRange:
      property(whole && std::fabs(value) > max_abs && !spelt, "the text of a number out of range");
      break;
    case core::LiteralFault::kNaN:
      property(whole && std::isnan(value), "the text of a NaN");
      break;
    case core::LiteralFault::kInfinite:
      property(whole && std::isinf(value) && spelt, "the text of an infinity");
      break;
  }
}

// The value that the C library reads at text[at]; it may differ by one subnormal step for hexadecimal
// subnormals, which glibc does not always round to nearest.
inline void check_number(std::string_view text, float value) {
  const std::string copy(text);
  const float expected = std::strtof(copy.c_str(), nullptr);
  const bool hexadecimal = copy.find_first_of("xX") != std::string::npos;
  if (hexadecimal && std::fabs(expected) < std::numeric_limits<float>::min()) {
    property(std::fabs(value - expected) <= std::numeric_limits<float>::denorm_min(), "close to strtof");
  } else {
    property(same_bits(value, expected), "the value of strtof");
  }
}

// Parses `text` as a dense literal into exactly the room that its length can need, checks all that holds for
// both dense types, and returns the values; nothing if it is refused.
inline std::vector<float> check_dense(std::string_view text, float max_abs) {
  std::vector<float> out(text.size() / 2);  // an element takes two bytes at least, brackets included
  uint32_t n = 0;
  const core::LiteralError error = core::parse_dense(text, max_abs, out.data(), n);
  property(n <= out.size() && n <= static_cast<uint32_t>(kMaxDims), "count within limits");
  out.resize(n);
  for (const float v : out) property(std::fabs(v) <= max_abs, "elements finite and in range");
  if (error) {
    check_error(error, text, max_abs);
    return {};
  }
  property(n >= 1, "an accepted literal has elements");

  size_t at = text.find('[') + 1;
  for (const float v : out) {
    check_number(text.substr(at, text.find_first_of(",]", at) - at), v);
    at = text.find_first_of(",]", at) + 1;
  }
  property(text[at - 1] == ']', "as many commas as elements but one");

  std::string printed = "[";
  for (uint32_t i = 0; i < n; ++i) {
    if (i > 0) printed += ',';
    print_float(printed, out[i]);
  }
  printed += ']';
  std::vector<float> again(n);
  uint32_t n_again = 0;
  property(!core::parse_dense(printed, max_abs, again.data(), n_again), "printed, it parses");
  property(n_again == n, "printed, it has as many elements");
  for (uint32_t i = 0; i < n; ++i) property(same_bits(out[i], again[i]), "printed, it is the same");
  return out;
}

}  // namespace lowdim::fuzz
