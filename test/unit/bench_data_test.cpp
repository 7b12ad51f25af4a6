// The benchmark's own instruments: what every published figure rests on. Ground truth against a plain scan,
// vector files whole and damaged, random numbers and generated sets against values computed independently,
// the wire format byte by byte, settings files, recall and percentiles, and the option parser.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "../../bench/data/arguments.h"
#include "../../bench/data/fvecs.h"
#include "../../bench/data/manifold.h"
#include "../../bench/data/random.h"
#include "../../bench/data/truth.h"
#include "../../bench/data/wire.h"
#include "../../bench/sql/score.h"
#include "../../bench/sql/settings.h"

namespace lowdim::bench {
namespace {

// Small whole numbers: many ties, and some rows that are zero.
Matrix<float> coarse(size_t rows, size_t cols, uint64_t seed) {
  Random random(seed);
  Matrix<float> m(rows, cols);
  for (size_t i = 0; i < rows; i++) {
    const bool zero = random.below(20) == 0;
    for (size_t j = 0; j < cols; j++) m.row(i)[j] = zero ? 0 : static_cast<float>(random.below(5)) - 2;
  }
  return m;
}

double plain_distance(Metric metric, const float* a, const float* b, size_t dim) {
  long double dot = 0, aa = 0, bb = 0, dd = 0;
  for (size_t i = 0; i < dim; i++) {
    const long double x = a[i], y = b[i];
    dot += x * y;
    aa += x * x;
    bb += y * y;
    dd += (x - y) * (x - y);
  }
  if (metric == Metric::kL2) return static_cast<double>(dd);
  if (metric == Metric::kInnerProduct) return static_cast<double>(-dot);
  if (aa == 0 || bb == 0) return 1;
  return static_cast<double>(1 - dot / sqrtl(aa * bb));
}

void expect_plain_scan(Metric metric, const Matrix<float>& base, const Matrix<float>& queries, size_t k) {
  const Truth truth = find_truth(metric, base, queries, k, 2);
  ASSERT_EQ(truth.ids.rows, queries.rows);
  ASSERT_EQ(truth.ids.cols, std::min(k, base.rows));
  for (size_t q = 0; q < queries.rows; q++) {
    std::vector<double> d(base.rows);
    for (size_t r = 0; r < base.rows; r++)
      d[r] = plain_distance(metric, queries.row(q), base.row(r), base.cols);
    std::vector<double> sorted = d;
    std::sort(sorted.begin(), sorted.end());
    std::vector<bool> seen(base.rows);
    for (size_t i = 0; i < truth.ids.cols; i++) {
      const auto id = static_cast<size_t>(truth.ids.row(q)[i]);
      ASSERT_LT(id, base.rows);
      ASSERT_FALSE(seen[id]) << "row " << id << " twice";
      seen[id] = true;
      // Which of several equally near rows stands here is the next assertion's business.
      ASSERT_NEAR(d[id], sorted[i], 1e-12) << "query " << q << " rank " << i;
      const double shown = metric == Metric::kL2 ? std::sqrt(d[id]) : d[id];
      ASSERT_NEAR(truth.distances.row(q)[i], shown, 1e-6 * std::max(1.0, std::abs(shown)));
      if (metric != Metric::kCosine && i > 0 && d[id] == d[static_cast<size_t>(truth.ids.row(q)[i - 1])]) {
        ASSERT_GT(truth.ids.row(q)[i], truth.ids.row(q)[i - 1]) << "ties go to the smaller row";
      }
    }
    // Whole numbers have exact distances: a row left out may not be nearer, nor as near with a smaller
    // number.
    if (metric == Metric::kCosine || truth.ids.cols == 0) continue;
    const auto last = static_cast<size_t>(truth.ids.row(q)[truth.ids.cols - 1]);
    for (size_t r = 0; r < base.rows; r++)
      if (!seen[r]) {
        ASSERT_TRUE(d[r] > d[last] || (d[r] == d[last] && r > last)) << "row " << r << " was left out";
      }
  }
}

TEST(BenchTruth, EqualsPlainScan) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kInnerProduct})
    for (const size_t dim : {1u, 3u, 16u, 37u}) {
      SCOPED_TRACE(testing::Message() << "metric " << static_cast<int>(metric) << " dim " << dim);
      expect_plain_scan(metric, coarse(701, dim, 1 + dim), coarse(133, dim, 100 + dim), 10);
    }
}

