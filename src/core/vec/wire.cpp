// See wire.h.

#include "core/vec/wire.h"

#include <bit>
#include <cmath>

#include "core/vec/limits.h"

namespace lowdim::core {
namespace {

uint16_t load16(const uint8_t* p) { return static_cast<uint16_t>(p[0] << 8 | p[1]); }

uint32_t load32(const uint8_t* p) {
  return static_cast<uint32_t>(p[0]) << 24 | static_cast<uint32_t>(p[1]) << 16 |
         static_cast<uint32_t>(p[2]) << 8 | p[3];
}

WireFault non_finite(float v) {
  if (std::isnan(v)) return WireFault::kNaN;
  return std::isinf(v) ? WireFault::kInfinite : WireFault::kNone;
}

}  // namespace

WireError decode_dense_header(const uint8_t* bytes, size_t n, int32_t& dims) {
  if (n < kDenseHeaderBytes) return {WireFault::kTruncated, 0};
  dims = static_cast<int16_t>(load16(bytes));
  const int unused = static_cast<int16_t>(load16(bytes + 2));
  if (dims < 1 || dims > kMaxDims) return {WireFault::kDims, dims};
  if (unused != 0) return {WireFault::kUnused, unused};
  return {};
}

WireError decode_sparse_header(const uint8_t* bytes, size_t n, int32_t& dims, int32_t& nnz) {
  if (n < kSparseHeaderBytes) return {WireFault::kTruncated, 0};
  dims = static_cast<int32_t>(load32(bytes));
  nnz = static_cast<int32_t>(load32(bytes + 4));
  const int32_t unused = static_cast<int32_t>(load32(bytes + 8));
  if (dims < 1 || dims > kMaxSparseDims) return {WireFault::kDims, dims};
  if (nnz < 0 || nnz > kMaxSparseNonZeros || nnz > dims) return {WireFault::kNonZeros, nnz};
  if (unused != 0) return {WireFault::kUnused, unused};
  return {};
}

WireError decode_multi_header(const uint8_t* bytes, size_t n, int32_t& dims, int32_t& vectors) {
  if (n < kMultiHeaderBytes) return {WireFault::kTruncated, 0};
  dims = static_cast<int32_t>(load32(bytes));
  vectors = static_cast<int32_t>(load32(bytes + 4));
  const int32_t unused = static_cast<int32_t>(load32(bytes + 8));
  if (dims < 1 || dims > kMaxDims) return {WireFault::kDims, dims};
  if (vectors < 1 || vectors > static_cast<int32_t>(kMaxVectors)) return {WireFault::kVectors, vectors};
  if (unused != 0) return {WireFault::kUnused, unused};
  const uint64_t elements = static_cast<uint64_t>(dims) * static_cast<uint64_t>(vectors);
  if ((n - kMultiHeaderBytes) / sizeof(float) < elements) return {WireFault::kTruncated, 0};
  return {};
}

WireError decode_f32(const uint8_t* bytes, size_t n, uint32_t count, float* out) {
  if (n / sizeof(float) < count) return {WireFault::kTruncated, 0};
  for (uint32_t i = 0; i < count; ++i) {
    const float v = std::bit_cast<float>(load32(bytes + 4 * static_cast<size_t>(i)));
    if (const WireFault f = non_finite(v); f != WireFault::kNone) return {f, i};
    out[i] = v;
  }
  return {};
}

WireError decode_f16(const uint8_t* bytes, size_t n, uint32_t count, uint16_t* out) {
  if (n / sizeof(uint16_t) < count) return {WireFault::kTruncated, 0};
  for (uint32_t i = 0; i < count; ++i) {
    const uint16_t v = load16(bytes + 2 * static_cast<size_t>(i));
    if ((v & 0x7C00) == 0x7C00) return {(v & 0x03FF) != 0 ? WireFault::kNaN : WireFault::kInfinite, i};
    out[i] = v;
  }
  return {};
}

WireError decode_sparse(const uint8_t* bytes, size_t n, int32_t dims, uint32_t nnz, int32_t* indices,
                        float* values) {
  const size_t index_bytes = static_cast<size_t>(nnz) * sizeof(int32_t);
  if (n < 2 * index_bytes) return {WireFault::kTruncated, 0};
  for (uint32_t i = 0; i < nnz; ++i)
    indices[i] = static_cast<int32_t>(load32(bytes + 4 * static_cast<size_t>(i)));
  if (WireError e = decode_f32(bytes + index_bytes, n - index_bytes, nnz, values)) return e;
  return check_sparse(indices, values, nnz, dims);
}

WireError check_sparse(const int32_t* indices, const float* values, uint32_t nnz, int32_t dims) {
  for (uint32_t i = 0; i < nnz; ++i) {
    if (indices[i] < 0 || indices[i] >= dims) return {WireFault::kIndexBounds, i};
    if (i > 0 && indices[i] == indices[i - 1]) return {WireFault::kIndexTwice, i};
    if (i > 0 && indices[i] < indices[i - 1]) return {WireFault::kIndexOrder, i};
    if (const WireFault f = non_finite(values[i]); f != WireFault::kNone) return {f, i};
    if (values[i] == 0) return {WireFault::kZero, i};
  }
  return {};
}

}  // namespace lowdim::core
