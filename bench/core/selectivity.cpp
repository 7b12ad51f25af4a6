// How good the planner's estimates for range search are: a data set's rows are sampled as ANALYZE does it,
// and for centers drawn from the rows the radii are asked for within which exactly a hundredth, a thousandth
// and a ten-thousandth of all rows lie. Error of an estimate: max(estimate / truth, truth / estimate).
//   selectivity --set DIR [--rows N] [--centers 100] [--seed 1] [--queries]
// DIR has base.fvecs; with --queries the centers are query.fvecs instead. Prints median and 90th percentile
// of the errors with a known center and an unknown one, and the error of joins by the pivots of two columns
// and by the pairs of one; then what the statistics say and took.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "../data/arguments.h"
#include "../data/fvecs.h"
#include "../data/random.h"
#include "core/dimension/spectrum.h"
#include "core/statistics/collect.h"
#include "core/statistics/selectivity.h"

namespace {

using lowdim::bench::Arguments;
using lowdim::core::SphereMetric;
using Matrix = lowdim::bench::Matrix<float>;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double error_of(double estimate, double truth) { return std::max(estimate / truth, truth / estimate); }

void print_errors(const char* what, std::vector<double> errors) {
  std::sort(errors.begin(), errors.end());
  const size_t n = errors.size();
  std::printf("  %s %6.2f %8.2f", what, errors[n / 2], errors[n * 9 / 10]);
}

void run(const Arguments& arguments) {
  const std::string set = arguments.required("set");
  const Matrix base = lowdim::bench::read_fvecs(set + "/base.fvecs", arguments.count("rows", SIZE_MAX));
  const uint64_t seed = arguments.count("seed", 1);
  const std::vector<uint32_t> order = lowdim::bench::shuffled(base.rows, seed);
  lowdim::core::StatisticsJob job;
  double start = now();
  job.start(base.cols);
  const size_t sampled = std::min(base.rows, lowdim::core::collect_plan(base.cols).rows);
  for (size_t i = 0; i < sampled; ++i) job.add(base.row(order[i]));
  job.finish(0, lowdim::core::Stop{});
  const double seconds = now() - start;
  lowdim::core::StatisticsJob other;  // of other rows: what another column would have
  other.start(base.cols);
  for (size_t i = 0; i < sampled; ++i) other.add(base.row(order[base.rows - 1 - i]));
  other.finish(0, lowdim::core::Stop{});
  const lowdim::core::Pivots other_pivots{other.pivots().data(), other.statistics().pivots,
                                          other.statistics().dims};
  const lowdim::core::VectorStatistics& s = job.statistics();
  const lowdim::core::Pivots pivots{job.pivots().data(), s.pivots, s.dims};
  std::printf("%zu of %zu rows of %zu dimensions, %u pivots (%.1f ms)\n", sampled, base.rows, base.cols,
              s.pivots, 1e3 * seconds);

  Matrix centers;
  if (arguments.has("queries")) {
    centers = lowdim::bench::read_fvecs(set + "/query.fvecs", arguments.count("centers", 100));
  } else {
    const size_t n = std::min(arguments.count("centers", 100), base.rows - sampled);
    centers = Matrix(n, base.cols);
    for (size_t i = 0; i < n; ++i) std::copy_n(base.row(order[sampled + i]), base.cols, centers.row(i));
  }
  const double rows = static_cast<double>(base.rows);
  constexpr double kShares[] = {1e-1, 1e-2, 1e-3, 1e-4};
  constexpr const char* kNames[] = {"l2", "inner", "cosine", "l1"};
  double planning = 0;
  size_t planned = 0;
  for (size_t m = 0; m < lowdim::core::kSphereMetrics; ++m) {
    const SphereMetric metric = static_cast<SphereMetric>(m);
    std::vector<std::vector<double>> known(4), unknown(4), joined(4);
    std::vector<float> all, pooled;
    for (size_t c = 0; c < centers.rows; ++c) {
      all.clear();
      for (size_t i = 0; i < base.rows; ++i) {
        all.push_back(static_cast<float>(
            lowdim::core::sphere_distance(metric, centers.row(c), base.row(i), base.cols)));
      }
      std::sort(all.begin(), all.end());
      // Every sixteenth, without the center itself.
      for (size_t i = 8; i < all.size(); i += 16) pooled.push_back(all[i]);
      for (size_t p = 0; p < 4; ++p) {
        const size_t wanted = std::max<size_t>(1, static_cast<size_t>(std::lround(kShares[p] * rows)));
        if (wanted >= all.size()) continue;
        // Between two distances, so that rounding decides nothing.
        const double radius = (static_cast<double>(all[wanted - 1]) + all[wanted]) / 2;
        const double truth =
            static_cast<double>(std::lower_bound(all.begin(), all.end(), static_cast<float>(radius)) -
                                all.begin()) /
            rows;
        if (truth == 0) continue;
        start = now();
        known[p].push_back(
            error_of(lowdim::core::selectivity(s, pivots, metric, centers.row(c), radius, rows), truth));
        planning += now() - start;
        ++planned;
        unknown[p].push_back(error_of(lowdim::core::selectivity_of_any(s, metric, radius, rows), truth));
      }
    }
    std::sort(pooled.begin(), pooled.end());
    std::printf("%s\n", kNames[m]);
    for (size_t p = 0; p < 4; ++p) {
      if (known[p].empty()) continue;
      const double radius = pooled[static_cast<size_t>(kShares[p] * static_cast<double>(pooled.size()))];
      std::printf("  %7.0e", kShares[p]);
      print_errors("center", known[p]);
      print_errors("any", unknown[p]);
      std::printf("  join %6.2f %6.2f\n",
                  error_of(lowdim::core::join_selectivity(s, pivots, other.statistics(), other_pivots, metric,
                                                          radius, rows * rows),
                           kShares[p]),
                  error_of(lowdim::core::selectivity_of_any(s, metric, radius, rows * rows), kShares[p]));
    }
  }
  std::printf("an estimate takes %.0f us\n",
              1e6 * planning / static_cast<double>(std::max<size_t>(planned, 1)));
  std::printf("dimension %.1f +- %.1f, half %.1f, quarter %.1f, chord %.1f; local %.1f %.1f %.1f\n",
              s.dimension, s.dimension_error, s.dimension_half, s.dimension_quarter, s.dimension_chord,
              s.local_p10, s.local_p50, s.local_p90);
  std::printf("zeros %.4f duplicates %.4f near %.4f norm %.3g +- %.3g\n", s.zeros, s.duplicates,
              s.near_duplicates, s.norm_mean, s.norm_sd);
  Matrix some(std::min<size_t>(base.rows, 10000), base.cols);
  for (size_t i = 0; i < some.rows; ++i) std::copy_n(base.row(order[i]), base.cols, some.row(i));
  const std::vector<double> exact = lowdim::core::covariance_spectrum(
      {some.values.data(), some.rows, some.cols}, nullptr, SIZE_MAX, lowdim::core::Stop{});
  std::printf("participation %.1f (10,000 rows: %.1f), 90 %% in %.0f (%.0f), 98 %% in %.0f (%.0f)\n",
              s.participation, lowdim::core::participation_ratio(exact).value, s.components_90,
              lowdim::core::components_for_share(exact, 0.90).value, s.components_98,
              lowdim::core::components_for_share(exact, 0.98).value);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(Arguments(argc, argv, "selectivity --set DIR [--rows N] [--centers 100] [--seed 1] [--queries]\n",
                  {"set", "rows", "centers", "seed"}, {"queries"}));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "selectivity: %s\n", e.what());
    return 1;
  }
}
