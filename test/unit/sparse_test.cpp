// core/vec/sparse: the merge kernels against dense double sums, the order against the dense order, sort_pairs
// against std::sort, and SparseSum: sums, splits between workers, images and damaged images.

#include "core/vec/sparse.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <vector>

#include "core/base/error.h"
#include "core/vec/limits.h"
#include "core/vec/literal.h"

namespace lowdim::core {
namespace {

struct Owned {
  std::vector<int32_t> indices;
  std::vector<float> values;
  int32_t dims = 0;

  SparseView view() const {
    return {indices.data(), values.data(), static_cast<uint32_t>(indices.size()), dims};
  }
  std::vector<double> dense() const {
    std::vector<double> d(static_cast<size_t>(dims));
    for (size_t i = 0; i < indices.size(); ++i) d[static_cast<size_t>(indices[i])] = values[i];
    return d;
  }
};

class Source {
 public:
  explicit Source(uint64_t seed) : random_(seed) {}
  uint64_t below(uint64_t n) { return random_() % n; }
  float value() {
    const float v = std::normal_distribution<float>(0, 3)(random_);
    return v == 0 ? 1.0f : v;
  }
  Owned sparse(int32_t dims, double density) {
    Owned v;
    v.dims = dims;
    for (int32_t i = 0; i < dims; ++i) {
      if (std::uniform_real_distribution<>(0, 1)(random_) < density) {
        v.indices.push_back(i);
        v.values.push_back(value());
      }
    }
    return v;
  }

 private:
  std::mt19937_64 random_;
};

constexpr double kDensities[] = {0, 0.01, 0.1, 0.5, 0.9, 1};

TEST(Sparse, KernelsAgreeWithDenseSums) {
  Source source(1);
  for (int round = 0; round < 2000; ++round) {
    const auto dims = static_cast<int32_t>(1 + source.below(round % 10 == 0 ? 2000 : 40));
    const Owned a = source.sparse(dims, kDensities[source.below(6)]);
    const Owned b = source.sparse(dims, kDensities[source.below(6)]);
    const std::vector<double> x = a.dense();
    const std::vector<double> y = b.dense();
    double l2 = 0, l1 = 0, dot = 0, dot_size = 0, norm = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      l2 += (x[i] - y[i]) * (x[i] - y[i]);
      l1 += std::fabs(x[i] - y[i]);
      dot += x[i] * y[i];
      dot_size += std::fabs(x[i] * y[i]);
      norm += x[i] * x[i];
    }
    // float32 sums of up to 2,000 terms: relative to the sum of the terms' magnitudes.
    const double e = 1e-4;
    ASSERT_NEAR(sparse_l2sq(a.view(), b.view()), l2, e * l2);
    ASSERT_NEAR(sparse_l1(a.view(), b.view()), l1, e * l1);
    ASSERT_NEAR(sparse_dot(a.view(), b.view()), dot, e * dot_size);
    ASSERT_NEAR(sparse_norm2(a.view()), norm, 1e-12 * norm);
    ASSERT_EQ(sparse_l2sq(a.view(), a.view()), 0);
    ASSERT_EQ(sparse_l1(b.view(), b.view()), 0);
    ASSERT_EQ(sparse_l1(a.view(), b.view()), sparse_l1(b.view(), a.view()));
  }
}

TEST(Sparse, KernelsOfKnownValues) {
  const Owned a{{0, 2}, {3, 4}, 5};
  const Owned b{{2, 4}, {1, 2}, 5};
  const Owned none{{}, {}, 5};
  EXPECT_EQ(sparse_l2sq(a.view(), b.view()), 9 + 9 + 4);
  EXPECT_EQ(sparse_l1(a.view(), b.view()), 3 + 3 + 2);
  EXPECT_EQ(sparse_dot(a.view(), b.view()), 4);
  EXPECT_EQ(sparse_norm2(a.view()), 25);
  EXPECT_EQ(sparse_l2sq(a.view(), none.view()), 25);
  EXPECT_EQ(sparse_l1(none.view(), b.view()), 3);
  EXPECT_EQ(sparse_dot(none.view(), none.view()), 0);
  const Owned large{{0}, {3e38f}, 1};
  EXPECT_EQ(sparse_norm2(large.view()), 3e38f * static_cast<double>(3e38f));
}

int dense_order(const Owned& a, const Owned& b) {
  const std::vector<double> x = a.dense();
  const std::vector<double> y = b.dense();
  if (x == y) return 0;
  return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end()) ? -1 : 1;
}

int sign(int v) { return v < 0 ? -1 : v > 0; }

