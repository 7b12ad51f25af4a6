// The index of the least of base[i] - scores[i]: the inner step of k-means and of encoding by nearest
// centroid. The first one wins a tie, and a NaN never wins, so the answer is a valid index whatever the
// scores are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lowdim::core {

inline uint32_t first_least_difference(const float* base, const float* scores, size_t n) {
  typedef float F4 __attribute__((vector_size(16)));
  typedef int32_t I4 __attribute__((vector_size(16)));
  const auto load = [&](size_t i) {
    F4 a, b;
    std::memcpy(&a, base + i, sizeof a);
    std::memcpy(&b, scores + i, sizeof b);
    return a - b;
  };
  if (n < 8) {
    uint32_t least = 0;
    for (size_t i = 1; i < n; ++i) {
      if (base[i] - scores[i] < base[least] - scores[least]) least = static_cast<uint32_t>(i);
    }
    return least;
  }
  F4 best = load(0), best2 = load(4);
  I4 at = {0, 1, 2, 3}, at2 = {4, 5, 6, 7};
  I4 here = at, here2 = at2;
  const I4 eight = {8, 8, 8, 8};
  size_t i = 8;
  for (; i + 8 <= n; i += 8) {
    here += eight;
    here2 += eight;
    const F4 v = load(i), v2 = load(i + 4);
    const I4 less = v < best, less2 = v2 < best2;
    best = less ? v : best;
    at = less ? here : at;
    best2 = less2 ? v2 : best2;
    at2 = less2 ? here2 : at2;
  }
  uint32_t least = static_cast<uint32_t>(at[0]);
  float value = best[0];
  const auto offer = [&](float v, int32_t index) {
    const uint32_t k = static_cast<uint32_t>(index);
    if (v < value || (v == value && k < least)) {
      value = v;
      least = k;
    }
  };
  for (int l = 1; l < 4; ++l) offer(best[l], at[l]);
  for (int l = 0; l < 4; ++l) offer(best2[l], at2[l]);
  for (; i < n; ++i) offer(base[i] - scores[i], static_cast<int32_t>(i));
  return least;
}

// Of each of n rows, the nearest of k centroids by squared distance, the first of equals, and that distance.
// x: dims runs of `stride` coordinates; centroids: k x dims. Reads and writes n rounded up to 8 of each. For
// few dimensions and centroids, where a matrix product has nothing to work on.
inline void nearest_of_few(const float* x, size_t stride, size_t n, size_t dims, const float* centroids,
                           size_t k, uint32_t* nearest, float* distance2) {
  typedef float F4 __attribute__((vector_size(16)));
  typedef int32_t I4 __attribute__((vector_size(16)));
  constexpr size_t kLanes = 4;
  for (size_t i = 0; i < n; i += 2 * kLanes) {
    F4 best[2] = {};
    I4 at[2] = {};
    for (size_t c = 0; c < k; ++c) {
      F4 sum[2] = {};
      for (size_t d = 0; d < dims; ++d) {
        const float centre = centroids[c * dims + d];
        for (size_t h = 0; h < 2; ++h) {
          F4 v;
          std::memcpy(&v, x + d * stride + i + h * kLanes, sizeof v);
          v -= centre;
          sum[h] += v * v;
        }
      }
      const int32_t id = static_cast<int32_t>(c);
      for (size_t h = 0; h < 2; ++h) {
        const I4 less = c == 0 ? I4{-1, -1, -1, -1} : sum[h] < best[h];
        best[h] = less ? sum[h] : best[h];
        at[h] = less ? I4{id, id, id, id} : at[h];
      }
    }
    for (size_t h = 0; h < 2; ++h) {
      std::memcpy(nearest + i + h * kLanes, &at[h], sizeof at[h]);
      std::memcpy(distance2 + i + h * kLanes, &best[h], sizeof best[h]);
    }
  }
}

}  // namespace lowdim::core
