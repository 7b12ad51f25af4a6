// FastScan (Andre, Kermarrec, Le Scouarnec 2015): inner products of a query with 4-bit codes, 32 at a time,
// from tables of bytes that stay in registers. Blocks are made here; simd/fastscan.h says how they look. Used
// where codes are kept in blocks: partitions, neighbour lists, exhaustive scans.
//
// Quantized tables: with t[s][v] the exact entries, low_s their least in segment s and
//   step = max over s, v of (t[s][v] - low_s) / 255,
// entry e[s][v] = round((t[s][v] - low_s) / step), half away from zero, and
//   <q, u> ~ bias + step * sum of entries,   bias = sum of low_s.
// Each entry is off by at most step / 2, so an estimate by at most error_bound() <= m step / 2 (+ rounding).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/codec/pq.h"

namespace lowdim::core {

constexpr size_t kFastScanBlock = 32;

// What n codes of m segments take: whole blocks.
constexpr size_t fastscan_bytes(size_t n, size_t m) {
  return (n + kFastScanBlock - 1) / kFastScanBlock * 16 * m;
}

// n codes of m nibbles, `stride` bytes apart, nibble s in the low half of byte s/2 if s is even, else in the
// high half. The last block is filled up with codes of zeros.
void fastscan_pack(const uint8_t* codes, size_t stride, size_t n, size_t m, uint8_t* blocks);
// Puts one code where code i is, and takes it out again ((m + 1) / 2 bytes).
void fastscan_put(const uint8_t* code, size_t i, size_t m, uint8_t* blocks);
void fastscan_get(const uint8_t* blocks, size_t i, size_t m, uint8_t* code);

class FastScanQuery {
 public:
  // The quantizer has 4 bits: Error(kInvalidParameter) otherwise. It is not needed afterwards.
  FastScanQuery(const PqQuantizer& quantizer, const float* q);
  // Any sum of m table entries: tables are m x 16 floats.
  FastScanQuery(const float* tables, size_t m);

  // Estimates for the first n codes of the blocks.
  void score(const uint8_t* blocks, size_t n, float* out) const;
  // The sums of entries for whole blocks: 32 n_blocks numbers.
  void sums(const uint8_t* blocks, size_t n_blocks, uint32_t* out) const;
  // The estimate that belongs to a sum.
  float estimate(uint32_t sum) const { return static_cast<float>(bias_ + step_ * static_cast<double>(sum)); }

  size_t m() const { return tables_.size() / 16; }
  const uint8_t* tables() const { return tables_.data(); }
  double step() const { return step_; }
  double bias() const { return bias_; }
  // No estimate of a sum of table entries is farther from it, float rounding of the result included.
  double error_bound() const { return error_bound_; }

 private:
  void quantize(const float* tables, size_t m);

  std::vector<uint8_t> tables_;
  double step_ = 0, bias_ = 0, error_bound_ = 0;
};

}  // namespace lowdim::core
