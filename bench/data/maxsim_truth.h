// Exact MaxSim: the documents for which the sum over a query's vectors of the largest inner product with a
// vector of the document is largest. As in truth.h, a float pass over all pairs keeps k + slack candidates a
// query, these are measured again in double, and the answer is certified or the query scanned again in
// double: the result never depends on float rounding. In the float pass each lane holds one query vector and
// adds up over the dimensions, so a maximum over a document's vectors needs no step across lanes. Called by
// maxsim_truth.cpp and the unit test.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "mvecs.h"
#include "truth.h"

namespace lowdim::bench {

// In double: products exact, sums over the dimensions and over the query vectors in their order.
inline double exact_maxsim(const float* query, size_t n_query, const float* document, size_t n_document,
                           size_t dims) {
  double sum = 0;
  for (size_t i = 0; i < n_query; i++) {
    double best = -std::numeric_limits<double>::infinity();
    for (size_t j = 0; j < n_document; j++) {
      double dot = 0;
      for (size_t d = 0; d < dims; d++)
        dot += static_cast<double>(query[i * dims + d]) * document[j * dims + d];
      best = std::max(best, dot);
    }
    sum += best;
  }
  return sum;
}

namespace truth_detail {

constexpr size_t kWide = 2;  // blocks of query vectors that a call scores
constexpr size_t kTall = 4;  // document vectors scored at once

// The largest inner products of kWide * kLanes query vectors (q[w * dims + d]) with the vectors of a
// document.
LOWDIM_BENCH_CLONES inline void best_products(const Lanes* q, size_t dims, const float* document,
                                              size_t count, Lanes* best) {
  for (size_t w = 0; w < kWide; w++) best[w] = Lanes{} - std::numeric_limits<float>::infinity();
  for (size_t first = 0; first < count; first += kTall) {
    const float* v[kTall];  // behind the last vector the last again, which changes no maximum
    for (size_t i = 0; i < kTall; i++) v[i] = document + std::min(first + i, count - 1) * dims;
    Lanes sum[kTall][kWide] = {};
    for (size_t d = 0; d < dims; d++)
      for (size_t i = 0; i < kTall; i++)
        for (size_t w = 0; w < kWide; w++) sum[i][w] += q[w * dims + d] * v[i][d];
    for (size_t i = 0; i < kTall; i++)
      for (size_t w = 0; w < kWide; w++) best[w] = sum[i][w] > best[w] ? sum[i][w] : best[w];
  }
}

}  // namespace truth_detail

class MaxSimSearch {
 public:
  MaxSimSearch(const MultiSet& base, const MultiSet& queries, size_t k)
      : base_(base),
        queries_(queries),
        k_(std::min(k, base.size())),
        keep_(std::min(base.size(), k_ + std::max<size_t>(28, k_ / 4))) {
    if (base.dims != queries.dims) throw std::invalid_argument("base and queries have different dimensions");
    if (k_ == 0) throw std::invalid_argument("nothing to find: k or the base is empty");
    for (size_t i = 0; i < base.vectors(); i++)
      max_norm_ = std::max(max_norm_, norm(base.x.data() + i * base.dims));
  }

  Truth run(size_t n_threads) {
    Truth out{Matrix<int32_t>(queries_.size(), k_), Matrix<float>(queries_.size(), k_), 0};
    std::vector<size_t> rescanned(n_threads, 0);
    std::vector<std::thread> threads;
    for (size_t t = 0; t < n_threads; t++)
      threads.emplace_back([&, t] {
        for (size_t g = t * kGroup; g < queries_.size(); g += n_threads * kGroup)
          rescanned[t] += run_group(g, std::min(queries_.size(), g + kGroup), out);
      });
    for (std::thread& t : threads) t.join();
    for (const size_t r : rescanned) out.rescanned += r;
    return out;
  }

 private:
  static constexpr size_t kGroup = 64;  // queries that share one pass over the base
  static constexpr size_t kBlock = 32;  // documents that stay in cache while a group is scored
  using Measured = truth_detail::Measured;
  using Block = truth_detail::Block;

  double norm(const float* v) const {
    double s = 0;
    for (size_t d = 0; d < base_.dims; d++) s += static_cast<double>(v[d]) * v[d];
    return std::sqrt(s);
  }

