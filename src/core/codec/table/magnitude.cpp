// Rows grouped by norm, groups of equal total norm, so that the few long rows get more: product quantization
// with a codebook for each group (MGQE without training), and truncated SVD with a rank for each group (MDE
// without training). A remap of 32 bits a row says where a row went. For rows of equal norm the groups mean
// nothing, and both are worse than their plain counterparts by what the groups cost.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/base/bytes.h"
#include "core/codec/pq.h"
#include "core/codec/product.h"
#include "core/codec/table/methods.h"

namespace lowdim::core {
namespace {

using Index = Eigen::Index;

constexpr size_t kPqGroups = 2;
constexpr size_t kSvdGroups = 4;
constexpr double kRankPower = -0.3;
constexpr size_t kPqSample = 4096;  // rows of a group that its codebooks are trained on

struct Groups {
  std::vector<uint32_t> place;   // of row i, in the order of the groups
  std::vector<uint32_t> starts;  // place of each group's first row, and the number of rows

  size_t count() const { return starts.size() - 1; }
  size_t size(size_t g) const { return starts[g + 1] - starts[g]; }
  size_t of(uint32_t at) const {
    return static_cast<size_t>(std::upper_bound(starts.begin(), starts.end(), at) - starts.begin()) - 1;
  }
  size_t bytes() const { return (place.size() + starts.size()) * sizeof(uint32_t); }
};

// The longest rows come first. Groups are never empty, so there may be fewer than asked for.
Groups group_by_norm(Rows rows, size_t count, std::vector<uint32_t>& order, const Stop& stop) {
  std::vector<double> norm(rows.n);
  double total = 0;
  for (size_t i = 0; i < rows.n; ++i) {
    if (i % 1024 == 0) stop.check();
    for (size_t j = 0; j < rows.dims; ++j) norm[i] += static_cast<double>(rows.row(i)[j]) * rows.row(i)[j];
    norm[i] = std::sqrt(norm[i]);
    total += norm[i];
  }
  order.resize(rows.n);
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return norm[a] != norm[b] ? norm[a] > norm[b] : a < b; });
  Groups groups;
  groups.place.resize(rows.n);
  groups.starts.push_back(0);
  double sum = 0;
  for (size_t at = 0; at < rows.n; ++at) {
    groups.place[order[at]] = static_cast<uint32_t>(at);
    sum += norm[order[at]];
    const double share = total * static_cast<double>(groups.starts.size()) / static_cast<double>(count);
    if (groups.starts.size() < count && sum >= share && at + 1 < rows.n) {
      groups.starts.push_back(static_cast<uint32_t>(at + 1));
    }
  }
  groups.starts.push_back(static_cast<uint32_t>(rows.n));
  return groups;
}

std::vector<float> gather(Rows rows, const uint32_t* numbers, size_t n) {
  std::vector<float> out(n * rows.dims);
  for (size_t i = 0; i < n; ++i) std::copy_n(rows.row(numbers[i]), rows.dims, out.data() + i * rows.dims);
  return out;
}

class MagnitudeSvdTable final : public CompressedTable {
 public:
  using CompressedTable::CompressedTable;

  size_t bytes() const override {
    size_t floats = 0;
    for (const LowRank& f : factors_) floats += static_cast<size_t>(f.left.size() + f.right.size());
    return floats * sizeof(float) + groups_.bytes();
  }
  size_t shared_bytes() const override {
    size_t floats = 0;
    for (const LowRank& f : factors_) floats += static_cast<size_t>(f.right.size());
    return (floats + groups_.starts.size()) * sizeof(float);
  }
  void decode(size_t row, float* out) const override {
    const uint32_t at = groups_.place[row];
    const size_t g = groups_.of(at);
    const LowRank& f = factors_[g];
    Eigen::Map<Matrix, Eigen::Unaligned> x(out, 1, static_cast<Index>(dims()));
    x.noalias() = f.left.row(static_cast<Index>(at - groups_.starts[g])) * f.right;
  }
  std::string text() const override {
    std::string ranks;
    for (const LowRank& f : factors_) ranks += (ranks.empty() ? "" : ", ") + std::to_string(f.right.rows());
    return "magnitude_svd(ranks " + ranks + ")";
  }

  Groups groups_;
  std::vector<LowRank> factors_;
};

class MagnitudePqTable final : public CompressedTable {
 public:
  using CompressedTable::CompressedTable;

  size_t bytes() const override {
    size_t sum = shared_bytes() + groups_.place.size() * sizeof(uint32_t);
    for (const auto& c : codes_) sum += c.size();
    return sum;
  }
  size_t shared_bytes() const override {
    size_t sum = groups_.starts.size() * sizeof(uint32_t);
    for (const auto& q : quantizers_) {
      ByteWriter image;
      q->write(image);
      sum += image.bytes().size();
    }
    return sum;
  }
  void decode(size_t row, float* out) const override {
    const uint32_t at = groups_.place[row];
    const size_t g = groups_.of(at);
    quantizers_[g]->decode(codes_[g].data() + (at - groups_.starts[g]) * quantizers_[g]->code_bytes(), out);
  }
  std::string text() const override {
    std::string sizes;
    for (const auto& q : quantizers_) {
      sizes += (sizes.empty() ? "" : ", ") + std::to_string(q->code_bytes());
    }
    return "magnitude_pq(" + sizes + " bytes)";
  }

