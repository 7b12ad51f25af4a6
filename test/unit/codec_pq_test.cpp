// Product quantization, OPQ and FastScan: codes are the nearest centroids, errors are the training's, scores
// are inner products with decoded vectors, FastScan equals plain look-ups on every level, its tables keep
// their bound, OPQ's distortion falls and beats PQ's, and damaged images and codes stay within bounds.
#include <gtest/gtest.h>

#include <Eigen/QR>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>

#include "core/base/random.h"
#include "core/codec/fastscan.h"
#include "core/codec/opq.h"
#include "core/codec/pq.h"
#include "core/simd/fastscan.h"

namespace lowdim::core {
namespace {

// Rows of a Gaussian whose standard deviations fall as 1 / (1 + i)^decay, randomly rotated if asked for.
Matrix gaussian(size_t n, size_t dims, double decay, bool rotated, uint64_t seed) {
  Random random(seed);
  MatrixD x(n, dims), r(dims, dims);
  for (size_t j = 0; j < dims * dims; ++j) r.data()[j] = random.normal();
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < dims; ++j) x(i, j) = random.normal() * std::pow(1.0 + double(j), -decay);
  }
  if (rotated) x = (x * MatrixD(Eigen::HouseholderQR<MatrixD>(r).householderQ())).eval();
  return x.cast<float>();
}

Rows rows_of(const Matrix& m, size_t first, size_t n) {
  return {m.data() + first * static_cast<size_t>(m.cols()), n, static_cast<size_t>(m.cols())};
}

double held_out_distortion(const PqQuantizer& pq, Rows rows) {
  std::vector<uint8_t> code(pq.code_bytes());
  std::vector<float> back(pq.dims());
  double sum = 0;
  for (size_t i = 0; i < rows.n; ++i) {
    pq.encode(rows.row(i), code.data());
    pq.decode(code.data(), back.data());
    for (size_t d = 0; d < pq.dims(); ++d) sum += std::pow(double(rows.row(i)[d]) - double(back[d]), 2);
  }
  return sum / static_cast<double>(rows.n);
}

struct Shape {
  size_t dims, m;
  int bits;
};
constexpr Shape kShapes[] = {{32, 8, 4}, {33, 7, 4}, {10, 10, 4}, {29, 4, 8}, {16, 1, 4}, {13, 6, 8}};

TEST(Pq, CodesAreTheNearestCentroidsAndErrorsThoseOfTraining) {
  for (const Shape& s : kShapes) {
    const Matrix data = gaussian(6000, s.dims, 0.5, true, 1);
    const PqResult trained = train_pq(rows_of(data, 0, 4000), {s.m, s.bits, 1, 8}, Stop{});
    const PqQuantizer& pq = *trained.quantizer;
    EXPECT_EQ(pq.dims(), s.dims);
    EXPECT_EQ(pq.code_bytes(), (s.m * static_cast<size_t>(s.bits) + 7) / 8);
    const Rows held = rows_of(data, 4000, 2000);
    std::vector<uint8_t> code(pq.code_bytes());
    for (size_t i = 0; i < 200; ++i) {
      pq.encode(held.row(i), code.data());
      for (size_t sub = 0; sub < s.m; ++sub) {
        const auto distance = [&](size_t c) {
          double sum = 0;
          for (size_t d = pq.begin(sub); d < pq.begin(sub + 1); ++d) {
            sum += std::pow(double(held.row(i)[d]) - double(pq.centroid(d, c)), 2);
          }
          return sum;
        };
        const double chosen = distance(pq.get(code.data(), sub));
        for (size_t c = 0; c < pq.k(); ++c) ASSERT_LE(chosen, distance(c) + 1e-5);
      }
    }
    EXPECT_NEAR(held_out_distortion(pq, rows_of(data, 0, 4000)), trained.distortion,
                1e-3 * trained.distortion);
    // 4,000 rows for 256 centroids: some of the noise is learnt, too.
    EXPECT_NEAR(held_out_distortion(pq, held), trained.distortion,
                (s.bits == 4 ? 0.08 : 0.5) * trained.distortion);
  }
}

