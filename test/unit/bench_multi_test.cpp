// The multi-vector sets of the benchmark: vectors of words mixed with their neighbours', MaxSim's ground
// truth against a plain loop, documents' files whole and damaged, and their wire format byte by byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "../../bench/data/maxsim_truth.h"
#include "../../bench/data/mixture.h"
#include "../../bench/data/mvecs.h"
#include "../../bench/data/random.h"
#include "../../bench/data/wire.h"
#include "../../bench/sql/queries.h"

namespace lowdim::bench {
namespace {

// Documents of 1 to `most` vectors. Small whole numbers have exact products and many ties; others are
// uniform.
MultiSet random_set(size_t documents, uint32_t dims, uint64_t most, uint64_t seed, bool whole) {
  Random random(seed);
  MultiSet set;
  set.dims = dims;
  for (size_t i = 0; i < documents; i++) {
    set.starts.push_back(set.starts.back() + 1 + random.below(most));
    while (set.x.size() < set.starts.back() * dims)
      set.x.push_back(whole ? static_cast<float>(random.below(5)) - 2
                            : static_cast<float>(2 * random.uniform() - 1));
  }
  return set;
}

long double plain_maxsim(const MultiSet& queries, size_t q, const MultiSet& base, size_t b) {
  long double sum = 0;
  for (uint32_t i = 0; i < queries.count(q); i++) {
    long double best = -std::numeric_limits<long double>::infinity();
    for (uint32_t j = 0; j < base.count(b); j++) {
      long double dot = 0;
      for (uint32_t d = 0; d < base.dims; d++)
        dot += static_cast<long double>(queries.document(q)[i * base.dims + d]) *
               base.document(b)[j * base.dims + d];
      best = std::max(best, dot);
    }
    sum += best;
  }
  return sum;
}

void expect_plain_scan(const MultiSet& base, const MultiSet& queries, size_t k, double tolerance) {
  const Truth truth = find_maxsim_truth(base, queries, k, 2);
  ASSERT_EQ(truth.ids.rows, queries.size());
  ASSERT_EQ(truth.ids.cols, std::min(k, base.size()));
  for (size_t q = 0; q < queries.size(); q++) {
    std::vector<std::pair<long double, int32_t>> plain;
    for (size_t b = 0; b < base.size(); b++)
      plain.emplace_back(-plain_maxsim(queries, q, base, b), static_cast<int32_t>(b));
    std::vector<std::pair<long double, int32_t>> sorted = plain;
    std::sort(sorted.begin(), sorted.end());
    std::vector<bool> seen(base.size());
    for (size_t i = 0; i < truth.ids.cols; i++) {
      const auto id = static_cast<size_t>(truth.ids.row(q)[i]);
      ASSERT_LT(id, base.size());
      ASSERT_FALSE(seen[id]) << "document " << id << " twice";
      seen[id] = true;
      ASSERT_NEAR(static_cast<double>(plain[id].first - sorted[i].first), 0, tolerance)
          << "query " << q << " rank " << i;
      if (tolerance == 0) {
        ASSERT_EQ(truth.ids.row(q)[i], sorted[i].second) << "ties go to the smaller document";
      }
      ASSERT_FLOAT_EQ(truth.distances.row(q)[i], static_cast<float>(plain[id].first));
    }
  }
}

// Sizes that fill no tile, lane or block; more queries than one group takes.
TEST(BenchMaxSim, LikeAPlainScan) {
  expect_plain_scan(random_set(500, 7, 11, 1, true), random_set(70, 7, 9, 2, true), 10, 0);
  expect_plain_scan(random_set(301, 33, 6, 3, false), random_set(9, 33, 40, 4, false), 10, 1e-13);
  expect_plain_scan(random_set(200, 1, 1, 5, true), random_set(3, 1, 1, 6, true), 10, 0);
}

// What the float pass finds is near enough to be certified: a mistake in it would only be slow, and go
// unseen.
TEST(BenchMaxSim, SeldomScansAgain) {
  EXPECT_EQ(
      find_maxsim_truth(random_set(3000, 33, 9, 3, false), random_set(70, 33, 9, 4, false), 10, 2).rescanned,
      0u);
}

TEST(BenchMaxSim, FewerDocumentsThanK) {
  expect_plain_scan(random_set(5, 4, 3, 7, true), random_set(4, 4, 5, 8, true), 10, 0);
}

// Differences far below a float's precision: only the certificate and the second scan get these right.
TEST(BenchMaxSim, NearTiesAreScannedAgain) {
  MultiSet base, queries;
  base.dims = queries.dims = 2;
  for (int i = 0; i < 400; i++) {
    base.x.insert(base.x.end(), {4096, 0x1p-9f * static_cast<float>(i), -4096, 0});
    base.starts.push_back(base.starts.back() + 2);
  }
  for (int q = 0; q < 3; q++) {
    queries.x.insert(queries.x.end(), {4096, 0x1p-9f});
    queries.starts.push_back(queries.starts.back() + 1);
  }
  const Truth truth = find_maxsim_truth(base, queries, 10, 1);
  EXPECT_EQ(truth.rescanned, 3u);
  for (int i = 0; i < 10; i++) EXPECT_EQ(truth.ids.row(2)[i], 399 - i);
}

TEST(BenchMaxSim, RefusesWhatHasNoAnswer) {
  const MultiSet some = random_set(5, 3, 2, 1, true);
  MultiSet none;
  none.dims = 3;
  EXPECT_THROW(find_maxsim_truth(some, random_set(5, 4, 2, 1, true), 1, 1), std::invalid_argument);
  EXPECT_THROW(find_maxsim_truth(none, some, 1, 1), std::invalid_argument);
  EXPECT_THROW(find_maxsim_truth(some, some, 0, 1), std::invalid_argument);
  EXPECT_EQ(find_maxsim_truth(some, none, 1, 1).ids.rows, 0u);
}

// By hand: unit vectors along three axes, whatever the lengths of the words'.
TEST(BenchMixture, KnownVectors) {
  const float x[] = {2, 0, 0}, y[] = {0, 0.5f, 0}, z[] = {0, 0, 10};
  std::vector<float> out;
  append_mixture({x, y, z}, 3, out);
  const double end = std::sqrt(0.7 * 0.7 + 0.15 * 0.15), middle = std::sqrt(0.7 * 0.7 + 2 * 0.15 * 0.15);
  const double expected[] = {0.7 / end,     0.15 / end, 0,          0.15 / middle, 0.7 / middle,
                             0.15 / middle, 0,          0.15 / end, 0.7 / end};
  ASSERT_EQ(out.size(), 9u);
  for (size_t i = 0; i < 9; i++) EXPECT_FLOAT_EQ(out[i], static_cast<float>(expected[i])) << i;
}

TEST(BenchMixture, AlongAndAppended) {
  const float x[] = {3, 4}, opposite[] = {-3, -4};
  std::vector<float> out{7};
  append_mixture({x}, 2, out);
  EXPECT_EQ(out, (std::vector<float>{7, 0.6f, 0.8f}));
  append_mixture({opposite, x, opposite}, 2, out);  // a word outweighs its neighbours
  EXPECT_FLOAT_EQ(out[5], 0.6f);
  EXPECT_EQ(out.size(), 9u);
}

TEST(BenchMixture, RefusesWhatHasNoDirection) {
  const float zero[] = {0, 0}, nan[] = {1, std::nanf("")}, inf[] = {HUGE_VALF, 1}, x[] = {1, 0};
  std::vector<float> out;
  for (const float* bad : {zero, nan, inf})
    EXPECT_THROW(append_mixture({x, bad}, 2, out), std::invalid_argument);
}

class BenchDocuments : public testing::Test {
 protected:
  void SetUp() override { path_ = testing::TempDir() + "bench_multi_test.mvecs"; }
  void TearDown() override { std::remove(path_.c_str()); }
  void write(const std::string& bytes) {
    File f = open_file(path_, "wb");
    ASSERT_EQ(std::fwrite(bytes.data(), 1, bytes.size(), f.get()), bytes.size());
  }
  void expect_refused(const std::string& bytes, const std::string& why) {
    write(bytes);
    try {
      read_mvecs(path_);
      ADD_FAILURE() << "read, though it " << why;
    } catch (const std::runtime_error& e) {
      EXPECT_EQ(e.what(), path_ + ": document " + why);
    }
  }
  std::string path_;
};

TEST_F(BenchDocuments, RoundTrip) {
  const MultiSet set = random_set(20, 5, 4, 9, false);
  write_mvecs(path_, set);
  const MultiSet all = read_mvecs(path_);
  EXPECT_EQ(all.x, set.x);
  EXPECT_EQ(all.starts, set.starts);
  EXPECT_EQ(all.dims, 5u);
  const MultiSet some = read_mvecs(path_, 7);
  EXPECT_EQ(some.size(), 7u);
  EXPECT_EQ(some.vectors(), set.starts[7]);
  EXPECT_EQ(some.count(6), set.count(6));
  EXPECT_TRUE(std::equal(some.x.begin(), some.x.end(), set.x.begin()));
  EXPECT_EQ(some.x.size(), set.starts[7] * 5);
  EXPECT_EQ(set.document(3), set.x.data() + set.starts[3] * 5);
}

// Two documents of one dimension: 1 and -2.5, then 2.
const std::string kTwo(
    "\x02\0\0\0\x01\0\0\0\0\0\x80\x3f\0\0\x20\xc0"
    "\x01\0\0\0\x01\0\0\0\0\0\0\x40",
    28);

TEST_F(BenchDocuments, LayoutIsTheKnownOne) {
  write(kTwo);
  const MultiSet set = read_mvecs(path_);
  EXPECT_EQ(set.starts, (std::vector<uint64_t>{0, 2, 3}));
  EXPECT_EQ(set.x, (std::vector<float>{1, -2.5f, 2}));
  write_mvecs(path_, set);
  File f = open_file(path_, "rb");
  char bytes[32];
  ASSERT_EQ(std::fread(bytes, 1, sizeof bytes, f.get()), kTwo.size());
  EXPECT_EQ(std::string(bytes, kTwo.size()), kTwo);
}

TEST_F(BenchDocuments, DamageIsNamed) {
  for (size_t length = 1; length < 16; length++) expect_refused(kTwo.substr(0, length), "0 is cut short");
  for (size_t length = 17; length < 28; length++) expect_refused(kTwo.substr(0, length), "1 is cut short");
  const auto header = [](uint32_t vectors, uint32_t dims) {
    std::string bytes;
    for (const uint32_t n : {vectors, dims})
      for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(n >> shift));
    return bytes;
  };
  expect_refused(header(0, 1), "0 has 0 vectors");
  expect_refused(kTwo + header(0xffffffff, 1), "2 has -1 vectors");
  expect_refused(header(1, 0), "0 has dimension 0");
  expect_refused(header(1, 0x80000000), "0 has dimension -2147483648");
  expect_refused(header(1, 1000001), "0 has dimension 1000001");
  expect_refused(kTwo + header(1, 2) + std::string(8, '\0'), "2 has another dimension");
  expect_refused(header(0x7fffffff, 1000000) + "abcd", "0 is cut short");  // takes no 8 PB to say so
  EXPECT_THROW(read_mvecs(path_ + ".absent"), std::runtime_error);
  write("");
  EXPECT_EQ(read_mvecs(path_).size(), 0u);
}

TEST(BenchWireMulti, KnownBytes) {
  const float x[] = {1.0f, -2.5f, 0.0f, 65504.0f};
  std::string out = "before";
  put_multivector(out, x, 2, 2);
  EXPECT_EQ(
      out, "before" +
               std::string("\0\0\0\x02\0\0\0\x02\0\0\0\0\x3f\x80\0\0\xc0\x20\0\0\0\0\0\0\x47\x7f\xe0\0", 28));
}

TEST_F(BenchDocuments, QueriesInBinary) {
  path_ += ".mvecs";
  write(kTwo);
  const Queries queries = Queries::read(path_, 10);
  std::remove(path_.c_str());
  ASSERT_EQ(queries.size(), 2u);
  EXPECT_EQ(queries.encode(0, {"multivector", "", 0}),
            std::string("\0\0\0\x01\0\0\0\x02\0\0\0\0\x3f\x80\0\0\xc0\x20\0\0", 20));
  // An array of one dimension without NULLs, of type 77, of two elements from 1: each 8 bytes, one dimension.
  EXPECT_EQ(queries.encode(0, {"_vector", "vector", 77}),
            std::string("\0\0\0\x01\0\0\0\0\0\0\0\x4d\0\0\0\x02\0\0\0\x01"
                        "\0\0\0\x08\0\x01\0\0\x3f\x80\0\0\0\0\0\x08\0\x01\0\0\xc0\x20\0\0",
                        44));
  EXPECT_EQ(queries.encode(1, {"_halfvec", "halfvec", 78}).substr(20),
            std::string("\0\0\0\x06\0\x01\0\0\x40\0", 10));
  for (const char* other : {"vector", "_int4", "text", "bit"})
    EXPECT_THROW(queries.encode(0, {other, "int4", 23}), std::runtime_error) << other;
}

TEST_F(BenchDocuments, QueriesOfOneVector) {
  path_ += ".fvecs";
  write(std::string("\x01\0\0\0\0\0\x80\x3f", 8));
  const Queries queries = Queries::read(path_, 10);
  std::remove(path_.c_str());
  ASSERT_EQ(queries.size(), 1u);
  EXPECT_EQ(queries.encode(0, {"vector", "", 0}), std::string("\0\x01\0\0\x3f\x80\0\0", 8));
  EXPECT_EQ(queries.encode(0, {"varbit", "", 0}), std::string("\0\0\0\x01\x80", 5));
  EXPECT_THROW(queries.encode(0, {"multivector", "", 0}), std::runtime_error);
  EXPECT_THROW(queries.encode(0, {"_vector", "vector", 77}), std::runtime_error);
}

}  // namespace
}  // namespace lowdim::bench
