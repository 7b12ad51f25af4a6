// Count, sum, mean and second moment of private vectors, and what follows from them for any number of
// queries: sums of squared Euclidean distances, mean inner product, mean cosine. One release answers all.
//
// A vector is cut to a ball of public radius C (x -> x min(1, C / |x|)) or to its direction (normalize), so
// it is at most one unit long, and rounded to fixed point, which adds at most half a unit of 2^-20 to each
// coordinate: sensitivity 1 + sqrt(d) 2^-21, checked in integers for every row. The number of rows and
// the squared length add a quarter each beside it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/privacy/release.h"

namespace lowdim::core {

// Which of the values there are. The fewer, the less noise each needs.
enum class MomentContent : uint8_t {
  kAll,    // sum, squared lengths, count
  kMean,   // sum, count
  kSum,    // sum
  kCount,  // count: dims is 0, and rows are not looked at
};

struct MomentOptions {
  uint32_t dims = 0;
  double radius = 1;       // C; of no effect where vectors are normalized
  bool normalize = false;  // rows are directions; the zero vector counts as a row and adds nothing
  MomentContent content = MomentContent::kAll;

  // Squares of directions are 1: no need to ask for them.
  bool has_squares() const { return content == MomentContent::kAll && !normalize; }
  bool has_rows() const { return content != MomentContent::kSum; }
  bool has_sum() const { return content != MomentContent::kCount; }
  void check() const;  // throws Error(kInvalidParameter)
  bool operator==(const MomentOptions&) const = default;
};

// The state of an aggregate: exact sums, the same for any order and split of the rows.
class MomentSums {
 public:
  explicit MomentSums(const MomentOptions& options);

  const MomentOptions& options() const { return options_; }
  int64_t rows() const { return rows_; }
  // Fixed-point coordinates in units of the radius, then a quarter of the squared length.
  const std::vector<int64_t>& sums() const { return sums_; }

  // x: dims floats. A vector with elements that are no finite numbers adds nothing but a row.
  void add(const float* x);
  // A row that is no vector of dims numbers: it counts and adds nothing.
  void add_other();
  void merge(const MomentSums& other);  // throws Error(kInvalidParameter) where the options differ

  std::vector<uint8_t> image() const;
  static MomentSums read(const uint8_t* bytes, size_t n);  // throws Error(kCorrupted)

 private:
  MomentOptions options_;
  int64_t rows_ = 0;
  std::vector<int64_t> sums_, row_;
};

// What a release of them costs, and the noise for it. Throws Error as calibrate.
Guarantee guarantee_of(const MomentOptions& options, const PrivacyOptions& privacy);

// Asked for what is not in its content, it throws Error(kNotSupported).
class MomentSketch {
 public:
  // Draws the noise, once. Throws Error as calibrate and add_noise.
  MomentSketch(const MomentSums& sums, const PrivacyOptions& privacy, RandomBits& bits);

  const MomentOptions& options() const { return options_; }
  const Guarantee& guarantee() const { return guarantee_; }
  const std::vector<int64_t>& values() const { return values_; }  // coordinates, squares, weighted rows
  int64_t weight() const { return weight_; }                      // of a row in the last value

  // All of them noisy; what is a count or a length may come out negative.
  double rows() const;
  void sum(double* out) const;   // dims numbers
  void mean(double* out) const;  // sum / rows, with at least one row
  double square_mean() const;    // of |x|^2
  // Sum over the rows of |x - y|^2, of <x, y>, and the mean cosine to y (normalized rows only, else throws
  // Error(kNotSupported); 0 for the zero vector y).
  double squared_distance_sum(const float* y) const;
  double inner_sum(const float* y) const;
  double mean_cosine(const float* y) const;

  double sum_noise() const;   // standard deviation of each coordinate of the sum
  double rows_noise() const;  // of rows

  std::vector<uint8_t> image() const;
  static MomentSketch read(const uint8_t* bytes, size_t n);  // throws Error(kCorrupted)
  std::vector<std::pair<std::string, std::string>> facts() const;

 private:
  MomentSketch() = default;
  void need(bool there, const char* what) const;
  double unit() const;  // the length of one fixed-point unit

  MomentOptions options_;
  Guarantee guarantee_;
  std::vector<int64_t> values_;
  int64_t weight_ = 0;
};

}  // namespace lowdim::core
