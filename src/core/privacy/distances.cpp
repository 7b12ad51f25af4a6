// See distances.h.

#include "core/privacy/distances.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/vec/limits.h"

namespace lowdim::core {
namespace {

// Nodes of a tree without its root.
uint64_t node_count(uint32_t depth) { return (uint64_t{2} << depth) - 2; }
// Of the node at that depth and place.
uint64_t node_at(uint32_t depth, uint64_t place) { return (uint64_t{1} << depth) - 2 + place; }

// What a row adds to a count at a depth, and what an offset in units of kFixedOne is multiplied by: floors of
// 2^(20 - l/2) and 2^(l/2).
constexpr double kRootHalf = 0.70710678118654752440;
int64_t count_weight(uint32_t depth) {
  const int64_t even = kFixedOne >> (depth / 2);
  return depth % 2 == 0 ? even : static_cast<int64_t>(static_cast<double>(even) * kRootHalf);
}
int64_t offset_weight(uint32_t depth) {
  const int64_t even = int64_t{1} << (depth / 2);
  return depth % 2 == 0 ? even : static_cast<int64_t>(static_cast<double>(even) / kRootHalf);
}

RowBound row_bound(const DistanceOptions& options, int64_t weight) {
  RowBound row;
  for (uint32_t depth = 1; depth <= options.depth; ++depth) {
    const uint64_t count = static_cast<uint64_t>(count_weight(depth));
    const uint64_t offset = static_cast<uint64_t>(offset_weight(depth) * (kFixedOne >> (depth + 1)));
    row.l1 += count + offset;
    row.l2_square += static_cast<U128>(count) * count + static_cast<U128>(offset) * offset;
  }
  const uint64_t w = static_cast<uint64_t>(weight);
  row.l1 = row.l1 * options.coordinates() + w;
  row.l2_square = row.l2_square * options.coordinates() + static_cast<U128>(w) * w;
  return row;
}

int64_t row_weight(const DistanceOptions& options, const PrivacyOptions& privacy) {
  const double n = options.coordinates(), one = static_cast<double>(kFixedOne);
  double weight = one;
  if (privacy.mechanism == NoiseMechanism::kGaussian) weight = one * std::sqrt(n) / 4;
  if (privacy.mechanism == NoiseMechanism::kLaplace) weight = one * n / 4;
  return std::min(static_cast<int64_t>(weight), kMaxContribution);
}

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorKind::kInvalidParameter, message); }

void write_options(ByteWriter& out, const DistanceOptions& o) {
  out.put<uint8_t>(static_cast<uint8_t>(o.kind));
  out.put<uint32_t>(o.dims);
  out.put<double>(o.low);
  out.put<double>(o.high);
  out.put<double>(o.radius);
  out.put<uint32_t>(o.directions);
  out.put<uint64_t>(o.seed);
  out.put<uint32_t>(o.depth);
}

DistanceOptions read_options(ByteReader& in) {
  DistanceOptions o;
  const uint8_t kind = in.get<uint8_t>();
  if (kind > 1) damaged_image();
  o.kind = static_cast<DistanceKind>(kind);
  o.dims = in.get<uint32_t>();
  o.low = in.get<double>();
  o.high = in.get<double>();
  o.radius = in.get<double>();
  o.directions = in.get<uint32_t>();
  o.seed = in.get<uint64_t>();
  o.depth = in.get<uint32_t>();
  o.check();
  return o;
}

// Where the rows of a cell lie on average, if noise leaves that in the cell; else the nearest place there, or
// its middle where it does not even leave rows.
double mean_in_cell(double count, double offset, size_t place, uint32_t depth) {
  const double half = std::ldexp(1.0, -static_cast<int>(depth) - 1);
  const double middle = half * (2 * static_cast<double>(place) + 1);
  return count > 0 ? middle + std::clamp(offset / count, -half, half) : middle;
}

// E |u_1| of a uniform direction u in n dimensions.
double mean_component(uint32_t n) {
  return std::exp(std::lgamma(n / 2.0) - std::lgamma((n + 1) / 2.0)) / std::sqrt(3.14159265358979323846);
}

}  // namespace

