// Table-level compression: sizes as asked and counted in full, errors against the optimum where there is one,
// structure found where it was planted, refusals, determinism, and cancelling.
#include "core/codec/table/table.h"

#include <gtest/gtest.h>
#include <time.h>

#include <Eigen/SVD>
#include <cmath>
#include <vector>

#include "core/base/random.h"

namespace lowdim::core {
namespace {

struct Table {
  size_t n;
  size_t dims;
  std::vector<float> values;

  Table(size_t n_rows, size_t n_dims) : n(n_rows), dims(n_dims), values(n_rows * n_dims) {}
  Rows rows() const { return {values.data(), n, dims}; }
  float* row(size_t i) { return values.data() + i * dims; }
};

// Gaussian, component j of size 1 / sqrt(1 + j), turned so that no component stands alone.
Table decaying(size_t n, size_t dims, uint64_t seed) {
  Random random(seed);
  Table table(n, dims);
  std::vector<double> x(dims);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < dims; ++j) x[j] = random.normal() / std::sqrt(1.0 + static_cast<double>(j));
    for (size_t j = 0; j < dims; ++j) {
      double sum = x[j];
      for (size_t l = 0; l < 4; ++l) sum += 0.5 * x[(j * 7 + l * l + 1) % dims];
      table.row(i)[j] = static_cast<float>(sum);
    }
  }
  return table;
}

std::unique_ptr<CompressedTable> compress(TableMethod method, const Table& table, double compression,
                                          size_t whole_rows = 0) {
  return compress_table(method, table.rows(), compression, 1, Stop{}, whole_rows);
}

Table decode(const CompressedTable& compressed) {
  Table out(compressed.rows(), compressed.dims());
  for (size_t i = 0; i < out.n; ++i) compressed.decode(i, out.row(i));
  return out;
}

double squared(const Table& a) {
  double sum = 0;
  for (const float v : a.values) sum += static_cast<double>(v) * v;
  return sum;
}

double squared_error(const Table& a, const Table& b) {
  double sum = 0;
  for (size_t i = 0; i < a.values.size(); ++i) {
    const double d = static_cast<double>(a.values[i]) - b.values[i];
    sum += d * d;
  }
  return sum;
}

TEST(CodecTable, BytesAreWithinWhatWasAsked) {
  const Table table = decaying(3000, 48, 1);
  for (const double compression : {4.0, 8.0, 16.0}) {
    const double budget = static_cast<double>(table.values.size() * sizeof(float)) / compression;
    for (const TableMethod method : kTableMethods) {
      SCOPED_TRACE(std::string(table_method_name(method)) + " " + std::to_string(compression));
      const auto compressed = compress(method, table, compression);
      ASSERT_NE(compressed, nullptr);
      if (method == TableMethod::kDedup) continue;  // these rows do not repeat
      const double bytes = static_cast<double>(compressed->bytes());
      EXPECT_LE(bytes, budget);
      EXPECT_LE(compressed->shared_bytes(), compressed->bytes());
      // One more of the method's steps would not have fitted: a rank, a sub-space, an entry.
      double step = 0;
      if (method == TableMethod::kSvd) step = (3000 + 48) * 4;
      if (method == TableMethod::kMagnitudeSvd) step = 2 * (3000 + 4 * 48) * 4;
      if (method == TableMethod::kMagnitudePq) step = 2 * 3000 + 200;
      if (method == TableMethod::kPrune) step = 6;
      if (method == TableMethod::kTensorTrain) step = 0.2 * budget;
      EXPECT_GT(bytes + step, budget);
      const double error = squared_error(table, decode(*compressed)) / squared(table);
      EXPECT_LT(error, 0.95);
      EXPECT_GT(error, 0);
    }
  }
}

TEST(CodecTable, SharedPartsCountByTheWholeTable) {
  const Table table = decaying(1000, 64, 2);
  const auto alone = compress(TableMethod::kMagnitudePq, table, 8);
  const auto sample = compress(TableMethod::kMagnitudePq, table, 8, 1000000);
  ASSERT_NE(alone, nullptr);
  ASSERT_NE(sample, nullptr);
  // Codebooks of 256 centroids are out of reach for a thousand rows, but next to nothing for a million.
  EXPECT_LE(alone->bytes(), table.values.size() * sizeof(float) / 8);
  EXPECT_GT(sample->shared_bytes(), 2u * 64 * 256 * 4 - 1);
  const double a_row = static_cast<double>(sample->bytes() - sample->shared_bytes()) / 1000;
  EXPECT_LE(a_row + static_cast<double>(sample->shared_bytes()) / 1e6, 64 * 4 / 8.0);
  EXPECT_LT(squared_error(table, decode(*sample)), squared_error(table, decode(*alone)));
}

