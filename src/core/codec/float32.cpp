// See float32.h.

#include "core/codec/float32.h"

#include <cstring>

#include "core/simd/kernels.h"

namespace lowdim::core {
namespace {

class Float32Scorer final : public Scorer {
 public:
  Float32Scorer(const float* q, size_t n) : q_(q, q + n) {}
  void score(const uint8_t* codes, size_t stride, size_t n, float* out) const override {
    for (size_t i = 0; i < n; ++i) {
      const float* u = reinterpret_cast<const float*>(codes + i * stride);  // kernels take any alignment
      out[i] = simd::kernels().dot_f32(q_.data(), u, static_cast<uint32_t>(q_.size()));
    }
  }

 private:
  std::vector<float> q_;
};

}  // namespace

void Float32Quantizer::encode(const float* u, uint8_t* code) const { std::memcpy(code, u, code_bytes()); }
void Float32Quantizer::decode(const uint8_t* code, float* u) const { std::memcpy(u, code, code_bytes()); }
std::unique_ptr<Scorer> Float32Quantizer::prepare(const float* q) const {
  return std::make_unique<Float32Scorer>(q, dims_);
}

}  // namespace lowdim::core
