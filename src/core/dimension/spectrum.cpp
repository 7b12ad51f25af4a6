// See spectrum.h.

#include "core/dimension/spectrum.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/codec/blocking.h"
#include "core/codec/symmetric_eigen.h"

namespace lowdim::core {
namespace {

constexpr const char* kNoSpread = "all points are equal";

using Index = Eigen::Index;

// The smaller of X^T X and X X^T / weight, lower triangle, for X the centred rows times the root of their
// counts: the eigenvalues above zero are those of the covariance.
MatrixD small_side(Rows rows, const uint64_t* counts, size_t budget_bytes, const Stop& stop) {
  const size_t side = std::min(rows.n, rows.dims);
  if (side > 0 && side > budget_bytes / sizeof(double) / side) {
    throw Error(
        ErrorKind::kLimit,
        "a covariance of " + std::to_string(side) + " dimensions does not fit into the memory allowed",
        "Raise maintenance_work_mem, or take a smaller sample.");
  }
  fix_blocking();
  VectorD mean = VectorD::Zero(static_cast<Index>(rows.dims));
  double weight = 0;
  const auto count = [&](size_t i) { return counts == nullptr ? 1.0 : static_cast<double>(counts[i]); };
  const auto x = rows.matrix();
  for (size_t i = 0; i < rows.n; ++i) {
    mean += count(i) * x.row(static_cast<Index>(i)).transpose().cast<double>();
    weight += count(i);
  }
  if (weight > 0) mean /= weight;
  const auto centred = [&](size_t from, size_t n) {
    MatrixD out = x.middleRows(static_cast<Index>(from), static_cast<Index>(n)).cast<double>();
    out.rowwise() -= mean.transpose();
    for (size_t i = 0; i < n; ++i) out.row(static_cast<Index>(i)) *= std::sqrt(count(from + i) / weight);
    return out;
  };
  MatrixD product = MatrixD::Zero(static_cast<Index>(side), static_cast<Index>(side));
  // Slices of a few million operations, so that a request to stop is soon heard.
  const size_t block = std::clamp<size_t>((size_t{1} << 24) / (side * side + 1), 8, 256);
  if (rows.n <= rows.dims) {
    for (size_t a = 0; a < rows.n; a += block) {
      const size_t height = std::min(block, rows.n - a);
      const MatrixD left = centred(a, height);
      for (size_t b = 0; b <= a; b += block) {
        stop.check();
        const size_t width = std::min(block, rows.n - b);
        product
            .block(static_cast<Index>(a), static_cast<Index>(b), static_cast<Index>(height),
                   static_cast<Index>(width))
            .noalias() = left * centred(b, width).transpose();
      }
    }
  } else {
    for (size_t at = 0; at < rows.n; at += block) {
      stop.check();
      const MatrixD part = centred(at, std::min(block, rows.n - at));
      product.selfadjointView<Eigen::Lower>().rankUpdate(part.transpose());
    }
  }
  return product;
}

Estimate known(double value) {
  Estimate e;
  if (std::isfinite(value)) {
    e.value = value;
  } else {
    e.reason = kNoSpread;
  }
  return e;
}

double total(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum;
}

}  // namespace

std::vector<double> covariance_spectrum(Rows rows, const uint64_t* counts, size_t budget_bytes,
                                        const Stop& stop) {
  std::vector<double> values;
  if (rows.n == 0) return values;
  const VectorD found = symmetric_eigenvalues(small_side(rows, counts, budget_bytes, stop), stop);
  for (Index i = 0; i < found.size(); ++i) values.push_back(std::max(found(i), 0.0));
  values.resize(rows.dims, 0.0);
  return values;
}

SpectrumSums spectrum_sums(Rows rows, const uint64_t* counts, size_t budget_bytes, const Stop& stop) {
  const MatrixD a = small_side(rows, counts, budget_bytes, stop);
  SpectrumSums sums;
  for (Index i = 0; i < a.rows(); ++i) {
    sums.sum += a(i, i);
    sums.squares += a(i, i) * a(i, i) + 2 * a.row(i).head(i).squaredNorm();
  }
  return sums;
}

Estimate participation_ratio(const SpectrumSums& sums) { return known(sums.sum / sums.squares * sums.sum); }

Estimate participation_ratio(const std::vector<double>& values) {
  SpectrumSums sums{total(values), 0};
  for (const double v : values) sums.squares += v * v;
  return participation_ratio(sums);
}

Estimate fukunaga_olsen(const std::vector<double>& values, double threshold) {
  if (values.empty() || !(values[0] > 0)) return known(kAbsent);
  return known(static_cast<double>(
      std::count_if(values.begin(), values.end(), [&](double v) { return v > threshold * values[0]; })));
}

Estimate components_for_share(const std::vector<double>& values, double share) {
  const double all = total(values);
  if (!(all > 0)) return known(kAbsent);
  double sum = 0;
  size_t n = 0;
  while (n < values.size() && sum < share * all) sum += values[n++];
  return known(static_cast<double>(n));
}

}  // namespace lowdim::core
