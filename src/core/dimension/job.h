// The states of the aggregates that measure a column: options, a bounded sample of the rows that pass by, and
// what is computed of it at the end. Owned by a memory context (pg/door.h: make_in); workers exchange images.
//
// The sample keeps the rows whose hashes with the seed are smallest (core/codec/sample.h). It depends on the
// set of rows alone and is put in order before anything is computed, so a parallel plan and a serial one give
// the same bits. The sample holds distinct rows; where their weight counts (spectrum), it knows how often
// each came by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/stop.h"
#include "core/codec/options.h"
#include "core/codec/sample.h"
#include "core/dimension/estimate.h"
#include "core/dimension/labels.h"
#include "core/dimension/methods.h"

namespace lowdim::core {

// Which aggregate a state serves: what its options are, and what they default to.
enum class DimensionUse : uint8_t { kDimension, kSpectrum, kLabels };

struct DimensionOptions {
  DimensionMethod method = DimensionMethod::kMle;
  uint32_t k = 0;  // neighbours, as the method counts them; 0 for methods without
  uint32_t sample = 0;
  uint64_t seed = 1;
  double quantile = 0.95;  // of label_sharpness
};

// kDimension: method, k, sample, seed. kSpectrum: sample, seed. kLabels: quantile, sample, seed. Defaults are
// filled in. Throws Error(kInvalidParameter) for others, also for a k where the method takes none.
DimensionOptions parse_dimension_options(DimensionUse use, const OptionPair* pairs, size_t n);

// What label_sharpness answers: the pair's vectors and labels.
struct SharpestPair {
  LabelSharpness figures;
  std::vector<float> a, b;
  std::string a_label, b_label;
};

class DimensionState {
 public:
  static constexpr size_t kMaxLabelBytes = 1000;

  bool started() const { return sample_.has_value(); }
  // Throws Error(kLimit) where budget_bytes does not even hold a small sample; a larger one is cut to fit.
  void start(DimensionUse use, const DimensionOptions& options, size_t dims, size_t budget_bytes);

  // A row, and its label for kLabels. Throws Error(kData) for other dimensions than before, Error(kLimit) for
  // a longer label than kMaxLabelBytes.
  void add(const float* row, size_t dims, std::string_view label = {});
  // Throws Error(kData) for other dimensions.
  void merge(const DimensionState& other);

  const std::vector<uint8_t>& image();
  void restore(const uint8_t* bytes, size_t n);

  // Each leaves the state as it is, so that more rows may follow. They throw Stopped and Error(kLimit).
  Estimate estimate(const Stop& stop) const;
  const std::vector<double>& spectrum(const Stop& stop);
  Estimate participation(const Stop& stop) const;
  const SharpestPair& sharpest(const Stop& stop);
  // The median distance of two of the sample's rows, of at most 1,000 of them; NaN for fewer than two.
  double median_distance(const Stop& stop) const;

 private:
  size_t memory_for_matrices() const { return budget_bytes_ / 2; }

  DimensionUse use_ = DimensionUse::kDimension;
  DimensionOptions options_;
  size_t dims_ = 0;
  size_t budget_bytes_ = 0;
  std::optional<RowSample> sample_;
  std::vector<uint8_t> image_;
  std::vector<double> spectrum_;
  SharpestPair sharpest_;
};

}  // namespace lowdim::core
