// Float matrix products of the trainers that decide codes, in slices: `stop` is polled every few
// milliseconds, and the sums run over at most 256 coordinates at a time, in order. Eigen splits longer sums
// by the size of the processor's first-level cache; left to it, the same data would train to different last
// bits on different machines.
#pragma once

#include <algorithm>

#include "core/base/stop.h"
#include "core/codec/matrix.h"

namespace lowdim::core {

// c = a b. `c` has its shape already and may not overlap the others.
template <class A, class B, class C>
void multiply_in_slices(const A& a, const B& b, C&& c, const Stop& stop) {
  using Index = Eigen::Index;
  constexpr Index kDepth = 256;
  constexpr Index kWork = Index{1} << 25;  // multiplications between two polls
  const Index height = std::max<Index>(48, kWork / std::max<Index>(1, kDepth * b.cols()) / 48 * 48);
  for (Index i = 0; i < a.rows(); i += height) {
    const Index rows = std::min(height, a.rows() - i);
    for (Index k = 0; k < a.cols(); k += kDepth) {
      stop.check();
      const Index depth = std::min(kDepth, a.cols() - k);
      if (k == 0) {
        c.middleRows(i, rows).noalias() = a.block(i, 0, rows, depth) * b.topRows(depth);
      } else {
        c.middleRows(i, rows).noalias() += a.block(i, k, rows, depth) * b.middleRows(k, depth);
      }
    }
  }
  if (a.cols() == 0) c.setZero();
}

}  // namespace lowdim::core
