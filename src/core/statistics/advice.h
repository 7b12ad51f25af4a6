// What the statistics of a column say, as JSON for vector_stats: the figures by name, and plain sentences
// about what to do with them. Owned by a memory context (pg/door.h: make_in).
#pragma once

#include <string>
#include <vector>

#include "core/statistics/vector_statistics.h"

namespace lowdim::core {

// Sentences without a full stop, the most telling first. None for a column of which nothing is known.
std::vector<std::string> statistics_advice(const VectorStatistics& statistics);

class StatisticsReport {
 public:
  // nulls: the share of NULLs among the column's rows. Figures that are not known are null.
  void make(const VectorStatistics& statistics, double nulls);
  const std::string& json() const { return json_; }

 private:
  std::string json_;
};

}  // namespace lowdim::core
