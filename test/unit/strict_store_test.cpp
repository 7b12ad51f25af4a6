// Tests of the tester: for each rule of StrictStore, something that breaks it is caught, and its correct
// neighbour goes through. Then what StrictStore must be itself: durable by records, back to order after a
// jump.

#include "strict_store.h"

#include <gtest/gtest.h>

#include <csetjmp>
#include <string>

#include "paged/page.h"

namespace lowdim::testing {
namespace {

using paged::Block;
using paged::Gate;
using paged::GateMode;
using paged::kBodyOffset;
using paged::kTrailerOffset;
using paged::PageEdit;
using paged::PageView;
using paged::SlotEvent;
using paged::Verdict;

constexpr uint16_t kKind = paged::kind::kFirstOwn;
constexpr auto kDone = Verdict::kCommit;

// A store with `count` initialised pages.
StrictStore with_pages(int count) {
  StrictStore store;
  for (int i = 0; i < count; i++) {
    store.txn([](auto& txn) {
      txn.extend().page.init(kKind);
      return kDone;
    });
  }
  store.recover_all();
  return store;
}

template <class F>
void expect_violation(Rule rule, F f) {
  try {
    f();
    ADD_FAILURE() << "not caught";
  } catch (const Violation& v) {
    EXPECT_EQ(v.rule, rule) << v.what();
  }
}

TEST(StrictStore, LocksOutOfOrder) {
  StrictStore store = with_pages(3);
  expect_violation(Rule::kLockOrder, [&] {
    store.txn([](auto& txn) {
      txn.edit(2);
      txn.edit(1);
      return kDone;
    });
  });
  store.recover();
  expect_violation(Rule::kLockOrder, [&] {
    store.txn([](auto& txn) {
      txn.extend();
      txn.edit(1);
      return kDone;
    });
  });
  store.recover();
  expect_violation(Rule::kLockOrder,
                   [&] { store.read(2, [&](PageView) { store.read(0, [](PageView) {}); }); });
  store.recover();
  expect_violation(Rule::kLockOrder,
                   [&] { store.read(1, [&](PageView) { store.read(1, [](PageView) {}); }); });
  store.recover();
  // Right: ascending, a page again, an extension last.
  store.txn([](auto& txn) {
    txn.edit(0);
    txn.edit(2);
    txn.edit(0);
    txn.extend().page.init(kKind);
    return kDone;
  });
  store.read(0, [&](PageView) { store.read(2, [](PageView) {}); });
}

TEST(StrictStore, ChangesAndGatesUnderALock) {
  StrictStore store = with_pages(3);
  expect_violation(Rule::kNesting, [&] {
    store.read(0, [&](PageView) { store.change(1, [](PageEdit) { return kDone; }); });
  });
  store.recover();
  expect_violation(Rule::kNesting, [&] {
    store.change(0, [&](PageEdit) {
      store.txn([](auto&) { return kDone; });
      return kDone;
    });
  });
  store.recover();
  expect_violation(Rule::kNesting, [&] { store.read(0, [&](PageView) { store.pass(Gate{0}); }); });
  store.recover();
  expect_violation(Rule::kNesting,
                   [&] { store.with(Gate{0}, GateMode::kShare, [&] { store.pass(Gate{0}); }); });
  store.recover();
  store.with(Gate{0}, GateMode::kShare, [&] { store.change(0, [](PageEdit) { return kDone; }); });
  store.pass(Gate{0});
  EXPECT_TRUE(store.quiet());
}

TEST(StrictStore, PollUnderALock) {
  StrictStore store = with_pages(1);
  expect_violation(Rule::kPollUnderLock, [&] { store.read(0, [&](PageView) { store.poll(); }); });
  store.recover();
  expect_violation(Rule::kPollUnderLock, [&] {
    store.change(0, [&](PageEdit) {
      store.poll();
      return kDone;
    });
  });
  store.recover();
  store.read(0, [](PageView) {});
  store.poll();
  store.with(Gate{0}, GateMode::kShare, [&] { store.poll(); });  // a gate's wait can be cancelled
}

TEST(StrictStore, FivePagesInATransaction) {
  StrictStore store = with_pages(5);
  const auto edit = [&](Block count, int extend) {
    store.txn([&](auto& txn) {
      for (Block b = 0; b < count; b++) txn.edit(b);
      for (int i = 0; i < extend; i++) txn.extend().page.init(kKind);
      return kDone;
    });
  };
  expect_violation(Rule::kTooManyPages, [&] { edit(5, 0); });
  store.recover();
  expect_violation(Rule::kTooManyPages, [&] { edit(4, 1); });
  store.recover();
  edit(4, 0);
  edit(2, 2);
}

TEST(StrictStore, WritesOutsideOfATransaction) {
  StrictStore store = with_pages(1);
  expect_violation(Rule::kWriteOutside, [&] {
    store.read(0, [](PageView page) { const_cast<uint8_t*>(page.bytes())[kBodyOffset]++; });
  });
  EXPECT_TRUE(store.quiet());
  EXPECT_EQ(store.page(0).bytes()[kBodyOffset], 0);  // and it did not arrive
  expect_violation(Rule::kWriteOutside, [&] { store.slot(0, 1, SlotEvent::kBorn); });
  store.change(0, [](PageEdit page) {
    page.append(uint8_t{9});
    return kDone;
  });
  EXPECT_EQ(store.page(0).bytes()[kBodyOffset], 9);
}

TEST(StrictStore, BytesInTheHole) {
  StrictStore store = with_pages(1);
  expect_violation(Rule::kHole, [&] {
    store.change(0, [](PageEdit page) {
      page.items<uint8_t>()[0] = 9;  // lower was not moved
      return kDone;
    });
  });
  store.recover();
  expect_violation(Rule::kHole, [&] {
    store.change(0, [](PageEdit page) {
      page.bytes()[kTrailerOffset - 1] = 9;
      return kDone;
    });
  });
  store.recover();
  store.change(0, [](PageEdit page) {
    for (uint64_t i = 1; i <= 10; i++) page.append(i);
    return kDone;
  });
  // A body that shrinks leaves bytes behind: allowed, and gone, as on a logged relation.
  store.change(0, [](PageEdit page) {
    page.set_body_bytes(8);
    return kDone;
  });
  EXPECT_EQ(store.page(0).items<uint64_t>()[0], 1u);
  EXPECT_EQ(store.page(0).items<uint64_t>()[1], 0u);
}

TEST(StrictStore, Headers) {
  StrictStore store = with_pages(1);
  expect_violation(Rule::kHeader, [&] {
    store.txn([](auto& txn) {
      txn.extend().page.trailer().kind = kKind;  // init is missing
      return kDone;
    });
  });
  store.recover();
  expect_violation(Rule::kHeader, [&] {
    store.change(0, [](PageEdit page) {
      page.header().lower = page.header().upper + 1;
      return kDone;
    });
  });
  store.recover();
  store.change(0, [](PageEdit page) {
    page.set_body_bytes(paged::kBodyBytes);
    return kDone;
  });
}

TEST(StrictStore, FreedSlots) {
  StrictStore store = with_pages(1);
  const auto happens = [&](SlotEvent event) {
    store.change(0, [&](PageEdit) {
      store.slot(0, 3, event);
      return kDone;
    });
  };
  happens(SlotEvent::kBorn);
  store.slot(0, 3, SlotEvent::kRead);
  expect_violation(Rule::kSlotLife,
                   [&] { happens(SlotEvent::kFreed); });  // nobody could have been waited for
  store.recover();
  expect_violation(Rule::kSlotLife, [&] { happens(SlotEvent::kBorn); });
  store.recover();
  happens(SlotEvent::kDied);
  store.slot(0, 3, SlotEvent::kRead);
  expect_violation(Rule::kSlotLife, [&] { happens(SlotEvent::kDied); });
  store.recover();
  expect_violation(Rule::kSlotLife, [&] { happens(SlotEvent::kReused); });
  store.recover();
  happens(SlotEvent::kFreed);
  expect_violation(Rule::kFreedSlot, [&] { store.slot(0, 3, SlotEvent::kRead); });
  expect_violation(Rule::kSlotLife, [&] { happens(SlotEvent::kFreed); });
  store.recover();
  happens(SlotEvent::kReused);
  store.slot(0, 3, SlotEvent::kRead);
  store.slot(0, 4, SlotEvent::kRead);  // never reported: unknown
}

TEST(StrictStore, AnAbandonedTransactionChangesNoSlot) {
  StrictStore store = with_pages(1);
  store.change(0, [&](PageEdit page) {
    page.append(uint64_t{1});
    store.slot(0, 3, SlotEvent::kBorn);
    return Verdict::kAbandon;
  });
  EXPECT_EQ(store.page(0).body_bytes(), 0u);
  EXPECT_TRUE(store.image().slots.empty());
}

TEST(StrictStore, EndlessLoops) {
  StrictStore store = with_pages(4);
  for (Block b = 0; b < 4; b++) {  // a ring
    store.change(b, [&](PageEdit page) {
      page.set_next((b + 1) % 4);
      return kDone;
    });
  }
  const auto walk = [&](int limit) {
    store.operation([&] {
      Block at = 0;
      for (int i = 0; i != limit && at != paged::kNoBlock; i++) {
        at = store.read(at, [](PageView page) { return page.next(); });
      }
    });
  };
  expect_violation(Rule::kEndless, [&] { walk(-1); });
  store.recover();
  for (int i = 0; i < 100; i++) walk(5);  // each operation is counted for itself
}

TEST(StrictStore, BlocksThatDoNotExist) {
  StrictStore store = with_pages(1);
  expect_violation(Rule::kRange, [&] { store.read(1, [](PageView) {}); });
  store.recover();
  expect_violation(Rule::kRange, [&] { store.prefetch(paged::kNoBlock); });
  store.prefetch(0);
}

TEST(StrictStore, ALockLeftBehind) {
  StrictStore store = with_pages(1);
  const auto jumps_away = [&] {
    std::jmp_buf away;
    if (setjmp(away) == 0) store.read(0, [&](PageView) { std::longjmp(away, 1); });
  };
  expect_violation(Rule::kLeftLocked, [&] { store.operation(jumps_away); });
  EXPECT_FALSE(store.quiet());
  store.recover();
  EXPECT_TRUE(store.quiet());
  store.operation([&] { store.read(0, [](PageView) {}); });
}

TEST(StrictStore, AJumpLosesTheRecordAndKeepsTheExtension) {
  StrictStore store = with_pages(1);
  std::jmp_buf away;
  if (setjmp(away) == 0) {
    store.jump_at(4, &away);  // txn, edit, extend, poll
    store.txn([&](auto& txn) {
      txn.edit(0).append(uint64_t{7});
      txn.extend().page.init(kKind);
      store.poll();
      return kDone;
    });
    FAIL() << "did not jump";
  }
  store.recover();
  EXPECT_EQ(store.page(0).body_bytes(), 0u);
  ASSERT_EQ(store.pages(), 2u);
  EXPECT_TRUE(store.page(1).is_new());
  EXPECT_TRUE(store.change(0, [](PageEdit page) {
    page.append(uint64_t{8});
    return kDone;
  }));
}

}  // namespace
}  // namespace lowdim::testing
