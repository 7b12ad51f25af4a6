// Arithmetic of sparse vectors: sorted (index, value) arrays, indices from 0, no stored zeros. Both operands
// of a function have the same dimensions (the caller checks). Sums accumulate in float32, like the dense
// kernels.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace lowdim::core {

struct SparseView {
  const int32_t* indices;
  const float* values;
  uint32_t nnz;
  int32_t dims;
};

float sparse_l2sq(const SparseView& a, const SparseView& b);
float sparse_dot(const SparseView& a, const SparseView& b);
double sparse_dot_wide(const SparseView& a, const SparseView& b);  // accumulated in double, for angles
float sparse_l1(const SparseView& a, const SparseView& b);
double sparse_norm2(const SparseView& a);  // squared, accumulated in double

// Order of the dense vectors that a and b stand for: element by element over the common dimensions, then by
// dimensions. Negative, 0 or positive.
int sparse_compare(const SparseView& a, const SparseView& b);

// Sum of many sparse vectors of one dimension in double precision, for sum() and avg(). Inputs gather in a
// buffer that is merged into the sorted total whenever it outgrows it: O(log) merges an element, memory
// proportional to the distinct indices seen. The result does not depend on how rows are split between workers
// beyond rounding.
class SparseSum {
 public:
  // Bounds the memory (16 bytes each, twice while merging). A result may have kMaxSparseNonZeros; more are
  // held here because later rows may cancel them. Above it, Error(kLimit).
  static constexpr size_t kMaxSumNonZeros = size_t{1} << 20;

  // Throws Error(kData) when the dimensions differ from those seen before.
  void add(const SparseView& v);
  void merge(const SparseSum& other);

  uint64_t rows() const { return rows_; }
  int32_t dims() const { return dims_; }
  size_t bytes() const;

  struct Entry {
    int32_t index;
    double value;
  };
  // The total, sorted by index; entries whose sum is 0 are dropped.
  const std::vector<Entry>& total();

  // A flat image of the state, machine-endian, for parallel workers of one server. restore throws
  // Error(kCorrupted) for bytes that are not such an image.
  size_t image_bytes();                           // folds what is pending, so that write_image cannot throw
  void write_image(uint8_t* out) const noexcept;  // image_bytes() bytes, called right after it
  std::vector<uint8_t> image();
  static SparseSum restore(const uint8_t* bytes, size_t n);

 private:
  void check_dims(int32_t dims);
  void fold();

  uint64_t rows_ = 0;
  int32_t dims_ = 0;
  std::vector<Entry> total_;
  std::vector<Entry> pending_;
};

}  // namespace lowdim::core
