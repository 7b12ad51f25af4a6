// See opq.h.

#include "core/codec/opq.h"

#include <algorithm>
#include <cmath>

#include "core/base/random.h"
#include "core/codec/pca.h"
#include "core/codec/product.h"

namespace lowdim::core {
namespace {

using Index = Eigen::Index;

constexpr size_t kMostRows = 10000;
constexpr int kStartIterations = 4;  // of Lloyd, to compare two rotations
constexpr int kStepIterations = 2;   // of Lloyd, in a step
constexpr int kLeastSteps = 3;
constexpr double kWork = 1e11;       // multiplications of all steps
constexpr double kLeastGain = 1e-3;  // of the distortion, in a step
constexpr double kRidge = 3e-4;      // over the largest singular value
constexpr int kPolarSteps = 40;

// x^T x, the lower triangle's tiles only.
void gram(const Matrix& x, Matrix& g, const Stop& stop) {
  constexpr Index kTile = 192;
  const Index n = x.cols();
  for (Index j = 0; j < n; j += kTile) {
    const Index width = std::min(kTile, n - j);
    multiply_in_slices(x.rightCols(n - j).transpose(), x.middleCols(j, width), g.block(j, j, n - j, width),
                       stop);
  }
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < i; ++j) g(j, i) = g(i, j);
  }
}

// The largest singular value, from below, by power iterations.
double largest_singular(const Matrix& m, const Stop& stop) {
  Random random(1);
  Vector v(m.cols());
  for (float& x : v) x = static_cast<float>(random.normal());
  double sigma = 0;
  for (int i = 0; i < 30; ++i) {
    stop.check();
    const double norm = v.cast<double>().norm();
    if (!(norm > 0)) return 0;
    v *= static_cast<float>(1 / norm);
    const Vector image = m * v;
    sigma = image.cast<double>().norm();
    v.noalias() = m.transpose() * image;
  }
  return sigma;
}

Matrix evenly_spaced(Rows rows, size_t n) {
  Matrix sample(static_cast<Index>(n), static_cast<Index>(rows.dims));
  for (size_t i = 0; i < n; ++i) {
    sample.row(static_cast<Index>(i)) = rows.matrix().row(static_cast<Index>(i * rows.n / n));
  }
  return sample;
}

Rows rows_of(const Matrix& m) {
  return {m.data(), static_cast<size_t>(m.rows()), static_cast<size_t>(m.cols())};
}

Matrix principal_rotation(Rows rows, const std::vector<size_t>& begins, const Stop& stop) {
  const Pca pca = train_pca(rows, rows.dims, stop);
  const std::vector<size_t> order = allocate_directions(pca.pairs.values, begins);
  Matrix rotation(static_cast<Index>(rows.dims), static_cast<Index>(rows.dims));
  for (size_t j = 0; j < order.size(); ++j) {
    rotation.col(static_cast<Index>(j)) =
        pca.pairs.vectors.row(static_cast<Index>(order[j])).transpose().cast<float>();
  }
  return rotation;
}

// A rotation, and the PQ that goes with it.
struct State {
  Matrix rotation;
  std::vector<Matrix> centroids;
  double distortion = 0;
};

State turned(const State& state, const Matrix& factor, const Stop& stop) {
  State next{Matrix(state.rotation.rows(), state.rotation.cols()), state.centroids, 0};
  multiply_in_slices(state.rotation, factor, next.rotation, stop);
  return next;
}

class Alternation {
 public:
  Alternation(Matrix rows, const PqOptions& options, const Stop& stop)
      : rows_(std::move(rows)),
        options_(options),
        stop_(stop),
        rotated_(rows_.rows(), rows_.cols()),
        decoded_(rows_.rows(), rows_.cols()) {}

  // Improves the centroids of the state's rotation; trains them if it has none.
  void train(State& state, int iterations) {
    multiply_in_slices(rows_, state.rotation, rotated_, stop_);
    PqOptions options = options_;
    options.iterations = iterations;
    state.centroids = train_subspaces(rows_of(rotated_), options, std::move(state.centroids),
                                      state.distortion, &decoded_, stop_);
  }

  // The rotation that takes the rotated rows of the state that was trained last nearest to what they were
  // encoded to; empty if there is none.
  Matrix turn() {
    Matrix m(rows_.cols(), rows_.cols());
    multiply_in_slices(rotated_.transpose(), decoded_, m, stop_);
    const double sigma = largest_singular(m, stop_);
    if (!(sigma > 0)) return {};
    m.diagonal().array() += static_cast<float>(kRidge * sigma);
    return polar_factor(m, kRidge, stop_);
  }

  int steps() const {
    const double n = static_cast<double>(rows_.rows()), dims = static_cast<double>(rows_.cols());
    const double one = 2 * n * dims * dims + 20 * dims * dims * dims +
                       2 * n * dims * static_cast<double>(1 << options_.bits);
    return std::clamp(static_cast<int>(std::min(kWork / one, 1e4)), kLeastSteps, 10000);
  }

 private:
  Matrix rows_;
  PqOptions options_;
  const Stop& stop_;
  Matrix rotated_, decoded_;
};

}  // namespace

