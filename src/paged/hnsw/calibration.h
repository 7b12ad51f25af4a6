// What searches of an index cost and find: a table in the meta page, measured on the index itself
// (calibrate.h), of the nodes that a search expands, the codes that it scores and the recall@10 that it
// reaches, for a ladder of ef. Between the steps of the ladder it is interpolated. The planner prices scans
// with it, and a scan that is given a recall instead of an ef takes its ef from it, or stops by the model of
// when a search has enough (core/graph/effort.h) that was fitted to the same searches.
//
// Plain data. The table has a version of its own: one that a library does not know counts as none.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "core/graph/effort_fit.h"

namespace lowdim::paged::hnsw {

// From below kLeastEf on, so that it lies between two steps.
inline constexpr uint32_t kLadder[] = {12, 18, 27, 40, 60, 90, 140, 220, 350, 600, 1000, 1600};
inline constexpr uint32_t kSteps = sizeof kLadder / sizeof kLadder[0];
inline constexpr uint32_t kCalibratedRows = core::kEffortNeighbours;  // the k of recall@k
// The least ef that a recall is translated to. Of less, nearly all would be what a first round gives
// (search.h): good for ten rows, but who asks for more loses too many that it missed.
inline constexpr uint32_t kLeastEf = 14;

//   offset  size  field
//        0     4  hops     nodes expanded, on average
//        4     4  scored   codes scored, those of the entries included
//        8     4  recall   share of the nearest ten rows that were expanded
//       12     4  error    standard error of recall
struct CalibrationStep {
  float hops;
  float scored;
  float recall;
  float error;
};
static_assert(sizeof(CalibrationStep) == 16);

inline constexpr uint16_t kCalibrationVersion = 3;  // raised with the ladder
inline constexpr uint16_t kHasRecall = 1;           // otherwise only hops and scored are known
inline constexpr uint16_t kHasEffort = 2;           // model and efforts are known
inline constexpr uint16_t kEffortGains = 4;         // and worth the time

//   offset  size  field
//        0     2  version    0: not measured
//        2     2  flags      kHasRecall, kHasEffort, kEffortGains
//        4     4  queries
//        8     8  nodes      when it was measured
//       16     8  changed    nodes that came or went since, but for Options::inserted: below 0 by those that
//                            were counted there already
//       24   192  steps
//      216    20  model      of when a search has enough
//      236   308  efforts    what searches by it cost and find
struct Calibration {
  uint16_t version;
  uint16_t flags;
  uint32_t queries;
  uint64_t nodes;
  int64_t changed;
  CalibrationStep steps[kSteps];
  core::EffortModel model;
  core::EffortStep efforts[core::kEffortSteps];
};
static_assert(sizeof(Calibration) == 544 && offsetof(Calibration, steps) == 24 &&
              offsetof(Calibration, model) == 216 && offsetof(Calibration, efforts) == 236);

// Also false where one is not a number.
inline bool sane_effort(const Calibration& c) {
  for (const float weight : c.model.weights) {
    if (!(std::fabs(weight) < 1e12f)) return false;
  }
  if (!(std::fabs(c.model.constant) < 1e12f)) return false;
  float hops = 0, recall = 0;
  for (const core::EffortStep& e : c.efforts) {
    if (!(e.hops >= hops && e.hops > 0) || !(e.width > 0) || !(e.width < 1e6f) || !(e.recall >= recall) ||
        !(e.recall <= 1) || !(e.error >= 0 && e.error <= 1) || !(e.low >= 0 && e.low <= 1) ||
        !(e.scored > 0 && e.scored < 1e15f) || !(std::fabs(e.threshold) < 1e12f)) {
      return false;
    }
    hops = e.hops;
    recall = e.recall;
  }
  return true;
}

// What a calibration may say. One of another version may say anything.
inline bool sane_calibration(const Calibration& c) {
  if (c.version != kCalibrationVersion) return true;
  if (c.queries == 0 || (c.flags & ~(kHasRecall | kHasEffort | kEffortGains)) != 0) return false;
  if ((c.flags & kHasEffort) != 0 && !sane_effort(c)) return false;
  float hops = 0, scored = 0, recall = 0;
  for (const CalibrationStep& step : c.steps) {
    // Also false where one is not a number.
    const bool rises = step.hops >= hops && step.scored >= scored && step.recall >= recall;
    if (!rises || !(step.hops < 1e12f) || !(step.scored < 1e15f) || !(step.recall <= 1) ||
        !(step.error >= 0 && step.error <= 1)) {
      return false;
    }
    hops = step.hops;
    scored = step.scored;
    recall = step.recall;
  }
  return hops > 0;
}
inline bool knows_hops(const Calibration& c) {
  return c.version == kCalibrationVersion && sane_calibration(c);
}
inline bool knows_recall(const Calibration& c) { return knows_hops(c) && (c.flags & kHasRecall) != 0; }
inline bool knows_effort(const Calibration& c) { return knows_recall(c) && (c.flags & kHasEffort) != 0; }

namespace calibration_detail {

// The step at or below ef, and how far ef is on the way to the next one, by logarithms; the ends go on.
struct Place {
  uint32_t step;
  double share;
};
inline Place place_of(double ef) {
  uint32_t i = 0;
  while (i + 2 < kSteps && ef >= kLadder[i + 1]) ++i;
  const double low = kLadder[i], high = kLadder[i + 1];
  const double share = std::log((ef > 1 ? ef : 1) / low) / std::log(high / low);
  return {i, share};
}
// Beyond the ladder, what the last step is: nothing was measured there.
inline Place within(Place p) { return {p.step, p.share < 0 ? 0 : p.share > 1 ? 1 : p.share}; }

// Straight in log(1 - recall); `unseen` stands for a miss that no query showed.
inline double mix_recall(double low, double high, double share, double unseen) {
  const double a = std::log(1 - low + unseen), b = std::log(1 - high + unseen);
  const double recall = 1 + unseen - std::exp(a + (b - a) * share);
  return recall < 0 ? 0 : recall > 1 ? 1 : recall;
}

}  // namespace calibration_detail

// Of a search with `ef`; c must know them.
inline double hops_at(const Calibration& c, double ef) {
  const double first = kLadder[0], last = kLadder[kSteps - 1];
  const double start = static_cast<double>(c.steps[0].hops),
               end = static_cast<double>(c.steps[kSteps - 1].hops);
  // What a search expands beside its beam is the way there, about the same for all.
  if (ef <= first) return start - first + ef > 1 ? start - first + ef : 1;
  if (ef >= last) return end + ef - last;
  const calibration_detail::Place p = calibration_detail::place_of(ef);
  const double low = kLadder[p.step], high = kLadder[p.step + 1];
  const double a = static_cast<double>(c.steps[p.step].hops),
               b = static_cast<double>(c.steps[p.step + 1].hops);
  return a + (b - a) * (ef - low) / (high - low);
}
inline double scored_at(const Calibration& c, double ef) {
  const double last = kLadder[kSteps - 1], first = kLadder[0];
  const calibration_detail::Place p = calibration_detail::place_of(ef);
  const double a = static_cast<double>(c.steps[p.step].scored),
               b = static_cast<double>(c.steps[p.step + 1].scored);
  const double low = kLadder[p.step], high = kLadder[p.step + 1];
  const double at = ef < first ? first : ef;
  const double scored = a + (b - a) * (at - low) / (high - low);
  return at > last && scored < b ? b : scored;
}
inline double recall_at(const Calibration& c, double ef) {
  const calibration_detail::Place p = calibration_detail::within(calibration_detail::place_of(ef));
  const double unseen = 0.5 / (c.queries * static_cast<double>(kCalibratedRows));
  return calibration_detail::mix_recall(static_cast<double>(c.steps[p.step].recall),
                                        static_cast<double>(c.steps[p.step + 1].recall), p.share, unseen);
}
inline double recall_error_at(const Calibration& c, double ef) {
  const calibration_detail::Place p = calibration_detail::within(calibration_detail::place_of(ef));
  const double a = static_cast<double>(c.steps[p.step].error),
               b = static_cast<double>(c.steps[p.step + 1].error);
  return a + (b - a) * p.share;
}

// The least ef whose recall is at least `target`, by a standard error more, so that chance in the measuring
// does not let it fall short; kLeastEf at least, and the ladder's end where nothing reached it.
inline uint32_t ef_for(const Calibration& c, double target) {
  uint32_t low = kLeastEf, high = kLadder[kSteps - 1];
  const auto reaches = [&](uint32_t ef) { return recall_at(c, ef) - recall_error_at(c, ef) >= target; };
  while (low < high) {
    const uint32_t mid = low + (high - low) / 2;
    if (reaches(mid)) {
      high = mid;
    } else {
      low = mid + 1;
    }
  }
  return low;
}

// The effort whose recall is at least `target`, by a standard error more; false where none is known that does
// it in no more hops than ef_for(), or where judging is not worth the time. c must know its recall.
inline bool effort_for(const Calibration& c, double target, core::EffortStep* out) {
  if (!knows_effort(c) || (c.flags & kEffortGains) == 0) return false;
  const double unseen = 0.5 / (c.queries * static_cast<double>(kCalibratedRows));
  const auto missed = [&](const core::EffortStep& e) {
    const double sure = static_cast<double>(e.recall) - static_cast<double>(e.error);
    return std::log(1 - sure + unseen);
  };
  const double wanted = std::log(1 - target + unseen);
  uint32_t i = 0;
  while (i < core::kEffortSteps && missed(c.efforts[i]) > wanted) ++i;
  if (i == core::kEffortSteps) return false;
  *out = c.efforts[i];
  if (i > 0) {
    const core::EffortStep &a = c.efforts[i - 1], &b = c.efforts[i];
    // As between the steps of the ladder: straight in log(1 - recall), and what a search takes by logarithms.
    const double share = (missed(a) - wanted) / (missed(a) - missed(b));
    const auto straight = [&](float x, float y) { return x + (y - x) * static_cast<float>(share); };
    const auto in_proportion = [&](float x, float y) {
      return static_cast<float>(static_cast<double>(x) *
                                std::pow(static_cast<double>(y) / static_cast<double>(x), share));
    };
    out->threshold = straight(a.threshold, b.threshold);
    out->error = straight(a.error, b.error);
    out->low = straight(a.low, b.low);
    out->width = in_proportion(a.width, b.width);
    out->hops = in_proportion(a.hops, b.hops);
    out->scored = in_proportion(a.scored, b.scored);
    out->recall = static_cast<float>(calibration_detail::mix_recall(
        static_cast<double>(a.recall), static_cast<double>(b.recall), share, unseen));
  }
  return static_cast<double>(out->hops) <= hops_at(c, ef_for(c, target));
}

}  // namespace lowdim::paged::hnsw
