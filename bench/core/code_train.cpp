// Times the training of a graph's code (core/graph/train) on as many rows as an index build draws: 20,000, or
// what 32 MB hold. Prints processor seconds of the principal directions alone and of the whole, the variance
// that the directions keep, the mean error byte's range, and the peak memory of the process.
//   code_train [dims] [segments] [rows]      default 768 120 and as above; rows 0: as above
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/base/random.h"
#include "core/codec/pca.h"
#include "core/graph/train.h"
#include "usage.h"

int main(int argc, char** argv) {
  using namespace lowdim::core;
  const auto argument = [&](int i, size_t fallback) {
    return argc > i ? static_cast<size_t>(std::strtoull(argv[i], nullptr, 10)) : fallback;
  };
  const size_t dims = argument(1, 768);
  GraphCodeOptions options;
  options.segments = static_cast<uint32_t>(argument(2, 120));
  size_t n = argument(3, 0);
  if (n == 0) n = std::min<size_t>(20000, (size_t{32} << 20) / (dims * sizeof(float)));
  Random random(1);
  std::vector<float> rows(n * dims);
  for (size_t i = 0; i < n * dims; ++i) {
    // Deviations that fall like 1 / j, neighbouring coordinates correlated, away from the origin.
    const float own = static_cast<float>((random.uniform() - 0.5) / (1.0 + 0.02 * (i % dims)));
    rows[i] = 0.5f + own + (i % dims > 0 ? 0.5f * (rows[i - 1] - 0.5f) : 0.0f);
  }
  const size_t most = std::min<size_t>(
      dims, std::min<size_t>(size_t{4} * options.segments, std::max<size_t>(options.segments, n - 1)));
  const double start = processor_seconds();
  const Pca pca = train_pca(Rows{rows.data(), n, dims}, most, Stop{});
  const double middle = processor_seconds();
  const std::vector<uint8_t> image = train_graph_code({rows.data(), n, dims}, options, Stop{});
  const double end = processor_seconds();
  GraphCodeHead head;
  std::memcpy(&head, image.data(), sizeof head);
  std::printf("%zu rows of %zu dims, %u segments of %u directions: directions %.2f s, all %.2f s, ", n, dims,
              head.segments, head.code_dims, middle - start, end - middle);
  std::printf("kept %.6f of %zu, error %.5f to %.5f, peak %ld MB\n", pca.kept(most), most,
              static_cast<double>(head.error_low),
              static_cast<double>(head.error_low + 255 * head.error_step), peak_megabytes());
  return 0;
}
