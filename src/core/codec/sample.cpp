// See sample.h.

#include "core/codec/sample.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/base/random.h"

namespace lowdim::core {

RowSample::RowSample(size_t dims, size_t capacity, uint64_t seed)
    : dims_(dims), capacity_(std::max<size_t>(capacity, 1)), seed_(seed) {}

uint64_t RowSample::key_of(const float* row, std::string_view tag) const {
  uint64_t h = seed_ + 0x9e3779b97f4a7c15u;
  const auto take = [&](uint32_t bits) {
    h = (h ^ bits) * 0xff51afd7ed558ccdu;
    h ^= h >> 32;
  };
  for (size_t i = 0; i < dims_; ++i) {
    uint32_t bits;
    std::memcpy(&bits, row + i, sizeof bits);
    take(bits == 0x80000000u ? 0 : bits);  // -0 is 0
  }
  for (const char c : tag) take(static_cast<unsigned char>(c));
  return mix64(h);
}

void RowSample::add(const float* row, std::string_view tag) { offer(key_of(row, tag), row, tag, 1); }

void RowSample::offer(uint64_t key, const float* row, std::string_view tag, uint64_t count) {
  if (heap_.size() == capacity_ && key > heap_.front().key) return;
  if (const auto known = place_of_.find(key); known != place_of_.end()) {
    counts_[known->second] += count;
    return;
  }
  uint32_t place;
  if (heap_.size() == capacity_) {
    std::pop_heap(heap_.begin(), heap_.end());
    place = heap_.back().place;
    place_of_.erase(heap_.back().key);
    heap_.pop_back();
  } else {
    place = static_cast<uint32_t>(heap_.size());
    rows_.resize(rows_.size() + dims_);
    counts_.push_back(0);
    tags_.emplace_back();
  }
  std::memcpy(rows_.data() + place * dims_, row, dims_ * sizeof(float));
  counts_[place] = count;
  tags_[place] = tag;
  place_of_.emplace(key, place);
  heap_.push_back({key, place});
  std::push_heap(heap_.begin(), heap_.end());
}

void RowSample::merge(const RowSample& other) {
  if (other.dims_ != dims_) {
    throw Error(ErrorKind::kData,
                "expected " + std::to_string(dims_) + " dimensions, not " + std::to_string(other.dims_));
  }
  for (const Slot& s : other.heap_) {
    offer(s.key, other.rows_.data() + s.place * dims_, other.tags_[s.place], other.counts_[s.place]);
  }
}

std::vector<float> RowSample::ordered(std::vector<uint64_t>* counts, std::vector<std::string>* tags) const {
  std::vector<Slot> order = heap_;
  std::sort(order.begin(), order.end());
  std::vector<float> out(order.size() * dims_);
  if (counts != nullptr) counts->clear();
  if (tags != nullptr) tags->clear();
  for (size_t i = 0; i < order.size(); ++i) {
    const size_t place = order[i].place;
    std::memcpy(out.data() + i * dims_, rows_.data() + place * dims_, dims_ * sizeof(float));
    if (counts != nullptr) counts->push_back(counts_[place]);
    if (tags != nullptr) tags->push_back(tags_[place]);
  }
  return out;
}

std::vector<float> RowSample::take_ordered() {
  std::vector<float> out = ordered();
  heap_ = {};
  rows_ = {};
  counts_ = {};
  tags_ = {};
  place_of_ = {};
  return out;
}

void RowSample::write(ByteWriter& out) const {
  out.put<uint32_t>(static_cast<uint32_t>(dims_));
  out.put<uint32_t>(static_cast<uint32_t>(capacity_));
  out.put<uint64_t>(seed_);
  out.put<uint32_t>(static_cast<uint32_t>(heap_.size()));
  for (const Slot& s : heap_) {
    out.put<uint64_t>(s.key);
    out.put<uint64_t>(counts_[s.place]);
    out.put<uint32_t>(static_cast<uint32_t>(tags_[s.place].size()));
    out.put_all(tags_[s.place].data(), tags_[s.place].size());
    out.put_all(rows_.data() + s.place * dims_, dims_);
  }
}

RowSample RowSample::read(ByteReader& in) {
  const uint32_t dims = in.get_count(1, 16000);
  const uint32_t capacity = in.get_count(1, UINT32_MAX);
  const uint64_t seed = in.get<uint64_t>();
  const uint32_t n = in.get_count(0, capacity);
  RowSample sample(dims, capacity, seed);
  for (uint32_t i = 0; i < n; ++i) {
    const uint64_t key = in.get<uint64_t>();
    const uint64_t count = in.get<uint64_t>();
    const std::vector<char> tag = in.get_all<char>(in.get<uint32_t>());
    const std::vector<float> row = in.get_all<float>(dims);
    sample.offer(key, row.data(), {tag.data(), tag.size()}, count);
  }
  return sample;
}

}  // namespace lowdim::core
