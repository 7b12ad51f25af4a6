// StrictStore: the Store of the unit tests, pages in an array and a bad temper. Breaking a rule of
// paged/store.h throws Violation at the call that broke it; strict_store_test.cpp shows for each rule that it
// is caught.
//
// It hands out copies: a view is a copy of the committed page (compared when the callback ends, freed then,
// so that AddressSanitizer sees a view that outlives it), an edit is a working copy that commit installs.
// Like the server it keeps locks in a table and not in frames: after a jump or an exception, recover() does
// what transaction abort does. No function that may be jumped over has a local with a destructor.
//
// Steppers on top of it: stepper.h (every crash, every error), interleave.h (every order of operations).
#pragma once

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "paged/store.h"

namespace lowdim::testing {

enum class Rule {
  kLockOrder,      // page locks are taken in ascending order
  kNesting,        // no change, transaction or gate under a page lock, no gate in a gate
  kPollUnderLock,  // interrupts cannot be served under a page lock
  kTooManyPages,   // four pages in a record
  kWriteOutside,   // bytes change in change and txn only, slots too
  kHole,           // nothing is written between lower and upper
  kHeader,         // what is committed is an initialised page with a sane header
  kFreedSlot,      // nobody reads a freed slot
  kSlotLife,       // live -> dead -> free -> live
  kEndless,        // an operation reads a bounded number of pages
  kRange,          // pages exist
  kDeadlock,       // somebody can go on
  kLeftLocked,     // an operation ends with nothing locked
};

struct Violation : std::runtime_error {
  Violation(Rule r, const std::string& what) : std::runtime_error(what), rule(r) {}
  Rule rule;
};

// How StrictStore shares a run with other tasks; interleave.h implements it with threads.
class Turns {
 public:
  virtual ~Turns() = default;
  virtual int self() = 0;                                        // which task is running
  virtual void yield(const char* call, paged::Block b) = 0;      // another may go first
  virtual void wait_until(const std::function<bool()>& ok) = 0;  // others go first until ok()
};

class StrictStore {
 public:
  using Block = paged::Block;
  struct alignas(8) PageBytes : std::array<uint8_t, paged::kPageBytes> {};
  enum class SlotState { kLive, kDead, kFree };
  using Slot = std::pair<Block, uint32_t>;
  // What a crash leaves: every committed record and every extension so far, nothing else.
  struct Image {
    std::vector<std::shared_ptr<const PageBytes>> pages;
    std::map<Slot, SlotState> slots;
  };
  struct Damage {
    Block block;
    uint32_t item;
    std::string what;
  };

  StrictStore() = default;
  explicit StrictStore(Image image) : now_(std::move(image)) {}

  // --- The Store
  // --------------------------------------------------------------------------------------------------
  class Txn {
   public:
    explicit Txn(StrictStore& store) : store_(&store) {}
    paged::PageEdit edit(Block block) {
      store_->enter("edit", block);
      return paged::PageEdit(store_->edit_page(block));
    }
    paged::NewPage extend() {
      store_->enter("extend");
      const Block block = store_->append_page();
      return {block, paged::PageEdit(store_->edit_page(block))};
    }

   private:
    StrictStore* store_;
  };

  Block pages() const { return static_cast<Block>(now_.pages.size()); }

  template <class F>
  auto read(Block block, F f) {
    using Result = decltype(f(paged::PageView(nullptr)));
    enter("read", block);
    const paged::PageView view(hold(block, false));
    if constexpr (std::is_void_v<Result>) {
      f(view);
      end_read(block);
    } else {
      static_assert(std::is_trivially_destructible_v<Result>, "an error would jump over it");
      const Result result = f(view);
      end_read(block);
      return result;
    }
  }
  template <class F>
  bool change(Block block, F f) {
    enter("change", block);
    begin_txn();
    return end_txn(f(paged::PageEdit(edit_page(block))));
  }
  template <class F>
  bool txn(F f) {
    enter("txn");
    begin_txn();
    Txn handle(*this);
    return end_txn(f(handle));
  }
  template <class F>
  void with(paged::Gate gate, paged::GateMode mode, F f) {
    enter("gate", gate.number);
    take_gate(gate, mode);
    f();
    task().gate.reset();
  }
  void pass(paged::Gate gate) {
    enter("pass", gate.number);
    take_gate(gate, paged::GateMode::kExclusive);
    task().gate.reset();
  }
  void prefetch(Block block, size_t = 0, size_t = 0) { check_range(block); }
  void poll() {
    enter("poll");
    if (!task().held.empty()) violate(Rule::kPollUnderLock, "poll under a page lock");
  }
  void damage(Block block, uint32_t item, const char* what) { damages_.push_back({block, item, what}); }
  void slot(Block block, uint32_t item, paged::SlotEvent event) {
    if (event == paged::SlotEvent::kRead) {
      step_slot(block, item, event);
    } else if (!task().in_txn) {
      violate(Rule::kWriteOutside, "a slot changes outside of a transaction");
    } else {
      task().staged.push_back({block, item, event});
    }
  }

