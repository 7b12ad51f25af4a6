// See train.h.

#include "core/graph/train.h"

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/cluster/kmeans.h"
#include "core/codec/pca.h"
#include "core/codec/pq.h"
#include "core/graph/scale_sample.h"

namespace lowdim::core {
namespace {

constexpr int kCentroids = 16;
constexpr int kIterations = 12;     // of Lloyd; more gain less than 0.1 % of the distortion
constexpr uint32_t kMostDims = 4;   // of a segment that lay_segments makes
constexpr size_t kMeasured = 4096;  // rows from which the range of e is taken

// What 16 centroids leave of the variance of one, two or four equal Gaussian coordinates; four segments'
// worth of nothing is 1.
constexpr double kLeft1 = 0.0095, kLeft2 = 0.108, kLeft4 = 0.33;

void check(const Rows& sample, const GraphCodeOptions& options) {
  if (sample.n == 0 || sample.dims == 0)
    throw Error(ErrorKind::kData, "a graph code needs rows to be trained on");
  if (options.segments == 0 || options.segments > GraphCode::kMaxSegments || sample.dims > 65535 ||
      options.code_dims > sample.dims) {
    throw Error(ErrorKind::kInvalidParameter,
                "a graph code has 1 to 240 segments and no more dimensions than its rows");
  }
}

// Random directions, `lifted` of them, whose squares add up to the identity.
Matrix lifting(uint32_t lifted, uint32_t dims, uint64_t seed) {
  Random random(seed);
  MatrixD a(lifted, dims);
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    for (Eigen::Index j = 0; j < a.cols(); ++j) a(i, j) = random.normal();
  }
  const Eigen::HouseholderQR<MatrixD> qr(a);
  const MatrixD q = qr.householderQ() * MatrixD::Identity(lifted, dims);
  return q.cast<float>();
}

// The directions that segments are laid over, and the segments. Mostly twice as many directions as segments
// are enough: if with their variance in place of all that come later, up to `most`, none of those is wanted,
// then none is.
Pca principal_directions(Rows sample, uint32_t most, uint32_t segments, std::vector<uint16_t>& begins,
                         const Stop& stop) {
  const auto variances = [](const Pca& pca, uint32_t directions) {
    std::vector<double> out(directions);
    const Eigen::Index found = pca.pairs.values.size();
    for (uint32_t i = 0; i < directions; ++i) {
      out[i] = std::max(pca.pairs.values(std::min<Eigen::Index>(i, found - 1)), 0.0);
    }
    return out;
  };
  const uint32_t first = 2 * segments;
  if (most > first + first / 4) {
    Pca some = train_pca(sample, first, stop);
    begins = lay_segments(variances(some, most), segments);
    if (begins.back() <= first) return some;
  }
  Pca all = train_pca(sample, most, stop);
  begins = lay_segments(variances(all, most), segments);
  return all;
}

Matrix gather(Rows rows, const std::vector<uint32_t>& which) {
  Matrix out(static_cast<Eigen::Index>(which.size()), static_cast<Eigen::Index>(rows.dims));
  for (size_t i = 0; i < which.size(); ++i) {
    std::memcpy(out.data() + i * rows.dims, rows.row(which[i]), rows.dims * sizeof(float));
  }
  return out;
}

// Rows that the code was not made for as well as for others: of all scales, as they are in the table.
std::vector<uint32_t> evenly(size_t n, size_t most) {
  std::vector<uint32_t> out(std::min(n, most));
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<uint32_t>(i * n / out.size());
  return out;
}

// u of centred rows, and what it leaves of their squared lengths.
struct Projected {
  Matrix u;
  Vector left;
};
Projected project(Matrix centred, const Matrix* matrix) {
  Projected out;
  out.left = centred.rowwise().squaredNorm();
  const bool all = matrix == nullptr || matrix->rows() >= matrix->cols();
  out.u = matrix != nullptr ? Matrix(centred * matrix->transpose()) : std::move(centred);
  if (!out.u.allFinite() || !out.left.allFinite())
    throw Error(ErrorKind::kData, "vectors are too large for a graph code");
  if (all) {
    out.left.setZero();
  } else {
    out.left = (out.left - out.u.rowwise().squaredNorm()).cwiseMax(0.0f);
  }
  return out;
}

}  // namespace

std::vector<uint16_t> lay_segments(const std::vector<double>& variances, uint32_t segments) {
  const size_t dims = variances.size();
  std::vector<double> weight(dims + 1, 0);  // prefix sums of v^2
  for (size_t d = 0; d < dims; ++d) weight[d + 1] = weight[d] + variances[d] * variances[d];
  const size_t m = std::min<size_t>(segments, dims);
  size_t best_ones = m, best_twos = 0, best_fours = 0;
  double best = std::numeric_limits<double>::infinity();
  for (size_t ones = 0; ones <= m; ++ones) {
    for (size_t twos = 0; ones + twos <= m; ++twos) {
      const size_t fours = m - ones - twos;
      const size_t d1 = ones, d2 = d1 + 2 * twos, d4 = d2 + kMostDims * fours;
      if (d4 > dims) continue;
      const double cost = kLeft1 * weight[d1] + kLeft2 * (weight[d2] - weight[d1]) +
                          kLeft4 * (weight[d4] - weight[d2]) + (weight[dims] - weight[d4]);
      if (cost < best) {
        best = cost;
        best_ones = ones;
        best_twos = twos;
        best_fours = fours;
      }
    }
  }
  std::vector<uint16_t> begins{0};
  const auto add = [&](size_t count, size_t width) {
    for (size_t i = 0; i < count; ++i) begins.push_back(static_cast<uint16_t>(begins.back() + width));
  };
  add(best_ones, 1);
  add(best_twos, 2);
  add(best_fours, kMostDims);
  return begins;
}