void DistanceOptions::check() const {
  if (dims < 1 || dims > static_cast<uint32_t>(kMaxDims)) {
    refuse("dimensions must be between 1 and " + std::to_string(kMaxDims));
  }
  if (!(high - low >= 1e-30 && low >= -1e30 && high <= 1e30)) {
    refuse("the lower bound of a box must be below the upper one, and both within 1e30");
  }
  if (!(radius >= 1e-30 && radius <= 1e30)) refuse("radius must be a positive number");
  if (directions < 1 || directions > static_cast<uint32_t>(kMaxDims)) {
    refuse("directions must be between 1 and " + std::to_string(kMaxDims));
  }
  if (depth < 1 || depth > kMaxDepth) refuse("depth must be between 1 and " + std::to_string(kMaxDepth));
  if (coordinates() * node_count(depth) * 2 > kMaxValues) {
    throw Error(ErrorKind::kLimit,
                "trees for " + std::to_string(coordinates()) + " coordinates of depth " +
                    std::to_string(depth) + " have more than " + std::to_string(kMaxValues) + " values",
                "Choose a smaller depth.");
  }
}

DistanceMap::DistanceMap(const DistanceOptions& options)
    : options_(options), low_(options.low), width_(options.high - options.low), factor_(width_) {
  if (options.kind == DistanceKind::kL1) return;
  const uint32_t padded = Directions::padded(options.dims), k = options.directions;
  const double half = options.radius * std::min(1.0, 4 / std::sqrt(static_cast<double>(padded)));
  low_ = -half;
  width_ = 2 * half;
  factor_ = width_ / (k * mean_component(padded));
  directions_ = Directions(options.dims, std::vector<double>(k, 1.0), options.seed);
  projected_.resize(k);
}

void DistanceMap::apply(const float* x, double* out) {
  if (options_.kind == DistanceKind::kL2) {
    directions_.apply(x, projected_.data());
    x = projected_.data();
  }
  for (uint32_t j = 0; j < options_.coordinates(); ++j) out[j] = (static_cast<double>(x[j]) - low_) / width_;
}

DistanceSums::DistanceSums(const DistanceOptions& options) : options_(options) {
  options_.check();
  cells_.resize((size_t{2} << options_.depth) * options_.coordinates());
  at_.resize(options_.coordinates());
}

void DistanceSums::add(const float* x) {
  check_rows(rows_ + 1);
  if (!map_) map_.emplace(options_);
  map_->apply(x, at_.data());
  const size_t cells = size_t{1} << options_.depth;
  for (uint32_t j = 0; j < options_.coordinates(); ++j) {
    const int64_t q = std::max<int64_t>(to_fixed(at_[j]), 0);
    const size_t cell = std::min(static_cast<size_t>(q) * cells / static_cast<size_t>(kFixedOne), cells - 1);
    int64_t* const at = cells_.data() + 2 * (j * cells + cell);
    at[0] += 1;
    at[1] += q;
  }
  ++rows_;
}

void DistanceSums::merge(const DistanceSums& other) {
  if (!(options_ == other.options_)) {
    throw Error(ErrorKind::kInvalidParameter, "distance sums with different options cannot be merged");
  }
  check_rows(rows_ + other.rows_);
  for (size_t i = 0; i < cells_.size(); ++i) cells_[i] += other.cells_[i];
  rows_ += other.rows_;
}

std::vector<uint8_t> DistanceSums::image() const {
  ByteWriter out = begin_image(PrivateImage::kDistanceSums);
  write_options(out, options_);
  out.put<int64_t>(rows_);
  out.put_all(cells_.data(), cells_.size());
  return end_image(std::move(out));
}

