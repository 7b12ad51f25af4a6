// Exact nearest neighbours. A blocked float pass over all pairs keeps k + slack candidates a query; these are
// measured again in double and ordered by (distance, id). The answer is then certified: every row left out
// was farther, by its float score less the worst rounding error, than the k-th row kept. A query that fails
// this is scanned again in double, so the result never depends on float rounding. Called by ground_truth.cpp,
// generate.cpp and the unit test that compares it with a plain scan.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fvecs.h"

namespace lowdim::bench {

enum class Metric { kL2, kCosine, kInnerProduct };

inline Metric metric_named(const std::string& name) {
  if (name == "l2") return Metric::kL2;
  if (name == "cosine") return Metric::kCosine;
  if (name == "ip") return Metric::kInnerProduct;
  throw std::invalid_argument("metric must be l2, cosine or ip, not " + name);
}

// Squared Euclidean distance, cosine distance (1 where a vector is zero) or negative inner product, in
// double.
inline double exact_distance(Metric metric, const float* a, const float* b, size_t dim) {
  double dot = 0, aa = 0, bb = 0, dd = 0;
  for (size_t i = 0; i < dim; i++) {
    const double x = a[i], y = b[i];
    if (metric == Metric::kL2) {
      dd += (x - y) * (x - y);
    } else {
      dot += x * y;
      aa += x * x;
      bb += y * y;
    }
  }
  if (metric == Metric::kL2) return dd;
  if (metric == Metric::kInnerProduct) return -dot;
  return aa > 0 && bb > 0 ? 1 - dot / std::sqrt(aa * bb) : 1;
}

namespace truth_detail {

constexpr size_t kLanes = 16;
constexpr size_t kTile = 4;  // queries x rows scored at once: 16 accumulators, 8 loads for 16 multiply-adds
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float)), aligned(64), may_alias));

// By feature, not by "arch=": GCC takes that for the very processor, so that one of another maker got the
// default.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define LOWDIM_BENCH_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define LOWDIM_BENCH_CLONES
#endif

struct Block {  // what a std::vector can hold without losing the alignment
  Lanes lanes;
};

// Rows padded with zeros to whole lanes, on 64-byte boundaries; n is rounded up to whole tiles.
class Padded {
 public:
  Padded(const Matrix<float>& m, bool normalize)
      : lanes_((m.cols + kLanes - 1) / kLanes),
        rows_((m.rows + kTile - 1) / kTile * kTile),
        data_(lanes_ * rows_) {
    for (size_t i = 0; i < m.rows; i++) {
      double scale = 1;
      if (normalize) {
        double norm = 0;
        for (size_t j = 0; j < m.cols; j++) norm += static_cast<double>(m.row(i)[j]) * m.row(i)[j];
        scale = norm > 0 ? 1 / std::sqrt(norm) : 0;
      }
      float* out = reinterpret_cast<float*>(&data_[i * lanes_].lanes);
      for (size_t j = 0; j < m.cols; j++) out[j] = static_cast<float>(m.row(i)[j] * scale);
    }
  }
  const Lanes* row(size_t i) const { return &data_.data()[i * lanes_].lanes; }
  size_t lanes() const { return lanes_; }
  size_t rows() const { return rows_; }

 private:
  size_t lanes_, rows_;
  std::vector<Block> data_;
};

// kTile queries against kTile rows; out[q * kTile + r].
LOWDIM_BENCH_CLONES inline void score_l2(const Lanes* q, const Lanes* r, size_t lanes, float* out) {
  Lanes acc[kTile][kTile] = {};
  for (size_t l = 0; l < lanes; l++) {
    for (size_t j = 0; j < kTile; j++) {
      const Lanes x = r[j * lanes + l];
      for (size_t i = 0; i < kTile; i++) {
        const Lanes d = q[i * lanes + l] - x;
        acc[i][j] += d * d;
      }
    }
  }
  for (size_t i = 0; i < kTile; i++)
    for (size_t j = 0; j < kTile; j++) {
      float sum = 0;
      for (size_t l = 0; l < kLanes; l++) sum += acc[i][j][l];
      out[i * kTile + j] = sum;
    }
}

LOWDIM_BENCH_CLONES inline void score_dot(const Lanes* q, const Lanes* r, size_t lanes, float* out) {
  Lanes acc[kTile][kTile] = {};
  for (size_t l = 0; l < lanes; l++) {
    for (size_t j = 0; j < kTile; j++) {
      const Lanes x = r[j * lanes + l];
      for (size_t i = 0; i < kTile; i++) acc[i][j] += q[i * lanes + l] * x;
    }
  }
  for (size_t i = 0; i < kTile; i++)
    for (size_t j = 0; j < kTile; j++) {
      float sum = 0;
      for (size_t l = 0; l < kLanes; l++) sum += acc[i][j][l];
      out[i * kTile + j] = -sum;
    }
}

using Candidate = std::pair<float, uint32_t>;  // score, row
using Measured = std::pair<double, int32_t>;   // distance, row

}  // namespace truth_detail

struct Truth {
  Matrix<int32_t> ids;      // n_queries x k, nearest first
  Matrix<float> distances;  // same shape; Euclidean (not squared) for l2
  size_t rescanned = 0;     // queries whose float pass could not be certified
};

