// See neighbours.h.

#include "core/dimension/neighbours.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/simd/kernels.h"

namespace lowdim::core {
namespace {

// Two blocks of rows lie in a core's second-level cache together.
constexpr size_t kBlockBytes = 96 << 10;

size_t block_rows(size_t dims) {
  return std::clamp<size_t>(kBlockBytes / (sizeof(float) * std::max<size_t>(dims, 1)), 4, 128);
}

// Collects squared distances; finish() takes their roots.
class Collector {
 public:
  Collector(size_t n, size_t base, uint32_t k) {
    if (k < 1 || k > NeighbourTable::kMaxNeighbours) {
      throw Error(ErrorKind::kInvalidParameter, "the number of neighbours must be from 1 to " +
                                                    std::to_string(NeighbourTable::kMaxNeighbours) +
                                                    ", not " + std::to_string(k));
    }
    table.n = n;
    table.base = base;
    table.k = k;
    table.distances.assign(n * k, std::numeric_limits<float>::infinity());
    table.ids.assign(n * k, 0);
    table.found.assign(n, 0);
    table.zeros.assign(n, 0);
    worst_.assign(n, std::numeric_limits<float>::infinity());
  }

  void offer(size_t i, size_t j, float squared) {
    if (squared == 0) {
      ++table.zeros[i];
    } else if (squared < worst_[i]) {
      insert(i, static_cast<uint32_t>(j), squared);
    } else if (!(squared < std::numeric_limits<float>::infinity())) {
      throw Error(ErrorKind::kData, "vectors are too large: their squared distances overflow");
    }
  }

  NeighbourTable finish() {
    for (float& d : table.distances) d = std::sqrt(d);
    return std::move(table);
  }

 private:
  void insert(size_t i, uint32_t id, float squared) {
    float* const d = table.distances.data() + i * table.k;
    uint32_t* const ids = table.ids.data() + i * table.k;
    uint32_t at = std::min(table.found[i], table.k - 1);
    for (; at > 0 && d[at - 1] > squared; --at) {
      d[at] = d[at - 1];
      ids[at] = ids[at - 1];
    }
    d[at] = squared;
    ids[at] = id;
    table.found[i] = std::min(table.found[i] + 1, table.k);
    worst_[i] = d[table.k - 1];
  }

  NeighbourTable table;
  std::vector<float> worst_;  // the k-th squared distance so far
};

}  // namespace

double NeighbourTable::duplicated() const {
  if (n == 0) return 0;
  const auto with = std::count_if(zeros.begin(), zeros.end(), [](uint32_t z) { return z > 0; });
  return static_cast<double>(with) / static_cast<double>(n);
}

NeighbourTable nearest_of_sample(Rows rows, uint32_t k, const Stop& stop) {
  Collector collector(rows.n, rows.n, k);
  const size_t block = block_rows(rows.dims);
  const auto distance = simd::kernels().l2sq_f32;
  const uint32_t dims = static_cast<uint32_t>(rows.dims);
  for (size_t a = 0; a < rows.n; a += block) {
    const size_t a_end = std::min(rows.n, a + block);
    for (size_t b = a; b < rows.n; b += block) {
      stop.check();
      const size_t b_end = std::min(rows.n, b + block);
      for (size_t i = a; i < a_end; ++i) {
        for (size_t j = std::max(b, i + 1); j < b_end; ++j) {
          const float squared = distance(rows.row(i), rows.row(j), dims);
          collector.offer(i, j, squared);
          collector.offer(j, i, squared);
        }
      }
    }
  }
  return collector.finish();
}

NeighbourTable nearest_in_base(Rows points, Rows base, const uint32_t* own, uint32_t k, const Stop& stop) {
  if (points.n > 0 && base.n > 0 && points.dims != base.dims) {
    throw Error(ErrorKind::kData,
                "expected " + std::to_string(base.dims) + " dimensions, not " + std::to_string(points.dims));
  }
  Collector collector(points.n, base.n, k);
  const size_t block = block_rows(base.dims);
  const auto distance = simd::kernels().l2sq_f32;
  const uint32_t dims = static_cast<uint32_t>(base.dims);
  for (size_t b = 0; b < base.n; b += block) {
    const size_t b_end = std::min(base.n, b + block);
    for (size_t a = 0; a < points.n; a += block) {
      stop.check();
      const size_t a_end = std::min(points.n, a + block);
      for (size_t i = a; i < a_end; ++i) {
        for (size_t j = b; j < b_end; ++j) {
          if (own != nullptr && own[i] == j) continue;
          collector.offer(i, j, distance(points.row(i), base.row(j), dims));
        }
      }
    }
  }
  return collector.finish();
}

double scale_rows(std::vector<float>& rows) {
  float largest = 0;
  for (const float x : rows) largest = std::max(largest, std::abs(x));
  if (largest == 0 || (largest >= 0x1p-20f && largest <= 0x1p20f)) return 1;
  int exponent;
  std::frexp(largest, &exponent);  // largest = f 2^exponent, f in [1/2, 1)
  const double factor = std::ldexp(1.0, 1 - exponent);
  for (float& x : rows) x = static_cast<float>(x * factor);
  return factor;
}

}  // namespace lowdim::core
