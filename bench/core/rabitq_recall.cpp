// Recall@10 of RaBitQ by an exhaustive scan of the codes, without reranking: base vectors centred by their
// mean and rotated, held-out queries, exact neighbours computed here. The query is centred too, as an L2
// search should; the second figure leaves it as it is, which adds error in proportion to the mean's length.
//
//   rabitq_recall <folder with base.fvecs and query.fvecs> [l2|cosine] [queries] [base vectors]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>

#include "../data/fvecs.h"
#include "core/codec/rabitq.h"
#include "core/codec/rotation.h"
#include "core/simd/kernels.h"

using lowdim::bench::Matrix;
namespace core = lowdim::core;

namespace {

constexpr size_t kTop = 10;

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void normalize(Matrix<float>& m) {
  for (size_t i = 0; i < m.rows; ++i) {
    const double norm = std::sqrt(lowdim::simd::kernels().norm2_f32(m.row(i), static_cast<uint32_t>(m.cols)));
    for (size_t j = 0; j < m.cols && norm > 0; ++j) m.row(i)[j] = static_cast<float>(m.row(i)[j] / norm);
  }
}

std::vector<uint32_t> smallest(const std::vector<float>& distances) {
  std::vector<uint32_t> ids(distances.size());
  std::iota(ids.begin(), ids.end(), 0u);
  std::partial_sort(ids.begin(), ids.begin() + kTop, ids.end(),
                    [&](uint32_t a, uint32_t b) { return distances[a] < distances[b]; });
  ids.resize(kTop);
  std::sort(ids.begin(), ids.end());
  return ids;
}

size_t common(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  std::vector<uint32_t> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both.size();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: rabitq_recall <folder> [l2|cosine] [queries] [base vectors]\n");
    return 2;
  }
  const std::string folder = argv[1];
  const bool cosine = argc > 2 && std::string(argv[2]) == "cosine";
  const size_t n_queries = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 200;
  const size_t n_base = argc > 4 ? std::strtoul(argv[4], nullptr, 10) : SIZE_MAX;
  Matrix<float> base = lowdim::bench::read_vecs<float>(folder + "/base.fvecs", n_base);
  Matrix<float> queries = lowdim::bench::read_vecs<float>(folder + "/query.fvecs", n_queries);
  if (cosine) {
    normalize(base);
    normalize(queries);
  }
  const size_t dims = base.cols;

  std::vector<std::vector<uint32_t>> truth;
  std::vector<float> distances(base.rows);
  for (size_t k = 0; k < queries.rows; ++k) {
    for (size_t i = 0; i < base.rows; ++i) {
      distances[i] =
          lowdim::simd::kernels().l2sq_f32(queries.row(k), base.row(i), static_cast<uint32_t>(dims));
    }
    truth.push_back(smallest(distances));
  }

  std::vector<double> sum(dims);
  for (size_t i = 0; i < base.rows; ++i) {
    for (size_t j = 0; j < dims; ++j) sum[j] += base.row(i)[j];
  }
  std::vector<float> mean(dims), centred(dims), rotated_mean(dims);
  for (size_t j = 0; j < dims; ++j) mean[j] = static_cast<float>(sum[j] / static_cast<double>(base.rows));
  const core::HadamardRotation rotation(dims, 1);
  rotation.apply_query(mean.data(), rotated_mean.data());
  const auto project = [&](Matrix<float>& m) {
    for (size_t i = 0; i < m.rows; ++i) {
      for (size_t j = 0; j < dims; ++j) centred[j] = m.row(i)[j] - mean[j];
      rotation.apply_base(centred.data(), m.row(i));
    }
  };
  project(base);
  project(queries);

  std::printf("%zu x %zu, %zu queries, %s\n", base.rows, dims, queries.rows, cosine ? "cosine" : "L2");
  std::printf("| bits | bytes | recall@10 | query not centred | encode vectors/s | score ns |\n");
  std::printf("|---|---|---|---|---|---|\n");
  std::vector<float> plain(dims), estimates(base.rows), norms(base.rows), mean_inner(base.rows);
  for (size_t i = 0; i < base.rows; ++i) {
    norms[i] =
        static_cast<float>(lowdim::simd::kernels().norm2_f32(base.row(i), static_cast<uint32_t>(dims)));
    mean_inner[i] =
        lowdim::simd::kernels().dot_f32(rotated_mean.data(), base.row(i), static_cast<uint32_t>(dims));
  }
  for (const int bits : {1, 2, 4, 5, 7, 8}) {
    const core::RabitqQuantizer quantizer(dims, bits);
    const size_t stride = quantizer.code_bytes();
    std::vector<uint8_t> codes(stride * base.rows);
    double start = seconds();
    for (size_t i = 0; i < base.rows; ++i) quantizer.encode(base.row(i), codes.data() + i * stride);
    const double encode = seconds() - start;
    double score = 0;
    size_t found = 0, found_plain = 0;
    for (size_t k = 0; k < queries.rows; ++k) {
      start = seconds();
      quantizer.prepare(queries.row(k))->score(codes.data(), stride, base.rows, estimates.data());
      score += seconds() - start;
      for (size_t i = 0; i < base.rows; ++i) distances[i] = norms[i] - 2 * estimates[i];
      found += common(smallest(distances), truth[k]);
      // <q, u> with the mean left in q; |x|^2 - 2 <q, x> = |u|^2 + 2 <m, u> - 2 <q, u> up to a constant.
      for (size_t j = 0; j < dims; ++j) plain[j] = queries.row(k)[j] + rotated_mean[j];
      quantizer.prepare(plain.data())->score(codes.data(), stride, base.rows, estimates.data());
      for (size_t i = 0; i < base.rows; ++i) {
        distances[i] = norms[i] + 2 * mean_inner[i] - 2 * estimates[i];
      }
      found_plain += common(smallest(distances), truth[k]);
    }
    const double all = static_cast<double>(kTop * queries.rows);
    std::printf("| %d | %zu | %.4f | %.4f | %.0f | %.0f |\n", bits, stride, static_cast<double>(found) / all,
                static_cast<double>(found_plain) / all, static_cast<double>(base.rows) / encode,
                score * 1e9 / static_cast<double>(base.rows * queries.rows));
    std::fflush(stdout);
  }
  return 0;
}
