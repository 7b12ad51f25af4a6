// The same rows in another order (core/graph/content_order) give the same code and, from one thread, the same
// graph but for the numbers of its nodes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <set>
#include <vector>

#include "core/base/random.h"
#include "core/graph/build.h"
#include "core/graph/content_order.h"
#include "core/graph/train.h"

namespace lowdim::core {
namespace {

constexpr size_t kRows = 6000, kDims = 12;  // enough for a tour by neighbourhoods

std::vector<float> rows(size_t n) {
  Random random(1);
  std::vector<float> out(n * kDims);
  for (float& x : out) x = static_cast<float>(random.normal());
  return out;
}
std::vector<uint32_t> permutation(size_t n, uint64_t seed) {
  Random random(seed);
  std::vector<uint32_t> out(n);
  std::iota(out.begin(), out.end(), 0u);
  for (size_t i = n; i > 1; --i) std::swap(out[i - 1], out[random.below(i)]);
  return out;
}
std::vector<float> permuted(const std::vector<float>& in, const std::vector<uint32_t>& order) {
  std::vector<float> out(in.size());
  for (size_t i = 0; i < order.size(); ++i) std::copy_n(&in[order[i] * kDims], kDims, &out[i * kDims]);
  return out;
}

TEST(ContentOrder, IsAPermutationThatFollowsTheSeed) {
  const std::vector<float> base = rows(500);
  std::vector<uint32_t> order = order_by_content({base.data(), 500, kDims}, 1);
  EXPECT_NE(order, order_by_content({base.data(), 500, kDims}, 2));
  // No trend: neighbours in the order are strangers.
  size_t rising = 0;
  for (size_t i = 1; i < order.size(); ++i) rising += base[order[i - 1] * kDims] < base[order[i] * kDims];
  EXPECT_NEAR(static_cast<double>(rising), 250, 50);
  std::sort(order.begin(), order.end());
  for (uint32_t i = 0; i < 500; ++i) ASSERT_EQ(order[i], i);
}

TEST(ContentOrder, SortsInPlace) {
  for (const size_t n : {size_t{0}, size_t{1}, size_t{2}, size_t{777}}) {
    std::vector<float> base = rows(n);
    if (n > 10) std::copy_n(&base[3 * kDims], 4 * kDims, &base[9 * kDims]);  // equal rows
    const std::vector<float> wanted = permuted(base, order_by_content({base.data(), n, kDims}, 5));
    std::vector<float> other = permuted(base, permutation(n, 2));
    sort_by_content(base.data(), n, kDims, 5);
    sort_by_content(other.data(), n, kDims, 5);
    EXPECT_EQ(base, wanted) << n;
    EXPECT_EQ(other, wanted) << n;
  }
}

// Of each row, by its place in `rows`, the places of its neighbours.
std::vector<std::set<uint32_t>> graph_of(const std::vector<float>& table,
                                         const std::vector<uint32_t>& places) {
  std::vector<float> sample = table;
  sort_by_content(sample.data(), kRows, kDims, 1);
  GraphCodeOptions code_options;
  code_options.segments = kDims;
  const std::vector<uint8_t> image = train_graph_code({sample.data(), kRows, kDims}, code_options, {});
  GraphCode code;
  EXPECT_TRUE(GraphCode::open(image.data(), image.size(), &code));
  GraphBuildOptions options;
  options.n = kRows;
  options.row_bytes = code.code_dims();
  options.entries = 77;
  std::vector<uint64_t> memory(GraphBuild::shared_bytes(options) / 8 + 1);
  std::vector<uint64_t> own(GraphBuild::scratch_bytes(options) / 8 + 1);
  const GraphBuild graph(options, memory.data(), true);
  GraphBuild::Scratch s = GraphBuild::make_scratch(options, own.data());
  std::vector<float> scratch(code.scratch_floats());
  const std::vector<uint32_t> nodes = order_by_content({table.data(), kRows, kDims}, 2);
  for (uint32_t i = 0; i < kRows; ++i) {
    code.row(&table[nodes[i] * kDims], scratch.data(), graph.row(i), graph.terms(i));
  }
  for (uint32_t i = 0; i < kRows; ++i) graph.find_home(i, nodes[i], s);
  graph.make_tour();
  for (uint32_t i = 0; i < kRows; ++i) graph.insert(graph.tour(i), s);
  for (uint32_t i = 0; i < kRows; ++i) graph.improve(graph.tour(i), s);
  for (uint32_t i = 0; i < kRows; ++i) graph.finish(i, s);
  std::vector<std::set<uint32_t>> out(kRows);
  for (uint32_t i = 0; i < kRows; ++i) {
    for (uint32_t j = 0; j < graph.count(i); ++j) {
      out[places[nodes[i]]].insert(places[nodes[graph.links(i)[j]]]);
    }
  }
  return out;
}

TEST(ContentOrder, AGraphDoesNotKnowTheOrderOfItsTable) {
  const std::vector<float> base = rows(kRows);
  std::vector<uint32_t> as_is(kRows), rising(kRows);
  std::iota(as_is.begin(), as_is.end(), 0u);
  rising = as_is;
  std::sort(rising.begin(), rising.end(),
            [&](uint32_t a, uint32_t b) { return base[a * kDims] < base[b * kDims]; });
  const auto wanted = graph_of(base, as_is);
  EXPECT_EQ(graph_of(permuted(base, rising), rising), wanted);
  const std::vector<uint32_t> other = permutation(kRows, 3);
  EXPECT_EQ(graph_of(permuted(base, other), other), wanted);
}

}  // namespace
}  // namespace lowdim::core
