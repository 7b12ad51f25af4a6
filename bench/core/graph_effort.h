// Whether queries can tell by themselves how long to search: each is searched with a wide beam and what it
// has found is noted hop by hop; then rules of when to stop are compared with stopping all queries after as
// many hops. A rule is worth its while if it leaves fewer queries with a recall below 0.8 for the same hops
// on average. Called by graph.cpp for --effort.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <utility>
#include <vector>

namespace lowdim::bench {

inline constexpr uint32_t kEffortHops = 1600, kEffortLeast = 20;

// What one query has found after each hop.
class EffortTrace {
 public:
  explicit EffortTrace(size_t k) : k_(k) {}

  // `right`: it is one of the true neighbours.
  void hop(float distance, bool right) {
    const bool changes = nearest_.size() < k_ || distance < nearest_.back();
    if (changes) {
      nearest_.insert(std::upper_bound(nearest_.begin(), nearest_.end(), distance), distance);
      if (nearest_.size() > k_) nearest_.pop_back();
    }
    right_ += right;
    const Hop before = hops_.empty() ? Hop{0, 0, 0, distance, 0} : hops_.back();
    Hop now{};
    now.recall = static_cast<float>(right_) / static_cast<float>(k_);
    now.changes = before.changes + changes;
    now.last = changes ? hops() + 1 : before.last;
    now.front = before.front + (distance - before.front) / 8;
    const float reach = std::fabs(nearest_.back());
    now.gap = reach > 0 ? (now.front - nearest_.back()) / reach : 0;
    hops_.push_back(now);
  }

  uint32_t hops() const { return static_cast<uint32_t>(hops_.size()); }
  double recall(uint32_t h) const { return static_cast<double>(hops_[h - 1].recall); }
  // Hops since the nearest k changed.
  double quiet(uint32_t h) const { return h - hops_[h - 1].last; }
  // How often they changed in the later half of the hops.
  double recent(uint32_t h) const { return hops_[h - 1].changes - hops_[h / 2 - 1].changes; }
  // Of the gap: how far beyond the k-th distance it searches by now, as a share of that.
  double far(uint32_t h, double times) const {
    return std::exp(times * std::clamp(static_cast<double>(hops_[h - 1].gap), -0.4, 0.4));
  }

 private:
  struct Hop {
    float recall;
    uint32_t changes, last;
    float front, gap;
  };
  size_t k_, right_ = 0;
  std::vector<Hop> hops_;
  std::vector<float> nearest_;
};

struct EffortResult {
  double hops, recall, low;  // low: the share of queries below 0.8
};

// stop(trace, hops): whether to stop after so many.
template <class Stop>
EffortResult effort_of(const std::vector<EffortTrace>& traces, Stop stop) {
  EffortResult r{0, 0, 0};
  for (const EffortTrace& t : traces) {
    uint32_t h = std::min(kEffortLeast, t.hops());
    while (h < t.hops() && !stop(t, h)) ++h;
    r.hops += h;
    r.recall += t.recall(h);
    r.low += t.recall(h) < 0.8 - 1e-4;
  }
  const double n = static_cast<double>(traces.size());
  return {r.hops / n, r.recall / n, r.low / n};
}

// The rules with as many hops as reach a mean recall of 0.9, 0.95 and 0.98.
inline void compare_efforts(const std::vector<EffortTrace>& traces) {
  using Rule = std::function<double(const EffortTrace&, uint32_t)>;  // stops from a threshold on
  const std::vector<std::pair<const char*, Rule>> rules = {
      {"hops since the last change", [](const EffortTrace& t, uint32_t h) { return t.quiet(h); }},
      {"these x exp(4 gap)", [](const EffortTrace& t, uint32_t h) { return t.quiet(h) * t.far(h, 4); }},
      {"these x exp(8 gap)", [](const EffortTrace& t, uint32_t h) { return t.quiet(h) * t.far(h, 8); }},
      {"hops x exp(8 gap)", [](const EffortTrace& t, uint32_t h) { return h * t.far(h, 8); }},
      {"hops / sqrt(1 + changes in their later half)",
       [](const EffortTrace& t, uint32_t h) { return h / std::sqrt(1 + t.recent(h)); }}};
  std::printf("\n| rule | recall | hops | below 0.8 | same hops for all: recall | below 0.8 | ratio |\n");
  std::printf("| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  for (const auto& named : rules) {
    const Rule& rule = named.second;
    for (const double target : {0.9, 0.95, 0.98}) {
      double low = 1, high = 1e4;
      const auto at = [&](double threshold) {
        return effort_of(traces, [&](const EffortTrace& t, uint32_t h) { return rule(t, h) >= threshold; });
      };
      for (int i = 0; i < 14; ++i) {
        const double mid = std::sqrt(low * high);
        (at(mid).recall >= target ? high : low) = mid;
      }
      const EffortResult own = at(high);
      // Between two whole numbers of hops.
      const uint32_t whole = static_cast<uint32_t>(own.hops);
      const double share = own.hops - whole;
      const auto fixed = [&](uint32_t hops) {
        return effort_of(traces, [&](const EffortTrace&, uint32_t h) { return h >= hops; });
      };
      const EffortResult a = fixed(whole), b = fixed(whole + 1);
      const double recall = a.recall + (b.recall - a.recall) * share;
      const double below = a.low + (b.low - a.low) * share;
      std::printf("| %s | %.3f | %.0f | %.4f | %.3f | %.4f | %.2f |\n", named.first, own.recall, own.hops,
                  own.low, recall, below, below > 0 ? own.low / below : 0.0);
      std::fflush(stdout);
    }
  }
}

}  // namespace lowdim::bench
