// The error of private sketches against epsilon, beside other ways to the same answers, as JSON for
// bench/plot/privacy.py.
//   privacy_error --kde DIR [--distances DIR] [--rows N] [--queries 200] [--releases 3] [--bandwidth 0.5]
//
// kde: mean kernels (gaussian) between queries and the first --rows vectors of DIR/base.fvecs, scaled to
// length
// 1. `gaussian` and `laplace` are core/privacy with both mechanisms; `lsq` is locality-sensitive quantization
// with random Fourier features (Wagner, Naamad, Mishra, ICML 2023): m features sqrt(2) cos(w.x + b), their
// means released with Laplace noise of scale sqrt(2) m / (epsilon n), n being public. Its noise is drawn in
// floating point, as in the paper: good enough to measure an error, not to protect anybody. The error of the
// last two grows with the number of features beyond some number, so each gets the best number of a list,
// chosen by the exact answers, which nobody could do in earnest: their lines are lower bounds. delta is 1e-6
// for `gaussian`, 0 for the others.
//
// distances: sums of l1 distances to --rows vectors in a box, both mechanisms, for uniform vectors of several
// dimensions and for those of DIR (box [-1, 1], scaled to length 1). Beside the error: what theory says of
// noise alone, from the deviation of a node (distances.h) with Gaussian noise, and the bound of Backurs et
// al. (2024), d^1.5 log2(n)^1.5 / epsilon times the box's side, which is without its constant.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "../data/arguments.h"
#include "core/privacy/distances.h"
#include "core/privacy/kde.h"
#include "core/simd/kernels.h"
#include "normalize.h"
#include "seeded_bytes.h"

namespace {

using namespace lowdim::core;
using lowdim::bench::Matrix;
using lowdim::bench::SeededBytes;

constexpr double kEpsilons[] = {0.01, 0.03, 0.1, 0.3, 1, 3, 10};
constexpr double kDelta = 1e-6;

struct Data {
  Matrix<float> x, asked;
  size_t releases = 1;
};

PrivacyOptions budget(NoiseMechanism mechanism, double epsilon) {
  PrivacyOptions o;
  o.mechanism = mechanism;
  o.epsilon = epsilon;
  o.delta = kDelta;
  return o;
}

// Prints an array's items one a line.
class Lines {
 public:
  explicit Lines(const char* name) { std::printf("\"%s\": [", name); }
  void add(const std::string& item) {
    std::printf("%s\n  %s", first_ ? "" : ",", item.c_str());
    std::fflush(stdout);
    first_ = false;
  }
  void end(const char* after) { std::printf("\n]%s\n", after); }