TEST(BenchTruth, FewerRowsThanK) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kInnerProduct})
    expect_plain_scan(metric, coarse(5, 7, 3), coarse(6, 7, 4), 10);
}

// Differences far below a float's precision: only the certificate and the second scan get these right.
TEST(BenchTruth, NearTiesAreScannedAgain) {
  Matrix<float> base(400, 2), queries(4, 2);
  for (size_t i = 0; i < base.rows; i++) {
    base.row(i)[0] = 4096;
    base.row(i)[1] = 0x1p-9f * static_cast<float>(base.rows - i);
  }
  for (const Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
    for (size_t q = 0; q < queries.rows; q++) {
      queries.row(q)[0] = metric == Metric::kL2 ? 0 : -4096;
      queries.row(q)[1] = metric == Metric::kL2 ? 0 : -0x1p-9f;
    }
    expect_plain_scan(metric, base, queries, 10);
    EXPECT_EQ(find_truth(metric, base, queries, 10, 1).rescanned, queries.rows);
    EXPECT_EQ(find_truth(metric, base, queries, 10, 1).ids.row(0)[0], 399);
  }
}

TEST(BenchTruth, RefusesWhatHasNoAnswer) {
  EXPECT_THROW(find_truth(Metric::kL2, coarse(5, 3, 1), coarse(5, 4, 1), 1, 1), std::invalid_argument);
  EXPECT_THROW(find_truth(Metric::kL2, Matrix<float>(0, 3), coarse(5, 3, 1), 1, 1), std::invalid_argument);
  EXPECT_THROW(find_truth(Metric::kL2, coarse(5, 3, 1), coarse(5, 3, 1), 0, 1), std::invalid_argument);
  EXPECT_THROW(metric_named("euclid"), std::invalid_argument);
}

class BenchFiles : public testing::Test {
 protected:
  void SetUp() override { path_ = testing::TempDir() + "bench_data_test.vecs"; }
  void TearDown() override { std::remove(path_.c_str()); }
  void write(const std::string& bytes) {
    File f = open_file(path_, "wb");
    ASSERT_EQ(std::fwrite(bytes.data(), 1, bytes.size(), f.get()), bytes.size());
  }
  void expect_refused(const std::string& bytes, const std::string& why) {
    write(bytes);
    try {
      read_fvecs(path_);
      ADD_FAILURE() << "read, though " << why;
    } catch (const std::runtime_error& e) {
      EXPECT_NE(std::string(e.what()).find(why), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find(path_), std::string::npos) << e.what();
    }
  }
  std::string path_;
};

TEST_F(BenchFiles, RoundTrip) {
  const Matrix<float> m = Manifold({}).sample(9);
  write_vecs(path_, m);
  const Matrix<float> all = read_fvecs(path_);
  EXPECT_EQ(all.rows, 9u);
  EXPECT_EQ(all.cols, 128u);
  EXPECT_EQ(all.values, m.values);
  const Matrix<float> some = read_fvecs(path_, 4);
  EXPECT_EQ(some.rows, 4u);
  EXPECT_TRUE(std::equal(some.values.begin(), some.values.end(), m.values.begin()));

  Matrix<int32_t> ids(2, 3);
  ids.values = {5, -1, 7, 0, 2147483647, 3};
  write_vecs(path_, ids);
  EXPECT_EQ(read_ivecs(path_).values, ids.values);
}

