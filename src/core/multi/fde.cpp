// See fde.h.

#include "core/multi/fde.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/base/error.h"
#include "core/base/random.h"
#include "core/simd/codes.h"
#include "core/vec/limits.h"

namespace lowdim::core {
namespace {

constexpr uint32_t kColumns = 64;  // hyperplanes that are applied together: four registers' worth
constexpr uint32_t kRows = 64;     // vectors that are copied and multiplied together

constexpr uint32_t kNone = UINT32_MAX;

uint32_t padded(uint32_t columns) { return (columns + 15) / 16 * 16; }

uint32_t block_dims(const FdeOptions& options, uint32_t dims) { return std::min(options.d_proj, dims); }

// The set may lie at any alignment.
void copy_row(const MultiView& set, uint32_t i, float* out) {
  std::memcpy(out, reinterpret_cast<const char*>(set.x) + sizeof(float) * size_t{i} * set.dims,
              sizeof(float) * set.dims);
}

}  // namespace

uint32_t fde_dims(const FdeOptions& options, uint32_t dims) {
  if (!options.center.empty() && options.center.size() != dims) {
    throw Error(ErrorKind::kData, "different multivector dimensions " + std::to_string(dims) +
                                      " and FDE center dimensions " + std::to_string(options.center.size()));
  }
  const uint32_t block = block_dims(options, dims);
  const uint64_t coordinates = (uint64_t{options.repetitions} << options.k_sim) * block;
  const auto product = [&] {
    return std::to_string(options.repetitions) + " x 2^" + std::to_string(options.k_sim) + " x " +
           std::to_string(block) + " = " + std::to_string(coordinates) + " dimensions";
  };
  if (options.final_dims == 0 && coordinates > static_cast<uint64_t>(kMaxDims)) {
    throw Error(ErrorKind::kLimit,
                "an encoding of " + product() + " has more than " + std::to_string(kMaxDims),
                "Choose smaller repetitions, k_sim or d_proj, or set final_dims.");
  }
  if (coordinates > kMaxFdeCoordinates) {
    throw Error(ErrorKind::kLimit,
                "an encoding of " + product() + " has more than " + std::to_string(kMaxFdeCoordinates) +
                    " before its final projection",
                "Choose smaller repetitions, k_sim or d_proj.");
  }
  const uint64_t columns = options.k_sim + (block < dims ? padded(block) : 0);
  if (options.repetitions * columns * dims > kMaxFdeRandom) {
    throw Error(ErrorKind::kLimit,
                "an encoding needs more than " + std::to_string(kMaxFdeRandom) +
                    " random numbers for vectors of " + std::to_string(dims) + " dimensions",
                "Choose smaller repetitions, k_sim or d_proj.");
  }
  return options.final_dims != 0 ? options.final_dims : static_cast<uint32_t>(coordinates);
}

FdeEncoder::FdeEncoder(const FdeOptions& options, uint32_t dims)
    : options_(options),
      dims_(dims),
      out_dims_(fde_dims(options, dims)),
      blocks_(1u << options.k_sim),
      block_dims_(block_dims(options, dims)),
      padded_(padded(block_dims_)),
      group_(std::clamp(kColumns / std::max(options.k_sim, 1u), 1u, options.repetitions)),
      plane_columns_(padded(group_ * options.k_sim)) {
  const uint32_t groups = (options.repetitions + group_ - 1) / group_;
  const size_t group_size = size_t{dims_} * plane_columns_;
  planes_.resize(groups * group_size);
  if (block_dims_ < dims_) signs_.resize(size_t{options.repetitions} * dims_ * padded_);
  const float unit = static_cast<float>(1 / std::sqrt(static_cast<double>(block_dims_)));
  // The order of what is drawn is part of the meaning of a seed: the same first repetitions for any number.
  Random draw(options.seed);
  Random sketch(draw.next());
  for (uint32_t r = 0; r < options.repetitions; ++r) {
    Random normal(draw.next());
    float* const planes = planes_.data() + r / group_ * group_size + r % group_ * options.k_sim;
    for (uint32_t k = 0; k < options.k_sim; ++k) {
      for (uint32_t d = 0; d < dims_; ++d)
        planes[size_t{d} * plane_columns_ + k] = static_cast<float>(normal.normal());
    }
    Random sign(draw.next());
    if (signs_.empty()) continue;
    float* row = signs_.data() + size_t{r} * dims_ * padded_;
    for (uint32_t d = 0; d < dims_; ++d, row += padded_) {
      uint64_t bits = 0;
      for (uint32_t j = 0; j < block_dims_; ++j) {
        bits = j % 64 == 0 ? sign.next() : bits >> 1;
        row[j] = (bits & 1) != 0 ? -unit : unit;
      }
    }
  }
  thresholds_.resize(size_t{groups} * plane_columns_);
  if (!options.center.empty() && options.k_sim > 0) {
    for (uint32_t g = 0; g < groups; ++g) {
      simd::code_kernels().project_f32(options.center.data(), 1, dims_, planes_.data() + g * group_size,
                                       plane_columns_, thresholds_.data() + size_t{g} * plane_columns_);
    }
  }
  if (options.final_dims != 0) {
    sketch_.resize((size_t{options.repetitions} << options.k_sim) * block_dims_);
    for (uint16_t& entry : sketch_) {
      const uint64_t x = sketch.next();
      entry = static_cast<uint16_t>(2 * ((x >> 32) * options.final_dims >> 32) + (x & 1));
    }
  }
  static_assert(2 * kMaxDims <= UINT16_MAX);
}

// The blocks of all vectors in repetitions first .. first + count - 1, which are of one group, to
// assigned_[repetition - first][vector].
void FdeEncoder::assign_blocks(const MultiView& set, uint32_t first, uint32_t count, Stop stop) {
  assigned_.assign(size_t{count} * set.count, 0);
  const uint32_t k = options_.k_sim;
  if (k == 0) return;
  const size_t group = first / group_;
  const float* const planes = planes_.data() + group * dims_ * plane_columns_;
  const float* const thresholds = thresholds_.data() + group * plane_columns_;
  rows_.resize(size_t{kRows} * dims_);
  products_.resize(size_t{kRows} * plane_columns_);
  for (uint32_t start = 0; start < set.count; start += kRows) {
    stop.check();
    const uint32_t n = std::min(kRows, set.count - start);
    for (uint32_t i = 0; i < n; ++i) copy_row(set, start + i, rows_.data() + size_t{i} * dims_);
    simd::code_kernels().project_f32(rows_.data(), n, dims_, planes, plane_columns_, products_.data());
    for (uint32_t r = 0; r < count; ++r) {
      const uint32_t column = (first + r) % group_ * k;
      for (uint32_t i = 0; i < n; ++i) {
        const float* const product = products_.data() + size_t{i} * plane_columns_ + column;
        uint32_t block = 0;
        for (uint32_t b = 0; b < k; ++b)
          block |= static_cast<uint32_t>(product[b] > thresholds[column + b]) << b;
        assigned_[size_t{r} * set.count + start + i] = block;
      }
    }
  }
}

// For each empty block the one whose first vector fills it: filled_by_[block] starts the list of the blocks
// that it fills, next_ continues it. A vector's key in nearest_ is the number of differing signs, then its
// place; the least key over all vectors is found one hyperplane after the other, as signs differ
// independently.
void FdeEncoder::find_fillings(const uint32_t* block_of, uint32_t n) {
  constexpr uint64_t kStep = uint64_t{1} << 32;
  nearest_.assign(blocks_, UINT64_MAX / 2);
  for (uint32_t i = n; i-- > 0;) nearest_[block_of[i]] = i;
  for (uint32_t bit = 1; bit < blocks_; bit *= 2) {
    for (uint32_t b = 0; b < blocks_; ++b) {
      if ((b & bit) != 0) continue;
      const uint64_t low = nearest_[b], high = nearest_[b | bit];
      nearest_[b] = std::min(low, high + kStep);
      nearest_[b | bit] = std::min(high, low + kStep);
    }
  }
  filled_by_.assign(blocks_, kNone);
  next_.resize(blocks_);
  for (uint32_t b = blocks_; b-- > 0;) {
    if (nearest_[b] < kStep) continue;
    const uint32_t from = block_of[static_cast<uint32_t>(nearest_[b])];
    next_[b] = filled_by_[from];
    filled_by_[from] = b;
  }
}

void FdeEncoder::put(uint32_t repetition, uint32_t block, const float* values, float* out) const {
  const size_t start = (size_t{repetition} * blocks_ + block) * block_dims_;
  if (options_.final_dims == 0) {
    std::copy_n(values, block_dims_, out + start);
    return;
  }
  const uint16_t* const entries = sketch_.data() + start;
  for (uint32_t j = 0; j < block_dims_; ++j) {
    const uint32_t entry = entries[j];
    out[entry / 2] += (entry & 1) != 0 ? -values[j] : values[j];
  }
}

void FdeEncoder::encode_repetition(const MultiView& set, uint32_t repetition, const uint32_t* block_of,
                                   bool is_query, float* out, Stop stop) {
  // The vectors by block, each block's in their order.
  starts_.assign(size_t{blocks_} + 1, 0);
  for (uint32_t i = 0; i < set.count; ++i) ++starts_[block_of[i] + 1];
  for (uint32_t b = 0; b < blocks_; ++b) starts_[b + 1] += starts_[b];
  order_.resize(set.count);
  for (uint32_t i = 0; i < set.count; ++i) order_[starts_[block_of[i]]++] = i;
  const bool fill = !is_query && options_.fill_empty != FillEmpty::kOff;
  if (fill) find_fillings(block_of, set.count);

  const float* const signs = signs_.empty() ? nullptr : signs_.data() + size_t{repetition} * dims_ * padded_;
  rows_.resize(size_t{2} * dims_);
  projected_.resize(size_t{2} * padded_);
  float* const whole = rows_.data();  // of a block: its sum or mean
  float* const first = rows_.data() + dims_;
  for (uint32_t b = 0, from = 0; b < blocks_; from = starts_[b++]) {
    const uint32_t n = starts_[b] - from;  // starts_ has moved on to the next block's
    if (n == 0) continue;
    stop.check();
    copy_row(set, order_[from], first);
    if (n > 1) {
      sums_.assign(first, first + dims_);
      for (uint32_t i = 1; i < n; ++i) {
        copy_row(set, order_[from + i], whole);
        for (uint32_t d = 0; d < dims_; ++d) sums_[d] += static_cast<double>(whole[d]);
      }
      const double parts = is_query ? 1 : n;
      for (uint32_t d = 0; d < dims_; ++d) whole[d] = static_cast<float>(sums_[d] / parts);
    } else {
      std::copy_n(first, dims_, whole);
    }
    const bool fills = fill && filled_by_[b] != kNone;
    const float* values[2] = {whole, first};
    if (signs != nullptr) {
      simd::code_kernels().project_f32(whole, fills && n > 1 ? 2 : 1, dims_, signs, padded_,
                                       projected_.data());
      values[0] = projected_.data();
      values[1] = n > 1 ? projected_.data() + padded_ : values[0];
    }
    put(repetition, b, values[0], out);
    if (!fills) continue;
    for (uint32_t empty = filled_by_[b]; empty != kNone; empty = next_[empty])
      put(repetition, empty, values[1], out);
  }
}

void FdeEncoder::encode(const MultiView& set, bool is_query, float* out, Stop stop) {
  std::fill_n(out, out_dims_, 0.0f);
  for (uint32_t first = 0; first < options_.repetitions; first += group_) {
    const uint32_t count = std::min(group_, options_.repetitions - first);
    assign_blocks(set, first, count, stop);
    for (uint32_t r = 0; r < count; ++r)
      encode_repetition(set, first + r, assigned_.data() + size_t{r} * set.count, is_query, out, stop);
  }
}

void FdeEncoder::document(const MultiView& set, float* out, Stop stop) { encode(set, false, out, stop); }

void FdeEncoder::query(const MultiView& set, float* out, Stop stop) {
  if (options_.fill_empty == FillEmpty::kOn) {
    throw Error(ErrorKind::kInvalidParameter, "fill_empty cannot be on for a query",
                "A vector of a query would count several times. Leave fill_empty out: documents are filled, "
                "queries are not.");
  }
  encode(set, true, out, stop);
}

void FdeEncoder::blocks(const MultiView& set, uint32_t repetition, uint32_t* out) {
  assign_blocks(set, repetition, 1, Stop{});
  std::copy_n(assigned_.data(), set.count, out);
}

}  // namespace lowdim::core
