// A beam for searches of which nobody knows beforehand how far they go (graph/effort.h): it gives candidates
// in the order of a Beam of its capacity, and then up to half as many more from what it keeps, at the price
// of a narrower one. Only the nearest are sorted; the others lie in a pile, from which the next nearest are
// sorted when these are used up.
//
//   [ expanded, and at most 2 kAhead to come: sorted | pile: as they came, none nearer than the last sorted ]
//
// When the pile is three times the capacity, all but the nearest third are dropped. Equal distances keep the
// order in which they arrived: a node that is reached early is reached from a near one. Memory is the
// caller's; plain data.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lowdim::core {

class DeepBeam {
 public:
  static constexpr uint32_t kMostDistance = 0xFFFF;  // distances are the 16-bit sums of fastscan.h
  static constexpr uint32_t kAhead = 16;

  static constexpr size_t room(uint32_t capacity) { return 5 * size_t{capacity} + 4 * kAhead; }
  // keys: room(capacity) of them. capacity: 1 or more.
  DeepBeam(uint64_t* keys, uint32_t capacity) : keys_(keys), capacity_(capacity), slack_(2 * capacity) {}

  // What a candidate must be nearer than to be of interest.
  uint32_t limit() const { return limit_; }

  void push(uint32_t distance, uint32_t id) {
    const uint64_t key = static_cast<uint64_t>(distance) << 48 | uint64_t{arrival_} << 33 | uint64_t{id} << 1;
    if (arrival_ < kLastArrival) ++arrival_;
    if (sorted_ == 0 || key > keys_[sorted_ - 1]) {
      keys_[size_++] = key;
      if (size_ - sorted_ >= capacity_ + slack_) drop();
      return;
    }
    uint32_t low = next_;
    if (low > 0 && key < keys_[low - 1]) {
      low = static_cast<uint32_t>(std::lower_bound(keys_, keys_ + low, key) - keys_);
    } else {
      // Few are left, and counting them all is quicker than guessing among them.
      for (uint32_t i = next_; i < sorted_; ++i) low += keys_[i] < key;
    }
    if (sorted_ < size_) keys_[size_] = keys_[sorted_];
    std::memmove(keys_ + low + 1, keys_ + low, (sorted_ - low) * sizeof(uint64_t));
    keys_[low] = key;
    ++sorted_;
    ++size_;
    if (low < next_) next_ = low;
    if (sorted_ > next_ + 2 * kAhead) {
      sorted_ -= kAhead;
      if (size_ - sorted_ >= capacity_ + slack_) drop();
    }
  }

  // How many candidates are expanded at most, but for those that turned out farther than others.
  static constexpr uint32_t depth(uint32_t capacity) { return capacity + capacity / 2; }

  // Marks the nearest candidate that is not expanded yet and gives its id; false if there is none, or if as
  // many as the depth are nearer.
  bool pop(uint32_t* out) {
    if (!find_open() || next_ >= depth(capacity_)) return false;
    popped_ = distance(keys_[next_]);
    *out = id(keys_[next_]);
    keys_[next_++] |= 1;
    return true;
  }
  // The candidate that pop() would give, without marking it.
  bool peek(uint32_t* out) {
    if (!find_open() || next_ >= depth(capacity_)) return false;
    *out = id(keys_[next_]);
    return true;
  }
  // How many candidates are nearer than the one that pop() would give; all there are if there is none.
  uint32_t first_open() {
    find_open();
    return next_;
  }
  // The distance of what pop() gave last.
  uint32_t popped() const { return popped_; }

  // Candidates that are not expanded, to visit(distance): the sorted ones until it gives false, and if it
  // never does all others too.
  template <class Visit>
  void each_open(Visit visit) const {
    for (uint32_t i = next_; i < sorted_; ++i) {
      if (!expanded(keys_[i]) && !visit(distance(keys_[i]))) return;
    }
    for (uint32_t i = sorted_; i < size_; ++i) {
      if (!expanded(keys_[i])) visit(distance(keys_[i]));
    }
  }

 private:
  static constexpr uint32_t kLastArrival = 0x7FFF;

  static uint32_t id(uint64_t key) { return static_cast<uint32_t>(key >> 1); }
  static uint32_t distance(uint64_t key) { return static_cast<uint32_t>(key >> 48); }
  static bool expanded(uint64_t key) { return (key & 1) != 0; }

  // Moves next_ to the nearest that is not expanded; false if there is none.
  bool find_open() {
    for (;;) {
      while (next_ < sorted_ && expanded(keys_[next_])) ++next_;
      if (next_ < sorted_) return true;
      if (sorted_ == size_) return false;
      const uint32_t n = std::min(kAhead, size_ - sorted_);
      uint64_t* pile = keys_ + sorted_;
      if (n < size_ - sorted_) std::nth_element(pile, pile + n - 1, keys_ + size_);
      std::sort(pile, pile + n);
      sorted_ += n;
    }
  }
  void drop() {
    std::nth_element(keys_ + sorted_, keys_ + sorted_ + capacity_ - 1, keys_ + size_);
    size_ = sorted_ + capacity_;
    limit_ = distance(keys_[size_ - 1]);
  }

  uint64_t* keys_;  // distance, arrival, id, mark
  uint32_t capacity_, slack_;
  uint32_t sorted_ = 0, size_ = 0;
  uint32_t next_ = 0;  // everything before it is expanded
  uint32_t arrival_ = 0, popped_ = 0, limit_ = kMostDistance + 1;
};

}  // namespace lowdim::core
