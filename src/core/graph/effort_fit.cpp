// Logistic regression by Newton's method, and thresholds by bisection (effort_fit.h).
#include "core/graph/effort_fit.h"

#include <algorithm>
#include <cmath>

namespace lowdim::core {
namespace {

constexpr uint32_t kTerms = kEffortFeatures + 1;  // the constant first
constexpr int kRounds = 40;
constexpr double kRidge = 1;  // of a standardized weight: what it costs, in points
constexpr float kGainFrom = 0.9f;
constexpr double kLeastGain = 0.8;  // of the queries that find little
constexpr double kExtreme = 40;     // log odds that nothing passes
constexpr int kHalvings = 26, kWidthRounds = 3;

uint32_t begin_of(const EffortTraces& t, uint32_t q) { return q == 0 ? 0 : t.ends[q - 1]; }

template <class Visit>
void each_point(const EffortTraces& t, uint32_t half, Visit visit) {
  for (uint32_t q = 0; q < t.queries; ++q) {
    if (half != kAllQueries && q % 2 != half) continue;
    for (uint32_t i = begin_of(t, q); i < t.ends[q]; ++i) visit(t.points[i]);
  }
}

// Solves a x = b for a positive definite a; false if it is not. b becomes x.
bool solve(double (&a)[kTerms][kTerms], double (&b)[kTerms]) {
  for (uint32_t i = 0; i < kTerms; ++i) {
    for (uint32_t j = 0; j <= i; ++j) {
      double sum = a[i][j];
      for (uint32_t k = 0; k < j; ++k) sum -= a[i][k] * a[j][k];
      if (i != j) {
        a[i][j] = sum / a[j][j];
      } else if (!(sum > 0)) {
        return false;
      } else {
        a[i][i] = std::sqrt(sum);
      }
    }
  }
  for (uint32_t i = 0; i < kTerms; ++i) {
    for (uint32_t k = 0; k < i; ++k) b[i] -= a[i][k] * b[k];
    b[i] /= a[i][i];
  }
  for (uint32_t i = kTerms; i-- > 0;) {
    for (uint32_t k = i + 1; k < kTerms; ++k) b[i] -= a[k][i] * b[k];
    b[i] /= a[i][i];
  }
  return true;
}

}  // namespace

bool fit_effort(const EffortTraces& traces, uint32_t half, EffortModel* model) {
  double n = 0, missing = 0, mean[kEffortFeatures] = {}, scale[kEffortFeatures] = {};
  each_point(traces, half, [&](const EffortPoint& p) {
    ++n;
    missing += 1 - static_cast<double>(p.found);
    for (uint32_t f = 0; f < kEffortFeatures; ++f) mean[f] += static_cast<double>(p.features[f]);
  });
  if (!(missing > 0) || !(missing < n)) return false;
  for (double& m : mean) m /= n;
  each_point(traces, half, [&](const EffortPoint& p) {
    for (uint32_t f = 0; f < kEffortFeatures; ++f) {
      const double off = static_cast<double>(p.features[f]) - mean[f];
      scale[f] += off * off;
    }
  });
  for (double& s : scale) s = s > 0 ? std::sqrt(n / s) : 0;

  // Newton's steps, halved for as long as they make it worse.
  double w[kTerms] = {std::log(missing / (n - missing))}, last[kTerms] = {}, best = HUGE_VAL;
  for (int round = 0; round < kRounds; ++round) {
    double a[kTerms][kTerms] = {}, b[kTerms] = {}, loss = 0;
    each_point(traces, half, [&](const EffortPoint& p) {
      double x[kTerms] = {1}, odds = w[0];
      for (uint32_t f = 0; f < kEffortFeatures; ++f) {
        x[f + 1] = (static_cast<double>(p.features[f]) - mean[f]) * scale[f];
        odds += w[f + 1] * x[f + 1];
      }
      const double chance = 1 / (1 + std::exp(-odds)), target = 1 - static_cast<double>(p.found);
      loss += (odds > 0 ? odds + std::log1p(std::exp(-odds)) : std::log1p(std::exp(odds))) - target * odds;
      for (uint32_t i = 0; i < kTerms; ++i) {
        b[i] += (target - chance) * x[i];
        for (uint32_t j = 0; j <= i; ++j) a[i][j] += chance * (1 - chance) * x[i] * x[j];
      }
    });
    for (uint32_t i = 0; i < kTerms; ++i) {
      a[i][i] += i == 0 ? 1e-6 : kRidge;
      if (i > 0) b[i] -= kRidge * w[i];
      if (i > 0) loss += kRidge / 2 * w[i] * w[i];
    }
    double moved = 0;
    if (loss > best) {
      for (uint32_t i = 0; i < kTerms; ++i) {
        moved = std::max(moved, std::fabs(w[i] - last[i]));
        w[i] = (w[i] + last[i]) / 2;
      }
    } else {
      best = loss;
      if (!solve(a, b)) return false;
      for (uint32_t i = 0; i < kTerms; ++i) {
        last[i] = w[i];
        w[i] += b[i];
        moved = std::max(moved, std::fabs(b[i]));
      }
    }
    if (moved < 1e-7) break;
  }
  double constant = w[0];
  for (uint32_t f = 0; f < kEffortFeatures; ++f) {
    const double weight = w[f + 1] * scale[f];
    if (!std::isfinite(weight)) return false;
    model->weights[f] = static_cast<float>(weight);
    constant -= weight * mean[f];
  }
  model->constant = static_cast<float>(constant);
  return std::isfinite(constant);
}

EffortStep try_effort(const EffortTraces& traces, const float* scores, double threshold, double width) {
  double hops = 0, scored = 0, sum = 0, squares = 0, low = 0;
  const double depth = std::floor(width) + std::floor(width / 2);  // of DeepBeam
  for (uint32_t q = 0; q < traces.queries; ++q) {
    uint32_t i = begin_of(traces, q);
    while (i + 1 < traces.ends[q] && traces.points[i].hops < depth &&
           !(static_cast<double>(scores[i]) < threshold)) {
      ++i;
    }
    const EffortPoint& p = traces.points[i];
    const double found = static_cast<double>(p.found);
    hops += p.hops;
    scored += p.scored;
    sum += found;
    squares += found * found;
    low += p.found < kLowRecall - 1e-4f;
  }
  const double n = traces.queries, recall = sum / n;
  return {static_cast<float>(threshold),
          static_cast<float>(width),
          static_cast<float>(hops / n),
          static_cast<float>(scored / n),
          static_cast<float>(recall),
          static_cast<float>(std::sqrt(std::max(0.0, squares / n - recall * recall) / n)),
          static_cast<float>(low / n)};
}

bool measure_effort(const EffortTraces& traces, float* scores, EffortModel* model, EffortStep* steps) {
  EffortModel halves[2];
  if (traces.queries < 2 || !fit_effort(traces, kAllQueries, model) || !fit_effort(traces, 0, &halves[0]) ||
      !fit_effort(traces, 1, &halves[1])) {
    return false;
  }
  double most = 0;
  for (uint32_t q = 0; q < traces.queries; ++q) {
    for (uint32_t i = begin_of(traces, q); i < traces.ends[q]; ++i) {
      scores[i] = halves[1 - q % 2].missing(traces.points[i].features);
      most = std::max(most, static_cast<double>(traces.points[i].hops));
    }
  }
  for (uint32_t s = 0; s < kEffortSteps; ++s) {
    const double target = static_cast<double>(kEffortRecalls[s]);
    double width = most;
    for (int round = 0; round < kWidthRounds; ++round) {
      double low = -kExtreme, high = kExtreme;
      for (int i = 0; i < kHalvings; ++i) {
        const double mid = (low + high) / 2;
        (static_cast<double>(try_effort(traces, scores, mid, width).recall) >= target ? low : high) = mid;
      }
      steps[s] = try_effort(traces, scores, low, width);
      width = std::min(most, std::ceil(kEffortWidth * static_cast<double>(steps[s].hops)));
    }
    // Nothing reaches it, or nothing did before.
    if (s > 0 && !(steps[s].recall > steps[s - 1].recall)) steps[s] = steps[s - 1];
  }
  return true;
}

bool effort_gains(const EffortTraces& traces, float* scores, const EffortStep* steps) {
  double hops = 0;
  for (uint32_t i = 0; traces.queries > 0 && i < traces.ends[traces.queries - 1]; ++i) {
    scores[i] = -static_cast<float>(traces.points[i].hops);
    hops = std::max(hops, static_cast<double>(traces.points[i].hops));
  }
  double own = 0, alike = 0;
  for (uint32_t s = 0; s < kEffortSteps; ++s) {
    if (kEffortRecalls[s] < kGainFrom) continue;
    own += static_cast<double>(steps[s].low);
    // Stops are at points, some hops apart: from the point before to the one after the mean.
    const double mean = static_cast<double>(steps[s].hops);
    const EffortStep after = try_effort(traces, scores, -mean, hops);
    const EffortStep before = try_effort(traces, scores, -mean * 8 / 9, hops);
    const double from = static_cast<double>(before.hops), to = static_cast<double>(after.hops);
    const double share = to > from ? std::clamp((mean - from) / (to - from), 0.0, 1.0) : 0;
    alike += static_cast<double>(before.low) +
             (static_cast<double>(after.low) - static_cast<double>(before.low)) * share;
  }
  return own <= kLeastGain * alike;
}

}  // namespace lowdim::core
