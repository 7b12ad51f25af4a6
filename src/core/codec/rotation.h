// A random rotation in O(D log D): four rounds of random sign flips and a Walsh-Hadamard transform. Where D
// is no power of two the transform covers the largest window that is one, at the front and at the back in
// turns, and after each such pair a Kac step turns the halves against each other by 45 degrees. (After every
// single transform, as is usual, it would leave a coordinate outside the window whole for too long: half of
// it moves to where the next window does not reach.) It spreads what sits in few coordinates over all of
// them, which is what RaBitQ and scalar quantizers with one scale want. Nothing is padded: D in, D out.
//
// Made of additions and multiplications by constants only, so a seed means the same rotation everywhere.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/codec/projection.h"

namespace lowdim::core {

class HadamardRotation final : public Projection {
 public:
  // 1 <= dims <= 16000.
  HadamardRotation(size_t dims, uint64_t seed);

  size_t in_dims() const override { return dims_; }
  size_t out_dims() const override { return dims_; }
  void apply_base(const float* x, float* out) const override;
  void apply_query(const float* q, float* out) const override { apply_base(q, out); }
  void restore(const float* u, float* x) const override;
  bool orthonormal() const override { return true; }

  // Seed and dimensions.
  void write(ByteWriter& out) const override;
  static std::unique_ptr<Projection> read(ByteReader& in, size_t in_dims);
  std::vector<std::pair<std::string, std::string>> facts() const override;

 private:
  static constexpr size_t kRounds = 4;

  void flip(size_t round, float* x) const;
  void transform(size_t round, float* x) const;
  void kac(size_t round, float* x, bool inverse) const;

  size_t dims_;
  uint64_t seed_;
  size_t window_;             // the largest power of two that is not above dims_
  std::vector<float> signs_;  // kRounds x dims_, 1 or -1
};

}  // namespace lowdim::core
