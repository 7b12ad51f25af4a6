// A code and a graph of a few thousand vectors, made at once by one process: for an index that began empty
// and now has rows enough to learn from (paged/hnsw/train.h), and for tests. Large indexes are built by
// parts, with memory that processes share (graph/build.h).
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/stop.h"
#include "core/codec/matrix.h"
#include "core/graph/train.h"

namespace lowdim::core {

struct SmallGraph {
  std::vector<uint8_t> model;     // the image of the code
  std::vector<uint8_t> codes;     // code_bytes() for each row
  std::vector<uint32_t> counts;   // links of each row, `degree` at most
  std::vector<uint32_t> links;    // rows, `degree` places for each
  std::vector<uint32_t> entries;  // about sqrt(n) rows
};

// Throws as train_graph_code does.
SmallGraph make_small_graph(Rows rows, const GraphCodeOptions& options, uint32_t degree,
                            uint32_t ef_construction, const Stop& stop);

}  // namespace lowdim::core