 private:
  bool first_ = true;
};

std::string format(const char* text, auto... values) {
  char line[512];
  std::snprintf(line, sizeof line, text, values...);
  return line;
}

void shorten(Matrix<float>& x, size_t rows) {
  if (rows >= x.rows) return;
  x.rows = rows;
  x.values.resize(rows * x.cols);
}

Data read_data(const lowdim::bench::Arguments& args, const std::string& folder) {
  Data data;
  data.x = lowdim::bench::read_fvecs(folder + "/base.fvecs");
  data.asked = lowdim::bench::read_fvecs(folder + "/query.fvecs");
  shorten(data.x, args.count("rows", data.x.rows));
  shorten(data.asked, args.count("queries", 200));
  data.releases = std::max<size_t>(args.count("releases", 3), 1);
  lowdim::bench::normalize(data.x);
  lowdim::bench::normalize(data.asked);
  return data;
}

std::vector<double> exact_means(const Data& data, double bandwidth) {
  std::vector<double> means(data.asked.rows);
  const auto l2sq = lowdim::simd::kernels().l2sq_f32;
  for (size_t i = 0; i < data.x.rows; ++i)
    for (size_t q = 0; q < means.size(); ++q) {
      const float square = l2sq(data.x.row(i), data.asked.row(q), static_cast<uint32_t>(data.x.cols));
      means[q] += std::exp(-static_cast<double>(square) / (bandwidth * bandwidth));
    }
  for (double& m : means) m /= static_cast<double>(data.x.rows);
  return means;
}

double mean_error(const std::vector<double>& found, const std::vector<double>& exact) {
  double sum = 0;
  for (size_t q = 0; q < exact.size(); ++q) sum += std::abs(found[q] - exact[q]);
  return sum / static_cast<double>(exact.size());
}

KdeOptions kde_options(const Data& data, double bandwidth, uint32_t features) {
  KdeOptions options;
  options.dims = static_cast<uint32_t>(data.x.cols);
  options.features = features;
  options.bandwidth = bandwidth;
  return options;
}

// Mean over releases of the mean absolute error of sketches of these sums.
double sketch_error(const Data& data, const KdeSums& sums, const PrivacyOptions& privacy,
                    const std::vector<double>& exact) {
  double error = 0;
  for (size_t r = 0; r < data.releases; ++r) {
    SeededBytes source{Random(1000 + r)};
    RandomBits bits({SeededBytes::fill, &source});
    KdeQuery query(KdeSketch(sums, privacy, bits));
    std::vector<double> found(exact.size());
    for (size_t q = 0; q < found.size(); ++q) found[q] = query.mean(data.asked.row(q));
    error += mean_error(found, exact);
  }
  return error / static_cast<double>(data.releases);
}

// Locality-sensitive quantization by random Fourier features: means of rows and features of queries, once for
// the greatest m; the first m of them are a sketch of m.
class Lsq {
 public:
  Lsq(const Data& data, double bandwidth, size_t most)
      : most_(most), means_(most), asked_(data.asked.rows, most), n_(data.x.rows) {
    Random random(7);
    const size_t dims = data.x.cols;
    Matrix<float> w(most, dims);
    std::vector<double> shift(most);
    for (size_t i = 0; i < most; ++i) {
      for (size_t d = 0; d < dims; ++d)
        w.row(i)[d] = static_cast<float>(std::sqrt(2) / bandwidth * random.normal());
      shift[i] = 2 * M_PI * random.uniform();
    }
    const auto dot = lowdim::simd::kernels().dot_f32;
    const auto feature = [&](const float* x, size_t i) {
      return std::sqrt(2) *
             std::cos(static_cast<double>(dot(w.row(i), x, static_cast<uint32_t>(dims))) + shift[i]);
    };
    for (size_t i = 0; i < most; ++i) {
      double sum = 0;
      for (size_t row = 0; row < n_; ++row) sum += feature(data.x.row(row), i);
      means_[i] = sum / static_cast<double>(n_);
      for (size_t q = 0; q < asked_.rows; ++q) asked_.row(q)[i] = feature(data.asked.row(q), i);
    }
  }

  double error(size_t m, double epsilon, size_t releases, const std::vector<double>& exact) const {
    const double scale = std::sqrt(2) * static_cast<double>(m) / (epsilon * static_cast<double>(n_));
    double error = 0;
    for (size_t r = 0; r < releases; ++r) {
      Random random(2000 + r);
      std::vector<double> noisy(means_.begin(), means_.begin() + static_cast<std::ptrdiff_t>(m));
      for (double& v : noisy) {
        const double u = random.uniform() - 0.5;
        v += (u < 0 ? 1 : -1) * scale * std::log(1 - 2 * std::abs(u));
      }
      std::vector<double> found(exact.size());
      for (size_t q = 0; q < found.size(); ++q) {
        double sum = 0;
        for (size_t i = 0; i < m; ++i) sum += noisy[i] * asked_.row(q)[i];
        found[q] = sum / static_cast<double>(m);
      }
      error += mean_error(found, exact);
    }
    return error / static_cast<double>(releases);
  }

  size_t most() const { return most_; }