TEST_F(BenchFiles, LayoutIsTheKnownOne) {
  Matrix<float> m(1, 2);
  m.values = {1.0f, -2.5f};
  write_vecs(path_, m);
  File f = open_file(path_, "rb");
  char bytes[16];
  ASSERT_EQ(std::fread(bytes, 1, sizeof bytes, f.get()), 12u);
  EXPECT_EQ(std::string(bytes, 12), std::string("\x02\0\0\0\0\0\x80\x3f\0\0\x20\xc0", 12));
}

TEST_F(BenchFiles, BytesWiden) {
  path_ += ".bvecs";
  write(std::string("\x03\0\0\0\x00\x7f\xff\x03\0\0\0\x01\x02\x03", 14));
  const Matrix<float> m = read_vectors(path_);
  EXPECT_EQ(m.rows, 2u);
  EXPECT_EQ(m.values, (std::vector<float>{0, 127, 255, 1, 2, 3}));
}

TEST_F(BenchFiles, DamageIsNamed) {
  const std::string row("\x02\0\0\0\0\0\x80\x3f\0\0\x20\xc0", 12);
  expect_refused(row + row.substr(0, 9), "row 1 is cut short");
  expect_refused(row + row.substr(0, 2), "row 1 is cut short");
  expect_refused(row + "\x07", "row 1 is cut short");
  expect_refused(row + std::string("\x03\0\0\0", 4) + std::string(12, '\0'), "row 1 has another dimension");
  expect_refused(std::string("\0\0\0\0", 4), "impossible dimension 0");
  expect_refused(std::string("\xff\xff\xff\xff", 4), "impossible dimension -1");
  expect_refused(std::string("\0\0\0\x40", 4), "impossible dimension");
  EXPECT_THROW(read_fvecs(path_ + ".absent"), std::runtime_error);
  write("");
  EXPECT_EQ(read_fvecs(path_).rows, 0u);
}

// SplitMix64 as published; the rest by a separate implementation in another language.
TEST(BenchRandom, Golden) {
  Random random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317u);
  EXPECT_EQ(random.next(), 3203168211198807973u);
  EXPECT_EQ(random.next(), 9817491932198370423u);
  EXPECT_EQ(shuffled(10, 42), (std::vector<uint32_t>{3, 2, 4, 5, 8, 7, 0, 9, 6, 1}));
  const std::vector<uint32_t> order = shuffled(341479, 42);
  EXPECT_EQ(std::vector<uint32_t>(order.begin(), order.begin() + 5),
            (std::vector<uint32_t>{122056, 94880, 90839, 186235, 308579}));
  std::vector<uint32_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (uint32_t i = 0; i < sorted.size(); i++) ASSERT_EQ(sorted[i], i);
  EXPECT_TRUE(shuffled(0, 1).empty());
  EXPECT_EQ(shuffled(1, 1), std::vector<uint32_t>{0});
}

TEST(BenchRandom, Moments) {
  Random random(7);
  double sum = 0, square = 0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; i++) {
    const double x = random.normal();
    sum += x;
    square += x * x;
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.02);  // 6 standard errors
  EXPECT_NEAR(square / kDraws, 1, 0.03);
}

ManifoldSpec spec_of(size_t dim, size_t intrinsic, uint64_t seed, double noise, bool linear) {
  ManifoldSpec s;
  s.dim = dim;
  s.intrinsic = intrinsic;
  s.seed = seed;
  s.noise = noise;
  s.linear = linear;
  return s;
}

uint64_t checksum_of(const Matrix<float>& m) {
  return checksum(m.values.data(), m.values.size() * sizeof(float));
}

TEST(BenchManifold, Golden) {
  EXPECT_EQ(checksum("foobar", 6), 0x85944171f73967e8u);  // FNV-1a's published vector
  EXPECT_EQ(checksum_of(Manifold({}).sample(100)), 0xe938d5b730f372edu);
  EXPECT_EQ(checksum_of(Manifold(spec_of(16, 3, 7, 0.25, true)).sample(100)), 0xb0e89489a90307ecu);
}

