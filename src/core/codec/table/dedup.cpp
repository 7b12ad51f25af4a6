// Deduplication: rows are cut into blocks of at most 64 dimensions, and a block that is like an earlier one
// is replaced by it. Alike means that at least 70 % of the components differ by at most a tenth of the
// table's root mean square. Blocks of small components go first, judged by their third quartile, because
// mistakes cost least there; it ends when the budget is met or there is nothing more to share.
//
// Candidates come from locality-sensitive hashing for the Euclidean distance (Datar et al. 2004), 8 tables
// of two random projections each: equal blocks always meet, alike ones with high probability.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/base/random.h"
#include "core/codec/table/methods.h"

namespace lowdim::core {
namespace {

constexpr size_t kBlockDims = 64;
constexpr double kTolerance = 0.1;
constexpr double kAlike = 0.7;
constexpr size_t kTables = 8;
constexpr size_t kHashes = 2;  // projections a table
constexpr size_t kProjections = kTables * kHashes;
constexpr int kCandidates = 32;  // looked at in each table, the newest first
constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

class DedupTable final : public CompressedTable {
 public:
  DedupTable(size_t rows, size_t dims, size_t width)
      : CompressedTable(rows, dims), width_(width), per_row_((dims + width - 1) / width) {}

  static size_t size(size_t blocks, size_t kept, size_t width) {
    const size_t index = kept <= 65536 ? sizeof(uint16_t) : sizeof(uint32_t);
    return kept * width * sizeof(float) + blocks * index;
  }
  size_t bytes() const override { return size(block_of_.size(), blocks_.size() / width_, width_); }
  void decode(size_t row, float* out) const override {
    for (size_t b = 0; b < per_row_; ++b) {
      const float* block = blocks_.data() + block_of_[row * per_row_ + b] * width_;
      std::copy_n(block, std::min(width_, dims() - b * width_), out + b * width_);
    }
  }
  std::string text() const override {
    return "dedup(" + std::to_string(blocks_.size() / width_) + " of " + std::to_string(block_of_.size()) +
           " blocks)";
  }

  size_t width_;
  size_t per_row_;
  std::vector<float> blocks_;
  std::vector<uint32_t> block_of_;  // bytes() counts 16 bits each where they suffice
};

class Hasher {
 public:
  Hasher(size_t width, double cell, size_t buckets, uint64_t seed)
      : width_(width), mask_(buckets - 1), inverse_(static_cast<float>(1 / cell)) {
    Random random(seed);
    for (size_t i = 0; i < width * kProjections; ++i) {
      directions_.push_back(static_cast<float>(random.normal()));
    }
    for (float& s : shifts_) s = static_cast<float>(random.uniform());
  }

  void operator()(const float* block, size_t (&bucket)[kTables]) const {
    float sums[kProjections] = {};
    for (size_t i = 0; i < width_; ++i) {
      const float x = block[i];
      for (size_t p = 0; p < kProjections; ++p) sums[p] += x * directions_[i * kProjections + p];
    }
    for (size_t t = 0; t < kTables; ++t) {
      uint64_t hash = t;
      for (size_t h = 0; h < kHashes; ++h) {
        const size_t p = t * kHashes + h;
        const double cell = std::floor(static_cast<double>(sums[p]) * inverse_ + shifts_[p]);
        hash = mix64(hash + static_cast<uint64_t>(static_cast<int64_t>(std::clamp(cell, -9e15, 9e15))));
      }
      bucket[t] = hash & mask_;
    }
  }

