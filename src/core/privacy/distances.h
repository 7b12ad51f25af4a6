// Sums of distances from any number of queries y to private rows x, from one release: l1 and its powers
// (sum over the coordinates of |x_j - y_j|^p) for rows in a public box, and l2. Squared l2 is moments.h's.
//
// Each coordinate has a binary tree over 2^h cells of its interval (Backurs et al. 2024; Liu, Hu, Reneau,
// Song, Liu 2024, arXiv 2409.01688, whose form this is: no factor 1 + a). A node has the number of its rows
// and the sum of their offsets from its middle, both noisy. A query goes down to the cell of y: what hangs
// off that path lies on one side of y, where a sum of distances is a count times |middle - y| plus or minus
// the offsets; within its own cell rows are taken to
// be spread evenly about their mean, as far as the cell goes on both sides of it.
//
// Differs from both papers in how noise is shared out: a node at depth l is a distance of about 2^-l away, so
// its error counts less the deeper it is. Depth l therefore gets the share 2^-(l/2) of a row's length instead
// of an equal one, and the offsets get half of what the counts get, being bounded by half the node's width.
// The error of a coordinate is then below 1.7 sigma whatever h is, instead of growing with h. The root needs
// no node: the number of rows is released once for all coordinates. Counts are made consistent afterwards
// (each the sum of its children, by weighted least squares), which costs no privacy.
//
// l2: |z|_2 is the mean of |u.z| over random directions u, over a constant: k of them (features.h) give trees
// of k coordinates; relative error about 0.76 / sqrt(k).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/privacy/features.h"
#include "core/privacy/release.h"

namespace lowdim::core {

enum class DistanceKind : uint8_t { kL1, kL2 };

struct DistanceOptions {
  static constexpr uint32_t kMaxDepth = 12;
  static constexpr uint64_t kMaxValues = uint64_t{1} << 22;  // of a release: 32 MB

  DistanceKind kind = DistanceKind::kL1;
  uint32_t dims = 0;
  // l1: the box's sides [low, high], to which every coordinate is cut.
  double low = 0, high = 1;
  // l2: rows are meant to be within this length. u.x is cut to 4 / sqrt(d) of it, d the dimensions padded
  // (features.h), and so are queries.
  double radius = 1;
  uint32_t directions = 64;  // k
  uint64_t seed = 1;
  uint32_t depth = 8;  // h: cells are 2^-h of the interval

  uint32_t coordinates() const { return kind == DistanceKind::kL1 ? dims : directions; }
  void check() const;  // throws Error: kInvalidParameter, kLimit
  bool operator==(const DistanceOptions&) const = default;
};

// Maps a vector to the coordinates of the trees, as integers 0..kFixedOne.
class DistanceMap {
 public:
  explicit DistanceMap(const DistanceOptions& options);
  // Writes coordinates() numbers, in units of the interval, not cut; NaN and infinite where x is.
  void apply(const float* x, double* out);
  double width() const { return width_; }  // of the interval, in units of x
  // What a sum over the coordinates is multiplied by.
  double factor() const { return factor_; }

 private:
  DistanceOptions options_;
  double low_, width_, factor_;
  Directions directions_;
  std::vector<float> projected_;
};

// The state of an aggregate: exact counts and sums for every cell.
class DistanceSums {
 public:
  explicit DistanceSums(const DistanceOptions& options);  // throws Error as DistanceOptions::check

  const DistanceOptions& options() const { return options_; }
  int64_t rows() const { return rows_; }
  // [coordinate][cell]{count, sum of coordinates}
  const std::vector<int64_t>& cells() const { return cells_; }

  void add(const float* x);  // dims floats; NaN counts as the interval's lower end
  void merge(const DistanceSums& other);

  std::vector<uint8_t> image() const;
  static DistanceSums read(const uint8_t* bytes, size_t n);  // throws Error(kCorrupted)

 private:
  DistanceOptions options_;
  int64_t rows_ = 0;
  std::vector<int64_t> cells_;
  std::optional<DistanceMap> map_;
  std::vector<double> at_;
};

// What a release of them costs, and the noise for it. Throws Error as calibrate.
Guarantee guarantee_of(const DistanceOptions& options, const PrivacyOptions& privacy);

class DistanceSketch {
 public:
  // Draws the noise, once. Throws Error as calibrate and add_noise.
  DistanceSketch(const DistanceSums& sums, const PrivacyOptions& privacy, RandomBits& bits);

  const DistanceOptions& options() const { return options_; }
  const Guarantee& guarantee() const { return guarantee_; }
  // [coordinate][node]{weighted count, weighted offset}, nodes by depth from 1 on and from left to right;
  // then the weighted number of rows.
  const std::vector<int64_t>& values() const { return values_; }
  int64_t weight() const { return weight_; }
  double rows() const;

  std::vector<uint8_t> image() const;
  static DistanceSketch read(const uint8_t* bytes, size_t n);  // throws Error(kCorrupted)
  std::vector<std::pair<std::string, std::string>> facts() const;

 private:
  DistanceSketch() = default;

  DistanceOptions options_;
  Guarantee guarantee_;
  std::vector<int64_t> values_;
  int64_t weight_ = 0;
};

// A sketch prepared for queries: O(coordinates) for sum. One query at a time.
class DistanceQuery {
 public:
  // consistent = false leaves the counts as they were released, for comparison.
  explicit DistanceQuery(const DistanceSketch& sketch, bool consistent = true);

  // The sum over the rows of |x - y|, in the sketch's norm. May be negative where noise is larger than it.
  double sum(const float* y);
  // The sum over rows and coordinates of |x_j - y_j|^p, 0 < p <= 8; l1 sketches only, else throws
  // Error(kNotSupported). Nodes are used where they are farther from y than 5 times their half width and rows
  // are taken to be spread evenly within, which for p = 1 makes no difference, and else one of some percent
  // at most where the density does not change much between neighbouring nodes.
  double power_sum(const float* y, double p);

 private:
  struct Node {
    double count, offset;  // in rows, and rows times the interval's width
  };
  // The rows outside of a cell are slope y + start away; those in it lie around their mean.
  struct Line {
    double slope = 0, start = 0, count = 0, mean = 0, spread = 0;
  };
  void make_consistent(Node* tree, double rows) const;
  double power(const Node* tree, uint32_t depth, uint32_t place, double y, double p) const;

  DistanceOptions options_;
  DistanceMap map_;
  double rows_;
  double variances_[DistanceOptions::kMaxDepth + 1] = {};
  std::vector<Node> nodes_;  // [coordinate][node], the root (unused) first
  std::vector<Line> lines_;  // [coordinate][cell]
  std::vector<double> at_;
};

}  // namespace lowdim::core
