// Kernel density under differential privacy: sum_x k(x, y) over private rows x for any number of queries y,
// from one released sketch (after Backurs, Lin, Mahabadi, Silwal, Tarnawski, "Efficiently Computing
// Similarities to Private Datasets", ICLR 2024). The sketch is the sum of the rows' random Fourier features
// (features.h) with noise.
//
// A row adds integers of length sqrt(p), p pairs, whatever it is. So Gaussian noise, whose size follows the
// length, adds an error to the estimated sum whose deviation does not depend on p at all: sigma of
// sensitivity 1, 5.35 rows at epsilon 1 and delta 1e-6. The paper's Laplace noise follows the sum of absolute
// values and adds 2 sqrt(p) / epsilon. More features are then paid for in privacy, here only in time.
//
// The number of rows is released with the same noise scale as one more value, in which a row counts `weight`:
// a quarter of sqrt(p) units in the Gaussian case (3 % more noise), an eighth of the sum in the Laplace case.
//
// KdeSums is the state of an aggregate: options and exact sums. It can be written, read and merged in any
// order with the same result to the bit. KdeSketch is what is released, once. KdeQuery answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/privacy/features.h"
#include "core/privacy/release.h"

namespace lowdim::core {

class KdeSums {
 public:
  // Throws Error as KdeOptions::check.
  explicit KdeSums(const KdeOptions& options);

  const KdeOptions& options() const { return options_; }
  int64_t rows() const { return rows_; }
  const std::vector<int64_t>& sums() const;  // cosines, then sines

  // x: options().dims floats. Values that are no numbers, or farther away than a feature can tell, add a row
  // and no feature; no row is refused, since an error would tell of it. Throws Error(kLimit) beyond
  // kMaxPrivateRows.
  void add(const float* x);
  // A row that is no vector of dims numbers: it counts, and is far from every query.
  void add_other();
  // Throws Error(kInvalidParameter) where the options differ.
  void merge(const KdeSums& other);

  std::vector<uint8_t> image() const;
  static KdeSums read(const uint8_t* bytes, size_t n);  // throws Error(kCorrupted)

 private:
  void add_one(const float* x) const;
  // Adds the rows that wait, so that sums_ has all.
  void settle() const;

  KdeOptions options_;
  int64_t rows_ = 0;
  // Rows are added Directions::kRows at a time; what waits for others shows nowhere.
  mutable std::vector<int64_t> sums_;
  mutable std::vector<float> waiting_;
  mutable std::optional<KdeFeatures> features_;  // made at the first row: merging needs none
};

// What a release of them costs, and the noise for it. Throws Error as calibrate.
Guarantee guarantee_of(const KdeOptions& options, const PrivacyOptions& privacy);

class KdeSketch {
 public:
  // Draws the noise, once: who calls this twice on the same rows has spent twice. Throws Error as calibrate
  // and add_noise.
  KdeSketch(const KdeSums& sums, const PrivacyOptions& privacy, RandomBits& bits);

  const KdeOptions& options() const { return options_; }
  const Guarantee& guarantee() const { return guarantee_; }
  const std::vector<int64_t>& values() const { return values_; }  // cosines, sines, weighted rows
  int64_t weight() const { return weight_; }                      // of a row in the last value
  // Noisy; may be negative.
  double rows() const;

  std::vector<uint8_t> image() const;
  static KdeSketch read(const uint8_t* bytes, size_t n);  // throws Error(kCorrupted)
  std::vector<std::pair<std::string, std::string>> facts() const;

 private:
  KdeSketch() = default;

  KdeOptions options_;
  Guarantee guarantee_;
  std::vector<int64_t> values_;
  int64_t weight_ = 0;

  friend struct KdeError kde_error(const KdeSketch& sketch);
};

// What a mean of kernels is expected to be off by, as standard deviations over queries, and as the expected
// absolute error that the first two make together. What the features are off by is sqrt(k / (2 p)) for p
// pairs and k the mean kernel between two rows, which a sketch tells of itself; structured features were seen
// to make up to 1.4 of it. All of it is computed from what is public.
struct KdeError {
  double features;  // of random features
  double noise;     // of the noise on the sum, over the rows
  double rows;  // of the noise on the number of rows, over the rows: the mean is off by that much of itself
  double mean_absolute;
  double sum_noise;  // of the noise on the sum itself, in rows
};
KdeError kde_error(const KdeSketch& sketch);

// The same before there is anything, for `rows` rows: k is taken to be 1, so it is a bound.
KdeError kde_error(const KdeOptions& options, const PrivacyOptions& privacy, double rows);

// A sketch prepared for queries, with its features in float32. Scratch inside: one query at a time.
class KdeQuery {
 public:
  explicit KdeQuery(const KdeSketch& sketch);
  // The estimated sum of k(x, y) over the rows; any finite number, also below 0. 0 if y is too far away to
  // tell.
  double sum(const float* y);
  // sum / rows, with at least one row. 0 to 1 but for its error.
  double mean(const float* y);

  // For several sketches with the same options: the features of y, cosines and then sines, which stay here
  // until the next call; and the mean from those of another query. What it gives may differ from mean() in
  // what floats round.
  const std::vector<float>& waves(const float* y);
  double mean_of(const std::vector<float>& waves) const;

 private:
  KdeFeatures features_;
  uint32_t count_;
  double rows_;
  std::vector<float> cosines_, sines_, waves_;
};

}  // namespace lowdim::core