  Groups groups_;
  std::vector<std::unique_ptr<Quantizer>> quantizers_;
  std::vector<std::vector<uint8_t>> codes_;
};

// Sub-spaces of the group of the longest rows, where the others get m: 9 bits for every 8.
size_t larger(size_t m, size_t dims) { return std::min(dims, (9 * m + 7) / 8); }

}  // namespace

std::unique_ptr<CompressedTable> compress_magnitude_svd(Rows rows, TableBudget budget, const Stop& stop) {
  std::vector<uint32_t> order;
  auto table = std::make_unique<MagnitudeSvdTable>(rows.n, rows.dims);
  table->groups_ = group_by_norm(rows, kSvdGroups, order, stop);
  const Groups& groups = table->groups_;
  const auto rank = [&](size_t g, double factor) {
    const double wanted = factor * std::pow(static_cast<double>(groups.size(g)), kRankPower);
    return static_cast<size_t>(std::min(wanted, static_cast<double>(std::min(groups.size(g), rows.dims))));
  };
  const auto size = [&](double factor) {
    double sum = static_cast<double>(rows.n) * sizeof(uint32_t);
    sum += budget.shared_weight * static_cast<double>(groups.starts.size()) * sizeof(uint32_t);
    for (size_t g = 0; g < groups.count(); ++g) {
      const double per_rank =
          static_cast<double>(groups.size(g)) + budget.shared_weight * static_cast<double>(rows.dims);
      sum += static_cast<double>(rank(g, factor)) * per_rank * sizeof(float);
    }
    return sum;
  };
  double low = 0;
  double high = static_cast<double>(rows.dims) * std::pow(static_cast<double>(rows.n), -kRankPower) + 1;
  for (int step = 0; step < 60; ++step) {
    const double middle = (low + high) / 2;
    (size(middle) <= budget.bytes ? low : high) = middle;
  }
  size_t ranks = 0;
  for (size_t g = 0; g < groups.count(); ++g) ranks += rank(g, low);
  if (ranks == 0 || size(low) > budget.bytes) return nullptr;

  for (size_t g = 0; g < groups.count(); ++g) {
    if (rank(g, low) == 0) {  // these rows become zero
      LowRank none;
      none.left.resize(static_cast<Index>(groups.size(g)), 0);
      none.right.resize(0, static_cast<Index>(rows.dims));
      table->factors_.push_back(std::move(none));
      continue;
    }
    const std::vector<float> members = gather(rows, order.data() + groups.starts[g], groups.size(g));
    table->factors_.push_back(low_rank(Rows{members.data(), groups.size(g), rows.dims}, rank(g, low), stop));
  }
  return table;
}

std::unique_ptr<CompressedTable> compress_magnitude_pq(Rows rows, TableBudget budget, uint64_t seed,
                                                       const Stop& stop) {
  std::vector<uint32_t> order;
  auto table = std::make_unique<MagnitudePqTable>(rows.n, rows.dims);
  table->groups_ = group_by_norm(rows, kPqGroups, order, stop);
  const Groups& groups = table->groups_;
  const auto m_of = [&](size_t g, size_t m) {
    return g == 0 && groups.count() > 1 ? larger(m, rows.dims) : m;
  };
  const auto size = [&](size_t m, int bits) {
    double sum = static_cast<double>(rows.n) * sizeof(uint32_t);
    sum += budget.shared_weight * 64;  // the ends of the groups, what else an image of a quantizer holds
    for (size_t g = 0; g < groups.count(); ++g) {
      const size_t code = (m_of(g, m) * static_cast<size_t>(bits) + 7) / 8;
      sum += static_cast<double>(groups.size(g) * code);
      sum += budget.shared_weight * static_cast<double>((rows.dims << bits) * sizeof(float));
    }
    return sum;
  };
  int bits = 8;
  if (size(1, bits) > budget.bytes) bits = 4;  // smaller codebooks
  if (size(1, bits) > budget.bytes) return nullptr;
  size_t m = 1;
  while (m < rows.dims && size(m + 1, bits) <= budget.bytes) ++m;

  for (size_t g = 0; g < groups.count(); ++g) {
    const uint32_t* members = order.data() + groups.starts[g];
    const size_t n = groups.size(g);
    const size_t sample_n = std::min(n, kPqSample);
    std::vector<uint32_t> some(sample_n);
    for (size_t i = 0; i < sample_n; ++i) some[i] = members[i * n / sample_n];
    const std::vector<float> sample = gather(rows, some.data(), sample_n);
    const Rows trained{sample.data(), sample_n, rows.dims};
    PqOptions options;
    options.m = m_of(g, m);
    options.bits = bits;
    options.seed = seed + g;
    std::unique_ptr<Quantizer> quantizer = train_pq(trained, options, stop).quantizer;
    std::vector<uint8_t> codes(n * quantizer->code_bytes());
    for (size_t i = 0; i < n; ++i) {
      if (i % 64 == 0) stop.check();
      quantizer->encode(rows.row(members[i]), codes.data() + i * quantizer->code_bytes());
    }
    table->quantizers_.push_back(std::move(quantizer));
    table->codes_.push_back(std::move(codes));
  }
  return table;
}

}  // namespace lowdim::core
