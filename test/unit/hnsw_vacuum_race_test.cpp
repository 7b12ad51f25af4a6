// Inserts, vacuums, scans and training at once, in orders drawn from seeds: scans find what was there before
// and stays, once; what was inserted is found afterwards; the index is whole. LOWDIM_SEED moves the seeds,
// LOWDIM_SEEDS says how many orders are tried of each combination.

#include <gtest/gtest.h>

#include <cstdlib>

#include "hnsw_vacuum_fixture.h"
#include "interleave.h"

namespace lowdim::testing::churn {
namespace {

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

constexpr uint32_t kAtStart = 36, kInPairs = 6;

// Rows 0 .. 35 are in the index from the start, 36 .. come by inserts. The first are pairs of equal vectors
// with chains; 36, 37 and 47 are equal to rows of the start, 46 to 45.
std::unique_ptr<World> race_world(bool trained) {
  std::vector<float> rows = cluster_rows(48, 16, 3, 21);
  const auto copy = [&](uint32_t from, uint32_t to) {
    std::copy(rows.begin() + from * 16, rows.begin() + (from + 1) * 16, rows.begin() + to * 16);
  };
  for (uint32_t i = 1; i < kInPairs; ++i) copy(0, i);
  copy(0, 36);
  copy(10, 37);
  copy(45, 46);
  copy(0, 47);
  return make_world(rows, 16, kAtStart, trained);
}
bool dies_of_three(uint32_t i) { return i % 3 == 1; }
bool dies_first(uint32_t i) { return i < 12 || i == 37 || i == 40; }
bool nobody_dies(uint32_t) { return false; }

class HnswRace : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override { world_ = race_world(GetParam()); }

  Operation insert(std::vector<uint32_t> rows) const {
    return [=, this](StrictStore& s, Arena arena) {
      s.set_read_bound(1000);
      for (const uint32_t i : rows) insert_row(s, *world_, i, arena);
    };
  }
  Operation vacuum(bool (*dies)(uint32_t)) const {
    return [=, this](StrictStore& s, Arena arena) {
      s.set_read_bound(1000);
      vacuum_rows(s, *world_, arena, dies);
    };
  }
  Operation scan(uint32_t near, bool (*dies)(uint32_t)) const {
    return [=, this](StrictStore& s, Arena) {
      s.set_read_bound(1000);
      const Found found = scan_rows(s, *world_, world_->row(near), SIZE_MAX, 8);
      if (!found.wrong.empty()) throw Violation(Rule::kSlotLife, found.wrong);
      const std::set<uint32_t> got(found.rows.begin(), found.rows.end());
      for (uint32_t i = 0; i < kAtStart; ++i) {
        if (!dies(i) && !got.contains(i)) {
          throw Violation(Rule::kSlotLife, "the scan missed row " + std::to_string(i));
        }
      }
    };
  }
  Operation train() const {
    return [](StrictStore& s, Arena arena) {
      s.set_read_bound(1000);
      Learner learner;
      train_index(s, arena, learner);
    };
  }

  // Damage, rows, and that another vacuum leaves nothing over.
  Check check(std::vector<uint32_t> inserted, bool (*dies)(uint32_t)) const {
    return [=, this](StrictStore& s) -> std::string {
      std::set<uint32_t> must, may;
      for (uint32_t i = 0; i < kAtStart; ++i) {
        if (!dies(i)) must.insert(i);
      }
      for (const uint32_t i : inserted) (dies(i) ? may : must).insert(i);
      std::string what = index_is_good(s, *world_, must, may);
      if (!what.empty()) return what;
      const hnsw::Census c = census_of(s);
      if (c.dead + c.dead_links + c.dead_entries != 0) return "vacuum left something dead";
      for (const uint32_t i : inserted) {
        if (dies(i)) continue;
        Found found;
        s.operation([&] { found = scan_rows(s, *world_, world_->row(i), 1 + kInPairs + 1, 16); });
        if (std::count(found.rows.begin(), found.rows.end(), i) != 1) {
          return "row " + std::to_string(i) + " is not near itself";
        }
      }
      BumpArena arena;
      s.operation([&] { vacuum_rows(s, *world_, arena.arena(), dies); });
      what = index_is_good(s, *world_, must);
      return what.empty() ? "" : "after another vacuum: " + what;
    };
  }

  void expect_no_finding(const char* name, std::vector<Operation> operations, Check check) const {
    const uint64_t seeds = from_environment("LOWDIM_SEEDS", 200), first = from_environment("LOWDIM_SEED", 1);
    const auto found = explore({world_->image, std::move(operations), std::move(check)}, seeds, first);
    if (found) {
      ADD_FAILURE() << name << ", seed " << found->seed << ": " << found->first.failure << "\nshrunk to "
                    << found->shrunk.schedule.size() << " switches: " << found->shrunk.failure << "\n"
                    << found->shrunk.trace;
    }
  }

  // One operation stops at each of its steps in turn, and the other goes from its begin to its end meanwhile.
  void expect_no_finding_at_any_step(const char* name, const Operation& stops, const Operation& passes,
                                     const Check& check) const {
    const Race race{world_->image, {stops, passes}, check};
    for (uint64_t step = 0;; ++step) {
      const RaceResult r = replay(race, {{step, 1}});
      if (!r.failure.empty()) {
        ADD_FAILURE() << name << ", stopped at step " << step << ": " << r.failure << "\n" << r.trace;
        return;
      }
      if (r.schedule.empty()) return;  // it came to its end before
    }
  }

