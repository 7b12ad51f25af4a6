// LVQ: the error of a component, the constants, layouts, bounds, recall; on synthetic and, where fetched,
// real sets.

#include "core/codec/lvq.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "codec_vectors.h"
#include "core/base/half.h"
#include "core/codec/pack.h"
#include "core/simd/codes.h"

namespace lowdim::core {
namespace {

using test::Table;

constexpr unsigned kKinds[][2] = {{8, 0}, {4, 0}, {4, 8}, {8, 8}};

float step_of(const uint8_t* code) {
  uint16_t h;
  std::memcpy(&h, code, 2);
  return half_to_float(h);
}

// What a code says a component is, in double.
double exact(const uint8_t* code, size_t dims, unsigned bits, bool rest, size_t d, int exponent) {
  uint16_t step, bias;
  std::memcpy(&step, code, 2);
  std::memcpy(&bias, code + 2, 2);
  uint8_t c;
  unpack_codes(code + 4, dims, bits, d, 1, &c);
  const double s = std::fabs(static_cast<double>(half_to_float(step)));
  double x = static_cast<double>(half_to_float(bias)) + s * c;
  if (rest) x += s * (code[4 + packed_bytes(dims, bits) + d] / 255.0 - 0.5);
  return std::ldexp(x, exponent);
}

// One level: half a step and 2^-10 of it (2^-13 is promised); two levels: half a step of the second and 2^-6
// of it. At ordinary vectors, vectors far from their mean, and constant ones, where the constants' rounding
// exceeds a step.
TEST(Lvq, NoComponentIsOffByMoreThanHalfAStep) {
  for (const size_t dims : {1u, 7u, 33u, 100u, 768u})
    for (const auto [bits, rest] : kKinds) {
      Table t = test::decaying(60, dims, dims);
      for (size_t i = 0; i < t.n; ++i)
        for (size_t d = 0; d < dims; ++d) {
          if (i % 4 == 1) t.row(i)[d] += 100;
          if (i % 4 == 2) t.row(i)[d] = t.row(i)[0];
          if (i % 4 == 3) t.row(i)[d] *= 0.001f;
        }
      const auto lvq = LvqQuantizer::train(t.rows(), bits, rest);
      const int exponent = std::stoi(lvq->facts()[2].second);
      const std::vector<uint8_t> codes = test::encode_all(*lvq, t);
      double worst = 0;
      for (size_t i = 0; i < t.n; ++i) {
        const uint8_t* code = codes.data() + i * lvq->code_bytes();
        const double step = std::ldexp(static_cast<double>(step_of(code)), exponent);
        ASSERT_GT(step, 0);
        const double limit = rest != 0 ? step / 510 * (1 + 0x1p-6) : step / 2 * (1 + 0x1p-10);
        EXPECT_LE(lvq->error_bound(code), limit * (1 + 1e-12));
        for (size_t d = 0; d < dims; ++d) {
          const double error =
              std::fabs(exact(code, dims, bits, rest != 0, d, exponent) - static_cast<double>(t.row(i)[d]));
          ASSERT_LE(error, lvq->error_bound(code))
              << "bits " << bits << "x" << rest << " row " << i << " dim " << d;
          worst = std::max(worst, error / limit);
        }
      }
      // The bound is no looser than it must be.
      if (dims == 768) {
        EXPECT_GT(worst, 0.97);
      }
    }
}

// The grid is no coarser than the vector's range asks, except for what rounding to half floats costs.
TEST(Lvq, StepIsTheRangeOverTheLevels) {
  const Table t = test::decaying(200, 96, 5);
  for (const unsigned bits : {4u, 8u}) {
    const auto lvq = LvqQuantizer::train(t.rows(), bits, 0);
    const int exponent = std::stoi(lvq->facts()[2].second);
    for (size_t i = 0; i < t.n; ++i) {
      std::vector<uint8_t> code(lvq->code_bytes());
      lvq->encode(t.row(i), code.data());
      const auto [low, high] = std::minmax_element(t.row(i), t.row(i) + t.dims);
      const double step = static_cast<double>(*high - *low) / ((1 << bits) - 1);
      EXPECT_NEAR(std::ldexp(static_cast<double>(step_of(code.data())), exponent), step, step * 0x1.1p-11);
    }
  }
}

TEST(Lvq, DecodeRoundsTheGridToFloat) {
  const Table t = test::decaying(20, 131, 6);
  for (const auto [bits, rest] : kKinds) {
    const auto lvq = LvqQuantizer::train(t.rows(), bits, rest);
    const int exponent = std::stoi(lvq->facts()[2].second);
    std::vector<uint8_t> code(lvq->code_bytes());
    std::vector<float> back(t.dims);
    for (size_t i = 0; i < t.n; ++i) {
      lvq->encode(t.row(i), code.data());
      lvq->decode(code.data(), back.data());
      for (size_t d = 0; d < t.dims; ++d) {
        EXPECT_EQ(back[d], static_cast<float>(exact(code.data(), t.dims, bits, rest != 0, d, exponent)));
      }
    }
  }
}

TEST(Lvq, ConstantAndZeroVectors) {
  for (const auto [bits, rest] : kKinds) {
    const LvqQuantizer lvq(50, bits, rest, 0);
    for (const float value : {0.0f, -0.0f, 0.1f, -0.1f, 1000.1f, -77.7f, 1e-30f, 65504.0f}) {
      const std::vector<float> v(50, value);
      std::vector<float> back(50);
      std::vector<uint8_t> code(lvq.code_bytes());
      lvq.encode(v.data(), code.data());
      lvq.decode(code.data(), back.data());
      // The step is at most the gap of half floats at the value over the levels; the least step is 2^-24.
      const double limit =
          std::max(std::fabs(static_cast<double>(value)) * 0x1p-10 / ((1 << bits) - 1), 0x1p-24);
      for (const float x : back)
        EXPECT_LE(std::fabs(static_cast<double>(x) - static_cast<double>(value)), limit) << value;
      if (value == 0) {
        EXPECT_EQ(back[0], rest != 0 ? back[0] : 0.0f);
      }
    }
  }
}

// Data of any magnitude is quantized as well as data around 1, bit for bit: the trained scale is a power of
// two.
TEST(Lvq, MagnitudeDoesNotMatter) {
  const Table t = test::decaying(50, 64, 8);
  const auto reference = LvqQuantizer::train(t.rows(), 8, 8);
  const std::vector<uint8_t> codes = test::encode_all(*reference, t);
  for (const int exponent : {-90, -30, 40, 110}) {
    Table scaled = t;
    for (float& x : scaled.values) x = std::ldexp(x, exponent);
    const auto lvq = LvqQuantizer::train(scaled.rows(), 8, 8);
    EXPECT_EQ(test::encode_all(*lvq, scaled), codes) << exponent;
  }
}

// A component far beyond anything trained on: the code is marked, decodes to finite numbers, and bounds
// nothing.
TEST(Lvq, UncoveredVectorsAreMarked) {
  const Table t = test::decaying(50, 64, 9);
  for (const auto [bits, rest] : kKinds) {
    const auto lvq = LvqQuantizer::train(t.rows(), bits, rest);
    for (const float huge : {3e38f, -3e38f, 1e20f}) {
      std::vector<float> v(t.row(0), t.row(0) + 64), back(64);
      v[7] = huge;
      v[8] = -huge;
      std::vector<uint8_t> code(lvq->code_bytes());
      lvq->encode(v.data(), code.data());
      lvq->decode(code.data(), back.data());
      for (const float x : back) EXPECT_TRUE(std::isfinite(x));
      EXPECT_TRUE(std::isinf(lvq->error_bound(code.data())));
      const auto scorer = lvq->prepare(t.row(1));
      EXPECT_TRUE(std::isinf(scorer->inner_bounds(code.data()).high));
      EXPECT_TRUE(std::isinf(scorer->l2sq_bounds(code.data()).high));
    }
  }
}

// Scores are inner products with the decoded vector, on every level to the bit, in blocks and alone, at any
// stride.
TEST(Lvq, ScoresOnEveryLevel) {
  for (const size_t dims : {1u, 5u, 31u, 32u, 100u, 768u})
    for (const auto [bits, rest] : kKinds) {
      const Table t = test::decaying(70, dims, dims + 1);
      const auto lvq = LvqQuantizer::train(t.rows(), bits, rest);
      const size_t stride = lvq->code_bytes() + 3;
      std::vector<std::vector<float>> scores;
      std::vector<std::vector<uint8_t>> codes_of_level;
      for (const simd::Level level : {simd::Level::kBase, simd::Level::kAvx2, simd::Level::kAvx512}) {
        if (simd::kernels_for(level) == nullptr) continue;
        simd::force(level);
        std::vector<uint8_t> codes(t.n * stride);
        for (size_t i = 0; i < t.n; ++i) lvq->encode(t.row(i), codes.data() + i * stride);
        std::vector<float> out(t.n);
        const auto scorer = lvq->prepare(t.row(3));
        scorer->score(codes.data(), stride, t.n, out.data());
        for (size_t i = 0; i < t.n; ++i) {
          float alone;
          scorer->score(codes.data() + i * stride, 0, 1, &alone);
          EXPECT_EQ(std::bit_cast<uint32_t>(alone), std::bit_cast<uint32_t>(out[i]));
          std::vector<float> back(dims);
          lvq->decode(codes.data() + i * stride, back.data());
          double inner = 0, size = 0;
          for (size_t d = 0; d < dims; ++d) {
            inner += static_cast<double>(t.row(3)[d]) * static_cast<double>(back[d]);
            size += std::fabs(static_cast<double>(t.row(3)[d]));
          }
          EXPECT_NEAR(static_cast<double>(out[i]), inner, 2e-5 * size) << "dims " << dims << " bits " << bits;
        }
        scores.push_back(out);
        codes_of_level.push_back(codes);
      }
      simd::force(simd::detect());
      for (size_t l = 1; l < scores.size(); ++l) {
        EXPECT_EQ(codes_of_level[l], codes_of_level[0]);
        EXPECT_EQ(std::memcmp(scores[l].data(), scores[0].data(), t.n * sizeof(float)), 0);
      }
    }
}

// The packed layout scores as the codes one a byte in order would, to the bit.
TEST(Lvq, PackedScoresAreThoseOfUnpackedCodes) {
  for (const uint32_t dims : {16u, 33u, 64u, 100u, 784u}) {
    const Table t = test::decaying(20, dims, 2 * dims);
    const auto lvq = LvqQuantizer::train(t.rows(), 4, 0);
    std::vector<uint8_t> code(lvq->code_bytes()), codes(dims);
    for (size_t i = 0; i < t.n; ++i) {
      lvq->encode(t.row(i), code.data());
      unpack_codes(code.data() + 4, dims, 4, 0, dims, codes.data());
      float packed, plain;
      simd::code_kernels().dot_f32_u4(t.row(0), code.data() + 4, 0, 1, dims, &packed);
      simd::code_kernels().dot_f32_u8(t.row(0), codes.data(), 0, 1, dims, &plain);
      EXPECT_EQ(std::bit_cast<uint32_t>(packed), std::bit_cast<uint32_t>(plain));
    }
  }
}

TEST(Lvq, PrimaryPartIsTheOneLevelCode) {
  const Table t = test::decaying(30, 77, 12);
  for (const unsigned bits : {4u, 8u}) {
    const auto two = LvqQuantizer::train(t.rows(), bits, 8), one = LvqQuantizer::train(t.rows(), bits, 0);
    ASSERT_EQ(two->primary_bytes(), one->code_bytes());
    EXPECT_EQ(two->code_bytes(), one->code_bytes() + 77);
    std::vector<uint8_t> a(two->code_bytes()), b(one->code_bytes());
    for (size_t i = 0; i < t.n; ++i) {
      two->encode(t.row(i), a.data());
      one->encode(t.row(i), b.data());
      EXPECT_EQ(std::memcmp(a.data(), b.data(), b.size()), 0);
      // A buffer of the primary part alone is enough.
      const std::vector<uint8_t> primary(a.begin(), a.begin() + static_cast<long>(two->primary_bytes()));
      float from_two, from_one;
      two->prepare_primary(t.row(1))->score(primary.data(), 0, 1, &from_two);
      one->prepare(t.row(1))->score(b.data(), 0, 1, &from_one);
      EXPECT_EQ(from_two, from_one);
      const Interval x = two->prepare_primary(t.row(1))->l2sq_bounds(primary.data());
      const Interval y = one->prepare(t.row(1))->l2sq_bounds(b.data());
      EXPECT_EQ(x.low, y.low);
      EXPECT_EQ(x.high, y.high);
    }
  }
}

TEST(Lvq, BoundsHoldAtAllMagnitudes) {
  uint64_t seed = 20;
  for (const auto [bits, rest] : kKinds)
    for (const int exponent : {-7, 0, 90, -100}) {
      for (const size_t dims : {3u, 24u}) {
        const LvqQuantizer lvq(dims, bits, rest, exponent);
        size_t violations = 0;
        const size_t finite = test::finite_bounds_hold(lvq, exponent + 6, 4000, ++seed, &violations);
        EXPECT_EQ(violations, 0u) << bits << "x" << rest << " exponent " << exponent << " dims " << dims;
        EXPECT_GT(finite, 2000u);
      }
    }
}

// A query of one large component and many just too small to survive its rounding to integers, and codes as
// far from the middle as can be: rounding the query costs several times what rounding the vector can.
TEST(Lvq, BoundsCoverTheRoundingOfTheQuery) {
  constexpr size_t kDims = 2000;
  for (const unsigned bits : {4u, 8u}) {
    const LvqQuantizer lvq(kDims, bits, 0, 0);
    std::vector<float> u(kDims, 1.0f), q(kDims, 0.49f / 32639);
    u[0] = 0;
    u[1] = -1;
    q[0] = 1;
    std::vector<uint8_t> code(lvq.code_bytes());
    lvq.encode(u.data(), code.data());
    double inner = 0;
    for (size_t d = 0; d < kDims; ++d) inner += static_cast<double>(q[d]) * static_cast<double>(u[d]);
    const Interval b = lvq.prepare(q.data())->inner_bounds(code.data());
    EXPECT_LE(b.low, inner);
    EXPECT_GE(b.high, inner);
  }
}

// How wide the bounds are: of ordinary vectors, the inner product's by the error of a component times the sum
// of |q|.
TEST(Lvq, BoundsAreTight) {
  const Table t = test::decaying(100, 100, 15);
  for (const auto [bits, rest] : kKinds) {
    const auto lvq = LvqQuantizer::train(t.rows(), bits, rest);
    const std::vector<uint8_t> codes = test::encode_all(*lvq, t);
    for (size_t i = 1; i < t.n; ++i) {
      const uint8_t* code = codes.data() + i * lvq->code_bytes();
      double size = 0;
      for (size_t d = 0; d < 100; ++d) size += std::fabs(static_cast<double>(t.row(0)[d]));
      const Interval b = lvq->prepare(t.row(0))->inner_bounds(code);
      // The rounding of queries and, beside the 16 bits of two levels, of float sums.
      EXPECT_LE(b.high - b.low, 2 * lvq->error_bound(code) * size * (rest != 0 ? 1.5 : 1.01));
    }
  }
}

TEST(Lvq, FourBitsBeatOneGlobalGrid) {
  const auto check = [](const Table& t, const std::string& name) {
    const auto lvq = LvqQuantizer::train(t.rows(), 4, 0);
    const auto [low, high] = std::minmax_element(t.values.begin(), t.values.end());
    const double l = static_cast<double>(*low), step = (static_cast<double>(*high) - l) / 15;
    double sum = 0;
    for (const float v : t.values) {
      const double x = static_cast<double>(v), e = x - (l + step * std::nearbyint((x - l) / step));
      sum += e * e;
    }
    EXPECT_LT(test::squared_error(*lvq, t), sum / static_cast<double>(t.values.size())) << name;
  };
  check(test::decaying(500, 128, 30), "synthetic");
  for (const char* set : {"mnist", "glove"}) {
    Table t = test::fetched(set, "base", 2000), none;
    if (t.n == 0) continue;
    none.dims = t.dims;
    test::centre(t, none);
    check(t, set);
  }
}

void expect_recall(const std::string& set, bool cosine, double at_least) {
  Table base = test::fetched(set, "base", 5000), queries = test::fetched(set, "query", 100);
  if (base.n == 0 || queries.n == 0) GTEST_SKIP() << set << " has not been fetched";
  if (cosine) {
    test::normalize(base);
    test::normalize(queries);
  }
  test::centre(base, queries);
  const auto lvq8 = LvqQuantizer::train(base.rows(), 8, 0);
  const double recall = test::recall_at_10(*lvq8, base, queries);
  EXPECT_GE(recall, at_least);
  testing::Test::RecordProperty("recall_" + set, std::to_string(recall));
  const auto lvq4x8 = LvqQuantizer::train(base.rows(), 4, 8);
  EXPECT_GE(test::recall_at_10(*lvq4x8, base, queries), at_least);
}
TEST(Lvq, RecallOnMnist) { expect_recall("mnist", false, 0.99); }
TEST(Lvq, RecallOnGlove) { expect_recall("glove", true, 0.985); }

TEST(Lvq, ImageRoundTripAndDamage) {
  const Table t = test::decaying(20, 40, 33);
  for (const auto [bits, rest] : kKinds) {
    const auto lvq = LvqQuantizer::train(t.rows(), bits, rest);
    ByteWriter out;
    lvq->write(out);
    const std::vector<uint8_t> image = out.take();
    ByteReader in(image.data(), image.size());
    const auto back = LvqQuantizer::read(in, 40);
    in.end();
    EXPECT_EQ(back->facts(), lvq->facts());
    EXPECT_EQ(test::encode_all(*back, t), test::encode_all(*lvq, t));
    for (size_t cut = 0; cut < image.size(); ++cut) {
      ByteReader part(image.data(), cut);
      EXPECT_THROW(LvqQuantizer::read(part, 40), Error);
    }
    // Any bytes: an error, or a quantizer that works.
    for (size_t at = 0; at < image.size(); ++at)
      for (int value = 0; value < 256; ++value) {
        std::vector<uint8_t> bad = image;
        bad[at] = static_cast<uint8_t>(value);
        ByteReader damaged(bad.data(), bad.size());
        try {
          const auto q = LvqQuantizer::read(damaged, 40);
          std::vector<uint8_t> code(q->code_bytes());
          q->encode(t.row(0), code.data());
        } catch (const Error& e) {
          EXPECT_EQ(e.kind(), ErrorKind::kCorrupted);
        }
      }
  }
}

TEST(Lvq, RandomCodesAreReadWithinBounds) {
  Random random(50);
  for (const auto [bits, rest] : kKinds) {
    for (const size_t dims : {1u, 31u, 100u}) {
      const LvqQuantizer lvq(dims, bits, rest, 3);
      const std::vector<float> q(dims, 1.5f);
      const auto scorer = lvq.prepare(q.data());
      for (int i = 0; i < 2000; ++i) {
        std::unique_ptr<uint8_t[]> code(new uint8_t[lvq.code_bytes()]);
        for (size_t j = 0; j < lvq.code_bytes(); ++j) code[j] = static_cast<uint8_t>(random.next());
        std::vector<float> back(dims);
        float out;
        lvq.decode(code.get(), back.data());
        scorer->score(code.get(), lvq.code_bytes(), 1, &out);
        for (const Interval b : {scorer->inner_bounds(code.get()), scorer->l2sq_bounds(code.get())})
          EXPECT_LE(b.low, b.high);
      }
    }
  }
}

TEST(Lvq, RefusesOtherBits) {
  EXPECT_THROW(LvqQuantizer(4, 5, 0, 0), Error);
  EXPECT_THROW(LvqQuantizer(4, 8, 4, 0), Error);
  EXPECT_THROW(LvqQuantizer(4, 8, 0, 200), Error);
}

}  // namespace
}  // namespace lowdim::core
