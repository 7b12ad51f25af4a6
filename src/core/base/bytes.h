// Flat little-endian images of trained models. The reader trusts nothing: every length is checked before it
// is used, and what does not fit is Error(kCorrupted).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "core/base/error.h"

namespace lowdim::core {

static_assert(std::endian::native == std::endian::little, "images are little-endian");

class ByteWriter {
 public:
  template <class T>
  void put(T value) {
    static_assert(std::is_arithmetic_v<T>);
    const size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }
  // Elements without their count.
  template <class T>
  void put_all(const T* values, size_t n) {
    static_assert(std::is_arithmetic_v<T>);
    const size_t at = bytes_.size();
    bytes_.resize(at + n * sizeof(T));
    if (n > 0) std::memcpy(bytes_.data() + at, values, n * sizeof(T));
  }
  const std::vector<uint8_t>& bytes() const { return bytes_; }
  std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

class ByteReader {
 public:
  ByteReader(const uint8_t* bytes, size_t n) : at_(bytes), left_(n) {}

  template <class T>
  T get() {
    static_assert(std::is_arithmetic_v<T>);
    T value;
    std::memcpy(&value, need(sizeof value), sizeof value);
    return value;
  }
  // A count or dimension: an error outside [low, high].
  uint32_t get_count(uint32_t low, uint32_t high) {
    const uint32_t n = get<uint32_t>();
    if (n < low || n > high) corrupted();
    return n;
  }
  // n elements; the room is taken only if the bytes are there. Floating-point elements must be finite.
  template <class T>
  std::vector<T> get_all(size_t n) {
    static_assert(std::is_arithmetic_v<T>);
    if (n > left_ / sizeof(T)) corrupted();
    std::vector<T> values(n);
    if (n > 0) std::memcpy(values.data(), need(n * sizeof(T)), n * sizeof(T));
    if constexpr (std::is_floating_point_v<T>) {
      for (const T v : values) {
        if (!(v - v == 0)) corrupted();
      }
    }
    return values;
  }
  float get_finite() {
    const float v = get<float>();
    if (!(v - v == 0)) corrupted();
    return v;
  }
  size_t left() const { return left_; }
  // To be called when everything has been read.
  void end() const {
    if (left_ != 0) corrupted();
  }
  [[noreturn]] static void corrupted() { throw Error(ErrorKind::kCorrupted, "invalid or damaged codec"); }

 private:
  const uint8_t* need(size_t n) {
    if (n > left_) corrupted();
    const uint8_t* p = at_;
    at_ += n;
    left_ -= n;
    return p;
  }

  const uint8_t* at_;
  size_t left_;
};

}  // namespace lowdim::core
