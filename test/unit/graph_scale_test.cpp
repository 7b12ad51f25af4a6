// Tables whose rows live at different scales: which rows the code of a graph is trained on
// (core/graph/scale_sample), and that codes and tables then tell near rows of every scale apart.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/base/random.h"
#include "core/graph/scale_sample.h"
#include "core/graph/train.h"

namespace lowdim::core {
namespace {

// n rows about a point that is far from the origin.
void add_rows(size_t n, size_t dims, double scale, Random& random, std::vector<float>& out) {
  for (size_t i = 0; i < n * dims; ++i) out.push_back(static_cast<float>(5 + scale * random.normal()));
}

std::vector<uint32_t> times(const std::vector<float>& rows, size_t dims) {
  const size_t n = rows.size() / dims;
  std::vector<uint32_t> out(n);
  const std::vector<uint32_t> drawn = sample_by_scale({rows.data(), n, dims}, {});
  EXPECT_EQ(drawn.size(), n);
  EXPECT_TRUE(std::is_sorted(drawn.begin(), drawn.end()));
  for (const uint32_t i : drawn) ++out.at(i);
  return out;
}

double mean_of(const std::vector<uint32_t>& times, size_t from, size_t to) {
  return std::accumulate(times.begin() + static_cast<std::ptrdiff_t>(from),
                         times.begin() + static_cast<std::ptrdiff_t>(to), 0.0) /
         static_cast<double>(to - from);
}

TEST(ScaleSample, NarrowRowsComeMoreOften) {
  constexpr size_t kDims = 16;
  Random random(1);
  std::vector<float> rows;
  add_rows(600, kDims, 1, random, rows);
  add_rows(600, kDims, 0.25, random, rows);
  const std::vector<uint32_t> drawn = times(rows, kDims);
  const double ratio = mean_of(drawn, 600, 1200) / mean_of(drawn, 0, 600);
  EXPECT_GT(ratio, 8);  // 16, but for what 256 rows show of it
  EXPECT_LT(ratio, 24);
}

TEST(ScaleSample, EqualRowsAreNoNeighbours) {
  constexpr size_t kDims = 16;
  Random random(5);
  std::vector<float> rows;
  add_rows(600, kDims, 1, random, rows);
  std::vector<float> narrow;
  add_rows(20, kDims, 0.25, random, narrow);
  for (int i = 0; i < 30; ++i) rows.insert(rows.end(), narrow.begin(), narrow.end());
  const std::vector<uint32_t> drawn = times(rows, kDims);
  EXPECT_GT(mean_of(drawn, 600, 1200), 4 * mean_of(drawn, 0, 600));
}

TEST(ScaleSample, OneScaleKeepsNearlyAllRows) {
  constexpr size_t kDims = 64;
  Random random(2);
  std::vector<float> rows;
  add_rows(1000, kDims, 3, random, rows);
  const std::vector<uint32_t> drawn = times(rows, kDims);
  EXPECT_GT(std::count_if(drawn.begin(), drawn.end(), [](uint32_t c) { return c == 1; }), 950);
  EXPECT_LE(*std::max_element(drawn.begin(), drawn.end()), 3u);
}

TEST(ScaleSample, NothingTakesOver) {
  constexpr size_t kDims = 8;
  Random random(3);
  std::vector<float> rows;
  add_rows(700, kDims, 1, random, rows);
  add_rows(30, kDims, 1e-6, random, rows);  // nearly equal
  for (size_t i = 0; i < 270 * kDims; ++i) rows.push_back(1);
  for (size_t i = 0; i < kDims; ++i) rows.push_back(1e18f);
  const std::vector<uint32_t> drawn = times(rows, kDims);
  EXPECT_GT(mean_of(drawn, 0, 700), 0.3);
  EXPECT_LE(*std::max_element(drawn.begin(), drawn.end()), 33u);
  EXPECT_LT(mean_of(drawn, 730, 1000), 3);  // equal rows have no distance to go by but that to others
}

TEST(ScaleSample, OddRows) {
  constexpr float kInf = std::numeric_limits<float>::infinity(),
                  kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(times({7}, 1), std::vector<uint32_t>(1, 1));
  EXPECT_EQ(times(std::vector<float>(50, 2), 1), std::vector<uint32_t>(50, 1));
  EXPECT_EQ(times({kNan, kNan}, 1), std::vector<uint32_t>(2, 1));
  const std::vector<uint32_t> drawn = times({1, kInf, kNan, 2, 3e38f, -3e38f}, 1);
  EXPECT_EQ(std::accumulate(drawn.begin(), drawn.end(), 0u), 6u);
}

// Groups of rows in subspaces of 4 to 64 dimensions about one point, the flat ones narrow: the share of each
// query's ten nearest rows among the 40 that come first by code.
TEST(GraphCodeScales, EveryScaleIsTold) {
  constexpr size_t kGroups = 5, kEach = 800, kDims = 64, kQueries = 20, kNear = 10, kFirst = 40;
  Random random(4);
  std::vector<float> base, queries;
  for (size_t g = 0; g < kGroups; ++g) {
    const size_t flat = size_t{4} << g;
    std::vector<double> frame(kDims * flat);
    for (double& a : frame) a = random.normal();
    for (size_t i = 0; i < kEach + kQueries; ++i) {
      std::vector<double> z(flat);
      for (double& v : z) v = random.normal();
      for (size_t d = 0; d < kDims; ++d) {
        (i < kEach ? base : queries)
            .push_back(static_cast<float>(std::inner_product(z.begin(), z.end(), &frame[d * flat], 0.0)));
      }
    }
  }
  constexpr size_t kN = kGroups * kEach;
  GraphCodeOptions options;
  options.segments = 16;
  const std::vector<uint8_t> image = train_graph_code({base.data(), kN, kDims}, options, {});
  GraphCode code;
  ASSERT_TRUE(GraphCode::open(image.data(), image.size(), &code));
  std::vector<float> scratch(code.scratch_floats());
  std::vector<uint8_t> codes(kN * code.code_bytes()), entries(16 * code.all_segments());
  for (size_t i = 0; i < kN; ++i)
    code.encode(&base[i * kDims], scratch.data(), &codes[i * code.code_bytes()]);
  const double least[kGroups] = {0.95, 0.85, 0.45, 0.5, 0.6};
  for (size_t g = 0; g < kGroups; ++g) {
    size_t good = 0;
    double step = 0, nearest = 0;
    for (size_t q = g * kQueries; q < (g + 1) * kQueries; ++q) {
      GraphTables tables{entries.data(), 0, 0};
      code.tables(&queries[q * kDims], scratch.data(), &tables);
      std::vector<std::pair<double, size_t>> exact, coded;
      for (size_t i = 0; i < kN; ++i) {
        double d = 0;
        for (size_t j = 0; j < kDims; ++j) {
          const double x = static_cast<double>(queries[q * kDims + j] - base[i * kDims + j]);
          d += x * x;
        }
        uint32_t sum = 0;
        const uint8_t* c = &codes[i * code.code_bytes()];
        for (uint32_t s = 0; s < code.all_segments(); ++s)
          sum += entries[16 * s + (c[s / 2] >> (4 * (s % 2)) & 15)];
        exact.emplace_back(d, i);
        coded.emplace_back(sum, i);
      }
      std::sort(exact.begin(), exact.end());
      std::sort(coded.begin(), coded.end());
      step += static_cast<double>(tables.step) / kQueries;
      nearest += exact[kNear].first / kQueries;
      for (size_t i = 0; i < kNear; ++i) {
        good += static_cast<size_t>(std::count_if(coded.begin(), coded.begin() + kFirst, [&](const auto& c) {
          return c.second == exact[i].second;
        }));
      }
    }
    const double share = static_cast<double>(good) / (kQueries * kNear);
    EXPECT_GT(share, least[g]) << g;
    EXPECT_LT(step, 0.2 * nearest) << g;
  }
}

}  // namespace
}  // namespace lowdim::core
