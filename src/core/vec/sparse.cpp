// See sparse.h.

#include "core/vec/sparse.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "core/base/error.h"
#include "core/vec/limits.h"

namespace lowdim::core {
namespace {

// Walks the union of two index lists: both(x, y), only_a(x), only_b(y).
template <class Both, class OnlyA, class OnlyB>
void merge_walk(const SparseView& a, const SparseView& b, Both both, OnlyA only_a, OnlyB only_b) {
  uint32_t i = 0;
  uint32_t j = 0;
  while (i < a.nnz && j < b.nnz) {
    const int32_t x = a.indices[i];
    const int32_t y = b.indices[j];
    if (x == y) {
      both(a.values[i++], b.values[j++]);
    } else if (x < y) {
      only_a(a.values[i++]);
    } else {
      only_b(b.values[j++]);
    }
  }
  while (i < a.nnz) only_a(a.values[i++]);
  while (j < b.nnz) only_b(b.values[j++]);
}

// Only common indices count; the steps are conditional moves, the branch is the rare match.
template <class Sum>
Sum dot(const SparseView& a, const SparseView& b) {
  Sum sum = 0;
  uint32_t i = 0;
  uint32_t j = 0;
  while (i < a.nnz && j < b.nnz) {
    const int32_t x = a.indices[i];
    const int32_t y = b.indices[j];
    if (x == y) sum += static_cast<Sum>(a.values[i]) * b.values[j];
    i += x <= y;
    j += y <= x;
  }
  return sum;
}

int sign(float v) { return v < 0 ? -1 : v > 0; }

}  // namespace

float sparse_l2sq(const SparseView& a, const SparseView& b) {
  float sum = 0;
  const auto square = [&](float v) { sum += v * v; };
  merge_walk(
      a, b, [&](float x, float y) { square(x - y); }, square, square);
  return sum;
}

float sparse_l1(const SparseView& a, const SparseView& b) {
  float sum = 0;
  const auto one = [&](float v) { sum += std::fabs(v); };
  merge_walk(
      a, b, [&](float x, float y) { one(x - y); }, one, one);
  return sum;
}

float sparse_dot(const SparseView& a, const SparseView& b) { return dot<float>(a, b); }

double sparse_dot_wide(const SparseView& a, const SparseView& b) { return dot<double>(a, b); }

double sparse_norm2(const SparseView& a) {
  double sum = 0;
  for (uint32_t i = 0; i < a.nnz; ++i) sum += static_cast<double>(a.values[i]) * a.values[i];
  return sum;
}

int sparse_compare(const SparseView& a, const SparseView& b) {
  const int32_t common = std::min(a.dims, b.dims);
  for (uint32_t i = 0, j = 0; i < a.nnz || j < b.nnz; ++i, ++j) {
    const int32_t x = i < a.nnz ? a.indices[i] : common;
    const int32_t y = j < b.nnz ? b.indices[j] : common;
    if (std::min(x, y) >= common) break;
    // Up to here both agree, so i == j; the first difference decides.
    if (x < y) return sign(a.values[i]);
    if (y < x) return -sign(b.values[j]);
    if (a.values[i] != b.values[j]) return a.values[i] < b.values[j] ? -1 : 1;
  }
  return a.dims < b.dims ? -1 : a.dims > b.dims;
}

void SparseSum::check_dims(int32_t dims) {
  if (rows_ == 0) {
    dims_ = dims;
  } else if (dims != dims_) {
    throw Error(ErrorKind::kData,
                "expected " + std::to_string(dims_) + " dimensions, not " + std::to_string(dims));
  }
}

void SparseSum::add(const SparseView& v) {
  check_dims(v.dims);
  ++rows_;
  for (uint32_t i = 0; i < v.nnz; ++i) pending_.push_back({v.indices[i], v.values[i]});
  if (pending_.size() > total_.size() + 4096) fold();
}

void SparseSum::merge(const SparseSum& other) {
  if (other.rows_ == 0) return;
  check_dims(other.dims_);
  rows_ += other.rows_;
  pending_.insert(pending_.end(), other.total_.begin(), other.total_.end());
  pending_.insert(pending_.end(), other.pending_.begin(), other.pending_.end());
  fold();
}

size_t SparseSum::bytes() const {
  return sizeof *this + (total_.capacity() + pending_.capacity()) * sizeof(Entry);
}

void SparseSum::fold() {
  if (pending_.empty()) return;
  const auto by_index = [](const Entry& a, const Entry& b) { return a.index < b.index; };
  std::stable_sort(pending_.begin(), pending_.end(), by_index);
  const auto middle = static_cast<ptrdiff_t>(total_.size());
  total_.insert(total_.end(), pending_.begin(), pending_.end());
  pending_.clear();
  std::inplace_merge(total_.begin(), total_.begin() + middle, total_.end(), by_index);
  size_t n = 0;
  for (const Entry& e : total_) {
    if (n > 0 && total_[n - 1].index == e.index) {
      total_[n - 1].value += e.value;
    } else {
      total_[n++] = e;
    }
  }
  total_.resize(n);
  if (total_.size() > kMaxSumNonZeros) {
    std::erase_if(total_, [](const Entry& e) { return e.value == 0; });
    if (total_.size() > kMaxSumNonZeros) {
      throw Error(ErrorKind::kLimit, "sum of sparsevec values has more than " +
                                         std::to_string(kMaxSumNonZeros) + " non-zero elements");
    }
  }
}

const std::vector<SparseSum::Entry>& SparseSum::total() {
  fold();
  std::erase_if(total_, [](const Entry& e) { return e.value == 0; });
  return total_;
}

namespace {
struct ImageHeader {
  uint64_t rows;
  uint64_t entries;
  int32_t dims;
  uint32_t magic;
};
constexpr uint32_t kImageMagic = 0x4C535331;  // "LSS1"
}  // namespace

size_t SparseSum::image_bytes() {
  fold();
  return sizeof(ImageHeader) + total_.size() * sizeof(Entry);
}

void SparseSum::write_image(uint8_t* out) const noexcept {
  const ImageHeader header{rows_, total_.size(), dims_, kImageMagic};
  std::memcpy(out, &header, sizeof header);
  if (!total_.empty()) std::memcpy(out + sizeof header, total_.data(), total_.size() * sizeof(Entry));
}

std::vector<uint8_t> SparseSum::image() {
  std::vector<uint8_t> out(image_bytes());
  write_image(out.data());
  return out;
}

SparseSum SparseSum::restore(const uint8_t* bytes, size_t n) {
  const auto demand = [](bool holds) {
    if (!holds) throw Error(ErrorKind::kCorrupted, "invalid sparsevec aggregate state");
  };
  ImageHeader header;
  demand(n >= sizeof header);
  std::memcpy(&header, bytes, sizeof header);
  demand(header.magic == kImageMagic);
  demand((n - sizeof header) % sizeof(Entry) == 0 && header.entries == (n - sizeof header) / sizeof(Entry));
  if (header.rows == 0) {
    demand(header.dims == 0 && header.entries == 0);
  } else {
    demand(header.dims >= 1 && header.dims <= kMaxSparseDims);
  }
  SparseSum sum;
  sum.rows_ = header.rows;
  sum.dims_ = header.dims;
  sum.total_.resize(header.entries);
  if (header.entries > 0)
    std::memcpy(sum.total_.data(), bytes + sizeof header, header.entries * sizeof(Entry));
  // fold() relies on ascending indices, whoever reads the total on dims.
  int32_t previous = -1;
  for (const Entry& e : sum.total_) {
    demand(e.index > previous && e.index < header.dims && std::isfinite(e.value));
    previous = e.index;
  }
  return sum;
}

}  // namespace lowdim::core
