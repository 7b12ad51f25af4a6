// The kernel of MaxSim: the largest inner product of each query vector with any document vector. Included by
// kernels_impl.h, within its laws.
//
// kTileDocuments document vectors meet Reg::kTileQueries query vectors at once, each pair with a register of
// its own, so that a loaded register serves several products; alone, a product needs two loads for each of
// its steps. A pair's sum is added up the same way in every tile, the smaller ones at the edges included:
// where a vector lies among the others changes no bit, and of equal document vectors the first one wins.
#pragma once

#include "core/simd/tables.h"

namespace lowdim::simd {
namespace {

constexpr size_t kTileDocuments = 4;

template <size_t kDocuments, size_t kQueries>
inline void tile_dots(const float* d, const float* q, size_t n, float dots[kQueries][kTileDocuments]) {
  constexpr size_t k = Reg::kLanes;
  Reg::F sums[kQueries][kDocuments];
  for (size_t b = 0; b < kQueries; ++b)
    for (size_t a = 0; a < kDocuments; ++a) sums[b][a] = Reg::F(0.0f);
  const auto step = [&](auto load) {
    Reg::F y[kQueries];
    for (size_t b = 0; b < kQueries; ++b) y[b] = load(q + b * n);
    for (size_t a = 0; a < kDocuments; ++a) {
      const Reg::F x = load(d + a * n);
      for (size_t b = 0; b < kQueries; ++b) sums[b][a] = xsimd::fma(x, y[b], sums[b][a]);
    }
  };
  size_t i = 0;
  for (; i + k <= n; i += k) step([i](const float* p) { return Reg::load(p + i); });
  if (i < n) step([i, n](const float* p) { return Reg::load_rest(p, i, n); });
  for (size_t b = 0; b < kQueries; ++b) {
    if constexpr (kDocuments == 4) {
      Reg::sum_four(sums[b], dots[b]);
    } else {
      for (size_t a = 0; a < kDocuments; ++a) {
        const Reg::F four[4] = {sums[b][a], Reg::F(0.0f), Reg::F(0.0f), Reg::F(0.0f)};
        float out[4];
        Reg::sum_four(four, out);
        dots[b][a] = out[0];
      }
    }
  }
}

template <size_t kDocuments, size_t kQueries, bool kWhich>
inline void meet(const float* d, const float* q, size_t n, uint32_t place, float* best, uint32_t* which) {
  float dots[kQueries][kTileDocuments];
  tile_dots<kDocuments, kQueries>(d, q, n, dots);
  for (size_t b = 0; b < kQueries; ++b)
    for (size_t a = 0; a < kDocuments; ++a) {
      const bool better = dots[b][a] > best[b];
      best[b] = better ? dots[b][a] : best[b];
      if constexpr (kWhich) which[b] = better ? place + static_cast<uint32_t>(a) : which[b];
    }
}

template <size_t kQueries, bool kWhich>
inline void meet_all(const float* d, size_t n_documents, const float* q, size_t n, uint32_t place,
                     float* best, uint32_t* which) {
  size_t i = 0;
  for (; i + kTileDocuments <= n_documents; i += kTileDocuments)
    meet<kTileDocuments, kQueries, kWhich>(d + i * n, q, n, place + static_cast<uint32_t>(i), best, which);
  for (; i < n_documents; ++i)
    meet<1, kQueries, kWhich>(d + i * n, q, n, place + static_cast<uint32_t>(i), best, which);
}

template <bool kWhich>
void max_dots_of(const float* documents, size_t n_documents, const float* queries, size_t n_queries, size_t n,
                 uint32_t place, float* best, uint32_t* which) {
  constexpr size_t kTile = Reg::kTileQueries;
  size_t j = 0;
  for (; j + kTile <= n_queries; j += kTile)
    meet_all<kTile, kWhich>(documents, n_documents, queries + j * n, n, place, best + j,
                            kWhich ? which + j : nullptr);
  for (; j < n_queries; ++j)
    meet_all<1, kWhich>(documents, n_documents, queries + j * n, n, place, best + j,
                        kWhich ? which + j : nullptr);
}

void max_dots_f32(const float* documents, size_t n_documents, const float* queries, size_t n_queries,
                  uint32_t n, uint32_t place, float* best, uint32_t* which) {
  if (which == nullptr) {
    max_dots_of<false>(documents, n_documents, queries, n_queries, n, place, best, nullptr);
  } else {
    max_dots_of<true>(documents, n_documents, queries, n_queries, n, place, best, which);
  }
}

}  // namespace
}  // namespace lowdim::simd
