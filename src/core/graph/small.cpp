// See small.h.

#include "core/graph/small.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/random.h"
#include "core/graph/build.h"

namespace lowdim::core {

SmallGraph make_small_graph(Rows rows, const GraphCodeOptions& options, uint32_t degree,
                            uint32_t ef_construction, const Stop& stop) {
  SmallGraph out;
  out.model = train_graph_code(rows, options, stop);
  GraphCode code;
  GraphCode::open(out.model.data(), out.model.size(), &code);  // it did so for the trainer
  const uint32_t n = static_cast<uint32_t>(rows.n);

  GraphBuildOptions o;
  o.n = n;
  o.row_bytes = code.code_dims();
  o.degree = degree;
  o.slack = degree;
  o.ef_construction = ef_construction;
  o.entries = static_cast<uint32_t>(std::ceil(std::sqrt(static_cast<double>(n))));
  std::vector<uint64_t> shared(GraphBuild::shared_bytes(o) / sizeof(uint64_t) + 1);
  std::vector<uint64_t> memory(GraphBuild::scratch_bytes(o) / sizeof(uint64_t) + 1);
  const GraphBuild graph(o, shared.data(), true);
  GraphBuild::Scratch scratch = GraphBuild::make_scratch(o, memory.data());

  out.codes.resize(size_t{n} * code.code_bytes());
  std::vector<float> floats(code.scratch_floats());
  for (uint32_t i = 0; i < n; ++i) {
    if (i % 64 == 0) stop.check();
    const float* x = rows.data + size_t{i} * rows.dims;
    code.row(x, floats.data(), graph.row(i), graph.terms(i));
    code.encode(x, floats.data(), out.codes.data() + size_t{i} * code.code_bytes());
  }
  // Rows come in an order of their own, by class or by time: what is inserted early should be like the whole.
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  Random random(options.seed);
  for (uint32_t i = n; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  const auto all = [&](auto step) {  // too few for a tour
    for (uint32_t i = 0; i < n; ++i) {
      if (i % 64 == 0) stop.check();
      step(order[i]);
    }
  };
  all([&](uint32_t i) { graph.insert(i, scratch); });
  all([&](uint32_t i) { graph.improve(i, scratch); });
  all([&](uint32_t i) { graph.finish(i, scratch); });

  out.counts.resize(n);
  out.links.resize(size_t{n} * degree);
  for (uint32_t i = 0; i < n; ++i) {
    out.counts[i] = graph.count(i);
    std::copy_n(graph.links(i), graph.count(i),
                out.links.begin() + static_cast<ptrdiff_t>(size_t{i} * degree));
  }
  for (uint32_t e = 0; e < graph.entry_count(); ++e) out.entries.push_back(graph.entry(e));
  return out;
}

}  // namespace lowdim::core
