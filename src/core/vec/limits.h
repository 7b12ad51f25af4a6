// Limits of the column types, shared by parsers, wire decoders and the server's side. The numbers are part of
// the SQL surface: clients and dumps rely on them.
#pragma once

#include <cstdint>

namespace lowdim {

inline constexpr int32_t kMaxDims = 16000;                           // vector, halfvec
inline constexpr int32_t kMaxSparseDims = 1000000000;                // sparsevec
inline constexpr int32_t kMaxSparseNonZeros = 16000;                 // stored elements of a sparsevec
inline constexpr uint32_t kMaxVectors = 65535;                       // multivector, each of at most kMaxDims
inline constexpr uint64_t kMaxMultiElements = (0x3fffffff - 8) / 4;  // a value has less than 1 GB

}  // namespace lowdim