TEST(BenchManifold, SamplesContinue) {
  Manifold whole({}), parts({});
  const Matrix<float> all = whole.sample(7);
  Matrix<float> joined = parts.sample(3);
  const Matrix<float> rest = parts.sample(4);
  joined.values.insert(joined.values.end(), rest.values.begin(), rest.values.end());
  EXPECT_EQ(all.values, joined.values);
}

// The dimension of the flat subspace that holds the points: Gram-Schmidt on the centred points, longest
// first, until what is left is below 1e-5 of the longest.
int rank_of(const Matrix<float>& m) {
  std::vector<std::vector<double>> x(m.rows, std::vector<double>(m.cols));
  for (size_t j = 0; j < m.cols; j++) {
    double mean = 0;
    for (size_t i = 0; i < m.rows; i++) mean += m.row(i)[j] / static_cast<double>(m.rows);
    for (size_t i = 0; i < m.rows; i++) x[i][j] = m.row(i)[j] - mean;
  }
  const auto dot = [](const auto& a, const auto& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  };
  double longest = 0;
  for (int rank = 0;; rank++) {
    const std::vector<double> axis = *std::max_element(
        x.begin(), x.end(), [&](const auto& a, const auto& b) { return dot(a, a) < dot(b, b); });
    const double square = dot(axis, axis);
    if (rank == 0) longest = square;
    if (square <= 1e-10 * longest) return rank;
    for (auto& v : x) {
      const double t = dot(v, axis) / square;
      for (size_t j = 0; j < v.size(); j++) v[j] -= t * axis[j];
    }
  }
}

// Maximum likelihood from the distances to the 10 nearest neighbours (Levina and Bickel, averaged as MacKay
// and Ghahramani do): the dimension of what the points lie on locally.
double local_dimension(const Matrix<float>& m) {
  constexpr size_t kNear = 10;
  const Truth t = find_truth(Metric::kL2, m, m, kNear + 1, 2);
  double sum = 0;
  for (size_t i = 0; i < m.rows; i++)
    for (size_t j = 1; j < kNear; j++) sum += std::log(t.distances.row(i)[kNear] / t.distances.row(i)[j]);
  return static_cast<double>(m.rows * (kNear - 1)) / sum;
}

TEST(BenchManifold, HasItsDimension) {
  EXPECT_EQ(rank_of(Manifold(spec_of(40, 3, 5, 0, true)).sample(300)), 3);
  EXPECT_EQ(rank_of(Manifold(spec_of(40, 3, 5, 0, false)).sample(300)), 40)
      << "a curved set lies in no subspace";
  EXPECT_EQ(rank_of(Manifold(spec_of(40, 3, 5, 0.1, true)).sample(300)), 40) << "nor does noise";
  EXPECT_NEAR(local_dimension(Manifold(spec_of(64, 2, 5, 0, false)).sample(3000)), 2, 0.4);
  EXPECT_NEAR(local_dimension(Manifold(spec_of(64, 4, 5, 0, false)).sample(3000)), 4, 0.8);
  EXPECT_THROW(Manifold(spec_of(4, 5, 1, 0, false)), std::invalid_argument);
  EXPECT_THROW(Manifold(spec_of(4, 0, 1, 0, false)), std::invalid_argument);
}

TEST(BenchWire, KnownBytes) {
  const float v[] = {1.0f, -2.5f, 0.0f, 65504.0f, 0x1p-24f, 3.0f, -0.0f, 7.0f, 1e9f};
  const auto encoded = [&](WireType type, size_t dim) {
    std::string out;
    put_value(out, type, v, dim);
    return out;
  };
  EXPECT_EQ(encoded(WireType::kVector, 2), std::string("\0\x02\0\0\x3f\x80\0\0\xc0\x20\0\0", 12));
  EXPECT_EQ(encoded(WireType::kHalfvec, 9),
            std::string("\0\x09\0\0\x3c\0\xc1\0\0\0\x7b\xff\0\x01\x42\0\x80\0\x47\0\x7c\0", 22));
  // Elements 0, 3, 4, 5, 7 and 8 are above zero.
  EXPECT_EQ(encoded(WireType::kBit, 9), std::string("\0\0\0\x09\x9d\x80", 6));
  EXPECT_EQ(encoded(WireType::kBit, 8), std::string("\0\0\0\x08\x9d", 5));
  EXPECT_EQ(wire_type_named("halfvec"), WireType::kHalfvec);
  EXPECT_THROW(wire_type_named("half"), std::invalid_argument);
}

