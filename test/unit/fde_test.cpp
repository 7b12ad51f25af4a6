// Fixed-dimensional encodings: the identities that hold exactly, a slow encoding written from the definition,
// the same bits on every level, and what the random projections keep on average. Vectors of small whole
// numbers make sums, halves and quarters exact, so that most comparisons are to the bit.

#include "core/multi/fde.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/simd/kernels.h"
#include "core/vec/limits.h"

namespace lowdim::core {
namespace {

struct Set {
  std::vector<float> x;
  uint32_t dims;
  MultiView view() const { return {x.data(), static_cast<uint32_t>(x.size() / dims), dims}; }
  const float* operator[](size_t i) const { return x.data() + i * dims; }
  size_t size() const { return x.size() / dims; }
};

Set whole_numbers(uint32_t n, uint32_t dims, uint64_t seed) {
  Set set{{}, dims};
  Random random(seed);
  for (size_t i = 0; i < size_t{n} * dims; ++i)
    set.x.push_back(static_cast<float>(static_cast<int>(random.below(17)) - 8));
  return set;
}

Set joined(const Set& a, const Set& b) {
  Set both = a;
  both.x.insert(both.x.end(), b.x.begin(), b.x.end());
  return both;
}

std::vector<float> document(const FdeOptions& options, const Set& set) {
  FdeEncoder encoder(options, set.dims);
  std::vector<float> out(encoder.out_dims(), 77.0f);
  encoder.document(set.view(), out.data(), Stop{});
  return out;
}

std::vector<float> query(const FdeOptions& options, const Set& set) {
  FdeEncoder encoder(options, set.dims);
  std::vector<float> out(encoder.out_dims(), 77.0f);
  encoder.query(set.view(), out.data(), Stop{});
  return out;
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

double maxsim(const Set& d, const Set& q) {
  std::vector<float> best(q.size());
  max_matches(d.view(), q.view(), best.data(), nullptr, Stop{});
  return sum_matches(best.data(), static_cast<uint32_t>(q.size()));
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

FdeOptions options(uint32_t repetitions, uint32_t k_sim, uint32_t d_proj, uint32_t final_dims = 0) {
  FdeOptions o;
  o.repetitions = repetitions;
  o.k_sim = k_sim;
  o.d_proj = d_proj;
  o.final_dims = final_dims;
  return o;
}

// Every block of a document of one vector holds that vector, so each query vector meets it once a repetition.
TEST(Fde, OneVectorGivesRepetitionsTimesMaxsim) {
  for (const uint32_t k : {0u, 1u, 5u}) {
    const Set d = whole_numbers(1, 12, 1), q = whole_numbers(7, 12, 2);
    const FdeOptions o = options(9, k, 12);
    EXPECT_EQ(dot(query(o, q), document(o, d)), 9 * maxsim(d, q));
  }
}

TEST(Fde, WithoutPartitionSumMeetsMean) {
  const Set d = whole_numbers(8, 12, 3), q = whole_numbers(5, 12, 4);  // eight: the mean is exact
  double expected = 0;
  for (uint32_t j = 0; j < 12; ++j) {
    double sum = 0, mean = 0;
    for (size_t i = 0; i < q.size(); ++i) sum += static_cast<double>(q[i][j]);
    for (size_t i = 0; i < d.size(); ++i) mean += static_cast<double>(d[i][j]) / 8;
    expected += sum * mean;
  }
  EXPECT_EQ(dot(query(options(1, 0, 12), q), document(options(1, 0, 12), d)), expected);
}

TEST(Fde, QueriesAreLinear) {
  const Set a = whole_numbers(6, 40, 5), b = whole_numbers(11, 40, 6);
  for (const FdeOptions& o : {options(3, 4, 40), options(3, 4, 16), options(3, 4, 16, 100)}) {
    std::vector<float> sum = query(o, a);
    const std::vector<float> more = query(o, b);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
    const std::vector<float> both = query(o, joined(a, b));
    for (size_t i = 0; i < sum.size(); ++i) ASSERT_EQ(sum[i], both[i]);
  }
}

TEST(Fde, DocumentsIgnoreDuplication) {
  const Set a = whole_numbers(13, 40, 7);
  for (const FdeOptions& o : {options(3, 3, 40), options(3, 3, 16), options(3, 3, 16, 100)})
    EXPECT_TRUE(same_bits(document(o, a), document(o, joined(a, a))));
}

TEST(Fde, QueriesAreNeverFilled) {
  FdeOptions o = options(3, 3, 8);
  o.fill_empty = FillEmpty::kOn;
  const Set a = whole_numbers(3, 16, 8);
  EXPECT_TRUE(same_bits(document(o, a), document(options(3, 3, 8), a)));
  try {
    query(o, a);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kInvalidParameter);
  }
  // One vector, one block of eight in each repetition.
  const std::vector<float> q = query(options(3, 3, 8), whole_numbers(1, 16, 9));
  EXPECT_LE(std::count_if(q.begin(), q.end(), [](float x) { return x != 0; }), 3 * 8);
}

// The definition, block by block and vector by vector.
std::vector<float> slow_document(const FdeOptions& o, const Set& set) {
  FdeEncoder encoder(o, set.dims);
  std::vector<float> out;
  const uint32_t n = static_cast<uint32_t>(set.size());
  std::vector<uint32_t> block_of(n);
  for (uint32_t r = 0; r < o.repetitions; ++r) {
    encoder.blocks(set.view(), r, block_of.data());
    for (uint32_t b = 0; b < 1u << o.k_sim; ++b) {
      std::vector<double> sum(set.dims);
      int members = 0, least = 99;
      uint32_t nearest = 0;
      for (uint32_t i = 0; i < n; ++i) {
        const int differing = std::popcount(block_of[i] ^ b);
        if (differing < least) least = differing, nearest = i;
        if (differing != 0) continue;
        ++members;
        for (uint32_t j = 0; j < set.dims; ++j) sum[j] += static_cast<double>(set[i][j]);
      }
      for (uint32_t j = 0; j < set.dims; ++j) {
        const float filling = o.fill_empty == FillEmpty::kOff ? 0.0f : set[nearest][j];
        out.push_back(members > 0 ? static_cast<float>(sum[j] / members) : filling);
      }
    }
  }
  return out;
}

TEST(Fde, DocumentsAreWhatTheDefinitionSays) {
  for (const uint32_t n : {1u, 2u, 5u, 40u, 300u}) {
    for (const uint32_t k : {0u, 1u, 4u, 7u}) {
      const Set set = whole_numbers(n, 6, 10 + n + k);
      FdeOptions o = options(11, k, 6);
      EXPECT_TRUE(same_bits(document(o, set), slow_document(o, set))) << n << ' ' << k;
      o.fill_empty = FillEmpty::kOff;
      EXPECT_TRUE(same_bits(document(o, set), slow_document(o, set))) << n << ' ' << k;
    }
  }
}

TEST(Fde, BlocksAreUsedEvenly) {
  std::mt19937_64 random(5);
  std::normal_distribution<float> normal;
  Set set{{}, 200};
  for (int i = 0; i < 200 * 8000; ++i) set.x.push_back(normal(random));
  FdeEncoder encoder(options(3, 3, 200), 200);
  std::vector<uint32_t> block_of(8000);
  for (uint32_t r = 0; r < 3; ++r) {
    encoder.blocks(set.view(), r, block_of.data());
    std::vector<int> members(8);
    for (const uint32_t b : block_of) ++members[b];
    // Hyperplanes are not exactly orthogonal, so that blocks differ in size.
    for (const int count : members) EXPECT_NEAR(count, 1000, 350);
  }
}

TEST(Fde, CenterMovesThePartitionOnly) {
  const Set set = whole_numbers(50, 10, 20);
  FdeOptions o = options(4, 4, 10), centered = o;
  Set moved = set;
  for (uint32_t j = 0; j < 10; ++j) {
    centered.center.push_back(static_cast<float>(j) - 3);
    for (size_t i = 0; i < 50; ++i) moved.x[i * 10 + j] -= static_cast<float>(j) - 3;
  }
  FdeEncoder a(centered, 10), b(o, 10);
  std::vector<uint32_t> of_a(50), of_b(50), plain(50);
  uint32_t differ = 0;
  for (uint32_t r = 0; r < 4; ++r) {
    a.blocks(set.view(), r, of_a.data());
    b.blocks(moved.view(), r, of_b.data());
    EXPECT_EQ(of_a, of_b);
    b.blocks(set.view(), r, plain.data());
    differ += of_a != plain;
  }
  EXPECT_EQ(differ, 4u);
  EXPECT_TRUE(same_bits(document(centered, set), slow_document(centered, set)));
}

// Both projections keep inner products on average; over 400 seeds the mean is within a few standard errors.
TEST(Fde, ProjectionsKeepProductsOnAverage) {
  const Set d = whole_numbers(1, 64, 30), q = joined(d, whole_numbers(2, 64, 31));
  const double exact = maxsim(d, q);
  const double size = std::sqrt(dot(d.x, d.x)) * std::sqrt(dot(d.x, d.x)) * 3;
  for (const bool final : {false, true}) {
    double sum = 0, squares = 0;
    for (uint64_t seed = 0; seed < 400; ++seed) {
      FdeOptions o = options(1, 2, final ? 64 : 8, final ? 100 : 0);
      o.seed = seed;
      const double product = dot(query(o, q), document(o, d));
      sum += product / 400;
      squares += product * product / 400;
    }
    const double error = std::sqrt((squares - sum * sum) / 400);
    EXPECT_NEAR(sum, exact, 4 * error);
    EXPECT_LT(error, size / 20);
    EXPECT_GT(error, 0);
  }
}

TEST(Fde, SeedsDifferAndFirstRepetitionsStay) {
  const Set a = whole_numbers(9, 24, 40);
  FdeOptions o = options(5, 3, 8);
  const std::vector<float> five = document(o, a);
  o.repetitions = 12;
  std::vector<float> twelve = document(o, a);
  twelve.resize(five.size());
  EXPECT_TRUE(same_bits(five, twelve));
  o.repetitions = 5;
  o.seed = 2;
  EXPECT_FALSE(same_bits(five, document(o, a)));
}

uint64_t fingerprint(const std::vector<float>& x) {
  uint64_t h = x.size();
  for (const float f : x) h = mix64(h ^ std::bit_cast<uint32_t>(f)) + 0x9e3779b97f4a7c15u;
  return h;
}

TEST(Fde, SameBitsOnEveryLevelAndMachine) {
  Random random(50);
  Set set{{}, 100};
  for (int i = 0; i < 100 * 150; ++i) set.x.push_back(static_cast<float>(random.normal()));
  const FdeOptions direct = options(7, 5, 16);
  FdeOptions sketched = options(20, 6, 100, 777);
  sketched.center.assign(100, 0.25f);
  const simd::Level best = simd::detect();
  for (const simd::Level level : {simd::Level::kBase, simd::Level::kAvx2, simd::Level::kAvx512}) {
    if (simd::kernels_for(level) == nullptr) continue;
    simd::force(level);
    EXPECT_EQ(fingerprint(document(direct, set)), 6897968114552493291u);
    EXPECT_EQ(fingerprint(query(direct, set)), 17624155264153894394u);
    EXPECT_EQ(fingerprint(document(sketched, set)), 14342462622518042015u);
    EXPECT_EQ(fingerprint(query(sketched, set)), 13191880706869594072u);
  }
  simd::force(best);
}

TEST(Fde, UnalignedSetsAndManyVectors) {
  const Set set = whole_numbers(kMaxVectors, 3, 60);
  const std::unique_ptr<char[]> bytes(new char[4 * set.x.size() + 1]);
  std::memcpy(bytes.get() + 1, set.x.data(), 4 * set.x.size());
  FdeEncoder encoder(options(2, 6, 2), 3);
  std::vector<float> out(encoder.out_dims());
  encoder.document({reinterpret_cast<const float*>(bytes.get() + 1), kMaxVectors, 3}, out.data(), Stop{});
  EXPECT_TRUE(same_bits(out, document(options(2, 6, 2), set)));
  // An encoder that has seen a large set still encodes a small one.
  const Set small = whole_numbers(2, 3, 61);
  encoder.document(small.view(), out.data(), Stop{});
  EXPECT_TRUE(same_bits(out, document(options(2, 6, 2), small)));
}

TEST(Fde, Stops) {
  Stop stop;
  stop.asked = [](void*) { return true; };
  FdeEncoder encoder(options(2, 2, 2), 3);
  std::vector<float> out(encoder.out_dims());
  EXPECT_THROW(encoder.document(whole_numbers(3, 3, 1).view(), out.data(), stop), Stopped);
}

TEST(FdeDims, CountsAndRefuses) {
  EXPECT_EQ(fde_dims(options(20, 5, 16), 128), 10240u);
  EXPECT_EQ(fde_dims(options(20, 5, 16), 10), 6400u);  // nothing to project
  EXPECT_EQ(fde_dims(options(40, 6, 128, 5120), 128), 5120u);
  EXPECT_EQ(fde_dims(options(1, 16, 16000, 1), 2), 1u);
  const auto kind = [](const FdeOptions& o, uint32_t dims) {
    try {
      fde_dims(o, dims);
    } catch (const Error& e) {
      return e.kind();
    }
    return ErrorKind::kInternal;
  };
  EXPECT_EQ(kind(options(20, 5, 32), 128), ErrorKind::kLimit);
  EXPECT_EQ(kind(options(1000, 16, 16000, 10), 16000), ErrorKind::kLimit);
  EXPECT_EQ(kind(options(1000, 0, 4000, 10), 16000), ErrorKind::kLimit);  // 256 GB of signs
  EXPECT_EQ(kind(options(1000, 12, 1, 10), 16000), ErrorKind::kLimit);    // and 768 MB of hyperplanes
  FdeOptions o = options(1, 1, 1);
  o.center = {1, 2};
  EXPECT_EQ(kind(o, 3), ErrorKind::kData);
  EXPECT_EQ(fde_dims(o, 2), 2u);
}

TEST(FdeOptionsText, RoundTrips) {
  EXPECT_EQ(parse_fde_options("").text(), "repetitions=20 k_sim=5 d_proj=16 seed=1");
  EXPECT_EQ(parse_fde_options(" k_sim=4,\tseed=9007199254740991\n").text(),
            "repetitions=20 k_sim=4 d_proj=16 seed=9007199254740991");
  const std::string all =
      "repetitions=40 k_sim=6 d_proj=128 seed=0 final_dims=5120 fill_empty=off center=[0.1,-2,3e-05]";
  EXPECT_EQ(parse_fde_options(all).text(), all);
  EXPECT_EQ(parse_fde_options("center=[ 0.1 , -2 ] fill_empty=true").text(),
            "repetitions=20 k_sim=5 d_proj=16 seed=1 fill_empty=on center=[0.1,-2]");
  const OptionPair pairs[] = {
      {"d_proj", "8", false}, {"fill_empty", "false", false}, {"center", "[1]", true}};
  EXPECT_EQ(parse_fde_options(pairs, 3).text(),
            "repetitions=20 k_sim=5 d_proj=8 seed=1 fill_empty=off center=[1]");
}

TEST(FdeOptionsText, RefusesWhatItIsNot) {
  for (const char* text : {"x",
                           "k_sim",
                           "k_sim=",
                           "k_sim=17",
                           "k_sim=-1",
                           "k_sim=1.5",
                           "k_sim=1e400",
                           "k_sim=nan",
                           "k_sim=4 k_sim=4",
                           "=4",
                           "size=4",
                           "repetitions=0",
                           "repetitions=1001",
                           "d_proj=0",
                           "d_proj=16001",
                           "final_dims=16001",
                           "seed=9007199254740992",
                           "fill_empty=1",
                           "center=",
                           "center=[",
                           "center=[]",
                           "center=[nan]",
                           "center=1",
                           "k_sim=4;seed=1",
                           "{\"k_sim\":4}"}) {
    try {
      parse_fde_options(text);
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kInvalidParameter);
    }
  }
}

}  // namespace
}  // namespace lowdim::core
