// The beam of a best-first search: the best candidates seen so far, nearest first, each with a mark that it
// has been expanded. A sorted array: for the few hundred entries of a search, moving the tail is cheaper than
// a heap's branches, and the next candidate is found by walking on. Memory is the caller's; plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lowdim::core {

// Order in the upper 31 bits, then the id, then the mark: keys compare as distances do. Equal distances keep
// the order in which they arrived: a node that is reached early is reached from a near one.
class Beam {
 public:
  static constexpr uint32_t kMostDistance = 0x7fffffff;

  static constexpr size_t room(uint32_t capacity) { return size_t{capacity} + 1; }
  // keys: room(capacity) of them.
  Beam(uint64_t* keys, uint32_t capacity) : keys_(keys), capacity_(capacity) {}

  static uint64_t key(uint32_t distance, uint32_t id) {
    return static_cast<uint64_t>(distance) << 33 | static_cast<uint64_t>(id) << 1;
  }
  static uint32_t id(uint64_t key) { return static_cast<uint32_t>(key >> 1); }
  static uint32_t distance(uint64_t key) { return static_cast<uint32_t>(key >> 33); }

  void clear() { size_ = next_ = 0; }
  uint32_t size() const { return size_; }
  uint64_t operator[](uint32_t i) const { return keys_[i]; }
  // What a candidate must be nearer than to be of interest.
  uint32_t limit() const { return size_ < capacity_ ? kMostDistance : distance(keys_[size_ - 1]); }

  void push(uint32_t distance, uint32_t id) {
    if (size_ == capacity_) {
      if (distance >= Beam::distance(keys_[size_ - 1])) return;
      --size_;
    }
    uint32_t low = 0, high = size_;
    while (low < high) {
      const uint32_t mid = (low + high) / 2;
      if (Beam::distance(keys_[mid]) <= distance) {
        low = mid + 1;
      } else {
        high = mid;
      }
    }
    std::memmove(keys_ + low + 1, keys_ + low, (size_ - low) * sizeof(uint64_t));
    keys_[low] = key(distance, id);
    ++size_;
    if (low < next_) next_ = low;
  }

  // Marks the nearest candidate that is not expanded yet and gives its id; false if there is none.
  bool pop(uint32_t* out) {
    while (next_ < size_ && (keys_[next_] & 1) != 0) ++next_;
    if (next_ == size_) return false;
    keys_[next_] |= 1;
    *out = id(keys_[next_++]);
    return true;
  }
  // The candidate that pop() would give, without marking it.
  bool peek(uint32_t* out) const {
    for (uint32_t i = next_; i < size_; ++i) {
      if ((keys_[i] & 1) == 0) {
        *out = id(keys_[i]);
        return true;
      }
    }
    return false;
  }

 private:
  uint64_t* keys_;
  uint32_t capacity_;
  uint32_t size_ = 0;
  uint32_t next_ = 0;  // everything before it is expanded
};

}  // namespace lowdim::core
