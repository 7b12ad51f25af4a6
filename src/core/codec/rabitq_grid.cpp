// The sweep over scales that finds a RaBitQ code. Sums that decide are in double or in Eigen's fixed order
// over its own aligned memory, so that a vector has one code whatever its address.
#include "core/codec/rabitq_grid.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <vector>

#include "core/codec/matrix.h"

namespace lowdim::core {

namespace {

// Steps between the cells of the best uniform quantizer of a unit Gaussian (Max 1960), by bits: where the
// search looks for the scale of a vector that a random rotation has made Gaussian.
constexpr double kGaussianStep[9] = {0, 1.596, 0.9957, 0.586, 0.3352, 0.1881, 0.1041, 0.0569, 0.0308};

constexpr int kCoarse = 12;
constexpr int kFine = 8;
// Where there are few steps, more of them are taken: in few dimensions the quality is a jagged function of
// the scale, and its best point may lie away from the best of a grid.
constexpr float kSweepAllSteps = 256;
constexpr size_t kSweepAllDims = 16;
constexpr float kSweepCoarseSteps = 16384;

// A dimension that moves up one cell at scale t.
struct Step {
  float t;
  uint32_t dim;
};

class Search {
 public:
  Search(const float* u, size_t dims, int bits)
      : dims_(dims), top_(static_cast<float>((1 << (bits - 1)) - 1)), a_(dims), k_(dims) {
    float max = 0;
    for (size_t i = 0; i < dims; ++i) max = std::max(max, std::fabs(u[i]));
    const double inverse = 1.0 / static_cast<double>(max);
    for (size_t i = 0; i < dims; ++i) {
      a_[static_cast<Eigen::Index>(i)] = static_cast<float>(std::fabs(static_cast<double>(u[i])) * inverse);
    }
    const double rms = std::sqrt(static_cast<double>(a_.square().sum()) / static_cast<double>(dims));
    const double whole = static_cast<double>(top_) + 1;  // the largest coordinate enters the highest cell
    const double gaussian = 1 / (kGaussianStep[bits] * rms);
    low_ = 0.75 * std::min(whole, gaussian);
    high_ = 1.25 * std::max(whole, gaussian);
  }

  // The magnitudes k of the best code, as whole numbers in floats.
  const Eigen::ArrayXf& run() {
    if (top_ == 0) {
      k_.setZero();
      return k_;
    }
    if (dims_ <= kSweepAllDims || static_cast<float>(dims_) * top_ <= kSweepAllSteps) {
      sweep(0, FLT_MAX);
      return k_;
    }
    double low = low_, high = high_;
    narrow(kCoarse, low, high);
    if (static_cast<float>(dims_) * top_ > kSweepCoarseSteps) narrow(kFine, low, high);
    sweep(static_cast<float>(low), static_cast<float>(high));
    return k_;
  }

 private:
  void place(float t) { k_ = (a_ * t).min(top_).cast<int>().cast<float>(); }

  // The squared cosine, up to the vector's norm.
  double quality(float t) {
    place(t);
    const double dot = static_cast<double>((a_ * (k_ + 0.5f)).sum());
    return dot * dot / static_cast<double>((k_ + 0.5f).square().sum());
  }

  // Shrinks [low, high] to the two steps around the best of n + 1 scales, evenly spaced in the logarithm.
  void narrow(int n, double& low, double& high) {
    const double ratio = std::pow(high / low, 1.0 / n);
    double best = -1, best_t = low, t = low;
    for (int i = 0; i <= n; ++i, t *= ratio) {
      const double now = quality(static_cast<float>(t));
      if (now > best) {
        best = now;
        best_t = t;
      }
    }
    low = best_t / ratio;
    high = best_t * ratio;
  }

  void sweep(float low, float high) {
    place(low);
    double dot = 0, norm2 = 0;
    steps_.clear();
    for (size_t i = 0; i < dims_; ++i) {
      const float a = a_[static_cast<Eigen::Index>(i)], k = k_[static_cast<Eigen::Index>(i)];
      dot += static_cast<double>(a) * (static_cast<double>(k) + 0.5);
      norm2 += (static_cast<double>(k) + 0.5) * (static_cast<double>(k) + 0.5);
      const float last = std::min(top_, a * high);
      for (float next = k + 1; next <= last; ++next) steps_.push_back({next / a, static_cast<uint32_t>(i)});
    }
    std::sort(steps_.begin(), steps_.end(),
              [](const Step& x, const Step& y) { return x.t != y.t ? x.t < y.t : x.dim < y.dim; });
    double best = dot * dot / norm2;
    size_t taken = 0;
    counts_ = k_;
    for (size_t s = 0; s < steps_.size(); ++s) {
      const auto i = static_cast<Eigen::Index>(steps_[s].dim);
      dot += static_cast<double>(a_[i]);
      norm2 += 2 * (static_cast<double>(counts_[i]) + 1);  // (k + 3/2)^2 - (k + 1/2)^2
      counts_[i] += 1;
      const double now = dot * dot / norm2;
      if (now > best) {
        best = now;
        taken = s + 1;
      }
    }
    for (size_t s = 0; s < taken; ++s) k_[static_cast<Eigen::Index>(steps_[s].dim)] += 1;
  }

  size_t dims_;
  float top_;         // the highest magnitude, 2^(bits-1) - 1
  Eigen::ArrayXf a_;  // |u|, the largest is 1. Eigen's own memory: the order of its sums depends on alignment
  Eigen::ArrayXf k_, counts_;
  double low_, high_;  // scales worth a look
  std::vector<Step> steps_;
};

}  // namespace

void nearest_grid_direction(const float* u, size_t dims, int bits, uint8_t* codes) {
  Search search(u, dims, bits);
  const Eigen::ArrayXf& k = search.run();
  const int half = 1 << (bits - 1);
  for (size_t i = 0; i < dims; ++i) {
    const int magnitude = static_cast<int>(k[static_cast<Eigen::Index>(i)]);
    codes[i] = static_cast<uint8_t>(u[i] > 0 ? half + magnitude : half - 1 - magnitude);
  }
}

}  // namespace lowdim::core
