// A plain HNSW graph (Malkov and Yashunin 2018) in memory, with exact distances: levels drawn at random,
// links chosen by the heuristic of their Algorithm 4, one row after another. What orders.cpp compares the
// graph of lean_hnsw with; no more than that needs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "../data/fvecs.h"
#include "core/base/random.h"
#include "core/simd/kernels.h"

namespace lowdim::bench {

class PlainHnsw {
 public:
  // Inserts the rows of `base`, which stay, by squared Euclidean distance.
  PlainHnsw(const Matrix<float>& base, uint32_t m, uint32_t ef_construction, uint64_t seed)
      : base_(base), m_(m), seen_(base.rows, 0) {
    core::Random random(seed);
    for (uint32_t i = 0; i < base.rows; ++i) {
      const double u = 1 - random.uniform();
      insert(i, static_cast<uint32_t>(-std::log(u) / std::log(m)), ef_construction);
    }
  }

  // The nodes of the beam and their distances, in any order.
  std::vector<std::pair<float, uint32_t>> search(const float* q, uint32_t ef) {
    uint32_t at = entry_;
    for (uint32_t level = levels(entry_); level-- > 1;) at = descend(q, at, level);
    return beam(q, at, ef, 0);
  }

 private:
  using Near = std::pair<float, uint32_t>;

  float distance(const float* q, uint32_t i) const {
    return simd::kernels().l2sq_f32(q, base_.row(i), static_cast<uint32_t>(base_.cols));
  }
  uint32_t levels(uint32_t i) const { return static_cast<uint32_t>(links_[i].size()); }

  uint32_t descend(const float* q, uint32_t at, uint32_t level) const {
    float best = distance(q, at);
    for (bool nearer = true; nearer;) {
      nearer = false;
      for (const uint32_t to : links_[at][level]) {
        const float d = distance(q, to);
        if (d < best) {
          best = d;
          at = to;
          nearer = true;
        }
      }
    }
    return at;
  }

  std::vector<Near> beam(const float* q, uint32_t from, uint32_t ef, uint32_t level) {
    ++epoch_;
    std::priority_queue<Near> best;
    std::priority_queue<Near, std::vector<Near>, std::greater<Near>> open;
    const auto offer = [&](uint32_t i) {
      if (seen_[i] == epoch_) return;
      seen_[i] = epoch_;
      const float d = distance(q, i);
      if (best.size() == ef && d >= best.top().first) return;
      open.emplace(d, i);
      best.emplace(d, i);
      if (best.size() > ef) best.pop();
    };
    offer(from);
    while (!open.empty() && (best.size() < ef || open.top().first <= best.top().first)) {
      const uint32_t at = open.top().second;
      open.pop();
      for (const uint32_t to : links_[at][level]) offer(to);
    }
    std::vector<Near> out;
    for (; !best.empty(); best.pop()) out.push_back(best.top());
    return out;
  }

  // Those that no nearer kept one is nearer to than the base is.
  std::vector<Near> choose(std::vector<Near> candidates, size_t most) const {
    std::sort(candidates.begin(), candidates.end());
    std::vector<Near> kept;
    for (const Near& c : candidates) {
      if (kept.size() == most) break;
      if (std::none_of(kept.begin(), kept.end(),
                       [&](const Near& k) { return distance(base_.row(c.second), k.second) < c.first; })) {
        kept.push_back(c);
      }
    }
    return kept;
  }

  void link(uint32_t from, uint32_t to, uint32_t level) {
    std::vector<uint32_t>& list = links_[from][level];
    const size_t most = level == 0 ? 2 * m_ : m_;
    list.push_back(to);
    if (list.size() <= most) return;
    std::vector<Near> candidates;
    for (const uint32_t i : list) candidates.emplace_back(distance(base_.row(from), i), i);
    list.clear();
    for (const Near& k : choose(std::move(candidates), most)) list.push_back(k.second);
  }

  void insert(uint32_t i, uint32_t level, uint32_t ef) {
    links_.emplace_back(level + 1);
    if (i == 0) return;
    const float* q = base_.row(i);
    uint32_t at = entry_;
    const uint32_t top = levels(entry_) - 1;
    for (uint32_t l = top; l > level; --l) at = descend(q, at, l);
    for (uint32_t l = std::min(level, top) + 1; l-- > 0;) {
      const std::vector<Near> found = beam(q, at, ef, l);
      at = std::min_element(found.begin(), found.end())->second;
      for (const Near& k : choose(found, m_)) {
        links_[i][l].push_back(k.second);
        link(k.second, i, l);
      }
    }
    if (level > top) entry_ = i;
  }

  const Matrix<float>& base_;
  uint32_t m_;
  std::vector<std::vector<std::vector<uint32_t>>> links_;  // node, level
  uint32_t entry_ = 0;
  std::vector<uint32_t> seen_;
  uint32_t epoch_ = 0;
};

}  // namespace lowdim::bench