class TruthSearch {
 public:
  TruthSearch(Metric metric, const Matrix<float>& base, const Matrix<float>& queries, size_t k)
      : metric_(metric),
        base_(base),
        queries_(queries),
        k_(std::min(k, base.rows)),
        keep_(std::min(base.rows, k_ + std::max<size_t>(28, k_ / 4))),
        padded_base_(base, metric == Metric::kCosine),
        padded_queries_(queries, metric == Metric::kCosine) {
    if (base.cols != queries.cols) throw std::invalid_argument("base and queries have different dimensions");
    if (k_ == 0) throw std::invalid_argument("nothing to find: k or the base is empty");
    for (size_t i = 0; i < base.rows; i++) max_norm_ = std::max(max_norm_, norm(base.row(i)));
  }

  Truth run(size_t n_threads) {
    Truth out{Matrix<int32_t>(queries_.rows, k_), Matrix<float>(queries_.rows, k_), 0};
    std::vector<size_t> rescanned(n_threads, 0);
    std::vector<std::thread> threads;
    for (size_t t = 0; t < n_threads; t++)
      threads.emplace_back([&, t] {
        for (size_t g = t * kGroup; g < queries_.rows; g += n_threads * kGroup)
          rescanned[t] += run_group(g, std::min(queries_.rows, g + kGroup), out);
      });
    for (std::thread& t : threads) t.join();
    for (size_t r : rescanned) out.rescanned += r;
    return out;
  }

 private:
  static constexpr size_t kGroup = 128;  // queries that share one pass over the base
  static constexpr size_t kBlock = 128;  // rows that stay in cache while a group is scored
  using Candidate = truth_detail::Candidate;
  using Measured = truth_detail::Measured;

  double norm(const float* v) const {
    double s = 0;
    for (size_t i = 0; i < base_.cols; i++) s += static_cast<double>(v[i]) * v[i];
    return std::sqrt(s);
  }

  size_t run_group(size_t first, size_t last, Truth& out) {
    using namespace truth_detail;
    std::vector<std::vector<Candidate>> heaps(last - first);
    for (auto& h : heaps) h.reserve(keep_ + 1);
    const size_t lanes = padded_base_.lanes();
    float scores[kTile * kTile];
    for (size_t b = 0; b < base_.rows; b += kBlock)
      for (size_t q = first; q < last; q += kTile)
        for (size_t r = b; r < std::min(b + kBlock, base_.rows); r += kTile) {
          if (metric_ == Metric::kL2)
            score_l2(padded_queries_.row(q), padded_base_.row(r), lanes, scores);
          else
            score_dot(padded_queries_.row(q), padded_base_.row(r), lanes, scores);
          for (size_t i = 0; i < kTile && q + i < last; i++)
            for (size_t j = 0; j < kTile && r + j < base_.rows; j++)
              offer(heaps[q + i - first], scores[i * kTile + j], static_cast<uint32_t>(r + j));
        }
    size_t rescanned = 0;
    for (size_t q = first; q < last; q++) rescanned += finish(q, heaps[q - first], out);
    return rescanned;
  }

  void offer(std::vector<Candidate>& heap, float score, uint32_t row) const {
    if (heap.size() == keep_) {
      if (!(score < heap.front().first)) return;
      std::pop_heap(heap.begin(), heap.end());
      heap.pop_back();
    }
    heap.emplace_back(score, row);
    std::push_heap(heap.begin(), heap.end());
  }

  // Orders the candidates of one query exactly; 1 when it had to be scanned again.
  size_t finish(size_t q, const std::vector<Candidate>& heap, Truth& out) const {
    std::vector<Measured> best;
    for (const Candidate& c : heap) best.push_back(measure(q, c.second));
    std::sort(best.begin(), best.end());
    size_t rescanned = 0;
    if (heap.size() < base_.rows && !certified(q, heap.front().first, best[k_ - 1].first)) {
      best.clear();
      for (size_t r = 0; r < base_.rows; r++) best.push_back(measure(q, static_cast<uint32_t>(r)));
      std::partial_sort(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(k_), best.end());
      rescanned = 1;
    }
    for (size_t i = 0; i < k_; i++) {
      out.ids.row(q)[i] = best[i].second;
      const double d = best[i].first;
      out.distances.row(q)[i] = static_cast<float>(metric_ == Metric::kL2 ? std::sqrt(d) : d);
    }
    return rescanned;
  }

  Measured measure(size_t q, uint32_t row) const {
    return {exact_distance(metric_, queries_.row(q), base_.row(row), base_.cols), static_cast<int32_t>(row)};
  }

  // A row left out scored at least `cut`. Rounding moves a sum of n products by at most n * 2^-24 of the sum
  // of their sizes, n being the dimension plus a few operations; doubled here.
  bool certified(size_t q, float cut, double kth) const {
    const double gamma = static_cast<double>(base_.cols + 16) * 0x1.0p-23;
    if (!std::isfinite(cut)) return false;  // overflowed scores order nothing
    if (metric_ == Metric::kL2) return cut * (1 - gamma) > kth;
    if (metric_ == Metric::kCosine) return 1 + cut - gamma > kth;
    return cut - gamma * norm(queries_.row(q)) * max_norm_ > kth;
  }

  Metric metric_;
  const Matrix<float>& base_;
  const Matrix<float>& queries_;
  size_t k_, keep_;
  truth_detail::Padded padded_base_, padded_queries_;
  double max_norm_ = 0;
};

// The k nearest rows of base for every query; ties go to the smaller row.
inline Truth find_truth(Metric metric, const Matrix<float>& base, const Matrix<float>& queries, size_t k,
                        size_t n_threads) {
  return TruthSearch(metric, base, queries, k).run(std::max<size_t>(1, n_threads));
}

}  // namespace lowdim::bench
