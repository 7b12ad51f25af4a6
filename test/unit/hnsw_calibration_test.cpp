// What an index knows of its own searches (paged/hnsw/calibration.h, calibrate.h): the table's arithmetic,
// that it foretells the recall of queries that are not in the index, and that measuring harms nothing.

#include "paged/hnsw/calibrate.h"

#include <gtest/gtest.h>

#include <limits>

#include "hnsw_vacuum_fixture.h"
#include "interleave.h"
#include "paged/hnsw/join.h"

namespace lowdim::testing::churn {
namespace {

using hnsw::Calibration;
using hnsw::kLadder;
using hnsw::kSteps;

// --- The table

Calibration drawn_table(bool recall = true) {
  Calibration c{};
  c.version = hnsw::kCalibrationVersion;
  c.flags = recall ? hnsw::kHasRecall : 0;
  c.queries = 100;
  c.nodes = 10000;
  for (uint32_t i = 0; i < kSteps; ++i) {
    c.steps[i].hops = static_cast<float>(kLadder[i] + 7);
    c.steps[i].scored = static_cast<float>(100 + 32 * kLadder[i]);
    if (!recall) continue;
    c.steps[i].recall = 1 - 10.0f / static_cast<float>(kLadder[i]) / static_cast<float>(i + 1);
    c.steps[i].error = 0.004f;
  }
  return c;
}

TEST(HnswCalibrationTable, IsWhatWasMeasuredAtTheStepsAndRisesBetween) {
  const Calibration c = drawn_table();
  ASSERT_TRUE(hnsw::knows_recall(c));
  for (uint32_t i = 0; i < kSteps; ++i) {
    EXPECT_NEAR(hnsw::recall_at(c, kLadder[i]), static_cast<double>(c.steps[i].recall), 1e-6);
    EXPECT_NEAR(hnsw::hops_at(c, kLadder[i]), static_cast<double>(c.steps[i].hops), 1e-3);
    EXPECT_NEAR(hnsw::scored_at(c, kLadder[i]), static_cast<double>(c.steps[i].scored), 1e-2);
  }
  for (uint32_t ef = 2; ef <= 4000; ++ef) {
    EXPECT_GE(hnsw::recall_at(c, ef), hnsw::recall_at(c, ef - 1));
    EXPECT_GE(hnsw::hops_at(c, ef), hnsw::hops_at(c, ef - 1));
    EXPECT_GE(hnsw::scored_at(c, ef), hnsw::scored_at(c, ef - 1));
  }
  // A search visits at least what it keeps, also where nothing was measured.
  EXPECT_NEAR(hnsw::hops_at(c, 4000), 4007, 1e-3);
  EXPECT_NEAR(hnsw::hops_at(c, 5), 12, 1e-3);
  EXPECT_EQ(hnsw::recall_at(c, 1e9), hnsw::recall_at(c, kLadder[kSteps - 1]));
  EXPECT_EQ(hnsw::recall_at(c, 1), hnsw::recall_at(c, kLadder[0]));
}

TEST(HnswCalibrationTable, GivesTheLeastEfThatReachesATarget) {
  const Calibration c = drawn_table();
  uint32_t before = 0;
  for (double target = 0.3; target < 0.999; target += 0.001) {
    const uint32_t ef = hnsw::ef_for(c, target);
    EXPECT_GE(ef, before);
    before = ef;
    if (ef > hnsw::kLeastEf) {
      EXPECT_LT(hnsw::recall_at(c, ef - 1) - hnsw::recall_error_at(c, ef - 1), target);
    }
    if (ef < kLadder[kSteps - 1]) {
      EXPECT_GE(hnsw::recall_at(c, ef) - 0.004, target - 1e-9);
    }
  }
  EXPECT_EQ(hnsw::ef_for(c, 0.01), hnsw::kLeastEf);
  // It lies within what is measured.
  EXPECT_GT(hnsw::kLeastEf, kLadder[0]);
  EXPECT_LT(hnsw::kLeastEf, kLadder[1]);
  EXPECT_EQ(hnsw::ef_for(c, 1), kLadder[kSteps - 1]);
}

// The table above, and searches that stop by themselves and take half of the hops.
Calibration drawn_with_effort() {
  Calibration c = drawn_table();
  c.flags |= hnsw::kHasEffort | hnsw::kEffortGains;
  c.model = {1, {0.5f, -0.5f, 0.25f, -2}};
  for (uint32_t i = 0; i < core::kEffortSteps; ++i) {
    const float recall = core::kEffortRecalls[i];
    const auto fixed = static_cast<float>(hnsw::hops_at(c, hnsw::ef_for(c, static_cast<double>(recall))));
    c.efforts[i] = {
        2.0f - static_cast<float>(i), 2 * fixed, 0.5f * fixed, 25 * fixed, recall, 0.003f, 1 - recall};
  }
  return c;
}

TEST(HnswCalibrationTable, GivesTheEffortThatReachesATarget) {
  const Calibration c = drawn_with_effort();
  ASSERT_TRUE(hnsw::knows_effort(c));
  core::EffortStep before{100, 0, 0, 0, 0, 0, 1};
  for (double target = 0.3; target < 0.985; target += 0.001) {
    core::EffortStep e{};
    ASSERT_TRUE(hnsw::effort_for(c, target, &e)) << target;
    if (target > 0.7) {
      EXPECT_NEAR(static_cast<double>(e.recall - e.error), target, 0.001);
    }
    EXPECT_LE(e.threshold, before.threshold);
    EXPECT_GE(e.width, before.width);
    EXPECT_GE(e.hops, before.hops);
    EXPECT_GE(e.scored, before.scored);
    EXPECT_GE(e.recall, before.recall);
    EXPECT_LE(e.low, before.low);
    before = e;
  }
  // At the steps themselves, less the error, what was measured.
  core::EffortStep e{};
  ASSERT_TRUE(hnsw::effort_for(c, static_cast<double>(c.efforts[5].recall - c.efforts[5].error), &e));
  EXPECT_NEAR(e.threshold, c.efforts[5].threshold, 1e-4f);
  EXPECT_NEAR(e.hops, c.efforts[5].hops, 1e-2f);
}

TEST(HnswCalibrationTable, LeavesSearchesAlikeWhereThatIsCheaperOrNothingElseIsKnown) {
  core::EffortStep e{};
  Calibration c = drawn_with_effort();
  EXPECT_FALSE(hnsw::effort_for(c, 0.9999, &e));  // beyond what was measured
  for (core::EffortStep& step : c.efforts) step.hops *= 2.5f;
  EXPECT_TRUE(hnsw::knows_effort(c));
  EXPECT_FALSE(hnsw::effort_for(c, 0.95, &e));
  EXPECT_FALSE(hnsw::effort_for(drawn_table(), 0.95, &e));
  c = drawn_with_effort();
  EXPECT_TRUE(hnsw::effort_for(c, 0.95, &e));
  c.flags &= static_cast<uint16_t>(~hnsw::kEffortGains);
  EXPECT_FALSE(hnsw::effort_for(c, 0.95, &e));
  EXPECT_FALSE(hnsw::effort_for(drawn_table(false), 0.95, &e));
}

TEST(HnswCalibrationTable, OnlySaneOnesOfThisVersionCount) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const auto broken = [](auto break_it) {
    Calibration c = drawn_table();
    break_it(c);
    EXPECT_FALSE(hnsw::knows_hops(c));
    EXPECT_FALSE(hnsw::knows_recall(c));
    return hnsw::sane_calibration(c);
  };
  for (const float bad : {nan, inf, -1.0f, 0.0f}) {
    EXPECT_FALSE(broken([&](Calibration& c) { c.steps[3].hops = bad; })) << bad;
    EXPECT_FALSE(broken([&](Calibration& c) { c.steps[3].scored = bad; })) << bad;
    EXPECT_FALSE(broken([&](Calibration& c) { c.steps[3].recall = bad; })) << bad;
    if (bad != 0) {
      EXPECT_FALSE(broken([&](Calibration& c) { c.steps[3].error = bad; })) << bad;
    }
  }
  EXPECT_FALSE(broken([](Calibration& c) { c.steps[kSteps - 1].recall = 1.01f; }));
  EXPECT_FALSE(broken([](Calibration& c) { c.queries = 0; }));
  EXPECT_FALSE(broken([](Calibration& c) { c.flags |= 8; }));
  EXPECT_FALSE(broken([](Calibration& c) { c.flags |= hnsw::kHasEffort; }));  // there is none
  for (const float bad : {nan, inf, -1.0f}) {
    const auto broken_effort = [&](float core::EffortStep::*field) {
      return broken([&](Calibration& c) {
        c = drawn_with_effort();
        c.efforts[4].*field = bad;
      });
    };
    using Step = core::EffortStep;
    for (const auto field :
         {&Step::width, &Step::hops, &Step::scored, &Step::recall, &Step::error, &Step::low}) {
      EXPECT_FALSE(broken_effort(field)) << bad;
    }
    if (bad < 0) continue;
    EXPECT_FALSE(broken_effort(&Step::threshold));
    EXPECT_FALSE(broken([&](Calibration& c) { c = drawn_with_effort(), c.model.weights[3] = bad; }));
    EXPECT_FALSE(broken([&](Calibration& c) { c = drawn_with_effort(), c.model.constant = bad; }));
  }
  // Never measured, or by a library that knows more: nothing is wrong with the index, and nothing is known.
  EXPECT_TRUE(broken([](Calibration& c) { c = Calibration{}; }));
  EXPECT_TRUE(
      broken([&](Calibration& c) { c.version = hnsw::kCalibrationVersion + 1, c.steps[0].hops = nan; }));
  EXPECT_TRUE(hnsw::knows_hops(drawn_table(false)));
  EXPECT_FALSE(hnsw::knows_recall(drawn_table(false)));
}

// --- Measuring

Calibration stored(StrictStore& s) {
  hnsw::Options o{};
  EXPECT_EQ(hnsw::read_options(s, &o), paged::MetaStatus::kGood);
  return o.calibration;
}

// As the access method does it.
void calibrate_index(StrictStore& s, Arena arena, const hnsw::CalibrateLimits& how = {}) {
  s.set_read_bound(1000000);
  hnsw::Options o{};
  if (hnsw::read_options(s, &o) != paged::MetaStatus::kGood || o.model_block == paged::kNoBlock) return;
  const core::GraphCode* code = open_code(s, o, arena);
  if (code != nullptr) hnsw::calibrate(s, o, *code, arena, how);
}
void calibrate_alone(StrictStore& s, const hnsw::CalibrateLimits& how = {}) {
  BumpArena arena;
  s.operation([&] { calibrate_index(s, arena.arena(), how); });
}

struct Kind {
  const char* name;
  hnsw::Metric metric;
  hnsw::Payload payload;
};
class HnswCalibration : public ::testing::TestWithParam<Kind> {};

// Queries that the index has never seen, of the rows' distribution: what it says of itself must be true of
// them, which it is not if the queries' own nodes help (0.1 more), or are looked for (0.1 less).
TEST_P(HnswCalibration, ForetellsTheRecallOfNewQueries) {
  IndexShape shape;
  shape.dims = 24;
  shape.metric = GetParam().metric;
  shape.payload = GetParam().payload;
  shape.segments = 10;
  const Vectors all = draw_vectors(3400, shape.dims, 41);
  const Vectors rows(all.begin(), all.begin() + 3000), queries(all.begin() + 3000, all.end());
  StrictStore s(make_index(shape, rows));
  s.set_read_bound(1000000);
  calibrate_alone(s);
  const Calibration c = stored(s);
  ASSERT_TRUE(hnsw::knows_recall(c));
  EXPECT_EQ(c.queries, hnsw::kMostQueries);
  EXPECT_NEAR(static_cast<double>(c.nodes), 3000, 30);  // about: inserts count page by page
  EXPECT_LT(hnsw::recall_at(c, 20), 0.9);               // or there would be little to foretell
  for (const uint32_t ef : {20u, 30u, 65u}) {
    const double truth = recall(s, shape, rows, queries, 10, ef);
    EXPECT_NEAR(hnsw::recall_at(c, ef), truth, 0.035) << "ef " << ef;
  }
  // Of searches that stop by themselves it is as true, and of how far they go.
  ASSERT_TRUE(hnsw::knows_effort(c));
  for (uint32_t i = 2; i < 8; ++i) {
    const core::EffortStep& e = c.efforts[i];
    hnsw::ScanLimits limits;
    limits.ef = static_cast<uint32_t>(e.width);
    limits.model = &c.model;
    limits.threshold = static_cast<double>(e.threshold);
    double hops = 0;
    const double truth = recall(s, shape, rows, queries, 10, limits, nullptr, &hops);
    EXPECT_NEAR(static_cast<double>(e.recall), truth, 0.035) << i;
    EXPECT_NEAR(static_cast<double>(e.hops), hops, 0.1 * hops) << i;
  }
  // It is the same each time.
  calibrate_alone(s);
  const Calibration again = stored(s);
  EXPECT_EQ(std::memcmp(&again, &c, sizeof c), 0);
  EXPECT_EQ(census_of(s).damages, 0u);
}
INSTANTIATE_TEST_SUITE_P(All, HnswCalibration,
                         ::testing::Values(Kind{"L2", hnsw::Metric::kL2, hnsw::Payload::kFloat16},
                                           Kind{"L2Bytes", hnsw::Metric::kL2, hnsw::Payload::kInt8},
                                           Kind{"Inner", hnsw::Metric::kInner, hnsw::Payload::kFloat32},
                                           Kind{"Cosine", hnsw::Metric::kCosine, hnsw::Payload::kFloat16},
                                           Kind{"L1", hnsw::Metric::kL1, hnsw::Payload::kFloat16}),
                         [](const auto& info) { return std::string(info.param.name); });

// A build's queries are not linked yet: what is measured is what searches for new vectors find, hit for hit.
TEST(HnswCalibrate, RowsThatAreHeldAreNewOnes) {
  IndexShape shape;
  shape.dims = 24;
  shape.segments = 10;
  const Vectors all = draw_vectors(3300, shape.dims, 43);
  const Vectors rows(all.begin(), all.begin() + 3000), held(all.begin() + 3000, all.end());
  StrictStore s(make_index(shape, rows));
  s.set_read_bound(1000000);
  BumpArena arena;
  hnsw::Options o{};
  ASSERT_EQ(hnsw::read_options(s, &o), paged::MetaStatus::kGood);
  const hnsw::Geometry g(o);
  const core::GraphCode* code = open_code(s, o, arena.arena());
  const paged::Block first = s.pages(), end = lay_rows(s, o, code, held, 0, rows.size()) + 1;
  clear_links(s, g, first, end);
  o.nodes += held.size();
  std::vector<hnsw::NodeId> ids;
  for (uint32_t i = 0; i < held.size(); ++i) ids.push_back(g.id(first, 0) + i);
  s.operation([&] {
    EXPECT_TRUE(
        hnsw::calibrate(s, o, *code, arena.arena(), {}, ids.data(), static_cast<uint32_t>(ids.size())));
  });
  const Calibration c = stored(s);
  ASSERT_TRUE(hnsw::knows_recall(c));
  EXPECT_EQ(c.queries, held.size());
  EXPECT_EQ(c.nodes, o.nodes);
  EXPECT_LT(hnsw::recall_at(c, kLadder[0]), 0.8);
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(hnsw::recall_at(c, kLadder[i]), recall(s, shape, rows, held, 10, kLadder[i]), 0.002)
        << "ef " << kLadder[i];
  }
  // Then they are linked like others.
  s.operation([&] {
    hnsw::Joiner<StrictStore> joiner(s, o, *code, arena.arena());
    for (const hnsw::NodeId id : ids) joiner.join(id);
  });
  const Vectors others(rows.begin(), rows.begin() + 300);
  EXPECT_GE(recall(s, shape, all, held, 1, 40), recall(s, shape, all, others, 1, 40) - 0.04);
  // Too few are none.
  s.operation([&] { EXPECT_FALSE(hnsw::calibrate(s, o, *code, arena.arena(), {}, ids.data(), 9)); });
}