TEST(BenchScore, Recall) {
  Matrix<int32_t> truth(2, 4), found(2, 2);
  Matrix<float> distances(2, 4);
  truth.values = {1, 2, 3, 4, 5, 6, 7, 8};
  distances.values = {1, 2, 2, 3, 1, 2, 3, 4};
  found.values = {2, 1, 6, 9};
  EXPECT_DOUBLE_EQ(recall_at(2, found, truth, {}), 0.75);
  found.values = {1, 3, 5, 7};  // 3 is as near as 2, 7 is farther than 6
  EXPECT_DOUBLE_EQ(recall_at(2, found, truth, {}), 0.5);
  EXPECT_DOUBLE_EQ(recall_at(2, found, truth, distances), 0.75);
  found.values = {2, 3, 5,
                  5};  // a tie does not make up for row 1 twice over; a row reported twice is one row
  EXPECT_DOUBLE_EQ(recall_at(2, found, truth, distances), 0.75);
  found.values = {-1, -1, 5, -1};
  EXPECT_DOUBLE_EQ(recall_at(2, found, truth, distances), 0.25);
  EXPECT_EQ(recalls_at(2, found, truth, distances), (std::vector<double>{0, 0.5}));
  EXPECT_DOUBLE_EQ(low_recalls_at(2, found, truth, distances), 1);
  found.values = {1, 2, 5, -1};
  EXPECT_DOUBLE_EQ(low_recalls_at(2, found, truth, distances), 0.5);
  truth.values = {1, -1, -1, -1, -1, -1, -1, -1};  // one match, none
  found.values = {1, -1, -1, -1};
  EXPECT_DOUBLE_EQ(recall_at(2, found, truth, {}), 1);
  EXPECT_THROW(recall_at(5, found, truth, {}), std::invalid_argument);
  EXPECT_THROW(recall_at(2, Matrix<int32_t>(3, 2), truth, {}), std::invalid_argument);
}

TEST(BenchScore, FourFifthsAreNotLow) {
  Matrix<int32_t> truth(1, 5), found(1, 5);
  truth.values = {1, 2, 3, 4, 5};
  found.values = {1, 2, 3, 4, -1};
  EXPECT_DOUBLE_EQ(low_recalls_at(5, found, truth, {}), 0);
  found.values = {1, 2, 3, -1, -1};
  EXPECT_DOUBLE_EQ(low_recalls_at(5, found, truth, {}), 1);
}

TEST(BenchScore, PercentilesAndMedian) {
  std::vector<double> v(100);
  std::iota(v.rbegin(), v.rend(), 1.0);
  EXPECT_EQ(percentile(v, 0.5), 50);
  EXPECT_EQ(percentile(v, 0.99), 99);
  EXPECT_EQ(percentile(v, 1), 100);
  EXPECT_EQ(percentile({4}, 0.01), 4);
  EXPECT_EQ(percentile({1, 2, 3}, 0.5), 2);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
}