TEST(Sparse, OrderIsTheDenseOrder) {
  Source source(2);
  int equal = 0;
  for (int round = 0; round < 50000; ++round) {
    // Few dimensions and few values, so that prefixes agree often.
    const auto make = [&] {
      Owned v;
      v.dims = static_cast<int32_t>(1 + source.below(5));
      for (int32_t i = 0; i < v.dims; ++i) {
        const int x = static_cast<int>(source.below(4)) - 1;
        if (x <= 0 && source.below(2)) continue;
        v.indices.push_back(i);
        v.values.push_back(x == 0 ? 2.0f : static_cast<float>(x));
      }
      return v;
    };
    const Owned a = make();
    const Owned b = make();
    const int expected = dense_order(a, b);
    equal += expected == 0;
    ASSERT_EQ(sign(sparse_compare(a.view(), b.view())), expected) << round;
    ASSERT_EQ(sign(sparse_compare(b.view(), a.view())), -expected) << round;
  }
  EXPECT_GT(equal, 100);
}

TEST(Sparse, OrderOfWideVectors) {
  const Owned short_one{{3}, {1}, 10};
  const Owned long_one{{3, 999999999}, {1, -1}, 1000000000};
  EXPECT_LT(sparse_compare(short_one.view(), long_one.view()),
            0);  // equal over the common 10, then dimensions
  const Owned negative{{3, 9}, {1, -1}, 1000000000};
  EXPECT_GT(sparse_compare(short_one.view(), negative.view()), 0);
}

TEST(Sparse, SortPairsSortsAndKeepsPairsTogether) {
  Source source(3);
  for (int round = 0; round < 500; ++round) {
    const auto n = static_cast<uint32_t>(round < 100 ? round % 10 : source.below(2000));
    std::vector<int32_t> indices(n);
    std::vector<float> values(n);
    std::vector<std::pair<int32_t, float>> expected(n);
    const int shape = static_cast<int>(source.below(4));  // random, ascending, descending, many equal
    for (uint32_t i = 0; i < n; ++i) {
      const auto at = static_cast<int32_t>(i);
      indices[i] = shape == 0   ? static_cast<int32_t>(source.below(0x100000000))
                   : shape == 1 ? at
                   : shape == 2 ? -at
                                : static_cast<int32_t>(source.below(5));
      values[i] = source.value();
      expected[i] = {indices[i], values[i]};
    }
    sort_pairs(indices.data(), values.data(), n);
    ASSERT_TRUE(std::is_sorted(indices.begin(), indices.end()));
    std::vector<std::pair<int32_t, float>> sorted(n);
    for (uint32_t i = 0; i < n; ++i) sorted[i] = {indices[i], values[i]};
    std::sort(sorted.begin(), sorted.end());
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(sorted, expected);
  }
}

std::map<int32_t, double> contents(SparseSum& sum) {
  std::map<int32_t, double> out;
  int32_t previous = -1;
  for (const SparseSum::Entry& e : sum.total()) {
    EXPECT_LT(previous, e.index);
    EXPECT_NE(e.value, 0);
    previous = e.index;
    out[e.index] = e.value;
  }
  return out;
}

void expect_near(const std::map<int32_t, double>& a, const std::map<int32_t, double>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (auto x = a.begin(), y = b.begin(); x != a.end(); ++x, ++y) {
    ASSERT_EQ(x->first, y->first);
    ASSERT_NEAR(x->second, y->second, 1e-9);
  }
}

TEST(SparseSum, SumsAndCounts) {
  SparseSum sum;
  EXPECT_EQ(sum.rows(), 0u);
  EXPECT_TRUE(sum.total().empty());
  sum.add(Owned{{0, 2}, {1, 2}, 5}.view());
  sum.add(Owned{{2, 4}, {0.5f, 3}, 5}.view());
  sum.add(Owned{{}, {}, 5}.view());
  EXPECT_EQ(sum.rows(), 3u);
  EXPECT_EQ(sum.dims(), 5);
  EXPECT_EQ(contents(sum), (std::map<int32_t, double>{{0, 1}, {2, 2.5}, {4, 3}}));
  sum.add(Owned{{0, 1}, {-1, 1}, 5}.view());
  EXPECT_EQ(contents(sum), (std::map<int32_t, double>{{1, 1}, {2, 2.5}, {4, 3}})) << "sums of 0 are dropped";
}

TEST(SparseSum, DimensionsMustAgree) {
  SparseSum sum;
  sum.add(Owned{{0}, {1}, 5}.view());
  try {
    sum.add(Owned{{0}, {1}, 6}.view());
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(static_cast<int>(e.kind()), static_cast<int>(ErrorKind::kData));
    EXPECT_STREQ(e.what(), "expected 5 dimensions, not 6");
  }
  SparseSum other;
  other.add(Owned{{0}, {1}, 7}.view());
  EXPECT_THROW(sum.merge(other), Error);
  EXPECT_EQ(sum.rows(), 1u);
  EXPECT_EQ(contents(sum), (std::map<int32_t, double>{{0, 1}}));
}

