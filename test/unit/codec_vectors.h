// Vectors for the tests of scalar quantizers: synthetic ones with a decaying spectrum, rows of the real sets
// where they have been fetched, and what an exhaustive scan of codes finds of the true neighbours.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "../../bench/data/fvecs.h"
#include "core/base/random.h"
#include "core/codec/quantizer.h"
#include "core/simd/kernels.h"

namespace lowdim::core::test {

struct Table {
  size_t n = 0, dims = 0;
  std::vector<float> values;
  float* row(size_t i) { return values.data() + i * dims; }
  const float* row(size_t i) const { return values.data() + i * dims; }
  Rows rows(size_t count = SIZE_MAX) const { return {values.data(), std::min(n, count), dims}; }
};

// Component d has standard deviation 1 / (1 + d / 16).
inline Table decaying(size_t n, size_t dims, uint64_t seed) {
  Table t{n, dims, std::vector<float>(n * dims)};
  Random random(seed);
  for (size_t i = 0; i < t.values.size(); ++i) {
    t.values[i] = static_cast<float>(random.normal() / (1 + static_cast<double>(i % dims) / 16));
  }
  return t;
}

// Rows of a fetched set; none if it is not there. Looked for from the working directory upwards.
inline Table fetched(const std::string& set, const std::string& file, size_t rows) {
  Table t;
  std::string path = std::string(__FILE__);
  path = path.substr(0, path.rfind("/test/unit/")) + "/bench/data/out/" + set + "/" + file + ".fvecs";
  if (!std::filesystem::exists(path)) return t;
  bench::Matrix<float> m = bench::read_vecs<float>(path, rows);
  t.n = m.rows;
  t.dims = m.cols;
  t.values = std::move(m.values);
  return t;
}

inline void normalize(Table& t) {
  for (size_t i = 0; i < t.n; ++i) {
    double norm = 0;
    for (size_t d = 0; d < t.dims; ++d)
      norm += static_cast<double>(t.row(i)[d]) * static_cast<double>(t.row(i)[d]);
    for (size_t d = 0; d < t.dims; ++d)
      t.row(i)[d] = static_cast<float>(static_cast<double>(t.row(i)[d]) / std::sqrt(norm));
  }
}

// Subtracts the mean of `base` from both.
inline void centre(Table& base, Table& queries) {
  std::vector<double> mean(base.dims);
  for (size_t i = 0; i < base.values.size(); ++i) mean[i % base.dims] += static_cast<double>(base.values[i]);
  for (Table* t : {&base, &queries})
    for (size_t i = 0; i < t->values.size(); ++i)
      t->values[i] -= static_cast<float>(mean[i % base.dims] / static_cast<double>(base.n));
}

inline std::vector<uint8_t> encode_all(const Quantizer& quantizer, const Table& t) {
  std::vector<uint8_t> codes(t.n * quantizer.code_bytes());
  for (size_t i = 0; i < t.n; ++i) quantizer.encode(t.row(i), codes.data() + i * quantizer.code_bytes());
  return codes;
}

inline double squared_error(const Quantizer& quantizer, const Table& t) {
  std::vector<uint8_t> code(quantizer.code_bytes());
  std::vector<float> back(t.dims);
  double sum = 0;
  for (size_t i = 0; i < t.n; ++i) {
    quantizer.encode(t.row(i), code.data());
    quantizer.decode(code.data(), back.data());
    for (size_t d = 0; d < t.dims; ++d) {
      const double e = static_cast<double>(t.row(i)[d]) - static_cast<double>(back[d]);
      sum += e * e;
    }
  }
  return sum / static_cast<double>(t.values.size());
}

// Share of each query's true 10 nearest by |q - x|^2 that are among the 10 first by the estimate |u^|^2 - 2
// <q, u^>.
inline double recall_at_10(const Quantizer& quantizer, const Table& base, const Table& queries) {
  const size_t size = quantizer.code_bytes();
  const std::vector<uint8_t> codes = encode_all(quantizer, base);
  std::vector<double> norms(base.n);
  std::vector<float> back(base.dims), scores(base.n);
  for (size_t i = 0; i < base.n; ++i) {
    quantizer.decode(codes.data() + i * size, back.data());
    for (const float x : back) norms[i] += static_cast<double>(x) * static_cast<double>(x);
  }
  const auto l2sq = simd::kernels().l2sq_f32;
  std::vector<double> truth(base.n), estimate(base.n);
  std::vector<size_t> by_truth(base.n), by_estimate(base.n);
  size_t found = 0;
  for (size_t j = 0; j < queries.n; ++j) {
    const float* q = queries.row(j);
    quantizer.prepare(q)->score(codes.data(), size, base.n, scores.data());
    for (size_t i = 0; i < base.n; ++i) {
      truth[i] = static_cast<double>(l2sq(q, base.row(i), static_cast<uint32_t>(base.dims)));
      estimate[i] = norms[i] - 2 * static_cast<double>(scores[i]);
    }
    const auto ten = [&](std::vector<size_t>& order, const std::vector<double>& by) {
      std::iota(order.begin(), order.end(), size_t{0});
      std::partial_sort(order.begin(), order.begin() + 10, order.end(),
                        [&](size_t a, size_t b) { return by[a] != by[b] ? by[a] < by[b] : a < b; });
    };
    ten(by_truth, truth);
    ten(by_estimate, estimate);
    for (size_t r = 0; r < 10; ++r)
      found += std::count(by_truth.begin(), by_truth.begin() + 10, by_estimate[r]) > 0;
  }
  return static_cast<double>(found) / static_cast<double>(10 * queries.n);
}

// A component of any size: zero, subnormal, ordinary, huge.
inline float any_float(Random& random, int low_exponent, int high_exponent) {
  if (random.below(20) == 0) return 0;
  const int exponent =
      low_exponent + static_cast<int>(random.below(static_cast<uint64_t>(high_exponent - low_exponent + 1)));
  return static_cast<float>(std::ldexp(random.uniform() * 2 - 1, exponent));
}

// Bounds of the quantizer's scorer against the truth, in long double where that is wider; pairs of all
// magnitudes. Returns how many of `pairs` had a finite upper bound on the distance, so that a test can ask
// for enough of them.
inline size_t finite_bounds_hold(const Quantizer& quantizer, int exponent, size_t pairs, uint64_t seed,
                                 size_t* violations) {
  Random random(seed);
  const auto ordinary = [&] { return static_cast<float>(std::ldexp(random.normal(), exponent)); };
  const size_t dims = quantizer.dims();
  std::vector<float> u(dims), q(dims);
  std::vector<uint8_t> code(quantizer.code_bytes());
  size_t finite = 0;
  *violations = 0;
  for (size_t p = 0; p < pairs; ++p) {
    // A few queries to a vector, of one kind each: ordinary, far from the centre, of a random range of
    // exponents.
    const uint64_t kind = random.below(6);
    const int low = static_cast<int>(random.below(240)) - 140,
              high = low + static_cast<int>(random.below(28));
    const float offset = any_float(random, low, high);
    for (float& x : u) {
      x = kind < 2    ? ordinary()
          : kind == 2 ? offset + ordinary()
          : kind == 3 ? offset
                      : any_float(random, kind == 4 ? exponent - 4 : low, kind == 4 ? exponent + 4 : high);
    }
    quantizer.encode(u.data(), code.data());
    for (int r = 0; r < 4 && p < pairs; ++r, ++p) {
      const uint64_t query_kind = random.below(4);
      for (size_t d = 0; d < dims; ++d) {
        q[d] = query_kind == 0   ? u[d]
               : query_kind == 1 ? u[d] * static_cast<float>(1 + 0.01 * random.normal())
               : query_kind == 2 ? ordinary()
                                 : any_float(random, low, high);
        q[d] = std::clamp(q[d], -3e38f, 3e38f);
      }
      const auto scorer = quantizer.prepare(q.data());
      const Interval inner = scorer->inner_bounds(code.data()), l2sq = scorer->l2sq_bounds(code.data());
      long double true_inner = 0, true_l2sq = 0;
      for (size_t d = 0; d < dims; ++d) {
        const long double a = q[d], b = u[d];
        true_inner += a * b;
        true_l2sq += (a - b) * (a - b);
      }
      finite += std::isfinite(l2sq.high) && std::isfinite(inner.high) && std::isfinite(inner.low);
      *violations += !(inner.low <= true_inner && true_inner <= inner.high && l2sq.low <= true_l2sq &&
                       true_l2sq <= l2sq.high);
    }
    --p;
  }
  return finite;
}

}  // namespace lowdim::core::test
