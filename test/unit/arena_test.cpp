// core/base/arena: the containers against the standard ones under random operations, growth, and the edges
// (self reference in push_back, the all-ones key, sizes that wrap). The arena is filled with 0xA5
// (bump_arena.h).

#include "core/base/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <queue>
#include <random>
#include <unordered_set>
#include <vector>

#include "bump_arena.h"

namespace lowdim {
namespace {

using testing::BumpArena;

TEST(Arena, AlignsAndKeepsWhatItHandedOut) {
  BumpArena owner;
  struct alignas(64) Wide {
    uint8_t bytes[64];
  };
  std::mt19937 random(1);
  std::vector<std::pair<uint8_t*, size_t>> blocks;
  for (int i = 0; i < 2000; i++) {
    const size_t bytes = random() % 4 == 0 ? random() % 100000 : random() % 40;
    uint8_t* block = owner.arena().grab<uint8_t>(bytes);
    std::memset(block, i & 0xFF, bytes);
    blocks.emplace_back(block, bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(owner.arena().grab<uint64_t>(1)) % 8, 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(owner.arena().grab<Wide>(1)) % 64, 0u);
  }
  for (size_t i = 0; i < blocks.size(); i++) {
    for (size_t j = 0; j < blocks[i].second; j++) ASSERT_EQ(blocks[i].first[j], i & 0xFF) << i;
  }
  owner.free_all();
  EXPECT_EQ(owner.bytes(), 0u);
}

TEST(Arena, ASizeThatWrapsIsRefused) {
  BumpArena owner;
  EXPECT_THROW(owner.arena().grab<uint64_t>(SIZE_MAX / 8 + 2), std::bad_alloc);
}

TEST(ArenaVec, LikeStdVector) {
  BumpArena owner;
  std::mt19937 random(2);
  ArenaVec<uint32_t> ours(owner.arena());
  std::vector<uint32_t> theirs;
  for (int i = 0; i < 20000; i++) {
    switch (random() % 12) {
      case 0:
        if (!theirs.empty()) {
          ours.pop_back();
          theirs.pop_back();
        }
        break;
      case 1: {
        const size_t size = random() % 300;
        ours.resize(size, 7);
        theirs.resize(size, 7);
        break;
      }
      case 2:
        if (random() % 20 == 0) {
          ours.clear();
          theirs.clear();
        }
        break;
      case 3:
        ours.reserve(random() % 500);
        break;
      case 4:
        if (!theirs.empty()) {  // an element of the array itself, perhaps while it moves
          ours.push_back(ours[ours.size() / 2]);
          theirs.push_back(uint32_t{theirs[theirs.size() / 2]});
        }
        break;
      default: {
        const uint32_t value = random();
        ours.push_back(value);
        theirs.push_back(value);
      }
    }
    ASSERT_EQ(ours.size(), theirs.size());
    if (!theirs.empty()) {
      ASSERT_EQ(ours.back(), theirs.back());
    }
    if (i % 50 == 0) {
      ASSERT_TRUE(std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end()));
    }
  }
}

TEST(ArenaVec, GrowthCostsAtMostTwiceTheFinalSize) {
  BumpArena owner;
  ArenaVec<uint64_t> v(owner.arena());
  for (uint64_t i = 0; i < (1 << 16); i++) v.push_back(i);
  EXPECT_LE(owner.bytes(), 2 * v.size() * sizeof(uint64_t));
}

TEST(ArenaHeap, LikePriorityQueue) {
  BumpArena owner;
  std::mt19937 random(3);
  ArenaHeap<uint32_t, std::less<>> ours(owner.arena());
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> theirs;
  for (int i = 0; i < 50000; i++) {
    const uint32_t value = random() % 1000;  // equal values happen
    const uint32_t what = random() % 8;
    if (what < 4 || theirs.empty()) {
      ours.push(value);
      theirs.push(value);
    } else if (what < 6) {
      ASSERT_EQ(ours.pop(), theirs.top());
      theirs.pop();
    } else {
      ASSERT_EQ(ours.replace_top(value), theirs.top());
      theirs.pop();
      theirs.push(value);
    }
    ASSERT_EQ(ours.size(), theirs.size());
    if (!theirs.empty()) {
      ASSERT_EQ(ours.top(), theirs.top());
    }
  }
  while (!theirs.empty()) {
    ASSERT_EQ(ours.pop(), theirs.top());
    theirs.pop();
  }
  EXPECT_TRUE(ours.empty());
}

TEST(ArenaHeap, AComparatorMayCarryPlainState) {
  BumpArena owner;
  const float keys[] = {3, 1, 2};
  struct ByKey {
    const float* keys;
    bool operator()(uint32_t a, uint32_t b) const { return keys[a] < keys[b]; }
  };
  ArenaHeap<uint32_t, ByKey> heap(owner.arena(), ByKey{keys});
  for (uint32_t i = 0; i < 3; i++) heap.push(i);
  EXPECT_EQ(heap.pop(), 1u);
  EXPECT_EQ(heap.pop(), 2u);
  EXPECT_EQ(heap.pop(), 0u);
}

template <class Key>
void like_unordered_set(uint64_t seed, Key mask) {
  BumpArena owner;
  std::mt19937_64 random(seed);
  FlatSet<Key> ours(owner.arena());
  std::unordered_set<Key> theirs;
  for (int i = 0; i < 60000; i++) {
    if (random() % 20000 == 0) {
      ours.clear();
      theirs.clear();
    }
    Key key = static_cast<Key>(random()) & mask;
    if (random() % 100 == 0) key = static_cast<Key>(~Key{0}) - static_cast<Key>(random() % 2);
    if (random() % 100 == 0) key = 0;
    ASSERT_EQ(ours.contains(key), theirs.contains(key));
    if (random() % 2 == 0) {
      ASSERT_EQ(ours.insert(key), theirs.insert(key).second);
    }
    ASSERT_EQ(ours.size(), theirs.size());
  }
  for (const Key key : theirs) ASSERT_TRUE(ours.contains(key));
}

TEST(FlatSet, LikeUnorderedSet) {
  like_unordered_set<uint32_t>(4, 0xFFFF);
  like_unordered_set<uint32_t>(5, ~uint32_t{0});
  like_unordered_set<uint64_t>(6, 0xFFFF);
  like_unordered_set<uint64_t>(7, ~uint64_t{0});
  like_unordered_set<uint64_t>(8, 0xFFFF000000000000u);  // only high bits differ: the hash must use them
}

TEST(FlatSet, ExpectedSizeAvoidsGrowth) {
  BumpArena owner;
  FlatSet<uint32_t> set(owner.arena(), 1000);
  const size_t before = owner.bytes();
  for (uint32_t i = 0; i < 1000; i++) set.insert(i * 8192);
  EXPECT_EQ(owner.bytes(), before);
}

}  // namespace
}  // namespace lowdim