TEST(SparseSum, ManyRowsInOneStateOrSplitBetweenWorkers) {
  Source source(4);
  const int32_t dims = 20000;
  SparseSum whole;
  SparseSum workers[3];
  std::map<int32_t, double> expected;
  for (int row = 0; row < 2000; ++row) {
    Owned v;
    v.dims = dims;
    for (int32_t i = static_cast<int32_t>(source.below(500)); i < dims;
         i += static_cast<int32_t>(1 + source.below(1000))) {
      v.indices.push_back(i);
      v.values.push_back(source.value());
      expected[i] += v.values.back();
    }
    whole.add(v.view());
    workers[source.below(3)].add(v.view());
    ASSERT_LT(whole.bytes(), 2000000u) << "memory follows the distinct indices, not the rows";
  }
  expect_near(contents(whole), expected);
  SparseSum total;
  for (SparseSum& w : workers) {
    const std::vector<uint8_t> image = w.image();
    total.merge(SparseSum::restore(image.data(), image.size()));
  }
  EXPECT_EQ(total.rows(), 2000u);
  EXPECT_EQ(total.dims(), dims);
  expect_near(contents(total), expected);
}

TEST(SparseSum, MergingWithAnEmptyState) {
  SparseSum a;
  SparseSum b;
  a.merge(b);
  EXPECT_EQ(a.rows(), 0u);
  b.add(Owned{{1}, {2}, 3}.view());
  a.merge(b);
  a.merge(SparseSum{});
  EXPECT_EQ(a.rows(), 1u);
  EXPECT_EQ(a.dims(), 3);
  EXPECT_EQ(contents(a), (std::map<int32_t, double>{{1, 2}}));
}

// The image's header: rows at 0, entries at 8, dims at 16, magic at 20; entries of 16 bytes from 24.
template <class T>
std::vector<uint8_t> with(std::vector<uint8_t> image, size_t offset, T value) {
  std::memcpy(image.data() + offset, &value, sizeof value);
  return image;
}

void expect_refused(const std::vector<uint8_t>& image, const char* what) {
  try {
    SparseSum::restore(image.data(), image.size());
    ADD_FAILURE() << what << ": accepted";
  } catch (const Error& e) {
    EXPECT_EQ(static_cast<int>(e.kind()), static_cast<int>(ErrorKind::kCorrupted)) << what;
  }
}

TEST(SparseSum, DamagedImagesAreRefused) {
  SparseSum sum;
  sum.add(Owned{{1, 3, 8}, {1, 2, 3}, 9}.view());
  const std::vector<uint8_t> good = sum.image();
  ASSERT_EQ(good.size(), 24u + 3 * 16);
  SparseSum back = SparseSum::restore(good.data(), good.size());
  EXPECT_EQ(contents(back), contents(sum));
  EXPECT_EQ(back.rows(), 1u);
  EXPECT_EQ(back.dims(), 9);

  for (size_t n = 0; n < good.size(); ++n) {
    expect_refused(std::vector<uint8_t>(good.begin(), good.begin() + static_cast<ptrdiff_t>(n)), "cut");
  }
  std::vector<uint8_t> longer = good;
  longer.resize(good.size() + 16);
  expect_refused(longer, "longer");
  expect_refused(with<uint32_t>(good, 20, 0x12345678), "magic");
  expect_refused(with<uint64_t>(good, 8, 2), "fewer entries");
  expect_refused(with<uint64_t>(good, 8, 0x1000000000000003), "entries that overflow a product");
  expect_refused(with<uint64_t>(good, 0, 0), "entries without rows");
  expect_refused(with<int32_t>(good, 16, 0), "no dimensions");
  expect_refused(with<int32_t>(good, 16, -9), "negative dimensions");
  expect_refused(with<int32_t>(good, 16, kMaxSparseDims + 1), "too many dimensions");
  expect_refused(with<int32_t>(good, 16, 8), "an index beyond the dimensions");
  expect_refused(with<int32_t>(good, 24, -1), "a negative index");
  expect_refused(with<int32_t>(good, 24, 3), "an index twice");
  expect_refused(with<int32_t>(good, 24, 5), "indices out of order");
  expect_refused(with<double>(good, 32, std::numeric_limits<double>::quiet_NaN()), "NaN");
  expect_refused(with<double>(good, 64, -std::numeric_limits<double>::infinity()), "infinity");

  SparseSum empty;
  const std::vector<uint8_t> none = empty.image();
  EXPECT_EQ(SparseSum::restore(none.data(), none.size()).rows(), 0u);
  expect_refused(with<int32_t>(none, 16, 3), "dimensions without rows");
  expect_refused(with<uint64_t>(none, 0, 1), "rows without dimensions");
}

}  // namespace
TEST(SparseSum, HoldsABoundedNumberOfElements) {
  const int32_t dims = 2000000;
  SparseSum sum;
  std::vector<int32_t> indices(16000);
  const std::vector<float> ones(indices.size(), 1.0f);
  const auto add_from = [&](int32_t first) {
    for (size_t i = 0; i < indices.size(); ++i) indices[i] = first + static_cast<int32_t>(i);
    sum.add({indices.data(), ones.data(), static_cast<uint32_t>(indices.size()), dims});
  };
  EXPECT_THROW(
      {
        for (int32_t row = 0; row < 100; ++row) add_from(row * 16000);
        sum.total();
      },
      Error);
}

}  // namespace lowdim::core