TEST(Pq, ScoresAreInnerProductsWithDecodedVectors) {
  for (const Shape& s : kShapes) {
    const Matrix data = gaussian(1000, s.dims, 0.3, true, 2);
    const PqQuantizer pq =
        std::move(*train_pq(rows_of(data, 0, 1000), {s.m, s.bits, 1, 2}, Stop{}).quantizer);
    const size_t stride = pq.code_bytes() + 3;
    std::vector<uint8_t> codes(stride * 40);
    std::vector<float> back(s.dims), scores(40);
    for (size_t i = 0; i < 40; ++i) pq.encode(rows_of(data, i, 1).data, &codes[i * stride]);
    const float* q = rows_of(data, 500, 1).data;
    pq.prepare(q)->score(codes.data(), stride, 40, scores.data());
    for (size_t i = 0; i < 40; ++i) {
      pq.decode(&codes[i * stride], back.data());
      double dot = 0;
      for (size_t d = 0; d < s.dims; ++d) dot += double(q[d]) * double(back[d]);
      EXPECT_NEAR(double(scores[i]), dot, 1e-4);
    }
  }
}

TEST(Pq, SameSeedSameBitsOnEveryLevel) {
  const Matrix data = gaussian(1500, 20, 0.5, true, 3);
  const simd::Level before = simd::kernels().level;
  std::vector<uint8_t> first;
  for (const simd::Level level : {simd::Level::kBase, simd::Level::kAvx2, simd::Level::kAvx512}) {
    simd::force(level);
    ByteWriter image;
    train_opq(rows_of(data, 0, 1500), {5, 4, 9, 4}, Stop{}).quantizer->write(image);
    if (first.empty()) first = image.bytes();
    EXPECT_EQ(image.bytes(), first);
  }
  simd::force(before);
}

TEST(Pq, ReadsWhatItWroteAndRefusesDamage) {
  Random random(4);
  for (const Shape& s : kShapes) {
    const Matrix data = gaussian(500, s.dims, 0.3, true, 2);
    const PqResult trained = train_pq(rows_of(data, 0, 500), {s.m, s.bits, 1, 2}, Stop{});
    ByteWriter out;
    trained.quantizer->write(out);
    const std::vector<uint8_t> image = out.bytes();
    ByteReader in(image.data(), image.size());
    const std::unique_ptr<Quantizer> read = PqQuantizer::read(in, s.dims);
    in.end();
    std::vector<uint8_t> a(read->code_bytes()), b(a);
    for (size_t i = 0; i < 100; ++i) {
      read->encode(rows_of(data, i, 1).data, a.data());
      trained.quantizer->encode(rows_of(data, i, 1).data, b.data());
      ASSERT_EQ(a, b);
    }
    for (size_t n = 0; n < image.size(); n += 1 + n / 8) {
      std::vector<uint8_t> cut(image.begin(), image.begin() + static_cast<ptrdiff_t>(n));
      ByteReader short_in(cut.data(), n);
      EXPECT_THROW(PqQuantizer::read(short_in, s.dims), Error) << n;
    }
    for (int round = 0; round < 300; ++round) {
      std::vector<uint8_t> bad = image;
      const size_t at = round < 100 ? random.below(5) : random.below(bad.size());
      bad[at] ^= static_cast<uint8_t>(1 << random.below(8));
      ByteReader bad_in(bad.data(), bad.size());
      try {
        const std::unique_ptr<Quantizer> pq = PqQuantizer::read(bad_in, s.dims);
        const std::vector<uint8_t> code = [&] {  // of exactly the bytes, random
          std::vector<uint8_t> c(pq->code_bytes());
          for (uint8_t& x : c) x = static_cast<uint8_t>(random.next());
          return c;
        }();
        std::vector<uint8_t> encoded(pq->code_bytes());
        std::vector<float> back(s.dims, std::nanf(""));
        float score;
        pq->encode(back.data(), encoded.data());
        pq->decode(code.data(), back.data());
        pq->prepare(back.data())->score(code.data(), code.size(), 1, &score);
      } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::kCorrupted);
      }
    }
  }
}