 private:
  size_t most_;
  std::vector<double> means_;
  Matrix<double> asked_;
  size_t n_;
};

void kde(const lowdim::bench::Arguments& args, const std::string& folder) {
  const Data data = read_data(args, folder);
  const double bandwidth = args.number("bandwidth", 0.5);
  constexpr uint32_t kFeatures[] = {16, 64, 256, 1024, 4096};
  constexpr uint32_t kMost = 4096;
  const std::vector<double> exact = exact_means(data, bandwidth);
  double mean = 0;
  for (const double e : exact) mean += e / static_cast<double>(exact.size());

  std::vector<KdeSums> sums;
  for (const uint32_t features : kFeatures) sums.emplace_back(kde_options(data, bandwidth, features));
  for (KdeSums& s : sums)
    for (size_t i = 0; i < data.x.rows; ++i) s.add(data.x.row(i));
  const Lsq lsq(data, bandwidth, kMost);

  std::printf("\"kde_rows\": %zu, \"kde_dims\": %zu, \"bandwidth\": %g, \"mean_kernel\": %.6g,\n",
              data.x.rows, data.x.cols, bandwidth, mean);
  Lines lines("kde");
  for (const double epsilon : kEpsilons) {
    const auto say = [&](const char* method, uint32_t features, double error) {
      lines.add(format(R"({"method": "%s", "epsilon": %g, "features": %u, "error": %.6g})", method, epsilon,
                       features, error));
    };
    say("gaussian", kMost,
        sketch_error(data, sums.back(), budget(NoiseMechanism::kGaussian, epsilon), exact));
    std::pair<double, uint32_t> laplace{1e300, 0}, quantized{1e300, 0};
    for (size_t i = 0; i < sums.size(); ++i) {
      const uint32_t m = kFeatures[i];
      laplace = std::min(laplace,
                         {sketch_error(data, sums[i], budget(NoiseMechanism::kLaplace, epsilon), exact), m});
      quantized = std::min(quantized, {lsq.error(m, epsilon, data.releases, exact), m});
    }
    say("laplace", laplace.second, laplace.first);
    say("lsq", quantized.second, quantized.first);
  }
  lines.end(",");
}

Matrix<float> uniform_rows(size_t rows, size_t dims, uint64_t seed) {
  Random random(seed);
  Matrix<float> x(rows, dims);
  for (float& v : x.values) v = static_cast<float>(random.uniform());
  return x;
}

void distance_errors(Lines& lines, const char* name, const Data& data, double low, double high) {
  DistanceOptions options;
  options.dims = static_cast<uint32_t>(data.x.cols);
  options.low = low;
  options.high = high;
  DistanceSums sums(options);
  for (size_t i = 0; i < data.x.rows; ++i) sums.add(data.x.row(i));
  std::vector<double> exact(data.asked.rows);
  const auto l1 = lowdim::simd::kernels().l1_f32;
  for (size_t i = 0; i < data.x.rows; ++i)
    for (size_t q = 0; q < exact.size(); ++q)
      exact[q] += static_cast<double>(l1(data.x.row(i), data.asked.row(q), options.dims));
  double mean = 0;
  for (const double e : exact) mean += e / static_cast<double>(exact.size());

  const double side = high - low, d = static_cast<double>(options.dims);
  const double n = static_cast<double>(data.x.rows);
  for (const double epsilon : kEpsilons) {
    double error[2] = {};
    for (const bool gaussian : {false, true}) {
      const PrivacyOptions privacy =
          budget(gaussian ? NoiseMechanism::kGaussian : NoiseMechanism::kLaplace, epsilon);
      for (size_t r = 0; r < data.releases; ++r) {
        SeededBytes source{Random(3000 + r)};
        RandomBits bits({SeededBytes::fill, &source});
        DistanceQuery query(DistanceSketch(sums, privacy, bits));
        std::vector<double> found(exact.size());
        for (size_t q = 0; q < found.size(); ++q) found[q] = query.sum(data.asked.row(q));
        error[gaussian] += mean_error(found, exact) / static_cast<double>(data.releases);
      }
    }
    // 1.7 deviations of a node for a coordinate (distances.h), a node's being that of sensitivity sqrt(d) and
    // a bit.
    const Guarantee one = guarantee_of(options, budget(NoiseMechanism::kGaussian, epsilon));
    const double gaussian_theory =
        1.7 * std::sqrt(d) * side * one.noise_std() / static_cast<double>(kFixedOne);
    const double paper = side * std::pow(d, 1.5) * std::pow(std::log2(n), 1.5) / epsilon;
    lines.add(format(
        R"({"data": "%s", "dims": %u, "rows": %zu, "epsilon": %g, "mean_sum": %.6g, "gaussian": %.6g, "laplace": %.6g, "gaussian_theory": %.6g, "backurs": %.6g})",
        name, options.dims, data.x.rows, epsilon, mean, error[1], error[0], gaussian_theory, paper));
  }
}

void distances(const lowdim::bench::Arguments& args) {
  Lines lines("distances");
  for (const size_t dims : {4, 16, 64, 256}) {
    Data data;
    data.x = uniform_rows(20000, dims, 1);
    data.asked = uniform_rows(100, dims, 2);
    data.releases = std::max<size_t>(args.count("releases", 3), 1);
    distance_errors(lines, "uniform", data, 0, 1);
  }
  if (args.has("distances")) {
    Data data = read_data(args, args.required("distances"));
    distance_errors(lines, "set", data, -1, 1);
  }
  lines.end("");
}

}  // namespace

int main(int argc, char** argv) {
  const lowdim::bench::Arguments args(argc, argv,
                                      "privacy_error --kde DIR [--distances DIR] [--rows N] [--queries 200] "
                                      "[--releases 3] [--bandwidth 0.5]\n",
                                      {"kde", "distances", "rows", "queries", "releases", "bandwidth"});
  try {
    std::printf("{\n");
    kde(args, args.required("kde"));
    distances(args);
    std::printf("}\n");
  } catch (const std::exception& e) {
    std::fprintf(stderr, "privacy_error: %s\n", e.what());
    return 1;
  }
}
