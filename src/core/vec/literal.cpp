// See literal.h. std::from_chars does the reading: correctly rounded, no locale, no allocation.

#include "core/vec/literal.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace lowdim::core {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f'; }

struct Cursor {
  std::string_view text;
  size_t at = 0;

  bool end() const { return at >= text.size() || text[at] == '\0'; }
  char peek() const { return end() ? '\0' : text[at]; }
  void skip_space() {
    while (!end() && is_space(text[at])) ++at;
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at;
    return true;
  }
  LiteralError fail() const { return {end() ? LiteralFault::kEnd : LiteralFault::kSyntax, at, 0}; }
};

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// What stands behind "0x". False if that is no number: "0x." is a 0 with something behind it.
bool read_hexadecimal(const char* first, const char* last, float& value, std::from_chars_result& read) {
  if (!is_hex_digit(*first) && *first != '.') return false;  // from_chars would take "inf", and a sign
  read = std::from_chars(first, last, value, std::chars_format::hex);
  const std::string_view number(first, static_cast<size_t>(read.ptr - first));
  const size_t mark = number.find_first_of("pP");
  // libstdc++ takes two signs of an exponent; strtof ends such a number before the mark.
  if (mark != std::string_view::npos && number.substr(mark + 1, 2) == "+-") {
    read = std::from_chars(first, first + mark, value, std::chars_format::hex);
  }
  return read.ec != std::errc::invalid_argument;
}

// Whether a number that from_chars calls out of range is too large rather than too small, which it reports
// alike: the sign of the power of ten (of two for hexadecimal digits) of its first digit that is not 0. No
// minus sign.
bool overflows(std::string_view number, bool hexadecimal) {
  const int digit_weight = hexadecimal ? 4 : 1;
  const size_t mark = std::min(number.size(), number.find_first_of(hexadecimal ? "pP" : "eE"));
  int64_t scale = 0;
  bool point = false;
  bool leading = true;
  for (size_t i = 0; i < mark; ++i) {
    if (number[i] == '.') {
      point = true;
    } else if (leading && number[i] == '0') {
      scale -= point ? digit_weight : 0;
    } else {
      leading = false;
      if (point) break;
      scale += digit_weight;
    }
  }
  int64_t exponent = 0;
  bool negative = false;
  for (size_t i = mark + 1; i < number.size(); ++i) {
    if (number[i] == '-') negative = true;
    if (number[i] >= '0' && number[i] <= '9') {
      exponent = std::min<int64_t>(exponent * 10 + (number[i] - '0'), int64_t{1} << 40);
    }
  }
  return scale + (negative ? -exponent : exponent) > 0;
}

// strtol's grammar in base 10 with its result clamped to +-(2^31 - 1): one can be taken from it.
LiteralError parse_int(Cursor& c, int32_t& value) {
  const size_t start = c.at;
  bool negative = false;
  if (c.peek() == '-' || c.peek() == '+') negative = c.text[c.at++] == '-';
  int64_t v = 0;
  size_t digits = 0;
  for (; c.peek() >= '0' && c.peek() <= '9'; ++c.at, ++digits) {
    v = std::min<int64_t>(v * 10 + (c.peek() - '0'), std::numeric_limits<int32_t>::max());
  }
  if (digits == 0) {
    c.at = start;
    return c.fail();
  }
  value = static_cast<int32_t>(negative ? -v : v);
  return {};
}

LiteralError check_value(float v, float max_abs, size_t start, size_t end) {
  if (std::isnan(v)) return {LiteralFault::kNaN, start, end - start};
  if (std::isinf(v)) return {LiteralFault::kInfinite, start, end - start};
  if (std::fabs(v) > max_abs) return {LiteralFault::kOutOfRange, start, end - start};
  return {};
}

}  // namespace

LiteralError parse_float(std::string_view text, size_t& position, float& value) {
  const char* const begin = text.data() + position;
  const char* const last = text.data() + text.size();
  const char* first = begin;  // of the magnitude; from_chars takes no plus sign and no "0x"
  const bool negative = first != last && *first == '-';
  if (first != last && (*first == '-' || *first == '+')) ++first;
  if (first == last) return {first == begin ? LiteralFault::kEnd : LiteralFault::kSyntax, position, 0};
  if (*first == '-') return {LiteralFault::kSyntax, position, 0};
  std::from_chars_result read{};
  const bool hexadecimal = last - first > 2 && first[0] == '0' && (first[1] == 'x' || first[1] == 'X') &&
                           read_hexadecimal(first + 2, last, value, read);
  if (hexadecimal) {
    first += 2;
  } else {
    read = std::from_chars(first, last, value);
  }
  if (read.ec == std::errc::invalid_argument) return {LiteralFault::kSyntax, position, 0};
  // Libraries differ in whether they report an overflow or return infinity, as for "inf".
  const bool spelt = *first == 'i' || *first == 'I';
  if (read.ec == std::errc::result_out_of_range || (std::isinf(value) && !spelt)) {
    if (overflows({first, static_cast<size_t>(read.ptr - first)}, hexadecimal)) {
      return {LiteralFault::kOutOfRange, position, static_cast<size_t>(read.ptr - begin)};
    }
    value = 0;
  }
  if (negative) value = -value;
  position = static_cast<size_t>(read.ptr - text.data());
  return {};
}

