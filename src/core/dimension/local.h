// The local dimension of every row of a table (estimators.h: local_dimension) from its k nearest other rows,
// for the function lid(table, column). The table is read several times, in the same order each time: first
// look() at every row, then either
//
//   for each block, as many rows as the budget holds: add_point() for its rows, offer() for all, finish(), or
//   for each row, where an index gives the nearest: begin_query(), offer_to_query(), query_value().
//
// Rows at distance zero, the row itself among them, are no neighbours. A row has no value, NaN, where fewer
// than two rows lie at a distance above zero, or all that were found are equally far. Owned by a memory
// context (pg/door.h: make_in).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/stop.h"
#include "core/dimension/neighbours.h"

namespace lowdim::core {

// kCosine: chords, sqrt(2 (1 - cos)), which are distances of the rows divided by their norms. Zero rows have
// no direction: they have no value and are nobody's neighbours.
enum class DimensionMetric : uint8_t { kL2, kCosine };
// Throws Error(kInvalidParameter) for other names.
DimensionMetric dimension_metric(std::string_view name);
const char* dimension_metric_name(DimensionMetric metric);

// row / |row| to out. False for a zero row.
bool direction_of(const float* row, size_t dims, float* out);

class LocalDimensions {
 public:
  // 2 <= k <= NeighbourTable::kMaxNeighbours, or it throws Error(kInvalidParameter).
  void start(uint32_t k, DimensionMetric metric, size_t budget_bytes);

  // Throws Error(kData) for other dimensions than before.
  void look(const float* row, size_t dims);
  uint32_t rows() const { return rows_; }

  // False after the last block. Its rows are those from number first() on.
  bool next_block();
  uint32_t first() const { return first_; }
  uint32_t most_points() const { return most_; }
  // False: it was the block's last.
  bool add_point(const float* row, size_t dims);
  // The block has all rows: none need be offered.
  bool whole() const { return first_ == 0 && block_ == rows_; }
  // All rows from the first on.
  void offer(const float* row, size_t dims, const Stop& stop);
  // The values of the block's rows.
  struct Values {
    const double* data;
    size_t n;
  };
  Values finish(const Stop& stop);

  // False: the row has no direction, so no value.
  bool begin_query(const float* row, size_t dims);
  void offer_to_query(const float* row, size_t dims);
  // Rows at this distance and beyond do not matter any more: Euclidean, or 1 - cos. Infinite as long as there
  // are fewer than k.
  double reach() const;
  double query_value();

 private:
  // The row as it is measured, in prepared_. False: no direction.
  bool prepare(const float* row, size_t dims);
  void flush(const Stop& stop);
  float zero() const { return metric_ == DimensionMetric::kCosine ? kSameDirection : 0; }

  uint32_t k_ = 0;
  DimensionMetric metric_ = DimensionMetric::kL2;
  size_t budget_bytes_ = 0;
  size_t dims_ = 0;
  uint32_t rows_ = 0;
  float largest_ = 0;
  double factor_ = 1;  // exact: see scale_rows
  std::vector<float> prepared_;

  uint32_t first_ = 0, block_ = 0, most_ = 0;  // the block's rows: so far, and at most
  std::vector<float> points_;                  // those with a direction
  std::vector<uint32_t> places_;               // in the block, of points_
  std::vector<float> base_;                    // rows not yet measured against
  std::optional<NeighbourSearch> search_;
  std::vector<double> values_;
};

}  // namespace lowdim::core
