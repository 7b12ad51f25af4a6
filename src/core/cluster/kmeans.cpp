// See kmeans.h.

#include "core/cluster/kmeans.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/base/random.h"
#include "core/cluster/nearest.h"
#include "core/codec/product.h"

namespace lowdim::core {
namespace {

using Index = Eigen::Index;

constexpr size_t kBlockRows = 192;
constexpr Index kBlockCentroids = 1024;  // scores of a block: at most 768 KiB
// Up to these, distances are taken one by one: four times as fast as by products of so small matrices.
constexpr Index kFewDims = 4;
constexpr Index kFewCentroids = 16;
constexpr double kLeastGain = 1e-4;
// k-means++ on fewer than 2 k rows gains nothing; where even that many take more multiplications than this,
// seeds are a uniform sample.
constexpr double kMostSeedingWork = 2e10;
constexpr double kUsualSeedingWork = 4e9;

// Rows for the seeds: `n` different ones in random order (the first n of a Fisher-Yates shuffle).
std::vector<uint32_t> draw(size_t rows, size_t n, Random& random) {
  std::vector<uint32_t> order(rows);
  std::iota(order.begin(), order.end(), 0u);
  for (size_t i = 0; i < n; ++i) std::swap(order[i], order[i + random.below(rows - i)]);
  order.resize(n);
  return order;
}

// The index whose share of the running sum the draw falls into; zero weights are never chosen.
size_t draw_weighted(const std::vector<float>& weights, double total, Random& random) {
  const double mark = random.uniform() * total;
  double sum = 0;
  size_t last = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    sum += static_cast<double>(weights[i]);
    last = i;
    if (sum > mark) break;
  }
  return last;
}

// k-means++: each seed is drawn with a probability proportional to its squared distance to the seeds so far.
// The sample is transposed, so that one pass works on consecutive rows whatever the number of dimensions.
Matrix seed_plus_plus(Rows rows, const std::vector<uint32_t>& sample, size_t k, Random& random,
                      const Stop& stop) {
  const Index n = static_cast<Index>(sample.size()), dims = static_cast<Index>(rows.dims);
  Matrix columns(dims, n);
  for (Index j = 0; j < n; ++j) {
    if (j % 256 == 0) stop.check();
    const float* row = rows.row(sample[static_cast<size_t>(j)]);
    for (Index d = 0; d < dims; ++d) columns(d, j) = row[d];
  }
  Matrix seeds(static_cast<Index>(k), dims);
  std::vector<float> nearest(sample.size(), std::numeric_limits<float>::max());
  constexpr Index kStretch = 1024;
  float distance[kStretch];
  size_t chosen = 0;  // the sample is in random order
  for (size_t c = 0; c < k; ++c) {
    seeds.row(static_cast<Index>(c)) = columns.col(static_cast<Index>(chosen)).transpose();
    if (c + 1 == k) break;
    double total = 0;
    for (Index at = 0; at < n; at += kStretch) {
      stop.check();
      const Index width = std::min(kStretch, n - at);
      Eigen::Map<Eigen::ArrayXf> sum(distance, width);
      sum.setZero();
      for (Index d = 0; d < dims; ++d) {
        sum += (columns.row(d).segment(at, width).transpose().array() - seeds(static_cast<Index>(c), d))
                   .square();
      }
      for (Index j = 0; j < width; ++j) {
        float& known = nearest[static_cast<size_t>(at + j)];
        known = std::min(known, distance[j]);
        total += static_cast<double>(known);
      }
    }
    chosen = total > 0 ? draw_weighted(nearest, total, random) : random.below(sample.size());
  }
  return seeds;
}

Matrix seed_centroids(Rows rows, size_t k, uint64_t seed, const Stop& stop) {
  Random random(seed);
  const double per_row = static_cast<double>(k) * static_cast<double>(rows.dims);
  const double usual = std::min(8.0 * static_cast<double>(k), kUsualSeedingWork / per_row);
  const size_t wanted = std::max(2 * k, static_cast<size_t>(usual));
  if (static_cast<double>(std::min(wanted, rows.n)) * per_row <= kMostSeedingWork || rows.n <= k) {
    return seed_plus_plus(rows, draw(rows.n, std::min(wanted, rows.n), random), k, random, stop);
  }
  Matrix seeds(static_cast<Index>(k), static_cast<Index>(rows.dims));
  const std::vector<uint32_t> order = draw(rows.n, k, random);
  for (size_t c = 0; c < k; ++c) {
    seeds.row(static_cast<Index>(c)) = rows.matrix().row(static_cast<Index>(order[c]));
  }
  return seeds;
}

// Gives every empty cluster the farthest row whose own cluster can spare it. That row's distance becomes 0
// and no other one grows, so the inertia does not rise.
void repair_empty(std::vector<uint32_t>& nearest, std::vector<float>& distance2,
                  std::vector<uint32_t>& counts) {
  size_t empty = static_cast<size_t>(std::count(counts.begin(), counts.end(), 0u));
  if (empty == 0) return;
  std::vector<uint32_t> far(nearest.size());
  std::iota(far.begin(), far.end(), 0u);
  std::sort(far.begin(), far.end(), [&](uint32_t a, uint32_t b) {
    return distance2[a] != distance2[b] ? distance2[a] > distance2[b] : a < b;
  });
  size_t next = 0;
  for (size_t c = 0; c < counts.size(); ++c) {
    if (counts[c] > 0) continue;
    while (next < far.size() && counts[nearest[far[next]]] < 2) ++next;
    if (next == far.size() || !(distance2[far[next]] > 0)) return;  // no row would gain
    const uint32_t row = far[next++];
    --counts[nearest[row]];
    nearest[row] = static_cast<uint32_t>(c);
    distance2[row] = 0;
    counts[c] = 1;
  }
}

// Means of the rows of each cluster; a cluster that is still empty stays where it is.
void move_centroids(Rows rows, KMeans& state, std::vector<float>& distance2, const Stop& stop) {
  const Index k = state.centroids.rows(), dims = state.centroids.cols();
  std::vector<uint32_t> counts(static_cast<size_t>(k), 0);
  for (const uint32_t c : state.nearest) ++counts[c];
  repair_empty(state.nearest, distance2, counts);
  MatrixD sums = MatrixD::Zero(k, dims);
  const size_t polled = 1 + (size_t{1} << 20) / rows.dims;
  for (size_t i = 0; i < rows.n; ++i) {
    if (i % polled == 0) stop.check();
    const float* row = rows.row(i);
    double* sum = sums.data() + static_cast<Index>(state.nearest[i]) * dims;
    for (Index d = 0; d < dims; ++d) sum[d] += static_cast<double>(row[d]);
  }
  for (Index c = 0; c < k; ++c) {
    const double n = counts[static_cast<size_t>(c)];
    if (n > 0) state.centroids.row(c) = (sums.row(c) / n).cast<float>();
  }
}

// assign_nearest for few dimensions and centroids.
double assign_to_few(Rows rows, const Matrix& centroids, uint32_t* nearest, float* distance2,
                     const Stop& stop) {
  const Index dims = centroids.cols();
  const Eigen::RowVectorXf centre = (centroids.cast<double>().colwise().mean()).cast<float>();
  const Matrix about = centroids.rowwise() - centre;
  static_assert(kBlockRows % 8 == 0);
  float columns[kFewDims * kBlockRows] = {}, distances[kBlockRows];
  uint32_t found[kBlockRows];
  double inertia = 0;
  for (size_t at = 0; at < rows.n; at += kBlockRows) {
    if (at % (64 * kBlockRows) == 0) stop.check();
    const size_t n = std::min(kBlockRows, rows.n - at);
    for (size_t i = 0; i < n; ++i) {
      const float* row = rows.row(at + i);
      for (Index d = 0; d < dims; ++d) columns[static_cast<size_t>(d) * kBlockRows + i] = row[d] - centre(d);
    }
    nearest_of_few(columns, kBlockRows, n, rows.dims, about.data(), static_cast<size_t>(about.rows()), found,
                   distances);
    std::copy_n(found, n, nearest + at);
    if (distance2 != nullptr) std::copy_n(distances, n, distance2 + at);
    for (size_t i = 0; i < n; ++i) inertia += static_cast<double>(distances[i]);
  }
  return inertia;
}

double assign_to_many(Rows rows, const Matrix& centroids, uint32_t* nearest, float* distance2,
                      const Stop& stop) {
  const Index k = centroids.rows(), dims = centroids.cols();
  const Eigen::RowVectorXf centre = (centroids.cast<double>().colwise().mean()).cast<float>();
  const Matrix about = centroids.rowwise() - centre;
  const Matrix columns = about.transpose();
  Eigen::RowVectorXf half(k);  // |c|^2 / 2
  for (Index c = 0; c < k; ++c) {
    half(c) = static_cast<float>(about.row(c).cast<double>().squaredNorm() / 2);
  }
  Matrix block(static_cast<Index>(kBlockRows), dims);
  Matrix scores(static_cast<Index>(kBlockRows), std::min(k, kBlockCentroids));
  std::vector<float> best(kBlockRows);
  double inertia = 0;
  for (size_t at = 0; at < rows.n; at += kBlockRows) {
    const Index n = static_cast<Index>(std::min(kBlockRows, rows.n - at));
    for (Index i = 0; i < n; ++i) {
      block.row(i) = rows.matrix().row(static_cast<Index>(at) + i) - centre;
    }
    for (Index first = 0; first < k; first += kBlockCentroids) {
      const Index width = std::min(kBlockCentroids, k - first);
      scores.resize(static_cast<Index>(kBlockRows), width);
      multiply_in_slices(block.topRows(n), columns.middleCols(first, width), scores.topRows(n), stop);
      for (Index i = 0; i < n; ++i) {
        const float* row = scores.data() + i * width;
        const float* norms = half.data() + first;
        const uint32_t c = first_least_difference(norms, row, static_cast<size_t>(width));
        float& least = best[static_cast<size_t>(i)];
        const float score = norms[c] - row[c];
        if (first == 0 || score < least) {
          least = score;
          nearest[at + static_cast<size_t>(i)] = static_cast<uint32_t>(first) + c;
        }
      }
    }
    // Not from the score, which has lost digits where rows lie close to their centroids.
    for (Index i = 0; i < n; ++i) {
      const size_t r = at + static_cast<size_t>(i);
      const float* x = block.data() + i * dims;
      const float* c = about.data() + static_cast<Index>(nearest[r]) * dims;
      double sum = 0;
      for (Index d = 0; d < dims; ++d) {
        const double difference = static_cast<double>(x[d]) - static_cast<double>(c[d]);
        sum += difference * difference;
      }
      if (distance2 != nullptr) distance2[r] = static_cast<float>(sum);
      inertia += sum;
    }
  }
  return inertia;
}

}  // namespace

