// A bounded sample of the rows that pass by, the same whatever their order and however they were split
// between workers: every row gets a key, a hash of its bytes, and the rows with the smallest keys stay. Equal
// rows share a key and take one place, so the sample is uniform over the distinct rows. How often each came
// by is counted, and the counts are exact: whoever stays to the end was among the smallest from its first
// appearance, in every worker. Used by trainers that must see vectors again and by core/dimension.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/bytes.h"
#include "core/codec/matrix.h"

namespace lowdim::core {

class RowSample {
 public:
  // At most `capacity` rows of `dims` floats.
  RowSample(size_t dims, size_t capacity, uint64_t seed);

  // Rows with different tags are different rows.
  void add(const float* row, std::string_view tag = {});
  void merge(const RowSample& other);

  size_t dims() const { return dims_; }
  size_t size() const { return heap_.size(); }
  size_t bytes() const { return rows_.capacity() * sizeof(float) + heap_.capacity() * sizeof(Slot); }

  // The rows in the order of their keys: the order, too, depends on the set of rows alone. Where asked for,
  // how often each came by, and their tags.
  std::vector<float> ordered(std::vector<uint64_t>* counts = nullptr,
                             std::vector<std::string>* tags = nullptr) const;
  // The same rows; the sample is empty afterwards.
  std::vector<float> take_ordered();

  void write(ByteWriter& out) const;
  static RowSample read(ByteReader& in);

 private:
  struct Slot {
    uint64_t key;
    uint32_t place;  // of the row in rows_
    bool operator<(const Slot& other) const { return key < other.key; }
  };
  void offer(uint64_t key, const float* row, std::string_view tag, uint64_t count);
  uint64_t key_of(const float* row, std::string_view tag) const;

  size_t dims_;
  size_t capacity_;
  uint64_t seed_;
  std::vector<Slot> heap_;  // largest key first
  std::vector<float> rows_;
  std::vector<uint64_t> counts_;                     // by place
  std::vector<std::string> tags_;                    // by place
  std::unordered_map<uint64_t, uint32_t> place_of_;  // of each key kept
};

}  // namespace lowdim::core
