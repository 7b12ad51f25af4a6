// See neighbours.h.

#include "core/dimension/neighbours.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/simd/codes.h"
#include "core/simd/kernels.h"

namespace lowdim::core {
namespace {

// Two blocks of rows lie in a core's second-level cache together.
constexpr size_t kBlockBytes = 96 << 10;

size_t block_rows(size_t dims) {
  return std::clamp<size_t>(kBlockBytes / (sizeof(float) * std::max<size_t>(dims, 1)), 4, 128);
}

}  // namespace

NeighbourSearch::NeighbourSearch(Rows points, uint32_t k, float zero) : points_(points), zero_(zero) {
  if (k < 1 || k > NeighbourTable::kMaxNeighbours) {
    throw Error(ErrorKind::kInvalidParameter, "the number of neighbours must be from 1 to " +
                                                  std::to_string(NeighbourTable::kMaxNeighbours) + ", not " +
                                                  std::to_string(k));
  }
  table_.n = points.n;
  table_.k = k;
  table_.distances.assign(points.n * k, std::numeric_limits<float>::infinity());
  table_.ids.assign(points.n * k, 0);
  table_.found.assign(points.n, 0);
  table_.zeros.assign(points.n, 0);
  worst_.assign(points.n, std::numeric_limits<float>::infinity());
}

inline void NeighbourSearch::put(size_t i, uint32_t id, float squared) {
  if (squared <= zero_) {
    ++table_.zeros[i];
  } else if (squared < worst_[i]) {
    insert(i, id, squared);
  } else if (!(squared < std::numeric_limits<float>::infinity())) {
    throw Error(ErrorKind::kData, "vectors are too large: their squared distances overflow");
  }
}

void NeighbourSearch::insert(size_t i, uint32_t id, float squared) {
  const uint32_t k = table_.k;
  float* const d = table_.distances.data() + i * k;
  uint32_t* const ids = table_.ids.data() + i * k;
  uint32_t at = std::min(table_.found[i], k - 1);
  for (; at > 0 && d[at - 1] > squared; --at) {
    d[at] = d[at - 1];
    ids[at] = ids[at - 1];
  }
  d[at] = squared;
  ids[at] = id;
  table_.found[i] = std::min(table_.found[i] + 1, k);
  worst_[i] = d[k - 1];
}

void NeighbourSearch::offer(Rows base, uint32_t first, const uint32_t* own, const Stop& stop) {
  if (points_.n > 0 && base.n > 0 && points_.dims != base.dims) {
    throw Error(ErrorKind::kData,
                "expected " + std::to_string(base.dims) + " dimensions, not " + std::to_string(points_.dims));
  }
  table_.base += base.n;
  const size_t block = block_rows(base.dims);
  const auto distance = simd::kernels().l2sq_f32;
  const uint32_t dims = static_cast<uint32_t>(base.dims);
  for (size_t b = 0; b < base.n; b += block) {
    const size_t b_end = std::min(base.n, b + block);
    for (size_t a = 0; a < points_.n; a += block) {
      stop.check();
      const size_t a_end = std::min(points_.n, a + block);
      for (size_t i = a; i < a_end; ++i) {
        for (size_t j = b; j < b_end; ++j) {
          const uint32_t id = first + static_cast<uint32_t>(j);
          if (own != nullptr && own[i] == id) continue;
          put(i, id, distance(points_.row(i), base.row(j), dims));
        }
      }
    }
  }
}

void NeighbourSearch::offer_points(const Stop& stop) {
  table_.base = points_.n;
  const size_t block = block_rows(points_.dims);
  const auto distance = simd::kernels().l2sq_f32;
  const uint32_t dims = static_cast<uint32_t>(points_.dims);
  for (size_t a = 0; a < points_.n; a += block) {
    const size_t a_end = std::min(points_.n, a + block);
    for (size_t b = a; b < points_.n; b += block) {
      stop.check();
      const size_t b_end = std::min(points_.n, b + block);
      for (size_t i = a; i < a_end; ++i) {
        for (size_t j = std::max(b, i + 1); j < b_end; ++j) {
          const float squared = distance(points_.row(i), points_.row(j), dims);
          put(i, static_cast<uint32_t>(j), squared);
          put(j, static_cast<uint32_t>(i), squared);
        }
      }
    }
  }
}

NeighbourTable NeighbourSearch::finish() {
  for (float& d : table_.distances) d = std::sqrt(d);
  return std::move(table_);
}

double NeighbourTable::duplicated() const {
  if (n == 0) return 0;
  const auto with = std::count_if(zeros.begin(), zeros.end(), [](uint32_t z) { return z > 0; });
  return static_cast<double>(with) / static_cast<double>(n);
}

NeighbourTable nearest_of_sample(Rows rows, uint32_t k, const Stop& stop, float zero) {
  NeighbourSearch search(rows, k, zero);
  search.offer_points(stop);
  return search.finish();
}

NeighbourTable nearest_in_base(Rows points, Rows base, const uint32_t* own, uint32_t k, const Stop& stop) {
  NeighbourSearch search(points, k);
  search.offer(base, 0, own, stop);
  return search.finish();
}

double scale_for(float largest) {
  if (largest == 0 || (largest >= 0x1p-20f && largest <= 0x1p20f)) return 1;
  int exponent;
  std::frexp(largest, &exponent);  // largest = f 2^exponent, f in [1/2, 1)
  return std::ldexp(1.0, 1 - exponent);
}

double scale_rows(std::vector<float>& rows) {
  constexpr size_t kPart = size_t{1} << 30;
  float largest = 0;
  for (size_t from = 0; from < rows.size(); from += kPart) {
    float range[2];
    const size_t n = std::min(kPart, rows.size() - from);
    simd::code_kernels().min_max_f32(rows.data() + from, static_cast<uint32_t>(n), range);
    largest = std::max({largest, -range[0], range[1]});
  }
  const double factor = scale_for(largest);
  if (factor == 1) return 1;
  for (float& x : rows) x = static_cast<float>(x * factor);
  return factor;
}

}  // namespace lowdim::core
