// core/vec/wire: known big-endian bytes, every fault, and that random values survive encoding by hand and
// decoding. Buffers are of exact size on the heap: a sanitizer sees a read beyond them.

#include "core/vec/wire.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/vec/limits.h"

namespace lowdim::core {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes& put16(Bytes& b, uint32_t v) {
  b.push_back(static_cast<uint8_t>(v >> 8));
  b.push_back(static_cast<uint8_t>(v));
  return b;
}

Bytes& put32(Bytes& b, uint32_t v) { return put16(put16(b, v >> 16), v & 0xFFFF); }

Bytes f32(const std::vector<float>& values) {
  Bytes b;
  for (const float v : values) put32(b, std::bit_cast<uint32_t>(v));
  b.shrink_to_fit();
  return b;
}

Bytes pairs(const std::vector<int32_t>& indices, const std::vector<float>& values) {
  Bytes b;
  for (const int32_t i : indices) put32(b, static_cast<uint32_t>(i));
  for (const float v : values) put32(b, std::bit_cast<uint32_t>(v));
  b.shrink_to_fit();
  return b;
}

void expect_fault(const WireError& e, WireFault fault, int64_t value = 0) {
  EXPECT_EQ(static_cast<int>(e.fault), static_cast<int>(fault));
  EXPECT_EQ(e.value, value);
}

WireError dense_header(const Bytes& b) {
  int32_t dims = 0;
  return decode_dense_header(b.data(), b.size(), dims);
}

WireError dense_header(int dims, int unused) {
  Bytes b;
  put16(put16(b, static_cast<uint32_t>(dims)), static_cast<uint32_t>(unused));
  return dense_header(b);
}

WireError sparse_header(int32_t dims, int32_t nnz, int32_t unused) {
  Bytes b;
  put32(put32(put32(b, static_cast<uint32_t>(dims)), static_cast<uint32_t>(nnz)),
        static_cast<uint32_t>(unused));
  int32_t d = 0;
  int32_t n = 0;
  const WireError e = decode_sparse_header(b.data(), b.size(), d, n);
  if (!e) {
    EXPECT_EQ(d, dims);
    EXPECT_EQ(n, nnz);
  }
  return e;
}

WireError sparse(const std::vector<int32_t>& indices, const std::vector<float>& values, int32_t dims) {
  const Bytes b = pairs(indices, values);
  std::vector<int32_t> i(indices.size());
  std::vector<float> v(values.size());
  const WireError e =
      decode_sparse(b.data(), b.size(), dims, static_cast<uint32_t>(i.size()), i.data(), v.data());
  const WireError again =
      check_sparse(indices.data(), values.data(), static_cast<uint32_t>(indices.size()), dims);
  EXPECT_EQ(static_cast<int>(e.fault), static_cast<int>(again.fault));
  if (!e) {
    EXPECT_EQ(i, indices);
    EXPECT_EQ(v, values);
  }
  return e;
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(Wire, KnownVectorBytes) {
  const Bytes b{0, 3, 0, 0, 0x3F, 0x80, 0, 0, 0xC0, 0x20, 0, 0, 0x80, 0, 0, 0};
  int32_t dims = 0;
  expect_fault(decode_dense_header(b.data(), b.size(), dims), WireFault::kNone);
  ASSERT_EQ(dims, 3);
  std::vector<float> x(3, 7);
  expect_fault(decode_f32(b.data() + 4, b.size() - 4, 3, x.data()), WireFault::kNone);
  EXPECT_EQ(x, (std::vector<float>{1, -2.5f, -0.0f}));
  EXPECT_TRUE(std::signbit(x[2]));
}

TEST(Wire, KnownHalfvecBytes) {
  const Bytes b{0x3E, 0x80, 0, 0, 0x3C, 0x00, 0x7B, 0xFF, 0x80, 0x01};
  int32_t dims = 0;
  expect_fault(decode_dense_header(b.data(), b.size(), dims), WireFault::kNone);
  ASSERT_EQ(dims, 16000);
  std::vector<uint16_t> x(3);
  expect_fault(decode_f16(b.data() + 4, b.size() - 4, 3, x.data()), WireFault::kNone);
  EXPECT_EQ(x, (std::vector<uint16_t>{0x3C00, 0x7BFF, 0x8001}));
}

WireError multi_header(int32_t dims, int32_t vectors, int32_t unused, size_t room) {
  Bytes b;
  put32(put32(put32(b, static_cast<uint32_t>(dims)), static_cast<uint32_t>(vectors)),
        static_cast<uint32_t>(unused));
  b.resize(b.size() + room);
  int32_t d = 0;
  int32_t n = 0;
  const WireError e = decode_multi_header(b.data(), b.size(), d, n);
  if (!e) {
    EXPECT_EQ(d, dims);
    EXPECT_EQ(n, vectors);
  }
  return e;
}

TEST(Wire, MultivectorHeaders) {
  for (size_t n = 0; n < kMultiHeaderBytes; ++n) {
    int32_t dims = 0;
    int32_t vectors = 0;
    expect_fault(decode_multi_header(Bytes(n).data(), n, dims, vectors), WireFault::kTruncated);
  }
  expect_fault(multi_header(3, 2, 0, 24), WireFault::kNone);
  expect_fault(multi_header(3, 2, 0, 23), WireFault::kTruncated);
  expect_fault(multi_header(1, 65535, 0, 4 * 65535), WireFault::kNone);
  expect_fault(multi_header(16000, 65535, 0, 100), WireFault::kTruncated);
  expect_fault(multi_header(0, 1, 0, 100), WireFault::kDims, 0);
  expect_fault(multi_header(16001, 1, 0, 100), WireFault::kDims, 16001);
  expect_fault(multi_header(-1, 1, 0, 100), WireFault::kDims, -1);
  expect_fault(multi_header(1, 0, 0, 100), WireFault::kVectors, 0);
  expect_fault(multi_header(1, 65536, 0, 100), WireFault::kVectors, 65536);
  expect_fault(multi_header(1, -5, 0, 100), WireFault::kVectors, -5);
  expect_fault(multi_header(1, 1, 7, 100), WireFault::kUnused, 7);
}

TEST(Wire, KnownSparsevecBytes) {
  const Bytes b{0x3B, 0x9A, 0xCA, 0x00, 0,    0,    0,    2,    0, 0, 0, 0,  // 10^9 dimensions, 2 elements
                0,    0,    0,    1,    0x3B, 0x9A, 0xC9, 0xFF,              // indices
                0x3F, 0xC0, 0,    0,    0xBF, 0x80, 0,    0};                // 1.5, -1
  int32_t dims = 0;
  int32_t nnz = 0;
  expect_fault(decode_sparse_header(b.data(), b.size(), dims, nnz), WireFault::kNone);
  ASSERT_EQ(dims, 1000000000);
  ASSERT_EQ(nnz, 2);
  std::vector<int32_t> i(2);
  std::vector<float> v(2);
  expect_fault(decode_sparse(b.data() + 12, b.size() - 12, dims, 2, i.data(), v.data()), WireFault::kNone);
  EXPECT_EQ(i, (std::vector<int32_t>{1, 999999999}));
  EXPECT_EQ(v, (std::vector<float>{1.5f, -1}));
}

TEST(Wire, DenseHeaderFaults) {
  for (size_t n = 0; n < kDenseHeaderBytes; ++n) expect_fault(dense_header(Bytes(n)), WireFault::kTruncated);
  expect_fault(dense_header(1, 0), WireFault::kNone);
  expect_fault(dense_header(16000, 0), WireFault::kNone);
  expect_fault(dense_header(0, 0), WireFault::kDims, 0);
  expect_fault(dense_header(-1, 0), WireFault::kDims, -1);
  expect_fault(dense_header(16001, 0), WireFault::kDims, 16001);
  expect_fault(dense_header(0x8000, 0), WireFault::kDims, -32768);
  expect_fault(dense_header(3, 1), WireFault::kUnused, 1);
  expect_fault(dense_header(3, -2), WireFault::kUnused, -2);
  expect_fault(dense_header(3, 0x100), WireFault::kUnused, 0x100);
}

TEST(Wire, SparseHeaderFaults) {
  int32_t dims = 0;
  int32_t nnz = 0;
  for (size_t n = 0; n < kSparseHeaderBytes; ++n) {
    const Bytes b(n);
    expect_fault(decode_sparse_header(b.data(), n, dims, nnz), WireFault::kTruncated);
  }
  constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
  expect_fault(sparse_header(1, 0, 0), WireFault::kNone);
  expect_fault(sparse_header(1000000000, 16000, 0), WireFault::kNone);
  expect_fault(sparse_header(0, 0, 0), WireFault::kDims, 0);
  expect_fault(sparse_header(kMin, 0, 0), WireFault::kDims, kMin);
  expect_fault(sparse_header(1000000001, 0, 0), WireFault::kDims, 1000000001);
  expect_fault(sparse_header(5, -1, 0), WireFault::kNonZeros, -1);
  expect_fault(sparse_header(5, 5, 0), WireFault::kNone);
  expect_fault(sparse_header(5, 6, 0), WireFault::kNonZeros, 6);
  expect_fault(sparse_header(1000000, 16001, 0), WireFault::kNonZeros, 16001);
  expect_fault(sparse_header(5, 2, 1), WireFault::kUnused, 1);
  expect_fault(sparse_header(5, 2, kMin), WireFault::kUnused, kMin);
}

TEST(Wire, TruncatedElements) {
  const Bytes b = f32({1, 2, 3});
  std::vector<float> x(3, 7);
  for (size_t n = 0; n < b.size(); ++n) {
    const Bytes cut(b.begin(), b.begin() + static_cast<ptrdiff_t>(n));
    expect_fault(decode_f32(cut.data(), n, 3, x.data()), WireFault::kTruncated);
    EXPECT_EQ(x, (std::vector<float>{7, 7, 7})) << "written before the check";
  }
  std::vector<uint16_t> h(6, 9);
  for (size_t n = 0; n < b.size(); ++n) {
    const Bytes cut(b.begin(), b.begin() + static_cast<ptrdiff_t>(n));
    expect_fault(decode_f16(cut.data(), n, 6, h.data()), WireFault::kTruncated);
    EXPECT_EQ(h, std::vector<uint16_t>(6, 9));
  }
  const Bytes p = pairs({0, 4}, {1, 2});
  std::vector<int32_t> i(2, 5);
  for (size_t n = 0; n < p.size(); ++n) {
    const Bytes cut(p.begin(), p.begin() + static_cast<ptrdiff_t>(n));
    expect_fault(decode_sparse(cut.data(), n, 5, 2, i.data(), x.data()), WireFault::kTruncated);
    EXPECT_EQ(i, (std::vector<int32_t>{5, 5}));
  }
}

TEST(Wire, ElementsThatAreNotFinite) {
  std::vector<float> x(3);
  for (uint32_t at = 0; at < 3; ++at) {
    std::vector<float> values{1, 2, 3};
    values[at] = kNaN;
    Bytes b = f32(values);
    expect_fault(decode_f32(b.data(), b.size(), 3, x.data()), WireFault::kNaN, at);
    values[at] = -kInf;
    b = f32(values);
    expect_fault(decode_f32(b.data(), b.size(), 3, x.data()), WireFault::kInfinite, at);
  }
  uint16_t h[2];
  const auto half = [&](uint32_t bits) {
    Bytes b;
    put16(put16(b, 0x3C00), bits);
    return decode_f16(b.data(), b.size(), 2, h);
  };
  // Every one of the 65,536 halves: the exponent of all ones is refused, and only that.
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const uint32_t magnitude = bits & 0x7FFF;
    const WireFault expected = magnitude < 0x7C00    ? WireFault::kNone
                               : magnitude == 0x7C00 ? WireFault::kInfinite
                                                     : WireFault::kNaN;
    const WireError e = half(bits);
    ASSERT_EQ(static_cast<int>(e.fault), static_cast<int>(expected)) << bits;
    if (!e) {
      ASSERT_EQ(h[1], bits);
    }
  }
}

TEST(Wire, SparseElementFaults) {
  expect_fault(sparse({}, {}, 5), WireFault::kNone);
  expect_fault(sparse({0, 4}, {1, 2}, 5), WireFault::kNone);
  expect_fault(sparse({-1, 4}, {1, 2}, 5), WireFault::kIndexBounds, 0);
  expect_fault(sparse({0, 5}, {1, 2}, 5), WireFault::kIndexBounds, 1);
  expect_fault(sparse({0, std::numeric_limits<int32_t>::min()}, {1, 2}, 5), WireFault::kIndexBounds, 1);
  expect_fault(sparse({0, 3, 2}, {1, 2, 3}, 5), WireFault::kIndexOrder, 2);
  expect_fault(sparse({0, 3, 3}, {1, 2, 3}, 5), WireFault::kIndexTwice, 2);
  expect_fault(sparse({0, 3}, {0, 2}, 5), WireFault::kZero, 0);
  expect_fault(sparse({0, 3}, {1, -0.0f}, 5), WireFault::kZero, 1);
  expect_fault(sparse({0, 3}, {1, kNaN}, 5), WireFault::kNaN, 1);
  expect_fault(sparse({0, 3}, {kInf, 1}, 5), WireFault::kInfinite, 0);
}

TEST(Wire, RandomValuesRoundTrip) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    const uint32_t n = static_cast<uint32_t>(1 + random() % 300);
    std::vector<float> values(n);
    std::vector<int32_t> indices(n);
    std::vector<uint16_t> halves(n);
    Bytes half_bytes;
    int32_t next = 0;
    for (uint32_t i = 0; i < n; ++i) {
      uint32_t bits;
      do {
        bits = static_cast<uint32_t>(random());
      } while ((bits & 0x7F800000) == 0x7F800000 || (bits & 0x7FFFFFFF) == 0);
      values[i] = std::bit_cast<float>(bits);
      next += static_cast<int32_t>(1 + random() % 1000);
      indices[i] = next;
      halves[i] = static_cast<uint16_t>(random() % 0x7C00);
      put16(half_bytes, halves[i]);
    }
    const Bytes dense_bytes = f32(values);
    std::vector<float> x(n);
    expect_fault(decode_f32(dense_bytes.data(), dense_bytes.size(), n, x.data()), WireFault::kNone);
    EXPECT_EQ(x, values);
    std::vector<uint16_t> h(n);
    expect_fault(decode_f16(half_bytes.data(), half_bytes.size(), n, h.data()), WireFault::kNone);
    EXPECT_EQ(h, halves);
    expect_fault(sparse(indices, values, next + 1), WireFault::kNone);
    expect_fault(sparse(indices, values, next), WireFault::kIndexBounds, n - 1);
  }
}

}  // namespace
}  // namespace lowdim::core
