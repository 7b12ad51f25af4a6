// Random projections to fewer dimensions, y = R^T x / sqrt(d), with R drawn from a seed and never stored in
// the image. The inner product of two projected vectors is an unbiased estimate of that of the vectors:
//   dense   entries +1 or -1 (Achlioptas 2003), kept as bits
//   sparse  entries 0, or +-D^(1/4) with probability D^(-1/2) (Li, Hastie, Church 2006): sqrt(D) times faster
// Needs no training. A baseline for the trained projections and the choice where dimensions are too many for
// them.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/codec/projection.h"

namespace lowdim::core {

enum class RandomEntries : uint8_t { kDense = 0, kSparse = 1 };

class RandomProjection final : public Projection {
 public:
  // Throws Error(kInvalidParameter) unless 1 <= out_dims <= in_dims.
  RandomProjection(RandomEntries entries, size_t in_dims, size_t out_dims, uint64_t seed);

  size_t in_dims() const override { return in_dims_; }
  size_t out_dims() const override { return out_dims_; }
  void apply_base(const float* x, float* out) const override;
  void apply_query(const float* q, float* out) const override { apply_base(q, out); }
  // The shortest vector with projection u, by conjugate gradients; where u is no vector's projection, the
  // nearest that a bounded number of steps finds. Some 10 to 100 times the work of apply_base.
  void restore(const float* u, float* x) const override;
  bool orthonormal() const override { return false; }

  // Kind, dimensions and seed.
  void write(ByteWriter& out) const override;
  static std::unique_ptr<Projection> read(ByteReader& in, size_t in_dims);
  std::vector<std::pair<std::string, std::string>> facts() const override;

 private:
  void transpose(const float* u, float* x) const;

  RandomEntries entries_;
  size_t in_dims_;
  size_t out_dims_;
  uint64_t seed_;
  float scale_;  // of an entry, the division by sqrt(d) included
  // Dense: a row of signs per input coordinate, 4 to the nibble, rounded up to whole bytes.
  size_t row_bytes_ = 0;
  std::vector<uint8_t> bits_;
  // Sparse: entries starts_[i] to starts_[i + 1] of input coordinate i, 2 * output coordinate + (1 if
  // negative).
  std::vector<uint32_t> starts_;
  std::vector<uint16_t> places_;
};

}  // namespace lowdim::core
