// Training: rows pass by once; mean, second moments (where the projection needs them) and a bounded sample
// remain; finish() makes the codec of them. States merge, so parallel workers and shards can each take a part
// of the rows, and the sample does not depend on the order of the rows. Memory stays within the budget, the
// model itself aside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/stop.h"
#include "core/codec/codec.h"
#include "core/codec/moments.h"
#include "core/codec/sample.h"

namespace lowdim::core {

class CodecTrainer {
 public:
  // Nothing yet: an empty state, which only start, merge or restore fill.
  CodecTrainer() = default;

  // Begins training on vectors of `dims` dimensions. Throws Error(kInvalidParameter) for a specification that
  // does not fit them, Error(kLimit) for a budget that is too small.
  void start(const CodecSpec& spec, size_t dims, size_t budget_bytes);
  bool started() const { return dims_ != 0; }

  // A sample query, for query-aware projections. Where rows are normalized, so are queries, and zero ones are
  // left out.
  void add_query(const float* q, size_t dims);

  // Throws Error(kData) for other dimensions than start's.
  void add(const float* row, size_t dims);
  void merge(CodecTrainer& other);

  // Trains; the codec lives as long as the trainer. Throws Stopped, or Error(kData) for rows that cannot be
  // trained on.
  const Codec& finish(const Stop& stop);

  // The state as bytes, for parallel workers, and back. restore throws Error(kCorrupted).
  const std::vector<uint8_t>& image();
  void restore(const uint8_t* bytes, size_t n);

 private:
  void check_dims(size_t dims) const;
  const float* direction(const float* v);
  std::unique_ptr<Projection> train_projection(const Stop& stop,
                                               std::vector<std::pair<std::string, std::string>>& facts);
  std::unique_ptr<Quantizer> train_quantizer(Rows rows, const Stop& stop);

  CodecSpec spec_;
  size_t dims_ = 0;
  size_t budget_bytes_ = 0;
  uint64_t rows_ = 0;
  uint64_t used_rows_ = 0;  // less the zero vectors where rows are normalized
  std::optional<RowSample> sample_;
  std::optional<Moments> moments_;  // where the projection is made of second moments
  std::vector<double> sum_;         // else only the mean is needed
  std::vector<float> queries_;
  std::vector<float> row_;  // normalized
  std::unique_ptr<Codec> codec_;
  std::vector<uint8_t> image_;
};

}  // namespace lowdim::core
