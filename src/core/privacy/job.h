// What a private aggregate is asked for: flat options (core/codec/options.h) become a checked job, a job
// tells what it costs before any row is read, and a state sums rows and releases once. Called by the
// aggregates and by who keeps budgets (src/pg).
//
// Nothing here depends on the rows but the sums: dimensions and bounds are options, a row that does not fit
// them counts as a row and is no error, and no rows are rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/stop.h"
#include "core/codec/options.h"
#include "core/privacy/distances.h"
#include "core/privacy/kde.h"
#include "core/privacy/moments.h"

namespace lowdim::core {

enum class PrivateStatistic : uint8_t {
  kKde,       // kde.h
  kDistance,  // distances.h
  kMoments,   // moments.h, all of it
  kSum,       // of it, the sum
  kAvg,       // sum and count
  kCount,     // count
};

const char* statistic_name(PrivateStatistic statistic);
// Throws Error(kInvalidParameter) for a name that none has.
PrivateStatistic statistic_of(std::string_view name);

struct PrivateJob {
  PrivateStatistic statistic = PrivateStatistic::kCount;
  std::variant<KdeOptions, DistanceOptions, MomentOptions> structure;
  PrivacyOptions privacy;

  // Of the rows; 0 where they are only counted.
  uint32_t dims() const;
  // Noise and cost of the release. Throws Error: kInvalidParameter, kLimit where noise would not fit.
  Guarantee guarantee() const;
  PrivacyCost cost() const { return guarantee().cost; }
};

// Options of every statistic:
//   statistic   kde, distance, moments, sum, avg, count. Needed where `own` is not given; else the same
//   epsilon     needed: 1e-9 to 100, or "inf" for public data: no noise, and what else there is of privacy
//               has no effect
//   mechanism   gaussian (least noise for one release; the default), zcdp (Gaussian too, composes best),
//               laplace
//   delta       needed for Gaussian noise, refused with laplace
//   neighbours  add_remove (default), replace_one
//   max_rows    of one unit, 1 by default
// kde:          dims, bandwidth; kernel (gaussian), features (2048), seed (1)
// distance:     dims; norm l1 (default) with low, high, or l2 with radius, and directions (64), seed (1);
//               depth (8)
// moments, sum, avg: dims; either radius or "normalize": true
// count:        nothing
// Throws Error(kInvalidParameter) for options that are unknown, missing, out of range, not for this
// statistic or against each other, Error(kLimit) for what would be too large; for all that guarantee() does
// as well.
PrivateJob parse_private_job(std::optional<PrivateStatistic> own, const OptionPair* pairs, size_t n);

// KdeError::mean_absolute of what a kde job would release for that many rows, at most: core/privacy/kde.h.
double expected_kde_error(const OptionPair* pairs, size_t n, double rows);

// The state of an aggregate. Workers exchange images. The sums are the same to the bit for every order and
// split of the rows.
class PrivateState {
 public:
  bool started() const { return sums_.has_value(); }
  void start(const PrivateJob& job);
  const PrivateJob& job() const { return job_; }

  // A row of any dimensions: other ones than the job's count as a row that adds nothing (distances: as the
  // corner that NaN is).
  void add(const float* x, size_t dims);
  // Into a state that may not be started. Throws Error(kInvalidParameter) for another job.
  void merge(const PrivateState& other);

  // Both results stay here until the next call.
  const std::vector<uint8_t>& image();
  void restore(const uint8_t* bytes, size_t n);  // throws Error(kCorrupted)

  // Draws noise and gives the image of a sketch: once, then throws Error(kInternal), since a second release
  // of the same sums would cost again. Throws as the sketches do, and Stopped.
  const std::vector<uint8_t>& release(Entropy entropy, Stop stop);

 private:
  using Sums = std::variant<KdeSums, DistanceSums, MomentSums>;

  PrivateJob job_;
  std::optional<Sums> sums_;
  bool released_ = false;
  std::vector<float> nowhere_;
  std::vector<uint8_t> image_;
};

}  // namespace lowdim::core
