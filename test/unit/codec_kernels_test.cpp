// The code kernels: every level that this processor has against plain references, which state the order of
// addition, so that floats are compared to the bit; at all sizes around the register widths, on unaligned
// pointers, with arrays that end where their allocation ends (AddressSanitizer then sees any over-read).

#include "core/simd/codes.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "core/base/half.h"
#include "core/codec/pack.h"

namespace lowdim::simd {
namespace {

using core::pack_codes;
using core::packed_bytes;
using core::unpack_codes;

std::vector<const CodeKernels*> levels() {
  std::vector<const CodeKernels*> found;
  for (const Level level : {Level::kBase, Level::kAvx2, Level::kAvx512})
    if (const CodeKernels* k = code_kernels_for(level)) found.push_back(k);
  return found;
}

std::vector<uint32_t> sizes() {
  std::vector<uint32_t> n;
  for (uint32_t i = 0; i <= 70; ++i) n.push_back(i);
  for (const uint32_t i : {100u, 127u, 129u, 159u, 384u, 700u, 768u, 784u, 1536u, 2100u}) n.push_back(i);
  return n;
}

template <class T>
struct Tight {
  Tight(size_t n, size_t offset) : storage(new T[n + offset]), data(storage.get() + offset) {}
  T& operator[](size_t i) { return data[i]; }
  std::unique_ptr<T[]> storage;
  T* data;
};

// The order that simd/codes.h promises. Compiled for the baseline, which has no fused multiply-add.
float dot_in_order(const float* q, const float* c, size_t n) {
  float s[16] = {};
  for (size_t d = 0; d < n; ++d) {
    const float product = q[d] * c[d];
    s[d % 16] += product;
  }
  for (size_t width = 8; width > 0; width /= 2)
    for (size_t i = 0; i < width; ++i) s[i] += s[i + width];
  return s[0];
}

uint32_t bits_of(float x) { return std::bit_cast<uint32_t>(x); }

// Nine codes, so that every kernel has full blocks and single ones, `stride` bytes apart with no byte after
// the last.
struct Block {
  static constexpr size_t kCount = 9;
  Block(uint32_t dims, unsigned bits, size_t gap, std::mt19937_64& random)
      : size(bits == 16 ? 2 * size_t{dims} : packed_bytes(dims, bits)),
        stride(size + gap),
        bytes((kCount - 1) * stride + size, gap),
        values(kCount, std::vector<float>(dims)),
        codes(kCount, std::vector<uint8_t>(dims)) {
    for (size_t i = 0; i < (kCount - 1) * stride + size; ++i) bytes[i] = static_cast<uint8_t>(random());
    std::normal_distribution<float> normal;
    for (size_t i = 0; i < kCount; ++i) {
      uint8_t* code = bytes.data + i * stride;
      for (uint32_t d = 0; d < dims; ++d) {
        if (bits == 16) {
          const uint16_t half = float_to_half(normal(random));
          std::memcpy(code + 2 * d, &half, 2);
          values[i][d] = half_to_float(half);
        } else {
          codes[i][d] = static_cast<uint8_t>(random() & ((1u << bits) - 1));
          values[i][d] = codes[i][d];
        }
      }
      if (bits == 16) continue;
      pack_codes(codes[i].data(), dims, bits, code);
      // Padding bits are anything.
      const unsigned used = dims * bits % 8;
      if (used != 0) code[size - 1] = static_cast<uint8_t>(code[size - 1] | (random() & 0xff) << used);
    }
  }
  size_t size, stride;
  Tight<uint8_t> bytes;
  std::vector<std::vector<float>> values;
  std::vector<std::vector<uint8_t>> codes;
};

void check_float(CodeKernels::FloatDot CodeKernels::*member, unsigned bits) {
  std::mt19937_64 random(bits);
  std::normal_distribution<float> normal;
  for (const uint32_t dims : sizes())
    for (size_t offset = 0; offset < 3; ++offset) {
      Block block(dims, bits, offset, random);
      Tight<float> q(dims, offset);
      for (uint32_t d = 0; d < dims; ++d) q[d] = normal(random);
      for (const CodeKernels* k : levels()) {
        float out[Block::kCount];
        (k->*member)(q.data, block.bytes.data, block.stride, Block::kCount, dims, out);
        for (size_t i = 0; i < Block::kCount; ++i) {
          ASSERT_EQ(bits_of(out[i]), bits_of(dot_in_order(q.data, block.values[i].data(), dims)))
              << "level " << static_cast<int>(k->level) << " bits " << bits << " dims " << dims << " code "
              << i;
        }
      }
    }
}

TEST(CodeKernels, ProjectionsAddInOrder) {
  std::mt19937_64 random(7);
  std::normal_distribution<float> normal;
  for (const uint32_t dims : {0u, 1u, 3u, 16u, 100u, 129u})
    for (const uint32_t columns : {16u, 48u})
      for (const size_t n : {size_t{0}, size_t{1}, size_t{2}, size_t{7}, size_t{8}, size_t{19}}) {
        Tight<float> x(n * dims, 1), matrix(size_t{dims} * columns, 1);
        for (size_t i = 0; i < n * dims; ++i) x[i] = normal(random);
        for (size_t i = 0; i < size_t{dims} * columns; ++i) matrix[i] = normal(random);
        for (const CodeKernels* k : levels()) {
          Tight<float> out(n * columns, 1);
          k->project_f32(x.data, n, dims, matrix.data, columns, out.data);
          for (size_t i = 0; i < n; ++i)
            for (uint32_t j = 0; j < columns; ++j) {
              float sum = 0;
              for (uint32_t d = 0; d < dims; ++d) {
                const float product = x[i * dims + d] * matrix[size_t{d} * columns + j];
                sum += product;
              }
              ASSERT_EQ(bits_of(out[i * columns + j]), bits_of(sum))
                  << "level " << static_cast<int>(k->level) << " dims " << dims << " n " << n;
            }
        }
      }
}

TEST(CodeKernels, FloatTimesBytes) { check_float(&CodeKernels::dot_f32_u8, 8); }
TEST(CodeKernels, FloatTimesNibbles) { check_float(&CodeKernels::dot_f32_u4, 4); }
TEST(CodeKernels, FloatTimesPairs) { check_float(&CodeKernels::dot_f32_u2, 2); }
TEST(CodeKernels, FloatTimesBits) { check_float(&CodeKernels::dot_f32_u1, 1); }
TEST(CodeKernels, FloatTimesHalves) { check_float(&CodeKernels::dot_f32_f16, 16); }

// The order of addition is close to the true sum, too: the reference above could be wrong in the same way.
TEST(CodeKernels, FloatsAreNearTheExactSum) {
  std::mt19937_64 random(3);
  std::normal_distribution<float> normal;
  Block block(1536, 8, 0, random);
  std::vector<float> q(1536);
  for (float& x : q) x = normal(random);
  float out[Block::kCount];
  code_kernels().dot_f32_u8(q.data(), block.bytes.data, block.stride, Block::kCount, 1536, out);
  for (size_t i = 0; i < Block::kCount; ++i) {
    double exact = 0, magnitude = 0;
    for (size_t d = 0; d < 1536; ++d) {
      exact += static_cast<double>(q[d]) * block.codes[i][d];
      magnitude += std::fabs(static_cast<double>(q[d]) * block.codes[i][d]);
    }
    EXPECT_NEAR(out[i], exact, magnitude * 101 * 0x1p-24);
  }
}

template <class Q, class Member>
void check_int(Member member, unsigned bits, bool extreme) {
  std::mt19937_64 random(40 + bits);
  for (const uint32_t dims : sizes())
    for (size_t offset = 0; offset < 3; ++offset) {
      Block block(dims, bits, offset, random);
      if (extreme) {
        std::memset(block.bytes.data, 0xff, (Block::kCount - 1) * block.stride + block.size);
        for (auto& code : block.codes) std::fill(code.begin(), code.end(), (1u << bits) - 1);
      }
      Tight<Q> q(dims, offset);
      // 16-bit queries only as large as their kernels take them.
      const int64_t limit = std::min<int64_t>(std::min<int64_t>(std::numeric_limits<Q>::max(), 32639),
                                              INT32_MAX / (int64_t{dims} + 1) / ((1 << bits) - 1));
      const Q largest = static_cast<Q>(std::numeric_limits<Q>::min() < 0 ? -limit : limit);
      for (uint32_t d = 0; d < dims; ++d)
        q[d] = extreme ? largest : static_cast<Q>(static_cast<Q>(random()) % (limit + 1));
      for (const CodeKernels* k : levels()) {
        int32_t out[Block::kCount];
        (k->*member)(q.data, block.bytes.data, block.stride, Block::kCount, dims, out);
        for (size_t i = 0; i < Block::kCount; ++i) {
          int64_t expected = 0;
          for (uint32_t d = 0; d < dims; ++d) expected += int64_t{q[d]} * block.codes[i][d];
          ASSERT_EQ(out[i], expected) << "level " << static_cast<int>(k->level) << " dims " << dims;
        }
      }
    }
}

TEST(CodeKernels, IntegerQueries) {
  for (const bool extreme : {false, true}) {
    check_int<int16_t>(&CodeKernels::dot_i16_u8, 8, extreme);
    check_int<int16_t>(&CodeKernels::dot_i16_u4, 4, extreme);
    check_int<int8_t>(&CodeKernels::dot_i8_u8, 8, extreme);
    check_int<int8_t>(&CodeKernels::dot_i8_u4, 4, extreme);
    check_int<uint8_t>(&CodeKernels::dot_u8_u8, 8, extreme);
    check_int<uint8_t>(&CodeKernels::dot_u8_u4, 4, extreme);
  }
}

TEST(CodeKernels, BitPlanes) {
  std::mt19937_64 random(9);
  for (const uint32_t dims : sizes())
    for (uint32_t planes = 1; planes <= 8; ++planes) {
      Block block(dims, 1, planes % 3, random);
      std::vector<uint8_t> query(dims);
      Tight<uint8_t> q(planes * block.size, planes % 3);
      for (uint8_t& x : query) x = static_cast<uint8_t>(random() & ((1u << planes) - 1));
      for (uint32_t p = 0; p < planes; ++p) {
        std::vector<uint8_t> plane(dims);
        for (uint32_t d = 0; d < dims; ++d) plane[d] = query[d] >> p & 1;
        pack_codes(plane.data(), dims, 1, q.data + p * block.size);
      }
      for (const CodeKernels* k : levels()) {
        uint32_t out[Block::kCount];
        k->dot_planes_u1(q.data, planes, block.bytes.data, block.stride, Block::kCount, block.size, out);
        for (size_t i = 0; i < Block::kCount; ++i) {
          uint32_t expected = 0;
          for (uint32_t d = 0; d < dims; ++d) expected += block.codes[i][d] * query[d];
          ASSERT_EQ(out[i], expected) << "level " << static_cast<int>(k->level) << " dims " << dims;
        }
      }
    }
}

TEST(CodeKernels, MinMaxAndZeros) {
  std::mt19937_64 random(11);
  std::normal_distribution<float> normal;
  for (const uint32_t n : sizes()) {
    if (n == 0) continue;
    for (uint32_t at = 0; at < n; at += 1 + n / 40) {
      Tight<float> v(n, at % 3);
      for (uint32_t d = 0; d < n; ++d) v[d] = normal(random);
      v[at] = 50;
      v[n - 1 - at] = n - 1 - at == at ? 50.0f : -50.0f;
      for (const CodeKernels* k : levels()) {
        float out[2];
        k->min_max_f32(v.data, n, out);
        EXPECT_EQ(out[1], 50);
        if (n > 1 && n - 1 - at != at) {
          EXPECT_EQ(out[0], -50);
        }
      }
    }
    Tight<float> zeros(n, 1);
    for (uint32_t d = 0; d < n; ++d) zeros[d] = random() % 2 ? 0.0f : -0.0f;
    for (const CodeKernels* k : levels()) {
      float out[2];
      k->min_max_f32(zeros.data, n, out);
      EXPECT_EQ(bits_of(out[0]), 0u);
      EXPECT_EQ(bits_of(out[1]), 0u);
    }
  }
}

TEST(CodeKernels, QuantizeRoundsToEvenAndClamps) {
  std::mt19937_64 random(12);
  std::uniform_real_distribution<float> uniform(-3.0f, 20.0f);
  for (const uint32_t n : sizes())
    for (const float top : {15.0f, 255.0f}) {
      Tight<float> v(n, n % 3);
      // Halves of the unit of the code come out as ties.
      for (uint32_t d = 0; d < n; ++d)
        v[d] = d % 3 == 0 ? static_cast<float>(random() % 600) * 0.25f - 20 : uniform(random) * top / 15;
      if (n > 4) v[4] = 1e30f, v[3] = -1e30f, v[2] = INFINITY, v[1] = -INFINITY;
      std::vector<uint8_t> expected(n), rest(n);
      const float scale = 0.5f, bias = -1.25f, delta = 0.5f, inverse = 2.0f, inverse2 = 510.0f;
      for (uint32_t d = 0; d < n; ++d) {
        const float x = v[d] * scale - bias;
        expected[d] = static_cast<uint8_t>(std::nearbyint(std::min(std::max(x * inverse, 0.0f), top)));
        const float r = ((x - delta * expected[d]) + delta / 2) * inverse2;
        rest[d] = static_cast<uint8_t>(std::nearbyint(std::min(std::max(r, 0.0f), 255.0f)));
      }
      for (const CodeKernels* k : levels()) {
        Tight<uint8_t> codes(n, 1), rests(n, 2);
        k->quantize_f32(v.data, n, scale, bias, inverse, top, codes.data);
        k->quantize_rest_f32(v.data, codes.data, n, scale, bias, delta, inverse2, rests.data);
        for (uint32_t d = 0; d < n; ++d) {
          ASSERT_EQ(codes[d], expected[d])
              << "level " << static_cast<int>(k->level) << " n " << n << " d " << d;
          ASSERT_EQ(rests[d], rest[d]) << "level " << static_cast<int>(k->level) << " n " << n << " d " << d;
        }
        if (top > 15) continue;
        Tight<uint8_t> packed(packed_bytes(n, 4), 1);
        std::vector<uint8_t> reference(packed_bytes(n, 4));
        k->pack_u4(codes.data, n, packed.data);
        pack_codes(codes.data, n, 4, reference.data());
        for (size_t i = 0; i < reference.size(); ++i) ASSERT_EQ(packed[i], reference[i]);
      }
    }
}

TEST(CodeKernels, UnpackUndoesPack) {
  std::mt19937_64 random(13);
  for (const unsigned bits : {1u, 2u, 4u, 8u})
    for (const uint32_t n : sizes()) {
      std::vector<uint8_t> codes(n), back(n), packed(packed_bytes(n, bits));
      for (uint8_t& c : codes) c = static_cast<uint8_t>(random() & ((1u << bits) - 1));
      pack_codes(codes.data(), n, bits, packed.data());
      const size_t split = n / 3;
      unpack_codes(packed.data(), n, bits, 0, split, back.data());
      unpack_codes(packed.data(), n, bits, split, n - split, back.data() + split);
      EXPECT_EQ(codes, back);
    }
}

// The documented layout, byte by byte.
TEST(CodeKernels, PackedLayout) {
  std::vector<uint8_t> codes(35);
  for (size_t d = 0; d < codes.size(); ++d) codes[d] = static_cast<uint8_t>(d * 7 % 16);
  uint8_t packed[18];
  pack_codes(codes.data(), 35, 4, packed);
  for (size_t i = 0; i < 16; ++i) EXPECT_EQ(packed[i], codes[i] | codes[16 + i] << 4);
  EXPECT_EQ(packed[16], codes[32] | codes[33] << 4);
  EXPECT_EQ(packed[17], codes[34]);
}

TEST(CodeKernels, LevelFollowsTheDistanceKernels) {
  for (const CodeKernels* k : levels()) {
    force(k->level);
    EXPECT_EQ(&code_kernels(), k);
  }
  force(detect());
}

}  // namespace
}  // namespace lowdim::simd
