// Training of lean_hnsw indexes that keep no vectors, over StrictStore: what it reads from the table, what
// happens to rows that are gone, that cannot be read, or that come meanwhile; crashes, errors and races.

#include <cstdlib>

#include "hnsw_insert_fixture.h"
#include "interleave.h"
#include "paged/hnsw/check.h"
#include "paged/hnsw/vacuum.h"
#include "stepper.h"

namespace lowdim::testing {
namespace {

// The rows of a table by their addresses, and what was read of them.
struct Table {
  std::map<Tid, std::vector<float>> rows;
  std::set<Tid> gone, unfit;
  uint64_t reads = 0;

  Table() = default;
  explicit Table(const Vectors& vectors) {
    for (size_t i = 0; i < vectors.size(); ++i) rows[i + 1] = vectors[i];
  }
  // The value as it is in the index; only outside of gates and locks, as the server's table.
  Fetched read(StrictStore& s, const Options& o, Arena arena, Tid tid, uint32_t hash, float* guide) {
    s.with(kInserters, GateMode::kShare, [] {});
    ++reads;
    if (gone.count(tid) != 0) return Fetched::kGone;
    if (unfit.count(tid) != 0 || rows.count(tid) == 0) return Fetched::kUnfit;
    const Input in = to_input(o, rows[tid].data(), arena);
    if (in.hash != hash || in.alone) return Fetched::kUnfit;
    std::memcpy(guide, in.guide, o.guide_dims * sizeof(float));
    return Fetched::kRow;
  }
};

template <class Meanwhile>
bool train_from(StrictStore& s, Arena arena, Learner& learner, Table& table, Meanwhile meanwhile,
                size_t row_bytes = SIZE_MAX) {
  Options o{};
  if (read_options(s, &o) != MetaStatus::kGood) return false;
  return train_index(
      s, arena, learner,
      [&](Tid tid, uint32_t hash, float* guide) {
        const Fetched got = table.read(s, o, arena, tid, hash, guide);
        meanwhile(tid, arena);
        return got;
      },
      row_bytes);
}
bool train_from(StrictStore& s, Table& table, size_t row_bytes = SIZE_MAX) {
  BumpArena arena;
  Learner learner;
  bool done = false;
  s.operation([&] {
    done = train_from(
        s, arena.arena(), learner, table, [](Tid, Arena) {}, row_bytes);
  });
  return done;
}

IndexShape bare_shape(uint32_t degree = 32) {
  IndexShape shape;
  shape.payload = Payload::kNone;
  shape.degree = degree;
  return shape;
}

// "" if every node of the graph has links and the code of its own row, and check() finds nothing. Nodes whose
// only row is in `without` are not in the graph: nobody leads to them.
std::string odd_graph(StrictStore& s, Table& table, const std::set<Tid>& without = {}) {
  const Options o = options_of(s);
  const Geometry g(o);
  if (o.model_block == kNoBlock) return "it is not trained";
  BumpArena memory;
  const core::GraphCode code = load_code(s, o, memory.arena());
  std::vector<float> scratch(code.scratch_floats());
  std::vector<uint8_t> own(g.code_bytes());
  std::string what = odd_links(s);
  each_slot(s, g, [&](NodeId id, const uint8_t* slot) {
    const SlotHead& head = head_of(slot);
    if (head.state != State::kLive || (head.flags & kAlone) != 0) return;
    const Tid tid = get_tid(head.tids);
    const std::string who = "the node of row " + std::to_string(tid);
    if (without.count(tid) != 0) {
      if (head.count != 0 || links_to(s, id) != 0 || is_entry(s, id)) what = who + " is in the graph";
      return;
    }
    if (head.count == 0) what = who + " has no links";
    std::memset(own.data(), 0, own.size());
    code.encode(to_input(o, table.rows[tid].data(), memory.arena()).guide, scratch.data(), own.data());
    if (std::memcmp(own.data(), slot + g.code_offset(), own.size()) != 0) what = who + " has another's code";
  });
  Census census;
  s.operation([&] { census = check(s, memory.arena(), CheckOptions{}); });
  if (census.damages != 0) what = "check finds damage";
  if (census.bare != without.size()) what = "check counts other nodes without links";
  return what;
}

TEST(HnswTrain, AnIndexWithoutVectorsIsTrainedFromTheTable) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kInner}) {
    IndexShape shape = bare_shape();
    shape.metric = metric;
    Vectors rows = draw_vectors(400, shape.dims, 31);
    Table table(rows);
    StrictStore s(make_index(shape, rows, 0));
    s.set_read_bound(64);
    EXPECT_TRUE(train_from(s, table));
    EXPECT_EQ(table.reads, rows.size());  // each row once
    EXPECT_EQ(odd_graph(s, table), "");
    EXPECT_EQ(whole_index(s, tids(rows.size())), "");
    EXPECT_FALSE(train_from(s, table));
    EXPECT_EQ(table.reads, rows.size());
    // The nearest of 40 rows, among 5 by the codes alone.
    size_t near = 0;
    for (size_t i = 0; i < rows.size(); i += 10) {
      const auto distance = [&](Tid tid) { return exact_distance(metric, rows[i], rows[tid - 1]); };
      Tid nearest = 1;
      for (const Tid tid : tids(rows.size())) nearest = distance(tid) < distance(nearest) ? tid : nearest;
      const std::vector<Tid> found = search_alone(s, rows[i], 5, 20);
      near += static_cast<size_t>(std::count(found.begin(), found.end(), nearest));
    }
    EXPECT_GE(near, 36u) << "metric " << static_cast<int>(metric);
  }
}