TEST(HnswCalibrate, HoldsASixteenthAtMost) {
  IndexShape shape;
  hnsw::Options o = shape_options(shape);
  o.nodes = 100000;
  EXPECT_EQ(hnsw::held_queries(o, {}, 6400), hnsw::kMostQueries);
  EXPECT_EQ(hnsw::held_queries(o, {}, 6399), 0u);
  hnsw::CalibrateLimits how;
  how.memory_bytes = 2 * 100 * hnsw::query_bytes(o);
  EXPECT_EQ(hnsw::held_queries(o, how, 1600), 100u);
  EXPECT_EQ(hnsw::held_queries(o, how, 1599), 0u);
  how.memory_bytes = 1000;
  EXPECT_EQ(hnsw::held_queries(o, how, 100000), 0u);
  o.payload = hnsw::Payload::kNone;
  EXPECT_EQ(hnsw::held_queries(o, {}, 100000), 0u);
}

const World& small_world() {
  static const auto world = make_world(cluster_rows(330, 16, 6, 9), 16, 300, true);
  return *world;
}
// So few steps and queries that every step of it can be tried.
hnsw::CalibrateLimits few_queries(const World& w) {
  hnsw::CalibrateLimits how;
  hnsw::Options o{};
  o.dims = w.dims;
  how.memory_bytes = 2 * 12 * hnsw::query_bytes(o);
  return how;
}