  std::unique_ptr<World> world_;
};

TEST_P(HnswRace, InsertsAndScan) {
  expect_no_finding("inserts and a scan", {insert({38, 39}), insert({36, 41}), scan(3, nobody_dies)},
                    check({36, 38, 39, 41}, nobody_dies));
}
// Equal vectors at once, with those that are there and with each other.
TEST_P(HnswRace, EqualRows) {
  expect_no_finding("equal rows", {insert({36, 45}), insert({37, 46}), insert({47}), scan(0, nobody_dies)},
                    check({36, 37, 45, 46, 47}, nobody_dies));
}
TEST_P(HnswRace, VacuumAndScan) {
  expect_no_finding("vacuum and scans",
                    {vacuum(dies_of_three), scan(0, dies_of_three), scan(20, dies_of_three)},
                    check({}, dies_of_three));
}
TEST_P(HnswRace, InsertAndVacuum) {
  expect_no_finding("inserts and vacuum", {insert({38, 39}), insert({36, 42}), vacuum(dies_of_three)},
                    check({36, 38, 39, 42}, dies_of_three));
}
// What is inserted may go at once; rows are added to vectors that go.
TEST_P(HnswRace, VacuumOfWhatIsInserted) {
  expect_no_finding("vacuum of what is inserted", {insert({36, 40}), insert({37, 41}), vacuum(dies_first)},
                    check({36, 37, 40, 41}, dies_first));
}
TEST_P(HnswRace, InsertVacuumAndScan) {
  expect_no_finding("insert, vacuum and scan",
                    {insert({36, 38, 40}), vacuum(dies_first), scan(5, dies_first), scan(30, dies_first)},
                    check({36, 38, 40}, dies_first));
}
// Slots are freed and used again while a scan still knows their numbers.
TEST_P(HnswRace, VacuumsInsertsAndScan) {
  expect_no_finding(
      "two vacuums, inserts and a scan",
      {[this](StrictStore& s, Arena arena) {
         s.set_read_bound(2000);
         vacuum_rows(s, *world_, arena, dies_first);
         insert_row(s, *world_, 41, arena);
         insert_row(s, *world_, 42, arena);
         vacuum_rows(s, *world_, arena, dies_of_three);
       },
       insert({38, 39, 44}), scan(14, [](uint32_t i) { return dies_first(i) || dies_of_three(i); })},
      check({38, 39, 41, 42, 44}, [](uint32_t i) { return dies_first(i) || dies_of_three(i); }));
}
TEST_P(HnswRace, TrainingAndTheRest) {
  expect_no_finding("training, insert, vacuum and scan",
                    {train(), insert({36, 38}), vacuum(dies_of_three), scan(5, dies_of_three)},
                    check({36, 38}, dies_of_three));
}
TEST_P(HnswRace, EachStepOfOneWhileAnotherPasses) {
  const std::vector<uint32_t> rows{36, 37, 38};
  const auto good = check(rows, dies_first);
  expect_no_finding_at_any_step("an insert and vacuum", insert(rows), vacuum(dies_first), good);
  expect_no_finding_at_any_step("vacuum and inserts", vacuum(dies_first), insert(rows), good);
  expect_no_finding_at_any_step("a scan and vacuum", scan(3, dies_first), vacuum(dies_first),
                                check({}, dies_first));
  expect_no_finding_at_any_step("vacuum and a scan", vacuum(dies_first), scan(3, dies_first),
                                check({}, dies_first));
  expect_no_finding_at_any_step("training and vacuum", train(), vacuum(dies_first), check({}, dies_first));
  expect_no_finding_at_any_step("vacuum and training", vacuum(dies_first), train(), check({}, dies_first));
  // Vacuum frees what a scan knows, and inserts use it again.
  expect_no_finding_at_any_step(
      "a scan, and vacuum with inserts", scan(3, dies_first),
      [this](StrictStore& s, Arena arena) {
        s.set_read_bound(1000);
        vacuum_rows(s, *world_, arena, dies_first);
        for (uint32_t i = 38; i < 45; ++i) {
          if (i != 40) insert_row(s, *world_, i, arena);
        }
      },
      check({38, 39, 41, 42, 43, 44}, dies_first));
}
// A list that changes between its reading and its writing keeps what came to it: with so few nodes no list is
// ever full, so whomever the new node links to links back.
TEST_P(HnswRace, RepairKeepsLinksThatCameMeanwhile) {
  if (!GetParam()) return;
  world_ = make_world(world_->rows, 16, 24, true);
  expect_no_finding_at_any_step(
      "vacuum and an insert", vacuum(dies_of_three), insert({38}), [](StrictStore& s) -> std::string {
        hnsw::Options o{};
        hnsw::read_options(s, &o);
        const hnsw::Geometry g(o);
        const auto slot_of = [&](hnsw::NodeId id) {
          return hnsw::slot_at(s.page(g.block(id)), g, g.item(id));
        };
        for (hnsw::NodeId id = g.slots_per_page; id < s.pages() * g.slots_per_page; ++id) {
          if (!hnsw::is_nodes(s.page(g.block(id)), g)) continue;
          const uint8_t* slot = slot_of(id);
          if (hnsw::head_of(slot).state != hnsw::State::kLive) continue;
          if (row_of(hnsw::get_tid(hnsw::head_of(slot).tids)) != 38) continue;
          if (hnsw::head_of(slot).count < 8) return "the new node has hardly a link";
          for (uint32_t j = 0; j < hnsw::head_of(slot).count; ++j) {
            if (!hnsw::has_link(slot_of(hnsw::neighbour_of(slot, g, j)), g, id)) return "a link back is lost";
          }
          return "";
        }
        return "the row is not there";
      });
}
INSTANTIATE_TEST_SUITE_P(Trained, HnswRace, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Trained" : "Untrained"; });

}  // namespace
}  // namespace lowdim::testing::churn