TEST(HnswTrain, RowsThatAreAloneAreNotRead) {
  IndexShape shape = bare_shape();
  shape.metric = Metric::kCosine;
  Vectors rows = draw_vectors(60, shape.dims, 32);
  rows[7].assign(shape.dims, 0.0f);
  Table table(rows);
  table.unfit = {8};
  StrictStore s(make_index(shape, rows, 0));
  s.set_read_bound(64);
  EXPECT_TRUE(train_from(s, table));
  EXPECT_EQ(table.reads, rows.size() - 1);
  EXPECT_EQ(odd_graph(s, table), "");
  EXPECT_EQ(search_alone(s, rows[0], SIZE_MAX).back(), 8u);
}

TEST(HnswTrain, NodesOfRowsThatAreGoneStayOutOfTheGraph) {
  const Vectors rows = draw_vectors(80, 8, 33);
  Table table(rows);
  table.gone = {1, 2, 40, 80};
  StrictStore s(make_index(bare_shape(), rows, 0));
  s.set_read_bound(64);
  EXPECT_TRUE(train_from(s, table));
  EXPECT_EQ(odd_graph(s, table, table.gone), "");
  // Vacuum takes them as any.
  BumpArena arena;
  VacuumCounts counts;
  s.operation([&] {
    counts = vacuum(
        s, arena.arena(), VacuumOptions{}, [&](Tid tid) { return table.gone.count(tid) != 0; },
        [](const Options&) -> const core::GraphCode* { return nullptr; });
  });
  EXPECT_EQ(counts.freed, 4u);
  EXPECT_EQ(odd_graph(s, table), "");
}

TEST(HnswTrain, ARowThatCannotBeReadPutsItOff) {
  const Vectors rows = draw_vectors(60, 8, 34);
  Table table(rows);
  table.unfit = {30};
  StrictStore s(make_index(bare_shape(), rows, 0));
  s.set_read_bound(64);
  const Block pages = s.pages();
  EXPECT_FALSE(train_from(s, table));
  EXPECT_EQ(s.pages(), pages);
  EXPECT_EQ(options_of(s).model_block, kNoBlock);
  table.unfit.clear();
  EXPECT_TRUE(train_from(s, table));
  EXPECT_EQ(odd_graph(s, table), "");
}

TEST(HnswTrain, MoreRowsThanFitTheMemoryAreNotRead) {
  const Vectors rows = draw_vectors(60, 8, 35);
  Table table(rows);
  StrictStore s(make_index(bare_shape(), rows, 0));
  s.set_read_bound(64);
  EXPECT_FALSE(train_from(s, table, 60 * 8 * sizeof(float) - 1));
  EXPECT_EQ(table.reads, 0u);
  EXPECT_TRUE(train_from(s, table, 60 * 8 * sizeof(float)));
}

