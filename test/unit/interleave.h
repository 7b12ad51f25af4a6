// Several operations at once over one StrictStore, in an order that a schedule decides: each runs on a thread
// of its own, but only the holder of the baton moves, and at each store call it may pass to another. So an
// order is a list of switches, it can be drawn from a seed, replayed, and shrunk to the few switches that
// matter.
//
// A schedule is: go on with the same task, except that at step s (a store call, counted over all tasks) task
// t goes on. Who waits for a lock is skipped; if everybody waits, that is Rule::kDeadlock.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "bump_arena.h"
#include "stepper.h"
#include "strict_store.h"

namespace lowdim::testing {

struct Switch {
  uint64_t step;
  int task;
};
using Schedule = std::vector<Switch>;

// What is run: `start`, the operations, and what must hold when all have ended.
struct Race {
  StrictStore::Image start;
  std::vector<Operation> operations;
  Check check;
};

struct RaceResult {
  std::string failure;  // "" if all is well
  std::optional<Rule> rule;
  Schedule schedule;  // the switches that were made
  std::string trace;  // "task:call block" of every step
};

struct RaceFinding {
  uint64_t seed;
  RaceResult first;   // as drawn
  RaceResult shrunk;  // with as few switches as still fail
};

namespace interleave {

struct Stop {};  // unwinds the other tasks after a failure

class Baton : public Turns {
 public:
  using Choose = std::function<int(uint64_t step, int standing, const std::vector<int>& ready)>;

  Baton(int tasks, Choose choose) : tasks_(tasks), choose_(std::move(choose)) {}

  int self() override { return current_; }
  void yield(const char* call, paged::Block block) override {
    std::unique_lock lock(mutex_);
    pass_on(lock, current_);
    trace_ += std::to_string(current_) + ":" + call + " " + std::to_string(block) + "; ";
  }
  void wait_until(const std::function<bool()>& ok) override {
    std::unique_lock lock(mutex_);
    const int me = current_;
    tasks_[me].waits_for = &ok;
    try {
      pass_on(lock, me);
    } catch (...) {
      tasks_[me].waits_for = nullptr;
      throw;
    }
    tasks_[me].waits_for = nullptr;
  }

  // Runs body(task) for all tasks to their ends.
  void run(const std::function<void(int)>& body) {
    std::vector<std::thread> threads;
    const int count = static_cast<int>(tasks_.size());
    for (int id = 0; id < count; id++) {
      threads.emplace_back([&, id] {
        {
          std::unique_lock lock(mutex_);
          changed_.wait(lock, [&] { return current_ == id || stopped_; });
          if (stopped_) return;
        }
        std::string what;
        std::optional<Rule> rule;
        try {
          body(id);
        } catch (const Violation& v) {
          what = "task " + std::to_string(id) + ": " + v.what();
          rule = v.rule;
        } catch (const Stop&) {
          return;
        }
        std::unique_lock lock(mutex_);
        tasks_[id].done = true;
        if (!what.empty()) {
          fail(what, rule);
        } else {
          try {
            hand_over(id);
          } catch (const Stop&) {
          }
        }
      });
    }
    {
      std::unique_lock lock(mutex_);
      current_ = next(0);
      changed_.notify_all();
    }
    for (std::thread& t : threads) t.join();
  }

  RaceResult result() { return {failure_, rule_, made_, trace_}; }

 private:
  struct Task {
    bool done = false;
    const std::function<bool()>* waits_for = nullptr;
  };

