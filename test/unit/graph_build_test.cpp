// The graph under construction (core/graph/build): recall of walks over it, from one thread and from several,
// lists that keep their promises, and the beam.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

#include "core/base/random.h"
#include "core/graph/beam.h"
#include "core/graph/build.h"
#include "core/graph/train.h"

namespace lowdim::core {
namespace {

TEST(Beam, KeepsTheNearestAndExpandsThemInOrder) {
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    const uint32_t capacity = 1 + static_cast<uint32_t>(random.below(20));
    std::vector<uint64_t> keys(capacity + 1);
    Beam beam(keys.data(), capacity);
    std::vector<std::pair<uint32_t, uint32_t>> all;
    std::set<uint32_t> expanded;
    for (uint32_t id = 0; id < 60; ++id) {
      const uint32_t d = static_cast<uint32_t>(random.below(50));
      beam.push(d, id);
      all.emplace_back(d, id);
      std::sort(all.begin(), all.end());
      ASSERT_EQ(beam.size(), std::min<size_t>(capacity, all.size()));
      for (uint32_t i = 0; i < beam.size(); ++i) ASSERT_EQ(Beam::id(beam[i]), all[i].second);
      ASSERT_EQ(beam.limit(), all.size() < capacity ? Beam::kMostDistance : all[capacity - 1].first);
      if (random.below(3) != 0) continue;
      uint32_t next = 0, peeked = 0;
      const bool peek = beam.peek(&peeked);
      ASSERT_EQ(beam.pop(&next), peek);
      if (!peek) continue;
      ASSERT_EQ(next, peeked);
      uint32_t wanted = UINT32_MAX;
      for (uint32_t i = beam.size(); i-- > 0;) {
        if (expanded.count(Beam::id(beam[i])) == 0) wanted = Beam::id(beam[i]);
      }
      ASSERT_EQ(next, wanted);
      expanded.insert(next);
    }
  }
}

struct Made {
  std::vector<uint8_t> image;
  std::vector<uint64_t> memory;
  GraphBuildOptions options;
  std::vector<float> base;
};

// Clusters, so that walks can go wrong.
std::vector<float> clustered(size_t n, size_t dims, uint64_t seed) {
  Random centres(99), random(seed);
  std::vector<float> centre(20 * dims), out(n * dims);
  for (float& c : centre) c = static_cast<float>(4 * centres.normal());
  for (size_t i = 0; i < n; ++i) {
    const size_t which = random.below(20);
    for (size_t d = 0; d < dims; ++d) {
      out[i * dims + d] = centre[which * dims + d] + static_cast<float>(random.normal());
    }
  }
  return out;
}

void build(Made& made, uint32_t n, uint32_t dims, size_t threads, bool sorted, bool toured = false,
           GraphOrder tour = GraphOrder::kShuffle) {
  made.base = clustered(n, dims, 7);
  GraphCodeOptions code_options;
  code_options.segments = dims;
  made.image = train_graph_code({made.base.data(), n, dims}, code_options, {});
  GraphCode code;
  ASSERT_TRUE(GraphCode::open(made.image.data(), made.image.size(), &code));
  made.options.n = n;
  made.options.row_bytes = code.code_dims();
  made.options.degree = 32;
  made.options.slack = 16;
  made.options.entries = 40;
  made.options.order = tour;
  made.memory.resize(GraphBuild::shared_bytes(made.options) / 8 + 1);
  const GraphBuild graph(made.options, made.memory.data(), true);
  std::vector<float> scratch(code.scratch_floats());
  for (uint32_t i = 0; i < n; ++i)
    code.row(&made.base[size_t{i} * dims], scratch.data(), graph.row(i), graph.terms(i));
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  if (sorted) {
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return made.base[a * dims] < made.base[b * dims]; });
  }
  const auto all = [&](auto step) {
    std::atomic<uint32_t> next{0};
    std::vector<std::thread> workers;
    for (size_t t = 0; t < threads; ++t) {
      workers.emplace_back([&] {
        std::vector<uint64_t> memory(GraphBuild::scratch_bytes(made.options) / 8 + 1);
        GraphBuild::Scratch s = GraphBuild::make_scratch(made.options, memory.data());
        for (uint32_t i; (i = next++) < n;) step(toured ? graph.tour(i) : order[i], s);
      });
    }
    for (std::thread& w : workers) w.join();
  };
  if (toured) {
    toured = false;
    all([&](uint32_t i, auto& s) { graph.find_home(i, n - 1 - i, s); });
    graph.make_tour();
    toured = true;
    std::vector<uint32_t> places(n);
    for (uint32_t i = 0; i < n; ++i) places[i] = graph.tour(i);
    std::sort(places.begin(), places.end());
    for (uint32_t i = 0; i < n; ++i) ASSERT_EQ(places[i], i) << "not a permutation";
  }
  all([&](uint32_t i, auto& s) { graph.insert(i, s); });
  all([&](uint32_t i, auto& s) { graph.improve(i, s); });
  all([&](uint32_t i, auto& s) { graph.finish(i, s); });
}

