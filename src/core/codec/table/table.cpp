// See table.h.

#include "core/codec/table/table.h"

#include <algorithm>
#include <cmath>

#include "core/codec/blocking.h"
#include "core/codec/table/methods.h"

namespace lowdim::core {

const char* table_method_name(TableMethod method) {
  switch (method) {
    case TableMethod::kDedup:
      return "dedup";
    case TableMethod::kMagnitudePq:
      return "magnitude_pq";
    case TableMethod::kMagnitudeSvd:
      return "magnitude_svd";
    case TableMethod::kSvd:
      return "svd";
    case TableMethod::kTensorTrain:
      return "tensor_train";
    case TableMethod::kPrune:
      return "prune";
  }
  return "";
}

void CompressedTable::decode_rows(size_t first, size_t n, float* out) const {
  for (size_t i = 0; i < n; ++i) decode(first + i, out + i * dims_);
}

std::unique_ptr<CompressedTable> compress_table(TableMethod method, Rows rows, double compression,
                                                uint64_t seed, const Stop& stop, size_t whole_rows) {
  if (!(compression >= 1 && std::isfinite(compression))) {
    throw Error(ErrorKind::kInvalidParameter, "compression must be at least 1");
  }
  if (rows.n == 0 || rows.dims == 0) throw Error(ErrorKind::kData, "no rows to compress");
  for (size_t i = 0; i < rows.n; ++i) {
    if (i % 1024 == 0) stop.check();
    const float* x = rows.row(i);
    float sum = 0;  // of zeros, unless something is not finite
    for (size_t j = 0; j < rows.dims; ++j) sum += x[j] * 0.0f;
    if (!(sum == 0)) throw Error(ErrorKind::kData, "rows to compress must be finite");
  }
  fix_blocking();
  const double n = static_cast<double>(rows.n);
  TableBudget budget;
  budget.bytes = n * static_cast<double>(rows.dims) * sizeof(float) / compression;
  budget.shared_weight = n / static_cast<double>(std::max(rows.n, whole_rows));
  switch (method) {
    case TableMethod::kDedup:
      return compress_dedup(rows, budget, seed, stop);
    case TableMethod::kMagnitudePq:
      return compress_magnitude_pq(rows, budget, seed, stop);
    case TableMethod::kMagnitudeSvd:
      return compress_magnitude_svd(rows, budget, stop);
    case TableMethod::kSvd:
      return compress_svd(rows, budget, stop);
    case TableMethod::kTensorTrain:
      return compress_tensor_train(rows, budget, stop);
    case TableMethod::kPrune:
      return compress_prune(rows, budget, stop);
  }
  throw Error(ErrorKind::kInternal, "unknown table method");
}

}  // namespace lowdim::core