 private:
  size_t width_;
  size_t mask_;
  float inverse_;
  std::vector<float> directions_;  // width x kProjections
  float shifts_[kProjections];
};

bool alike(const float* a, const float* b, size_t n, float tolerance, size_t may_differ) {
  size_t differ = 0;
  for (size_t i = 0; i < n; ++i) {
    differ += std::fabs(a[i] - b[i]) > tolerance;
    if (differ > may_differ) return false;
  }
  return true;
}

}  // namespace

std::unique_ptr<CompressedTable> compress_dedup(Rows rows, TableBudget budget, uint64_t seed,
                                                const Stop& stop) {
  const size_t pieces = (rows.dims + kBlockDims - 1) / kBlockDims;
  const size_t width = (rows.dims + pieces - 1) / pieces;
  const size_t per_row = (rows.dims + width - 1) / width;
  const size_t n_blocks = rows.n * per_row;
  if (n_blocks >= kNone) throw Error(ErrorKind::kLimit, "too many blocks to deduplicate");

  std::vector<float> blocks(n_blocks * width);  // the last of a row is padded with zeros
  std::vector<float> quartile(n_blocks);
  std::vector<float> sorted(width);
  double energy = 0;
  for (size_t i = 0; i < rows.n; ++i) {
    if (i % 256 == 0) stop.check();
    for (size_t b = 0; b < per_row; ++b) {
      const size_t n = std::min(width, rows.dims - b * width);
      float* block = blocks.data() + (i * per_row + b) * width;
      std::copy_n(rows.row(i) + b * width, n, block);
      for (size_t j = 0; j < n; ++j) {
        sorted[j] = std::fabs(block[j]);
        energy += static_cast<double>(block[j]) * block[j];
      }
      const auto third = sorted.begin() + static_cast<std::ptrdiff_t>(3 * n / 4);
      std::nth_element(sorted.begin(), third, sorted.begin() + static_cast<std::ptrdiff_t>(n));
      quartile[i * per_row + b] = *third;
    }
  }
  std::vector<uint32_t> order(n_blocks);
  std::iota(order.begin(), order.end(), 0u);
  stop.check();
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return quartile[a] != quartile[b] ? quartile[a] < quartile[b] : a < b;
  });

  const double rms = std::sqrt(energy / static_cast<double>(rows.n * rows.dims));
  const double tolerance = kTolerance * rms;
  const double cell = rms > 0 ? 4 * tolerance * std::sqrt(static_cast<double>(width)) : 1;
  const size_t may_differ = static_cast<size_t>(std::floor((1 - kAlike) * static_cast<double>(width) + 1e-9));
  size_t buckets = 1024;
  while (buckets < n_blocks) buckets *= 2;
  const Hasher hasher(width, cell, buckets, seed);
  std::vector<uint32_t> head(kTables * buckets, kNone);
  std::vector<uint32_t> next(kTables * n_blocks, kNone);
  std::vector<uint32_t> stands_for(n_blocks);
  std::iota(stands_for.begin(), stands_for.end(), 0u);

  size_t kept = n_blocks;
  for (size_t done = 0; done < n_blocks; ++done) {
    if (done % 1024 == 0) stop.check();
    if (static_cast<double>(DedupTable::size(n_blocks, kept, width)) <= budget.bytes) break;
    const uint32_t block = order[done];
    const float* x = blocks.data() + block * width;
    size_t bucket[kTables];
    hasher(x, bucket);
    for (size_t t = 0; t < kTables && stands_for[block] == block; ++t) {
      uint32_t other = head[t * buckets + bucket[t]];
      for (int looked = 0; other != kNone && looked < kCandidates; ++looked) {
        if (alike(x, blocks.data() + other * width, width, static_cast<float>(tolerance), may_differ)) {
          stands_for[block] = other;
          break;
        }
        other = next[t * n_blocks + other];
      }
    }
    if (stands_for[block] != block) {
      --kept;
      continue;
    }
    for (size_t t = 0; t < kTables; ++t) {
      next[t * n_blocks + block] = head[t * buckets + bucket[t]];
      head[t * buckets + bucket[t]] = block;
    }
  }

  auto table = std::make_unique<DedupTable>(rows.n, rows.dims, width);
  table->blocks_.reserve(kept * width);
  table->block_of_.assign(n_blocks, kNone);
  uint32_t number = 0;
  for (size_t b = 0; b < n_blocks; ++b) {
    if (stands_for[b] != b) continue;
    table->block_of_[b] = number++;
    table->blocks_.insert(table->blocks_.end(), blocks.begin() + static_cast<std::ptrdiff_t>(b * width),
                          blocks.begin() + static_cast<std::ptrdiff_t>((b + 1) * width));
  }
  for (size_t b = 0; b < n_blocks; ++b) table->block_of_[b] = table->block_of_[stands_for[b]];
  return table;
}

}  // namespace lowdim::core
