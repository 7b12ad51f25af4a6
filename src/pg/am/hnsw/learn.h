// From an index's options to those of its code's training. Shared by builds (build_pages.cpp) and by the
// training that inserts set off (insert.cpp).
#pragma once

#include "core/graph/train.h"
#include "pg/am/hnsw/am.h"

namespace lowdim::pg::hnsw {

inline constexpr uint32_t kLeastSample = 256;  // fewer different rows: no code is trained

inline core::GraphMetric guide_metric(const Options& o, const OpclassInfo& opclass) {
  using paged::hnsw::Metric;
  if (o.metric == Metric::kInner) return core::GraphMetric::kInner;
  // A folded sparse vector keeps inner products and lengths, not sums of magnitudes.
  if (o.metric == Metric::kL1 && opclass.type != ColumnType::kSparse) return core::GraphMetric::kL1;
  return core::GraphMetric::kL2;
}

inline core::GraphCodeOptions code_options(const Options& o, const StorageOptions& storage,
                                           const OpclassInfo& opclass) {
  core::GraphCodeOptions options;
  options.metric = guide_metric(o, opclass);
  options.segments = o.segments - 2;
  options.project = storage.code != static_cast<int>(CodeOption::kPq);
  const uint32_t wanted = static_cast<uint32_t>(storage.code_dims);
  options.code_dims = wanted < o.guide_dims ? wanted : o.guide_dims;
  return options;
}

// No image that comes of these options is larger.
inline size_t most_model_bytes(const Options& o, const core::GraphCodeOptions& options) {
  const bool projects = options.project && options.metric != core::GraphMetric::kL1 && o.guide_dims > 1;
  uint32_t widest = o.guide_dims;
  if (projects && options.code_dims != 0) widest = options.code_dims;
  if (projects && options.code_dims == 0 && 4 * options.segments < widest) widest = 4 * options.segments;
  if (options.code_dims == 0 && core::GraphCode::coordinates(o.guide_dims, projects) > widest) {
    widest = core::GraphCode::coordinates(o.guide_dims, projects);
  }
  return core::GraphCode::image_bytes(o.guide_dims, widest, options.segments, projects);
}

}  // namespace lowdim::pg::hnsw