TEST(HnswCalibrate, NeedsNodesMemoryAndAGraph) {
  StrictStore s(small_world().image);
  hnsw::CalibrateLimits how;
  how.memory_bytes = 50000;  // seven queries
  calibrate_alone(s, how);
  EXPECT_EQ(stored(s).version, 0);
  calibrate_alone(s, few_queries(small_world()));
  EXPECT_EQ(stored(s).queries, 12u);
  calibrate_alone(s);
  EXPECT_EQ(stored(s).queries, 150u);  // half of the nodes

  const auto untrained = make_world(cluster_rows(40, 16, 6, 9), 16, 40, false);
  StrictStore u(untrained->image);
  calibrate_alone(u);
  EXPECT_EQ(stored(u).version, 0);
  const auto tiny = make_world(cluster_rows(12, 16, 6, 9), 16, 12, true);
  StrictStore t(tiny->image);
  calibrate_alone(t);
  EXPECT_EQ(stored(t).version, 0);
  const auto bare = make_world(cluster_rows(60, 16, 6, 9), 16, 60, false, hnsw::Payload::kNone);
  StrictStore b(bare->image);
  calibrate_alone(b);
  EXPECT_EQ(stored(b).version, 0);
}

TEST(HnswCalibrate, RowsOfTheCallerGiveHopsAlone) {
  StrictStore s(small_world().image);
  BumpArena arena;
  hnsw::Options o{};
  hnsw::read_options(s, &o);
  const core::GraphCode* code = open_code(s, o, arena.arena());
  s.set_read_bound(100000);
  Calibration c{};
  s.operation([&] {
    hnsw::Calibrator<StrictStore> calibrator(s, o, *code, arena.arena(), {});
    EXPECT_TRUE(calibrator.run_with(small_world().rows.data(), 20, &c));
  });
  EXPECT_TRUE(hnsw::knows_hops(c));
  EXPECT_FALSE(hnsw::knows_recall(c));
  // One wide walk tells what walks of each width take.
  for (uint32_t i = 0; i < kSteps && kLadder[i] < 100; ++i) {
    hnsw::WalkCounts counts;
    for (size_t q = 0; q < 20; ++q) {
      core::GraphTables tables{arena.arena().grab<uint8_t>(16 * size_t{o.segments}), 0, 0};
      std::memset(tables.entries, 0, 16 * size_t{o.segments});
      code->tables(small_world().rows.data() + q * o.dims, arena.arena().grab<float>(code->scratch_floats()),
                   &tables);
      hnsw::Walk walk(arena.arena(), o);
      s.operation([&] { hnsw::walk(s, o, tables, kLadder[i], walk, [](hnsw::NodeId, const uint8_t*) {}); });
      counts.hops += walk.counts.hops;
      counts.scored += walk.counts.scored;
    }
    EXPECT_NEAR(static_cast<double>(c.steps[i].hops), static_cast<double>(counts.hops) / 20, 1e-3)
        << kLadder[i];
    EXPECT_NEAR(static_cast<double>(c.steps[i].scored), static_cast<double>(counts.scored) / 20, 1e-2);
  }
}

