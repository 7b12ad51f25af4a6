// Vectors of a chosen intrinsic dimension in a chosen ambient dimension. Latent z is uniform in [-1,1]^d; its
// image is A z (a linear subspace) or A z plus smooth bumps t/(1+t^2) of random projections (a curved
// manifold of the same dimension); isotropic noise is added last. Arithmetic is + - * / only: one seed, one
// set, everywhere. Called by generate.cpp and by tests that need data of a known dimension.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "fvecs.h"
#include "random.h"

namespace lowdim::bench {

struct ManifoldSpec {
  size_t dim = 128;      // ambient dimension, what is stored
  size_t intrinsic = 8;  // latent dimension, 1..dim
  uint64_t seed = 1;
  double noise = 0;     // standard deviation of the noise added to every coordinate
  bool linear = false;  // a flat subspace instead of a curved manifold
};

class Manifold {
 public:
  explicit Manifold(const ManifoldSpec& spec) : spec_(spec), random_(spec.seed) {
    if (spec.intrinsic < 1 || spec.intrinsic > spec.dim)
      throw std::invalid_argument("intrinsic dimension must be between 1 and the ambient dimension");
    const size_t n = spec.dim * spec.intrinsic;
    frame_.resize(n);
    bend_.resize(n);
    shift_.resize(spec.dim);
    for (double& a : frame_) a = random_.normal();
    for (double& b : bend_) b = 2 * random_.normal();
    for (double& s : shift_) s = random_.normal();
  }

  // The next n points; successive calls continue the sequence (base first, then queries).
  Matrix<float> sample(size_t n) {
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif
    Matrix<float> out(n, spec_.dim);
    std::vector<double> z(spec_.intrinsic);
    for (size_t i = 0; i < n; i++) {
      for (double& c : z) c = 2 * random_.uniform() - 1;
      for (size_t j = 0; j < spec_.dim; j++) {
        const double* a = frame_.data() + j * spec_.intrinsic;
        const double* b = bend_.data() + j * spec_.intrinsic;
        double x = 0, t = shift_[j];
        for (size_t l = 0; l < spec_.intrinsic; l++) {
          x += a[l] * z[l];
          t += b[l] * z[l];
        }
        if (!spec_.linear) x += 2 * t / (1 + t * t);
        if (spec_.noise > 0) x += spec_.noise * random_.normal();
        out.row(i)[j] = static_cast<float>(x);
      }
    }
    return out;
  }

 private:
  ManifoldSpec spec_;
  Random random_;
  std::vector<double> frame_;  // dim x intrinsic
  std::vector<double> bend_;   // dim x intrinsic
  std::vector<double> shift_;  // dim
};

}  // namespace lowdim::bench
