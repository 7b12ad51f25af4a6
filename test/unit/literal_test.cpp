// core/vec/literal: what the three literals accept, and for every fault what is reported where. strtof in the
// C locale is the reference for single numbers.

#include "core/vec/literal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace lowdim::core {
namespace {

constexpr float kFloatMax = std::numeric_limits<float>::max();
constexpr float kHalfMax = 65519.996f;

struct Dense {
  LiteralError error;
  std::vector<float> values;
};

Dense dense(std::string_view text, float max_abs = kFloatMax) {
  std::vector<float> out(kMaxDims);
  uint32_t n = 0;
  const LiteralError error = parse_dense(text, max_abs, out.data(), n);
  out.resize(n);
  return {error, out};
}

struct Sparse {
  LiteralError error;
  std::vector<int32_t> indices;
  std::vector<float> values;
  int32_t dims = 0;
};

Sparse sparse(std::string_view text) {
  Sparse s;
  s.indices.resize(kMaxSparseNonZeros);
  s.values.resize(kMaxSparseNonZeros);
  uint32_t n = 0;
  s.error = parse_sparse(text, s.indices.data(), s.values.data(), n, s.dims);
  s.indices.resize(n);
  s.values.resize(n);
  return s;
}

void expect_error(const LiteralError& e, LiteralFault fault, size_t position, size_t length = 0) {
  EXPECT_EQ(static_cast<int>(e.fault), static_cast<int>(fault));
  EXPECT_EQ(e.position, position);
  EXPECT_EQ(e.length, length);
}

std::string repeat(int n, const std::string& element) {
  std::string out = element;
  for (int i = 1; i < n; ++i) out += "," + element;
  return out;
}

// The same bits, any NaN being alike.
bool same(float a, float b) { return (std::isnan(a) && std::isnan(b)) || std::memcmp(&a, &b, sizeof a) == 0; }

void expect_like_strtof(const std::string& text) {
  char* stop = nullptr;
  const float expected = std::strtof(text.c_str(), &stop);
  const size_t used = static_cast<size_t>(stop - text.c_str());
  const bool spelt = text.substr(0, used).find_first_of("iI") != std::string::npos;
  size_t position = 0;
  float value = 42;
  const LiteralError e = parse_float(text, position, value);
  if (used == 0) {
    ASSERT_TRUE(e.fault == LiteralFault::kSyntax || e.fault == LiteralFault::kEnd) << text;
    ASSERT_EQ(e.position, 0u) << text;
    ASSERT_EQ(position, 0u) << text;
  } else if (std::isinf(expected) && !spelt) {
    ASSERT_EQ(static_cast<int>(e.fault), static_cast<int>(LiteralFault::kOutOfRange)) << text;
    ASSERT_EQ(e.position, 0u) << text;
    ASSERT_EQ(e.length, used) << text;
  } else {
    ASSERT_FALSE(e) << text << " fault " << static_cast<int>(e.fault);
    if (text.find_first_of("xX") < used && std::fabs(expected) < std::numeric_limits<float>::min()) {
      // glibc 2.36 cuts some subnormal hexadecimal numbers off where they round up. Numbers of at most 53
      // bits have an exact reference of their own below.
      ASSERT_LE(std::fabs(value - expected), std::numeric_limits<float>::denorm_min()) << text;
    } else {
      ASSERT_TRUE(same(value, expected)) << text << ": " << value << " is not " << expected;
    }
    ASSERT_EQ(position, used) << text;
  }
}

TEST(Literal, DenseGoodForms) {
  EXPECT_EQ(dense("[1,2,3]").values, (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(dense("[1]").values, (std::vector<float>{1}));
  EXPECT_EQ(dense("[-1.5,+2.25,.5,3.,1e2,1E-2,-2.5e+1]").values,
            (std::vector<float>{-1.5f, 2.25f, 0.5f, 3, 100, 0.01f, -25}));
  EXPECT_EQ(dense("[0x10,0X1.8p3,-0x.4P-1]").values, (std::vector<float>{16, 12, -0.125f}));
  EXPECT_EQ(dense("[00001,1.50000]").values, (std::vector<float>{1, 1.5f}));
  const Dense zero = dense("[-0,0]");
  ASSERT_FALSE(zero.error);
  EXPECT_TRUE(std::signbit(zero.values[0]));
  EXPECT_FALSE(std::signbit(zero.values[1]));
}

TEST(Literal, WhiteSpaceBetweenAnyTwoTokens) {
  for (const char c : std::string(" \t\n\r\v\f")) {
    const std::string w(3, c);
    EXPECT_EQ(dense(w + "[" + w + "1" + w + "," + w + "2" + w + "]" + w).values, (std::vector<float>{1, 2}));
    const Sparse s = sparse(w + "{" + w + "1" + w + ":" + w + "2" + w + "," + w + "3" + w + ":" + w + "4" +
                            w + "}" + w + "/" + w + "5" + w);
    ASSERT_FALSE(s.error) << static_cast<int>(c);
    EXPECT_EQ(s.indices, (std::vector<int32_t>{0, 2}));
    EXPECT_EQ(s.values, (std::vector<float>{2, 4}));
    EXPECT_EQ(s.dims, 5);
    EXPECT_FALSE(sparse(w + "{" + w + "}" + w + "/" + w + "5" + w).error);
    expect_error(dense("[1" + w + "2]").error, LiteralFault::kSyntax, 5);
    expect_error(dense("[-" + w + "2]").error, LiteralFault::kSyntax, 1);
  }
}

TEST(Literal, DenseFaults) {
  expect_error(dense("").error, LiteralFault::kNoOpening, 0);
  expect_error(dense("  1,2]").error, LiteralFault::kNoOpening, 2);
  expect_error(dense("{1}").error, LiteralFault::kNoOpening, 0);
  expect_error(dense("[]").error, LiteralFault::kEmpty, 1);
  expect_error(dense(" [ ]").error, LiteralFault::kEmpty, 3);
  expect_error(dense("[").error, LiteralFault::kEnd, 1);
  expect_error(dense("[1").error, LiteralFault::kEnd, 2);
  expect_error(dense("[1,").error, LiteralFault::kEnd, 3);
  expect_error(dense("[1, ").error, LiteralFault::kEnd, 4);
  expect_error(dense("[1,,3]").error, LiteralFault::kSyntax, 3);
  expect_error(dense("[1,]").error, LiteralFault::kSyntax, 3);
  expect_error(dense("[,1]").error, LiteralFault::kSyntax, 1);
  expect_error(dense("[1a]").error, LiteralFault::kSyntax, 2);
  expect_error(dense("[1e]").error, LiteralFault::kSyntax, 2);
  expect_error(dense("[hello]").error, LiteralFault::kSyntax, 1);
  expect_error(dense("[+-1]").error, LiteralFault::kSyntax, 1);
  expect_error(dense("[--1]").error, LiteralFault::kSyntax, 1);
  expect_error(dense("[1}").error, LiteralFault::kSyntax, 2);
  expect_error(dense("[0xg]").error, LiteralFault::kSyntax, 2);
  expect_error(dense("[1]x").error, LiteralFault::kJunk, 3);
  expect_error(dense("[1] ]").error, LiteralFault::kJunk, 4);
  expect_error(dense("[1][2]").error, LiteralFault::kJunk, 3);
}

TEST(Literal, ANulByteEndsTheText) {
  using namespace std::string_view_literals;
  expect_error(dense("[1\0,2]"sv).error, LiteralFault::kEnd, 2);
  EXPECT_EQ(dense("[1]\0junk"sv).values, (std::vector<float>{1}));
  expect_error(sparse("{1:\0"sv).error, LiteralFault::kEnd, 3);
}

TEST(Literal, InfinityAndNanAreSpeltAsInC) {
  for (const char* s : {"inf", "INF", "Infinity", "-inf", "+infinity", "1"}) {
    const std::string text = s;
    const Dense d = dense("[0," + text + "]");
    if (text == "1") {
      EXPECT_FALSE(d.error);
    } else {
      expect_error(d.error, LiteralFault::kInfinite, 3, text.size());
    }
  }
  for (const char* s : {"nan", "NaN", "NAN", "-nan", "+NaN", "nan(12)"}) {
    expect_error(dense("[" + std::string(s) + "]").error, LiteralFault::kNaN, 1, std::strlen(s));
    expect_error(sparse("{1:" + std::string(s) + "}/1").error, LiteralFault::kNaN, 3, std::strlen(s));
  }
  expect_error(dense("[infin]").error, LiteralFault::kInfinite, 1, 3);
  expect_error(dense("[in]").error, LiteralFault::kSyntax, 1);
  expect_error(sparse("{1:-inf}/1").error, LiteralFault::kInfinite, 3, 4);
}

TEST(Literal, TooSmallIsZeroTooLargeIsAFaultWithItsText) {
  const Dense small = dense("[1e-46,-1e-46,1e-99999999999999999999,0x1p-1000,1e-45]");
  ASSERT_FALSE(small.error);
  EXPECT_EQ(small.values, (std::vector<float>{0, 0, 0, 0, std::numeric_limits<float>::denorm_min()}));
  EXPECT_TRUE(std::signbit(small.values[1]));
  for (const char* s : {"1e39", "-1e39", "+1e39", "3.4028236e38", "0x1p128", "-0x1p99999999999999999999",
                        "1e99999", "340282356779733661637539395458142568448", "0.001e42"}) {
    const Dense d = dense("[7, " + std::string(s) + ",8]");
    expect_error(d.error, LiteralFault::kOutOfRange, 4, std::strlen(s));
    EXPECT_EQ(d.values.size(), 1u);
  }
  EXPECT_EQ(dense("[3.4028235e38,-3.4028235677973365e38]").values,
            (std::vector<float>{kFloatMax, -kFloatMax}));
  const std::string zeros(500, '0');
  EXPECT_EQ(
      dense("[0." + zeros + "1e501," + "1" + zeros + "e-500,0x" + zeros + "1,0x." + zeros + "1p2004]").values,
      (std::vector<float>{1, 1, 1, 1}));
  // Many digits before or behind the point do not hide which way a number leaves the range.
  EXPECT_EQ(
      dense("[0." + zeros + "1e300,1." + zeros + "1e-400,0x." + zeros + "1p1000,0x1." + zeros + "p-400]")
          .values,
      (std::vector<float>(4, 0)));
  expect_error(dense("[1" + zeros + "]").error, LiteralFault::kOutOfRange, 1, 501);
  expect_error(dense("[" + zeros + "x]").error, LiteralFault::kSyntax, 501);
  expect_error(sparse("{2:1e39}/3").error, LiteralFault::kOutOfRange, 3, 4);
}

TEST(Literal, HalfRange) {
  EXPECT_EQ(dense("[65519.996,-65519.996]", kHalfMax).values.size(), 2u);
  expect_error(dense("[1,65520]", kHalfMax).error, LiteralFault::kOutOfRange, 3, 5);
  expect_error(dense("[1,-1e5]", kHalfMax).error, LiteralFault::kOutOfRange, 3, 4);
  expect_error(dense("[1,1e39]", kHalfMax).error, LiteralFault::kOutOfRange, 3, 4);
}

TEST(Literal, DenseLimit) {
  EXPECT_EQ(dense("[" + repeat(16000, "1") + "]").values.size(), 16000u);
  const Dense d = dense("[" + repeat(16001, "1") + "]");
  expect_error(d.error, LiteralFault::kTooMany, 1 + 2 * 16000);
  EXPECT_EQ(d.values.size(), 16000u);
  expect_error(dense("[" + repeat(16000, "1")).error, LiteralFault::kEnd, 2 * 16000);
}

TEST(Literal, SparseGoodForms) {
  Sparse s = sparse("{1:1.5,3:2}/5");
  ASSERT_FALSE(s.error);
  EXPECT_EQ(s.indices, (std::vector<int32_t>{0, 2}));
  EXPECT_EQ(s.values, (std::vector<float>{1.5f, 2}));
  EXPECT_EQ(s.dims, 5);
  s = sparse("{}/7");
  ASSERT_FALSE(s.error);
  EXPECT_TRUE(s.indices.empty());
  EXPECT_EQ(s.dims, 7);
}

TEST(Literal, SparseKeepsTheOrderAndDuplicatesOfTheText) {
  const Sparse s = sparse("{5:1,2:-2,+5:3}/+5");
  ASSERT_FALSE(s.error);
  EXPECT_EQ(s.indices, (std::vector<int32_t>{4, 1, 4}));
  EXPECT_EQ(s.values, (std::vector<float>{1, -2, 3}));
  EXPECT_EQ(s.dims, 5);
}

TEST(Literal, SparseDropsZeros) {
  const Sparse s = sparse("{1:0,2:-0,3:1e-46,4:0x0,5:1}/5");
  ASSERT_FALSE(s.error);
  EXPECT_EQ(s.indices, (std::vector<int32_t>{4}));
}

TEST(Literal, SparseIntegersAreClamped) {
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  const Sparse s =
      sparse("{0:1,-1:1,2147483647:1,2147483648:1,-2147483648:1,99999999999999999999:1}/99999999999");
  ASSERT_FALSE(s.error);
  EXPECT_EQ(s.indices, (std::vector<int32_t>{-1, -2, kMax - 1, kMax - 1, -kMax - 1, kMax - 1}));
  EXPECT_EQ(s.dims, kMax);
  EXPECT_EQ(sparse("{}/-99999999999").dims, -kMax);
}

TEST(Literal, SparseFaults) {
  expect_error(sparse("").error, LiteralFault::kNoOpening, 0);
  expect_error(sparse(" [1:1]/2").error, LiteralFault::kNoOpening, 1);
  expect_error(sparse("{").error, LiteralFault::kEnd, 1);
  expect_error(sparse("{,").error, LiteralFault::kSyntax, 1);
  expect_error(sparse("{a:1}/2").error, LiteralFault::kSyntax, 1);
  expect_error(sparse("{-:1}/2").error, LiteralFault::kSyntax, 1);
  expect_error(sparse("{1").error, LiteralFault::kEnd, 2);
  expect_error(sparse("{1.5:1}/2").error, LiteralFault::kSyntax, 2);
  expect_error(sparse("{1:").error, LiteralFault::kEnd, 3);
  expect_error(sparse("{1:x}/2").error, LiteralFault::kSyntax, 3);
  expect_error(sparse("{1:1").error, LiteralFault::kEnd, 4);
  expect_error(sparse("{1:1,").error, LiteralFault::kEnd, 5);
  expect_error(sparse("{1:1,}/2").error, LiteralFault::kSyntax, 5);
  expect_error(sparse("{1:1;2:2}/2").error, LiteralFault::kSyntax, 4);
  expect_error(sparse("{1:1}").error, LiteralFault::kEnd, 5);
  expect_error(sparse("{1:1}2").error, LiteralFault::kSyntax, 5);
  expect_error(sparse("{1:1}/").error, LiteralFault::kEnd, 6);
  expect_error(sparse("{1:1}/x").error, LiteralFault::kSyntax, 6);
  expect_error(sparse("{1:1}/2x").error, LiteralFault::kJunk, 7);
  expect_error(sparse("{1:1}/2.5").error, LiteralFault::kJunk, 7);
  expect_error(sparse("{1:1}/2 2").error, LiteralFault::kJunk, 8);
}

TEST(Literal, SparseLimitCountsElementsThatAreNotZero) {
  const std::string full = repeat(16000, "1:1");
  EXPECT_EQ(sparse("{" + full + "}/16000").indices.size(), 16000u);
  EXPECT_EQ(sparse("{" + full + ",1:0}/16000").indices.size(), 16000u);
  expect_error(sparse("{" + full + ",1:1}/16000").error, LiteralFault::kTooMany, 1 + 4 * 16000 + 2);
}

// Separated by bars; the first is empty.
constexpr const char* kChosenNumbers =
    "|+|-|.|+.|-.5|1.|1..2|e5|.e5|1e|1e+|1e-|1e+5x|+1|++1|+-1|-+1|0x|0x.|0x.p1|0xp1|0x1p|0x1p+|0x1p-|0x1p+-5|"
    "0x1P+-150|0x1p-+5|0x1p++5|0x1p--5|1e+-5|1e-+5|"
    "-0x1.fp-2|+0xA.8|0xinf|0xnan|0x-1|0x+1|0x1p-149|0x1p-150|0x1.8p-150|0x1.fffffep127|0x1.ffffffp127|"
    "0x1.fffffefp127|-0x1p128|0x0p99999|0x0.0000000000000000000000000000000000001p200|10x5|1e10x2|"
    "1e-50x1|inf|-infinity|infi|+nan|nan(|nan(0x1f)|nan(a_9)z|0e99999|1e-45|7.0064923216240853e-46|"
    "7.0064923216240854e-46|1.17549435e-38|3.40282356779733661637e38|"
    "3.4028235677973366163753939545814256844e38|16777217|16777219|0.1|1 |1,5|";

TEST(Literal, NumbersReadLikeStrtofOnChosenText) {
  std::istringstream list(kChosenNumbers);
  int n = 0;
  for (std::string s; std::getline(list, s, '|'); ++n) expect_like_strtof(s);
  EXPECT_GT(n, 50);
}

// Random decimal and hexadecimal numbers over far more than float's range, near its edges and half-way cases,
// and strings of number-like characters.
TEST(Literal, NumbersReadLikeStrtofOnRandomText) {
  std::mt19937_64 random(20240607);
  const auto below = [&](uint64_t n) { return random() % n; };
  char text[160];
  for (int i = 0; i < 300000 && !testing::Test::HasFatalFailure(); ++i) {
    switch (below(6)) {
      case 0: {  // digits and an exponent
        std::string s(below(2), '-');
        for (uint64_t n = below(25); n-- > 0;) s += static_cast<char>('0' + below(10));
        if (below(2)) s += '.';
        for (uint64_t n = below(25); n-- > 0;) s += static_cast<char>('0' + below(10));
        if (below(2)) s += "e" + std::to_string(static_cast<int>(below(120)) - 60);
        expect_like_strtof(s);
        break;
      }
      case 1: {  // the shortest and longer forms of random floats
        const uint32_t bits = static_cast<uint32_t>(random());
        float f;
        std::memcpy(&f, &bits, sizeof f);
        std::snprintf(text, sizeof text, "%.*g", static_cast<int>(1 + below(40)), static_cast<double>(f));
        expect_like_strtof(text);
        break;
      }
      case 2: {  // exactly between two floats, and a little beside
        const uint32_t bits = static_cast<uint32_t>(below(0x7F7FFFFF));
        float low;
        std::memcpy(&low, &bits, sizeof low);
        const double half = (static_cast<double>(low) + std::nextafterf(low, kFloatMax)) / 2;
        std::snprintf(text, sizeof text, "%.*e", static_cast<int>(20 + below(100)), half);
        expect_like_strtof(text);
        break;
      }
      case 3: {  // hexadecimal
        const double d = std::ldexp(1 + static_cast<double>(below(1ULL << 52)) / 4503599627370496.0,
                                    static_cast<int>(below(300)) - 160);
        std::snprintf(text, sizeof text, "%.*a", static_cast<int>(below(14)), d);
        expect_like_strtof(text);
        const double exact = std::strtod(text, nullptr);
        if (exact < static_cast<double>(kFloatMax)) {
          size_t position = 0;
          float value = 42;
          ASSERT_FALSE(parse_float(text, position, value)) << text;
          ASSERT_EQ(value, static_cast<float>(exact)) << text;
        }
        break;
      }
      case 4: {  // hexadecimal digits anywhere
        std::string s = below(2) ? "0x" : "-0X";
        for (uint64_t n = below(30); n-- > 0;) s += "0123456789abcdefABCDEF00000"[below(27)];
        if (below(2)) s += '.';
        for (uint64_t n = below(30); n-- > 0;) s += "0123456789abcdefABCDEF00000"[below(27)];
        if (below(2)) s += "p" + std::to_string(static_cast<int>(below(500)) - 250);
        expect_like_strtof(s);
        break;
      }
      default: {
        std::string s;
        for (uint64_t n = below(12); n-- > 0;) s += "0123456789+-.eExXpPinfaN"[below(24)];
        expect_like_strtof(s);
      }
    }
  }
}

}  // namespace
}  // namespace lowdim::core
