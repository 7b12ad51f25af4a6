// core/multi/literal: what a multivector literal may be, and for every fault what is reported where.

#include "core/multi/literal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace lowdim::core {
namespace {

struct Multi {
  MultiError error;
  std::vector<float> values;
  uint32_t vectors = 0;
  uint32_t dims = 0;
};

// Parses into exactly the room that was measured.
Multi multi(std::string_view text) {
  Multi m;
  std::vector<float> out(measure_multi(text));
  m.error = parse_multi(text, std::numeric_limits<float>::max(), out.data(), out.size(), m.vectors, m.dims);
  if (!m.error) out.resize(size_t{m.vectors} * m.dims);
  m.values = out;
  return m;
}

void expect_values(std::string_view text, uint32_t vectors, uint32_t dims, const std::vector<float>& values) {
  const Multi m = multi(text);
  ASSERT_FALSE(m.error) << text;
  EXPECT_EQ(m.vectors, vectors) << text;
  EXPECT_EQ(m.dims, dims) << text;
  EXPECT_EQ(m.values, values) << text;
  EXPECT_EQ(measure_multi(text), values.size()) << text;
}

void expect_literal(std::string_view text, LiteralFault fault, size_t position) {
  const Multi m = multi(text);
  EXPECT_EQ(m.error.fault, MultiFault::kLiteral) << text;
  EXPECT_EQ(static_cast<int>(m.error.literal.fault), static_cast<int>(fault)) << text;
  EXPECT_EQ(m.error.literal.position, position) << text;
}

std::string list(size_t n, const std::string& element) {
  std::string text = "[";
  for (size_t i = 0; i < n; ++i) text += (i > 0 ? "," : "") + element;
  return text + "]";
}

TEST(MultiLiteral, Accepts) {
  expect_values("[[1]]", 1, 1, {1});
  expect_values("[[1,2],[3,4]]", 2, 2, {1, 2, 3, 4});
  expect_values(" [ [ 1.5 ,\t-2e1 ] ,\n[ +3 , .5 ] ] \v\f\r", 2, 2, {1.5f, -20, 3, 0.5f});
  expect_values("[[1],[2],[3]]", 3, 1, {1, 2, 3});
  expect_values(std::string_view("[[1,2]]\0[", 9), 1, 2, {1, 2});
}

TEST(MultiLiteral, Faults) {
  expect_literal("", LiteralFault::kNoOpening, 0);
  expect_literal("1", LiteralFault::kNoOpening, 0);
  expect_literal(" {", LiteralFault::kNoOpening, 1);
  expect_literal("[", LiteralFault::kEnd, 1);
  expect_literal("[1,2]", LiteralFault::kSyntax, 1);
  expect_literal("[ ,", LiteralFault::kSyntax, 2);
  expect_literal("[[", LiteralFault::kEnd, 2);
  expect_literal("[[1", LiteralFault::kEnd, 3);
  expect_literal("[[1,", LiteralFault::kEnd, 4);
  expect_literal("[[1]", LiteralFault::kEnd, 4);
  expect_literal("[[1],", LiteralFault::kEnd, 5);
  expect_literal("[[1],]", LiteralFault::kSyntax, 5);
  expect_literal("[[1][2]]", LiteralFault::kSyntax, 4);
  expect_literal("[[1],2]", LiteralFault::kSyntax, 5);
  expect_literal("[[a]]", LiteralFault::kSyntax, 2);
  expect_literal("[[1 2]]", LiteralFault::kSyntax, 4);
  expect_literal("[[1]]x", LiteralFault::kJunk, 5);
  expect_literal("[[1]] ]", LiteralFault::kJunk, 6);
  expect_literal("[[[1]]]", LiteralFault::kSyntax, 2);
  expect_literal("[[]]", LiteralFault::kEmpty, 2);
  expect_literal("[[1],[ ]]", LiteralFault::kEmpty, 7);
  expect_literal("[[1],[nan]]", LiteralFault::kNaN, 6);
  expect_literal("[[1],[-inf]]", LiteralFault::kInfinite, 6);
  expect_literal("[[1,1e39]]", LiteralFault::kOutOfRange, 4);
  EXPECT_EQ(multi("[]").error.fault, MultiFault::kNoVectors);
  EXPECT_EQ(multi(" [ ] ").error.fault, MultiFault::kNoVectors);
}

void expect_differ(std::string_view text, uint32_t dims, uint32_t other) {
  const MultiError e = multi(text).error;
  EXPECT_EQ(e.fault, MultiFault::kDifferDims) << text;
  EXPECT_EQ(e.dims, dims) << text;
  EXPECT_EQ(e.other, other) << text;
}

TEST(MultiLiteral, VectorsOfDifferentDimensions) {
  expect_differ("[[1,2],[3]]", 2, 1);
  expect_differ("[[1,2],[3,4,5]]", 2, 3);
  expect_differ("[[1],[2],[3,4,5,6,7]]", 1, 5);
  expect_differ("[[1],[2]," + list(16000, "0") + "]", 1, 16000);
  // What is wrong inside the longer vector is said instead.
  expect_literal("[[1],[2,x]]", LiteralFault::kSyntax, 8);
  expect_literal("[[1],[2,nan]]", LiteralFault::kNaN, 8);
}

TEST(MultiLiteral, Limits) {
  EXPECT_FALSE(multi("[" + list(16000, "0") + "]").error);
  expect_literal("[" + list(16001, "0") + "]", LiteralFault::kTooMany, 32002);
  expect_literal("[[0]," + list(16001, "0") + "]", LiteralFault::kTooMany, 32006);
  EXPECT_FALSE(multi(list(65535, "[0]")).error);
  EXPECT_EQ(multi(list(65536, "[0]")).error.fault, MultiFault::kTooMany);
}

TEST(MultiLiteral, RoomIsBoundByTheText) {
  EXPECT_EQ(measure_multi("["), 0u);
  EXPECT_LE(measure_multi(std::string(16000, ',') + std::string(70000, '[')), size_t{86000 / 2});
  // Garbage that promises much is refused for what it is.
  expect_literal("[[" + std::string(16000, ',') + "]" + std::string(70000, '['), LiteralFault::kSyntax, 2);
}

// A text that needs more room than there is, here as if a value could have 3 elements.
TEST(MultiLiteral, TooLarge) {
  float out[3];
  uint32_t vectors = 0;
  uint32_t dims = 0;
  EXPECT_EQ(parse_multi("[[1,2],[3,4]]", 1e38f, out, 3, vectors, dims).fault, MultiFault::kTooLarge);
  EXPECT_EQ(parse_multi("[[1,2],[3,x]]", 1e38f, out, 3, vectors, dims).fault, MultiFault::kLiteral);
}

}  // namespace
}  // namespace lowdim::core
