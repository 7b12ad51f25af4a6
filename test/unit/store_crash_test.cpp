// Every crash and every error, on the chain of test/modules/store_test (with paged/meta and paged/freelist
// below it), and on versions of it that are broken on purpose: those must be found.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "chain_fixture.h"

namespace lowdim::testing {
namespace {

using chain::kLinks;
using paged::Block;
using paged::kNoBlock;
using paged::kWholePage;
using paged::PageEdit;
using paged::PageView;
using paged::SlotEvent;
using paged::Verdict;

bool odd(uint64_t v) { return v % 2 == 1; }

const Operation kAppend = [](StrictStore& s, Arena) { chain::append(s, 100); };
const Operation kVacuum = [](StrictStore& s, Arena) { chain::vacuum(s, [](uint64_t v) { return v <= 6; }); };

TEST(StoreCrash, AppendToAFullChain) {
  const Stepped r = step_crashes(make_chain(2, 6), kAppend, [](StrictStore& s) {
    return whole_and_works(s, {1, 2, 3, 4, 5, 6}, {100});
  });
  EXPECT_EQ(r.failure, "");
  EXPECT_EQ(r.states, 4u);  // before, after the extension, after the link, after the hint
}

TEST(StoreCrash, AppendWithAPageFromTheFreeList) {
  const StrictStore::Image start = make_chain(2, 8, [](uint64_t v) { return v == 3 || v == 4; });
  StrictStore before(start);
  ASSERT_EQ(paged::check_freelist(before), 1u);
  const Stepped r = step_crashes(start, kAppend, [](StrictStore& s) {
    return whole_and_works(s, {1, 2, 5, 6, 7, 8}, {100});
  });
  EXPECT_EQ(r.failure, "");
  EXPECT_EQ(r.states, 3u);
}

TEST(StoreCrash, Vacuum) {
  const Stepped r = step_crashes(make_chain(2, 8), kVacuum, [](StrictStore& s) {
    return whole_and_works(s, {7, 8}, {1, 2, 3, 4, 5, 6});
  });
  EXPECT_EQ(r.failure, "");
  EXPECT_GT(r.states, 5u);
}

TEST(StoreCrash, VacuumOfEverything) {
  const Stepped r = step_crashes(
      make_chain(1, 5), [](StrictStore& s, Arena) { chain::vacuum(s, [](uint64_t) { return true; }); },
      [](StrictStore& s) {
        return whole_and_works(s, {}, {1, 2, 3, 4, 5});
      });
  EXPECT_EQ(r.failure, "");
}

TEST(StoreError, AppendAndVacuum) {
  const std::vector<uint64_t> evens{2, 4, 6, 8};
  Stepped r = step_errors(make_chain(2, 6), kAppend, [](StrictStore& s) {
    return whole_and_works(s, {1, 2, 3, 4, 5, 6}, {100});
  });
  EXPECT_EQ(r.failure, "");
  EXPECT_GT(r.states, 10u);
  r = step_errors(
      make_chain(2, 8), [](StrictStore& s, Arena) { chain::vacuum(s, odd); },
      [&](StrictStore& s) {
        return whole_and_works(s, evens, {1, 3, 5, 7});
      });
  EXPECT_EQ(r.failure, "");
  r = step_errors(make_chain(2, 8), kVacuum, [](StrictStore& s) {
    return whole_and_works(s, {7, 8}, {1, 2, 3, 4, 5, 6});
  });
  EXPECT_EQ(r.failure, "");
}

TEST(StoreError, AScanThatGathersInAnArena) {
  uint64_t seen = 0;
  const Stepped r = step_errors(
      make_chain(2, 6),
      [&](StrictStore& s, Arena arena) {
        ArenaVec<uint64_t> found(arena);
        chain::scan(s, [&](uint64_t v) { found.push_back(v); });
        seen = found.size();
      },
      [](StrictStore& s) {
        return s.quiet() ? whole(s, {1, 2, 3, 4, 5, 6}) : "something is still held";
      });
  EXPECT_EQ(r.failure, "");
  EXPECT_EQ(seen, 6u);           // the last run came to its end
  EXPECT_EQ(r.states, 8u + 1u);  // one for each call (gate, meta, 3 polls and 3 pages), one to its end
}

// --- Broken on purpose
// ----------------------------------------------------------------------------------------------

// Links the new page in one record and makes it in the next.
void append_link_first(StrictStore& s, uint64_t value) {
  const Block tail = chain::read_options(s).tail;
  Block fresh = kNoBlock;
  s.txn([&](auto& txn) {
    const PageEdit old = txn.edit(tail);
    fresh = txn.extend().block;
    old.set_next(fresh);
    return Verdict::kCommit;
  });
  s.change(fresh, [&](PageEdit page) {
    page.init(kLinks);
    page.append(value);
    return Verdict::kCommit;
  });
  chain::set_tail(s, fresh);
}

// Makes it first, links it then: two records as well, and every prefix is good.
void append_link_last(StrictStore& s, uint64_t value) {
  const Block tail = chain::read_options(s).tail;
  Block fresh = kNoBlock;
  s.txn([&](auto& txn) {
    const paged::NewPage page = txn.extend();
    fresh = page.block;
    page.page.init(kLinks);
    page.page.append(value);
    return Verdict::kCommit;
  });
  s.change(tail, [&](PageEdit page) {
    page.set_next(fresh);
    return Verdict::kCommit;
  });
  chain::set_tail(s, fresh);
}

TEST(StoreCrash, FindsTheWrongOrderOfTwoRecords) {
  const Check check = [](StrictStore& s) { return whole(s, {1, 2}, {100}); };
  const StrictStore::Image start = make_chain(2, 2);
  const Stepped wrong = step_crashes(
      start, [](StrictStore& s, Arena) { append_link_first(s, 100); }, check);
  EXPECT_EQ(wrong.failure, "crash at state 2: block 2: a page of the chain is not a live page");
  const Stepped right = step_crashes(
      start, [](StrictStore& s, Arena) { append_link_last(s, 100); }, check);
  EXPECT_EQ(right.failure, "");
  EXPECT_EQ(right.states, 5u);
}

TEST(StoreError, FindsTheWrongOrderOfTwoRecords) {
  const Stepped wrong = step_errors(
      make_chain(2, 2), [](StrictStore& s, Arena) { append_link_first(s, 100); },
      [](StrictStore& s) {
        return whole(s, {1, 2}, {100});
      });
  EXPECT_EQ(wrong.failure, "error at store call 5: block 2: a page of the chain is not a live page");
}

// Puts the page on the free list in one record, and takes it out of the chain in another.
TEST(StoreCrash, FindsAPageFreedWhileItIsLinked) {
  const Operation wrong = [](StrictStore& s, Arena) {
    s.txn([](auto& txn) {
      const PageEdit meta = txn.edit(paged::kMetaBlock), page = txn.edit(2);
      page.init(paged::kind::kFree);
      page.set_next(kNoBlock);
      paged::meta_head(meta)->free_head = 2;
      return Verdict::kCommit;
    });
    s.change(1, [](PageEdit page) {
      page.set_next(3);
      return Verdict::kCommit;
    });
  };
  const Stepped r = step_crashes(make_chain(1, 3), wrong, [](StrictStore& s) {
    return whole(s, {1, 3}, {2});
  });
  EXPECT_EQ(r.failure, "crash at state 1: block 2: a page of the chain is not a live page");
}

TEST(Chain, ChecksFindDamage) {
  const StrictStore::Image start = make_chain(1, 4, [](uint64_t v) { return v == 2; });  // block 2 is free
  const auto damaged = [&](Block block, size_t offset, uint8_t value) {
    StrictStore store(start);
    store.overwrite(block, offset, value);
    store.operation([&] { chain::check(store); });
    return store.damages().empty() ? std::string() : store.damages().front().what;
  };
  constexpr size_t kNext = paged::kTrailerOffset, kKindAt = kNext + 4;
  EXPECT_EQ(damaged(1, paged::kBodyOffset, 9), "");  // a value: nothing to check it against
  EXPECT_EQ(damaged(0, paged::kBodyOffset, 9), "not the meta page of a chain that this version reads");
  EXPECT_EQ(damaged(3, kNext, 1), "the chain leads nowhere or is a ring");
  EXPECT_EQ(damaged(3, kNext, 200), "the chain leads nowhere or is a ring");
  EXPECT_EQ(damaged(3, kNext, 2), "a page of the chain is not a live page");
  EXPECT_EQ(damaged(3, kKindAt, 99), "a page of the chain is not a live page");
  EXPECT_EQ(damaged(2, kKindAt, 99), "a page on the free list is not free");
  EXPECT_EQ(damaged(0, paged::kBodyOffset + 16, 200), "the free list leads to a page that does not exist");
}

}  // namespace
}  // namespace lowdim::testing
