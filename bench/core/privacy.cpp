// What private sketches are good for, on labelled vectors: classification by the class of the largest kernel
// density and by the nearest class mean, errors of the density against its exact value, and speed.
//   privacy --set DIR [--train N] [--queries N] [--releases N] [--features P] [--bandwidth H]
//           [--what all|classify|means|error|distances|speed]
// DIR has base.fvecs and query.fvecs with labels.txt and query_labels.txt, a label below 64 a line. Vectors
// are scaled to length 1. The first --train rows of base are the private ones, the first --queries of query
// are asked about: one sketch a class, each with the whole budget, since classes are disjoint. delta is 1e-6,
// neighbours differ by one row. Noise comes from a seeded generator, so that a run can be repeated;
// --releases of them are averaged. For what speed does, no files are needed: --features pairs and --dims
// dimensions.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "../data/arguments.h"
#include "../data/fvecs.h"
#include "core/privacy/distances.h"
#include "core/privacy/kde.h"
#include "core/privacy/moments.h"
#include "core/simd/kernels.h"
#include "normalize.h"
#include "seeded_bytes.h"

namespace {

using namespace lowdim::core;
using lowdim::bench::Matrix;
using lowdim::bench::SeededBytes;

struct Task {
  Matrix<float> x, asked;
  std::vector<int> labels, asked_labels;
  int classes = 0;
  size_t train = 0, queries = 0, releases = 1;
  const float* query(size_t i) const { return asked.row(i); }
  int label(size_t i) const { return asked_labels[i]; }
  // f(row, class) of each private row.
  template <class F>
  void each_row(F f) const {
    for (size_t i = 0; i < train; ++i) f(x.row(i), static_cast<size_t>(labels[i]));
  }
};

std::vector<int> read_labels(const std::string& path, size_t rows) {
  std::ifstream in(path);
  std::vector<int> labels;
  for (int label; in >> label;) {
    if (label < 0 || label >= 64) throw std::runtime_error(path + ": labels are from 0 to 63");
    labels.push_back(label);
  }
  if (labels.size() != rows) throw std::runtime_error(path + " has not a label a row");
  return labels;
}

Task read_task(const lowdim::bench::Arguments& args) {
  Task task;
  const std::string folder = args.required("set");
  task.x = lowdim::bench::read_fvecs(folder + "/base.fvecs");
  task.asked = lowdim::bench::read_fvecs(folder + "/query.fvecs");
  if (task.asked.cols != task.x.cols) throw std::runtime_error("base and query have different dimensions");
  task.labels = read_labels(folder + "/labels.txt", task.x.rows);
  task.asked_labels = read_labels(folder + "/query_labels.txt", task.asked.rows);
  task.classes = 1 + *std::max_element(task.labels.begin(), task.labels.end());
  lowdim::bench::normalize(task.x);
  lowdim::bench::normalize(task.asked);
  task.train = std::min(args.count("train", task.x.rows), task.x.rows);
  task.queries = std::min(args.count("queries", 1000), task.asked.rows);
  task.releases = std::max<size_t>(args.count("releases", 5), 1);
  return task;
}

struct Mechanism {
  const char* name;
  NoiseMechanism mechanism;
  GaussianBound bound;
};
constexpr Mechanism kNone{"none", NoiseMechanism::kNone, GaussianBound::kZcdp};
constexpr Mechanism kNoisy[] = {{"gaussian (zCDP)", NoiseMechanism::kGaussian, GaussianBound::kZcdp},
                                {"gaussian (analytic)", NoiseMechanism::kGaussian, GaussianBound::kAnalytic},
                                {"laplace", NoiseMechanism::kLaplace, GaussianBound::kZcdp}};

PrivacyOptions budget(const Mechanism& m, double epsilon) {
  PrivacyOptions o;
  o.mechanism = m.mechanism;
  o.bound = m.bound;
  o.epsilon = epsilon;
  return o;
}

// score[query][class] of one release of every class.
using Scores = std::vector<std::vector<double>>;

double accuracy(const Task& task, const Scores& scores) {
  size_t right = 0;
  for (size_t i = 0; i < task.queries; ++i) {
    const auto best = std::max_element(scores[i].begin(), scores[i].end()) - scores[i].begin();
    right += best == task.label(i) ? 1 : 0;
  }
  return 100 * static_cast<double>(right) / static_cast<double>(task.queries);
}

template <class Sums, class Options>
std::vector<Sums> class_sums(const Task& task, const Options& options) {
  std::vector<Sums> sums(static_cast<size_t>(task.classes), Sums(options));
  task.each_row([&](const float* x, size_t label) { sums[label].add(x); });
  return sums;
}

Scores density(const Task& task, const std::vector<KdeSums>& sums, const PrivacyOptions& privacy,
               uint64_t seed) {
  SeededBytes source{Random(seed)};
  RandomBits bits({SeededBytes::fill, &source});
  Scores scores(task.queries);
  for (const KdeSums& of : sums) {
    KdeQuery query(KdeSketch(of, privacy, bits));
    for (size_t i = 0; i < task.queries; ++i) scores[i].push_back(query.mean(task.query(i)));
  }
  return scores;
}

Scores exact_density(const Task& task, double bandwidth) {
  Scores scores(task.queries, std::vector<double>(static_cast<size_t>(task.classes)));
  std::vector<double> counts(static_cast<size_t>(task.classes));
  task.each_row([&](const float*, size_t label) { counts[label] += 1; });
  const auto l2sq = lowdim::simd::kernels().l2sq_f32;
  task.each_row([&](const float* x, size_t label) {
    for (size_t q = 0; q < task.queries; ++q) {
      const double square = static_cast<double>(l2sq(x, task.query(q), static_cast<uint32_t>(task.x.cols)));
      scores[q][label] += std::exp(-square / (bandwidth * bandwidth)) / counts[label];
    }
  });
  return scores;
}

// Mean over releases of f(seed), and how far they are apart.
template <class F>
void report(const Task& task, const char* name, const PrivacyOptions& privacy, const char* what, F f) {
  const bool noisy = privacy.mechanism != NoiseMechanism::kNone;
  const size_t n = noisy ? task.releases : 1;
  double sum = 0, low = 1e300, high = -1e300;
  for (size_t i = 0; i < n; ++i) {
    const double v = f(1000 + i);
    sum += v, low = std::min(low, v), high = std::max(high, v);
  }
  if (noisy) {
    std::printf("%-20s epsilon %-5g %s %.4g (%zu releases: %.4g to %.4g)\n", name, privacy.epsilon, what,
                sum / static_cast<double>(n), n, low, high);
  } else {
    std::printf("%-20s %13s %s %.4g\n", "none", "", what, sum);
  }
  std::fflush(stdout);
}

template <class F>
void for_budgets(const Task& task, std::initializer_list<double> epsilons, const char* what, F f) {
  report(task, "none", budget(kNone, 1), what, [&](uint64_t seed) { return f(budget(kNone, 1), seed); });
  for (const Mechanism& m : kNoisy)
    for (const double epsilon : epsilons) {
      const PrivacyOptions privacy = budget(m, epsilon);
      report(task, m.name, privacy, what, [&](uint64_t seed) { return f(privacy, seed); });
    }
}

KdeOptions kde_options(const lowdim::bench::Arguments& args, size_t dims) {
  KdeOptions options;
  options.dims = static_cast<uint32_t>(dims);
  options.features = static_cast<uint32_t>(args.count("features", 4000));
  options.bandwidth = args.number("bandwidth", 0.5);
  options.kernel = kernel_of(args.text("kernel", "gaussian"));
  return options;
}

void classify(const Task& task, const KdeOptions& options) {
  std::printf("\nclass of the largest density: %s kernel, bandwidth %g, %u pairs\n",
              kernel_name(options.kernel), options.bandwidth, options.features);
  const auto sums = class_sums<KdeSums>(task, options);
  for_budgets(task, {1.0, 0.1}, "accuracy %", [&](const PrivacyOptions& privacy, uint64_t seed) {
    return accuracy(task, density(task, sums, privacy, seed));
  });
}

void means(const Task& task) {
  std::printf("\nnearest class mean, by mean cosine over its length\n");
  MomentOptions options;
  options.dims = static_cast<uint32_t>(task.x.cols);
  options.normalize = true;
  const auto sums = class_sums<MomentSums>(task, options);
  for_budgets(task, {2.0, 1.0, 0.5, 0.1}, "accuracy %", [&](const PrivacyOptions& privacy, uint64_t seed) {
    SeededBytes source{Random(seed)};
    RandomBits bits({SeededBytes::fill, &source});
    Scores scores(task.queries);
    std::vector<double> mean(options.dims);
    for (const MomentSums& of : sums) {
      const MomentSketch sketch(of, privacy, bits);
      sketch.mean(mean.data());
      double square = 0;
      for (const double v : mean) square += v * v;
      // Nearest: the square of the distance is 1 - 2 <mean, y> + |mean|^2, less what noise adds to the last.
      const double noise = sketch.sum_noise() / std::max(sketch.rows(), 1.0);
      square -= noise * noise * options.dims;
      for (size_t i = 0; i < task.queries; ++i)
        scores[i].push_back(2 * sketch.mean_cosine(task.query(i)) - square);
    }
    return accuracy(task, scores);
  });
}

void errors(const Task& task, KdeOptions options) {
  options.features = 600;
  std::printf("\nmean absolute error of class densities: bandwidth %g, %u pairs\n", options.bandwidth,
              options.features);
  const Scores exact = exact_density(task, options.bandwidth);
  std::printf("exact densities: accuracy %.4g %%\n", accuracy(task, exact));
  const auto sums = class_sums<KdeSums>(task, options);
  for_budgets(task, {1.0, 0.1}, "error", [&](const PrivacyOptions& privacy, uint64_t seed) {
    const Scores scores = density(task, sums, privacy, seed);
    double sum = 0;
    for (size_t i = 0; i < task.queries; ++i)
      for (size_t c = 0; c < exact[i].size(); ++c) sum += std::abs(scores[i][c] - exact[i][c]);
    return sum / static_cast<double>(task.queries * exact[0].size());
  });
  for (const Mechanism& m : kNoisy) {
    SeededBytes source{Random(1)};
    RandomBits bits({SeededBytes::fill, &source});
    double sum = 0;
    for (const KdeSums& of : sums) sum += kde_error(KdeSketch(of, budget(m, 1), bits)).mean_absolute;
    std::printf("%-20s epsilon 1     expected %.4g\n", m.name, sum / task.classes);
  }
}

void distances(const Task& task) {
  DistanceOptions options;
  options.dims = static_cast<uint32_t>(task.x.cols);
  std::printf("\nsums of l1 distances to all rows: box [0, 1], depth %u; error over the sum\n",
              options.depth);
  DistanceSums sums(options);
  task.each_row([&](const float* x, size_t) { sums.add(x); });
  std::vector<double> exact(task.queries);
  const auto l1 = lowdim::simd::kernels().l1_f32;
  task.each_row([&](const float* x, size_t) {
    for (size_t q = 0; q < task.queries; ++q)
      exact[q] += static_cast<double>(l1(x, task.query(q), options.dims));
  });
  for_budgets(task, {1.0}, "mean error", [&](const PrivacyOptions& privacy, uint64_t seed) {
    SeededBytes source{Random(seed)};
    RandomBits bits({SeededBytes::fill, &source});
    DistanceQuery query(DistanceSketch(sums, privacy, bits));
    double sum = 0;
    for (size_t q = 0; q < task.queries; ++q) sum += std::abs(query.sum(task.query(q)) - exact[q]) / exact[q];
    return sum / static_cast<double>(task.queries);
  });
}

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The best of five, for what f does `n` times.
template <class F>
void report_speed(const char* what, size_t n, F f) {
  double best = 1e300;
  for (int i = 0; i < 5; ++i) {
    const double start = seconds();
    for (size_t k = 0; k < n; ++k) f(k);
    best = std::min(best, seconds() - start);
  }
  std::printf("  %-24s %10.0f / s\n", what, static_cast<double>(n) / best);
}

void speed(uint32_t features, uint32_t dims) {
  Random random(1);
  std::vector<float> x(64 * size_t{dims});
  for (float& v : x) v = static_cast<float>(random.normal() / std::sqrt(dims));
  volatile double sink = 0;
  for (const Kernel kernel : {Kernel::kGaussian, Kernel::kLaplace}) {
    KdeOptions options;
    options.kernel = kernel;
    options.dims = dims;
    options.features = features;
    for (const auto level :
         {lowdim::simd::Level::kBase, lowdim::simd::Level::kAvx2, lowdim::simd::Level::kAvx512}) {
      if (lowdim::simd::kernels_for(level) == nullptr) continue;
      lowdim::simd::force(level);
      std::printf("%s kernel, %u pairs, %u dimensions, %s\n", kernel_name(kernel), features, dims,
                  lowdim::simd::kernels().name);
      KdeSums sums(options);
      sums.add(x.data());
      const size_t n = kernel == Kernel::kLaplace ? 500 : 10000;
      report_speed("rows added", n, [&](size_t k) { sums.add(x.data() + k % 64 * dims); });
      SeededBytes source{Random(2)};
      RandomBits bits({SeededBytes::fill, &source});
      for (const Mechanism& m : kNoisy)
        if (level == lowdim::simd::Level::kBase && kernel == Kernel::kGaussian)
          report_speed((std::string("releases, ") + m.name).c_str(), 5,
                       [&](size_t) { sink = KdeSketch(sums, budget(m, 1), bits).rows(); });
      KdeQuery query(KdeSketch(sums, PrivacyOptions{}, bits));
      report_speed("queries", n, [&](size_t k) { sink = query.sum(x.data() + k % 64 * dims); });
    }
  }
}

void run(const lowdim::bench::Arguments& args) {
  const std::string what = args.text("what", "all");
  const auto wanted = [&](const char* part) { return what == "all" || what == part; };
  if (wanted("speed"))
    speed(static_cast<uint32_t>(args.count("features", 2048)),
          static_cast<uint32_t>(args.count("dims", 512)));
  if (what == "speed") return;
  const Task task = read_task(args);
  std::printf("%zu private rows and %zu queries of %zu dimensions, %d classes\n", task.train, task.queries,
              task.x.cols, task.classes);
  const KdeOptions options = kde_options(args, task.x.cols);
  if (wanted("classify")) classify(task, options);
  if (wanted("means")) means(task);
  if (wanted("error")) errors(task, options);
  if (wanted("distances")) distances(task);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(lowdim::bench::Arguments(
        argc, argv,
        "privacy --set DIR [--train N] [--queries 1000] [--releases 5] [--features 4000] [--bandwidth 0.5]\n"
        "        [--kernel gaussian] [--dims 512] [--what all|classify|means|error|distances|speed]\n",
        {"set", "train", "queries", "releases", "features", "bandwidth", "kernel", "dims", "what"}));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "privacy: %s\n", e.what());
    return 1;
  }
}
