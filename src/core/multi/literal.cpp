// See literal.h.

#include "core/multi/literal.h"

#include <algorithm>

namespace lowdim::core {
namespace {

MultiError literal_error(LiteralFault fault, size_t position) {
  return {MultiFault::kLiteral, {fault, position, 0}, 0, 0};
}

bool at_end(std::string_view text, size_t at) { return at >= text.size() || text[at] == '\0'; }

// Counts the elements of the vector at `at`, which parse_list refused for being too long: what it is refused
// with shall name its dimensions. 0 if it is not a list of numbers, with what is wrong in `error`.
uint32_t count_list(std::string_view text, size_t at, float max_abs, LiteralError& error) {
  float values[kMaxDims];
  uint32_t n = 0;
  error = parse_list(text, at, max_abs, values, static_cast<uint32_t>(kMaxDims), n);
  return error ? 0 : n;
}

}  // namespace

size_t measure_multi(std::string_view text) {
  uint64_t vectors = 0;
  uint64_t dims = 1;
  bool first = true;
  for (const char c : text) {
    if (c == '\0') break;
    vectors += c == '[';
    if (first && c == ',') ++dims;
    if (c == ']') first = false;
  }
  vectors = std::min<uint64_t>(vectors > 0 ? vectors - 1 : 0, kMaxVectors);
  dims = std::min<uint64_t>(dims, kMaxDims);
  return std::min({vectors * dims, static_cast<uint64_t>(text.size() / 2), kMaxMultiElements});
}

MultiError parse_multi(std::string_view text, float max_abs, float* out, size_t room, uint32_t& vectors,
                       uint32_t& dims) {
  vectors = 0;
  dims = 0;
  size_t at = 0;
  skip_space(text, at);
  if (at_end(text, at) || text[at] != '[') return literal_error(LiteralFault::kNoOpening, at);
  ++at;
  skip_space(text, at);
  if (!at_end(text, at) && text[at] == ']') return {MultiFault::kNoVectors, {}, 0, 0};
  size_t used = 0;
  for (;;) {
    skip_space(text, at);
    if (at_end(text, at)) return literal_error(LiteralFault::kEnd, at);
    if (text[at] != '[') return literal_error(LiteralFault::kSyntax, at);
    if (vectors == kMaxVectors) return {MultiFault::kTooMany, {}, 0, 0};
    const size_t left = room - used;
    const size_t most = vectors == 0 ? static_cast<size_t>(kMaxDims) : dims;
    const size_t start = at;
    uint32_t n;
    LiteralError e =
        parse_list(text, at, max_abs, out + used, static_cast<uint32_t>(std::min(left, most)), n);
    if (e.fault == LiteralFault::kTooMany && n < static_cast<uint32_t>(kMaxDims)) {
      // Beyond the first vector's dimensions, or beyond the room, which only a wrong or a too large text
      // needs.
      const uint32_t other = count_list(text, start, max_abs, e);
      if (other > 0) {
        if (vectors > 0 && other != dims) return {MultiFault::kDifferDims, {}, dims, other};
        return {MultiFault::kTooLarge, {}, 0, 0};
      }
    }
    if (e) return {MultiFault::kLiteral, e, 0, 0};
    if (vectors > 0 && n != dims) return {MultiFault::kDifferDims, {}, dims, n};
    dims = n;
    used += n;
    ++vectors;
    skip_space(text, at);
    if (at_end(text, at)) return literal_error(LiteralFault::kEnd, at);
    const char c = text[at];
    if (c != ',' && c != ']') return literal_error(LiteralFault::kSyntax, at);
    ++at;
    if (c == ']') break;
  }
  skip_space(text, at);
  if (!at_end(text, at)) return literal_error(LiteralFault::kJunk, at);
  return {};
}

}  // namespace lowdim::core
