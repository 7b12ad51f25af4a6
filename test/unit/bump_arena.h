// The unit tests' arena: a bump pointer whose owner frees everything at once. Under AddressSanitizer each
// request gets memory of its own, so that a step over its end is seen. Memory is handed out full of 0xA5:
// code that reads what it did not write gets odd values, not lucky zeros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "core/base/arena.h"

namespace lowdim::testing {

class BumpArena {
 public:
  Arena arena() { return Arena{&grab, this}; }
  size_t bytes() const { return bytes_; }  // handed out since the last free_all
  void free_all() {
    chunks_.clear();
    next_ = nullptr;
    left_ = bytes_ = 0;
  }

 private:
#if defined(__SANITIZE_ADDRESS__)
  static constexpr size_t kChunkBytes = 0;
#else
  static constexpr size_t kChunkBytes = 64 * 1024;
#endif

  static void* grab(void* self, size_t bytes, size_t align) {
    return static_cast<BumpArena*>(self)->take(bytes, align);
  }
  void* take(size_t bytes, size_t align) {
    if (bytes > SIZE_MAX / 2) throw std::bad_alloc();
    // Like palloc: aligned to 8 and no more, unless asked.
    size_t skip = (align - reinterpret_cast<uintptr_t>(next_) % align) % align;
    if (next_ == nullptr || left_ < bytes + skip) {
      left_ = bytes + (align > 16 ? align : 0);
      if (left_ < kChunkBytes) left_ = kChunkBytes;
      chunks_.push_back(std::make_unique_for_overwrite<uint8_t[]>(left_));
      next_ = chunks_.back().get();
      skip = (align - reinterpret_cast<uintptr_t>(next_) % align) % align;
    }
    uint8_t* start = next_ + skip;
    const size_t step = (bytes + skip + 7) / 8 * 8;
    next_ += step < left_ ? step : left_;
    left_ -= step < left_ ? step : left_;
    bytes_ += bytes;
    std::memset(start, 0xA5, bytes);
    return start;
  }

  std::vector<std::unique_ptr<uint8_t[]>> chunks_;
  uint8_t* next_ = nullptr;
  size_t left_ = 0;
  size_t bytes_ = 0;
};

}  // namespace lowdim::testing