  void fail(const std::string& what, std::optional<Rule> rule) {
    if (failure_.empty()) {
      failure_ = what;
      rule_ = rule;
    }
    stopped_ = true;
    changed_.notify_all();
  }
  // Who goes on; `standing` does if nothing else is said.
  int next(int standing) {
    std::vector<int> ready;
    for (int id = 0; id < static_cast<int>(tasks_.size()); id++) {
      const Task& t = tasks_[id];
      if (!t.done && (t.waits_for == nullptr || (*t.waits_for)())) ready.push_back(id);
    }
    if (ready.empty()) {
      const bool all_done = std::all_of(tasks_.begin(), tasks_.end(), [](const Task& t) { return t.done; });
      if (all_done) return standing;
      fail("deadlock: every task waits for another", Rule::kDeadlock);
      throw Stop{};
    }
    const bool stands = std::find(ready.begin(), ready.end(), standing) != ready.end();
    const int otherwise = stands ? standing : ready.front();
    const uint64_t step = step_++;
    const int chosen = choose_(step, otherwise, ready);
    if (chosen != otherwise) made_.push_back({step, chosen});
    return chosen;
  }
  void hand_over(int standing) {
    if (stopped_) throw Stop{};
    current_ = next(standing);
    changed_.notify_all();
  }
  void pass_on(std::unique_lock<std::mutex>& lock, int me) {
    hand_over(me);
    changed_.wait(lock, [&] { return current_ == me || stopped_; });
    if (stopped_) throw Stop{};
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Task> tasks_;
  Choose choose_;
  int current_ = -1;
  bool stopped_ = false;
  uint64_t step_ = 0;
  Schedule made_;
  std::string failure_;
  std::optional<Rule> rule_;
  std::string trace_;
};

inline RaceResult run(const Race& race, const Baton::Choose& choose) {
  StrictStore store(race.start);
  Baton baton(static_cast<int>(race.operations.size()), choose);
  store.share(&baton);
  baton.run([&](int id) {
    BumpArena arena;
    store.operation([&] { race.operations[id](store, arena.arena()); });
  });
  store.share(nullptr);
  store.recover_all();
  RaceResult result = baton.result();
  if (result.failure.empty()) result.failure = stepper::checked(store, race.check);
  return result;
}

}  // namespace interleave

// Runs the race in the order that `schedule` says. A switch to a task that cannot move is passed over.
inline RaceResult replay(const Race& race, const Schedule& schedule) {
  return interleave::run(race, [&](uint64_t step, int standing, const std::vector<int>& ready) {
    for (const Switch& s : schedule) {
      if (s.step == step && std::find(ready.begin(), ready.end(), s.task) != ready.end()) return s.task;
    }
    return standing;
  });
}

// Runs the race in the order that `seed` draws. Some seeds switch at every other step, some hardly ever: bugs
// differ in how long one task must be left alone.
inline RaceResult run_seed(const Race& race, uint64_t seed) {
  std::mt19937_64 random(seed);
  const uint64_t rarity = uint64_t{2} << (random() % 4);
  return interleave::run(race, [&](uint64_t, int standing, const std::vector<int>& ready) {
    return random() % rarity == 0 ? ready[random() % ready.size()] : standing;
  });
}

// Takes switches away, halves first, while the race still fails.
inline RaceResult shrink(const Race& race, RaceResult failing) {
  for (size_t chunk = (failing.schedule.size() + 1) / 2; chunk > 0;) {
    bool shorter = false;
    for (size_t at = 0; at + chunk <= failing.schedule.size();) {
      Schedule fewer = failing.schedule;
      fewer.erase(fewer.begin() + at, fewer.begin() + at + chunk);
      RaceResult again = replay(race, fewer);
      if (again.failure.empty() || again.schedule.size() >= failing.schedule.size()) {
        at++;
      } else {
        failing = std::move(again);
        shorter = true;
      }
    }
    if (!shorter || chunk > failing.schedule.size()) chunk /= 2;
  }
  return failing;
}

// Tries the seeds first, first + 1, ... ; the first that fails is shrunk and returned.
inline std::optional<RaceFinding> explore(const Race& race, uint64_t count, uint64_t first = 1) {
  for (uint64_t seed = first; seed < first + count; seed++) {
    RaceResult result = run_seed(race, seed);
    if (result.failure.empty()) continue;
    RaceResult shrunk = shrink(race, result);
    return RaceFinding{seed, std::move(result), std::move(shrunk)};
  }
  return std::nullopt;
}

}  // namespace lowdim::testing
