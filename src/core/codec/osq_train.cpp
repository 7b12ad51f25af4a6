// How an OsqQuantizer is trained: bits by dimension, then cells by dimension.
#include <algorithm>
#include <cmath>
#include <queue>

#include "core/codec/osq.h"

namespace lowdim::core {

namespace {

constexpr int kLloydRounds = 250;
constexpr double kLloydChange = 0.005;

// Sorted values with running sums: the mean and the squared error of any stretch in constant time.
class Sorted {
 public:
  explicit Sorted(std::vector<float> values) : values_(std::move(values)) {
    std::sort(values_.begin(), values_.end());
    double sum = 0;
    for (const float v : values_) sum += static_cast<double>(v);
    centre_ = sum / static_cast<double>(values_.size());  // running sums about the mean do not cancel
    sums_.resize(values_.size() + 1);
    squares_.resize(values_.size() + 1);
    for (size_t i = 0; i < values_.size(); ++i) {
      const double d = static_cast<double>(values_[i]) - centre_;
      sums_[i + 1] = sums_[i] + d;
      squares_[i + 1] = squares_[i] + d * d;
    }
  }

  const std::vector<float>& values() const { return values_; }
  // Of values[a..b), a < b.
  double mean(size_t a, size_t b) const {
    return centre_ + (sums_[b] - sums_[a]) / static_cast<double>(b - a);
  }
  double error(size_t a, size_t b) const {
    if (values_[a] == values_[b - 1]) return 0;
    const double sum = sums_[b] - sums_[a];
    return std::max(0.0, squares_[b] - squares_[a] - sum * sum / static_cast<double>(b - a));
  }
  // Where the cell that begins at edge begins.
  size_t at(float edge) const {
    return static_cast<size_t>(std::lower_bound(values_.begin(), values_.end(), edge) - values_.begin());
  }

 private:
  std::vector<float> values_;
  double centre_;
  std::vector<double> sums_, squares_;
};

// Inner edges, and for each cell where its values begin (with a last entry n).
class Partition {
 public:
  Partition(const Sorted& sorted, size_t n_cells) : sorted_(&sorted) {
    const std::vector<float>& v = sorted.values();
    for (size_t c = 1; c < n_cells; ++c) edges_.push_back(v[c * v.size() / n_cells]);
    settle();
    fill(n_cells);
  }

  // One round of Lloyd: edges halfway between means.
  void step(size_t n_cells) {
    for (size_t c = 0; c < edges_.size(); ++c) {
      edges_[c] = static_cast<float>((mean(c) + mean(c + 1)) / 2);
    }
    settle();
    fill(n_cells);
  }

  double error() const {
    double sum = 0;
    for (size_t c = 0; c < cells(); ++c) sum += sorted_->error(begins_[c], begins_[c + 1]);
    return sum;
  }
  size_t cells() const { return begins_.size() - 1; }
  double mean(size_t c) const { return sorted_->mean(begins_[c], begins_[c + 1]); }
  const std::vector<float>& edges() const { return edges_; }

 private:
  // Drops the edges that leave a cell empty.
  void settle() {
    const size_t n = sorted_->values().size();
    begins_.assign(1, 0);
    size_t kept = 0;
    for (const float edge : edges_) {
      const size_t at = sorted_->at(edge);
      if (at > begins_.back() && at < n) {
        begins_.push_back(at);
        edges_[kept++] = edge;
      }
    }
    edges_.resize(kept);
    begins_.push_back(n);
  }

  // Cells are lost where values repeat: splits the cell with the largest error at its mean until the number
  // is right or every cell holds one value.
  void fill(size_t n_cells) {
    const std::vector<float>& v = sorted_->values();
    while (cells() < n_cells) {
      size_t worst = 0;
      double most = 0;
      for (size_t c = 0; c < cells(); ++c) {
        const double e = sorted_->error(begins_[c], begins_[c + 1]);
        if (e > most) {
          most = e;
          worst = c;
        }
      }
      if (most <= 0) return;
      const float first = v[begins_[worst]], last = v[begins_[worst + 1] - 1];
      float edge = static_cast<float>(mean(worst));
      if (!(edge > first && edge <= last)) edge = last;  // rounded onto an end
      begins_.insert(begins_.begin() + static_cast<std::ptrdiff_t>(worst) + 1, sorted_->at(edge));
      edges_.insert(edges_.begin() + static_cast<std::ptrdiff_t>(worst), edge);
    }
  }