double assign_nearest(Rows rows, const Matrix& centroids, uint32_t* nearest, float* distance2,
                      const Stop& stop) {
  const bool few = centroids.cols() <= kFewDims && centroids.rows() <= kFewCentroids;
  const double inertia = few ? assign_to_few(rows, centroids, nearest, distance2, stop)
                             : assign_to_many(rows, centroids, nearest, distance2, stop);
  if (!std::isfinite(inertia)) {
    throw Error(ErrorKind::kData, "vectors are too large to cluster: their squares overflow");
  }
  return inertia;
}

KMeans lloyd(Rows rows, Matrix centroids, int iterations, const Stop& stop) {
  if (rows.n < 1) throw Error(ErrorKind::kData, "no vectors to cluster");
  KMeans state;
  state.centroids = std::move(centroids);
  state.nearest.resize(rows.n);
  std::vector<float> distance2(rows.n);
  state.inertia.push_back(
      assign_nearest(rows, state.centroids, state.nearest.data(), distance2.data(), stop));
  for (int i = 0; i < iterations; ++i) {
    const double before = state.inertia.back();
    if (before == 0) break;
    move_centroids(rows, state, distance2, stop);
    state.inertia.push_back(
        assign_nearest(rows, state.centroids, state.nearest.data(), distance2.data(), stop));
    if (before - state.inertia.back() < kLeastGain * before) break;
  }
  return state;
}

KMeans kmeans(Rows rows, size_t k, int iterations, uint64_t seed, const Stop& stop) {
  if (k < 1) throw Error(ErrorKind::kInvalidParameter, "k-means needs at least one cluster");
  if (rows.n < 1) throw Error(ErrorKind::kData, "no vectors to cluster");
  return lloyd(rows, seed_centroids(rows, k, seed, stop), iterations, stop);
}

}  // namespace lowdim::core
