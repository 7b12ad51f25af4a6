// See symmetric_eigen.h.

#include "core/codec/symmetric_eigen.h"

#include <Eigen/Householder>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/base/random.h"
#include "core/codec/blocking.h"

namespace lowdim::core {
namespace {

using Index = Eigen::Index;

constexpr Index kExactDims = 3072;
constexpr Index kPanel = 64;
constexpr int kMaxSubspaceSteps = 60;
constexpr double kCapturedGrowth = 1e-5;

// A plane rotation of rows i and i + 1 of the transposed eigenvector matrix.
struct Turn {
  Index i;
  double c;
  double s;
};

// sqrt(a^2 + b^2) without overflow or underflow. The C library's may round differently on another processor.
double hypotenuse(double a, double b) {
  const double large = std::max(std::abs(a), std::abs(b));
  const double ratio = large > 0 ? std::min(std::abs(a), std::abs(b)) / large : 0;
  return large * std::sqrt(1 + ratio * ratio);
}

// Reduces `a` to a tridiagonal matrix (diagonal d, subdiagonal e) by reflectors and returns the transpose of
// their product: a = q^T T q; n x 0 unless it is wanted.
MatrixD tridiagonalize(MatrixD& a, VectorD& d, VectorD& e, bool wanted, const Stop& stop) {
  const Index n = a.rows();
  VectorD scale(n);  // of the reflectors I - scale v v^T, v in row k of the upper triangle
  VectorD v(n);
  VectorD w(n);
  for (Index k = 0; k + 1 < n; ++k) {
    stop.check();
    const Index rest = n - k - 1;
    auto x = v.head(rest);
    x = a.col(k).tail(rest);
    double beta = 0;
    double tau = 0;
    x.makeHouseholderInPlace(tau, beta);  // overwrites x(1..) with the essential part
    x(0) = 1;
    e(k) = beta;
    scale(k) = tau;
    if (tau != 0) {
      auto sub = a.bottomRightCorner(rest, rest);
      auto y = w.head(rest);
      y.noalias() = sub.selfadjointView<Eigen::Lower>() * (tau * x);
      y -= (0.5 * tau * y.dot(x)) * x;
      sub.selfadjointView<Eigen::Lower>().rankUpdate(x, y, -1.0);
    }
    a.row(k).tail(rest) = x.transpose();
  }
  d = a.diagonal();
  if (!wanted) return MatrixD(n, 0);
  // q = (H_0 H_1 ...)^T, built from the last reflector so that each touches the smallest corner.
  MatrixD q = MatrixD::Identity(n, n);
  for (Index k = n - 2; k >= 0; --k) {
    stop.check();
    const Index rest = n - k - 1;
    auto x = v.head(rest);
    x = a.row(k).tail(rest).transpose();
    auto corner = q.bottomRightCorner(rest, rest);
    auto y = w.head(rest);
    y.noalias() = corner * x;
    corner.noalias() -= (scale(k) * y) * x.transpose();
  }
  return q;
}

// Applies the rotations in order, a band of columns at a time so that the band stays in cache.
void apply_turns(MatrixD& rows, std::vector<Turn>& turns, const Stop& stop) {
  constexpr Index kBand = 32;
  using Band = Eigen::Array<double, kBand, 1>;
  const Index n = rows.cols();
  for (Index at = 0; at < n; at += kBand) {
    stop.check();
    if (n - at >= kBand) {
      for (const Turn& t : turns) {
        Eigen::Map<Band, Eigen::Unaligned> upper(&rows(t.i, at));
        Eigen::Map<Band, Eigen::Unaligned> lower(&rows(t.i + 1, at));
        const Band u = upper;
        upper = t.c * u - t.s * lower;
        lower = t.s * u + t.c * lower;
      }
    } else {
      for (const Turn& t : turns) {
        for (Index j = at; j < n; ++j) {
          const double u = rows(t.i, j);
          rows(t.i, j) = t.c * u - t.s * rows(t.i + 1, j);
          rows(t.i + 1, j) = t.s * u + t.c * rows(t.i + 1, j);
        }
      }
    }
  }
  turns.clear();
}

// QL with implicit Wilkinson shifts: diagonalizes (d, e) and turns the rows along.
void diagonalize(VectorD& d, VectorD& e, MatrixD& rows, const Stop& stop) {
  const Index n = d.size();
  std::vector<Turn> turns;
  const size_t full = static_cast<size_t>(n) * 32;
  Index sweeps_left = 30 * n;
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  for (Index l = 0; l < n; ++l) {
    for (;;) {
      Index m = l;
      while (m + 1 < n && std::abs(e(m)) > kEpsilon * (std::abs(d(m)) + std::abs(d(m + 1)))) ++m;
      if (m == l) break;
      if (--sweeps_left < 0) throw Error(ErrorKind::kInternal, "eigenvalue iteration did not converge");
      if (turns.size() >= full) apply_turns(rows, turns, stop);
      stop.check();
      double g = (d(l + 1) - d(l)) / (2 * e(l));
      double r = hypotenuse(g, 1.0);
      g = d(m) - d(l) + e(l) / (g + std::copysign(r, g));
      double s = 1;
      double c = 1;
      double p = 0;
      Index i = m - 1;
      for (; i >= l; --i) {
        const double f = s * e(i);
        const double b = c * e(i);
        r = hypotenuse(f, g);
        e(i + 1) = r;
        if (r == 0) {  // underflow: the matrix splits here
          d(i + 1) -= p;
          e(m) = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d(i + 1) - p;
        r = (d(i) - g) * s + 2 * c * b;
        p = s * r;
        d(i + 1) = g + p;
        g = c * r - b;
        turns.push_back({i, c, s});
      }
      if (i >= l) continue;
      d(l) -= p;
      e(l) = g;
      e(m) = 0;
    }
  }
  apply_turns(rows, turns, stop);
}

// The same without vectors, free of square roots but for the shift (Pal, Walker and Kahan; Parlett
// 1980, 8.15): what a rotation does to the diagonal depends on the squares of the subdiagonal alone.
void diagonalize(VectorD& d, VectorD& e, const Stop& stop) {
  const Index n = d.size();
  e = e.cwiseAbs2();
  Index sweeps_left = 30 * n;
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  const auto split = [&](Index m) {
    const double size = kEpsilon * (std::abs(d(m)) + std::abs(d(m + 1)));
    return !(e(m) > size * size);
  };
  for (Index l = 0; l < n; ++l) {
    for (;;) {
      Index m = l;
      while (m + 1 < n && !split(m)) ++m;
      if (m == l) break;
      if (--sweeps_left < 0) throw Error(ErrorKind::kInternal, "eigenvalue iteration did not converge");
      stop.check();
      const double root = std::sqrt(e(l));
      const double half = (d(l + 1) - d(l)) / (2 * root);
      const double shift = d(l) - root / (half + std::copysign(hypotenuse(half, 1.0), half));
      double c = 1;  // squares of cosine and sine
      double s = 0;
      double g = d(m) - shift;
      double p = g * g;
      for (Index i = m - 1; i >= l; --i) {
        const double b = e(i);
        const double r = p + b;
        if (i + 1 < m) e(i + 1) = s * r;
        const double last_c = c;
        const double last_g = g;
        c = p / r;
        s = b / r;
        g = c * (d(i) - shift) - s * last_g;
        d(i + 1) = last_g + (d(i) - g);
        p = c > 0 ? g * g / c : last_c * b;
      }
      e(l) = s * p;
      d(l) = shift + g;
    }
  }
}

EigenPairs largest_first(const VectorD& d, const MatrixD& rows) {
  std::vector<Index> order(static_cast<size_t>(d.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return d(a) > d(b); });
  EigenPairs pairs{VectorD(d.size()), MatrixD(rows.rows(), rows.cols())};
  for (Index i = 0; i < d.size(); ++i) {
    pairs.values(i) = d(order[static_cast<size_t>(i)]);
    pairs.vectors.row(i) = rows.row(order[static_cast<size_t>(i)]);
  }
  return pairs;
}

}  // namespace

void fix_signs(MatrixD& vectors) {
  for (Index i = 0; i < vectors.rows(); ++i) {
    Index largest = 0;
    vectors.row(i).cwiseAbs().maxCoeff(&largest);
    if (vectors(i, largest) < 0) vectors.row(i) *= -1;
  }
}

// Panel after panel, twice against all before (once leaves what rounding left).
void orthonormalize(MatrixD& y, const Stop& stop) {
  for (Index at = 0; at < y.cols(); at += kPanel) {
    const Index width = std::min(kPanel, y.cols() - at);
    for (int pass = 0; pass < 2; ++pass) {
      stop.check();
      auto panel = y.middleCols(at, width);
      if (at > 0) {
        const MatrixD along = y.leftCols(at).transpose() * panel;
        panel.noalias() -= y.leftCols(at) * along;
      }
      Eigen::HouseholderQR<MatrixD> qr(panel);
      panel = qr.householderQ() * MatrixD::Identity(y.rows(), width);
    }
  }
}

namespace {

// The pairs of `a`, or, without `vectors`, only its values (beside vectors of no coordinates).
EigenPairs solve(MatrixD a, bool vectors, const Stop& stop) {
  fix_blocking();
  const Index n = a.rows();
  for (Index i = 0; i < n; ++i) {
    if (!a.row(i).head(i + 1).allFinite()) {
      throw Error(ErrorKind::kData, "the moments of the vectors are not finite");
    }
  }
  if (n == 0) return {};
  double largest = 0;  // scaled to one, so that neither tiny nor huge matrices leave the exponent range
  for (Index i = 0; i < n; ++i) largest = std::max(largest, a.row(i).head(i + 1).cwiseAbs().maxCoeff());
  if (largest == 0) return {VectorD::Zero(n), MatrixD::Identity(n, vectors ? n : 0)};
  a /= largest;
  VectorD d(n);
  VectorD e = VectorD::Zero(n);
  MatrixD rows = tridiagonalize(a, d, e, vectors, stop);
  // The rows of `rows` must be eigenvectors of T's coordinates: T = Z D Z^T, a = (Z^T q)^T D (Z^T q).
  if (vectors) {
    diagonalize(d, e, rows, stop);
  } else {
    diagonalize(d, e, stop);
  }
  EigenPairs pairs = largest_first(d, rows);
  pairs.values *= largest;
  return pairs;
}

}  // namespace

EigenPairs symmetric_eigen(MatrixD a, const Stop& stop) {
  EigenPairs pairs = solve(std::move(a), true, stop);
  fix_signs(pairs.vectors);
  return pairs;
}

VectorD symmetric_eigenvalues(MatrixD a, const Stop& stop) { return solve(std::move(a), false, stop).values; }

EigenPairs top_eigen(const SymmetricOperator& a, size_t n, size_t k, const Stop& stop) {
  fix_blocking();
  const Index rows = static_cast<Index>(n);
  const Index wanted = static_cast<Index>(k);
  // A few columns more than wanted: convergence depends on the gap behind the last of them.
  const Index columns = std::min(rows, wanted + std::max<Index>(16, wanted / 4));
  MatrixD q(rows, columns);
  Random random(0x6c6f7764696d);
  for (Index i = 0; i < rows; ++i) {
    stop.check();
    for (Index j = 0; j < columns; ++j) q(i, j) = random.normal();
  }
  orthonormalize(q, stop);
  MatrixD image(rows, columns);
  double captured = 0;
  for (int step = 0; step < kMaxSubspaceSteps; ++step) {
    a(q, image);
    const double now = q.cwiseProduct(image).sum();
    if (step > 2 && now - captured <= kCapturedGrowth * now) break;
    captured = now;
    q.swap(image);
    orthonormalize(q, stop);
    if (step + 1 == kMaxSubspaceSteps) a(q, image);
  }
  MatrixD core(columns, columns);
  multiply(q.transpose(), image, core, stop);
  core = (0.5 * (core + core.transpose())).eval();
  EigenPairs ritz = symmetric_eigen(core, stop);
  EigenPairs pairs{ritz.values.head(wanted), MatrixD(wanted, rows)};
  multiply(ritz.vectors.topRows(wanted), q.transpose(), pairs.vectors, stop);
  fix_signs(pairs.vectors);
  return pairs;
}

EigenPairs top_eigen(const MatrixD& a, size_t k, const Stop& stop) {
  const Index wanted = static_cast<Index>(k);
  if (a.rows() <= kExactDims || 8 * wanted > a.rows()) {
    EigenPairs all = symmetric_eigen(a, stop);
    return {all.values.head(wanted), all.vectors.topRows(wanted)};
  }
  return top_eigen([&](const MatrixD& in, MatrixD& out) { multiply(a, in, out, stop); },
                   static_cast<size_t>(a.rows()), k, stop);
}

void multiply(const MatrixD& a, const MatrixD& b, MatrixD& c, const Stop& stop) {
  fix_blocking();
  c.resize(a.rows(), b.cols());
  constexpr Index kSlice = Index{1} << 25;  // multiplications between two polls
  const Index height = std::max<Index>(16, kSlice / std::max<Index>(1, a.cols() * b.cols()));
  for (Index at = 0; at < a.rows(); at += height) {
    stop.check();
    const Index rows = std::min(height, a.rows() - at);
    c.middleRows(at, rows).noalias() = a.middleRows(at, rows) * b;
  }
}

}  // namespace lowdim::core
