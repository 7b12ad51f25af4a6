// The half-float and int8 quantizers and optimized scalar quantization: errors, choices made in training,
// scores, bounds, images.

#include "core/codec/scalar.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "codec_vectors.h"
#include "core/base/half.h"
#include "core/codec/optimized_scalar.h"
#include "core/codec/pack.h"
#include "core/simd/codes.h"

namespace lowdim::core {
namespace {

using test::Table;

// Codes and scores on every level, to the bit; scores near the inner product with the decoded vector, within
// `tolerance` of the sum of |q_d|.
void expect_scores(const Quantizer& quantizer, const Table& t, double tolerance) {
  const size_t stride = quantizer.code_bytes() + 1;
  std::vector<std::vector<float>> scores;
  std::vector<std::vector<uint8_t>> codes_of_level;
  for (const simd::Level level : {simd::Level::kBase, simd::Level::kAvx2, simd::Level::kAvx512}) {
    if (simd::kernels_for(level) == nullptr) continue;
    simd::force(level);
    std::vector<uint8_t> codes(t.n * stride);
    for (size_t i = 0; i < t.n; ++i) quantizer.encode(t.row(i), codes.data() + i * stride);
    std::vector<float> out(t.n), back(t.dims);
    quantizer.prepare(t.row(2))->score(codes.data(), stride, t.n, out.data());
    for (size_t i = 0; i < t.n; ++i) {
      quantizer.decode(codes.data() + i * stride, back.data());
      double inner = 0, size = 0;
      for (size_t d = 0; d < t.dims; ++d) {
        inner += static_cast<double>(t.row(2)[d]) * static_cast<double>(back[d]);
        size += std::fabs(static_cast<double>(t.row(2)[d]));
      }
      EXPECT_NEAR(static_cast<double>(out[i]), inner, tolerance * size) << t.dims;
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

// An image, cut short or with any byte changed, is an error or a quantizer that works; whole, it is the same.
template <class Q>
void expect_image(const Quantizer& quantizer, const Table& t) {
  ByteWriter out;
  quantizer.write(out);
  const std::vector<uint8_t> image = out.take();
  ByteReader in(image.data(), image.size());
  const auto back = Q::read(in, t.dims);
  in.end();
  EXPECT_EQ(back->facts(), quantizer.facts());
  EXPECT_EQ(test::encode_all(*back, t), test::encode_all(quantizer, t));
  for (size_t cut = 0; cut < image.size(); ++cut) {
    ByteReader part(image.data(), cut);
    EXPECT_THROW(Q::read(part, t.dims), Error);
  }
  for (size_t at = 0; at < image.size(); ++at)
    for (int value = 0; value < 256; ++value) {
      std::vector<uint8_t> bad = image;
      bad[at] = static_cast<uint8_t>(value);
      ByteReader damaged(bad.data(), bad.size());
      try {
        const auto q = Q::read(damaged, t.dims);
        test::encode_all(*q, Table{1, t.dims, {t.row(0), t.row(0) + t.dims}});
      } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::kCorrupted);
      }
    }
}

void expect_any_code(const Quantizer& quantizer) {
  Random random(5);
  const std::vector<float> q(quantizer.dims(), -0.75f);
  const auto scorer = quantizer.prepare(q.data());
  for (int i = 0; i < 500; ++i) {
    std::unique_ptr<uint8_t[]> code(new uint8_t[quantizer.code_bytes()]);
    for (size_t j = 0; j < quantizer.code_bytes(); ++j) code[j] = static_cast<uint8_t>(random.next());
    std::vector<float> back(quantizer.dims());
    float out;
    quantizer.decode(code.get(), back.data());
    scorer->score(code.get(), quantizer.code_bytes(), 1, &out);
    if (quantizer.bounds() == Bounds::kNone) continue;
    for (const Interval b : {scorer->inner_bounds(code.get()), scorer->l2sq_bounds(code.get())})
      EXPECT_LE(b.low, b.high);
  }
}

TEST(Float16Quantizer, ErrorScoresAndImage) {
  for (const size_t dims : {1u, 17u, 100u, 700u}) {
    const Table t = test::decaying(20, dims, dims);
    const Float16Quantizer quantizer(dims);
    std::vector<uint8_t> code(2 * dims);
    std::vector<float> back(dims);
    for (size_t i = 0; i < t.n; ++i) {
      quantizer.encode(t.row(i), code.data());
      quantizer.decode(code.data(), back.data());
      for (size_t d = 0; d < dims; ++d) EXPECT_EQ(back[d], half_to_float(float_to_half(t.row(i)[d])));
    }
    expect_scores(quantizer, t, 1e-6);
    expect_image<Float16Quantizer>(quantizer, t);
    expect_any_code(quantizer);
  }
}

TEST(Float16Quantizer, BeyondItsRangeIsTheLargestHalf) {
  const Float16Quantizer quantizer(3);
  const float v[3] = {1e6f, -3e38f, 65520.0f};
  uint8_t code[6];
  float back[3];
  quantizer.encode(v, code);
  quantizer.decode(code, back);
  EXPECT_EQ(back[0], 65504);
  EXPECT_EQ(back[1], -65504);
  EXPECT_EQ(back[2], 65504);
}

TEST(Float16Quantizer, BoundsHoldAtAllMagnitudes) {
  for (const int exponent : {0, -14, -24, 14}) {
    size_t violations = 0;
    EXPECT_GT(test::finite_bounds_hold(Float16Quantizer(5), exponent, 10000, 7, &violations), 2000u);
    EXPECT_EQ(violations, 0u) << exponent;
  }
}

TEST(Int8Quantizer, ErrorScoresAndImage) {
  for (const size_t dims : {1u, 17u, 100u, 700u}) {
    const Table t = test::decaying(40, dims, dims);
    const auto quantizer = Int8Quantizer::train(t.rows());
    std::vector<uint8_t> code(dims);
    std::vector<float> back(dims);
    size_t clipped = 0, beyond = 0;
    for (size_t i = 0; i < t.n; ++i) {
      quantizer->encode(t.row(i), code.data());
      quantizer->decode(code.data(), back.data());
      clipped += quantizer->clipped(t.row(i));
      for (size_t d = 0; d < dims; ++d) {
        const double size = std::fabs(static_cast<double>(t.row(i)[d])),
                     scale = static_cast<double>(quantizer->scale());
        const double error = std::fabs(static_cast<double>(back[d]) - static_cast<double>(t.row(i)[d]));
        if (size > scale * 127.5) {
          ++beyond;
          EXPECT_EQ(std::fabs(back[d]), quantizer->scale() * 127);
        } else {
          EXPECT_LE(error, scale * 0.5 * (1 + 0x1p-12));
        }
      }
    }
    EXPECT_EQ(clipped, beyond);
    EXPECT_NEAR(quantizer->clipped_fraction(),
                static_cast<double>(clipped) / static_cast<double>(t.values.size()), 1e-12);
    expect_scores(*quantizer, t, 1e-4);
    expect_image<Int8Quantizer>(*quantizer, t);
    expect_any_code(*quantizer);
  }
}

// One component of 3 among 200,000 in [-1, 1]: clipping it costs 4 / 200,000 of mean squared error, keeping
// it triples the step and so adds 8 / (12 * 127^2), twice as much. Among 20,000 it is to be kept.
TEST(Int8Quantizer, ClipsWhereThatPays) {
  Table t{4000, 50, std::vector<float>(200000)};
  Random random(2);
  for (float& x : t.values) x = static_cast<float>(2 * random.uniform() - 1);
  EXPECT_EQ(Int8Quantizer::train(t.rows())->clipped_fraction(), 0);
  t.values[77] = 3;
  const auto clips = Int8Quantizer::train(t.rows()), keeps = Int8Quantizer::train(t.rows(400));
  EXPECT_EQ(clips->clipped_fraction(), 1.0 / 200000);
  EXPECT_NEAR(clips->scale(), 1 / 127.0, 1e-5);
  EXPECT_EQ(keeps->clipped_fraction(), 0);
  EXPECT_EQ(keeps->scale(), 3.0f / 127);
}

TEST(Int8Quantizer, ZeroSampleAndBadScales) {
  const Table zeros{3, 4, std::vector<float>(12)};
  EXPECT_GT(Int8Quantizer::train(zeros.rows())->scale(), 0);
  EXPECT_THROW(Int8Quantizer(4, 0, 0), Error);
  EXPECT_THROW(Int8Quantizer(4, INFINITY, 0), Error);
  EXPECT_THROW(Int8Quantizer(4, NAN, 0), Error);
}

TEST(Int8Quantizer, BoundsHoldAtAllMagnitudes) {
  for (const int exponent : {0, -90, 90}) {
    size_t violations = 0;
    const Int8Quantizer quantizer(5, static_cast<float>(std::ldexp(0.02, exponent)), 0);
    EXPECT_GT(test::finite_bounds_hold(quantizer, exponent, 10000, 7, &violations), 2000u);
    EXPECT_EQ(violations, 0u) << exponent;
  }
}

// Loss by the definition, with the codes that are nearest on the grid.
double loss_of(const float* v, size_t n, double low, double step, unsigned bits) {
  double along = 0, square = 0, norm = 0;
  for (size_t d = 0; d < n; ++d) {
    const double x = static_cast<double>(v[d]);
    const double c = step > 0 ? std::clamp(std::nearbyint((x - low) / step), 0.0,
                                           std::ldexp(1, static_cast<int>(bits)) - 1)
                              : 0;
    const double e = x - (low + step * c);
    along += x * e;
    square += e * e;
    norm += x * x;
  }
  return 0.9 * along * along / norm + 0.1 * square;
}

TEST(OptimizedScalar, RefinementNeverRaisesTheLoss) {
  const Table t = test::decaying(200, 96, 3);
  for (const unsigned bits : {1u, 4u}) {
    double start = 0, end = 0, fixed = 0;
    for (size_t i = 0; i < t.n; ++i) {
      double previous = INFINITY;
      for (int rounds = 0; rounds <= 6; ++rounds) {
        const ScalarInterval interval = optimize_interval(t.row(i), t.dims, bits, rounds);
        EXPECT_LE(interval.loss, previous);
        EXPECT_NEAR(interval.loss, loss_of(t.row(i), t.dims, interval.low, interval.step, bits),
                    1e-9 * (interval.loss + 1e-6));
        previous = interval.loss;
        if (rounds == 0) start += interval.loss;
      }
      end += previous;
      const auto [low, high] = std::minmax_element(t.row(i), t.row(i) + t.dims);
      fixed += loss_of(t.row(i), t.dims, static_cast<double>(*low),
                       static_cast<double>(*high - *low) / ((1 << bits) - 1), bits);
    }
    EXPECT_LT(end, (bits == 1 ? 0.85 : 0.95) * start) << bits;
    EXPECT_LT(end, (bits == 1 ? 0.85 : 0.95) * fixed) << bits;
  }
}

// For the codes it ends with, no other interval is better: the closed form is the minimum.
TEST(OptimizedScalar, OneRefinementIsTheMinimumForItsCodes) {
  const Table t = test::decaying(40, 64, 4);
  size_t refined = 0;
  for (size_t i = 0; i < t.n; ++i) {
    const float* v = t.row(i);
    const ScalarInterval from = optimize_interval(v, 64, 1, 0), to = optimize_interval(v, 64, 1, 1);
    if (to.loss == from.loss) continue;
    ++refined;
    const auto loss_with_codes = [&](double low, double step) {
      double along = 0, square = 0, norm = 0;
      for (size_t d = 0; d < 64; ++d) {
        const double x = static_cast<double>(v[d]);
        const double c = std::clamp(std::nearbyint((x - from.low) / from.step), 0.0, 1.0);
        const double e = x - (low + step * c);
        along += x * e;
        square += e * e;
        norm += x * x;
      }
      return 0.9 * along * along / norm + 0.1 * square;
    };
    const double best = loss_with_codes(to.low, to.step);
    for (const double dl : {-1e-3, 0.0, 1e-3})
      for (const double ds : {-1e-4, 0.0, 1e-4})
        EXPECT_LE(best, loss_with_codes(to.low + dl, to.step + ds) + 1e-15);
  }
  EXPECT_GT(refined, 30u);
}

TEST(OptimizedScalar, ScoresImagesAndCodes) {
  for (const size_t dims : {1u, 2u, 15u, 33u, 100u, 768u}) {
    const Table t = test::decaying(20, dims, dims);
    for (const unsigned bits : {1u, 4u}) {
      const OptimizedScalarQuantizer quantizer(dims, bits);
      EXPECT_EQ(quantizer.code_bytes(), 12 + (dims * bits + 7) / 8);
      expect_scores(quantizer, t, 1e-5);
      expect_image<OptimizedScalarQuantizer>(quantizer, t);
      expect_image<OptimizedScalarQuantizer>(OptimizedScalarQuantizer(dims, bits, 4), t);
      expect_any_code(quantizer);
      expect_any_code(OptimizedScalarQuantizer(dims, bits, 4));
    }
  }
  EXPECT_THROW(OptimizedScalarQuantizer(3, 2), Error);
  EXPECT_THROW(OptimizedScalarQuantizer(3, 1, 8), Error);
}

// With an integer query the score is the inner product of two decoded vectors, the query's by four bits.
TEST(OptimizedScalar, IntegerQueryScoresAreThoseOfTheRoundedQuery) {
  for (const size_t dims : {1u, 33u, 100u, 768u}) {
    const Table t = test::decaying(20, dims, dims + 9);
    const OptimizedScalarQuantizer four(dims, 4);
    std::vector<uint8_t> query_code(four.code_bytes());
    std::vector<float> rounded(dims), back(dims);
    four.encode(t.row(0), query_code.data());
    four.decode(query_code.data(), rounded.data());
    for (const unsigned bits : {1u, 4u}) {
      const OptimizedScalarQuantizer quantizer(dims, bits, 4);
      const std::vector<uint8_t> codes = test::encode_all(quantizer, t);
      std::vector<float> out(t.n);
      quantizer.prepare(t.row(0))->score(codes.data(), quantizer.code_bytes(), t.n, out.data());
      for (size_t i = 0; i < t.n; ++i) {
        quantizer.decode(codes.data() + i * quantizer.code_bytes(), back.data());
        double inner = 0, size = 1e-6;
        for (size_t d = 0; d < dims; ++d) {
          inner += static_cast<double>(rounded[d]) * static_cast<double>(back[d]);
          size += std::fabs(static_cast<double>(rounded[d]) * static_cast<double>(back[d]));
        }
        EXPECT_NEAR(static_cast<double>(out[i]), inner, 1e-5 * size);
      }
    }
  }
}

TEST(OptimizedScalar, ConstantAndExtremeVectors) {
  for (const unsigned bits : {1u, 4u})
    for (const float value : {0.0f, -3.5f, 1e-40f, 3e38f}) {
      const OptimizedScalarQuantizer quantizer(20, bits);
      std::vector<float> v(20, value), back(20);
      std::vector<uint8_t> code(quantizer.code_bytes());
      quantizer.encode(v.data(), code.data());
      quantizer.decode(code.data(), back.data());
      for (const float x : back)
        EXPECT_NEAR(static_cast<double>(x), static_cast<double>(value), std::fabs(value) * 1e-6);
      v[3] = -value;
      quantizer.encode(v.data(), code.data());
      quantizer.decode(code.data(), back.data());
      for (const float x : back) EXPECT_TRUE(std::isfinite(x));
    }
}

TEST(ScalarQuantizers, RecallOnMnist) {
  Table base = test::fetched("mnist", "base", 5000), queries = test::fetched("mnist", "query", 100);
  if (base.n == 0 || queries.n == 0) GTEST_SKIP() << "mnist has not been fetched";
  test::centre(base, queries);
  EXPECT_GE(test::recall_at_10(Float16Quantizer(base.dims), base, queries), 0.995);
  EXPECT_GE(test::recall_at_10(*Int8Quantizer::train(base.rows(1000)), base, queries), 0.99);
  const double four = test::recall_at_10(OptimizedScalarQuantizer(base.dims, 4), base, queries);
  const double integer = test::recall_at_10(OptimizedScalarQuantizer(base.dims, 4, 4), base, queries);
  const double one = test::recall_at_10(OptimizedScalarQuantizer(base.dims, 1), base, queries);
  RecordProperty("recall_4", std::to_string(four));
  RecordProperty("recall_4_integer", std::to_string(integer));
  RecordProperty("recall_1", std::to_string(one));
  EXPECT_GE(four, 0.93);
  EXPECT_GT(four, one);
}

}  // namespace
}  // namespace lowdim::core
