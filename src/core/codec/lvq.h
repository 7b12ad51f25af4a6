// Locally adaptive vector quantization (Aguerrebere et al. 2023): every vector has a grid of 2^B levels
// between its own least and greatest component, kept as two half floats, and optionally a second level of 8
// bits for what the first leaves. Vectors are expected to be centred: codec/projection.h subtracts the mean.
// What differs from the paper:
//   - A power of two, trained, brings the data into the middle of the half floats' range; multiplying by it
//   is exact.
//   - Where rounding the constants would leave a component outside of the grid by more than half a step
//   (vectors far
//     from their mean, constant vectors), the grid is widened until it covers all; so an error is at most
//     half a step, always, which the bounds rely on. The exception, components beyond 65,504 times the
//     trained scale, is marked in the sign of the step, and such a code's bounds are infinite.
// Code: step (half), bias (half), packed codes (codec/pack.h), then the residual's bytes; the first
// primary_bytes() are a complete code of the one-level quantizer.
#pragma once

#include "core/codec/quantizer.h"

namespace lowdim::core {

class LvqQuantizer : public Quantizer {
 public:
  // bits: 8 or 4; residual_bits: 0 or 8; components are multiplied by 2^-exponent before encoding. Throws
  // Error(kInvalidParameter).
  LvqQuantizer(size_t dims, unsigned bits, unsigned residual_bits, int exponent);
  // The exponent puts the greatest component of the sample between 128 and 256: constants of vectors 2^14
  // times smaller keep all the precision of a half float, and components 2^8 times greater than any seen are
  // still covered.
  static std::unique_ptr<LvqQuantizer> train(const Rows& sample, unsigned bits, unsigned residual_bits);

  size_t dims() const override { return dims_; }
  size_t code_bytes() const override { return primary_bytes() + (residual_bits_ != 0 ? dims_ : 0); }
  size_t primary_bytes() const;
  void encode(const float* u, uint8_t* code) const override;
  void decode(const uint8_t* code, float* u) const override;
  std::unique_ptr<Scorer> prepare(const float* q) const override;
  // A scorer that reads the first primary_bytes() of codes only; its bounds are those of the first level.
  std::unique_ptr<Scorer> prepare_primary(const float* q) const;
  Bounds bounds() const override { return Bounds::kCertain; }

  // What |u_d - decoded u_d| cannot exceed for the vector behind this code: infinity where the code is marked
  // (or is not one that encode() made). 0.5 * step * (1 + 2^-13) for one level, 0.5 * step / 255 * (1 + 2^-6)
  // for two: the excess is what rounding in float can add, see lvq.cpp. Rounding when decoding to floats is
  // not included.
  double error_bound(const uint8_t* code) const { return error_bound(code, residual_bits_ != 0); }

  void write(ByteWriter& out) const override;
  static std::unique_ptr<Quantizer> read(ByteReader& in, size_t dims);
  std::vector<std::pair<std::string, std::string>> facts() const override;

 private:
  friend class LvqScorer;
  // The constants of a code.
  struct Grid {
    float step;  // > 0 in codes that encode() made
    float bias;
    bool covers;
  };
  static Grid grid_of(const uint8_t* code);
  double error_bound(const uint8_t* code, bool with_residual) const;

  size_t dims_;
  unsigned bits_;
  unsigned residual_bits_;
  int exponent_;
  float scale_;    // 2^-exponent
  float unscale_;  // 2^exponent
};

}  // namespace lowdim::core
