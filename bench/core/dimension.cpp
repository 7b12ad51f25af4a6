// The intrinsic dimension of a data set at its own scale: anchors drawn from the rows, against all rows.
//   dimension --set DIR [--rows N] [--anchors 2000] [--seed 1] [--normalize]
// DIR has base.fvecs. Prints MacKay and Ghahramani's estimate for several k, TwoNN and Gride; then what a
// sample alone finds, which looks at a coarser scale, and the seconds that it takes.
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
#include "core/dimension/danco.h"
#include "core/dimension/estimators.h"
#include "normalize.h"

namespace {

using lowdim::bench::Arguments;
using lowdim::core::Estimate;
using lowdim::core::NeighbourTable;
using lowdim::core::Rows;
using lowdim::core::Stop;
using Matrix = lowdim::bench::Matrix<float>;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Matrix take(const Matrix& x, const std::vector<uint32_t>& ids) {
  Matrix out(ids.size(), x.cols);
  for (size_t i = 0; i < ids.size(); ++i) std::copy_n(x.row(ids[i]), x.cols, out.row(i));
  return out;
}

Rows rows_of(const Matrix& x) { return {x.values.data(), x.rows, x.cols}; }

void report(const char* name, const Estimate& e) {
  if (e.known()) {
    std::printf("  %-12s %8.2f +- %.2f\n", name, e.value, e.standard_error);
  } else {
    std::printf("  %-12s %s\n", name, e.reason);
  }
}

void run(const Arguments& arguments) {
  Matrix base =
      lowdim::bench::read_fvecs(arguments.required("set") + "/base.fvecs", arguments.count("rows", SIZE_MAX));
  if (arguments.has("normalize")) lowdim::bench::normalize(base);
  const uint64_t seed = arguments.count("seed", 1);
  std::vector<uint32_t> anchors = lowdim::bench::shuffled(base.rows, seed);
  anchors.resize(std::min(base.rows, arguments.count("anchors", 2000)));
  const Matrix points = take(base, anchors);
  double start = now();
  const NeighbourTable table =
      lowdim::core::nearest_in_base(rows_of(points), rows_of(base), anchors.data(), 100, Stop{});
  std::printf("%zu anchors against %zu rows of %zu dimensions (%.2f s), %.1f %% with duplicates\n",
              points.rows, base.rows, base.cols, now() - start, 100 * table.duplicated());
  for (const uint32_t k : {3u, 5u, 10u, 20u, 50u, 100u}) {
    report(("MG k=" + std::to_string(k)).c_str(), lowdim::core::mackay_ghahramani(table, k));
  }
  report("TwoNN fit", lowdim::core::two_nn_fit(table));
  report("TwoNN ML", lowdim::core::two_nn_ml(table));
  for (const Estimate& e : lowdim::core::gride_scales(table)) {
    report(("Gride k=" + std::to_string(e.k)).c_str(), e);
  }
  for (const size_t n : {size_t{3000}, size_t{10000}}) {
    std::vector<uint32_t> ids = lowdim::bench::shuffled(base.rows, seed + 1);
    ids.resize(std::min(base.rows, n));
    const Matrix sample = take(base, ids);
    start = now();
    const NeighbourTable own = lowdim::core::nearest_of_sample(rows_of(sample), 21, Stop{});
    std::printf("a sample of %zu alone (%.2f s)\n", sample.rows, now() - start);
    report("MG k=20", lowdim::core::mackay_ghahramani(own, 20));
    report("TwoNN ML", lowdim::core::two_nn_ml(own));
    report("MiND k=20", lowdim::core::mind_ml(own, 20));
    if (n > 3000) continue;
    start = now();
    const Estimate e =
        lowdim::core::danco(rows_of(sample), own, 10, static_cast<uint32_t>(base.cols), 1, Stop{});
    report("DANCo k=10", e);
    std::printf("  (%.2f s)\n", now() - start);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(Arguments(argc, argv, "dimension --set DIR [--rows N] [--anchors 2000] [--seed 1] [--normalize]\n",
                  {"set", "rows", "anchors", "seed"}, {"normalize"}));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "dimension: %s\n", e.what());
    return 1;
  }
}
