// Training of the code by which a graph is walked (graph/code.h): principal directions, how many bits each
// gets, centroids, all from rows drawn by their scale (graph/scale_sample.h). Called when an index is built,
// and when an index that began empty has rows enough.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/stop.h"
#include "core/codec/matrix.h"
#include "core/graph/code.h"

namespace lowdim::core {

struct GraphCodeOptions {
  GraphMetric metric = GraphMetric::kL2;
  uint32_t segments = 64;  // at most; fewer where the dimensions are fewer
  uint32_t code_dims = 0;  // 0: chosen by the variance
  bool project = true;     // principal directions; L1 never projects
  uint64_t seed = 1;
};

// The image of a trained code. Throws Error(kData) without rows or if their squares overflow,
// Error(kInvalidParameter) for options out of range.
std::vector<uint8_t> train_graph_code(Rows sample, const GraphCodeOptions& options, const Stop& stop);

// How `segments` sub-codes of four bits are laid over coordinates of the given variances, largest first:
// begins[s] .. begins[s + 1] are one, two or four coordinates. The error of an estimate comes from
// 2 <q - x, error>; near neighbours differ along a coordinate in proportion to its variance v, so what is
// made least is the sum of v * distortion(v, bits), with the distortions of Gaussian sources.
std::vector<uint16_t> lay_segments(const std::vector<double>& variances, uint32_t segments);

}  // namespace lowdim::core