DistanceSums DistanceSums::read(const uint8_t* bytes, size_t n) {
  return read_or_damaged([&] {
    ByteReader in = open_image(PrivateImage::kDistanceSums, bytes, n);
    DistanceSums sums(read_options(in));
    sums.rows_ = in.get<int64_t>();
    if (sums.rows_ < 0 || sums.rows_ > kMaxPrivateRows) damaged_image();
    sums.cells_ = in.get_all<int64_t>(sums.cells_.size());
    for (const int64_t v : sums.cells_)
      if (v > sums.rows_ * kMaxContribution || v < 0) damaged_image();
    in.end();
    return sums;
  });
}

Guarantee guarantee_of(const DistanceOptions& options, const PrivacyOptions& privacy) {
  options.check();
  const uint64_t values = 2 * options.coordinates() * node_count(options.depth) + 1;
  return calibrate(privacy, row_bound(options, row_weight(options, privacy)), values);
}

DistanceSketch::DistanceSketch(const DistanceSums& sums, const PrivacyOptions& privacy, RandomBits& bits)
    : options_(sums.options()),
      guarantee_(guarantee_of(options_, privacy)),
      weight_(row_weight(options_, privacy)) {
  const uint32_t h = options_.depth, n = options_.coordinates();
  const uint64_t nodes = node_count(h);
  values_.resize(2 * n * nodes + 1);
  std::vector<int64_t> level;
  for (uint32_t j = 0; j < n; ++j) {
    const size_t cells = size_t{1} << h;
    const int64_t* const from = sums.cells().data() + 2 * j * cells;
    level.assign(from, from + 2 * cells);
    for (uint32_t depth = h; depth >= 1; --depth) {
      const int64_t half = kFixedOne >> (depth + 1);
      const size_t places = size_t{1} << depth;
      for (size_t i = 0; i < places; ++i) {
        const int64_t middle = half * (2 * static_cast<int64_t>(i) + 1);
        int64_t* const out = values_.data() + 2 * (j * nodes + node_at(depth, i));
        out[0] = level[2 * i] * count_weight(depth);
        out[1] = (level[2 * i + 1] - level[2 * i] * middle) * offset_weight(depth);
      }
      for (size_t i = 0; i < places; i += 2) {
        level[i] = level[2 * i] + level[2 * i + 2];
        level[i + 1] = level[2 * i + 1] + level[2 * i + 3];
      }
    }
  }
  values_.back() = sums.rows() * weight_;
  add_noise(guarantee_, values_.data(), values_.size(), bits);
}

double DistanceSketch::rows() const {
  return static_cast<double>(values_.back()) / static_cast<double>(weight_);
}

std::vector<uint8_t> DistanceSketch::image() const {
  ByteWriter out = begin_image(PrivateImage::kDistanceSketch);
  write_options(out, options_);
  write_guarantee(out, guarantee_);
  out.put<int64_t>(weight_);
  out.put_all(values_.data(), values_.size());
  return end_image(std::move(out));
}

DistanceSketch DistanceSketch::read(const uint8_t* bytes, size_t n) {
  return read_or_damaged([&] {
    ByteReader in = open_image(PrivateImage::kDistanceSketch, bytes, n);
    DistanceSketch sketch;
    sketch.options_ = read_options(in);
    sketch.guarantee_ = read_guarantee(in);
    sketch.weight_ = in.get<int64_t>();
    if (sketch.weight_ < 1 || sketch.weight_ > kMaxContribution) damaged_image();
    sketch.values_ =
        in.get_all<int64_t>(2 * sketch.options_.coordinates() * node_count(sketch.options_.depth) + 1);
    in.end();
    return sketch;
  });
}

std::vector<std::pair<std::string, std::string>> DistanceSketch::facts() const {
  const bool l1 = options_.kind == DistanceKind::kL1;
  std::vector<std::pair<std::string, std::string>> out = {
      {"statistic", l1 ? "l1 distances" : "l2 distances"},
      {"dimensions", std::to_string(options_.dims)},
      {"depth", std::to_string(options_.depth)},
      {"scale", std::to_string(kFixedOne)},
      {"clipping", l1 ? "box [" + number_text(options_.low) + "," + number_text(options_.high) + "]"
                      : "radius " + number_text(options_.radius)},
      {"rows", number_text(rows())},
  };
  if (!l1) {
    out.emplace_back("directions", std::to_string(options_.directions));
    out.emplace_back("seed", std::to_string(options_.seed));
  }
  for (auto& fact : guarantee_.facts()) out.push_back(std::move(fact));
  return out;
}