TEST(CodecTable, RowsDecodeAlikeAloneAndInBlocks) {
  const Table table = decaying(1003, 40, 3);
  for (const TableMethod method : kTableMethods) {
    SCOPED_TRACE(table_method_name(method));
    const auto compressed = compress(method, table, 5, 100000);
    ASSERT_NE(compressed, nullptr);
    const Table single = decode(*compressed);
    Table block(77, 40);
    compressed->decode_rows(926, 77, block.values.data());
    for (size_t i = 0; i < block.values.size(); ++i) {
      ASSERT_NEAR(block.values[i], single.values[926 * 40 + i], 1e-4);
    }
  }
}

TEST(CodecTable, SvdIsTheBestOfItsRank) {
  const Table table = decaying(500, 48, 4);
  const double all = static_cast<double>(table.values.size());
  for (const double compression : {3.0, 10.0}) {
    const auto compressed = compress(TableMethod::kSvd, table, compression);
    ASSERT_NE(compressed, nullptr);
    const auto rank = static_cast<Eigen::Index>(all / compression / (500 + 48));
    EXPECT_EQ(compressed->bytes(), static_cast<size_t>(rank) * (500 + 48) * sizeof(float));
    const Eigen::JacobiSVD<MatrixD> exact(table.rows().matrix().cast<double>());
    const double best = exact.singularValues().tail(48 - rank).squaredNorm();
    const double error = squared_error(table, decode(*compressed));
    EXPECT_NEAR(error, best, 0.01 * best);
  }
}

TEST(CodecTable, TensorTrainIsExactWhereTheTableIsOne) {
  const TensorShape shape = tensor_shape(512, 64);
  for (int k = 0; k < 3; ++k) {
    EXPECT_EQ(shape.n[k], 8u);
    EXPECT_EQ(shape.d[k], 4u);
  }
  constexpr size_t kRank = 3;
  Random random(5);
  std::vector<double> first(32 * kRank), middle(32 * kRank * kRank), last(32 * kRank);
  for (auto* core : {&first, &middle, &last}) {
    for (double& v : *core) v = random.normal();
  }
  Table table(512, 64);
  for (size_t i = 0; i < 512; ++i) {
    for (size_t j = 0; j < 64; ++j) {
      const size_t a = i / 64 * 4 + j / 16;
      const size_t b = i / 8 % 8 * 4 + j / 4 % 4;
      const size_t c = i % 8 * 4 + j % 4;
      double sum = 0;
      for (size_t s = 0; s < kRank; ++s) {
        for (size_t t = 0; t < kRank; ++t) {
          sum += first[a * kRank + s] * middle[(b * kRank + s) * kRank + t] * last[c * kRank + t];
        }
      }
      table.row(i)[j] = static_cast<float>(sum);
    }
  }
  const double full = 512 * 64 * 4;
  const double exact_bytes = (32 * 3 + 32 * 9 + 32 * 3) * 4;
  const auto exact = compress(TableMethod::kTensorTrain, table, full / exact_bytes);
  ASSERT_NE(exact, nullptr);
  EXPECT_EQ(exact->bytes(), exact_bytes);
  EXPECT_LT(squared_error(table, decode(*exact)), 1e-9 * squared(table));
  const auto fewer = compress(TableMethod::kTensorTrain, table, full / (exact_bytes - 1));
  ASSERT_NE(fewer, nullptr);
  EXPECT_GT(squared_error(table, decode(*fewer)), 1e-3 * squared(table));
}

TEST(CodecTable, TensorTrainPadsWhatDoesNotFactor) {
  Table table(509, 61);  // primes; a constant has rank 1, and its padding adds little
  for (size_t i = 0; i < 509; ++i) {
    for (size_t j = 0; j < 61; ++j) {
      table.row(i)[j] = static_cast<float>(1 + i % 2) * (j < 30 ? 1.0f : -2.0f);
    }
  }
  const auto compressed = compress(TableMethod::kTensorTrain, table, 4);
  ASSERT_NE(compressed, nullptr);
  EXPECT_LT(squared_error(table, decode(*compressed)), 1e-8 * squared(table));
  for (const size_t n : {1u, 2u, 3u, 5u, 7u, 97u, 1000u, 60000u, 1000003u}) {
    const TensorShape shape = tensor_shape(n, n);
    EXPECT_GE(shape.n[0] * shape.n[1] * shape.n[2], n);
    EXPECT_LE(shape.n[0] * shape.n[1] * shape.n[2], n + n / 20 + 4);
    EXPECT_GE(shape.d[0] * shape.d[1] * shape.d[2], n);
  }
}