// While row 20 is read, some of the rows that were read and some that were not go, and others come to their
// slots and to new ones.
TEST(HnswTrain, WhatComesAndGoesMeanwhileIsNoticed) {
  const Vectors rows = draw_vectors(40, 8, 36), more = draw_vectors(12, 8, 37);
  Table table(rows);
  StrictStore s(make_index(bare_shape(224), rows, 0));
  s.set_read_bound(64);
  const std::set<Tid> dead{1, 9, 10, 30, 40};
  BumpArena arena;
  Learner learner;
  bool done = false, once = false;
  s.operation([&] {
    done = train_from(s, arena.arena(), learner, table, [&](Tid tid, Arena memory) {
      if (tid != 20 || once) return;
      once = true;
      vacuum(
          s, memory, VacuumOptions{}, [&](Tid t) { return dead.count(t) != 0; },
          [](const Options&) -> const core::GraphCode* { return nullptr; });
      for (size_t i = 0; i < more.size(); ++i) {
        table.rows[101 + i] = more[i];
        insert_row(s, memory, more[i].data(), 101 + i);
      }
    });
  });
  EXPECT_TRUE(done);
  EXPECT_EQ(table.reads, 40u + 12u);
  for (const Tid tid : dead) table.rows.erase(tid);
  std::vector<Tid> must;
  for (const auto& [tid, row] : table.rows) must.push_back(tid);
  EXPECT_EQ(whole_index(s, must), "");
  EXPECT_EQ(odd_graph(s, table), "");
}

// The address of a row that vacuum took out belongs to another row by the time it is read.
TEST(HnswTrain, AnAddressThatIsUsedAgainIsNotTakenForTheOldRow) {
  const Vectors rows = draw_vectors(40, 8, 38);
  const std::vector<float> other = draw_vectors(1, 8, 39)[0];
  Table table(rows);
  StrictStore s(make_index(bare_shape(), rows, 0));
  s.set_read_bound(64);
  BumpArena arena;
  Learner learner;
  bool done = false;
  s.operation([&] {
    done = train_from(s, arena.arena(), learner, table, [&](Tid tid, Arena memory) {
      if (tid != 20 || table.rows[30] == other) return;
      vacuum(
          s, memory, VacuumOptions{}, [](Tid t) { return t == 30; },
          [](const Options&) -> const core::GraphCode* { return nullptr; });
      table.rows[30] = other;
      insert_row(s, memory, other.data(), 30);
    });
  });
  EXPECT_TRUE(done);
  EXPECT_EQ(odd_graph(s, table), "");
  EXPECT_EQ(whole_index(s, tids(40)), "");
}

// Their nodes are many, but there is little to learn: the caller is told.
TEST(HnswTrain, EqualRowsCountOnce) {
  Vectors rows = draw_vectors(30, 8, 44);
  for (size_t i = 10; i < rows.size(); ++i) rows[i] = rows[i % 10];
  Table table(rows);
  StrictStore s(make_index(bare_shape(), rows, 0));
  ASSERT_EQ(live_nodes(s), 30u);
  BumpArena arena;
  uint32_t n = 0, distinct = 0;
  s.operation([&] {
    const Options o = options_of(s);
    train(
        s, arena.arena(), SIZE_MAX,
        [&](Tid tid, uint32_t hash, float* guide) {
          return table.read(s, o, arena.arena(), tid, hash, guide);
        },
        [&](const Options&, const TrainingRows& found, TrainedGraph*) {
          n = found.n;
          distinct = found.distinct;
          return false;
        });
  });
  EXPECT_EQ(n, 30u);
  EXPECT_EQ(distinct, 10u);
  EXPECT_EQ(options_of(s).model_block, kNoBlock);
}

TEST(HnswTrain, GivesUpWhereRowsComeFasterThanItReads) {
  const Vectors rows = draw_vectors(20, 8, 40);
  Table table(rows);
  StrictStore s(make_index(bare_shape(), rows, 0));
  s.set_read_bound(1000);
  BumpArena arena;
  Learner learner;
  bool done = true;
  s.operation([&] {
    done = train_from(s, arena.arena(), learner, table, [&](Tid, Arena memory) {
      const Tid fresh = 1000 + table.rows.size();
      table.rows[fresh] = draw_vectors(1, 8, fresh)[0];
      insert_row(s, memory, table.rows[fresh].data(), fresh);
    });
  });
  EXPECT_FALSE(done);
  EXPECT_EQ(options_of(s).model_block, kNoBlock);
  EXPECT_EQ(table.reads, 20u * kTrainRounds);  // each row brings another
  EXPECT_TRUE(train_from(s, table));
  EXPECT_EQ(odd_graph(s, table), "");
}