std::vector<uint8_t> train_graph_code(Rows sample, const GraphCodeOptions& options, const Stop& stop) {
  check(sample, options);
  const uint32_t dims = static_cast<uint32_t>(sample.dims);
  const bool projects = options.project && options.metric != GraphMetric::kL1 && dims > 1;
  // By inner product the rows that matter are the long ones.
  Matrix centred = options.metric == GraphMetric::kInner ? Matrix(sample.matrix())
                                                         : gather(sample, sample_by_scale(sample, stop));
  const Rows rows{centred.data(), sample.n, sample.dims};  // not centred yet

  std::vector<float> mean(dims);  // of the table: about it the widest coordinate is least
  const VectorD m = sample.matrix().cast<double>().colwise().mean();
  for (uint32_t d = 0; d < dims; ++d) mean[d] = static_cast<float>(m(static_cast<Eigen::Index>(d)));
  std::vector<uint16_t> begins;
  Matrix matrix;  // code_dims x dims
  const uint32_t coordinates = GraphCode::coordinates(dims, projects);
  if (coordinates > dims && options.segments > dims && options.code_dims == 0) {
    const uint32_t lifted = std::min(options.segments, coordinates);
    matrix = lifting(lifted, dims, options.seed);
    for (uint32_t s = 0; s <= lifted; ++s) begins.push_back(static_cast<uint16_t>(s));
  } else if (projects) {
    const uint32_t spanned = static_cast<uint32_t>(std::min<size_t>(sample.n - 1, dims));
    uint32_t most = options.code_dims != 0 ? options.code_dims : std::min(dims, kMostDims * options.segments);
    most = std::min(most, std::max(spanned, options.segments));  // behind them nothing varies
    const Pca pca = principal_directions(rows, most, options.segments, begins, stop);
    matrix = pca.pairs.vectors.topRows(begins.back()).cast<float>();
  } else {
    for (const size_t b : pq_begins(dims, std::min<size_t>(options.segments, dims))) {
      begins.push_back(static_cast<uint16_t>(b));
    }
  }
  const uint32_t segments = static_cast<uint32_t>(begins.size() - 1), code_dims = begins.back();

  const Eigen::Map<const Eigen::RowVectorXf> centre(mean.data(), static_cast<Eigen::Index>(dims));
  const Matrix* const turned = projects ? &matrix : nullptr;
  centred.rowwise() -= centre;
  const Matrix u = project(std::move(centred), turned).u;
  Matrix some = gather(sample, evenly(sample.n, kMeasured));
  some.rowwise() -= centre;
  Projected measured = project(std::move(some), turned);
  Vector& left = measured.left;
  stop.check();

  std::vector<float> centroids(size_t{code_dims} * kCentroids);
  std::vector<uint32_t> nearest(static_cast<size_t>(left.size()));
  std::vector<float> off(nearest.size());
  for (uint32_t s = 0; s < segments; ++s) {
    const Eigen::Index from = begins[s], width = begins[s + 1] - begins[s];
    const Matrix part = u.middleCols(from, width);
    const KMeans found = kmeans({part.data(), sample.n, static_cast<size_t>(width)}, kCentroids, kIterations,
                                options.seed + s, stop);
    for (Eigen::Index d = 0; d < width; ++d) {
      for (Eigen::Index c = 0; c < kCentroids; ++c) {
        centroids[static_cast<size_t>((from + d) * kCentroids + c)] = found.centroids(c, d);
      }
    }
    const Matrix seen = measured.u.middleCols(from, width);
    assign_nearest({seen.data(), nearest.size(), static_cast<size_t>(width)}, found.centroids, nearest.data(),
                   off.data(), stop);
    left += Eigen::Map<const Vector>(off.data(), left.size());
    stop.check();
  }
  std::sort(left.begin(), left.end());
  const Eigen::Index cut = left.size() / 1000;  // what lies outside is clamped
  const float low = left(cut), high = left(left.size() - 1 - cut);
  const float widest = std::max(u.cwiseAbs().maxCoeff(), measured.u.cwiseAbs().maxCoeff());

  GraphCodeHead head{};
  head.magic = GraphCode::kMagic;
  head.bytes = static_cast<uint32_t>(GraphCode::image_bytes(dims, code_dims, segments, projects));
  head.dims = dims;
  head.code_dims = code_dims;
  head.segments = segments;
  head.metric = static_cast<uint8_t>(options.metric);
  head.projects = projects;
  head.error_low = low;
  head.error_step = (high - low) / 255;
  head.row_scale = widest > 0 ? 127 / widest : 1;
  head.mean_norm = centre.squaredNorm();
  const Vector projected = projects ? Vector(matrix * centre.transpose()) : Vector(centre.transpose());

  std::vector<uint8_t> image(head.bytes);
  uint8_t* at = image.data();
  const auto put = [&](const void* bytes, size_t n) {
    std::memcpy(at, bytes, n);
    at += n;
  };
  put(&head, sizeof head);
  put(mean.data(), dims * sizeof(float));
  put(projected.data(), code_dims * sizeof(float));
  if (projects) put(matrix.data(), size_t{code_dims} * dims * sizeof(float));
  put(centroids.data(), centroids.size() * sizeof(float));
  put(begins.data(), begins.size() * sizeof(uint16_t));
  GraphCode made;
  if (!GraphCode::open(image.data(), image.size(), &made)) {
    throw Error(ErrorKind::kData, "vectors are out of the range of a graph code");
  }
  return image;
}

}  // namespace lowdim::core