DistanceQuery::DistanceQuery(const DistanceSketch& sketch, bool consistent)
    : options_(sketch.options()), map_(sketch.options()), rows_(sketch.rows()) {
  const uint32_t h = options_.depth, n = options_.coordinates();
  const uint64_t nodes = node_count(h);
  const double one = static_cast<double>(kFixedOne);
  variances_[0] = std::pow(static_cast<double>(sketch.weight()), -2);
  for (uint32_t l = 1; l <= h; ++l) variances_[l] = std::pow(static_cast<double>(count_weight(l)), -2);
  nodes_.resize(n * nodes);
  lines_.resize(size_t{n} << h);
  at_.resize(n);
  std::vector<Line> level, next;
  for (uint32_t j = 0; j < n; ++j) {
    Node* const tree = nodes_.data() + j * nodes;
    const int64_t* const values = sketch.values().data() + 2 * j * nodes;
    for (uint32_t l = 1; l <= h; ++l) {
      for (uint64_t i = node_at(l, 0); i < node_at(l + 1, 0); ++i) {
        tree[i].count = static_cast<double>(values[2 * i]) / static_cast<double>(count_weight(l));
        tree[i].offset =
            static_cast<double>(values[2 * i + 1]) / (static_cast<double>(offset_weight(l)) * one);
      }
    }
    if (consistent) make_consistent(tree, rows_);
    // The sum of distances to all but the rows of a cell, as slope y + start, from the root down: a left node
    // adds count y - sum, a right one sum - count y.
    level.assign(1, Line{});
    for (uint32_t l = 1; l <= h; ++l) {
      next.resize(size_t{1} << l);
      for (size_t i = 0; i < next.size(); ++i) {
        const Node& sibling = tree[node_at(l, i ^ 1)];
        const double middle = std::ldexp(2 * static_cast<double>(i ^ 1) + 1, -static_cast<int>(l) - 1);
        const double total = sibling.count * middle + sibling.offset, side = i % 2 == 1 ? 1 : -1;
        next[i] = {level[i / 2].slope + side * sibling.count, level[i / 2].start - side * total, 0, 0, 0};
      }
      level.swap(next);
    }
    for (size_t i = 0; i < level.size(); ++i) {
      const Node& cell = tree[node_at(h, i)];
      const double half = std::ldexp(1.0, -static_cast<int>(h) - 1);
      level[i].count = cell.count;
      level[i].mean = mean_in_cell(cell.count, cell.offset, i, h);
      level[i].spread = half - std::abs(level[i].mean - half * (2 * static_cast<double>(i) + 1));
    }
    std::copy(level.begin(), level.end(), lines_.begin() + static_cast<ptrdiff_t>(size_t{j} << h));
  }
}

// Up: the best estimate of a count from its subtree. Down: what a parent knows better is shared by its two
// children, whose estimates are equally good. (Hay, Rastogi, Miklau, Suciu, VLDB 2010, with variances by
// depth.)
void DistanceQuery::make_consistent(Node* tree, double rows) const {
  const uint32_t h = options_.depth;
  double below = variances_[h];
  for (uint32_t l = h - 1; l >= 1; --l) {
    const double own = 1 / variances_[l], children = 1 / (2 * below);
    for (uint64_t i = 0; i < uint64_t{1} << l; ++i) {
      const double sum = tree[node_at(l + 1, 2 * i)].count + tree[node_at(l + 1, 2 * i + 1)].count;
      double& count = tree[node_at(l, i)].count;
      count = (own * count + children * sum) / (own + children);
    }
    below = 1 / (own + children);
  }
  const double own = 1 / variances_[0], children = 1 / (2 * below);
  rows = (own * rows + children * (tree[0].count + tree[1].count)) / (own + children);
  for (uint32_t l = 1; l <= h; ++l) {
    for (uint64_t i = 0; i < uint64_t{1} << l; i += 2) {
      Node* const pair = tree + node_at(l, i);
      const double parent = l == 1 ? rows : tree[node_at(l - 1, i / 2)].count;
      const double half = (parent - pair[0].count - pair[1].count) / 2;
      pair[0].count += half;
      pair[1].count += half;
    }
  }
}