TEST(CodecTable, DedupFindsPlantedBlocks) {
  Random random(6);
  Table table(400, 128);
  for (float& v : table.values) v = static_cast<float>(random.normal());
  // 100 whole rows again, and 100 second halves.
  for (size_t i = 0; i < 100; ++i) {
    std::copy_n(table.row(i), 128, table.row(200 + i));
    std::copy_n(table.row(100 + i) + 64, 64, table.row(300 + i) + 64);
  }
  const auto exact = compress(TableMethod::kDedup, table, 4);
  ASSERT_NE(exact, nullptr);
  EXPECT_EQ(exact->bytes(), 500u * 64 * 4 + 800 * 2);  // all it could do
  EXPECT_EQ(squared_error(table, decode(*exact)), 0);

  // It stops where the budget is met.
  const auto half = compress(TableMethod::kDedup, table, 1.25);
  ASSERT_NE(half, nullptr);
  EXPECT_LE(half->bytes(), 400u * 128 * 4 * 4 / 5);
  EXPECT_GT(half->bytes(), 400u * 128 * 4 * 4 / 5 - 257);

  // Alike but not equal: shared, with an error that the tolerance allows.
  for (size_t i = 200; i < 400; ++i) {
    for (size_t j = 0; j < 128; ++j) table.row(i)[j] += static_cast<float>(0.004 * random.normal());
  }
  const auto alike = compress(TableMethod::kDedup, table, 4);
  ASSERT_NE(alike, nullptr);
  EXPECT_LT(alike->bytes(), 520u * 64 * 4 + 800 * 2);
  const double error = squared_error(table, decode(*alike));
  EXPECT_GT(error, 0);
  EXPECT_LT(error, 1e-4 * squared(table));
}

TEST(CodecTable, PruneKeepsTheLargest) {
  const Table table = decaying(300, 32, 7);
  for (const double compression : {4.0, 100.0}) {  // rows; triples, with less than one entry a row
    const auto compressed = compress(TableMethod::kPrune, table, compression);
    ASSERT_NE(compressed, nullptr);
    const Table decoded = decode(*compressed);
    const double budget = 300 * 32 * 4 / compression;
    const auto expected = static_cast<size_t>(compression < 10 ? (budget - 301 * 4) / 6 : budget / 10);
    size_t kept = 0;
    float least_kept = INFINITY;
    float most_dropped = 0;
    for (size_t i = 0; i < decoded.values.size(); ++i) {
      const float size = std::fabs(table.values[i]);
      if (decoded.values[i] != 0) {
        ASSERT_EQ(decoded.values[i], table.values[i]);
        least_kept = std::min(least_kept, size);
        ++kept;
      } else {
        most_dropped = std::max(most_dropped, size);
      }
    }
    EXPECT_EQ(kept, expected);
    EXPECT_GE(least_kept, most_dropped);
  }
}

TEST(CodecTable, PruneBreaksTiesByRow) {
  Table table(100, 20);
  for (size_t i = 0; i < table.values.size(); ++i) table.values[i] = i % 3 == 0 ? 1.0f : -1.0f;
  const auto compressed = compress(TableMethod::kPrune, table, 4);
  ASSERT_NE(compressed, nullptr);
  const size_t expected = (100 * 20 * 4 / 4 - 101 * 4) / 6;
  const Table decoded = decode(*compressed);
  for (size_t i = 0; i < decoded.values.size(); ++i) {
    ASSERT_EQ(decoded.values[i], i < expected ? table.values[i] : 0.0f) << i;
  }
  // Zeros take no room.
  std::fill(table.values.begin() + 10, table.values.end(), 0.0f);
  EXPECT_EQ(compress(TableMethod::kPrune, table, 4)->bytes(), 10u * 6 + 101 * 4);
}

// 60 rows of norm 10 in one subspace of 5 dimensions, 1940 rows of norm 1 in another: a quarter of the total
// norm is in the long ones.
Table two_lengths(size_t dims) {
  Random random(8);
  std::vector<double> basis(10 * dims);
  for (double& b : basis) b = random.normal();
  Table table(2000, dims);
  for (size_t i = 0; i < table.n; ++i) {
    const bool is_long = i % 33 == 3 && i / 33 < 60;
    std::vector<double> x(dims);
    double norm = 0;
    for (size_t k = 0; k < 5; ++k) {
      const double a = random.normal();
      for (size_t j = 0; j < dims; ++j) x[j] += a * basis[(k + (is_long ? 5 : 0)) * dims + j];
    }
    for (const double v : x) norm += v * v;
    for (size_t j = 0; j < dims; ++j) {
      table.row(i)[j] = static_cast<float>(x[j] * (is_long ? 10 : 1) / std::sqrt(norm));
    }
  }
  return table;
}

