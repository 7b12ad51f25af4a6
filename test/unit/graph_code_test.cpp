// The code that a graph is walked by (core/graph/code, train): estimates order vectors as their distances do,
// tables agree with decoded codes, images survive being read back and damage does not.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/graph/train.h"

namespace lowdim::core {
namespace {

// n vectors whose variance falls by half every `dims / 6` coordinates, about a mean that is not zero.
std::vector<float> vectors(size_t n, size_t dims, uint64_t seed) {
  Random random(seed);
  std::vector<float> out(n * dims);
  for (size_t i = 0; i < n; ++i) {
    for (size_t d = 0; d < dims; ++d) {
      const double scale = std::pow(0.5, 6.0 * static_cast<double>(d) / static_cast<double>(dims));
      out[i * dims + d] = static_cast<float>(3 + scale * random.normal());
    }
  }
  return out;
}

double distance(GraphMetric metric, const float* a, const float* b, size_t dims) {
  double sum = 0;
  for (size_t d = 0; d < dims; ++d) {
    const double x = a[d], y = b[d];
    sum += metric == GraphMetric::kL2   ? (x - y) * (x - y)
           : metric == GraphMetric::kL1 ? std::fabs(x - y)
                                        : -x * y;
  }
  return sum;
}

double estimate(const GraphCode& code, const GraphTables& tables, const uint8_t* c) {
  double sum = 0;
  for (uint32_t s = 0; s < code.all_segments(); ++s)
    sum += tables.entries[16 * s + (c[s / 2] >> (4 * (s % 2)) & 15)];
  return static_cast<double>(tables.bias) + static_cast<double>(tables.step) * sum;
}

class GraphCodeTest : public ::testing::TestWithParam<GraphMetric> {};

TEST_P(GraphCodeTest, EstimatesFollowDistances) {
  constexpr size_t kN = 3000, kDims = 48, kQueries = 20;
  const std::vector<float> base = vectors(kN, kDims, 1), queries = vectors(kQueries, kDims, 2);
  GraphCodeOptions options;
  options.metric = GetParam();
  options.segments = 40;
  const std::vector<uint8_t> image = train_graph_code({base.data(), kN, kDims}, options, {});
  GraphCode code;
  ASSERT_TRUE(GraphCode::open(image.data(), image.size(), &code));
  std::vector<float> scratch(code.scratch_floats());
  std::vector<uint8_t> codes(kN * code.code_bytes()), entries(16 * code.all_segments());
  for (size_t i = 0; i < kN; ++i)
    code.encode(&base[i * kDims], scratch.data(), &codes[i * code.code_bytes()]);
  for (size_t q = 0; q < kQueries; ++q) {
    GraphTables tables{entries.data(), 0, 0};
    code.tables(&queries[q * kDims], scratch.data(), &tables);
    double mean = 0, mean_estimate = 0, cross = 0, var = 0, var_estimate = 0, off = 0;
    for (size_t i = 0; i < kN; ++i) {
      const double d = distance(GetParam(), &queries[q * kDims], &base[i * kDims], kDims);
      const double e = estimate(code, tables, &codes[i * code.code_bytes()]);
      mean += d / kN;
      mean_estimate += e / kN;
      off += (d - e) * (d - e) / kN;
      cross += d * e / kN;
      var += d * d / kN;
      var_estimate += e * e / kN;
    }
    var -= mean * mean;
    const double r =
        (cross - mean * mean_estimate) / std::sqrt(var * (var_estimate - mean_estimate * mean_estimate));
    // L1's centroids are means and no medians, and it has no term for what rounding leaves.
    EXPECT_GT(r, GetParam() == GraphMetric::kL1 ? 0.9 : 0.98) << q;
    if (GetParam() != GraphMetric::kL1) {
      EXPECT_LT(std::sqrt(off), 0.25 * std::sqrt(var)) << q;
    }
  }
}

TEST_P(GraphCodeTest, RowsAndDecodedCodesAgreeWithDistances) {
  constexpr size_t kN = 2000, kDims = 24;
  const std::vector<float> base = vectors(kN, kDims, 3);
  GraphCodeOptions options;
  options.metric = GetParam();
  options.segments = 24;
  const std::vector<uint8_t> image = train_graph_code({base.data(), kN, kDims}, options, {});
  GraphCode code;
  ASSERT_TRUE(GraphCode::open(image.data(), image.size(), &code));
  std::vector<float> scratch(code.scratch_floats()), u(code.code_dims()), v(code.code_dims());
  std::vector<uint8_t> a(code.code_bytes()), b(code.code_bytes()), row_a(code.code_dims()),
      row_b(code.code_dims());
  float scale;
  std::memcpy(&scale, image.data() + offsetof(GraphCodeHead, row_scale), sizeof scale);
  double worst_row = 0, mean_code = 0, typical = 0;
  for (size_t i = 0; i + 1 < 400; i += 2) {
    const float *x = &base[i * kDims], *y = &base[(i + 1) * kDims];
    const double d = distance(GetParam(), x, y, kDims);
    code.encode(x, scratch.data(), a.data());
    code.encode(y, scratch.data(), b.data());
    code.decode(a.data(), u.data());
    code.decode(b.data(), v.data());
    const float between = code.distance_decoded(u.data(), code.decoded_term(a.data(), u.data()), v.data(),
                                                code.decoded_term(b.data(), v.data()));
    mean_code += std::fabs(static_cast<double>(between) - d) / 200;
    GraphRowTerms of_a, of_b;
    code.row(x, scratch.data(), row_a.data(), &of_a);
    code.row(y, scratch.data(), row_b.data(), &of_b);
    int64_t dot = 0;
    for (size_t k = 0; k < row_a.size(); ++k) dot += (row_a[k] - 128) * (row_b[k] - 128);
    // Of L2 and, halved, of inner products.
    const double units = static_cast<double>(of_a.add + of_b.add - 2 * dot) /
                         (static_cast<double>(scale) * static_cast<double>(scale));
    if (GetParam() == GraphMetric::kL2) worst_row = std::max(worst_row, std::fabs(units - d));
    if (GetParam() == GraphMetric::kInner) worst_row = std::max(worst_row, std::fabs(units / 2 - d));
    typical += std::fabs(d) / 200;
  }
  EXPECT_LT(worst_row, 0.1 * typical);
  EXPECT_LT(mean_code, 0.2 * typical);
}

INSTANTIATE_TEST_SUITE_P(Metrics, GraphCodeTest,
                         ::testing::Values(GraphMetric::kL2, GraphMetric::kInner, GraphMetric::kL1));

TEST(GraphCode, DamagedImagesAreRefusedOrHarmless) {
  const std::vector<float> base = vectors(300, 8, 4);
  const std::vector<uint8_t> image = train_graph_code({base.data(), 300, 8}, {}, {});
  GraphCode code;
  for (size_t n = 0; n < image.size(); ++n) EXPECT_FALSE(GraphCode::open(image.data(), n, &code)) << n;
  std::vector<float> scratch(4096);
  for (size_t bit = 0; bit < image.size() * 8; ++bit) {
    std::vector<uint8_t> flipped = image;
    flipped[bit / 8] = static_cast<uint8_t>(flipped[bit / 8] ^ 1u << bit % 8);
    if (!GraphCode::open(flipped.data(), flipped.size(), &code)) continue;
    ASSERT_LE(code.scratch_floats(), scratch.size());
    std::vector<uint8_t> out(code.code_bytes()), entries(16 * code.all_segments());
    GraphTables tables{entries.data(), 0, 0};
    code.encode(base.data(), scratch.data(), out.data());
    code.tables(base.data(), scratch.data(), &tables);
  }
}

TEST(GraphCode, BadTrainingIsAnError) {
  const std::vector<float> base = vectors(10, 4, 5);
  EXPECT_THROW(train_graph_code({base.data(), 0, 4}, {}, {}), Error);
  GraphCodeOptions options;
  options.segments = 0;
  EXPECT_THROW(train_graph_code({base.data(), 10, 4}, options, {}), Error);
  options.segments = GraphCode::kMaxSegments + 1;
  EXPECT_THROW(train_graph_code({base.data(), 10, 4}, options, {}), Error);
  const std::vector<float> huge(40, 3e38f);
  EXPECT_NO_THROW(train_graph_code({huge.data(), 10, 4}, {}, {}));  // all equal: nothing is left of them
}

TEST(GraphCode, FewAndEqualRowsCanBeTrainedOn) {
  for (const size_t n : {size_t{1}, size_t{2}, size_t{15}}) {
    const std::vector<float> base = vectors(n, 5, 6);
    const std::vector<uint8_t> image = train_graph_code({base.data(), n, 5}, {}, {});
    GraphCode code;
    EXPECT_TRUE(GraphCode::open(image.data(), image.size(), &code)) << n;
    EXPECT_EQ(code.segments(), GraphCode::kMostLifted);  // of five dimensions
  }
}

TEST(GraphCode, WideRowsOfFewAreTrainedOn) {
  // Many more dimensions than rows: no directions behind those that the rows span, but as many segments as
  // asked for, which is what pages have room for.
  for (const size_t n : {size_t{1}, size_t{2}, size_t{20}, size_t{90}}) {
    const std::vector<float> base = vectors(n, 600, 7);
    GraphCodeOptions options;
    options.segments = 30;
    const std::vector<uint8_t> image = train_graph_code({base.data(), n, 600}, options, {});
    GraphCode code;
    ASSERT_TRUE(GraphCode::open(image.data(), image.size(), &code)) << n;
    EXPECT_EQ(code.segments(), 30u) << n;
    EXPECT_LE(code.code_dims(), std::max<size_t>(30, n - 1)) << n;
    EXPECT_EQ(image, train_graph_code({base.data(), n, 600}, options, {})) << n;
  }
}

TEST(GraphCode, FlatVariancesSpreadOverAllDirections) {
  // Twice as many directions as segments do not do here: the first try must not be taken for the answer.
  constexpr size_t kN = 2000, kDims = 64;
  Random random(8);
  std::vector<float> base(kN * kDims);
  for (float& x : base) x = static_cast<float>(random.normal());
  GraphCodeOptions options;
  options.segments = 16;
  const std::vector<uint8_t> image = train_graph_code({base.data(), kN, kDims}, options, {});
  GraphCode code;
  ASSERT_TRUE(GraphCode::open(image.data(), image.size(), &code));
  EXPECT_GT(code.code_dims(), 2 * options.segments);
}

TEST(LaySegments, SpendsBitsWhereVarianceIs) {
  // Equal variances: as few coordinates as possible are left out.
  const std::vector<uint16_t> flat = lay_segments(std::vector<double>(32, 1.0), 16);
  EXPECT_EQ(flat.size(), 17u);
  EXPECT_EQ(flat.back(), 32);
  // Two coordinates with nearly all of it get four bits each.
  std::vector<double> steep(32, 0.01);
  steep[0] = steep[1] = 100;
  const std::vector<uint16_t> begins = lay_segments(steep, 8);
  EXPECT_EQ(begins.size(), 9u);
  EXPECT_EQ(begins[1], 1);
  EXPECT_EQ(begins[2], 2);
  for (const uint32_t dims : {1u, 2u, 3u, 7u}) {
    EXPECT_EQ(lay_segments(std::vector<double>(dims, 1.0), 64).back(), dims);
  }
}

}  // namespace
}  // namespace lowdim::core
