// Codec as a whole: every method trains, stores, comes back, estimates; specifications are checked; damage is
// found.

#include "core/codec/codec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/codec/cache.h"
#include "core/codec/train.h"

namespace lowdim::core {
namespace {

constexpr size_t kDims = 20;
constexpr size_t kRows = 800;
constexpr size_t kBudget = size_t{64} << 20;

// Correlated coordinates of falling variance, off the origin.
std::vector<float> rows(size_t n, uint64_t seed) {
  Random random(seed);
  std::vector<float> out(n * kDims);
  for (size_t i = 0; i < n; ++i) {
    double carry = 0;
    for (size_t j = 0; j < kDims; ++j) {
      carry = 0.6 * carry + random.normal();
      out[i * kDims + j] = static_cast<float>(carry * 4 / (1.0 + static_cast<double>(j) / 4) + 2);
    }
  }
  return out;
}

CodecSpec spec_of(const std::vector<std::pair<std::string, std::string>>& options) {
  std::vector<OptionPair> pairs;
  for (const auto& [key, value] : options) {
    const bool number = !value.empty() && (std::isdigit(static_cast<unsigned char>(value[0])) != 0);
    const bool boolean = value == "true" || value == "false";
    pairs.push_back({key, value, !number && !boolean});
  }
  return parse_options(pairs.data(), pairs.size());
}

std::unique_ptr<CodecTrainer> trained(const CodecSpec& spec, const std::vector<float>& data) {
  auto trainer = std::make_unique<CodecTrainer>();
  trainer->start(spec, kDims, kBudget);
  for (size_t i = 0; i < data.size() / kDims; ++i) trainer->add(data.data() + i * kDims, kDims);
  trainer->finish(Stop{});
  return trainer;
}

using Options = std::vector<std::pair<std::string, std::string>>;
struct Method {
  Options options;
  double tolerance;  // of the rms error of l2, relative to the mean distance
};

std::vector<Method> methods() {
  return {{{{"method", "float16"}}, 0.001},
          {{{"method", "int8"}}, 0.01},
          {{{"method", "lvq8"}}, 0.005},
          {{{"method", "lvq4"}}, 0.05},
          {{{"method", "lvq4x8"}}, 0.001},
          {{{"method", "lvq8x8"}}, 0.001},
          {{{"method", "optimized_scalar"}, {"bits", "4"}}, 0.06},
          {{{"method", "optimized_scalar"}}, 0.35},
          {{{"method", "rabitq"}, {"bits", "6"}}, 0.03},
          {{{"method", "rabitq"}}, 0.4},
          {{{"method", "osq"}, {"bits_per_dim", "5"}}, 0.04},
          {{{"method", "pq"}, {"m", "10"}, {"bits", "4"}}, 0.3},
          {{{"method", "opq"}, {"m", "10"}, {"bits", "4"}}, 0.3},
          {{{"method", "pca"}, {"dims", "16"}}, 0.1},
          {{{"method", "pca"}, {"dims", "16"}, {"then", "lvq8"}}, 0.1},
          {{{"method", "leanvec"}, {"dims", "16"}, {"then", "opq"}, {"then.m", "8"}}, 0.3},
          {{{"method", "rotation"}, {"then", "lvq8"}}, 0.01},
          {{{"method", "random_projection"}, {"dims", "20"}}, 1.0},
          {{{"method", "sparse_random_projection"}, {"dims", "20"}, {"then", "float16"}}, 1.5}};
}

TEST(Codec, EveryMethodEstimatesStoresAndComesBack) {
  const std::vector<float> data = rows(kRows, 1);
  const std::vector<float> queries = rows(5, 2);
  for (const Method& m : methods()) {
    const CodecSpec spec = spec_of(m.options);
    SCOPED_TRACE(spec.text());
    const auto trainer = trained(spec, data);
    const Codec& codec = trainer->finish(Stop{});
    const std::vector<uint8_t>& image = codec.image();
    const std::unique_ptr<Codec> copy = Codec::read(image.data(), image.size());
    EXPECT_EQ(copy->image(), image);
    EXPECT_EQ(copy->fingerprint(), codec.fingerprint());
    EXPECT_EQ(copy->info(), codec.info());

    double error = 0;
    double total = 0;
    std::vector<uint8_t> codes(kRows * codec.code_bytes());
    for (size_t i = 0; i < kRows; ++i) {
      uint8_t* code = codes.data() + i * codec.code_bytes();
      copy->encode(data.data() + i * kDims, code);
      std::vector<uint8_t> again(codec.code_bytes());
      codec.encode(data.data() + i * kDims, again.data());
      ASSERT_TRUE(std::equal(again.begin(), again.end(), code));
    }
    for (size_t q = 0; q < 5; ++q) {
      const float* query = queries.data() + q * kDims;
      const CodecQuery prepared(codec, query);
      std::vector<float> all(kRows);
      prepared.distances(CodecMetric::kL2, codes.data(), codec.code_bytes(), kRows, all.data());
      for (size_t i = 0; i < kRows; ++i) {
        double exact = 0;
        double inner = 0;
        for (size_t j = 0; j < kDims; ++j) {
          const double a = query[j];
          const double b = data[i * kDims + j];
          exact += (a - b) * (a - b);
          inner += a * b;
        }
        exact = std::sqrt(exact);
        const uint8_t* code = codes.data() + i * codec.code_bytes();
        const double l2 = prepared.l2(code);
        EXPECT_NEAR(l2, all[i], 1e-4 * (1 + l2));
        error += (l2 - exact) * (l2 - exact);
        total += exact;
        if (std::string(codec.bounds_kind()) == "certain") {
          const Interval b = prepared.bounds(CodecMetric::kL2, code);
          EXPECT_LE(b.low, exact);
          EXPECT_GE(b.high, exact);
          const Interval ip = prepared.bounds(CodecMetric::kInner, code);
          EXPECT_LE(ip.low, inner);
          EXPECT_GE(ip.high, inner);
        }
      }
    }
    EXPECT_LT(std::sqrt(error / (5 * kRows)), m.tolerance * total / (5 * kRows));
  }
}

TEST(Codec, OrderOfRowsAndWorkersDoNotMatter) {
  const std::vector<float> data = rows(kRows, 3);
  const CodecSpec spec = spec_of({{"method", "pq"}, {"m", "5"}, {"bits", "4"}});
  const auto whole = trained(spec, data);
  CodecTrainer left;
  CodecTrainer right;
  left.start(spec, kDims, kBudget);
  right.start(spec, kDims, kBudget);
  for (size_t i = kRows; i-- > 0;) (i % 3 == 0 ? left : right).add(data.data() + i * kDims, kDims);
  CodecTrainer sent;
  const std::vector<uint8_t> image = right.image();
  sent.restore(image.data(), image.size());
  CodecTrainer total;
  total.merge(sent);
  total.merge(left);
  const Codec& merged = total.finish(Stop{});
  // The means are summed in another order; codes of a sample agree but for that rounding.
  const Codec& direct = whole->finish(Stop{});
  size_t different = 0;
  std::vector<uint8_t> a(direct.code_bytes());
  std::vector<uint8_t> b(direct.code_bytes());
  for (size_t i = 0; i < kRows; ++i) {
    direct.encode(data.data() + i * kDims, a.data());
    merged.encode(data.data() + i * kDims, b.data());
    different += !std::equal(a.begin() + sizeof(float), a.end(), b.begin() + sizeof(float));
  }
  EXPECT_LT(different, kRows / 100);
}

TEST(Codec, EveryDamageIsFound) {
  const std::vector<float> data = rows(100, 4);
  const auto trainer = trained(spec_of({{"method", "lvq8"}}), data);
  const std::vector<uint8_t> image = trainer->finish(Stop{}).image();
  for (size_t n = 0; n < image.size(); ++n) EXPECT_THROW(Codec::read(image.data(), n), Error) << n;
  for (size_t bit = 0; bit < image.size() * 8; ++bit) {
    std::vector<uint8_t> damaged = image;
    damaged[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_THROW(Codec::read(damaged.data(), damaged.size()), Error) << bit;
  }
}

TEST(Codec, StopsWhenAsked) {
  const std::vector<float> data = rows(kRows, 5);
  for (const char* method : {"pq", "opq", "osq", "pca"}) {
    CodecTrainer trainer;
    trainer.start(spec_of({{"method", method}}), kDims, kBudget);
    for (size_t i = 0; i < kRows; ++i) trainer.add(data.data() + i * kDims, kDims);
    EXPECT_THROW(trainer.finish(Stop{[](void*) { return true; }, nullptr}), Stopped) << method;
  }
}

// By cosine, long queries are no more important than short ones, and zero ones ask for nothing.
TEST(Codec, SampleQueriesCountByDirectionWhereRowsAreNormalized) {
  const std::vector<float> data = rows(kRows, 6);
  const std::vector<float> queries = rows(50, 7);
  const auto image = [&](const char* normalize, bool uneven) {
    CodecTrainer trainer;
    trainer.start(spec_of({{"method", "leanvec"}, {"dims", "5"}, {"normalize", normalize}}), kDims, kBudget);
    for (size_t i = 0; i < kRows; ++i) trainer.add(data.data() + i * kDims, kDims);
    for (size_t i = 0; i < 50; ++i) {
      std::vector<float> q(queries.data() + i * kDims, queries.data() + (i + 1) * kDims);
      for (float& v : q) v *= uneven && i % 7 == 0 ? 64.0f : 1.0f;
      trainer.add_query(q.data(), kDims);
    }
    if (uneven) trainer.add_query(std::vector<float>(kDims).data(), kDims);
    return trainer.finish(Stop{}).image();
  };
  EXPECT_EQ(image("true", true), image("true", false));
  EXPECT_NE(image("false", true), image("false", false));
}

TEST(Codec, SpecificationsAreChecked) {
  const auto refused = [](const Options& options) {
    try {
      CodecTrainer trainer;
      trainer.start(spec_of(options), kDims, kBudget);
    } catch (const Error& e) {
      return e.kind() == ErrorKind::kInvalidParameter;
    }
    return false;
  };
  EXPECT_FALSE(refused({{"method", "lvq8"}, {"seed", "7"}, {"sample", "500"}}));
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({{"method", "zip"}}));
  EXPECT_TRUE(refused({{"method", "lvq8"}, {"bits", "4"}}));
  EXPECT_TRUE(refused({{"method", "pca"}, {"dims", "21"}}));
  EXPECT_TRUE(refused({{"method", "pq"}, {"m", "21"}}));
  EXPECT_TRUE(refused({{"method", "pca"}, {"then", "rotation"}}));
  EXPECT_TRUE(refused({{"method", "lvq8"}, {"then", "pq"}}));
  EXPECT_TRUE(refused({{"method", "lvq8"}, {"colour", "red"}}));
  CodecTrainer trainer;
  EXPECT_THROW(trainer.start(spec_of({{"method", "pca"}}), 16000, kBudget), Error);  // 1 GB of moments
}

TEST(CodecCache, KeepsWhatItWasAskedForLast) {
  const std::vector<float> data = rows(100, 6);
  const auto trainer = trained(spec_of({{"method", "lvq8"}}), data);
  const Codec& codec = trainer->finish(Stop{});
  CodecCache cache;
  EXPECT_EQ(cache.find("a", 1), nullptr);
  const Codec* loaded = cache.load("a", 1, codec.image().data(), codec.image().size());
  EXPECT_EQ(cache.find("a", 1), loaded);
  EXPECT_EQ(cache.find("b", 1), nullptr);
  const CodecQuery* first = cache.query(data.data());
  EXPECT_EQ(cache.query(data.data()), first);
  std::vector<uint8_t> code(codec.code_bytes());
  codec.encode(data.data(), code.data());
  const double other = cache.query(data.data() + kDims)->l2(code.data());
  EXPECT_NE(other, CodecQuery(codec, data.data()).l2(code.data()));
  EXPECT_THROW(cache.load("c", 1, code.data(), code.size()), Error);
  EXPECT_EQ(cache.find("a", 1), nullptr);
}

}  // namespace
}  // namespace lowdim::core