double DistanceQuery::sum(const float* y) {
  map_.apply(y, at_.data());
  const double cells = std::ldexp(1.0, static_cast<int>(options_.depth));
  double sum = 0;
  for (uint32_t j = 0; j < options_.coordinates(); ++j) {
    const double at = at_[j] > 1 ? 1 : at_[j] >= 0 ? at_[j] : 0;
    const size_t cell = static_cast<size_t>(std::min(std::floor(at * cells), cells - 1));
    const Line& line = lines_[(size_t{j} << options_.depth) + cell];
    const double away = std::abs(at - line.mean), spread = line.spread;
    const double inside = away >= spread ? away : (away * away + spread * spread) / (2 * spread);
    sum += line.slope * at + line.start + line.count * inside;
    // From the end of the interval on, all rows are on one side.
    if (at_[j] != at && options_.kind == DistanceKind::kL1) sum += std::abs(at_[j] - at) * rows_;
  }
  return sum * map_.factor();
}

// Of the node's rows, in units of the interval. Spread evenly over [m - w, m + w], the mean of |x - y|^p is
// that of a difference of powers; what the offset says of their mean moves it by its derivative, or, in a
// cell, where w may be 0, m itself.
double DistanceQuery::power(const Node* tree, uint32_t depth, uint32_t place, double y, double p) const {
  const double half = std::ldexp(1.0, -static_cast<int>(depth) - 1), middle = half * (2.0 * place + 1);
  const auto spread_evenly = [p](double away, double w) {
    const auto signed_power = [p](double v) { return std::copysign(std::pow(std::abs(v), p + 1), v); };
    return w > 0 ? (signed_power(away + w) - signed_power(away - w)) / (2 * w * (p + 1)) : std::pow(away, p);
  };
  const double away = std::abs(middle - y);
  if (depth > 0 && away >= 5 * half) {
    const Node& node = tree[node_at(depth, place)];
    const double slope = (std::pow(away + half, p) - std::pow(away - half, p)) / (2 * half);
    return node.count * spread_evenly(away, half) + (middle > y ? 1 : -1) * node.offset * slope;
  }
  if (depth == options_.depth) {
    const Node& node = tree[node_at(depth, place)];
    const double mean = mean_in_cell(node.count, node.offset, place, depth);
    return node.count * spread_evenly(std::abs(mean - y), half - std::abs(mean - middle));
  }
  return power(tree, depth + 1, 2 * place, y, p) + power(tree, depth + 1, 2 * place + 1, y, p);
}

double DistanceQuery::power_sum(const float* y, double p) {
  if (options_.kind != DistanceKind::kL1) {
    throw Error(ErrorKind::kNotSupported, "powers of coordinate distances need an l1 sketch");
  }
  if (!(p > 0 && p <= 8)) refuse("the power must be above 0 and at most 8");
  map_.apply(y, at_.data());
  // From far away all rows are at one place; their powers need not fit where distances do.
  constexpr double kFar = 1e9, kMost = 1e300;
  double sum = 0, far = 0;
  for (uint32_t j = 0; j < options_.coordinates(); ++j) {
    const double at = std::isnan(at_[j]) ? 0 : at_[j];
    if (std::abs(at) <= kFar) {
      sum += power(nodes_.data() + j * node_count(options_.depth), 0, 0, at, p);
    } else {
      far += rows_ * std::min(std::pow(std::abs(at) * map_.width(), p), kMost);
    }
  }
  return sum * std::pow(map_.width(), p) + far;
}

}  // namespace lowdim::core