double recall(const Made& made, uint32_t dims, uint32_t ef) {
  const GraphBuild graph(made.options, const_cast<uint64_t*>(made.memory.data()), false);
  const uint32_t n = made.options.n, n_queries = 50, k = 10;
  const std::vector<float> queries = clustered(n_queries, dims, 8);
  uint32_t good = 0;
  for (uint32_t q = 0; q < n_queries; ++q) {
    const auto far = [&](uint32_t i) {
      double sum = 0;
      for (uint32_t d = 0; d < dims; ++d) {
        const double e =
            static_cast<double>(made.base[size_t{i} * dims + d]) - static_cast<double>(queries[q * dims + d]);
        sum += e * e;
      }
      return static_cast<uint32_t>(sum * 1000);
    };
    std::vector<std::pair<uint32_t, uint32_t>> exact;
    for (uint32_t i = 0; i < n; ++i) exact.emplace_back(far(i), i);
    std::partial_sort(exact.begin(), exact.begin() + k, exact.end());
    std::vector<uint64_t> keys(ef + 1);
    Beam beam(keys.data(), ef);
    std::vector<bool> seen(n);
    const auto offer = [&](uint32_t i) {
      if (!seen[i]) beam.push(far(i), i);
      seen[i] = true;
    };
    for (uint32_t e = 0; e < graph.entry_count(); ++e) offer(graph.entry(e));
    for (uint32_t at; beam.pop(&at);) {
      for (uint32_t j = 0; j < graph.count(at); ++j) offer(graph.links(at)[j]);
    }
    for (uint32_t i = 0; i < k; ++i) {
      for (uint32_t j = 0; j < k; ++j) good += Beam::id(beam[j]) == exact[i].second;
    }
  }
  return static_cast<double>(good) / n_queries / k;
}

void expect_sound(const Made& made) {
  const GraphBuild graph(made.options, const_cast<uint64_t*>(made.memory.data()), false);
  for (uint32_t i = 0; i < made.options.n; ++i) {
    ASSERT_LE(graph.count(i), made.options.degree);
    std::set<uint32_t> links(graph.links(i), graph.links(i) + graph.count(i));
    ASSERT_EQ(links.size(), graph.count(i)) << "a link twice at " << i;
    ASSERT_EQ(links.count(i), 0u) << "a link to itself";
    if (!links.empty()) {
      ASSERT_LT(*links.rbegin(), made.options.n);
    }
  }
}

TEST(GraphBuild, FindsNeighboursWhateverTheOrder) {
  for (const bool sorted : {false, true}) {
    Made made;
    build(made, 4000, 16, 1, sorted);
    expect_sound(made);
    // Entries all from one side are no trap either, if dearer.
    EXPECT_GT(recall(made, 16, 40), sorted ? 0.9 : 0.97) << (sorted ? "sorted" : "as they come");
  }
}

TEST(GraphBuild, TourGivesAsGoodAGraph) {
  Made made;
  build(made, 10000, 16, 2, false, true);
  expect_sound(made);
  EXPECT_GT(recall(made, 16, 40), 0.97);
}

