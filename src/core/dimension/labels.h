// How labels lie on the data: how near different labels come, and how much a learner would have to be told.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/stop.h"
#include "core/codec/matrix.h"
#include "core/dimension/estimate.h"

namespace lowdim::core {

// Label sharpness K (Konz and Mazurowski 2024): the maximum of 1 / |x_j - x_k| over the pairs of different
// labels. In inverse units of the vectors. One pair decides it, so it is noisy and finds wrong labels first;
// the quantile is that of the points' own values, 1 / (distance to the nearest point of another label).
struct LabelSharpness {
  double value = kAbsent;
  double quantile = kAbsent;
  size_t a = 0, b = 0;     // the rows that attain it, the lower number first
  size_t points = 0;       // that have a point of another label at a distance above zero
  uint64_t conflicts = 0;  // pairs of equal vectors with different labels, which K leaves out
  const char* reason = nullptr;
};

// labels[i] of row i; any numbers. 0 <= quantile <= 1. Throws Error(kData) if a squared distance overflows,
// Error(kInvalidParameter) for another quantile.
LabelSharpness label_sharpness(Rows rows, const uint32_t* labels, double quantile, const Stop& stop);

// Bits of inductive bias that a task needs before n samples suffice (Boopathy et al. 2023): a model of how
// many spherical harmonics on a sphere of `dimension` dimensions resolve the classes. Exponential in the
// dimension: compare tasks by its logarithm.
struct TaskDifficulty {
  double bits = kAbsent;
  double frequency = kAbsent;   // K, the highest frequency needed
  double parameters = kAbsent;  // E, the number of harmonics up to it
};

// n: training samples; classes >= 2; dimension: intrinsic, > 1; radius: largest norm; separation: smallest
// distance between classes, in the radius's unit; error: wanted, in (0, 1). Throws Error(kInvalidParameter)
// for others, Error(kLimit) where the result leaves the range of doubles.
TaskDifficulty task_difficulty(double n, double classes, double dimension, double radius, double separation,
                               double error);

}  // namespace lowdim::core
