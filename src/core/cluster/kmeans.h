// k-means under squared Euclidean distance: k-means++ seeding (Arthur and Vassilvitskii 2007) on a sample,
// Lloyd's iterations by matrix products, and a far row for every cluster that runs empty. Used by product
// quantization (many small problems) and by partition indexes (one large one).
//
// Invariants: the inertia never rises from one iteration to the next (rounding aside); the same rows, k and
// seed give the same bits on every machine of a platform. Distances are taken about the centroids' mean, so
// rows far from the origin lose nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/stop.h"
#include "core/codec/matrix.h"

namespace lowdim::core {

struct KMeans {
  Matrix centroids;               // k x dims
  std::vector<uint32_t> nearest;  // of every row, its centroid
  std::vector<double> inertia;    // sum of squared distances: at the start, then after each iteration

  double final_inertia() const { return inertia.back(); }
};

// At most `iterations` of Lloyd; fewer once one gains less than 1e-4 of the inertia. With fewer distinct rows
// than k some centroids are equal. Throws Error(kData) without rows or if squares overflow,
// Error(kInvalidParameter) for k < 1. Memory: 8 bytes a row, 8 k dims for sums, and the seeding sample.
KMeans kmeans(Rows rows, size_t k, int iterations, uint64_t seed, const Stop& stop);

// Lloyd from given centroids.
KMeans lloyd(Rows rows, Matrix centroids, int iterations, const Stop& stop);

// nearest[i] = the centroid that is nearest to row i, the first of equals. Returns the sum of the squared
// distances; `distance2`, if not null, takes each.
double assign_nearest(Rows rows, const Matrix& centroids, uint32_t* nearest, float* distance2,
                      const Stop& stop);

}  // namespace lowdim::core