// Two parts of one set: a line and a ball. Nodes are numbered shuffled, the heap has the line first.
TEST(GraphBuild, ToursAreInOrder) {
  constexpr uint32_t n = 3000, dims = 12, entries = 50;
  Random random(3);
  std::vector<uint32_t> place(n);
  std::iota(place.begin(), place.end(), 0u);
  for (uint32_t i = n; i > 1; --i) std::swap(place[i - 1], place[random.below(i)]);
  const auto on_line = [&](uint32_t i) { return place[i] < n / 2; };
  std::vector<float> base(size_t{n} * dims);
  for (uint32_t i = 0; i < n; ++i) {
    for (uint32_t d = 0; d < dims; ++d)
      base[i * dims + d] = on_line(i) ? 9 : static_cast<float>(random.normal());
    if (on_line(i)) base[i * dims] += static_cast<float>(4 * random.normal());
  }
  GraphCodeOptions code_options;
  code_options.segments = dims;
  const std::vector<uint8_t> image = train_graph_code({base.data(), n, dims}, code_options, {});
  GraphCode code;
  ASSERT_TRUE(GraphCode::open(image.data(), image.size(), &code));
  for (const GraphOrder order : {GraphOrder::kShuffle, GraphOrder::kLidDescending, GraphOrder::kHeap}) {
    GraphBuildOptions options;
    options.n = n;
    options.row_bytes = code.code_dims();
    options.entries = entries;
    options.order = order;
    std::vector<uint64_t> memory(GraphBuild::shared_bytes(options) / 8 + 1);
    std::vector<uint64_t> own(GraphBuild::scratch_bytes(options) / 8 + 1);
    const GraphBuild graph(options, memory.data(), true);
    GraphBuild::Scratch s = GraphBuild::make_scratch(options, own.data());
    std::vector<float> scratch(code.scratch_floats());
    for (uint32_t i = 0; i < n; ++i) {
      code.row(&base[size_t{i} * dims], scratch.data(), graph.row(i), graph.terms(i));
    }
    for (uint32_t i = 0; i < n; ++i) graph.find_home(i, place[i], s);
    graph.make_tour();
    std::set<uint32_t> all;
    for (uint32_t i = 0; i < n; ++i) all.insert(graph.tour(i));
    ASSERT_EQ(all.size(), n);
    ASSERT_EQ(*all.rbegin(), n - 1);
    for (uint32_t i = 0; i < entries; ++i) ASSERT_EQ(graph.tour(i), i);
    uint32_t early = 0;  // of the line, in the first half
    for (uint32_t i = entries; i < n / 2; ++i) early += on_line(graph.tour(i));
    if (order == GraphOrder::kHeap) {
      for (uint32_t i = entries + 1; i < n; ++i) ASSERT_LT(place[graph.tour(i - 1)], place[graph.tour(i)]);
    } else if (order == GraphOrder::kLidDescending) {
      EXPECT_LT(early, n / 100);
    } else {
      EXPECT_NEAR(early, n / 4.0, n / 20.0);
    }
  }
}

TEST(GraphBuild, EveryOrderGivesAsGoodAGraph) {
  for (const GraphOrder order : {GraphOrder::kShuffle, GraphOrder::kLidDescending, GraphOrder::kHeap}) {
    for (const uint32_t n : {1u, 30u, 6000u}) {
      Made made;
      build(made, n, 16, 2, false, true, order);
      expect_sound(made);
      if (n > 30) {
        EXPECT_GT(recall(made, 16, 40), 0.97) << static_cast<int>(order);
      }
    }
  }
}

TEST(GraphBuild, ThreadsBuildASoundGraph) {
  Made made;
  build(made, 4000, 16, 4, false);
  expect_sound(made);
  EXPECT_GT(recall(made, 16, 40), 0.97);
}

TEST(GraphBuild, SmallAndEqualSets) {
  for (const uint32_t n : {1u, 2u, 33u}) {
    Made made;
    build(made, n, 4, 1, false);
    expect_sound(made);
    const GraphBuild graph(made.options, made.memory.data(), false);
    for (uint32_t i = 0; n > 1 && i < n; ++i) EXPECT_GT(graph.count(i), 0u);
  }
}

}  // namespace
}  // namespace lowdim::core
