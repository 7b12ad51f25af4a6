// The two scalar quantizers that know nothing of single vectors: IEEE half floats, and 8-bit integers of one
// global scale. Both round to the nearest: rounding at random would make the error's mean zero, which matters
// where errors pile up (training by gradients), but doubles its variance and gives an equal vector another
// code each time.
#pragma once

#include "core/codec/quantizer.h"

namespace lowdim::core {

// Code: dims half floats. What exceeds their range becomes the largest one, 65504.
class Float16Quantizer : public Quantizer {
 public:
  explicit Float16Quantizer(size_t dims) : dims_(dims) {}

  size_t dims() const override { return dims_; }
  size_t code_bytes() const override { return 2 * dims_; }
  void encode(const float* u, uint8_t* code) const override;
  void decode(const uint8_t* code, float* u) const override;
  std::unique_ptr<Scorer> prepare(const float* q) const override;
  // Of components that were clipped one side is unbounded, and so is what depends on it.
  Bounds bounds() const override { return Bounds::kCertain; }
  void write(ByteWriter& out) const override;
  static std::unique_ptr<Quantizer> read(ByteReader& in, size_t dims);

 private:
  size_t dims_;
};

// Code: one byte a dimension, 128 + round(u / scale), clipped to 1..255.
class Int8Quantizer : public Quantizer {
 public:
  // scale > 0, finite; clipped_fraction of the sample's components was beyond 127 scales.
  Int8Quantizer(size_t dims, float scale, double clipped_fraction);
  // Of the greatest |component| of the sample and its upper quantiles 0.9999, 0.999, 0.99, each as what 127
  // stands for, the one with the least squared error: heavy tails are worth clipping, even spreads are not.
  static std::unique_ptr<Int8Quantizer> train(const Rows& sample);

  size_t dims() const override { return dims_; }
  size_t code_bytes() const override { return dims_; }
  void encode(const float* u, uint8_t* code) const override;
  void decode(const uint8_t* code, float* u) const override;
  std::unique_ptr<Scorer> prepare(const float* q) const override;
  // Of components that were clipped one side is unbounded, and so is what depends on it.
  Bounds bounds() const override { return Bounds::kCertain; }
  void write(ByteWriter& out) const override;
  static std::unique_ptr<Quantizer> read(ByteReader& in, size_t dims);
  std::vector<std::pair<std::string, std::string>> facts() const override;

  float scale() const { return scale_; }
  double clipped_fraction() const { return clipped_fraction_; }
  // How many components of u encode() clips.
  size_t clipped(const float* u) const;

 private:
  size_t dims_;
  float scale_;
  double clipped_fraction_;
};

}  // namespace lowdim::core
