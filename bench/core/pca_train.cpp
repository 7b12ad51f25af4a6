// Times PCA training on rows that are made on the fly and never held: streaming moments, then the
// eigenvectors. Prints seconds without the making of rows, processor seconds, and the peak memory of the
// process.
//   pca_train [rows] [dims] [kept dims]      default 100000 768 192
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "core/base/random.h"
#include "core/codec/pca.h"
#include "usage.h"

namespace {

double wall() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

int main(int argc, char** argv) {
  using namespace lowdim::core;
  const auto argument = [&](int i, size_t fallback) {
    return argc > i ? static_cast<size_t>(std::strtoull(argv[i], nullptr, 10)) : fallback;
  };
  const size_t rows = argument(1, 100000);
  const size_t dims = argument(2, 768);
  const size_t kept = argument(3, 192);
  Random random(1);
  std::vector<float> block(1000 * dims);
  Moments moments(dims, size_t{1} << 30);
  double moments_wall = 0;
  double moments_processor = 0;
  for (size_t at = 0; at < rows; at += 1000) {
    const size_t n = rows - at < 1000 ? rows - at : 1000;
    for (size_t i = 0; i < n * dims; ++i) {
      // A spectrum that falls like 1 / j, neighbouring coordinates correlated, away from the origin.
      const float own = static_cast<float>((random.uniform() - 0.5) / (1.0 + 0.02 * (i % dims)));
      block[i] = 0.5f + own + (i % dims > 0 ? 0.5f * (block[i - 1] - 0.5f) : 0.0f);
    }
    const double w = wall();
    const double p = processor_seconds();
    moments.add(Rows{block.data(), n, dims}, Stop{});
    moments_wall += wall() - w;
    moments_processor += processor_seconds() - p;
  }
  const double w = wall();
  const double p = processor_seconds();
  const Pca pca = train_pca(moments, kept, Stop{}, size_t{1} << 30);
  const double eigen_wall = wall() - w;
  const double eigen_processor = processor_seconds() - p;
  std::printf("rows %zu, dims %zu, kept %zu: variance kept %.4f\n", rows, dims, kept, pca.kept(kept));
  std::printf("moments     %7.2f s (processor %7.2f s)\n", moments_wall, moments_processor);
  std::printf("eigenvectors%7.2f s (processor %7.2f s)\n", eigen_wall, eigen_processor);
  std::printf("training    %7.2f s (processor %7.2f s), peak memory %ld MB\n", moments_wall + eigen_wall,
              moments_processor + eigen_processor, peak_megabytes());
  return 0;
}
