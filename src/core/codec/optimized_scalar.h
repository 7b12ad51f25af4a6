// Scalar quantization to 1 or 4 bits with an interval chosen for each vector: the one that least changes
// inner products with the vector's own direction, then its length ("optimized scalar quantization" of Lucene
// and Elasticsearch). No rotation; vectors are expected to be centred (codec/projection.h). The interval
// starts from that of a normal distribution and is refined in closed form: for fixed codes the loss is a
// quadratic of the interval's ends; then the codes are chosen again, for as long as the loss does not rise.
// Code: low end (float), step (float), sum of the codes (uint32), packed codes (codec/pack.h).
#pragma once

#include "core/codec/quantizer.h"

namespace lowdim::core {

// v_d ~ low + step * c_d with c_d from 0 to 2^bits - 1; loss = 0.9 <v, v - v^>^2 / |v|^2 + 0.1 |v - v^|^2.
struct ScalarInterval {
  double low = 0;
  double step = 0;
  double loss = 0;
};

// After at most `rounds` refinements; n finite floats, bits 1 to 8. Never of a greater loss than after fewer
// rounds.
ScalarInterval optimize_interval(const float* v, size_t n, unsigned bits, int rounds = 5);

class OptimizedScalarQuantizer : public Quantizer {
 public:
  // bits: 1 or 4. query_bits: 0 scores with the query's floats; 4 rounds it to 16 levels of an interval of
  // its own, in the same way, and works with integers alone: faster, with an error of its own. Throws
  // Error(kInvalidParameter).
  explicit OptimizedScalarQuantizer(size_t dims, unsigned bits, unsigned query_bits = 0);

  size_t dims() const override { return dims_; }
  size_t code_bytes() const override;
  void encode(const float* u, uint8_t* code) const override;
  void decode(const uint8_t* code, float* u) const override;
  std::unique_ptr<Scorer> prepare(const float* q) const override;
  void write(ByteWriter& out) const override;
  static std::unique_ptr<Quantizer> read(ByteReader& in, size_t dims);
  std::vector<std::pair<std::string, std::string>> facts() const override;

 private:
  size_t dims_;
  unsigned bits_;
  unsigned query_bits_;
};

}  // namespace lowdim::core
