// Limits of the column types, shared by parsers, wire decoders and the server's side. The numbers are part of
// the SQL surface: clients and dumps rely on them.
#pragma once

#include <cstdint>

namespace lowdim {

inline constexpr int32_t kMaxDims = 16000;             // vector, halfvec
inline constexpr int32_t kMaxSparseDims = 1000000000;  // sparsevec
inline constexpr int32_t kMaxSparseNonZeros = 16000;   // stored elements of a sparsevec

}  // namespace lowdim
