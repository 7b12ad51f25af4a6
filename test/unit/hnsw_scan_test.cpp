// Scans that go on (paged/hnsw/search.h): rows beyond those of the first round must be the near ones too, and
// no row may be lost or come twice, however far the scan goes.
#include <gtest/gtest.h>

#include "hnsw_fixture.h"

namespace lowdim::testing {
namespace {

using Round = std::pair<uint64_t, uint64_t>;  // its ef, and how many nodes it brings the total to

std::vector<Round> first_rounds(uint32_t ef, bool by_codes = false) {
  paged::hnsw::Rounds round(ef, by_codes);
  std::vector<Round> out;
  for (int i = 0; i < 3; ++i, round.widen()) out.emplace_back(round.ef(), round.total());
  return out;
}

TEST(HnswRounds, GiveHalfThenAQuarterAndTenRowsAtOnceWhereTheyCan) {
  using List = std::vector<Round>;
  EXPECT_EQ(first_rounds(6), (List{{6, 3}, {24, 6}, {96, 24}}));
  EXPECT_EQ(first_rounds(11), (List{{11, 6}, {44, 11}, {176, 44}}));
  EXPECT_EQ(first_rounds(12), (List{{12, 12}, {96, 24}, {384, 96}}));
  EXPECT_EQ(first_rounds(24), (List{{24, 12}, {96, 24}, {384, 96}}));
  EXPECT_EQ(first_rounds(41), (List{{41, 21}, {164, 41}, {656, 164}}));
  EXPECT_EQ(first_rounds(12, true), (List{{12, 12}, {48, 24}, {192, 96}}));
  EXPECT_EQ(first_rounds(40, true), (List{{40, 40}, {160, 80}, {640, 320}}));
  // No round that gives ten rows is followed by one that gives none.
  for (uint32_t ef = paged::hnsw::kFirstRows; ef < 300; ++ef) {
    for (const bool by_codes : {false, true}) {
      const List rounds = first_rounds(ef, by_codes);
      EXPECT_GE(rounds[0].second, paged::hnsw::kCalibratedRows + 1);
      EXPECT_LT(rounds[0].second, rounds[1].second);
      EXPECT_LT(rounds[1].second, rounds[2].second);
    }
  }
}

TEST(HnswScan, RowsOfLaterRoundsAreNearOnes) {
  IndexShape shape;
  shape.dims = 24;
  const Vectors rows = draw_vectors(6000, shape.dims, 11), queries = draw_vectors(30, shape.dims, 12);
  StrictStore s(make_index(shape, rows));
  s.set_read_bound(SIZE_MAX);
  // 6,000 nodes: walks of 40, 160 and 640, then the whole index is read.
  const double first = recall(s, shape, rows, queries, 10, 40);
  for (const size_t k : {20, 30, 60, 120, 300}) {
    EXPECT_GE(recall(s, shape, rows, queries, k, 40), first - 0.06) << k << " rows";
  }
  std::vector<paged::hnsw::Tid> all;
  for (size_t i = 0; i < rows.size(); ++i) all.push_back(i + 1);
  EXPECT_EQ(whole_index(s, all), "");
}

// The least that finds ten rows in a round: one walk, of about as many hops, whose rows all are given;
// further ones are near all the same, and none is lost or comes twice.
TEST(HnswScan, TenRowsOfASmallEfAreOneRound) {
  IndexShape shape;
  shape.dims = 8;
  const Vectors rows = draw_vectors(6000, shape.dims, 11), queries = draw_vectors(30, shape.dims, 12);
  StrictStore s(make_index(shape, rows));
  s.set_read_bound(SIZE_MAX);
  paged::hnsw::WalkCounts counts{};
  uint32_t rounds = 0;
  const auto search = [&](const std::vector<float>& x, size_t k, uint32_t ef) {
    std::vector<paged::hnsw::Tid> found;
    s.operation([&] { found = testing::search(s, x, k, ef, {}, &counts, &rounds); });
    return found;
  };
  for (const auto& q : queries) {
    EXPECT_EQ(search(q, 12, 12).size(), 12u);
    EXPECT_EQ(rounds, 1u);
    EXPECT_LT(counts.hops, 30u);
    EXPECT_EQ(search(q, 13, 12).size(), 13u);
    EXPECT_EQ(rounds, 2u);
    search(q, 24, 12);
    EXPECT_EQ(rounds, 2u);
    search(q, 25, 12);
    EXPECT_EQ(rounds, 3u);
    // With less it is half, or the way to the nearest would be given out with them.
    search(q, 5, 10);
    EXPECT_EQ(rounds, 1u);
    search(q, 6, 10);
    EXPECT_EQ(rounds, 2u);
    // What is given first stays the same, and what follows is farther, until rows that were found late.
    const auto few = search(q, 12, 12);
    auto all = search(q, SIZE_MAX, 12);
    EXPECT_TRUE(std::equal(few.begin(), few.end(), all.begin()));
    const auto nearer = [&](paged::hnsw::Tid a, paged::hnsw::Tid b) {
      return exact_distance(shape.metric, q, rows[a - 1]) <
             exact_distance(shape.metric, q, rows[b - 1]) - 0.01;  // than payloads are exact
    };
    EXPECT_EQ(
        std::adjacent_find(all.begin(), all.begin() + 3000, [&](auto a, auto b) { return nearer(b, a); }),
        all.begin() + 3000);
    std::sort(all.begin(), all.end());
    EXPECT_EQ(all.size(), rows.size());
    EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
  }
  const double first = recall(s, shape, rows, queries, 10, 12);
  EXPECT_GT(first, 0.8);
  // What the first round missed comes too late; not so with a few candidates more.
  EXPECT_GE(recall(s, shape, rows, queries, 20, 12), first - 0.15);
  EXPECT_GE(recall(s, shape, rows, queries, 60, 12), first - 0.02);
  for (const size_t k : {20, 30, 60, 120, 300}) {
    EXPECT_GE(recall(s, shape, rows, queries, k, 18), recall(s, shape, rows, queries, 10, 18) - 0.03)
        << k << " rows";
  }
}

// A search that stops by itself, here as soon as it may: ten rows take one short walk, and whoever wants more
// gets them from wider rounds, all rows in the end, each once.
TEST(HnswScan, StopsByItselfAndGoesOnWhereMoreIsWanted) {
  IndexShape shape;
  shape.dims = 8;
  const Vectors rows = draw_vectors(6000, shape.dims, 11), queries = draw_vectors(30, shape.dims, 12);
  StrictStore s(make_index(shape, rows));
  s.set_read_bound(SIZE_MAX);
  const core::EffortModel sure{-100, {}}, unsure{100, {}};
  paged::hnsw::ScanLimits limits;
  limits.ef = 200;
  limits.model = &sure;
  double hops = 0;
  recall(s, shape, rows, queries, 10, limits, nullptr, &hops);
  EXPECT_EQ(hops, paged::hnsw::kFirstRows);
  // One that is never sure goes half as far again as one that keeps as many candidates.
  limits.model = &unsure;
  double all_hops = 0, fixed_hops = 0;
  const double all = recall(s, shape, rows, queries, 10, limits, nullptr, &all_hops);
  limits.model = nullptr;
  limits.ef = 300;
  EXPECT_NEAR(all, recall(s, shape, rows, queries, 10, limits, nullptr, &fixed_hops), 0.01);
  EXPECT_NEAR(all_hops, fixed_hops, 6);
  limits.ef = 200;
  limits.model = &sure;
  const std::vector<paged::hnsw::Tid> found = search_alone(s, queries[0], SIZE_MAX, limits);
  EXPECT_EQ(found.size(), rows.size());
  EXPECT_EQ(std::set<paged::hnsw::Tid>(found.begin(), found.end()).size(), rows.size());
}

// The threshold decides: what is less than it stops.
TEST(HnswScan, StopsBelowTheThreshold) {
  IndexShape shape;
  shape.dims = 8;
  const Vectors rows = draw_vectors(3000, shape.dims, 13), queries = draw_vectors(20, shape.dims, 14);
  StrictStore s(make_index(shape, rows));
  s.set_read_bound(SIZE_MAX);
  const core::EffortModel by_hops{10, {0, 0, -2, 0}};  // log odds 10 - 2 log(nodes)
  paged::hnsw::ScanLimits limits;
  limits.ef = 400;
  limits.model = &by_hops;
  for (const uint32_t nodes : {20, 50, 100}) {
    limits.threshold = 10 - 2 * std::log(nodes - 0.5);
    double hops = 0;
    recall(s, shape, rows, queries, 10, limits, nullptr, &hops);
    EXPECT_GE(hops, nodes);
    EXPECT_LE(hops, nodes * 9 / 8 + 1);
  }
}

}  // namespace
}  // namespace lowdim::testing