TEST(CodecTable, MagnitudeGroupsGiveLongRowsMore) {
  const Table table = two_lengths(64);
  // Rank 7 of the 10 that there are; the groups' ranks are 5 and, with the long rows, 10.
  const auto plain = compress(TableMethod::kSvd, table, 8);
  const auto grouped = compress(TableMethod::kMagnitudeSvd, table, 8);
  ASSERT_NE(plain, nullptr);
  ASSERT_NE(grouped, nullptr);
  EXPECT_GT(squared_error(table, decode(*plain)), 300);
  EXPECT_LT(squared_error(table, decode(*grouped)), 1);

  const auto pq = compress(TableMethod::kMagnitudePq, table, 16, 10000000);
  ASSERT_NE(pq, nullptr);
  const Table decoded = decode(*pq);
  for (size_t i = 0; i < table.n; ++i) {  // the remap leads to the row's own code
    double error = 0, norm = 0;
    for (size_t j = 0; j < 64; ++j) {
      const double x = table.values[i * 64 + j];
      error += (x - decoded.values[i * 64 + j]) * (x - decoded.values[i * 64 + j]);
      norm += x * x;
    }
    ASSERT_LT(error, 0.5 * norm) << i;
  }
}

TEST(CodecTable, RefusesWhatItCannotDo) {
  const Table table = decaying(200, 16, 9);
  for (const TableMethod method : kTableMethods) {
    SCOPED_TRACE(table_method_name(method));
    if (method == TableMethod::kDedup) {
      EXPECT_GT(compress(method, table, 1000)->bytes(), 200u * 16 * 4 / 1000);
    } else {
      EXPECT_EQ(compress(method, table, 5000), nullptr);
    }
    EXPECT_THROW(compress(method, table, 0.5), Error);
    EXPECT_THROW(compress(method, table, NAN), Error);
    EXPECT_THROW(compress(method, Table(0, 16), 4), Error);
    Table bad = table;
    bad.values[100] = INFINITY;
    EXPECT_THROW(compress(method, bad, 4), Error);
    // Nothing but zeros is no special case.
    const Table zeros(50, 8);
    const auto compressed = compress(method, zeros, 2, 100000);
    ASSERT_NE(compressed, nullptr);
    EXPECT_EQ(squared(decode(*compressed)), 0);
  }
}

TEST(CodecTable, SameSeedSameTable) {
  const Table table = decaying(800, 32, 10);
  for (const TableMethod method : kTableMethods) {
    SCOPED_TRACE(table_method_name(method));
    const auto a = compress(method, table, 4, 100000);
    const auto b = compress(method, table, 4, 100000);
    EXPECT_EQ(a->bytes(), b->bytes());
    EXPECT_EQ(decode(*a).values, decode(*b).values);
  }
}

double cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Watch {
  size_t polls = 0;
  size_t limit = SIZE_MAX;
  double last = cpu_seconds();
  double longest = 0;

  Stop stop() { return Stop{&Watch::asked, this}; }
  static bool asked(void* self) {
    Watch& w = *static_cast<Watch*>(self);
    const double now = cpu_seconds();
    w.longest = std::max(w.longest, now - w.last);
    w.last = now;
    return ++w.polls > w.limit;
  }
};

TEST(CodecTable, StopsWhenAsked) {
  const Table table = decaying(4000, 96, 11);
  for (const TableMethod method : kTableMethods) {
    SCOPED_TRACE(table_method_name(method));
    Watch watch;
    ASSERT_NE(compress_table(method, table.rows(), 4, 1, watch.stop()), nullptr);
    EXPECT_GT(watch.polls, 10u);
    EXPECT_LT(watch.longest, 0.2);
    for (const size_t limit : {size_t{0}, watch.polls / 2, watch.polls - 1}) {
      Watch cut;
      cut.limit = limit;
      EXPECT_THROW(compress_table(method, table.rows(), 4, 1, cut.stop()), Stopped);
      EXPECT_EQ(cut.polls, limit + 1);  // nothing more is done once it was asked for
    }
  }
}

}  // namespace
}  // namespace lowdim::core
