// The figures of the query benchmark, as plain functions of ids and times: recall@k, percentiles, medians.
// Called by measure.cpp and report.cpp, and by the unit tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "../data/fvecs.h"

namespace lowdim::bench {

// For each query |found and true| / |true|, true being the first k of the truth. A row exactly as far as the
// k-th counts as true as well (never more than k in all): which of two equally near rows is reported is no
// error. Truth rows of fewer than k entries end with -1; `found` likewise. Queries whose truth is empty do
// not count. `distances` may be empty: then no ties are known.
inline std::vector<double> recalls_at(size_t k, const Matrix<int32_t>& found, const Matrix<int32_t>& truth,
                                      const Matrix<float>& distances) {
  if (truth.cols < k) throw std::invalid_argument("the truth has fewer than k neighbours a query");
  if (truth.rows < found.rows) throw std::invalid_argument("the truth has fewer queries than were run");
  const bool ties = distances.rows == truth.rows && distances.cols == truth.cols;
  std::vector<double> recalls;
  for (size_t q = 0; q < found.rows; q++) {
    const int32_t* ids = truth.row(q);
    size_t relevant = 0;
    while (relevant < k && ids[relevant] >= 0) relevant++;
    if (relevant == 0) continue;
    size_t allowed = relevant;
    if (ties && relevant == k)
      while (allowed < truth.cols && ids[allowed] >= 0 &&
             distances.row(q)[allowed] <= distances.row(q)[k - 1])
        allowed++;
    std::vector<int32_t> hits;
    for (size_t i = 0; i < std::min(k, found.cols); i++) {
      const int32_t id = found.row(q)[i];
      if (id >= 0 && std::find(ids, ids + allowed, id) != ids + allowed) hits.push_back(id);
    }
    std::sort(hits.begin(), hits.end());  // a row reported twice is found once
    const auto distinct = static_cast<size_t>(std::unique(hits.begin(), hits.end()) - hits.begin());
    recalls.push_back(static_cast<double>(std::min(distinct, relevant)) / static_cast<double>(relevant));
  }
  return recalls;
}

// Their mean; 1 if there are none.
inline double recall_at(size_t k, const Matrix<int32_t>& found, const Matrix<int32_t>& truth,
                        const Matrix<float>& distances) {
  const std::vector<double> all = recalls_at(k, found, truth, distances);
  return all.empty() ? 1 : std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
}

// The share of queries that find less than four fifths; 0 if there are none.
inline double low_recalls_at(size_t k, const Matrix<int32_t>& found, const Matrix<int32_t>& truth,
                             const Matrix<float>& distances) {
  const std::vector<double> all = recalls_at(k, found, truth, distances);
  const auto low = std::count_if(all.begin(), all.end(), [](double recall) { return recall < 0.8 - 1e-9; });
  return all.empty() ? 0 : static_cast<double>(low) / static_cast<double>(all.size());
}

// Nearest-rank percentile, p in (0, 1]; the values need no order.
inline double percentile(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  const auto rank = static_cast<size_t>(std::ceil(p * static_cast<double>(values.size())));
  const size_t at = std::min(values.size(), std::max<size_t>(rank, 1)) - 1;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

// The middle value, or the mean of the two middle ones.
inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

}  // namespace lowdim::bench
