// The kernel of MaxSim: the largest inner product of each query vector with any document vector. Included by
// kernels_impl.h, within its laws.
//
// Reg::kTileDocuments document vectors meet kTileQueries query vectors at once, each pair with a register of
// its own, so that a loaded register serves several products; alone, a product needs two loads for each of
// its steps. A tile's registers are then added up together, four query vectors to a quarter: what comes out
// are registers of finished products, a document a quarter, and their maxima are kept lane by lane until the
// last document. So little is left beside the multiply-adds that they are what takes the time (bench/core:
// maxsim).
//
// A pair's sum is added up the same way in every tile, the smaller ones at the edges included: where a vector
// lies among the others changes no bit. Of equal document vectors the first one wins.
#pragma once

#include "core/simd/tables.h"

namespace lowdim::simd {
namespace {

constexpr size_t kTileQueries = 4;
constexpr size_t kQuarters = Reg::kLanes / kTileQueries;

constexpr size_t registers_for(size_t documents) { return (documents + kQuarters - 1) / kQuarters; }

// The products of a tile: lane 4 a + b of dots[g] is of document g * kQuarters + a and query b. Lanes of
// documents that are not there repeat others of their register, lanes of queries that are not there are 0.
template <size_t kDocuments, size_t kQueries>
inline void tile_dots(const float* d, const float* q, size_t n, Reg::F dots[registers_for(kDocuments)]) {
  constexpr size_t k = Reg::kLanes;
  Reg::F sums[kDocuments][kQueries];
  for (size_t a = 0; a < kDocuments; ++a)
    for (size_t b = 0; b < kQueries; ++b) sums[a][b] = Reg::F(0.0f);
  // Of the fewer vectors all registers are held, of the others one at a time.
  const auto step = [&](auto load) {
    if constexpr (kDocuments < kQueries) {
      Reg::F x[kDocuments];
      for (size_t a = 0; a < kDocuments; ++a) x[a] = load(d + a * n);
      for (size_t b = 0; b < kQueries; ++b) {
        const Reg::F y = load(q + b * n);
        for (size_t a = 0; a < kDocuments; ++a) sums[a][b] = xsimd::fma(x[a], y, sums[a][b]);
      }
    } else {
      Reg::F y[kQueries];
      for (size_t b = 0; b < kQueries; ++b) y[b] = load(q + b * n);
      for (size_t a = 0; a < kDocuments; ++a) {
        const Reg::F x = load(d + a * n);
        for (size_t b = 0; b < kQueries; ++b) sums[a][b] = xsimd::fma(x, y[b], sums[a][b]);
      }
    }
  };
  size_t i = 0;
  for (; i + k <= n; i += k) step([i](const float* p) { return Reg::load(p + i); });
  if (i < n) step([i, n](const float* p) { return Reg::load_rest(p, i, n); });
  Reg::F parts[kDocuments];
  for (size_t a = 0; a < kDocuments; ++a) {
    if constexpr (kQueries == 4) {
      parts[a] = Reg::add_four(sums[a][0], sums[a][1], sums[a][2], sums[a][3]);
    } else {
      const Reg::F zero(0.0f);
      parts[a] = Reg::add_four(sums[a][0], zero, zero, zero);
    }
  }
  for (size_t g = 0; g < registers_for(kDocuments); ++g) {
    Reg::F quarters[kQuarters];
    for (size_t a = 0; a < kQuarters; ++a) {
      const size_t document = g * kQuarters + a;
      quarters[a] = parts[document < kDocuments ? document : g * kQuarters];
    }
    dots[g] = Reg::add_quarters(quarters);
  }
}

// The same, out of the way of what its caller keeps in registers: where there are few of them the compiler
// would rather have a sum in memory, and each of its steps would wait for that.
template <size_t kDocuments, size_t kQueries>
[[gnu::noinline]] void tile_dots_apart(const float* d, const float* q, size_t n,
                                       Reg::F dots[registers_for(kDocuments)]) {
  tile_dots<kDocuments, kQueries>(d, q, n, dots);
}

// All documents that whole tiles of kDocuments take, from `from` on, which is moved behind them.
template <size_t kDocuments, size_t kQueries, bool kWhich>
inline void meet_tiles(const float* d, size_t n_documents, const float* q, size_t n, uint32_t place,
                       size_t& from, float* best, uint32_t* which) {
  constexpr size_t kGroups = registers_for(kDocuments);
  if (from + kDocuments > n_documents) return;
  Reg::F most[kGroups];
  Reg::F at[kGroups];  // the first document of the tile, as a float: of one call, far below 2^24
  for (size_t g = 0; g < kGroups; ++g) {
    most[g] = Reg::F(-__builtin_inff());
    at[g] = Reg::F(0.0f);
  }
  for (; from + kDocuments <= n_documents; from += kDocuments) {
    Reg::F dots[kGroups];
    if constexpr (Reg::kLanes == kTileQueries) {
      tile_dots_apart<kDocuments, kQueries>(d + from * n, q, n, dots);
    } else {
      tile_dots<kDocuments, kQueries>(d + from * n, q, n, dots);
    }
    for (size_t g = 0; g < kGroups; ++g) {
      const auto better = dots[g] > most[g];  // never for NaN
      most[g] = xsimd::select(better, dots[g], most[g]);
      if constexpr (kWhich) at[g] = xsimd::select(better, Reg::F(static_cast<float>(from)), at[g]);
    }
  }
  if constexpr (!kWhich) {
    for (size_t g = 1; g < kGroups; ++g) most[0] = xsimd::select(most[g] > most[0], most[g], most[0]);
    float lanes[Reg::kLanes];
    most[0].store_unaligned(lanes);
    for (size_t a = 0; a < kQuarters; ++a)
      for (size_t b = 0; b < kQueries; ++b) {
        const float dot = lanes[a * kTileQueries + b];
        best[b] = dot > best[b] ? dot : best[b];
      }
  } else {
    // Lanes found theirs at different documents: of equals the one in front is taken, and nothing that equals
    // what was there before.
    for (size_t b = 0; b < kQueries; ++b) {
      float top = best[b];
      uint32_t document = 0;
      bool found = false;
      for (size_t g = 0; g < kGroups; ++g) {
        float lanes[Reg::kLanes];
        float tiles[Reg::kLanes];
        most[g].store_unaligned(lanes);
        at[g].store_unaligned(tiles);
        for (size_t a = 0; a < kQuarters; ++a) {
          const float dot = lanes[a * kTileQueries + b];
          const uint32_t its =
              static_cast<uint32_t>(tiles[a * kTileQueries + b]) + static_cast<uint32_t>(g * kQuarters + a);
          if (dot > top || (found && dot == top && its < document)) {
            top = dot;
            document = its;
            found = true;
          }
        }
      }
      if (found) {
        best[b] = top;
        which[b] = place + document;
      }
    }
  }
}

template <size_t kQueries, bool kWhich>
inline void meet_all(const float* d, size_t n_documents, const float* q, size_t n, uint32_t place,
                     float* best, uint32_t* which) {
  size_t i = 0;
  meet_tiles<Reg::kTileDocuments, kQueries, kWhich>(d, n_documents, q, n, place, i, best, which);
  if constexpr (Reg::kTileDocuments > 2) {
    meet_tiles<2, kQueries, kWhich>(d, n_documents, q, n, place, i, best, which);
  }
  meet_tiles<1, kQueries, kWhich>(d, n_documents, q, n, place, i, best, which);
}

template <bool kWhich>
void max_dots_of(const float* documents, size_t n_documents, const float* queries, size_t n_queries, size_t n,
                 uint32_t place, float* best, uint32_t* which) {
  size_t j = 0;
  for (; j + kTileQueries <= n_queries; j += kTileQueries)
    meet_all<kTileQueries, kWhich>(documents, n_documents, queries + j * n, n, place, best + j,
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
