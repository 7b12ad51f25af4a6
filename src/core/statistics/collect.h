// Collects the statistics of a column from some of its rows, in bounded work: the column's own rows number
// millions, ANALYZE samples 30,000 of them, and of those this takes at most 3,000, fewer where they are long.
// A part of them, the anchors, are compared with all of them: their distances give the quantiles of pairs,
// and their neighbours the dimension.
//
// Owned by a memory context (pg/door.h: make_in). The caller adds a uniform sample of the
// rows, in any order, without NULLs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/stop.h"
#include "core/statistics/vector_statistics.h"

namespace lowdim::core {

struct CollectPlan {
  size_t rows;     // at most so many are taken
  size_t anchors;  // of these
};
// So that anchors x rows x dims is about the same for all dims above a hundred.
CollectPlan collect_plan(size_t dims);

class StatisticsJob {
 public:
  void start(size_t dims);
  // Copies the row. Rows after the plan's last are ignored.
  void add(const float* row);
  // other_dims: the share of rows that the caller left out for their dimensions. Without rows, nothing is
  // known and has_statistics() is false. Throws Stopped.
  void finish(double other_dims, const Stop& stop);

  bool has_statistics() const { return statistics_.rows > 0; }
  const VectorStatistics& statistics() const { return statistics_; }
  const std::vector<float>& numbers() const { return numbers_; }  // the image
  const std::vector<uint8_t>& pivots() const { return pivots_; }  // beside it

 private:
  size_t dims_ = 0;
  CollectPlan plan_{};
  std::vector<float> rows_;
  VectorStatistics statistics_;
  std::vector<float> numbers_;
  std::vector<uint8_t> pivots_;
};

}  // namespace lowdim::core
