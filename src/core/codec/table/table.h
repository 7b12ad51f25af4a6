// Compression of a whole table of vectors at once, for embeddings that are finished: methods in which rows
// share parameters, after the benchmark study of Zhang et al. (VLDB 2024), without its training by gradients.
// A row is known by its number only: nothing here can encode a new vector. Used by codec/report.h, which
// compares these methods with codecs.
//
// Deterministic: the same rows, compression and seed give the same table on every machine of a platform.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/stop.h"
#include "core/codec/matrix.h"

namespace lowdim::core {

enum class TableMethod : uint8_t {
  kDedup,         // blocks of rows' parts that are alike are stored once
  kMagnitudePq,   // rows grouped by norm, product quantization with its own codebook in each group
  kMagnitudeSvd,  // rows grouped by norm, truncated SVD in each, rank ~ (rows of the group)^-0.3
  kSvd,           // truncated SVD of the table, not centred
  kTensorTrain,   // tensor train of three cores over reshaped rows and dimensions, by two SVDs
  kPrune,         // all but the components of largest magnitude are zero, stored as sparse rows
};
inline constexpr TableMethod kTableMethods[] = {TableMethod::kDedup,        TableMethod::kMagnitudePq,
                                                TableMethod::kMagnitudeSvd, TableMethod::kSvd,
                                                TableMethod::kTensorTrain,  TableMethod::kPrune};

const char* table_method_name(TableMethod method);  // "dedup", "magnitude_pq", ...

class CompressedTable {
 public:
  CompressedTable(size_t rows, size_t dims) : rows_(rows), dims_(dims) {}
  virtual ~CompressedTable() = default;

  size_t rows() const { return rows_; }
  size_t dims() const { return dims_; }
  // All that decoding reads: factors, codes, indices, remaps, codebooks.
  virtual size_t bytes() const = 0;
  // The part of bytes() that would be the same for more rows: codebooks, right factors.
  virtual size_t shared_bytes() const { return 0; }
  // Row `row` into dims() floats.
  virtual void decode(size_t row, float* out) const = 0;
  // n rows from `first` on, into n x dims() floats: equal to decode up to rounding, and may be faster.
  virtual void decode_rows(size_t first, size_t n, float* out) const;
  // What was chosen: "svd(rank 12)".
  virtual std::string text() const = 0;

 private:
  size_t rows_;
  size_t dims_;
};

// Compresses to at most rows x dims x 4 / compression bytes, as near to that as the method's parameters
// allow. The shared part counts as if the table had `whole_rows` rows (0: as many as given), of which `rows`
// are a sample. nullptr where even the smallest parameters take more than asked; dedup, which compresses only
// what the data repeats, then returns what it could do: look at bytes(). Throws Error(kData) for rows that
// are not finite or none at all, Error(kInvalidParameter) unless compression >= 1, and Stopped.
std::unique_ptr<CompressedTable> compress_table(TableMethod method, Rows rows, double compression,
                                                uint64_t seed, const Stop& stop, size_t whole_rows = 0);

// How a table is cut into a tensor of three pairs of modes: row (i0 n1 + i1) n2 + i2, dimension (j0 d1 + j1)
// d2 + j2. Near cubes, at least as large as the table; what is too much is zero.
struct TensorShape {
  size_t n[3];
  size_t d[3];
  size_t mode(int k) const { return n[k] * d[k]; }
};
TensorShape tensor_shape(size_t rows, size_t dims);

}  // namespace lowdim::core