  // --- For tests
  // -------------------------------------------------------------------------------------------------- One
  // insert, scan, vacuum...: its page reads are counted against a bound, and it must end with nothing locked.
  template <class F>
  void operation(F f) {
    task().reads = 0;
    f();
    if (!task().held.empty() || task().gate) violate(Rule::kLeftLocked, "the operation left a lock behind");
  }
  // An operation may read `factor` times (the number of pages + 16).
  void set_read_bound(uint64_t factor) { read_bound_ = factor; }

  // What transaction abort does: locks, gates and working copies of the running task are gone, pages stay.
  void recover() { tasks_.erase(self()); }
  void recover_all() { tasks_.clear(); }
  bool quiet() const {  // nothing is held by anybody
    return std::all_of(tasks_.begin(), tasks_.end(), [](const auto& t) {
      return t.second.held.empty() && !t.second.gate && !t.second.in_txn;
    });
  }

  const Image& image() const { return now_; }
  uint64_t commits() const { return commits_; }
  uint64_t calls() const { return calls_; }
  const std::vector<Damage>& damages() const { return damages_; }
  paged::PageView page(Block block) const { return paged::PageView(now_.pages.at(block)->data()); }
  // Breaks a page as a disk might.
  void overwrite(Block block, size_t offset, uint8_t value) {
    auto bytes = std::make_shared<PageBytes>(*now_.pages.at(block));
    (*bytes)[offset] = value;
    now_.pages[block] = std::move(bytes);
  }

  // An image after each commit and each extension goes to `images`.
  void record(std::vector<Image>* images) { images_ = images; }
  // The n-th store call from now (from 1) jumps to `target`, as an error would.
  void jump_at(uint64_t n, std::jmp_buf* target) {
    jump_in_ = n;
    jump_target_ = target;
  }
  void share(Turns* turns) { turns_ = turns; }

 private:
  struct Held {
    Block block;
    bool exclusive;
    std::unique_ptr<PageBytes> bytes;
  };
  struct SlotChange {
    Block block;
    uint32_t item;
    paged::SlotEvent event;
  };
  struct Task {
    std::vector<Held> held;
    std::vector<SlotChange> staged;
    std::optional<std::pair<uint32_t, paged::GateMode>> gate;
    bool in_txn = false;
    uint64_t reads = 0;
  };

  int self() const { return turns_ == nullptr ? 0 : turns_->self(); }
  Task& task() { return tasks_[self()]; }
  [[noreturn]] static void violate(Rule rule, const std::string& what) { throw Violation(rule, what); }
  static std::string number(Block block) { return "block " + std::to_string(block); }

  // Every store call passes here first. No locals: this is where errors jump from.
  void enter(const char* call, Block block = 0) {
    calls_++;
    if (jump_in_ != 0 && --jump_in_ == 0) std::longjmp(*jump_target_, 1);
    if (turns_ != nullptr) turns_->yield(call, block);
  }
  void check_range(Block block) const {
    if (block >= pages()) violate(Rule::kRange, number(block) + " does not exist");
  }

  bool page_is_free(int me, Block block, bool exclusive) const {
    for (const auto& [id, other] : tasks_) {
      if (id == me) continue;
      for (const Held& h : other.held) {
        if (h.block == block && (h.exclusive || exclusive)) return false;
      }
    }
    return true;
  }
  uint8_t* hold(Block block, bool exclusive) {
    check_range(block);
    if (!task().held.empty() && block <= task().held.back().block) {
      violate(Rule::kLockOrder, number(block) + " locked after " + number(task().held.back().block) +
                                    ": not in ascending order");
    }
    if (++task().reads > read_bound_ * (pages() + 16)) {
      violate(Rule::kEndless, "more page reads than an operation may need (or no operation() around it)");
    }
    if (const int me = self(); !page_is_free(me, block, exclusive)) {
      turns_->wait_until([=, this] { return page_is_free(me, block, exclusive); });
    }
    task().held.push_back({block, exclusive, std::make_unique<PageBytes>(*now_.pages[block])});
    return task().held.back().bytes->data();
  }
  void end_read(Block block) {
    const Held& h = task().held.back();
    const bool same = *h.bytes == *now_.pages[block];
    task().held.pop_back();
    if (!same) violate(Rule::kWriteOutside, number(block) + " was written through a view");
  }