TEST(HnswTrain, IsAskedForAtOneSizeAndThenAtLargerOnes) {
  EXPECT_FALSE(asks_for_training(0, 0));
  EXPECT_FALSE(asks_for_training(kTrainAt - 5, kTrainAt - 1));
  EXPECT_TRUE(asks_for_training(kTrainAt - 1, kTrainAt));
  EXPECT_TRUE(asks_for_training(kTrainAt - 3, kTrainAt + 2));
  EXPECT_FALSE(asks_for_training(kTrainAt, kTrainAt));
  uint64_t asked = 0, last = 0, sum = 0;
  for (uint64_t n = 0; n < 200000; n += 3) {
    if (!asks_for_training(n, n + 3)) continue;
    ++asked;
    EXPECT_LE(n - last, last == 0 ? kTrainAt : last / 16 + 3) << n;
    last = n;
    sum += n;
  }
  EXPECT_GT(asked, 100u);
  EXPECT_LT(sum, 33u * 200000);
}

// --- Crashes, errors and races

Check good_graph(Table table) {
  const auto shared = std::make_shared<Table>(std::move(table));
  return [=](StrictStore& s) -> std::string {
    s.set_read_bound(1000);
    Table copy = *shared;
    std::vector<Tid> must;
    for (const auto& [tid, row] : copy.rows) must.push_back(tid);
    if (options_of(s).model_block == kNoBlock && !train_from(s, copy)) return "it cannot be trained";
    const std::string what = odd_graph(s, copy);
    return what.empty() ? whole_index(s, must) : what;
  };
}
Operation train_op(const std::shared_ptr<Table>& table, const std::shared_ptr<Learner>& learner) {
  return [=](StrictStore& s, Arena arena) { train_from(s, arena, *learner, *table, [](Tid, Arena) {}); };
}

TEST(HnswTrainSteps, WithRowsOfTheTable) {
  const Vectors rows = draw_vectors(30, 8, 41);
  const auto table = std::make_shared<Table>(rows);
  const auto learner = std::make_shared<Learner>();
  const StrictStore::Image start = make_index(bare_shape(96), rows, 0);
  const Stepped crashes = step_crashes(start, train_op(table, learner), good_graph(*table));
  EXPECT_EQ(crashes.failure, "");
  EXPECT_GE(crashes.states, 30 / shape_options(bare_shape(96)).slots_per_page + 3);
  const Stepped errors = step_errors(start, train_op(table, learner), good_graph(*table));
  EXPECT_EQ(errors.failure, "");
  EXPECT_GT(errors.states, 60u);
}

TEST(HnswTrainRace, InsertsVacuumAndTraining) {
  const Vectors rows = draw_vectors(9, 8, 42), more = draw_vectors(3, 8, 43);
  const auto table = std::make_shared<Table>(rows);
  for (size_t i = 0; i < more.size(); ++i) table->rows[101 + i] = more[i];
  Table left = *table;
  for (const Tid tid : {2, 7}) {
    table->gone.insert(tid);
    left.rows.erase(tid);
  }
  const auto one = std::make_shared<Learner>(), two = std::make_shared<Learner>();
  const auto added = std::make_shared<Vectors>(more);
  const auto put = [added](size_t i) {
    return [added, i](StrictStore& s, Arena arena) { insert_row(s, arena, (*added)[i].data(), 101 + i); };
  };
  const Operation take = [table](StrictStore& s, Arena arena) {
    vacuum(
        s, arena, VacuumOptions{}, [&](Tid tid) { return table->gone.count(tid) != 0; },
        [&](const Options& o) {
          core::GraphCode* code = arena.grab<core::GraphCode>(1);
          *code = load_code(s, o, arena);
          return static_cast<const core::GraphCode*>(code);
        });
  };
  const char* text = std::getenv("LOWDIM_SEED");
  const Race race{make_index(bare_shape(224), rows, 0),
                  {put(0), train_op(table, one), take, put(1), train_op(table, two), put(2)},
                  good_graph(left)};
  const auto found = explore(race, 600, text == nullptr ? 1 : std::strtoull(text, nullptr, 10));
  if (found) {
    ADD_FAILURE() << "seed " << found->seed << ": " << found->first.failure << "\nshrunk to "
                  << found->shrunk.schedule.size() << " switches: " << found->shrunk.failure << "\n"
                  << found->shrunk.trace;
  }
}

}  // namespace
}  // namespace lowdim::testing
