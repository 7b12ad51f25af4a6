// A bounded sample of the rows that pass by, the same whatever their order and however they were split
// between workers: every row gets a key, a hash of its bytes, and the rows with the smallest keys stay. Equal
// rows share a key and count once, so the sample is uniform over the distinct rows. Used by trainers that
// must see vectors again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "core/base/bytes.h"
#include "core/codec/matrix.h"

namespace lowdim::core {

class RowSample {
 public:
  // At most `capacity` rows of `dims` floats.
  RowSample(size_t dims, size_t capacity, uint64_t seed);

  void add(const float* row);
  void merge(const RowSample& other);

  size_t dims() const { return dims_; }
  size_t size() const { return heap_.size(); }
  size_t bytes() const { return rows_.capacity() * sizeof(float) + heap_.capacity() * sizeof(Slot); }

  // The rows in the order of their keys: the order, too, depends on the set of rows alone.
  std::vector<float> take_ordered();

  void write(ByteWriter& out) const;
  static RowSample read(ByteReader& in);

 private:
  struct Slot {
    uint64_t key;
    uint32_t place;  // of the row in rows_
    bool operator<(const Slot& other) const { return key < other.key; }
  };
  void offer(uint64_t key, const float* row);
  uint64_t key_of(const float* row) const;

  size_t dims_;
  size_t capacity_;
  uint64_t seed_;
  std::vector<Slot> heap_;  // largest key first
  std::vector<float> rows_;
  std::unordered_set<uint64_t> keys_;  // of the rows kept
};

}  // namespace lowdim::core
