// Memory and containers for code that a longjmp may leave at any point (src/paged, src/pg): an arena hands
// out memory and takes nothing back, its owner frees all of it at once. In the server the owner is a memory
// context (pg/arena_pg), in unit tests a bump pointer (test/unit/bump_arena.h).
//
// Invariant: nothing here has a destructor to skip, and neither have the elements (static_asserts). Growing
// leaves the old block to the arena, so a container costs at most twice its final size; reserve() what is
// known beforehand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace lowdim {

// Where memory comes from. `grab_from` never returns null: it may jump or throw instead.
struct Arena {
  void* (*grab_from)(void* self, size_t bytes, size_t align);
  void* self;

  // `count` objects of T with undefined contents.
  template <class T>
  T* grab(size_t count) const {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
    // A product that wraps would hand out too little; no owner can serve the largest size.
    const size_t bytes = count > SIZE_MAX / sizeof(T) ? SIZE_MAX : count * sizeof(T);
    return static_cast<T*>(grab_from(self, bytes, alignof(T)));
  }
};
static_assert(std::is_trivially_destructible_v<Arena>);

// A growing array. Pointers into it are valid until the next push_back, resize or reserve.
template <class T>
class ArenaVec {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  explicit ArenaVec(Arena arena) : arena_(arena) {}

  Arena arena() const { return arena_; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T& back() { return data_[size_ - 1]; }
  const T& back() const { return data_[size_ - 1]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

  void push_back(T value) {  // by value: `value` may be an element of this array
    if (size_ == capacity_) grow(size_ + 1);
    data_[size_++] = value;
  }
  void pop_back() { --size_; }
  void clear() { size_ = 0; }  // keeps the memory
  void reserve(size_t count) {
    if (count > capacity_) grow(count);
  }
  // New elements are copies of `fill`.
  void resize(size_t count, T fill = T{}) {
    reserve(count);
    for (size_t i = size_; i < count; i++) data_[i] = fill;
    size_ = count;
  }

 private:
  void grow(size_t wanted) {
    size_t capacity = capacity_ < 4 ? 8 : capacity_ * 2;
    if (capacity < wanted) capacity = wanted;
    T* data = arena_.grab<T>(capacity);
    if (size_ != 0) std::memcpy(static_cast<void*>(data), data_, size_ * sizeof(T));
    data_ = data;
    capacity_ = capacity;
  }

  Arena arena_;
  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// A binary heap. `Before` is a stateless or plain comparator: top() is an element that no other comes before,
// so ArenaHeap<float, std::less<>> has the smallest on top (the reverse of std::priority_queue).
template <class T, class Before>
class ArenaHeap {
  static_assert(std::is_trivially_destructible_v<Before>);

 public:
  explicit ArenaHeap(Arena arena, Before before = {}) : items_(arena), before_(before) {}

  size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  const T& top() const { return items_[0]; }
  void clear() { items_.clear(); }
  void reserve(size_t count) { items_.reserve(count); }
  // All elements, in no useful order.
  const T* begin() const { return items_.begin(); }
  const T* end() const { return items_.end(); }

  void push(T value) {
    items_.push_back(value);
    size_t i = items_.size() - 1;
    while (i > 0) {
      const size_t parent = (i - 1) / 2;
      if (!before_(value, items_[parent])) break;
      items_[i] = items_[parent];
      i = parent;
    }
    items_[i] = value;
  }
  T pop() {
    const T first = items_[0];
    const T last = items_.back();
    items_.pop_back();
    if (!items_.empty()) sink(last);
    return first;
  }
  // pop() and push(value) in one walk: what a list of the k best does.
  T replace_top(T value) {
    const T first = items_[0];
    sink(value);
    return first;
  }

 private:
  void sink(T value) {  // puts `value` in place of the top
    const size_t count = items_.size();
    size_t i = 0;
    for (size_t child = 1; child < count; child = 2 * i + 1) {
      if (child + 1 < count && before_(items_[child + 1], items_[child])) child++;
      if (!before_(items_[child], value)) break;
      items_[i] = items_[child];
      i = child;
    }
    items_[i] = value;
  }

  ArenaVec<T> items_;
  Before before_;
};

// A set of integers without removal ("visited"): open addressing, linear probing, at most half full. All
// values of Key are allowed; the all-ones key, which marks an empty cell, is kept beside the table.
template <class Key>
class FlatSet {
  static_assert(std::is_same_v<Key, uint32_t> || std::is_same_v<Key, uint64_t>);

 public:
  explicit FlatSet(Arena arena, size_t expected = 0) : cells_(arena) { rehash(expected); }

  size_t size() const { return used_ + has_ones_; }
  bool contains(Key key) const {
    if (key == kEmpty) return has_ones_;
    return cells_[find(key)] == key;
  }
  // True if `key` was not in the set.
  bool insert(Key key) {
    if (key == kEmpty) {
      const bool added = !has_ones_;
      has_ones_ = true;
      return added;
    }
    size_t i = find(key);
    if (cells_[i] == key) return false;
    if ((used_ + 1) * 2 > cells_.size()) {
      rehash(used_ + 1);
      i = find(key);
    }
    cells_[i] = key;
    used_++;
    return true;
  }
  void clear() {  // keeps the memory
    for (Key& cell : cells_) cell = kEmpty;
    used_ = 0;
    has_ones_ = false;
  }

 private:
  static constexpr Key kEmpty = static_cast<Key>(~Key{0});

  size_t find(Key key) const {  // the cell of `key`, or the empty one where it belongs
    const size_t mask = cells_.size() - 1;
    // Fibonacci hashing: the product's highest bits depend on all bits of the key.
    size_t i = static_cast<size_t>((static_cast<uint64_t>(key) * 0x9E3779B97F4A7C15u) >> shift_);
    while (cells_[i] != key && cells_[i] != kEmpty) i = (i + 1) & mask;
    return i;
  }
  void rehash(size_t expected) {  // room for at least `expected`, and for as many again
    size_t count = 16;
    shift_ = 60;
    for (; count < expected * 4; count *= 2) shift_--;
    const ArenaVec<Key> old = cells_;
    cells_ = ArenaVec<Key>(cells_.arena());
    cells_.resize(count, kEmpty);
    for (const Key key : old) {
      if (key != kEmpty) cells_[find(key)] = key;
    }
  }

  ArenaVec<Key> cells_;
  size_t used_ = 0;
  int shift_ = 60;  // 64 - log2(number of cells)
  bool has_ones_ = false;
};

static_assert(std::is_trivially_destructible_v<ArenaVec<int>>);
static_assert(std::is_trivially_destructible_v<FlatSet<uint32_t>> &&
              std::is_trivially_destructible_v<FlatSet<uint64_t>>);

}  // namespace lowdim