TEST(BenchSettings, File) {
  SettingSection common;
  common.sets = {"jit = off"};
  const std::vector<Setting> all = parse_settings(
      "# for all\n"
      "sql = SELECT id FROM t WHERE a = 1 ORDER BY e <-> $1 LIMIT {k}\n"
      "set = work_mem = '1GB'\n"
      "[scan]\n"
      "rows = 7\n"
      "\n"
      "[graph]\n"
      "target = b\n"
      "sql = SELECT {k}, {k}\r\n"
      "set = x = 1\n"
      "sweep = hnsw.ef_search = 10, 20,\n",
      common, 5);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].label, "scan");
  EXPECT_EQ(all[0].target, "");
  EXPECT_EQ(all[0].rows, 7u);
  EXPECT_EQ(all[0].sql, "SELECT id FROM t WHERE a = 1 ORDER BY e <-> $1 LIMIT 5");
  EXPECT_EQ(all[0].sets, (std::vector<std::string>{"jit = off", "work_mem = '1GB'"}));
  EXPECT_EQ(all[1].series, "graph");
  EXPECT_EQ(all[1].label, "ef_search=10");
  EXPECT_EQ(all[2].label, "ef_search=20");
  EXPECT_EQ(all[2].target, "b");
  EXPECT_EQ(all[2].sql, "SELECT 5, 5");
  EXPECT_EQ(all[2].rows, 0u);
  EXPECT_EQ(all[2].sets,
            (std::vector<std::string>{"jit = off", "work_mem = '1GB'", "x = 1", "hnsw.ef_search = 20"}));
}

TEST(BenchSettings, MistakesAreNamed) {
  const auto message = [](const std::string& text) -> std::string {
    try {
      parse_settings(text, {}, 10);
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "no error";
  };
  EXPECT_EQ(message("sql = a\n[x]\ncolour = red\n"), "settings line 3: unknown key colour");
  EXPECT_EQ(message("sql\n"), "settings line 1: expected key = value");
  EXPECT_EQ(message("[x\n"), "settings line 1: a section is [name]");
  EXPECT_EQ(message("rows = 1k\n"), "settings line 1: rows takes a whole number");
  EXPECT_EQ(message("[x]\nset = a = 1\n"), "[x] has no sql");
  EXPECT_EQ(message("[x]\nsql = a\nsweep = b\n"), "[x] sweep is not name = value, value...");
}

Arguments parse(std::vector<const char*> words) {
  words.insert(words.begin(), "program");
  return Arguments(static_cast<int>(words.size()), const_cast<char**>(words.data()), "usage text\n",
                   {"in", "set", "rows", "noise"}, {"linear"});
}

TEST(BenchArguments, Values) {
  const Arguments a =
      parse({"--in", "x", "--set", "a=1", "--linear", "--set", "b=2", "--rows", "12", "--noise", "0.5"});
  EXPECT_EQ(a.required("in"), "x");
  EXPECT_EQ(a.all("set"), (std::vector<std::string>{"a=1", "b=2"}));
  EXPECT_EQ(a.text("set", ""), "b=2");
  EXPECT_TRUE(a.has("linear"));
  EXPECT_EQ(a.count("rows", 1), 12u);
  EXPECT_EQ(a.number("noise", 0), 0.5);
  const Arguments none = parse({});
  EXPECT_FALSE(none.has("linear"));
  EXPECT_EQ(none.count("rows", 9), 9u);
  EXPECT_EQ(none.text("in", "d"), "d");
  EXPECT_TRUE(none.all("set").empty());
}

TEST(BenchArgumentsDeathTest, MistakesEndTheProgram) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(parse({"--colour", "red"}), testing::ExitedWithCode(2), "unknown option.*--colour\nusage text");
  EXPECT_EXIT(parse({"file"}), testing::ExitedWithCode(2), "unexpected word: file");
  EXPECT_EXIT(parse({"--in"}), testing::ExitedWithCode(2), "missing value: --in");
  EXPECT_EXIT(parse({}).required("in"), testing::ExitedWithCode(2), "--in is required");
  EXPECT_EXIT(parse({"--rows", "-1"}).count("rows", 1), testing::ExitedWithCode(2), "whole number, not -1");
  EXPECT_EXIT(parse({"--rows", "1e6"}).count("rows", 1), testing::ExitedWithCode(2), "whole number, not 1e6");
  EXPECT_EXIT(parse({"--noise", "much"}).number("noise", 1), testing::ExitedWithCode(2),
              "a number, not much");
  EXPECT_EXIT(parse({"--help"}), testing::ExitedWithCode(0), "usage text");
}

}  // namespace
}  // namespace lowdim::bench
