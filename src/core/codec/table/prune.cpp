// Magnitude pruning: the k components of largest magnitude of the whole table stay, the rest is zero. Stored
// row by row (values, 16-bit dimensions and where rows begin) or, when fewer than one a row is left, as
// (row, dimension, value) triples; whichever is smaller.

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "core/codec/table/methods.h"

namespace lowdim::core {
namespace {

constexpr size_t kEntryBytes = sizeof(float) + sizeof(uint16_t);

class SparseTable final : public CompressedTable {
 public:
  using CompressedTable::CompressedTable;

  size_t bytes() const override {
    return values_.size() * kEntryBytes + (starts_.size() + row_of_.size()) * sizeof(uint32_t);
  }
  void decode(size_t row, float* out) const override {
    std::fill(out, out + dims(), 0.0f);
    size_t at, end;
    if (!starts_.empty()) {
      at = starts_[row];
      end = starts_[row + 1];
    } else {
      const auto range = std::equal_range(row_of_.begin(), row_of_.end(), static_cast<uint32_t>(row));
      at = static_cast<size_t>(range.first - row_of_.begin());
      end = static_cast<size_t>(range.second - row_of_.begin());
    }
    for (; at < end; ++at) out[dim_of_[at]] = values_[at];
  }
  std::string text() const override {
    return "prune(" + std::to_string(values_.size()) + " kept, " + (starts_.empty() ? "triples)" : "rows)");
  }

  std::vector<float> values_;
  std::vector<uint16_t> dim_of_;
  std::vector<uint32_t> starts_;  // n + 1 places in values_, or
  std::vector<uint32_t> row_of_;  // the row of each value
};

uint32_t magnitude(float x) { return std::bit_cast<uint32_t>(x) & 0x7fffffffu; }  // ordered like |x|

// How many magnitudes fall into each of 2^16 bins: by their upper half, or by the lower one of those whose
// upper half is `upper`.
std::vector<size_t> histogram(Rows rows, int64_t upper, const Stop& stop) {
  std::vector<size_t> counts(size_t{1} << 16);
  for (size_t i = 0; i < rows.n; ++i) {
    if (i % 256 == 0) stop.check();
    for (size_t j = 0; j < rows.dims; ++j) {
      const uint32_t m = magnitude(rows.row(i)[j]);
      if (upper < 0) {
        ++counts[m >> 16];
      } else if (static_cast<int64_t>(m >> 16) == upper) {
        ++counts[m & 0xffff];
      }
    }
  }
  return counts;
}

// The bin of the k-th largest; k becomes its rank inside that bin.
size_t bin_of(const std::vector<size_t>& counts, size_t& k) {
  size_t bin = counts.size();
  while (bin-- > 0) {
    if (k <= counts[bin]) break;
    k -= counts[bin];
  }
  return bin;
}

}  // namespace

std::unique_ptr<CompressedTable> compress_prune(Rows rows, TableBudget budget, const Stop& stop) {
  if (rows.dims > 65536) throw Error(ErrorKind::kLimit, "pruned rows have at most 65536 dimensions");
  const double index_bytes = static_cast<double>(rows.n + 1) * sizeof(uint32_t);
  const double by_rows = std::floor((budget.bytes - index_bytes) / kEntryBytes);
  const double by_triples = std::floor(budget.bytes / (kEntryBytes + sizeof(uint32_t)));
  const bool triples = by_triples >= by_rows;
  const double most = std::max(by_rows, by_triples);
  if (most < 1) return nullptr;

  if (most > 4294967295.0) throw Error(ErrorKind::kLimit, "too many components to prune");

  // The threshold, exactly; of equal magnitudes those in the first rows stay. Zeros never do.
  const size_t wanted = static_cast<size_t>(std::min(most, static_cast<double>(rows.n * rows.dims)));
  size_t rank = wanted;
  const size_t upper = bin_of(histogram(rows, -1, stop), rank);
  const size_t lower = bin_of(histogram(rows, static_cast<int64_t>(upper), stop), rank);
  const uint32_t threshold = static_cast<uint32_t>(upper << 16 | lower);
  size_t ties = rank;  // of the threshold's own magnitude, this many stay

  auto table = std::make_unique<SparseTable>(rows.n, rows.dims);
  table->values_.reserve(wanted);
  table->dim_of_.reserve(wanted);
  if (!triples) table->starts_.push_back(0);
  for (size_t i = 0; i < rows.n; ++i) {
    if (i % 256 == 0) stop.check();
    for (size_t j = 0; j < rows.dims; ++j) {
      const float x = rows.row(i)[j];
      const uint32_t m = magnitude(x);
      if (m < threshold || m == 0) continue;
      if (m == threshold && ties-- == 0) {
        ties = 0;
        continue;
      }
      table->values_.push_back(x);
      table->dim_of_.push_back(static_cast<uint16_t>(j));
      if (triples) table->row_of_.push_back(static_cast<uint32_t>(i));
    }
    if (!triples) table->starts_.push_back(static_cast<uint32_t>(table->values_.size()));
  }
  return table;
}

}  // namespace lowdim::core