TEST(Pq, Refusals) {
  const Matrix data = gaussian(50, 8, 0, false, 1);
  EXPECT_THROW(train_pq(rows_of(data, 0, 50), {9, 8, 1, 2}, Stop{}), Error);
  EXPECT_THROW(train_pq(rows_of(data, 0, 50), {0, 8, 1, 2}, Stop{}), Error);
  EXPECT_THROW(train_pq(rows_of(data, 0, 50), {4, 5, 1, 2}, Stop{}), Error);
  EXPECT_THROW(train_pq(rows_of(data, 0, 0), {4, 8, 1, 2}, Stop{}), Error);
  const std::vector<float> wide(kMaxOpqDims + 1);
  EXPECT_THROW(train_opq({wide.data(), 1, wide.size()}, {4, 8, 1, 2}, Stop{}), Error);
}

TEST(FastScan, EqualsPlainLookUpsOnEveryLevel) {
  Random random(5);
  for (const uint32_t m : {0u, 1u, 2u, 3u, 4u, 5u, 7u, 8u, 13u, 64u, 98u, 255u, 256u, 257u, 259u, 700u}) {
    for (const size_t n : {1u, 31u, 32u, 33u, 100u}) {
      const size_t stride = (m + 1) / 2 + 1, n_blocks = (n + 31) / 32;
      std::vector<uint8_t> codes(n * stride);
      for (uint8_t& c : codes) c = static_cast<uint8_t>(random.next());
      std::vector<uint8_t> tables(16 * m);  // full-scale entries: the 16-bit sums must not overflow
      for (uint8_t& t : tables) t = random.below(2) == 0 ? 255 : static_cast<uint8_t>(random.next());
      // Copies of exactly the right size, at an odd address.
      const size_t bytes = fastscan_bytes(n, m);
      const std::unique_ptr<uint8_t[]> block_store(new uint8_t[bytes + 1]),
          table_store(new uint8_t[16 * m + 1]);
      uint8_t* blocks = block_store.get() + 1;
      uint8_t* unaligned = table_store.get() + 1;
      if (m > 0) std::memcpy(unaligned, tables.data(), tables.size());
      fastscan_pack(codes.data(), stride, n, m, blocks);
      const auto nibble = [&](size_t i, uint32_t s) {
        return i >= n ? 0 : codes[i * stride + s / 2] >> (4 * (s % 2)) & 15;
      };
      std::vector<uint8_t> code((m + 1) / 2);
      for (size_t i = 0; i < n; ++i) {
        fastscan_get(blocks, i, m, code.data());
        for (uint32_t s = 0; s < m; ++s) ASSERT_EQ(code[s / 2] >> (4 * (s % 2)) & 15, nibble(i, s));
      }
      std::vector<uint32_t> wanted(32 * n_blocks), got(32 * n_blocks);
      for (size_t i = 0; i < wanted.size(); ++i) {
        for (uint32_t s = 0; s < m; ++s) wanted[i] += tables[16 * s + static_cast<size_t>(nibble(i, s))];
      }
      for (const simd::Level level : {simd::Level::kBase, simd::Level::kAvx2, simd::Level::kAvx512}) {
        const simd::FastScanKernels* kernels = simd::fastscan_kernels_for(level);
        if (kernels == nullptr) continue;
        ASSERT_EQ(kernels->level, level);
        std::fill(got.begin(), got.end(), 0xdeadbeef);
        kernels->sums(blocks, n_blocks, m, unaligned, got.data());
        ASSERT_EQ(got, wanted) << "m " << m << " n " << n << " level " << static_cast<int>(level);
      }
    }
  }
}

