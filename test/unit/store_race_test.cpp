// Operations at once, in orders drawn from seeds, on the chain of test/modules/store_test and on versions of
// it that are broken on purpose: those must be found and shrunk to a few switches. LOWDIM_SEED in the
// environment moves the seeds.

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "chain_fixture.h"
#include "interleave.h"

namespace lowdim::testing {
namespace {

using paged::Block;
using paged::Gate;
using paged::GateMode;
using paged::kWholePage;
using paged::PageEdit;
using paged::PageView;
using paged::SlotEvent;
using paged::Verdict;

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

Operation append(uint64_t value) {
  return [=](StrictStore& s, Arena) { chain::append(s, value); };
}
const Operation kVacuum = [](StrictStore& s, Arena) { chain::vacuum(s, [](uint64_t v) { return v <= 4; }); };
const Operation kScan = [](StrictStore& s, Arena arena) {
  ArenaVec<uint64_t> found(arena);
  chain::scan(s, [&](uint64_t v) { found.push_back(v); });
  // What nobody touches is found by every scan, once.
  size_t fives = 0;
  for (const uint64_t v : found) fives += v == 5;
  if (fives != 1) throw Violation(Rule::kEndless, "the scan saw 5 " + std::to_string(fives) + " times");
};

TEST(StoreRace, AppendsAtOnce) {
  expect_no_finding({make_chain(2, 2),
                     {append(11), append(12), append(13)},
                     [](StrictStore& s) {
                       return whole(s, {1, 2, 11, 12, 13});
                     }},
                    1000);
}

TEST(StoreRace, AppendVacuumAndScan) {
  expect_no_finding({make_chain(1, 5),
                     {append(11), kVacuum, kScan},
                     [](StrictStore& s) {
                       return whole(s, {5, 11});
                     }},
                    1000);
}

// The free list has pages from the start, so numbers are reused while others walk.
TEST(StoreRace, PagesAreReused) {
  const StrictStore::Image start = make_chain(1, 8, [](uint64_t v) { return v > 5; });
  expect_no_finding({start,
                     {[](StrictStore& s, Arena) {
                        chain::append(s, 11);
                        chain::append(s, 12);
                      },
                      [](StrictStore& s, Arena) {
                        chain::vacuum(s, [](uint64_t v) { return v <= 2; });
                        chain::vacuum(s, [](uint64_t v) { return v <= 4; });
                      },
                      append(13), kScan},
                     [](StrictStore& s) {
                       return whole(s, {5, 11, 12, 13});
                     }},
                    1000);
}

// Vacuum empties the page that others append to, and takes away (as after an aborted insert) what was just
// appended.
TEST(StoreRace, VacuumEmptiesTheTail) {
  const auto vacuum = [](uint64_t limit) {
    return [=](StrictStore& s, Arena) { chain::vacuum(s, [=](uint64_t v) { return v <= limit; }); };
  };
  expect_no_finding({make_chain(1, 2),
                     {append(11), append(12), vacuum(5)},
                     [](StrictStore& s) {
                       return whole(s, {11, 12});
                     }},
                    1000);
  expect_no_finding({make_chain(1, 2),
                     {append(11), append(12), vacuum(20)},
                     [](StrictStore& s) {
                       return whole(s, {}, {11, 12});
                     }},
                    1000);
}

// --- Broken on purpose
// ----------------------------------------------------------------------------------------------

// Reads how many there are, and writes the next one under another lock.
void append_blindly(StrictStore& s, uint64_t value) {
  const size_t count = s.read(1, [](PageView page) { return page.item_count<uint64_t>(); });
  s.change(1, [&](PageEdit page) {
    page.set_body_bytes((count + 1) * sizeof(uint64_t));
    page.items<uint64_t>()[count] = value;
    return Verdict::kCommit;
  });
}

TEST(StoreRace, FindsALostUpdateAndShrinksIt) {
  const auto blind = [](uint64_t v) { return [=](StrictStore& s, Arena) { append_blindly(s, v); }; };
  const Race race{make_chain(100, 1), {blind(11), blind(12), blind(13)}, [](StrictStore& s) {
                    return whole(s, {1, 11, 12, 13});
                  }};
  const auto found = explore(race, 1000);
  ASSERT_TRUE(found);
  EXPECT_NE(found->first.failure.find("is missing"), std::string::npos) << found->first.failure;
  // One switch is enough: after one has read, another goes first.
  ASSERT_EQ(found->shrunk.schedule.size(), 1u) << found->shrunk.trace;
  const RaceResult again = replay(race, found->shrunk.schedule);
  EXPECT_EQ(again.failure, found->shrunk.failure);
  EXPECT_EQ(again.trace, found->shrunk.trace);
  EXPECT_EQ(replay(race, {}).failure, "");  // one after the other all is well
}

// Frees an unlinked page without waiting for those who know its number.
TEST(StoreRace, FindsAFreedPageThatAScanStillHolds) {
  const Operation hasty = [](StrictStore& s, Arena) {
    s.change(2, [](PageEdit page) {
      page.set_body_bytes(0);
      return Verdict::kCommit;
    });
    chain::unlink(s, 1, 2);
    paged::free_page(s, 2);
  };
  const Operation patient = [](StrictStore& s, Arena) {
    s.change(2, [](PageEdit page) {
      page.set_body_bytes(0);
      return Verdict::kCommit;
    });
    chain::unlink(s, 1, 2);
    s.pass(chain::kWalkers);
    paged::free_page(s, 2);
  };
  Race race{make_chain(1, 3),
            {hasty, [](StrictStore& s, Arena) { chain::scan(s, [](uint64_t) {}); }},
            [](StrictStore& s) {
              return whole(s, {1, 3});
            }};
  const auto found = explore(race, 1000);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->shrunk.rule, Rule::kFreedSlot) << found->shrunk.failure;
  EXPECT_LE(found->shrunk.schedule.size(), 2u) << found->shrunk.trace;
  race.operations[0] = patient;
  expect_no_finding(race, 1000);
}

// Sets the tail hint without looking whether vacuum has unlinked that page meanwhile.
TEST(StoreRace, FindsAHintToADeadPage) {
  const Operation append_then_hint_blindly = [](StrictStore& s, Arena) {
    s.with(chain::kWalkers, GateMode::kShare, [&] {
      const Block got = paged::grow_from(s, 1, chain::kLinks, [](PageEdit old, Block block, PageEdit page) {
        page.append(uint64_t{4});  // the vacuum below takes it away
        old.set_next(block);
        return Verdict::kCommit;
      });
      s.change(paged::kMetaBlock, [&](PageEdit meta) {
        chain::Options o;
        read_meta(meta, chain::kFormat, o);
        o.tail = got;
        write_options(meta, o);
        return Verdict::kCommit;
      });
    });
  };
  const Race race{make_chain(1, 1), {append_then_hint_blindly, kVacuum}, [](StrictStore& s) {
                    return whole(s, {}, {1, 4});
                  }};
  const auto found = explore(race, 1000);
  ASSERT_TRUE(found);
  EXPECT_NE(found->shrunk.failure.find("tail hint"), std::string::npos) << found->shrunk.failure;
  EXPECT_LE(found->shrunk.schedule.size(), 2u) << found->shrunk.trace;
}

// StrictStore's rules (ascending pages, gates before pages, one gate) leave no cycle, so the detector is
// tried by itself.
TEST(StoreRace, FindsADeadlock) {
  interleave::Baton baton(2, [](uint64_t, int standing, const std::vector<int>&) { return standing; });
  bool done[2] = {false, false};
  baton.run([&](int id) {
    baton.wait_until([&] { return done[1 - id]; });
    done[id] = true;
  });
  EXPECT_EQ(baton.result().rule, Rule::kDeadlock);
  EXPECT_FALSE(done[0] || done[1]);
}

TEST(StoreRace, WhoWaitsForAGateIsLetIn) {
  const Operation holds = [](StrictStore& s, Arena) {
    s.with(Gate{0}, GateMode::kExclusive, [&] { s.poll(); });
  };
  const Operation passes = [](StrictStore& s, Arena) { s.pass(Gate{0}); };
  expect_no_finding({make_chain(1, 1), {holds, holds, passes}, [](StrictStore& s) { return whole(s, {1}); }},
                    200);
}

TEST(StoreRace, GatesExclude) {
  int inside_shared = 0, inside_exclusive = 0;
  bool both = false, shared_together = false;
  const Operation shared = [&](StrictStore& s, Arena) {
    s.with(Gate{1}, GateMode::kShare, [&] {
      inside_shared++;
      s.poll();
      both |= inside_exclusive != 0;
      shared_together |= inside_shared == 2;
      inside_shared--;
    });
  };
  const Operation exclusive = [&](StrictStore& s, Arena) {
    s.with(Gate{1}, GateMode::kExclusive, [&] {
      inside_exclusive++;
      s.poll();
      both |= inside_shared != 0 || inside_exclusive != 1;
      inside_exclusive--;
    });
  };
  expect_no_finding(
      {make_chain(1, 1), {shared, shared, exclusive, exclusive}, [](StrictStore&) { return ""; }}, 300);
  EXPECT_FALSE(both);
  EXPECT_TRUE(shared_together);
}

// Page locks exclude: two changes never see the same state, a reader sees no half of a transaction.
TEST(StoreRace, TransactionsAreAtomic) {
  const Operation both_pages = [](StrictStore& s, Arena) {
    s.txn([](auto& txn) {
      const PageEdit one = txn.edit(1), two = txn.edit(2);
      one.items<uint64_t>()[0]++;
      two.items<uint64_t>()[0]++;
      return Verdict::kCommit;
    });
  };
  const Operation compare = [](StrictStore& s, Arena) {
    s.read(1, [&](PageView one) {
      s.read(2, [&](PageView two) {
        if (one.items<uint64_t>()[0] + 1 != two.items<uint64_t>()[0])
          throw Violation(Rule::kEndless, "half of it");
      });
    });
  };
  expect_no_finding({make_chain(1, 2),
                     {both_pages, both_pages, compare},
                     [](StrictStore& s) {
                       return whole(s, {3, 4});
                     }},
                    500);
}

}  // namespace
}  // namespace lowdim::testing
