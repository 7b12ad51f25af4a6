// No quantization: the projected vector itself. What a pure dimension reduction stores, and the yardstick of
// the rest.
#pragma once

#include "core/codec/quantizer.h"

namespace lowdim::core {

class Float32Quantizer final : public Quantizer {
 public:
  explicit Float32Quantizer(size_t dims) : dims_(dims) {}
  static std::unique_ptr<Quantizer> read(ByteReader&, size_t dims) {
    return std::make_unique<Float32Quantizer>(dims);
  }

  size_t dims() const override { return dims_; }
  size_t code_bytes() const override { return dims_ * sizeof(float); }
  void encode(const float* u, uint8_t* code) const override;
  void decode(const uint8_t* code, float* u) const override;
  std::unique_ptr<Scorer> prepare(const float* q) const override;
  void write(ByteWriter&) const override {}

 private:
  size_t dims_;
};

}  // namespace lowdim::core