TEST(HnswCalibrate, WhatWasMeasuredOfAnotherGraphIsNotStored) {
  StrictStore s(small_world().image);
  hnsw::Options o{};
  hnsw::read_options(s, &o);
  Calibration c = drawn_table();
  s.operation([&] { EXPECT_TRUE(hnsw::put_calibration(s, o, c)); });
  c.queries = 77;
  o.generation++;
  s.operation([&] { EXPECT_FALSE(hnsw::put_calibration(s, o, c)); });
  EXPECT_EQ(stored(s).queries, 100u);
}

// Vacuum tells how much has changed; from a fifth on it is measured anew.
TEST(HnswCalibrate, IsWantedWhenAFifthHasChanged) {
  const World& w = small_world();
  StrictStore s(w.image);
  const auto wanted = [&] {
    hnsw::Options o{};
    hnsw::read_options(s, &o);
    return hnsw::wants_calibration(o);
  };
  const auto vacuum_alone = [&](auto dies) {
    BumpArena arena;
    s.set_read_bound(10000);
    s.operation([&] { vacuum_rows(s, w, arena.arena(), dies); });
  };
  EXPECT_TRUE(wanted());
  calibrate_alone(s);
  EXPECT_FALSE(wanted());
  vacuum_alone([](uint32_t i) { return i < 40; });
  EXPECT_FALSE(wanted());
  for (uint32_t i = 300; i < 330; ++i) {
    BumpArena arena;
    s.operation([&] { insert_row(s, w, i, arena.arena()); });
  }
  // Inserts are counted page by page, and by the next vacuum in any case.
  vacuum_alone([](uint32_t i) { return i < 40; });
  EXPECT_TRUE(wanted());
  EXPECT_GT(stored(s).changed, 60);
  calibrate_alone(s);
  EXPECT_FALSE(wanted());
  EXPECT_NEAR(static_cast<double>(stored(s).nodes), 290, 6);
  // As many again that come and go at once: the number of nodes does not tell.
  for (int round = 0; round < 2; ++round) {
    for (uint32_t i = 0; i < 35; ++i) {
      BumpArena arena;
      s.operation([&] { insert_row(s, w, i, arena.arena()); });
    }
    vacuum_alone([](uint32_t i) { return i < 40; });
  }
  EXPECT_TRUE(wanted());
}