LiteralError parse_list(std::string_view text, size_t& position, float max_abs, float* out, uint32_t room,
                        uint32_t& n) {
  Cursor c{text, position};
  n = 0;
  c.skip_space();
  if (!c.take('[')) return {LiteralFault::kNoOpening, c.at, 0};
  c.skip_space();
  if (c.peek() == ']') return {LiteralFault::kEmpty, c.at, 0};
  for (;;) {
    if (n == room) return {LiteralFault::kTooMany, c.at, 0};
    c.skip_space();
    if (c.end()) return c.fail();
    const size_t start = c.at;
    float v;
    if (LiteralError e = parse_float(text, c.at, v)) return e;
    if (LiteralError e = check_value(v, max_abs, start, c.at)) return e;
    out[n++] = v;
    c.skip_space();
    if (c.take(',')) continue;
    if (c.take(']')) break;
    return c.fail();
  }
  position = c.at;
  return {};
}

void skip_space(std::string_view text, size_t& position) {
  Cursor c{text, position};
  c.skip_space();
  position = c.at;
}

LiteralError parse_dense(std::string_view text, float max_abs, float* out, uint32_t& n) {
  size_t at = 0;
  if (LiteralError e = parse_list(text, at, max_abs, out, static_cast<uint32_t>(kMaxDims), n)) return e;
  skip_space(text, at);
  if (Cursor c{text, at}; !c.end()) return {LiteralFault::kJunk, at, 0};
  return {};
}

LiteralError parse_sparse(std::string_view text, int32_t* indices, float* values, uint32_t& nnz,
                          int32_t& dims) {
  Cursor c{text};
  nnz = 0;
  c.skip_space();
  if (!c.take('{')) return {LiteralFault::kNoOpening, c.at, 0};
  c.skip_space();
  if (!c.take('}')) {
    for (;;) {
      c.skip_space();
      int32_t index;
      if (LiteralError e = parse_int(c, index)) return e;
      c.skip_space();
      if (!c.take(':')) return c.fail();
      c.skip_space();
      if (c.end()) return c.fail();
      const size_t start = c.at;
      float v;
      if (LiteralError e = parse_float(text, c.at, v)) return e;
      if (LiteralError e = check_value(v, std::numeric_limits<float>::max(), start, c.at)) return e;
      if (v != 0) {
        if (nnz == static_cast<uint32_t>(kMaxSparseNonZeros)) return {LiteralFault::kTooMany, start, 0};
        indices[nnz] = index - 1;  // counted from 1 in text
        values[nnz++] = v;
      }
      c.skip_space();
      if (c.take(',')) continue;
      if (c.take('}')) break;
      return c.fail();
    }
  }
  c.skip_space();
  if (!c.take('/')) return c.fail();
  c.skip_space();
  if (LiteralError e = parse_int(c, dims)) return e;
  c.skip_space();
  if (!c.end()) return {LiteralFault::kJunk, c.at, 0};
  return {};
}

namespace {

void swap_pair(int32_t* indices, float* values, uint32_t a, uint32_t b) {
  std::swap(indices[a], indices[b]);
  std::swap(values[a], values[b]);
}

// Heap sort: in place over two arrays, and its worst case is its common case.
void sift_down(int32_t* indices, float* values, uint32_t root, uint32_t n) {
  for (uint32_t child; (child = 2 * root + 1) < n; root = child) {
    if (child + 1 < n && indices[child] < indices[child + 1]) ++child;
    if (indices[root] >= indices[child]) return;
    swap_pair(indices, values, root, child);
  }
}

}  // namespace

void sort_pairs(int32_t* indices, float* values, uint32_t n) {
  if (std::is_sorted(indices, indices + n)) return;
  for (uint32_t i = n / 2; i-- > 0;) sift_down(indices, values, i, n);
  for (uint32_t end = n; end-- > 1;) {
    swap_pair(indices, values, 0, end);
    sift_down(indices, values, 0, end);
  }
}

}  // namespace lowdim::core
