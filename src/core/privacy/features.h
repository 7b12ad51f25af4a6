// Random Fourier features: for a kernel k(x - y) whose spectral distribution is that of w,
//   k(x - y) = E cos(w.x - w.y) = E [cos w.x cos w.y + sin w.x sin w.y]
// (Rahimi and Recht 2007), so that a sum of kernels is an inner product of a sum of features with those of
// the query. A pair (cos, sin) has length 1 whatever x is: no data has to be clipped.
//
// Structured features, in O(p log d) for p of them instead of O(p d) (after Fastfood: Le, Sarlos, Smola, ICML
// 2013). With H the Walsh-Hadamard matrix of D >= d, g standard normal, P a permutation and B signs, every
// row of H diag(g) P H B is, given P and B, normal with covariance D I: a row is linear in g, and the squared
// entries of H are 1. So its direction is exactly uniform and independent of its length, which is the same
// for all D rows, |g| sqrt(D). The rows are divided by it and each given a length of its own, drawn from the
// kernel's radial spectrum. Hence every single feature has exactly the distribution that the kernel wants,
// and the estimate has no bias; the D rows of a block depend on each other, blocks do not given B, which they
// share (H B x is computed once). That is open to kernels of the Euclidean distance, whose spectra have no
// preferred direction. The l1 kernel has: its w has independent Cauchy coordinates. It gets plain features.
//
//   gaussian     exp(-|x - y|_2^2 / h^2)       w = sqrt(2) / h z, z standard normal
//   exponential  exp(-|x - y|_2 / h)           w = z / (h |n|), n standard normal
//   laplace      exp(-|x - y|_1 / h)           w_j Cauchy / h
//   cauchy       1 / (1 + |x - y|_2^2 / h^2)   w = sqrt(2 t) / h z, t exponential: a mixture of gaussians
//   smooth       1 / (1 + |x - y|_2 / h)       w = t z / (h |n|): a mixture of exponentials, 1 / (1 + r) =
//                                              integral of e^-t e^-tr
// The paper (Backurs et al. 2024) writes the last two as sums of kernels; as mixtures they need one sketch
// and no splitting of a budget.
//
// A seed means the same features, and a vector the same phases, on every machine and build, to the bit.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace lowdim::core {

enum class Kernel : uint8_t { kGaussian, kExponential, kLaplace, kCauchy, kSmooth };

const char* kernel_name(Kernel kernel);
// Throws Error(kInvalidParameter) for a name that none has.
Kernel kernel_of(std::string_view name);

// The exact kernel, for comparison: O(dims).
double kernel_value(Kernel kernel, double bandwidth, const float* x, const float* y, uint32_t dims);

// Inner products with random directions of given lengths. Scratch inside: one call at a time.
class Directions {
 public:
  Directions() = default;
  // Row i: uniform in direction, lengths[i] long, in dims dimensions padded with zeros to padded().
  Directions(uint32_t dims, const std::vector<double>& lengths, uint64_t seed);

  // The power of two, 16 at least, that the dimensions are padded to.
  static uint32_t padded(uint32_t dims);
  uint32_t count() const { return count_; }
  // Writes count() floats. What overflows is infinite or NaN.
  void apply(const float* x, float* out);
  // add_waves (core/simd/waves.h) of what apply writes for each of kRows vectors, x[dims r + d]: less than
  // half of the time, and the same bits.
  static constexpr size_t kRows = 64;
  void add_waves(const float* x, int64_t* cosines, int64_t* sines);

 private:
  uint32_t dims_ = 0, padded_ = 0, count_ = 0;
  std::vector<float> signs_;      // [padded]
  std::vector<float> gaussians_;  // [block][padded], g / |g|
  std::vector<uint16_t> places_;  // [block][padded], P
  std::vector<float> lengths_;    // [count]
  std::vector<float> spread_, row_;
  std::vector<float> spread_rows_, rows_;  // [kRows / 16][padded][16], [padded][16]
  std::vector<uint32_t> sums_;             // [padded][32]
};

struct KdeOptions {
  static constexpr uint32_t kMaxFeatures = 65536;
  // Elements of the matrix of plain features.
  static constexpr uint64_t kMaxPlain = uint64_t{1} << 24;

  Kernel kernel = Kernel::kGaussian;
  double bandwidth = 1;      // h
  uint32_t features = 2048;  // pairs of a cosine and a sine
  uint32_t dims = 0;
  uint64_t seed = 1;

  void check() const;  // throws Error: kInvalidParameter, kLimit
  bool operator==(const KdeOptions&) const = default;
};

class KdeFeatures {
 public:
  explicit KdeFeatures(const KdeOptions& options);
  // w_i.x / (2 pi) for every pair: options.features floats, in scratch that the next call overwrites.
  const float* phases(const float* x);

  // Beyond 2^22 turns a float has no fraction left, and the wave kernels cut it off: such a phase says
  // nothing of where a vector is.
  static constexpr float kMostTurns = 0x1p22f;
  // Whether x is so short that all its phases are within kMostTurns. One that is not may be, too.
  bool within(const float* x) const;

  // Whether there is add_waves: for structured features.
  bool by_rows() const { return columns_ == 0; }
  // Adds the waves of Directions::kRows vectors, x[dims r + d], each within().
  void add_waves(const float* x, int64_t* cosines, int64_t* sines);

 private:
  uint32_t dims_;
  float longest_square_ = 0;   // that is within
  Directions directions_;      // structured
  std::vector<float> matrix_;  // plain: [dims][columns]
  uint32_t columns_ = 0;
  std::vector<float> phases_;
};

}  // namespace lowdim::core
