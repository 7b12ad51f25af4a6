// Inserts into lean_hnsw indexes over StrictStore: every crash and every error; inserts, scans and training
// in orders drawn from seeds (LOWDIM_SEED in the environment moves them).

#include <cstdlib>

#include "hnsw_insert_fixture.h"
#include "interleave.h"
#include "stepper.h"

namespace lowdim::testing {
namespace {

// --- Crashes and errors

Operation insert_of(std::vector<float> x, Tid tid) {
  const auto row = std::make_shared<std::vector<float>>(std::move(x));
  return [row, tid](StrictStore& s, Arena arena) { insert_row(s, arena, row->data(), tid); };
}

// The rows are there, and perhaps those of `may`; and the index is good for more work. A crash may lose
// links, never have wrong ones.
Check good_for_more(std::vector<Tid> must, std::vector<Tid> may, uint32_t dims) {
  const std::vector<float> fresh = draw_vectors(1, dims, 77)[0];
  return [=](StrictStore& s) {
    s.set_read_bound(64);
    std::string what = odd(s);
    if (what.empty()) what = whole_index(s, must, may);
    if (!what.empty()) return what;
    for (int i = 0; i < 3; ++i) insert_row(s, fresh, 5000 + i);
    what = odd(s);
    if (what.empty()) what = whole_index(s, with(must, {5000, 5001, 5002}), may);
    if (!what.empty()) return "after more work: " + what;
    const std::vector<Tid> found = search_alone(s, fresh, 3);
    if (found.size() != 3 || *std::min_element(found.begin(), found.end()) < 5000)
      return std::string("the new rows are not near");
    return what;
  };
}

void expect_every_step(const StrictStore::Image& start, const Operation& operation, const Check& check,
                       uint64_t least_states) {
  const Stepped crashes = step_crashes(start, operation, check);
  EXPECT_EQ(crashes.failure, "");
  EXPECT_GE(crashes.states, least_states);
  const Stepped errors = step_errors(start, operation, check);
  EXPECT_EQ(errors.failure, "");
  EXPECT_GT(errors.states, crashes.states);
}

TEST(HnswInsertSteps, IntoFullLists) {
  IndexShape shape;
  shape.dims = 4;
  shape.segments = 6;
  const Vectors rows = draw_vectors(300, 4, 17);
  const StrictStore::Image start = make_index(shape, rows);
  const std::vector<float> x = draw_vectors(1, 4, 18)[0];
  // It is what it says: some of those that link to the new node were full, and dropped another for it.
  StrictStore before(start), after(start);
  const Inserted r = insert_row(after, x, 301);
  const Geometry g(options_of(before));
  uint32_t full = 0;
  each_slot(before, g, [&](NodeId id, const uint8_t* slot) {
    const uint8_t* now = slot_at(after.page(g.block(id)), g, g.item(id));
    full += head_of(slot).count == g.degree && head_of(now).count == g.degree && has_link(now, g, r.id);
  });
  ASSERT_GE(full, 1u);
  expect_every_step(start, insert_of(x, 301), good_for_more(tids(300), {301}, 4), 5);
}

TEST(HnswInsertSteps, ThatExtends) {
  for (const uint32_t degree : {32u, 224u}) {
    IndexShape shape;
    shape.degree = degree;
    shape.ef_construction = 8;
    const uint32_t per_page = shape_options(shape).slots_per_page;
    for (uint32_t n : {2 * per_page, 2 * per_page - 1}) {  // a page for the new node; its last slot
      const StrictStore::Image start = make_index(shape, draw_vectors(n, shape.dims, 19));
      StrictStore after(start);
      const Block pages = after.pages();
      insert_row(after, draw_vectors(1, shape.dims, 20)[0], n + 1);
      EXPECT_EQ(after.pages(), n == 2 * per_page ? pages + 1 : pages);
      EXPECT_EQ(options_of(after).room_head == kNoBlock, n != 2 * per_page);
      expect_every_step(start, insert_of(draw_vectors(1, shape.dims, 20)[0], n + 1),
                        good_for_more(tids(n), {n + 1}, shape.dims), 4);
    }
  }
}

TEST(HnswInsertSteps, OfADuplicateThatOpensAnOverflowSlot) {
  for (const uint32_t degree : {32u, 224u}) {
    for (const uint32_t more : {0u, 1u}) {  // the slot is on another page than the node; or on its own
      IndexShape shape;
      shape.degree = degree;
      shape.ef_construction = 8;
      const uint32_t per_page = shape_options(shape).slots_per_page, n = per_page + more;
      const Vectors rows = draw_vectors(n, shape.dims, 21);
      StrictStore s(make_index(shape, rows));
      const size_t which = more == 0 ? 0 : n - 1;
      insert_row(s, rows[which], 1001);
      ASSERT_EQ(overflow_slots(s), 0u);
      StrictStore after(s.image());
      insert_row(after, rows[which], 1002);
      ASSERT_EQ(overflow_slots(after), 1u);
      expect_every_step(s.image(), insert_of(rows[which], 1002),
                        good_for_more(with(tids(n), {1001}), {1002}, shape.dims), 2);
    }
  }
}

TEST(HnswInsertSteps, Training) {
  IndexShape shape;
  shape.degree = 96;
  shape.dims = 72;  // the model takes two pages
  shape.segments = 18;
  shape.ef_construction = 8;
  const Vectors rows = draw_vectors(40, shape.dims, 22);
  const StrictStore::Image start = make_index(shape, rows, 0);
  StrictStore after(start);
  ASSERT_TRUE(train_index(after));
  ASSERT_GT(options_of(after).model_bytes, kBodyBytes);
  const auto learner = std::make_shared<Learner>();
  const Check works = good_for_more(tids(40), {}, shape.dims);
  uint32_t not_yet = 0;
  expect_every_step(
      start, [learner](StrictStore& s, Arena arena) { train_index(s, arena, *learner); },
      [&](StrictStore& s) {
        if (options_of(s).model_block == kNoBlock) {
          ++not_yet;
          StrictStore again(s.image());
          if (!train_index(again) || options_of(again).generation != 1)
            return std::string("cannot be trained again");
          const std::string what = works(again);
          if (!what.empty()) return "trained again: " + what;
        }
        return works(s);
      },
      40 / shape_options(shape).slots_per_page + 6);
  EXPECT_GT(not_yet, 10u);
}

// --- Every order

uint64_t first_seed() {
  const char* text = std::getenv("LOWDIM_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

void expect_no_finding(const Race& race, uint64_t seeds) {
  const auto found = explore(race, seeds, first_seed());
  if (found) {
    ADD_FAILURE() << "seed " << found->seed << ": " << found->first.failure << "\nshrunk to "
                  << found->shrunk.schedule.size() << " switches: " << found->shrunk.failure << "\n"
                  << found->shrunk.trace;
  }
}

Check has_exactly(std::vector<Tid> must) {
  return [=](StrictStore& s) {
    s.set_read_bound(64);
    const std::string what = odd(s);
    return what.empty() ? whole_index(s, must) : what;
  };
}

// Sees the rows 1 .. n, each once, whatever others do.
Operation scan_of(std::vector<float> x, size_t n) {
  return [=](StrictStore& s, Arena arena) {
    std::vector<size_t> times(n + 1);
    for (const Tid tid : search(s, x, SIZE_MAX, 4, arena)) {
      if (tid <= n) ++times[tid];
    }
    for (size_t i = 1; i <= n; ++i) {
      if (times[i] != 1) {
        throw Violation(Rule::kEndless,
                        "the scan saw row " + std::to_string(i) + " " + std::to_string(times[i]) + " times");
      }
    }
  };
}

struct Small {
  IndexShape shape;
  Vectors rows;
  StrictStore::Image start;
  Vectors more;
};
Small small_index(uint32_t degree, size_t n, size_t trained = SIZE_MAX) {
  Small out;
  out.shape.degree = degree;
  out.shape.ef_construction = 4;
  out.rows = draw_vectors(n, out.shape.dims, 23);
  out.start = make_index(out.shape, out.rows, trained);
  out.more = draw_vectors(6, out.shape.dims, 24);
  return out;
}

TEST(HnswInsertRace, InsertsAtOnce) {
  for (const uint32_t degree : {32u, 224u}) {
    const Small i = small_index(degree, 12);
    expect_no_finding({i.start,
                       {insert_of(i.more[0], 101), insert_of(i.more[1], 102), insert_of(i.more[2], 103)},
                       has_exactly(with(tids(12), {101, 102, 103}))},
                      1000);
  }
}

TEST(HnswInsertRace, InsertsAndAScan) {
  for (const size_t trained : {size_t{0}, SIZE_MAX}) {
    const Small i = small_index(224, 9, trained);
    expect_no_finding({i.start,
                       {insert_of(i.more[0], 101), scan_of(i.more[1], 9), insert_of(i.more[2], 103)},
                       has_exactly(with(tids(9), {101, 103}))},
                      1000);
  }
}

TEST(HnswInsertRace, EqualVectorsAtOnce) {
  for (const size_t trained : {size_t{0}, SIZE_MAX}) {
    for (const bool full : {false, true}) {  // the node's own places for addresses
      const Small i = small_index(224, 4, trained);
      StrictStore s(i.start);
      std::vector<Tid> must = with(tids(4), {102, 103, 104});
      if (full) {
        insert_row(s, i.rows[0], 101);
        must.push_back(101);
      }
      expect_no_finding({s.image(),
                         {insert_of(i.rows[0], 102), insert_of(i.rows[0], 103), insert_of(i.rows[0], 104),
                          scan_of(i.rows[0], 4)},
                         [=](StrictStore& store) {
                           if (live_nodes(store) != 4) return std::string("the node is there twice");
                           return has_exactly(must)(store);
                         }},
                        500);
    }
  }
}

// Few free slots for many: a page leaves the list once, and with it nothing else does.
TEST(HnswInsertRace, TheLastSlotsOfAPage) {
  IndexShape shape;
  shape.degree = 224;
  const size_t per_page = shape_options(shape).slots_per_page;
  for (const uint32_t left : {1u, 2u}) {
    const size_t n = 2 * per_page - left;
    const Small i = small_index(224, n, 0);
    Race race{i.start,
              {insert_of(i.more[0], 101), insert_of(i.more[1], 102)},
              has_exactly(with(tids(n), {101, 102}))};
    // A third would clear up what two leave, or need a page that they must not lose.
    if (left == 1) {
      race.operations.push_back(insert_of(i.more[2], 103));
      race.check = has_exactly(with(tids(n), {101, 102, 103}));
    }
    expect_no_finding(race, 700);
  }
}

TEST(HnswInsertRace, EntriesOfAFullPage) {
  StrictStore s;
  const Options o = shape_options({});
  create(s, o);
  const Geometry g(o);
  const std::vector<uint8_t> code(g.code_bytes());
  const std::vector<Entry> list(g.bundles_per_entries_page() * kLanes, Entry{7, code.data()});
  Block first = kNoBlock;
  s.operation([&] { first = write_entries(s, g, list.data(), static_cast<uint32_t>(list.size())); });
  const auto add = [&](NodeId id) {
    return [&, id](StrictStore& store, Arena) { add_entry(store, g, first, id, code.data()); };
  };
  expect_no_finding(
      {s.image(),
       {add(100), add(101), add(102)},
       [&](StrictStore& store) {
         std::set<NodeId> seen;
         for (Block b = first; b != kNoBlock; b = store.page(b).next()) {
           for (uint32_t e = 0; e < store.page(b).body<EntriesHead>()->count; ++e) {
             seen.insert(Geometry::bundle_ids(entries_bundle(store.page(b), g, e / kLanes))[e % kLanes]);
           }
         }
         return seen == std::set<NodeId>{7, 100, 101, 102} ? "" : std::string("an entry is lost");
       }},
      300);
}

// The first overflow slot has room for one more; who comes second opens another.
TEST(HnswInsertRace, TheLastPlaceOfAnOverflowSlot) {
  Small i = small_index(32, 4);
  StrictStore s(i.start);
  std::vector<Tid> must = tids(4);
  const uint32_t room = Geometry(options_of(s)).overflow_room();
  for (Tid tid = 101; tid < 101 + kInlineTids - 1 + room - 1; ++tid) {
    insert_row(s, i.rows[0], tid);
    must.push_back(tid);
  }
  ASSERT_EQ(overflow_slots(s), 1u);
  expect_no_finding({s.image(),
                     {insert_of(i.rows[0], 1102), insert_of(i.rows[0], 1103), insert_of(i.more[0], 1104)},
                     [=](StrictStore& store) {
                       if (overflow_slots(store) != 2) return std::string("not two overflow slots");
                       return has_exactly(with(must, {1102, 1103, 1104}))(store);
                     }},
                    1000);
}

TEST(HnswInsertRace, TrainingInsertsAndAScan) {
  const Small i = small_index(224, 7, 0);
  const auto learner = std::make_shared<Learner>();
  expect_no_finding({i.start,
                     {insert_of(i.more[0], 101),
                      [learner](StrictStore& s, Arena arena) { train_index(s, arena, *learner); },
                      scan_of(i.more[1], 7), insert_of(i.more[2], 103)},
                     [](StrictStore& s) {
                       if (options_of(s).generation != 1) return std::string("not trained");
                       // What came before the training must be in the graph as what came after it.
                       std::string what;
                       each_slot(s, Geometry(options_of(s)), [&](NodeId id, const uint8_t* slot) {
                         if (head_of(slot).state == State::kLive && head_of(slot).count == 0) {
                           what = "node " + std::to_string(id) + " has no links";
                         }
                       });
                       return what.empty() ? has_exactly(with(tids(7), {101, 103}))(s) : what;
                     }},
                    800);
}

// Two train at once: one does.
TEST(HnswInsertRace, TwoTrain) {
  const Small i = small_index(224, 5, 0);
  const auto one = std::make_shared<Learner>(), two = std::make_shared<Learner>();
  expect_no_finding(
      {i.start,
       {[one](StrictStore& s, Arena arena) { train_index(s, arena, *one); },
        [two](StrictStore& s, Arena arena) { train_index(s, arena, *two); }, insert_of(i.more[0], 101)},
       [](StrictStore& s) {
         if (options_of(s).generation != 1) return std::string("not trained once");
         return has_exactly(with(tids(5), {101}))(s);
       }},
      400);
}

}  // namespace
}  // namespace lowdim::testing
