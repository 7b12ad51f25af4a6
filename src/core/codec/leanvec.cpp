// See leanvec.h.

#include "core/codec/leanvec.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/codec/blocking.h"
#include "core/codec/symmetric_eigen.h"

namespace lowdim::core {
namespace {

using Index = Eigen::Index;

constexpr double kStepExponent = 0.999;
constexpr int kMaxSteps = 500;
constexpr double kStopChange = 1e-3;
constexpr double kFloor = 1e-6;  // of the mean eigenvalue of K_Q
constexpr int kSearchSteps = 12;

// tr(X^T Y) of two matrices of one shape.
double inner(const MatrixD& x, const MatrixD& y) { return x.cwiseProduct(y).sum(); }

// Small products are made directly, those with a D x D matrix by multiply(), which polls.
// The big products that loss and gradients share.
struct Products {
  MatrixD qa;  // K_Q A
  MatrixD xb;  // K_X B
};

double loss_of(const Products& p, const MatrixD& a, const MatrixD& b, double constant) {
  const MatrixD aqa = a.transpose() * p.qa;
  const MatrixD bxb = b.transpose() * p.xb;
  return inner(aqa, bxb) - 2 * inner(p.qa, p.xb) + constant;
}

// tr(B A^T K_Q A B^T K_X) = <A^T K_Q A, B^T K_X B>, tr(K_Q A B^T K_X) = <K_Q A, K_X B>.
double loss_of(const MatrixD& kq, const MatrixD& kx, const MatrixD& a, const MatrixD& b, const Stop& stop) {
  Products p;
  multiply(kq, a, p.qa, stop);
  multiply(kx, b, p.xb, stop);
  return loss_of(p, a, b, inner(kq, kx));
}

// U V^T of the thin SVD of -g: the point of the spectral unit ball that lies farthest against g. From the
// eigenvectors of g^T g, which are few; directions in which g vanishes count for nothing and stay zero.
MatrixD polar_of_minus(const MatrixD& g, const Stop& stop) {
  const double size = g.cwiseAbs().maxCoeff();
  if (!(size > 0)) return MatrixD::Zero(g.rows(), g.cols());
  const MatrixD unit = g / -size;
  MatrixD gram;
  multiply(unit.transpose(), unit, gram, stop);
  const EigenPairs pairs = symmetric_eigen(gram, stop);
  VectorD root = pairs.values;
  const double least = 1e-14 * std::max(root(0), 0.0);
  for (double& v : root) v = v > least ? 1 / std::sqrt(v) : 0;
  const MatrixD inverse = pairs.vectors.transpose() * root.asDiagonal() * pairs.vectors;
  MatrixD polar;
  multiply(unit, inverse, polar, stop);
  return polar;
}

void finish(Leanvec& result, const MatrixD& kq, const MatrixD& kx, const Stop& stop) {
  result.loss = loss_of(kq, kx, result.a, result.b, stop);
  const double all = inner(kq, kx);
  result.relative = all > 0 ? std::max(0.0, result.loss) / all : 0;
}

}  // namespace

std::unique_ptr<LinearProjection> Leanvec::projection(const VectorD& mean) const {
  const Vector m = mean.cast<float>();
  std::vector<float> floats(m.data(), m.data() + m.size());
  if (orthonormal) return std::make_unique<LinearProjection>(std::move(floats), b.cast<float>());
  return std::make_unique<LinearProjection>(std::move(floats), a.cast<float>(), b.cast<float>());
}

double leanvec_loss(const MatrixD& kq, const MatrixD& kx, const MatrixD& a, const MatrixD& b) {
  return loss_of(kq, kx, a, b, Stop{});
}

MatrixD leanvec_gradient_a(const MatrixD& kq, const MatrixD& kx, const MatrixD& a, const MatrixD& b) {
  const MatrixD xb = kx * b;
  return 2 * (kq * (a * (b.transpose() * xb) - xb));
}

// f(A, B) with the roles of queries and base exchanged.
MatrixD leanvec_gradient_b(const MatrixD& kq, const MatrixD& kx, const MatrixD& a, const MatrixD& b) {
  return leanvec_gradient_a(kx, kq, b, a);
}

// The error matrix is K_Q^(1/2) (A B^T - I) K_X^(1/2). With W = K_Q^(1/2), P the top eigenvectors of W K_X W,
// A = W^-1 P and B = W P, W A B^T K_X^(1/2) = P P^T W K_X^(1/2): the best approximation of rank d to
// W K_X^(1/2), by Eckart and Young. Directions that no query has are floored, or W had no inverse.
Leanvec leanvec_sphering(const MatrixD& kq, const MatrixD& kx, size_t d, const Stop& stop) {
  const EigenPairs queries = symmetric_eigen(kq, stop);
  const double mean = std::max(queries.values.mean(), 0.0);
  VectorD root = queries.values.cwiseMax(mean > 0 ? kFloor * mean : 1.0).cwiseSqrt();
  const MatrixD half = root.asDiagonal() * queries.vectors;  // W = vectors^T half
  MatrixD w;
  multiply(queries.vectors.transpose(), half, w, stop);
  MatrixD wx;
  MatrixD sphered;
  multiply(w, kx, wx, stop);
  multiply(wx, w, sphered, stop);
  const EigenPairs top = top_eigen(sphered, d, stop);
  const MatrixD p = top.vectors.transpose();
  MatrixD turned;
  multiply(queries.vectors, p, turned, stop);
  Leanvec result;
  multiply(queries.vectors.transpose(), root.cwiseInverse().asDiagonal() * turned, result.a, stop);
  multiply(w, p, result.b, stop);
  // B's scale is free; columns of length one on the average keep the projected vectors at the size of the
  // vectors.
  const double scale = result.b.norm() / std::sqrt(static_cast<double>(d));
  result.b /= scale;
  result.a *= scale;
  finish(result, kq, kx, stop);
  return result;
}

Leanvec leanvec_eigen(const MatrixD& kq, const MatrixD& kx, size_t d, const Stop& stop) {
  // Both of trace one, so that the blend's weight means the same for any scale.
  const double tq = std::max(kq.trace(), 1e-300);
  const double tx = std::max(kx.trace(), 1e-300);
  const double constant = inner(kq, kx);
  Leanvec best;
  best.orthonormal = true;
  best.loss = INFINITY;
  const auto loss_at = [&](double beta) {
    const MatrixD blend = (1 - beta) / tq * kq + beta / tx * kx;
    const MatrixD p = top_eigen(blend, d, stop).vectors.transpose();
    Products products;
    multiply(kq, p, products.qa, stop);
    multiply(kx, p, products.xb, stop);
    const double loss = loss_of(products, p, p, constant);
    if (loss < best.loss) {
      best.loss = loss;
      best.beta = beta;
      best.b = p;
    }
    return loss;
  };
  // Both ends, then golden section between them: beta = 1 is PCA, so the result is never worse.
  loss_at(1);
  loss_at(0);
  constexpr double kGolden = 0.61803398874989485;
  double low = 0;
  double high = 1;
  double left = high - kGolden * (high - low);
  double right = low + kGolden * (high - low);
  double f_left = loss_at(left);
  double f_right = loss_at(right);
  for (int step = 2; step < kSearchSteps; ++step) {
    if (f_left < f_right) {
      high = right;
      right = left;
      f_right = f_left;
      left = high - kGolden * (high - low);
      f_left = loss_at(left);
    } else {
      low = left;
      left = right;
      f_left = f_right;
      right = low + kGolden * (high - low);
      f_right = loss_at(right);
    }
  }
  best.a = best.b;
  finish(best, kq, kx, stop);
  return best;
}

Leanvec leanvec_frank_wolfe(const MatrixD& kq, const MatrixD& kx, const MatrixD& start, const Stop& stop) {
  const double constant = inner(kq, kx);
  MatrixD a = start;
  MatrixD b = start;
  Products p;
  multiply(kq, a, p.qa, stop);
  multiply(kx, b, p.xb, stop);
  MatrixD gradient;
  double previous = loss_of(p, a, b, constant);
  Leanvec best;
  best.a = a;
  best.b = b;
  best.loss = previous;
  best.nested = false;
  for (int t = 0; t < kMaxSteps; ++t) {
    // Rounded to float32: the last bit of pow is the C library's.
    const double gamma = static_cast<float>(std::pow(t + 1.0, -kStepExponent));
    multiply(kq, a * (b.transpose() * p.xb).eval() - p.xb, gradient, stop);
    a = (1 - gamma) * a + gamma * polar_of_minus(gradient, stop);
    multiply(kq, a, p.qa, stop);
    multiply(kx, b * (a.transpose() * p.qa).eval() - p.qa, gradient, stop);
    b = (1 - gamma) * b + gamma * polar_of_minus(gradient, stop);
    multiply(kx, b, p.xb, stop);
    const double now = loss_of(p, a, b, constant);
    best.steps = t + 1;
    if (now < best.loss) {
      best.loss = now;
      best.a = a;
      best.b = b;
    }
    if (t > 1 && std::abs(now - previous) < kStopChange * previous) break;
    previous = now;
  }
  finish(best, kq, kx, stop);
  return best;
}

Leanvec train_leanvec(LeanvecAlgorithm algorithm, const Moments& base, const Moments& queries, size_t d,
                      const Stop& stop, size_t budget_bytes) {
  const size_t dims = base.dims();
  if (queries.dims() != dims) {
    throw Error(ErrorKind::kData, "the sample queries have " + std::to_string(queries.dims()) +
                                      " dimensions, the vectors " + std::to_string(dims));
  }
  if (d < 1 || d > dims) {
    throw Error(ErrorKind::kInvalidParameter,
                "cannot project " + std::to_string(dims) + " dimensions to " + std::to_string(d));
  }
  if (base.count() < 1 || queries.count() < 1) throw Error(ErrorKind::kData, "no vectors to train on");
  const size_t need = kLeanvecMatrices * dims * dims * sizeof(double);
  if (need > budget_bytes) {
    throw Error(
        ErrorKind::kLimit,
        "query-aware training of " + std::to_string(dims) +
            " dimensions does not fit into the memory for training",
        "It needs " + std::to_string((need >> 20) + 1) + " MB. Raise maintenance_work_mem, or use PCA.");
  }
  const MatrixD kx = base.covariance();
  const MatrixD kq = queries.second_moment();
  if (algorithm == LeanvecAlgorithm::kSphering) return leanvec_sphering(kq, kx, d, stop);
  const Leanvec eigen = leanvec_eigen(kq, kx, d, stop);
  if (algorithm == LeanvecAlgorithm::kEigen) return eigen;
  return leanvec_frank_wolfe(kq, kx, eigen.b, stop);
}

}  // namespace lowdim::core
