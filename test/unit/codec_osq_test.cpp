// OSQ: the bit allocation, Lloyd's cells, bounds that are never violated (vectors beyond the trained edges
// included), exact search by ascending lower bounds, the gain of non-uniform bits, the size of codes, and
// damaged images and codes.
#include "core/codec/osq.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <numeric>

#include "core/base/random.h"
#include "core/simd/kernels.h"

namespace lowdim::core {
namespace {

// Rows whose dimension j has standard deviation 0.9^j * size: what a KLT leaves of correlated data.
Matrix steep(Random& random, int rows, int dims, double decay = 0.9, double size = 1) {
  Matrix m(rows, dims);
  for (int i = 0; i < rows; ++i) {
    double s = size;
    for (int j = 0; j < dims; ++j, s *= decay) m(i, j) = static_cast<float>(s * random.normal());
  }
  return m;
}

Rows rows_of(const Matrix& m) {
  return {m.data(), static_cast<size_t>(m.rows()), static_cast<size_t>(m.cols())};
}

// The first n rows of a file of the benchmark data; no rows if there is none.
Matrix load(const std::string& name, int n) {
  const std::string test = __FILE__;
  const std::string path = test.substr(0, test.rfind("test/unit")) + "bench/data/out/" + name + "/base.fvecs";
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return {};
  Matrix m;
  for (int i = 0; i < n; ++i) {
    int32_t dims = 0;
    if (std::fread(&dims, sizeof dims, 1, file) != 1 || dims < 1 || dims > 16000) break;
    if (i == 0) m.resize(n, dims);
    if (dims != m.cols() || std::fread(m.row(i).data(), sizeof(float), static_cast<size_t>(dims), file) !=
                                static_cast<size_t>(dims)) {
      m.resize(0, 0);
      break;
    }
  }
  std::fclose(file);
  return m;
}

// Centred and rotated to the principal axes, the largest variance first.
Matrix klt(const Matrix& x) {
  const Matrix centred = x.rowwise() - x.colwise().mean();
  const Eigen::MatrixXf covariance = centred.transpose() * centred / static_cast<float>(x.rows());
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXf> solver(covariance);
  return centred * solver.eigenvectors().rowwise().reverse();
}

std::vector<uint8_t> encode_all(const Quantizer& quantizer, const Matrix& m) {
  std::vector<uint8_t> codes(quantizer.code_bytes() * static_cast<size_t>(m.rows()));
  for (int i = 0; i < m.rows(); ++i) {
    quantizer.encode(m.row(i).data(), codes.data() + static_cast<size_t>(i) * quantizer.code_bytes());
  }
  return codes;
}

double mse(const Quantizer& quantizer, const Matrix& m) {
  const std::vector<uint8_t> codes = encode_all(quantizer, m);
  Vector decoded(m.cols());
  double sum = 0;
  for (int i = 0; i < m.rows(); ++i) {
    quantizer.decode(codes.data() + static_cast<size_t>(i) * quantizer.code_bytes(), decoded.data());
    sum += static_cast<double>((m.row(i).transpose() - decoded).squaredNorm());
  }
  return sum / static_cast<double>(m.rows());
}

double l2sq(const float* a, const float* b, int n) {
  double sum = 0;
  for (int i = 0; i < n; ++i) {
    const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += d * d;
  }
  return sum;
}

double inner(const float* a, const float* b, int n) {
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

// Counts violations among all pairs of a query and a base vector.
struct Violations {
  size_t pairs = 0, l2 = 0, inner = 0, unbounded = 0;
};
Violations count_violations(const OsqQuantizer& quantizer, const Matrix& base, const Matrix& queries,
                            bool with_inner) {
  Violations v;
  const std::vector<uint8_t> codes = encode_all(quantizer, base);
  const int dims = static_cast<int>(base.cols());
  for (int k = 0; k < queries.rows(); ++k) {
    const float* q = queries.row(k).data();
    const auto scorer = quantizer.prepare(q);
    for (int i = 0; i < base.rows(); ++i) {
      const uint8_t* code = codes.data() + static_cast<size_t>(i) * quantizer.code_bytes();
      const Interval d = scorer->l2sq_bounds(code);
      const double truth = l2sq(q, base.row(i).data(), dims);
      ++v.pairs;
      v.l2 += !(d.low <= truth && truth <= d.high);
      v.unbounded += d.high - d.high != 0;
      if (with_inner) {
        const Interval b = scorer->inner_bounds(code);
        const double product = inner(q, base.row(i).data(), dims);
        v.inner += !(b.low <= product && product <= b.high);
      }
    }
  }
  return v;
}

TEST(OsqTest, AllocationIsGreedyAndSpendsTheWholeBudget) {
  // Energies 16, 4, 1: each bit divides by 4; ties go to the first dimension.
  EXPECT_EQ(osq_allocate({16, 4, 1}, 1), (std::vector<uint8_t>{1, 0, 0}));
  EXPECT_EQ(osq_allocate({16, 4, 1}, 3), (std::vector<uint8_t>{2, 1, 0}));
  EXPECT_EQ(osq_allocate({16, 4, 1}, 6), (std::vector<uint8_t>{3, 2, 1}));
  // A full dimension takes no more of it: 8 bits for the first, the other 4 for the second.
  EXPECT_EQ(osq_allocate({1e30, 1}, 12), (std::vector<uint8_t>{8, 4}));
  EXPECT_EQ(osq_allocate({1, 1e30, 1}, 24), (std::vector<uint8_t>{8, 8, 8}));
  EXPECT_EQ(osq_allocate({1, 1}, 100), (std::vector<uint8_t>{8, 8}));
  // What does not vary needs nothing.
  EXPECT_EQ(osq_allocate({0, 2, 0}, 12), (std::vector<uint8_t>{0, 8, 0}));
  EXPECT_EQ(osq_allocate({}, 5), std::vector<uint8_t>{});
}

TEST(OsqTest, CellsOfUniformAndGaussianValues) {
  // Uniform on [0, 1): equal cells, error 1 / (12 n^2).
  std::vector<float> uniform(20000);
  for (size_t i = 0; i < uniform.size(); ++i) uniform[i] = static_cast<float>(i) / 20000;
  const OsqCells cells = osq_train_cells(uniform, 8);
  ASSERT_EQ(cells.values.size(), 8u);
  for (size_t c = 0; c <= 8; ++c)
    EXPECT_NEAR(static_cast<double>(cells.edges[c]), static_cast<double>(c) / 8, 1e-3);

  // Gaussian: Max's error for 16 levels is 0.009497; Lloyd stops a little before.
  Random random(1);
  std::vector<float> normal(40000);
  for (float& x : normal) x = static_cast<float>(random.normal());
  const OsqCells lloyd = osq_train_cells(normal, 16);
  double error = 0;
  for (const float x : normal) {
    size_t c = 0;
    while (c < 15 && x >= lloyd.edges[c + 1]) ++c;
    error += std::pow(static_cast<double>(x) - static_cast<double>(lloyd.values[c]), 2);
  }
  EXPECT_LT(error / 40000, 0.0108);
  EXPECT_GT(error / 40000, 0.0085);
}

TEST(OsqTest, ValuesAreMeansOfCells) {
  Random random(2);
  std::vector<float> values(3000);
  for (float& x : values) x = static_cast<float>(std::pow(random.uniform(), 3.0));
  const OsqCells cells = osq_train_cells(values, 12);
  ASSERT_EQ(cells.values.size(), 12u);
  std::vector<double> sum(12), n(12);
  for (const float x : values) {
    size_t c = 0;
    while (c < 11 && x >= cells.edges[c + 1]) ++c;
    sum[c] += static_cast<double>(x);
    ++n[c];
  }
  for (size_t c = 0; c < 12; ++c) {
    ASSERT_GT(n[c], 0);
    EXPECT_NEAR(static_cast<double>(cells.values[c]), sum[c] / n[c], 1e-6);
  }
  EXPECT_EQ(cells.edges.front(), *std::min_element(values.begin(), values.end()));
  EXPECT_EQ(cells.edges.back(), *std::max_element(values.begin(), values.end()));
}

// Where one value takes up most of the sample, equi-depth edges coincide; no cell may be lost by that.
TEST(OsqTest, RepeatedValuesLoseNoCells) {
  std::vector<float> values(900, 0.0f);
  for (int i = 0; i < 100; ++i) values.push_back(static_cast<float>(i + 1));
  EXPECT_EQ(osq_train_cells(values, 16).values.size(), 16u);
  // Fewer values than cells: each its own, exactly.
  const OsqCells few = osq_train_cells({3, 1, 1, 2, 3, 3}, 8);
  EXPECT_EQ(few.values, (std::vector<float>{1, 2, 3}));
  const OsqCells one = osq_train_cells({5, 5, 5}, 4);
  EXPECT_EQ(one.values, std::vector<float>{5});
  EXPECT_EQ(one.edges, (std::vector<float>{5, 5}));
}

// More than 1e6 pairs, with vectors and queries inside and far outside the trained edges.
TEST(OsqTest, BoundsAreNeverViolated) {
  Random random(3);
  const Matrix sample = steep(random, 1000, 16);
  size_t pairs = 0;
  for (const double bits : {0.5, 2.0, 4.0, 8.0}) {
    const auto quantizer = OsqQuantizer::train(rows_of(sample), {.bits_per_dim = bits}, {});
    for (const double size : {1.0, 1.6, 30.0, 1e12}) {
      const Matrix base = steep(random, 250, 16, 0.9, size);
      for (const double query_size : {1.0, 8.0}) {
        const Violations v =
            count_violations(*quantizer, base, steep(random, 150, 16, 0.9, query_size), true);
        pairs += v.pairs;
        EXPECT_EQ(v.l2, 0u) << bits << " bits, base " << size << ", queries " << query_size;
        EXPECT_EQ(v.inner, 0u) << bits << " bits, base " << size << ", queries " << query_size;
        // Finite upper bounds unless the overshoot is beyond its scale.
        EXPECT_EQ(v.unbounded, size < 1e12 ? 0u : v.pairs);
      }
    }
  }
  EXPECT_GE(pairs, 1000000u);
}

// The base's own vectors as queries: distance 0 from inside the cell, and edges that are hit exactly.
TEST(OsqTest, BoundsAtTheEdges) {
  Random random(4);
  for (const float size : {1e-30f, 1.0f, 1e17f}) {
    Matrix sample(300, 5);
    for (int i = 0; i < 300; ++i) {
      for (int j = 0; j < 5; ++j) sample(i, j) = size * static_cast<float>(random.below(20));
    }
    sample.col(4).setConstant(size / 3);
    for (const double bits : {1.0, 3.0, 8.0}) {
      const auto quantizer = OsqQuantizer::train(rows_of(sample), {.bits_per_dim = bits}, {});
      const Violations v = count_violations(*quantizer, sample, sample, true);
      EXPECT_EQ(v.l2, 0u) << size << " " << bits;
      EXPECT_EQ(v.inner, 0u) << size << " " << bits;
      EXPECT_EQ(v.unbounded, 0u);
    }
  }
}

// Bounds are of use: with 8 bits they enclose the distance within a few percent.
TEST(OsqTest, BoundsAreTight) {
  Random random(5);
  const Matrix sample = steep(random, 2000, 16), queries = steep(random, 50, 16);
  const auto quantizer = OsqQuantizer::train(rows_of(sample), {.bits_per_dim = 8}, {});
  const std::vector<uint8_t> codes = encode_all(*quantizer, sample);
  double width = 0, total = 0;
  for (int k = 0; k < queries.rows(); ++k) {
    const auto scorer = quantizer->prepare(queries.row(k).data());
    for (int i = 0; i < sample.rows(); ++i) {
      const Interval d = scorer->l2sq_bounds(codes.data() + static_cast<size_t>(i) * quantizer->code_bytes());
      width += d.high - d.low;
      total += l2sq(queries.row(k).data(), sample.row(i).data(), 16);
    }
  }
  EXPECT_LT(width, 0.06 * total);
}

// The radius of the overshoot is rounded up by less than a fifth, so bounds of a vector beyond the edges
// stay near its distance.
TEST(OsqTest, OvershootIsMeasured) {
  Random random(6);
  const Matrix sample = steep(random, 2000, 8);
  const auto quantizer = OsqQuantizer::train(rows_of(sample), {.bits_per_dim = 8, .signs = false}, {});
  std::vector<float> u(8, 0.0f), zero(8, 0.0f);
  std::vector<uint8_t> code(quantizer->code_bytes());
  quantizer->encode(u.data(), code.data());
  EXPECT_EQ(code[quantizer->segment_bytes()], 0) << "inside";
  u[2] = 100;
  quantizer->encode(u.data(), code.data());
  EXPECT_NE(code[quantizer->segment_bytes()], 0);
  const Interval d = quantizer->prepare(zero.data())->l2sq_bounds(code.data());
  EXPECT_LE(d.low, 100.0 * 100);
  EXPECT_GE(d.high, 100.0 * 100);
  EXPECT_LE(std::sqrt(d.high), 1.2 * 100 + 5);
}

void expect_exact_search(const Matrix& all, int n_queries, double bits, size_t k, double share) {
  const int n = static_cast<int>(all.rows()) - n_queries, dims = static_cast<int>(all.cols());
  const Matrix base = all.topRows(n);
  const auto quantizer = OsqQuantizer::train(rows_of(base), {.bits_per_dim = bits}, {});
  const std::vector<uint8_t> codes = encode_all(*quantizer, base);
  size_t visited = 0;
  for (int query = 0; query < n_queries; ++query) {
    const float* q = all.row(n + query).data();
    const auto scorer = quantizer->prepare(q);
    std::vector<std::pair<double, int>> by_bound, exact, brute;
    for (int i = 0; i < n; ++i) {
      by_bound.emplace_back(
          scorer->l2sq_bounds(codes.data() + static_cast<size_t>(i) * quantizer->code_bytes()).low, i);
      brute.emplace_back(l2sq(q, base.row(i).data(), dims), i);
    }
    std::sort(by_bound.begin(), by_bound.end());
    std::sort(brute.begin(), brute.end());
    for (const auto& [low, i] : by_bound) {
      if (exact.size() == k && low > exact.back().first) break;
      exact.emplace_back(l2sq(q, base.row(i).data(), dims), i);
      std::sort(exact.begin(), exact.end());
      if (exact.size() > k) exact.pop_back();
      ++visited;
    }
    brute.resize(k);
    EXPECT_EQ(exact, brute) << "query " << query;
  }
  EXPECT_LT(static_cast<double>(visited), share * n * n_queries);
}

TEST(OsqTest, ExactSearchVisitsFewVectors) {
  Random random(7);
  expect_exact_search(steep(random, 1550, 32, 0.8), 50, 4, 10, 0.05);
}

TEST(OsqTest, ExactSearchOnMnistVisitsFewVectors) {
  const Matrix mnist = load("mnist", 2030);
  if (mnist.rows() == 0) GTEST_SKIP() << "bench/data/out/mnist is absent";
  expect_exact_search(klt(mnist), 30, 4, 10, 0.05);
}

double gain_of_non_uniform_bits(const Matrix& m) {
  const size_t dims = static_cast<size_t>(m.cols());
  const auto greedy = OsqQuantizer::train(rows_of(m), {.bits_per_dim = 4}, {});
  const auto uniform = OsqQuantizer::train_with_bits(rows_of(m), std::vector<uint8_t>(dims, 4), false, {});
  EXPECT_LE(greedy->code_bytes(), uniform->code_bytes());
  return mse(*uniform, m) / mse(*greedy, m);
}

TEST(OsqTest, NonUniformBitsHalveTheErrorOfUniformOnes) {
  Random random(8);
  EXPECT_GE(gain_of_non_uniform_bits(steep(random, 2000, 64)), 2.0);
}

TEST(OsqTest, NonUniformBitsHalveTheErrorOfUniformOnesOnMnist) {
  const Matrix mnist = load("mnist", 2000);
  if (mnist.rows() == 0) GTEST_SKIP() << "bench/data/out/mnist is absent";
  EXPECT_GE(gain_of_non_uniform_bits(klt(mnist)), 2.0);
}

TEST(OsqTest, CodesHaveTheStatedSize) {
  Random random(9);
  for (const int dims : {5, 100, 784}) {
    const Matrix sample = steep(random, 300, dims, 0.995);
    for (const double bits : {1.0, 2.5, 4.0}) {
      for (const bool signs : {false, true}) {
        const auto quantizer =
            OsqQuantizer::train(rows_of(sample), {.bits_per_dim = bits, .signs = signs}, {});
        const size_t budget = static_cast<size_t>(std::floor(bits * dims + 0.5));
        const auto& b = quantizer->bits();
        EXPECT_EQ(std::accumulate(b.begin(), b.end(), size_t{0}), budget);
        const size_t sign_bytes = signs ? (static_cast<size_t>(dims) + 7) / 8 : 0;
        EXPECT_EQ(quantizer->code_bytes(), (budget + 7) / 8 + 1 + sign_bytes);
        if (dims == 784) {
          const double ideal = (static_cast<double>(budget) + (signs ? dims : 0)) / 8;
          if (bits >= 2) {
            EXPECT_LT(static_cast<double>(quantizer->code_bytes()), 1.01 * ideal);
          }
        }
      }
    }
  }
}

// Dimensions straddle segments, and every cell number comes back.
TEST(OsqTest, PackedCellsComeBack) {
  Random random(10);
  Matrix sample(500, 11);
  for (int i = 0; i < 500; ++i) {
    for (int j = 0; j < 11; ++j) sample(i, j) = static_cast<float>(random.normal());
  }
  const std::vector<uint8_t> bits = {3, 7, 0, 8, 5, 1, 6, 0, 2, 4, 8};
  const auto quantizer = OsqQuantizer::train_with_bits(rows_of(sample), bits, true, {});
  EXPECT_EQ(quantizer->segment_bytes(), (44u + 7) / 8);
  std::vector<OsqCells> cells;
  for (int j = 0; j < 11; ++j) {
    const Vector column = sample.col(j);
    cells.push_back(osq_train_cells({column.data(), column.data() + 500},
                                    std::min(size_t{1} << bits[static_cast<size_t>(j)], kOsqMaxCells)));
  }
  std::vector<uint8_t> code(quantizer->code_bytes() + 1, 0xee), signs(quantizer->sign_bytes());
  std::vector<float> decoded(11);
  const Vector mean = sample.colwise().mean();
  for (int i = 0; i < 500; ++i) {
    quantizer->encode(sample.row(i).data(), code.data());
    ASSERT_EQ(code.back(), 0xee) << "encode wrote past the code";
    EXPECT_EQ(code[quantizer->segment_bytes()], 0) << "training vectors are inside";
    quantizer->decode(code.data(), decoded.data());
    quantizer->encode_signs(sample.row(i).data(), signs.data());
    EXPECT_EQ(std::memcmp(signs.data(), code.data() + quantizer->sign_offset(), signs.size()), 0);
    EXPECT_EQ(simd::kernels().hamming(signs.data(), code.data() + quantizer->sign_offset(), 2), 0u);
    for (size_t j = 0; j < 11; ++j) {
      const float x = sample(i, static_cast<int>(j));
      size_t c = 0;
      while (c + 1 < cells[j].values.size() && x >= cells[j].edges[c + 1]) ++c;
      EXPECT_EQ(decoded[j], cells[j].values[c]) << i << " " << j;
      if (std::fabs(x - mean[static_cast<int>(j)]) > 1e-4f) {
        EXPECT_EQ(signs[j / 8] >> (j % 8) & 1, x > mean[static_cast<int>(j)]) << j;
      }
    }
  }
}

TEST(OsqTest, ScoresAreProductsWithTheDecodedVector) {
  Random random(11);
  const Matrix sample = steep(random, 400, 37);
  const auto quantizer = OsqQuantizer::train(rows_of(sample), {.bits_per_dim = 1.5, .signs = true}, {});
  const std::vector<uint8_t> codes = encode_all(*quantizer, sample);
  const Matrix queries = steep(random, 5, 37, 1.0);
  std::vector<float> out(400), decoded(37);
  for (int k = 0; k < 5; ++k) {
    const auto scorer = quantizer->prepare(queries.row(k).data());
    scorer->score(codes.data(), quantizer->code_bytes(), 400, out.data());
    for (size_t i = 0; i < 400; ++i) {
      const uint8_t* code = codes.data() + i * quantizer->code_bytes();
      quantizer->decode(code, decoded.data());
      EXPECT_NEAR(static_cast<double>(out[i]), inner(queries.row(k).data(), decoded.data(), 37), 2e-5);
      const Interval b = scorer->inner_bounds(code);
      EXPECT_LE(b.low, static_cast<double>(out[i]) + 2e-5);
      EXPECT_GE(b.high, static_cast<double>(out[i]) - 2e-5);
    }
  }
}

TEST(OsqTest, Parameters) {
  Random random(12);
  const Matrix sample = steep(random, 10, 4);
  for (const double bits : {0.0, -1.0, 8.5, NAN + 0.0}) {
    EXPECT_THROW(OsqQuantizer::train(rows_of(sample), {.bits_per_dim = bits}, {}), Error) << bits;
  }
  EXPECT_THROW(OsqQuantizer::train({sample.data(), 0, 4}, {}, {}), Error);
  EXPECT_THROW(OsqQuantizer::train_with_bits(rows_of(sample), {1, 2, 3, 9}, false, {}), Error);
  const Stop stop{[](void*) { return true; }, nullptr};
  EXPECT_THROW(OsqQuantizer::train(rows_of(sample), {}, stop), Stopped);
}

// One row, or constant rows: codes of no segments at all, bounds from the overshoot alone.
TEST(OsqTest, ConstantData) {
  Matrix sample(3, 4);
  sample.setConstant(2);
  const auto quantizer = OsqQuantizer::train(rows_of(sample), {.bits_per_dim = 4, .signs = true}, {});
  EXPECT_EQ(quantizer->segment_bytes(), 0u);
  Matrix vectors(2, 4), queries(2, 4);
  vectors << 2, 2, 2, 2, 3, -1, 2, 9;
  queries << 2, 2, 2, 2, 0, 0, 0, 0;
  const Violations v = count_violations(*quantizer, vectors, queries, true);
  EXPECT_EQ(v.l2 + v.inner + v.unbounded, 0u);
}

TEST(OsqTest, NonFiniteVectorsAreUnbounded) {
  Random random(13);
  const auto quantizer = OsqQuantizer::train(rows_of(steep(random, 50, 6)), {}, {});
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    std::vector<float> u(6, 0.0f);
    u[1] = bad;
    std::vector<uint8_t> code(quantizer->code_bytes());
    quantizer->encode(u.data(), code.data());
    EXPECT_EQ(code[quantizer->segment_bytes()], 255);
  }
}

std::vector<uint8_t> image_of(const Quantizer& quantizer) {
  ByteWriter out;
  quantizer.write(out);
  return out.take();
}

TEST(OsqTest, ImageRoundTrip) {
  Random random(14);
  const Matrix sample = steep(random, 600, 20);
  for (const bool signs : {false, true}) {
    const auto quantizer = OsqQuantizer::train(rows_of(sample), {.bits_per_dim = 3, .signs = signs}, {});
    const std::vector<uint8_t> image = image_of(*quantizer);
    ByteReader in(image.data(), image.size());
    const std::unique_ptr<Quantizer> again = OsqQuantizer::read(in, 20);
    in.end();
    EXPECT_EQ(image_of(*again), image);
    EXPECT_EQ(again->facts(), quantizer->facts());
    EXPECT_EQ(again->code_bytes(), quantizer->code_bytes());
    const Matrix more = steep(random, 50, 20, 0.9, 2);
    EXPECT_EQ(encode_all(*again, more), encode_all(*quantizer, more));
    EXPECT_EQ(count_violations(static_cast<const OsqQuantizer&>(*again), more, sample, false).l2, 0u);
    for (size_t n = 0; n < image.size(); ++n) {
      ByteReader cut(image.data(), n);
      EXPECT_THROW(OsqQuantizer::read(cut, 20), Error) << n;
    }
  }
}

// A value on an edge belongs to the cell on its right; cell numbers that no vector has mean the last cell.
TEST(OsqTest, EdgesAndUnusedCellNumbers) {
  Matrix sample(6, 1);
  sample << 0, 0, 1, 4, 4, 6;
  const auto quantizer = OsqQuantizer::train_with_bits(rows_of(sample), {8}, false, {});
  const OsqCells cells = osq_train_cells({0, 0, 1, 4, 4, 6}, 255);
  ASSERT_EQ(cells.values, (std::vector<float>{0, 1, 4, 6}));
  std::vector<uint8_t> code(quantizer->code_bytes());
  float decoded = -1;
  for (size_t c = 0; c < 4; ++c) {
    quantizer->encode(&cells.edges[c], code.data());
    EXPECT_EQ(code[0], c);
    quantizer->decode(code.data(), &decoded);
    EXPECT_EQ(decoded, cells.values[c]);
  }
  for (const uint8_t unused : {4, 200, 255}) {
    code[0] = unused;
    quantizer->decode(code.data(), &decoded);
    EXPECT_EQ(decoded, 6.0f);
  }
}

TEST(OsqTest, UnsortedEdgesAreRefused) {
  // signs, unit, bits, cells, edges, values
  const auto image = [](const std::vector<float>& edges, const std::vector<float>& values) {
    ByteWriter out;
    out.put(uint8_t{0});
    out.put(1.0f);
    out.put(uint8_t{1});
    out.put(static_cast<uint8_t>(values.size()));
    out.put_all(edges.data(), edges.size());
    out.put_all(values.data(), values.size());
    return out.take();
  };
  const auto read = [](const std::vector<uint8_t>& bytes) {
    ByteReader in(bytes.data(), bytes.size());
    return OsqQuantizer::read(in, 1);
  };
  EXPECT_NO_THROW(read(image({0, 1, 2}, {0.5f, 1.5f})));
  EXPECT_THROW(read(image({0, 3, 2}, {0.5f, 2.5f})), Error);
  EXPECT_THROW(read(image({0, 1, 2}, {1.5f, 1.5f})), Error);
  EXPECT_THROW(read(image({0, 1, 2, 3}, {0.5f, 1.5f, 2.5f})), Error) << "three cells in one bit";
  EXPECT_THROW(read(image({0}, {})), Error) << "no cell";
}

// A damaged image is refused or gives a quantizer that stays within its codes; any bytes are a code.
TEST(OsqTest, DamagedImagesAndCodesAreHarmless) {
  Random random(15);
  const Matrix sample = steep(random, 40, 7);
  const std::vector<uint8_t> image =
      image_of(*OsqQuantizer::train(rows_of(sample), {.bits_per_dim = 2.7, .signs = true}, {}));
  int refused = 0, read = 0;
  for (size_t bit = 0; bit < image.size() * 8; ++bit) {
    std::vector<uint8_t> bad = image;
    bad[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    std::unique_ptr<Quantizer> quantizer;
    try {
      ByteReader in(bad.data(), bad.size());
      quantizer = OsqQuantizer::read(in, 7);
      in.end();
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kCorrupted);
      ++refused;
      continue;
    }
    ++read;
    std::vector<uint8_t> code(quantizer->code_bytes());
    std::vector<float> decoded(7);
    const auto scorer = quantizer->prepare(sample.row(0).data());
    for (int trial = 0; trial < 4; ++trial) {
      for (uint8_t& byte : code) byte = trial == 0 ? 0xff : static_cast<uint8_t>(random.next());
      float out;
      quantizer->decode(code.data(), decoded.data());
      scorer->score(code.data(), 0, 1, &out);
      scorer->inner_bounds(code.data());
      scorer->l2sq_bounds(code.data());
      quantizer->encode(sample.row(trial).data(), code.data());
    }
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(read, 0);
}

}  // namespace
}  // namespace lowdim::core
