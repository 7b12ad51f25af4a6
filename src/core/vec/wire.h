// Binary (send/recv) formats, big-endian:
//   vector     int16 dims, int16 unused = 0, dims x float4
//   halfvec    int16 dims, int16 unused = 0, dims x IEEE binary16
//   sparsevec  int32 dims, int32 nnz, int32 unused = 0, nnz x int32 index (from 0, ascending), nnz x float4
//   (none 0)
//   multivector  int32 dims, int32 vectors, int32 unused = 0, vectors x dims x float4, vector by vector
// Decoding checks everything before it writes an element; the fuzzers call these functions. Pure, no
// allocation.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lowdim::core {

enum class WireFault : uint8_t {
  kNone,
  kTruncated,  // fewer bytes than the header promises
  kDims,       // dims below 1 or above the limit; `value` is dims
  kUnused,     // the reserved field is not 0; `value` is what it holds
  kNonZeros,   // nnz negative (value < 0), above the limit, or above dims
  kNaN,
  kInfinite,
  kIndexBounds,  // an index outside [0, dims)
  kIndexOrder,   // indices not ascending
  kIndexTwice,   // an index twice in a row
  kZero,         // a stored zero
  kVectors,      // vectors below 1 or above the limit; `value` is vectors
};

struct WireError {
  WireFault fault = WireFault::kNone;
  int64_t value = 0;
  explicit operator bool() const { return fault != WireFault::kNone; }
};

inline constexpr size_t kDenseHeaderBytes = 4;
inline constexpr size_t kSparseHeaderBytes = 12;
inline constexpr size_t kMultiHeaderBytes = 12;

// Headers: enough to know how much room the elements need.
WireError decode_dense_header(const uint8_t* bytes, size_t n, int32_t& dims);
WireError decode_sparse_header(const uint8_t* bytes, size_t n, int32_t& dims, int32_t& nnz);

// Also kTruncated where the n bytes cannot hold the elements, so that nobody makes room for them.
WireError decode_multi_header(const uint8_t* bytes, size_t n, int32_t& dims, int32_t& vectors);

// Elements, `bytes` pointing behind the header and holding n bytes.
WireError decode_f32(const uint8_t* bytes, size_t n, uint32_t count, float* out);
WireError decode_f16(const uint8_t* bytes, size_t n, uint32_t count, uint16_t* out);
WireError decode_sparse(const uint8_t* bytes, size_t n, int32_t dims, uint32_t nnz, int32_t* indices,
                        float* values);

// The invariants of stored sparse indices and values, for input from any source.
WireError check_sparse(const int32_t* indices, const float* values, uint32_t nnz, int32_t dims);

}  // namespace lowdim::core