  const Sorted* sorted_;
  std::vector<float> edges_;
  std::vector<size_t> begins_;
};

std::vector<float> column(const Rows& rows, size_t dim) {
  std::vector<float> values(rows.n);
  for (size_t i = 0; i < rows.n; ++i) values[i] = rows.row(i)[dim];
  return values;
}

void check_rows(const Rows& rows) {
  if (rows.dims < 1) throw Error(ErrorKind::kInvalidParameter, "osq needs at least 1 dimension");
  if (rows.n < 1) throw Error(ErrorKind::kData, "osq needs at least 1 vector to train on");
}

struct Moments {
  std::vector<double> means, variances;
};

Moments moments_of(const Rows& rows, const Stop& stop) {
  Moments m{std::vector<double>(rows.dims), std::vector<double>(rows.dims)};
  const double n = static_cast<double>(rows.n);
  for (size_t i = 0; i < rows.n; ++i) {
    if (i % 1024 == 0) stop.check();
    for (size_t j = 0; j < rows.dims; ++j) m.means[j] += static_cast<double>(rows.row(i)[j]);
  }
  for (double& mean : m.means) mean /= n;
  for (size_t i = 0; i < rows.n; ++i) {
    if (i % 1024 == 0) stop.check();
    for (size_t j = 0; j < rows.dims; ++j) {
      const double d = static_cast<double>(rows.row(i)[j]) - m.means[j];
      m.variances[j] += d * d / n;
    }
  }
  return m;
}

}  // namespace

std::vector<uint8_t> osq_allocate(const std::vector<double>& variances, size_t budget) {
  struct Claim {
    double energy;
    size_t dim;
    // The top of the heap is the largest energy, and of equal ones the first dimension.
    bool operator<(const Claim& other) const {
      return energy != other.energy ? energy < other.energy : dim > other.dim;
    }
  };
  std::vector<uint8_t> bits(variances.size());
  std::priority_queue<Claim> claims;
  for (size_t j = 0; j < variances.size(); ++j) {
    if (variances[j] > 0) claims.push({variances[j], j});
  }
  while (budget > 0 && !claims.empty()) {
    const Claim claim = claims.top();
    claims.pop();
    ++bits[claim.dim];
    --budget;
    if (bits[claim.dim] < kOsqMaxBits) claims.push({claim.energy / 4, claim.dim});
  }
  return bits;
}

OsqCells osq_train_cells(std::vector<float> values, size_t n_cells) {
  const Sorted sorted(std::move(values));
  Partition partition(sorted, n_cells);
  double before = partition.error();
  Partition best = partition;
  for (int round = 0; round < kLloydRounds && before > 0; ++round) {
    partition.step(n_cells);
    const double now = partition.error();
    if (now >= before) break;
    const bool settled = before - now < kLloydChange * before;
    best = partition;
    before = now;
    if (settled) break;
  }
  OsqCells cells;
  cells.edges.push_back(sorted.values().front());
  cells.edges.insert(cells.edges.end(), best.edges().begin(), best.edges().end());
  cells.edges.push_back(sorted.values().back());
  for (size_t c = 0; c < best.cells(); ++c) {
    // The mean is inside the cell, but for rounding.
    cells.values.push_back(std::clamp(static_cast<float>(best.mean(c)), cells.edges[c], cells.edges[c + 1]));
  }
  return cells;
}

std::unique_ptr<OsqQuantizer> OsqQuantizer::train(const Rows& rows, const OsqOptions& options,
                                                  const Stop& stop) {
  check_rows(rows);
  if (!(options.bits_per_dim > 0 && options.bits_per_dim <= kOsqMaxBits)) {
    throw Error(ErrorKind::kInvalidParameter, "osq bits_per_dim must be above 0 and at most 8");
  }
  const double budget = std::floor(options.bits_per_dim * static_cast<double>(rows.dims) + 0.5);
  const Moments m = moments_of(rows, stop);
  return train_with_bits(rows, osq_allocate(m.variances, static_cast<size_t>(std::max(1.0, budget))),
                         options.signs, stop);
}

std::unique_ptr<OsqQuantizer> OsqQuantizer::train_with_bits(const Rows& rows,
                                                            const std::vector<uint8_t>& bits, bool signs,
                                                            const Stop& stop) {
  check_rows(rows);
  if (bits.size() != rows.dims) throw Error(ErrorKind::kInternal, "osq: one number of bits per dimension");
  const Moments m = moments_of(rows, stop);
  std::vector<OsqCells> cells(rows.dims);
  double total = 0;
  for (size_t j = 0; j < rows.dims; ++j) {
    stop.check();
    if (bits[j] > kOsqMaxBits) throw Error(ErrorKind::kInvalidParameter, "osq: at most 8 bits a dimension");
    cells[j] = osq_train_cells(column(rows, j), std::min(size_t{1} << bits[j], kOsqMaxCells));
    total += m.variances[j];
  }
  const float unit = static_cast<float>(std::sqrt(total));
  std::vector<float> means;
  if (signs) means.assign(m.means.begin(), m.means.end());
  // unit is zero or infinite for constant and for enormous data: any positive number keeps the bounds valid.
  return std::unique_ptr<OsqQuantizer>(
      new OsqQuantizer(bits, cells, unit > 0 && unit - unit == 0 ? unit : 1.0f, std::move(means)));
}

}  // namespace lowdim::core
