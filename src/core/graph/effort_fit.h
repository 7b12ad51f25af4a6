// From searches whose answers are known to a rule of when to stop (graph/effort.h): the model of an index,
// and what searches by it cost and find, for a ladder of recalls.
//
// The ladder is measured with models that have not seen the query: of two halves of the queries each is
// judged by the model of the other. Plain data; nothing is allocated or thrown.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/graph/effort.h"

namespace lowdim::core {

// What a search had at the moment when its meter was read.
struct EffortPoint {
  uint32_t hops;
  uint32_t scored;  // codes
  float found;      // share of the nearest rows that are expanded
  float features[kEffortFeatures];
};

// Searches with a beam as wide as shall ever be, to its end. Points of query q: ends[q - 1] to ends[q], by
// hops, one at least.
struct EffortTraces {
  const EffortPoint* points;
  const uint32_t* ends;
  uint32_t queries;
};

// A search that stops when the log odds of a missing neighbour are below the threshold, or after `width`
// hops. On disk: never reorder.
struct EffortStep {
  float threshold;
  float width;
  float hops;    // on average
  float scored;  // on average
  float recall;  // mean share found
  float error;   // its standard error
  float low;     // share of queries that find less than 0.8
};

inline constexpr float kEffortRecalls[] = {0.7f,   0.8f,  0.85f, 0.9f,   0.925f, 0.95f,
                                           0.965f, 0.98f, 0.99f, 0.995f, 0.998f};
inline constexpr uint32_t kEffortSteps = sizeof kEffortRecalls / sizeof kEffortRecalls[0];
// Capacity in mean hops: a search ends after three times the mean, and few have use for more.
inline constexpr double kEffortWidth = 2;
inline constexpr float kLowRecall = 0.8f;

// Of the queries whose number has this remainder by 2, or of all (kAllQueries). Logistic regression of the
// share missing; false if there is nothing to learn: no query, or all alike.
inline constexpr uint32_t kAllQueries = 2;
bool fit_effort(const EffortTraces& traces, uint32_t half, EffortModel* model);

// What searches find that stop at `threshold`, in a beam of `width`; `scores` has the log odds of each point.
EffortStep try_effort(const EffortTraces& traces, const float* scores, double threshold, double width);

// The model of all queries, and a step for each of kEffortRecalls, the last repeated where no threshold
// reaches one. `scores`: room for a float a point. False as fit_effort.
bool measure_effort(const EffortTraces& traces, float* scores, EffortModel* model, EffortStep* steps);

// Whether that spares queries: of those that are asked for 0.9 and more, a fifth fewer find little than if
// all stopped after as many hops as these do on average. Judging takes time, so that less is no gain.
// `scores` as in measure_effort(); they are overwritten.
bool effort_gains(const EffortTraces& traces, float* scores, const EffortStep* steps);

}  // namespace lowdim::core
