// What an index needs from the world: the concept Store. Every algorithm over pages is a template on it; the
// server's is pg/store_pg, the tests' is test/unit/strict_store.h, which fails a test that breaks a rule
// written here.
//
// Any call may jump away (error, cancel). Nothing needs to be released then: scopes are callbacks, the world
// behind the store lets go of locks and pins. So a caller holds only plain data. docs/store.md tells how to
// write against it.
#pragma once

#include <concepts>
#include <cstdint>

#include "paged/page.h"

namespace lowdim::paged {

// What a change or a transaction ends with. kAbandon leaves every page as it was (an extended one stays all
// zeros).
enum class Verdict { kCommit, kAbandon };

// Who must wait for whom, beyond one page: an index numbers its own gates from 0.
struct Gate {
  uint32_t number;
};
enum class GateMode { kShare, kExclusive };

// The life of something that others may know by number (an element, a whole page): born or reused, died
// (unlinked; those who knew it may still read it), freed (nobody may), reused. Reported for StrictStore's
// sake; costs nothing elsewhere.
enum class SlotEvent { kBorn, kRead, kDied, kFreed, kReused };
inline constexpr uint32_t kWholePage = 0xFFFFFFFF;  // as the item of a slot or of damage: the page itself

// GenericXLog takes no more pages in one record.
inline constexpr int kMaxTxnPages = 4;

struct NewPage {
  Block block;
  PageEdit page;  // all zeros: init it
};

template <class T>
concept Txn = requires(T& t, Block b) {
  { t.edit(b) } -> std::same_as<PageEdit>;
  { t.extend() } -> std::same_as<NewPage>;
};

namespace probe {
struct Read {
  int operator()(PageView) const;
};
struct Change {
  Verdict operator()(PageEdit) const;
};
struct InTxn {
  template <Txn T>
  Verdict operator()(T&) const;
};
struct InGate {
  void operator()() const;
};
}  // namespace probe

template <class S>
concept Store = requires(S& s, Block b, uint32_t item, size_t bytes, Gate gate, GateMode mode,
                         SlotEvent event) {
  // Number of pages now. Others may extend at any time; it never shrinks.
  { s.pages() } -> std::same_as<Block>;
  // f(PageView) under a share lock; returns what f returns. The block must exist. Inside f only read of a
  // *higher* block is allowed (page locks have no deadlock detector, ascending order is what prevents
  // deadlocks), and no poll.
  { s.read(b, probe::Read{}) } -> std::same_as<int>;
  // Verdict f(PageEdit) under an exclusive lock: one page, one log record. Not inside another lock. True if
  // committed.
  { s.change(b, probe::Change{}) } -> std::same_as<bool>;
  // Verdict f(auto& txn): txn.edit(block) locks at most kMaxTxnPages different pages in ascending order, a
  // second edit of a block returns the same bytes; txn.extend() appends a page and counts too. All become
  // durable in one record, or none. Not inside another lock. True if committed.
  { s.txn(probe::InTxn{}) } -> std::same_as<bool>;
  // f() while holding a gate. One gate at a time, never taken under a page lock, catalogues looked up before.
  s.with(gate, mode, probe::InGate{});
  // Waits until everybody who is inside `gate` now has left it. Same rules.
  s.pass(gate);
  // Says that `b` will be read soon, and which bytes of it.
  s.prefetch(b);
  s.prefetch(b, bytes, bytes);
  // Serves interrupts: may jump. Once a page in every loop; never under a page lock, where it could not be
  // served.
  s.poll();
  // Reports that something on disk is not as it should be; the reader then skips it. Never jumps on the read
  // path.
  s.damage(b, item, "what");
  s.slot(b, item, event);
};

}  // namespace lowdim::paged
