// Product quantization (Jegou, Douze, Schmid, 2011): the dimensions are cut into m sub-spaces of consecutive
// ones, and each part of a vector is replaced by the number of its nearest centroid among 2^bits. <q, u> is
// then a sum of m table entries. Where m does not divide the dimensions, sub-spaces differ by one dimension.
//
// Code, ceil(m bits / 8) bytes: with 8 bits byte s is the centroid of sub-space s; with 4 bits byte s/2 has
// that of sub-space s in its low half if s is even, in its high half if odd; the last half byte of an odd m
// is 0 and ignored. 4-bit codes can also be packed into blocks and scored by codec/fastscan.h.
#pragma once

#include "core/codec/quantizer.h"

namespace lowdim::core {

class PqQuantizer final : public Quantizer {
 public:
  // One matrix a sub-space, 2^bits x its dimensions. bits is 4 or 8.
  PqQuantizer(int bits, const std::vector<Matrix>& centroids);
  static std::unique_ptr<Quantizer> read(ByteReader& in, size_t dims);

  size_t dims() const override { return begins_.back(); }
  size_t code_bytes() const override { return (m() * static_cast<size_t>(bits_) + 7) / 8; }
  size_t m() const { return begins_.size() - 1; }
  int bits() const { return bits_; }
  size_t k() const { return size_t{1} << bits_; }  // centroids a sub-space
  size_t begin(size_t s) const { return begins_[s]; }
  // Coordinate d, begin(s) <= d < begin(s + 1), of centroid c.
  float centroid(size_t d, size_t c) const { return centroids_[d * k() + c]; }

  void encode(const float* u, uint8_t* code) const override;
  void decode(const uint8_t* code, float* u) const override;
  std::unique_ptr<Scorer> prepare(const float* q) const override;
  void write(ByteWriter& out) const override;
  std::vector<std::pair<std::string, std::string>> facts() const override;

  // tables[s k() + c] = <q_s, centroid c of sub-space s>: m k() floats.
  void inner_products(const float* q, float* tables) const;
  // The centroid's number in a code.
  uint8_t get(const uint8_t* code, size_t s) const {
    return bits_ == 8 ? code[s] : static_cast<uint8_t>(code[s / 2] >> (4 * (s % 2)) & 15);
  }

 private:
  PqQuantizer(size_t dims, size_t m, int bits, std::vector<float> centroids);
  void set_norms();

  int bits_;
  std::vector<size_t> begins_;     // m + 1: where the sub-spaces begin, and dims
  std::vector<float> centroids_;   // dims x k: a dimension of all centroids is one run
  std::vector<float> half_norms_;  // m x k: |c|^2 / 2
};

// Where m sub-spaces of `dims` dimensions begin, and `dims`.
std::vector<size_t> pq_begins(size_t dims, size_t m);

struct PqOptions {
  size_t m = 8;
  int bits = 8;
  uint64_t seed = 1;
  int iterations = 16;  // of Lloyd, in each sub-space
};

struct PqResult {
  std::unique_ptr<PqQuantizer> quantizer;
  double distortion;  // mean |u - decoded u|^2 of the rows
};

// Throws Error(kInvalidParameter) for bits other than 4 and 8 and m outside 1..dims, Error(kData) without
// rows. The rows should be centred: centroids far from the origin cost the estimates digits.
PqResult train_pq(Rows rows, const PqOptions& options, const Stop& stop);

// The centroids of each sub-space: from k-means if `from` is empty, else improved from those. `distortion`
// becomes that of the rows; `decoded`, of their shape if not null, what they are encoded to.
std::vector<Matrix> train_subspaces(Rows rows, const PqOptions& options, std::vector<Matrix> from,
                                    double& distortion, Matrix* decoded, const Stop& stop);

}  // namespace lowdim::core