TEST(FastScan, AForcedLevelIsUsed) {
  const simd::Level before = simd::kernels().level;
  simd::force(simd::Level::kBase);
  EXPECT_EQ(simd::fastscan_kernels().level, simd::Level::kBase);
  simd::force(simd::detect());
  EXPECT_EQ(simd::fastscan_kernels().level, simd::detect());
  simd::force(before);
}

TEST(FastScan, PuttingOneCodeLeavesTheOthers) {
  Random random(6);
  constexpr size_t kM = 9, kN = 64;
  std::vector<uint8_t> codes(kN * 5), blocks(fastscan_bytes(kN, kM)), again(5);
  for (uint8_t& c : codes) c = static_cast<uint8_t>(random.next());
  for (size_t i = 0; i < kN; ++i) codes[i * 5 + 4] &= 15;
  fastscan_pack(codes.data(), 5, kN, kM, blocks.data());
  for (int round = 0; round < 200; ++round) {
    const size_t at = random.below(kN);
    for (size_t b = 0; b < 5; ++b)
      codes[at * 5 + b] = static_cast<uint8_t>(random.next() & (b == 4 ? 15 : 255));
    fastscan_put(&codes[at * 5], at, kM, blocks.data());
    for (size_t i = 0; i < kN; ++i) {
      fastscan_get(blocks.data(), i, kM, again.data());
      ASSERT_EQ(0, std::memcmp(again.data(), &codes[i * 5], 5));
    }
  }
}

TEST(FastScan, EstimatesKeepTheirBound) {
  for (const size_t m : {1u, 5u, 16u, 33u}) {
    const Matrix data = gaussian(3000, 33, 0.5, true, 7);
    const PqResult trained = train_pq(rows_of(data, 0, 3000), {m, 4, 1, 4}, Stop{});
    const PqQuantizer& pq = *trained.quantizer;
    std::vector<uint8_t> codes(3000 * pq.code_bytes()), blocks(fastscan_bytes(3000, m));
    for (size_t i = 0; i < 3000; ++i) pq.encode(rows_of(data, i, 1).data, &codes[i * pq.code_bytes()]);
    fastscan_pack(codes.data(), pq.code_bytes(), 3000, m, blocks.data());
    std::vector<float> estimates(3000), tables(m * 16);
    double largest = 0;
    for (size_t query = 0; query < 20; ++query) {
      const float* q = rows_of(data, query, 1).data;
      const FastScanQuery prepared(pq, q);
      EXPECT_LE(prepared.error_bound(), 0.5001 * static_cast<double>(m) * prepared.step() + 1e-5);
      pq.inner_products(q, tables.data());
      prepared.score(blocks.data(), 3000, estimates.data());
      for (size_t i = 0; i < 3000; ++i) {
        double exact = 0;
        for (size_t s = 0; s < m; ++s)
          exact += double(tables[16 * s + pq.get(&codes[i * pq.code_bytes()], s)]);
        const double error = std::fabs(double(estimates[i]) - exact);
        ASSERT_LE(error, prepared.error_bound()) << m;
        largest = std::max(largest, error / prepared.error_bound());
      }
    }
    EXPECT_GT(largest, 0.2);  // the bound is not idle
  }
  const std::vector<float> flat(32, 3.0f);  // no span: exact
  const FastScanQuery prepared(flat.data(), 2);
  EXPECT_EQ(prepared.step(), 0);
  EXPECT_EQ(prepared.estimate(0), 6.0f);
}