TEST(HnswCalibrate, DamageIsFoundAndCountsAsNothing) {
  StrictStore s(small_world().image);
  calibrate_alone(s);
  ASSERT_EQ(census_of(s).damages, 0u);
  const size_t at = paged::kBodyOffset + sizeof(paged::MetaHead) + offsetof(hnsw::Options, calibration) +
                    offsetof(Calibration, steps) + 3;
  s.overwrite(0, at, 0xFF);  // the first step's hops: negative
  const hnsw::Census c = census_of(s);
  EXPECT_EQ(c.damages, 1u);
  ASSERT_FALSE(s.damages().empty());
  EXPECT_EQ(s.damages().front().what, std::string("an option has a value that cannot be"));
  EXPECT_FALSE(hnsw::knows_hops(stored(s)));
  // Measuring anew mends it.
  calibrate_alone(s);
  EXPECT_TRUE(hnsw::knows_recall(stored(s)));
}

TEST(HnswCalibrate, EveryCrashAndErrorLeavesTheIndexAsItWas) {
  const auto w = make_world(cluster_rows(40, 16, 3, 9), 16, 40, true);
  const hnsw::CalibrateLimits how = few_queries(*w);
  const Operation measure = [how](StrictStore& s, Arena arena) { calibrate_index(s, arena, how); };
  std::set<uint32_t> rows;
  for (uint32_t i = 0; i < 40; ++i) rows.insert(i);
  const Check good = [&](StrictStore& s) -> std::string {
    const Calibration c = stored(s);
    if (c.version != 0 && !hnsw::knows_recall(c)) return "half a table";
    return index_is_good(s, *w, rows);
  };
  const Stepped crashes = step_crashes(w->image, measure, good);
  EXPECT_EQ(crashes.failure, "");
  EXPECT_EQ(crashes.states, 2u);
  const Stepped errors = step_errors(w->image, measure, good);
  EXPECT_EQ(errors.failure, "");
  EXPECT_GT(errors.states, 200u);
}

