// RaBitQ at 1 to 8 bits a dimension (Gao and Long, SIGMOD 2024; Gao et al., SIGMOD 2025): a code is the grid
// point whose direction is nearest to the vector's, and <q, u> is estimated without bias by dividing by the
// cosine between them, with a bound on the error that holds with a stated probability.
//
// The vectors come centred and randomly rotated (the projection before this quantizer): then every input is
// alike, which is what the probabilities are about. Without rotation codes, estimates and norms are still
// right, only the bound's probability is not promised.
//
// Code, ceil(dims/8) * bits + 8 bytes:
//   0                    bits planes of ceil(dims/8) bytes, the highest bit first; bit i%8 of byte i/8
//   belongs
//                        to dimension i; unused bits are 0. The first plane is the 1-bit code (1 = positive).
//   planes               float scale = |u|^2 / <u, g>, g the grid point (code - (2^bits - 1)/2)
//   planes + 4           float error = |u| sqrt((1/cos^2(u, g) - 1) / (dims - 1)), so that the bound is
//                        epsilon |q| error
// <q, u> ~ scale <q, g>. The norm needs no place: |u|^2 = scale^2 |g|^2 - (dims - 1) error^2. The zero vector
// has scale = error = 0 and estimates of exactly 0.
#pragma once

#include "core/codec/quantizer.h"

namespace lowdim::core {

class RabitqQuantizer final : public Quantizer {
 public:
  // The paper's default. |error| / (|q| error) is about normal with standard deviation sqrt(1 - cos^2(q, u)),
  // so at least 94 % of the pairs are inside the bounds, and at least 97 % on each side.
  static constexpr float kEpsilon = 1.9f;

  // bits in 1..8, epsilon >= 0 and finite, dims >= 1: Error(kInvalidParameter) otherwise. There is nothing to
  // train.
  RabitqQuantizer(size_t dims, int bits, float epsilon = kEpsilon);
  static std::unique_ptr<Quantizer> read(ByteReader& in, size_t dims);

  size_t dims() const override { return dims_; }
  size_t code_bytes() const override { return plane_bytes_ * static_cast<size_t>(bits_) + 2 * sizeof(float); }
  int bits() const { return bits_; }
  float epsilon() const { return epsilon_; }
  size_t plane_bytes() const { return plane_bytes_; }

  // A vector that is not finite gets the code of the zero vector.
  void encode(const float* u, uint8_t* code) const override;
  // The multiple of the grid point that is nearest to u: cos(u, g) times as long as u. (The estimator uses a
  // longer one; it is unbiased but farther from u.)
  void decode(const uint8_t* code, float* u) const override;
  std::unique_ptr<Scorer> prepare(const float* q) const override;
  Bounds bounds() const override { return Bounds::kProbable; }
  NormKind norm_kind() const override { return NormKind::kTrue; }
  void write(ByteWriter& out) const override;
  std::vector<std::pair<std::string, std::string>> facts() const override;

  // |u|^2 of the encoded vector, and |g|^2 of its grid point.
  double norm2(const uint8_t* code) const override;
  double grid_norm2(const uint8_t* code) const;

 private:
  size_t dims_;
  size_t plane_bytes_;
  int bits_;
  float epsilon_;
};

}  // namespace lowdim::core
