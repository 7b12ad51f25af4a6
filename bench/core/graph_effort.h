// Queries that tell by themselves when they have enough (core/graph/effort.h), beside stopping all of them
// after as many nodes. Half of the queries are what the rule is fitted to, the other half is searched by it,
// so that neither the model nor the thresholds have seen them. Called by graph.cpp for --effort.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "../data/fvecs.h"
#include "core/graph/effort_fit.h"
#include "lean_graph.h"

namespace lowdim::bench {

inline constexpr uint32_t kWidestEffort = 1600;

// The searches of `n` queries from `first` on, a point wherever their meters are due; and what each has found
// after every node.
struct EffortRuns {
  std::vector<core::EffortPoint> points;
  std::vector<uint32_t> ends;
  std::vector<std::vector<float>> found;

  EffortRuns(const LeanGraph& graph, const Matrix<float>& queries, const Matrix<int32_t>& truth,
             const std::vector<uint32_t>& order, size_t first, size_t n, size_t k) {
    Matrix<float> own(n, queries.cols);
    for (size_t q = 0; q < n; ++q) std::copy_n(queries.row(first + q), queries.cols, own.row(q));
    core::EffortMeter meter;
    size_t right = 0;
    double distance = 0;
    const auto point = [&](const core::DeepBeam& beam, const core::GraphTables& tables, uint64_t scored) {
      core::EffortPoint p{meter.hops(), static_cast<uint32_t>(scored), found.back().back(), {}};
      meter.read(beam, tables, p.features);
      points.push_back(p);
      ends.back() = static_cast<uint32_t>(points.size());
    };
    graph.search_until<core::DeepBeam>(
        own, n, kWidestEffort,
        [&](size_t q, float d, uint32_t at) {
          if (found.size() == q) {
            found.emplace_back();
            ends.push_back(static_cast<uint32_t>(points.size()));
            meter = core::EffortMeter();
            right = 0;
          }
          const int32_t* answer = truth.row(first + q);
          right += std::find(answer, answer + k, static_cast<int32_t>(order[at])) != answer + k;
          distance = static_cast<double>(d);
          found[q].push_back(static_cast<float>(right) / static_cast<float>(k));
        },
        [&](size_t, const core::DeepBeam& beam, const core::GraphTables& tables, uint64_t scored) {
          meter.see(static_cast<double>(tables.bias) + static_cast<double>(tables.step) * beam.popped(),
                    distance);
          if (meter.due()) point(beam, tables, scored);
          return false;
        });
  }
  core::EffortTraces traces() const {
    return {points.data(), ends.data(), static_cast<uint32_t>(ends.size())};
  }
  // Mean of what(share found) after `hops` nodes, straight between two whole numbers of them.
  template <class What>
  double after(double hops, What what) const {
    const size_t whole = static_cast<size_t>(hops);
    double at[2] = {};
    for (const std::vector<float>& f : found) {
      for (size_t i : {0u, 1u}) at[i] += what(f[std::min(whole + i, f.size()) - 1]);
    }
    return (at[0] + (at[1] - at[0]) * (hops - static_cast<double>(whole))) /
           static_cast<double>(found.size());
  }
};

inline void compare_efforts(const LeanGraph& graph, const Matrix<float>& queries,
                            const Matrix<int32_t>& truth, const std::vector<uint32_t>& order,
                            size_t n_queries, size_t k) {
  const size_t half = n_queries / 2;
  const EffortRuns fitted(graph, queries, truth, order, 0, half, k);
  const EffortRuns held_out(graph, queries, truth, order, half, n_queries - half, k);
  core::EffortModel model{};
  core::EffortStep steps[core::kEffortSteps];
  std::vector<float> scores(std::max(fitted.points.size(), held_out.points.size()));
  if (!core::measure_effort(fitted.traces(), scores.data(), &model, steps)) {
    std::printf("nothing to learn\n");
    return;
  }
  std::printf("model: %.3f", static_cast<double>(model.constant));
  for (const float w : model.weights) std::printf(" %+.3f", static_cast<double>(w));
  std::printf(
      "\n\n| asked | foretold | recall | nodes | below 0.8 | as many for all: recall | below 0.8 | ratio |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  for (size_t i = 0; i < held_out.points.size(); ++i) scores[i] = model.missing(held_out.points[i].features);
  for (uint32_t s = 0; s < core::kEffortSteps; ++s) {
    const core::EffortStep own =
        core::try_effort(held_out.traces(), scores.data(), static_cast<double>(steps[s].threshold),
                         static_cast<double>(steps[s].width));
    const double hops = static_cast<double>(own.hops), low = static_cast<double>(own.low);
    const double recall = held_out.after(hops, [](float f) { return static_cast<double>(f); });
    const double below =
        held_out.after(hops, [](float f) { return f < core::kLowRecall - 1e-4f ? 1.0 : 0.0; });
    std::printf("| %.3f | %.3f | %.3f | %.1f | %.4f | %.3f | %.4f | %.2f |\n",
                static_cast<double>(core::kEffortRecalls[s]), static_cast<double>(steps[s].recall),
                static_cast<double>(own.recall), hops, low, recall, below, below > 0 ? low / below : 0.0);
  }
}

}  // namespace lowdim::bench