// Rows come and go, and the index is trained, while it is measured: figures are figures all the same, and
// nothing that others count is lost.
TEST(HnswCalibrate, AmongInsertsAndVacuum) {
  for (const bool trained : {true, false}) {
    const auto w = make_world(cluster_rows(48, 16, 3, 21), 16, 40, trained);
    const hnsw::CalibrateLimits how = few_queries(*w);
    const auto learner = std::make_shared<Learner>();
    std::set<uint32_t> rows;
    for (uint32_t i = 0; i < 44; ++i) {
      if (i >= 8) rows.insert(i);
    }
    std::vector<Operation> operations{[how](StrictStore& s, Arena arena) { calibrate_index(s, arena, how); },
                                      [&](StrictStore& s, Arena arena) {
                                        s.set_read_bound(1000000);
                                        for (uint32_t i = 40; i < 44; ++i) insert_row(s, *w, i, arena);
                                      },
                                      [&](StrictStore& s, Arena arena) {
                                        s.set_read_bound(1000000);
                                        vacuum_rows(s, *w, arena, [](uint32_t i) { return i < 8; });
                                      }};
    if (!trained) {
      operations.push_back([learner](StrictStore& s, Arena arena) {
        s.set_read_bound(1000000);
        train_index(s, arena, *learner);
      });
    }
    const auto found = explore({w->image, operations,
                                [&](StrictStore& s) -> std::string {
                                  const Calibration c = stored(s);
                                  if (trained && !hnsw::knows_recall(c)) return "it is not measured";
                                  if (c.version != 0 && !hnsw::sane_calibration(c)) return "insane figures";
                                  return index_is_good(s, *w, rows);
                                }},
                               60);
    EXPECT_FALSE(found.has_value()) << (found ? found->shrunk.failure : "");
  }
}

}  // namespace
}  // namespace lowdim::testing::churn
