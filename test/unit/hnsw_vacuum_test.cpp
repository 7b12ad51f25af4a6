// Vacuum of lean_hnsw: recall and structure after deletions, reuse, every crash, every error.

#include "paged/hnsw/vacuum.h"

#include <gtest/gtest.h>

#include "hnsw_vacuum_fixture.h"

namespace lowdim::testing::churn {
namespace {

using hnsw::Census;
using hnsw::State;
using hnsw::VacuumCounts;

template <class Dies>
VacuumCounts vacuum_all(StrictStore& s, const World& w, Dies dies, const hnsw::VacuumOptions& how = {}) {
  BumpArena arena;
  VacuumCounts counts;
  s.operation([&] { counts = vacuum_rows(s, w, arena.arena(), dies, how); });
  return counts;
}

// What must hold when a vacuum has come to its end.
void expect_finished(StrictStore& s, const char* when) {
  const Census c = census_of(s);
  EXPECT_EQ(c.damages, 0u) << when << ": " << (s.damages().empty() ? "" : s.damages().front().what);
  EXPECT_EQ(c.dead, 0u) << when;
  EXPECT_EQ(c.dead_links, 0u) << when;
  EXPECT_EQ(c.dead_entries, 0u) << when;
  EXPECT_EQ(c.unlisted_pages, 0u) << when;
  EXPECT_EQ(c.new_pages, 0u) << when;
  EXPECT_EQ(c.orphans, 0u) << when;
  if (c.nodes > c.entries && c.nodes > 1) {
    EXPECT_EQ(c.bare, 0u) << when;
  }
}

constexpr uint32_t kQueries = 3000;  // fewer do not tell half a point from chance

const World& big_world() {
  static const auto world = make_world(cluster_rows(3000, 16, 12, 5), 16, 3000, true);
  return *world;
}

// Rows 0 .. n that are left after `dies`, in an index of their own.
template <class Dies>
double recall_of_fresh_build(const World& w, Dies dies) {
  std::vector<float> left;
  std::vector<uint32_t> numbers;
  for (uint32_t i = 0; i < w.count(); ++i) {
    if (!dies(i)) left.insert(left.end(), w.row(i), w.row(i) + w.dims);
  }
  const auto fresh = make_world(left, w.dims, static_cast<uint32_t>(left.size() / w.dims), true);
  // The same queries: they are drawn from the rows of `w`.
  StrictStore store(fresh->image);
  store.set_read_bound(1000);
  std::mt19937_64 random(3);
  uint64_t good = 0, wanted = 0;
  std::normal_distribution<float> normal;
  std::vector<float> q(w.dims);
  for (uint32_t n = 0; n < kQueries; ++n) {
    const float* near = w.row(static_cast<uint32_t>(random() % w.count()));
    for (uint32_t d = 0; d < w.dims; ++d) q[d] = near[d] + 0.7f * normal(random);
    std::vector<std::pair<float, uint32_t>> truth;
    for (uint32_t i = 0; i < fresh->count(); ++i) {
      truth.emplace_back(simd::kernels().l2sq_f32(q.data(), fresh->row(i), w.dims), i);
    }
    std::partial_sort(truth.begin(), truth.begin() + 10, truth.end());
    Found found;
    store.operation([&] { found = scan_rows(store, *fresh, q.data(), 10, 16); });
    for (size_t j = 0; j < 10; ++j) {
      good += std::count(found.rows.begin(), found.rows.end(), truth[j].second) != 0;
    }
    wanted += 10;
  }
  return static_cast<double>(good) / static_cast<double>(wanted);
}

// Codes are coarse here: what was linked by better distances must not be thrown away by theirs.
const World& wide_world() {
  static const auto world = make_world(cluster_rows(4000, 100, 12, 5), 100, 4000, true);
  return *world;
}

template <class Dies>
void expect_recall_is_kept(Dies dies, const char* what, const World& w = big_world()) {
  StrictStore store(w.image);
  store.set_read_bound(1000);
  const VacuumCounts counts = vacuum_all(store, w, dies);
  uint64_t died = 0;
  for (uint32_t i = 0; i < w.count(); ++i) died += dies(i);
  EXPECT_EQ(counts.died, died);
  EXPECT_EQ(counts.freed, died);
  EXPECT_EQ(counts.removed_tids, died);
  EXPECT_EQ(counts.nodes, w.count() - died);
  EXPECT_EQ(counts.tids, w.count() - died);
  expect_finished(store, what);
  const double fresh = recall_of_fresh_build(w, dies);
  const double now = recall(
      store, w, [&](uint32_t i) { return !dies(i); }, kQueries, 10, 16, 3);
  std::printf("%s: recall %.4f, of a fresh build %.4f; %lu lists, %lu walks, %lu linked again\n", what, now,
              fresh, counts.repair.repaired, counts.repair.walked, counts.repair.relinked);
  EXPECT_GE(now, fresh - 0.005);
}

TEST(HnswVacuum, RecallIsKeptWithoutATenth) {
  expect_recall_is_kept([](uint32_t i) { return i % 10 == 3; }, "10 %");
}
TEST(HnswVacuum, RecallIsKeptWhereCodesAreCoarse) {
  expect_recall_is_kept([](uint32_t i) { return i % 10 == 3; }, "10 %, 100 dimensions", wide_world());
}
TEST(HnswVacuum, RecallIsKeptWithoutAHalf) {
  expect_recall_is_kept([](uint32_t i) { return i * 2654435761u >> 31 != 0; }, "50 %");
}
TEST(HnswVacuum, RecallIsKeptWithoutNineTenths) {
  expect_recall_is_kept([](uint32_t i) { return i % 10 != 3; }, "90 %");
}

// One tenth after the other until half is gone: repairs upon repairs.
TEST(HnswVacuum, RecallIsKeptOverManyVacuums) {
  const World& w = big_world();
  StrictStore store(w.image);
  store.set_read_bound(1000);
  for (uint32_t k = 0; k < 5; ++k) vacuum_all(store, w, [&](uint32_t i) { return i % 10 == k; });
  expect_finished(store, "5 x 10 %");
  const auto dies = [](uint32_t i) { return i % 10 < 5; };
  const double fresh = recall_of_fresh_build(w, dies);
  const double now = recall(
      store, w, [&](uint32_t i) { return !dies(i); }, kQueries, 10, 16, 3);
  std::printf("5 x 10 %%: recall %.4f, of a fresh build %.4f\n", now, fresh);
  EXPECT_GE(now, fresh - 0.005);
}

TEST(HnswVacuum, AFewAreLeft) {
  const World& w = big_world();
  StrictStore store(w.image);
  store.set_read_bound(1000);
  vacuum_all(store, w, [](uint32_t i) { return i % 500 != 0; });
  expect_finished(store, "six left");
  EXPECT_EQ(index_is_good(store, w, {0, 500, 1000, 1500, 2000, 2500}), "");
  // By the graph alone, from whatever side.
  for (uint32_t q = 0; q < 3000; q += 500) {
    Found found;
    store.operation([&] { found = scan_rows(store, w, w.row(q + 7), 6); });
    EXPECT_EQ(found.rows.size(), 6u);
    EXPECT_FALSE(found.swept);
  }
}

TEST(HnswVacuum, NothingIsLeftAndSlotsAreUsedAgain) {
  const World& w = big_world();
  StrictStore store(w.image);
  store.set_read_bound(1000);
  const paged::Block pages = store.pages();
  vacuum_all(store, w, [](uint32_t) { return true; });
  expect_finished(store, "all gone");
  EXPECT_EQ(census_of(store).nodes, 0u);
  EXPECT_EQ(index_is_good(store, w, {}), "");
  BumpArena arena;
  std::set<uint32_t> rows;
  for (uint32_t i = 0; i < 400; ++i) {
    store.operation([&] { insert_row(store, w, i, arena.arena()); });
    arena.free_all();
    rows.insert(i);
  }
  EXPECT_EQ(store.pages(), pages);
  EXPECT_EQ(index_is_good(store, w, rows), "");
  const hnsw::Geometry g(w.first);
  uint64_t live = 0;
  for (paged::Block b = 1; b < pages; ++b) {
    if (!hnsw::is_nodes(store.page(b), g)) continue;
    for (uint32_t item = 0; item < g.slots_per_page; ++item) {
      const hnsw::SlotHead& head = hnsw::head_of(hnsw::slot_at(store.page(b), g, item));
      if (head.state != State::kLive) continue;
      ++live;
      EXPECT_EQ(head.version, 1u);
    }
  }
  EXPECT_EQ(live, 400u);
  EXPECT_EQ(census_of(store).orphans, 0u);
  EXPECT_GE(recall(
                store, w, [](uint32_t i) { return i < 400; }, 200, 10, 16, 3),
            0.9);
}

// A node far from all others, whose whole neighbourhood dies: the dead lead nowhere, so it has to search.
TEST(HnswVacuum, ANodeThatLosesItsWholeNeighbourhood) {
  std::vector<float> rows = cluster_rows(1200, 16, 6, 9);
  for (uint32_t i = 0; i < 300; ++i) rows[size_t{i} * 16] += 60;  // an island
  const auto w = make_world(rows, 16, 1200, true);
  StrictStore store(w->image);
  store.set_read_bound(1000);
  const VacuumCounts counts = vacuum_all(store, *w, [](uint32_t i) { return i < 299; });
  EXPECT_GT(counts.repair.walked, 0u);
  expect_finished(store, "island");
  Found found;
  store.operation([&] { found = scan_rows(store, *w, w->row(17), 1); });
  EXPECT_EQ(found.rows, std::vector<uint32_t>{299});
  EXPECT_FALSE(found.swept);
}

// --- Rows of equal vectors

TEST(HnswVacuum, ManyRowsOfOneVector) {
  const auto w = make_world(cluster_rows(1500, 16, 3, 2, 500), 16, 1500, true);
  StrictStore store(w->image);
  store.set_read_bound(1000);
  Census c = census_of(store);
  EXPECT_EQ(c.nodes, 3u);
  EXPECT_EQ(c.tids, 1500u);
  EXPECT_GT(c.overflow, 15u);
  // Every second row, and a run in the middle of a chain.
  const auto dies = [](uint32_t i) { return i % 2 == 0 || (i > 600 && i < 900); };
  const VacuumCounts counts = vacuum_all(store, *w, dies);
  std::set<uint32_t> left;
  for (uint32_t i = 0; i < 1500; ++i) {
    if (!dies(i)) left.insert(i);
  }
  EXPECT_EQ(counts.tids, left.size());
  EXPECT_EQ(counts.died, 0u);
  EXPECT_EQ(index_is_good(store, *w, left), "");
  EXPECT_LT(census_of(store).overflow, c.overflow);
  vacuum_all(store, *w, [](uint32_t i) { return i < 1000; });
  expect_finished(store, "two vectors gone");
  c = census_of(store);
  EXPECT_EQ(c.nodes, 1u);
  std::erase_if(left, [](uint32_t i) { return i < 1000; });
  EXPECT_EQ(index_is_good(store, *w, left), "");
}

TEST(HnswVacuum, ListsEveryAddressOnceAndChangesNothing) {
  const auto w = make_world(cluster_rows(600, 16, 3, 2, 150), 16, 600, true);
  StrictStore store(w->image);
  store.set_read_bound(1000);
  const uint64_t commits = store.commits();
  std::vector<uint32_t> listed;
  hnsw::VacuumOptions how;
  how.list_only = true;
  vacuum_all(
      store, *w,
      [&](uint32_t i) {
        listed.push_back(i);
        return true;  // does not matter
      },
      how);
  EXPECT_EQ(store.commits(), commits);
  std::sort(listed.begin(), listed.end());
  ASSERT_EQ(listed.size(), 600u);
  for (uint32_t i = 0; i < 600; ++i) EXPECT_EQ(listed[i], i);
}

TEST(HnswVacuum, WithLittleMemoryInManyRanges) {
  const World& w = big_world();
  StrictStore store(w.image);
  store.set_read_bound(100000);
  hnsw::VacuumOptions how;
  how.memory_bytes = 64;
  const auto dies = [](uint32_t i) { return i % 3 == 0; };
  const VacuumCounts counts = vacuum_all(store, w, dies, how);
  EXPECT_GT(counts.ranges, 5u);
  EXPECT_EQ(counts.freed, 1000u);
  EXPECT_EQ(counts.tids, 2000u);
  const Census c = census_of(store);
  EXPECT_EQ(c.damages + c.dead + c.dead_links + c.dead_entries, 0u);
  EXPECT_EQ(c.nodes, 2000u);
}

// An extension whose record never came: the page is taken up.
TEST(HnswVacuum, TakesUpPagesOfZeros) {
  const auto w = make_world(cluster_rows(60, 16, 3, 2), 16, 60, true);
  StrictStore store(w->image);
  store.set_read_bound(1000);
  store.txn([](auto& txn) {
    txn.extend();
    return paged::Verdict::kAbandon;
  });
  EXPECT_EQ(census_of(store).new_pages, 1u);
  EXPECT_EQ(vacuum_all(store, *w, [](uint32_t) { return false; }).new_pages, 1u);
  expect_finished(store, "a page of zeros");
  std::set<uint32_t> rows;
  for (uint32_t i = 0; i < 60; ++i) rows.insert(i);
  EXPECT_EQ(index_is_good(store, *w, rows), "");
}

// --- Every crash, every error

struct Case {
  const char* name;
  bool trained;
  uint32_t copies;
  size_t memory;
};
class HnswVacuumCut : public ::testing::TestWithParam<Case> {
 protected:
  static bool dies(uint32_t i) { return i % 3 == 1 || (i >= 20 && i < 40); }
  std::unique_ptr<World> make() const {
    return make_world(cluster_rows(60, 16, 4, 11, GetParam().copies), 16, 60, GetParam().trained);
  }
  std::set<uint32_t> left() const {
    std::set<uint32_t> rows;
    for (uint32_t i = 0; i < 60; ++i) {
      if (!dies(i)) rows.insert(i);
    }
    return rows;
  }
  std::set<uint32_t> gone() const {
    std::set<uint32_t> rows;
    for (uint32_t i = 0; i < 60; ++i) {
      if (dies(i)) rows.insert(i);
    }
    return rows;
  }
  // What is allowed in between: dead nodes, links and entries that lead to them, freed slots on no list. Then
  // a second vacuum comes to its end.
  Check check(const World& w) const {
    return [this, &w](StrictStore& s) -> std::string {
      if (!s.quiet()) return "something is still held";
      std::string what = index_is_good(s, w, left(), gone());
      if (!what.empty()) return what;
      BumpArena arena;
      s.operation([&] { insert_row(s, w, 1, arena.arena()); });  // goes on in between
      s.operation([&] { vacuum_rows(s, w, arena.arena(), dies); });
      what = index_is_good(s, w, left());
      if (!what.empty()) return "after another vacuum: " + what;
      const Census c = census_of(s);
      if (c.dead + c.dead_links + c.dead_entries + c.unlisted_pages + c.new_pages + c.orphans != 0) {
        return "another vacuum leaves something over";
      }
      return "";
    };
  }
  Operation operation(const World& w) const {
    return [this, &w](StrictStore& s, Arena arena) {
      s.set_read_bound(1000);
      hnsw::VacuumOptions how;
      how.memory_bytes = GetParam().memory;
      vacuum_rows(s, w, arena, dies, how);
    };
  }
};
TEST_P(HnswVacuumCut, EveryCrash) {
  const auto w = make();
  const Stepped r = step_crashes(w->image, operation(*w), check(*w));
  EXPECT_EQ(r.failure, "");
  EXPECT_GT(r.states, 4u);
}
TEST_P(HnswVacuumCut, EveryError) {
  const auto w = make();
  const Stepped r = step_errors(w->image, operation(*w), check(*w));
  EXPECT_EQ(r.failure, "");
  EXPECT_GT(r.states, 15u);
}
INSTANTIATE_TEST_SUITE_P(All, HnswVacuumCut,
                         ::testing::Values(Case{"trained", true, 1, size_t{1} << 20},
                                           Case{"untrained", false, 1, size_t{1} << 20},
                                           Case{"chains", true, 30, size_t{1} << 20},
                                           Case{"ranges", true, 1, 12}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace lowdim::testing::churn