Matrix polar_factor(const Matrix& m, double least, const Stop& stop) {
  const Index n = m.rows();
  const double sigma = largest_singular(m, stop);
  if (!(sigma > 0) || !std::isfinite(sigma)) return {};
  Matrix x = static_cast<float>(1 / (1.1 * sigma)) * m;
  Matrix g(n, n), next(n, n);
  double low = least / 1.2;  // of x's singular values; all are at most 1
  for (int step = 0; step < kPolarSteps; ++step) {
    gram(x, g, stop);
    const double off = static_cast<double>((g - Matrix::Identity(n, n)).cwiseAbs().maxCoeff());
    if (!std::isfinite(off)) return {};
    // The cubic that takes [low, 1] to the shortest interval with its upper end at 1.
    const double rho = std::sqrt(3 / (1 + low + low * low));
    g *= static_cast<float>(-0.5 * rho * rho * rho);
    g.diagonal().array() += static_cast<float>(1.5 * rho);
    multiply_in_slices(x, g, next, stop);
    x.swap(next);
    low = std::min(1.0, 0.5 * rho * low * (3 - rho * rho * low * low));
    if (off < 1e-3 && low > 0.999) return x;  // errors were squared by the last step
  }
  return {};
}

std::vector<size_t> allocate_directions(const VectorD& variances, const std::vector<size_t>& begins) {
  const size_t m = begins.size() - 1;
  // Relative to the least that counts, so that logarithms are positive and a product grows with each factor.
  const double floor = std::max(variances(0) * 1e-9, 1e-300);
  std::vector<double> product(m, 0.0);
  std::vector<size_t> filled(begins.begin(), begins.end() - 1);
  std::vector<size_t> order(begins.back());
  for (size_t i = 0; i < order.size(); ++i) {
    size_t least = m;
    for (size_t s = 0; s < m; ++s) {
      if (filled[s] < begins[s + 1] && (least == m || product[s] < product[least])) least = s;
    }
    product[least] += std::log(std::max(variances(static_cast<Index>(i)), floor) / floor);
    order[filled[least]++] = i;
  }
  return order;
}

OpqResult train_opq(Rows rows, const PqOptions& options, const Stop& stop, int most_steps) {
  if (rows.dims > kMaxOpqDims) {
    throw Error(ErrorKind::kLimit,
                "opq rotates at most " + std::to_string(kMaxOpqDims) + " dimensions, not " +
                    std::to_string(rows.dims),
                "Use pq, or a projection to fewer dimensions before it.");
  }
  const size_t n = std::min(rows.n, kMostRows);
  Alternation alternation(evenly_spaced(rows, n), options, stop);
  State best;
  best.rotation = Matrix::Identity(static_cast<Index>(rows.dims), static_cast<Index>(rows.dims));
  alternation.train(best, kStartIterations);  // checks the options, too
  State start;
  start.rotation = principal_rotation(rows, pq_begins(rows.dims, options.m), stop);
  alternation.train(start, kStartIterations);
  if (start.distortion < best.distortion) {
    best = std::move(start);
  } else {
    alternation.train(best, 0);  // rotates its rows again
  }

  OpqResult result;
  result.distortion.push_back(best.distortion);
  const int steps = std::min(most_steps, alternation.steps());
  for (int step = 0; step < steps && best.distortion > 0; ++step) {
    const Matrix factor = alternation.turn();
    if (factor.size() == 0) break;
    State next = turned(best, factor, stop);
    State twice = turned(next, factor, stop);
    alternation.train(twice, kStepIterations);
    if (twice.distortion < best.distortion) {
      next = std::move(twice);
    } else {
      alternation.train(next, kStepIterations);
      if (!(next.distortion < best.distortion)) break;
    }
    const double gain = 1 - next.distortion / best.distortion;
    best = std::move(next);
    result.distortion.push_back(best.distortion);
    if (gain < kLeastGain) break;
  }

  // Products of rotations drift from orthogonality: one more step of Newton-Schulz, in double.
  const MatrixD drifted = best.rotation.cast<double>();
  MatrixD square(drifted.cols(), drifted.cols()), exact(drifted.rows(), drifted.cols());
  multiply_in_slices(drifted.transpose(), drifted, square, stop);
  square = 1.5 * MatrixD::Identity(square.rows(), square.cols()) - 0.5 * square;
  multiply_in_slices(drifted, square, exact, stop);
  result.rotation = exact.cast<float>();

  Matrix rotated(static_cast<Index>(rows.n), static_cast<Index>(rows.dims));
  multiply_in_slices(rows.matrix(), result.rotation, rotated, stop);
  PqOptions last = options;
  last.iterations = (options.iterations + 1) / 2;  // the centroids are nearly there
  const std::vector<Matrix> centroids = train_subspaces(rows_of(rotated), last, std::move(best.centroids),
                                                        result.final_distortion, nullptr, stop);
  result.quantizer = std::make_unique<PqQuantizer>(options.bits, centroids);
  return result;
}

}  // namespace lowdim::core
