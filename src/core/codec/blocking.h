// Eigen cuts long matrix products where the caches of the processor end, and sums the parts: the same
// training would give other last bits on another machine. Every trainer calls this before its products; the
// sizes are those of a small server core.
#pragma once

#include <Eigen/Core>

namespace lowdim::core {

inline void fix_blocking() { Eigen::setCpuCacheSizes(32 << 10, 512 << 10, 2 << 20); }

}  // namespace lowdim::core
