// See fastscan.h.

#include "core/codec/fastscan.h"

#include <algorithm>
#include <cmath>

#include "core/simd/fastscan.h"

namespace lowdim::core {
namespace {

uint8_t nibble(const uint8_t* code, size_t s) { return code[s / 2] >> (4 * (s % 2)) & 15; }

}  // namespace

void fastscan_put(const uint8_t* code, size_t i, size_t m, uint8_t* blocks) {
  uint8_t* at = blocks + i / kFastScanBlock * 16 * m + i % 16;
  const int shift = i % kFastScanBlock < 16 ? 0 : 4;
  for (size_t s = 0; s < m; ++s, at += 16) {
    *at = static_cast<uint8_t>((*at & (0xf0 >> shift)) | nibble(code, s) << shift);
  }
}

void fastscan_get(const uint8_t* blocks, size_t i, size_t m, uint8_t* code) {
  const uint8_t* at = blocks + i / kFastScanBlock * 16 * m + i % 16;
  const int shift = i % kFastScanBlock < 16 ? 0 : 4;
  std::fill_n(code, (m + 1) / 2, uint8_t{0});
  for (size_t s = 0; s < m; ++s, at += 16) {
    code[s / 2] |= static_cast<uint8_t>((*at >> shift & 15) << (4 * (s % 2)));
  }
}

void fastscan_pack(const uint8_t* codes, size_t stride, size_t n, size_t m, uint8_t* blocks) {
  std::fill_n(blocks, fastscan_bytes(n, m), uint8_t{0});
  for (size_t i = 0; i < n; ++i) fastscan_put(codes + i * stride, i, m, blocks);
}

FastScanQuery::FastScanQuery(const float* tables, size_t m) { quantize(tables, m); }

FastScanQuery::FastScanQuery(const PqQuantizer& quantizer, const float* q) {
  if (quantizer.bits() != 4) {
    throw Error(ErrorKind::kInvalidParameter, "FastScan scores codes of 4 bits");
  }
  std::vector<float> tables(quantizer.m() * 16);
  quantizer.inner_products(q, tables.data());
  quantize(tables.data(), quantizer.m());
}

void FastScanQuery::quantize(const float* tables, size_t m) {
  double span = 0, magnitude = 0;
  for (size_t s = 0; s < m; ++s) {
    const auto [low, high] = std::minmax_element(tables + 16 * s, tables + 16 * s + 16);
    span = std::max(span, static_cast<double>(*high) - static_cast<double>(*low));
    magnitude += std::max(std::fabs(static_cast<double>(*low)), std::fabs(static_cast<double>(*high)));
    bias_ += static_cast<double>(*low);
  }
  tables_.assign(16 * m, 0);
  step_ = span / 255;
  if (!std::isfinite(step_) || !std::isfinite(bias_)) {
    throw Error(ErrorKind::kData, "the query is too large to score");
  }
  for (size_t s = 0; s < m; ++s) {
    const float* table = tables + 16 * s;
    const double low = static_cast<double>(*std::min_element(table, table + 16));
    double most = 0;
    for (size_t v = 0; v < 16; ++v) {
      const double above = static_cast<double>(table[v]) - low;
      const double entry = step_ > 0 ? std::min(255.0, std::floor(above / step_ + 0.5)) : 0;
      tables_[16 * s + v] = static_cast<uint8_t>(entry);
      most = std::max(most, std::fabs(entry * step_ - above));
    }
    error_bound_ += most;
  }
  // The estimate is rounded to float, and the sums above in double.
  error_bound_ += 0x1p-23 * magnitude;
}

void FastScanQuery::sums(const uint8_t* blocks, size_t n_blocks, uint32_t* out) const {
  simd::fastscan_kernels().sums(blocks, n_blocks, static_cast<uint32_t>(m()), tables_.data(), out);
}

void FastScanQuery::score(const uint8_t* blocks, size_t n, float* out) const {
  constexpr size_t kBlocks = 32;  // 4 KiB of sums at a time
  uint32_t chunk[kBlocks * kFastScanBlock];
  for (size_t at = 0; at < n; at += kBlocks * kFastScanBlock) {
    const size_t count = std::min(n - at, kBlocks * kFastScanBlock);
    sums(blocks + at / 2 * m(), (count + kFastScanBlock - 1) / kFastScanBlock, chunk);
    for (size_t i = 0; i < count; ++i) out[at + i] = estimate(chunk[i]);
  }
}

}  // namespace lowdim::core
