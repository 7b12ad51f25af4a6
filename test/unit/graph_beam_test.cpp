// The two beams (core/graph/beam.h, deep_beam.h) beside a list of all that was ever pushed: they give the
// same candidates in the same order.

#include "core/graph/beam.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/base/random.h"
#include "core/graph/deep_beam.h"

namespace lowdim::core {
namespace {

// Everything that was pushed, in order of distance, then of arrival.
struct Everything {
  struct Candidate {
    uint32_t distance, id;
    bool expanded = false;
  };
  std::vector<Candidate> all;

  void push(uint32_t distance, uint32_t id) {
    const auto at =
        std::find_if(all.begin(), all.end(), [&](const Candidate& c) { return c.distance > distance; });
    all.insert(at, {distance, id});
  }
  size_t first_open() const {
    size_t i = 0;
    while (i < all.size() && all[i].expanded) ++i;
    return i;
  }
};

// A search: each node that is expanded brings some, mostly farther ones, sometimes nearer, with many ties.
struct Script {
  Random random;
  uint32_t next_id = 0, spread;

  Script(uint64_t seed, uint32_t how_spread) : random(seed), spread(how_spread) {}
  template <class Push>
  void expand(uint32_t hop, Push push) {
    const uint32_t n = hop == 0 ? 200 : static_cast<uint32_t>(random.below(20));
    for (uint32_t i = 0; i < n; ++i) {
      const uint32_t low = hop == 0 ? 300 : random.below(10) == 0 ? 0 : hop;
      // Numbers that do not rise as they come.
      push(static_cast<uint32_t>(low + random.below(spread)), next_id++ * 40503 & 0xFFFFFF);
    }
  }
};

TEST(GraphBeam, GivesTheNearestOfAllThatWasEverPushed) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    const uint32_t capacity = seed % 4 == 0 ? 7 : seed % 4 == 1 ? 40 : 150;
    Script script(seed, seed % 2 == 0 ? 40 : 5000);
    std::vector<uint64_t> keys(Beam::room(capacity)), deep_keys(DeepBeam::room(capacity));
    Beam beam(keys.data(), capacity);
    DeepBeam deep(deep_keys.data(), capacity);
    Everything list;
    uint32_t hop = 0;
    for (;; ++hop) {
      script.expand(hop, [&](uint32_t distance, uint32_t id) {
        list.push(distance, id);
        if (distance < beam.limit()) beam.push(distance, id);
        if (distance < deep.limit()) deep.push(distance, id);
      });
      const size_t open = list.first_open();
      if (open >= capacity || open == list.all.size()) break;
      Everything::Candidate& wanted = list.all[open];
      uint32_t a = 0, b = 0, peeked = 0;
      ASSERT_TRUE(deep.peek(&peeked));
      ASSERT_EQ(deep.first_open(), open);
      ASSERT_TRUE(beam.pop(&a)) << "seed " << seed << " hop " << hop;
      ASSERT_TRUE(deep.pop(&b)) << "seed " << seed << " hop " << hop;
      ASSERT_EQ(a, wanted.id) << "seed " << seed << " hop " << hop;
      ASSERT_EQ(b, wanted.id) << "seed " << seed << " hop " << hop;
      ASSERT_EQ(peeked, wanted.id);
      ASSERT_EQ(deep.popped(), wanted.distance);
      wanted.expanded = true;
    }
    uint32_t id;
    EXPECT_FALSE(beam.pop(&id)) << seed;
    EXPECT_GE(hop, capacity);
    // Up to half as many more, from what it keeps.
    uint32_t more = 0, last = 0;
    for (; deep.pop(&id); ++more, last = deep.popped()) EXPECT_GE(deep.popped(), last);
    EXPECT_LE(more, capacity / 2) << seed;
    EXPECT_GT(deep.first_open(), capacity + capacity / 4) << seed;
    EXPECT_FALSE(deep.peek(&id)) << seed;
  }
}

TEST(GraphBeam, ADeepOneShowsAllThatIsOpenNearestFirst) {
  Script script(5, 3000);
  std::vector<uint64_t> keys(DeepBeam::room(500));
  DeepBeam deep(keys.data(), 500);
  std::vector<uint32_t> open;
  for (uint32_t hop = 0; hop < 60; ++hop) {
    script.expand(hop, [&](uint32_t distance, uint32_t id) {
      deep.push(distance, id);
      open.push_back(distance);
    });
    uint32_t id;
    ASSERT_TRUE(deep.pop(&id));
    open.erase(std::find(open.begin(), open.end(), deep.popped()));
    std::vector<uint32_t> seen;
    deep.each_open([&](uint32_t distance) {
      seen.push_back(distance);
      return true;
    });
    std::sort(seen.begin(), seen.end());
    std::sort(open.begin(), open.end());
    ASSERT_EQ(seen, open) << hop;
    // Whoever stops at a distance has seen what is nearer.
    const uint32_t limit = open[open.size() / 8];
    uint32_t nearer = 0;
    deep.each_open([&](uint32_t distance) {
      nearer += distance < limit;
      return distance < limit;
    });
    EXPECT_EQ(nearer, std::lower_bound(open.begin(), open.end(), limit) - open.begin());
  }
}

TEST(GraphBeam, OfOneCandidateAndOfNone) {
  std::vector<uint64_t> keys(DeepBeam::room(1));
  DeepBeam deep(keys.data(), 1);
  uint32_t id = 9;
  EXPECT_FALSE(deep.pop(&id));
  EXPECT_EQ(deep.first_open(), 0u);
  for (uint32_t i = 0; i < 1000; ++i) deep.push(DeepBeam::kMostDistance - i % 100, i);
  EXPECT_TRUE(deep.pop(&id));
  EXPECT_EQ(id, 99u);
  EXPECT_FALSE(deep.pop(&id));
}

}  // namespace
}  // namespace lowdim::core