  // The vectors of queries first..last-1, a lane each; rounded up to whole calls with zeros.
  std::vector<Block> packed(size_t first, size_t last) const {
    using namespace truth_detail;
    const size_t begin = queries_.starts[first], n = queries_.starts[last] - begin;
    const size_t calls = (n + kWide * kLanes - 1) / (kWide * kLanes);
    std::vector<Block> out(calls * kWide * base_.dims);
    for (size_t i = 0; i < n; i++)
      for (size_t d = 0; d < base_.dims; d++)
        out[i / kLanes * base_.dims + d].lanes[i % kLanes] = queries_.x[(begin + i) * base_.dims + d];
    return out;
  }

  size_t run_group(size_t first, size_t last, Truth& out) const {
    using namespace truth_detail;
    const std::vector<Block> q = packed(first, last);
    const size_t blocks = q.size() / base_.dims;
    std::vector<Block> best(blocks * kBlock);  // of each document of a block, one behind the other
    std::vector<std::vector<Measured>> heaps(last - first);
    for (size_t b = 0; b < base_.size(); b += kBlock) {
      const size_t n = std::min(kBlock, base_.size() - b);
      for (size_t w = 0; w < blocks; w += kWide)
        for (size_t r = 0; r < n; r++)
          best_products(&q[w * base_.dims].lanes, base_.dims, base_.document(b + r), base_.count(b + r),
                        &best[r * blocks + w].lanes);
      for (size_t r = 0; r < n; r++) {
        const float* found = reinterpret_cast<const float*>(&best[r * blocks].lanes);
        for (size_t i = first; i < last; i++) {
          double sum = 0;
          for (uint32_t j = 0; j < queries_.count(i); j++) sum += static_cast<double>(*found++);
          offer(heaps[i - first], {-sum, static_cast<int32_t>(b + r)});
        }
      }
    }
    size_t rescanned = 0;
    for (size_t i = first; i < last; i++) rescanned += finish(i, heaps[i - first], out);
    return rescanned;
  }

  void offer(std::vector<Measured>& heap, Measured m) const {
    if (heap.size() == keep_) {
      if (!(m < heap.front())) return;
      std::pop_heap(heap.begin(), heap.end());
      heap.pop_back();
    }
    heap.push_back(m);
    std::push_heap(heap.begin(), heap.end());
  }

  // Orders the candidates of one query exactly; 1 when it had to be scanned again.
  size_t finish(size_t q, const std::vector<Measured>& heap, Truth& out) const {
    std::vector<Measured> best;
    for (const Measured& m : heap) best.push_back(measure(q, m.second));
    std::sort(best.begin(), best.end());
    size_t rescanned = 0;
    if (heap.size() < base_.size() && !certified(q, heap.front().first, best[k_ - 1].first)) {
      best.clear();
      for (size_t r = 0; r < base_.size(); r++) best.push_back(measure(q, static_cast<int32_t>(r)));
      std::partial_sort(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(k_), best.end());
      rescanned = 1;
    }
    for (size_t i = 0; i < k_; i++) {
      out.ids.row(q)[i] = best[i].second;
      out.distances.row(q)[i] = static_cast<float>(best[i].first);
    }
    return rescanned;
  }

  Measured measure(size_t q, int32_t document) const {
    const auto d = static_cast<size_t>(document);
    return {
        -exact_maxsim(queries_.document(q), queries_.count(q), base_.document(d), base_.count(d), base_.dims),
        document};
  }

  // A document left out scored at least `cut`. Rounding moves an inner product, and so a maximum of them, by
  // at most dims * 2^-24 of the product of the norms; doubled here.
  bool certified(size_t q, double cut, double kth) const {
    if (!std::isfinite(cut)) return false;  // overflowed scores order nothing
    const double gamma = static_cast<double>(base_.dims + 16) * 0x1.0p-23;
    double norms = 0;
    for (uint32_t j = 0; j < queries_.count(q); j++)
      norms += norm(queries_.document(q) + size_t{j} * base_.dims);
    return cut - gamma * norms * max_norm_ > kth;
  }

  const MultiSet& base_;
  const MultiSet& queries_;
  size_t k_, keep_;
  double max_norm_ = 0;
};

// For every query the k documents of the largest MaxSim, best first; ties go to the smaller document.
// `distances` holds the negative of MaxSim: what smaller is nearer is true of every truth.
inline Truth find_maxsim_truth(const MultiSet& base, const MultiSet& queries, size_t k, size_t n_threads) {
  return MaxSimSearch(base, queries, k).run(std::max<size_t>(1, n_threads));
}

}  // namespace lowdim::bench