TEST(Opq, PolarFactorIsTheNearestOrthogonalMatrix) {
  const Matrix m = gaussian(40, 40, 0, false, 8);
  const Matrix r = polar_factor(m, 1e-3, Stop{});
  ASSERT_EQ(r.rows(), 40);
  EXPECT_LT((r.transpose() * r - Matrix::Identity(40, 40)).cwiseAbs().maxCoeff(), 1e-5f);
  const Matrix h = r.transpose() * m;  // symmetric, positive
  EXPECT_LT((h - h.transpose()).cwiseAbs().maxCoeff(), 1e-3f);
  Random random(1);
  for (int i = 0; i < 50; ++i) {
    Vector v(40);
    for (float& x : v) x = static_cast<float>(random.normal());
    EXPECT_GT(v.dot(h * v), 0);
  }
  EXPECT_EQ(polar_factor(Matrix::Zero(5, 5), 1e-3, Stop{}).size(), 0);
}

TEST(Opq, AllocationBalancesProducts) {
  VectorD variances(8);
  variances << 64, 32, 16, 8, 4, 2, 1, 0.5;
  const std::vector<size_t> begins = pq_begins(8, 2);
  const std::vector<size_t> order = allocate_directions(variances, begins);
  double logs[2] = {};
  std::vector<bool> seen(8);
  for (size_t j = 0; j < 8; ++j) {
    EXPECT_FALSE(seen[order[j]]);
    seen[order[j]] = true;
    logs[j / 4] += std::log2(variances(static_cast<Eigen::Index>(order[j])));
  }
  EXPECT_NEAR(logs[0], logs[1], 1.01);
}

void expect_falling(const OpqResult& opq) {
  ASSERT_GT(opq.distortion.size(), 2u);
  for (size_t i = 1; i < opq.distortion.size(); ++i) EXPECT_LE(opq.distortion[i], opq.distortion[i - 1]);
  const MatrixD r = opq.rotation.cast<double>();
  EXPECT_LT((r.transpose() * r - MatrixD::Identity(r.rows(), r.cols())).cwiseAbs().maxCoeff(), 1e-5);
}

TEST(Opq, BeatsPqOnARotatedAnisotropicGaussian) {
  const Matrix data = gaussian(4000, 48, 0.8, true, 9);
  const PqOptions options{6, 4, 1, 10};
  const PqResult pq = train_pq(rows_of(data, 0, 3000), options, Stop{});
  const OpqResult opq = train_opq(rows_of(data, 0, 3000), options, Stop{});
  expect_falling(opq);
  EXPECT_LT(opq.final_distortion, 0.9 * pq.distortion);
  const Matrix held = data.bottomRows(1000) * opq.rotation;
  EXPECT_LT(held_out_distortion(*opq.quantizer, rows_of(held, 0, 1000)),
            0.9 * held_out_distortion(*pq.quantizer, rows_of(data, 3000, 1000)));
}

TEST(Opq, BeatsPqOnMnist) {
  const char* paths[] = {"bench/data/out/mnist/base.fvecs", "../bench/data/out/mnist/base.fvecs"};
  std::FILE* f = nullptr;
  for (const char* path : paths) {
    if (f == nullptr) f = std::fopen(path, "rb");
  }
  if (f == nullptr) GTEST_SKIP() << "no mnist in bench/data/out";
  constexpr size_t kN = 5000, kDims = 784;
  std::vector<float> file(kN * (kDims + 1));
  const size_t got = std::fread(file.data(), sizeof(float), file.size(), f);
  std::fclose(f);
  ASSERT_EQ(got, file.size());
  Matrix data = Eigen::Map<const Matrix>(file.data(), kN, kDims + 1).rightCols(kDims);
  data.rowwise() -= data.colwise().mean().eval();
  const PqOptions options{8, 4, 1, 8};
  const PqResult pq = train_pq(rows_of(data, 0, kN), options, Stop{});
  const OpqResult opq = train_opq(rows_of(data, 0, kN), options, Stop{}, 2);
  expect_falling(opq);
  EXPECT_LT(opq.final_distortion, 0.9 * pq.distortion);
  RecordProperty("ratio", std::to_string(opq.final_distortion / pq.distortion));
}

}  // namespace
}  // namespace lowdim::core