  void begin_txn() {
    if (!task().held.empty()) violate(Rule::kNesting, "a transaction under a page lock");
    task().in_txn = true;
  }
  uint8_t* edit_page(Block block) {
    for (Held& h : task().held) {
      if (h.block == block && h.exclusive) return h.bytes->data();
    }
    if (task().held.size() == paged::kMaxTxnPages) violate(Rule::kTooManyPages, "a fifth page in one record");
    return hold(block, true);
  }
  Block append_page() {
    if (task().held.size() == paged::kMaxTxnPages) violate(Rule::kTooManyPages, "a fifth page in one record");
    now_.pages.push_back(std::make_shared<PageBytes>());
    snapshot();
    return pages() - 1;
  }
  bool end_txn(paged::Verdict verdict) {
    if (verdict == paged::Verdict::kCommit) commit();
    task().held.clear();
    task().staged.clear();
    task().in_txn = false;
    return verdict == paged::Verdict::kCommit;
  }
  void commit() {
    for (Held& h : task().held) seal(*h.bytes, *now_.pages[h.block], h.block);
    for (const SlotChange& c : task().staged) step_slot(c.block, c.item, c.event);
    for (Held& h : task().held) now_.pages[h.block] = std::shared_ptr<const PageBytes>(h.bytes.release());
    commits_++;
    snapshot();
  }
  // What the log does to a page: the hole is lost.
  static void seal(PageBytes& page, const PageBytes& before, Block block) {
    if (page == before) return;
    const paged::PageView view(page.data());
    if (!view.is_sane()) violate(Rule::kHeader, number(block) + " is committed without a sane header");
    for (size_t i = view.header().lower; i < view.header().upper; i++) {
      // What the body left behind when it shrank is no mistake.
      if (page[i] != 0 && page[i] != before[i]) {
        violate(Rule::kHole, number(block) + ": byte " + std::to_string(i) + " is written in the hole");
      }
      page[i] = 0;
    }
  }
  void snapshot() {
    if (images_ != nullptr) images_->push_back(now_);
  }

  bool gate_is_free(int me, uint32_t gate, paged::GateMode mode) const {
    for (const auto& [id, other] : tasks_) {
      if (id == me || !other.gate || other.gate->first != gate) continue;
      if (mode == paged::GateMode::kExclusive || other.gate->second == paged::GateMode::kExclusive)
        return false;
    }
    return true;
  }
  void take_gate(paged::Gate gate, paged::GateMode mode) {
    if (!task().held.empty()) violate(Rule::kNesting, "a gate under a page lock");
    if (task().gate) violate(Rule::kNesting, "a gate inside a gate");
    if (const int me = self(); !gate_is_free(me, gate.number, mode)) {
      turns_->wait_until([=, this] { return gate_is_free(me, gate.number, mode); });
    }
    task().gate = {gate.number, mode};
  }

  void step_slot(Block block, uint32_t item, paged::SlotEvent event) {
    using paged::SlotEvent;
    const auto at = now_.slots.find({block, item});
    const bool known = at != now_.slots.end();  // before its first report a slot may be in any state
    const std::string who = number(block) + ", item " + std::to_string(item);
    const auto go = [&](std::optional<SlotState> from, SlotState to) {
      if (known && (!from || at->second != *from)) {
        static constexpr const char* kEvents[] = {"born", "read", "died", "freed", "reused"};
        static constexpr const char* kStates[] = {"live", "dead", "free"};
        violate(Rule::kSlotLife, who + " is " + kEvents[static_cast<int>(event)] + " while " +
                                     kStates[static_cast<int>(at->second)]);
      }
      now_.slots[{block, item}] = to;
    };
    switch (event) {
      case SlotEvent::kRead:
        if (known && at->second == SlotState::kFree)
          violate(Rule::kFreedSlot, who + " is read after it was freed");
        return;
      case SlotEvent::kBorn:
        return go(std::nullopt, SlotState::kLive);
      case SlotEvent::kDied:
        return go(SlotState::kLive, SlotState::kDead);
      case SlotEvent::kFreed:
        return go(SlotState::kDead, SlotState::kFree);
      case SlotEvent::kReused:
        return go(SlotState::kFree, SlotState::kLive);
    }
  }

  Image now_;
  std::map<int, Task> tasks_;
  std::vector<Damage> damages_;
  std::vector<Image>* images_ = nullptr;
  Turns* turns_ = nullptr;
  std::jmp_buf* jump_target_ = nullptr;
  uint64_t jump_in_ = 0;
  uint64_t commits_ = 0;
  uint64_t calls_ = 0;
  uint64_t read_bound_ = 8;
};
static_assert(paged::Store<StrictStore>);
static_assert(paged::Txn<StrictStore::Txn>);

}  // namespace lowdim::testing
