// OSQ's codes and scores. Bounds are certain, so everything that rounds rounds outwards: the tables of
// squared distances in float, the sums in double by their number of terms. Trained by osq_train.cpp.
#include "core/codec/osq.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace lowdim::core {

namespace {

constexpr int kOvershootZero = 128;  // the byte that means one unit
constexpr uint8_t kUnbounded = 255;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A squared distance as a float that is certainly not above (not below) it. x >= 0. Beyond float's range the
// upper one is infinite, which is still a bound.
float round_down(double x) {
  const float f = static_cast<float>(x);
  return static_cast<double>(f) > x ? std::bit_cast<float>(std::bit_cast<uint32_t>(f) - 1) : f;
}
float round_up(double x) {
  const float f = static_cast<float>(x);
  return static_cast<double>(f) < x ? std::bit_cast<float>(std::bit_cast<uint32_t>(f) + 1) : f;
}

struct Span2 {
  double least, most;  // squared distances from a point to an interval
};

Span2 squared_distances(double q, double left, double right) {
  const double a = std::fabs(q - left), b = std::fabs(q - right);
  const double near = q < left || q > right ? std::min(a, b) : 0, far = std::max(a, b);
  return {near * near, far * far};
}

}  // namespace

class OsqScorer final : public Scorer {
 public:
  OsqScorer(const OsqQuantizer& quantizer, const float* q)
      : quantizer_(quantizer), q_(q, q + quantizer.dims()), products_(quantizer.value_.size()) {
    double norm2 = 0;
    for (size_t j = 0; j < q_.size(); ++j) {
      const double x = static_cast<double>(q_[j]);
      norm2 += x * x;
      const size_t first = quantizer.firsts_[j], n = size_t{1} << quantizer.bits_[j];
      for (size_t c = first; c < first + n; ++c) products_[c] = q_[j] * quantizer.value_[c];
      const double low = x * static_cast<double>(quantizer.left_[first]);
      const double high = x * static_cast<double>(quantizer.right_[first + n - 1]);
      largest_inner_ += std::max(std::fabs(low), std::fabs(high));
      if (quantizer.bits_[j] > 0) continue;
      fixed_ += static_cast<double>(products_[first]);
      fixed_low_ += std::min(low, high);
      fixed_high_ += std::max(low, high);
    }
    norm_ = std::sqrt(norm2);
    // Of sums of so many terms in double, squares and square roots included.
    rounding_ = 0x1p-50 * static_cast<double>(q_.size() + 16);
  }

  void score(const uint8_t* codes, size_t stride, size_t n, float* out) const override {
    const OsqQuantizer::Field* fields = quantizer_.fields_.data();
    const size_t n_fields = quantizer_.fields_.size();
    for (size_t i = 0; i < n; ++i) {
      const uint8_t* code = codes + i * stride;
      float sums[4] = {};  // additions that need not wait for each other
      size_t f = 0;
      for (; f + 4 <= n_fields; f += 4) {
        for (size_t l = 0; l < 4; ++l) sums[l] += products_[fields[f + l].cell(code)];
      }
      for (; f < n_fields; ++f) sums[0] += products_[fields[f].cell(code)];
      out[i] = static_cast<float>(fixed_ + static_cast<double>((sums[0] + sums[1]) + (sums[2] + sums[3])));
    }
  }

  Interval inner_bounds(const uint8_t* code) const override {
    const double radius = radius_of(code);
    double low = fixed_low_, high = fixed_high_;
    for (const OsqQuantizer::Field& field : quantizer_.fields_) {
      const uint32_t c = field.cell(code);
      const double x = static_cast<double>(q_[field.dim]);
      const double a = x * static_cast<double>(quantizer_.left_[c]);
      const double b = x * static_cast<double>(quantizer_.right_[c]);
      low += std::min(a, b);
      high += std::max(a, b);
    }
    if (norm_ == 0) return {0, 0};
    const double reach = norm_ * radius * (1 + rounding_) + rounding_ * largest_inner_;
    return {low - reach, high + reach};
  }

  Interval l2sq_bounds(const uint8_t* code) const override {
    if (tables_.empty()) make_tables();
    double low = fixed_least_, high = fixed_most_;
    for (const OsqQuantizer::Field& field : quantizer_.fields_) {
      const Cell cell = tables_[field.cell(code)];
      low += static_cast<double>(cell.least);
      high += static_cast<double>(cell.most);
    }
    const double radius = radius_of(code);
    if (radius > 0) {
      const double nearer = std::max(0.0, std::sqrt(low) - radius), farther = std::sqrt(high) + radius;
      // The difference loses digits: its rounding is relative to the root.
      low = nearer * nearer - 4 * rounding_ * low;
      high = farther * farther;
    }
    return {std::max(0.0, low * (1 - rounding_)), high * (1 + rounding_)};
  }

 private:
  struct Cell {
    float least, most;
  };

  double radius_of(const uint8_t* code) const { return quantizer_.radius_[code[quantizer_.segment_bytes_]]; }

  // On first use: whoever only scores does not pay for them.
  void make_tables() const {
    tables_.resize(quantizer_.left_.size());
    fixed_least_ = fixed_most_ = 0;
    for (size_t j = 0; j < q_.size(); ++j) {
      const size_t first = quantizer_.firsts_[j], n = size_t{1} << quantizer_.bits_[j];
      for (size_t c = first; c < first + n; ++c) {
        const Span2 d =
            squared_distances(static_cast<double>(q_[j]), static_cast<double>(quantizer_.left_[c]),
                              static_cast<double>(quantizer_.right_[c]));
        tables_[c] = {round_down(d.least), round_up(d.most)};
        if (n > 1) continue;
        fixed_least_ += d.least;
        fixed_most_ += d.most;
      }
    }
  }

  const OsqQuantizer& quantizer_;
  std::vector<float> q_;
  std::vector<float> products_;                        // q_j times each cell's value
  double fixed_ = 0, fixed_low_ = 0, fixed_high_ = 0;  // of the dimensions without bits
  double largest_inner_ = 0;
  double norm_ = 0;
  double rounding_ = 0;
  mutable std::vector<Cell> tables_;
  mutable double fixed_least_ = 0, fixed_most_ = 0;
};

OsqQuantizer::OsqQuantizer(std::vector<uint8_t> bits, const std::vector<OsqCells>& cells, float unit,
                           std::vector<float> means)
    : bits_(std::move(bits)), unit_(unit), means_(std::move(means)) {
  size_t at = 0;  // bit
  for (size_t j = 0; j < bits_.size(); ++j) {
    const size_t n = cells[j].values.size(), room = size_t{1} << bits_[j];
    const uint32_t first = static_cast<uint32_t>(left_.size());
    for (size_t c = 0; c < room; ++c) {
      const size_t source = std::min(c, n - 1);
      left_.push_back(cells[j].edges[source]);
      right_.push_back(cells[j].edges[source + 1]);
      value_.push_back(cells[j].values[source]);
    }
    cells_.push_back(static_cast<uint16_t>(n));
    firsts_.push_back(first);
    if (bits_[j] > 0) {
      fields_.push_back({static_cast<uint32_t>(j), static_cast<uint32_t>(at / 8), first,
                         static_cast<uint16_t>(room - 1), static_cast<uint8_t>(at % 8)});
    }
    at += bits_[j];
  }
  segment_bytes_ = (at + 7) / 8;
  static constexpr double kRoots[4] = {1, 1.189207115002721, 1.4142135623730951, 1.681792830507429};
  for (int v = 1; v < kUnbounded; ++v) {
    radius_[static_cast<size_t>(v)] =
        std::ldexp(static_cast<double>(unit_) * kRoots[v % 4], v / 4 - kOvershootZero / 4);
  }
  radius_[kUnbounded] = kInfinity;
}

void OsqQuantizer::encode(const float* u, uint8_t* code) const {
  std::memset(code, 0, code_bytes());
  double beyond2 = 0;
  for (size_t j = 0; j < bits_.size(); ++j) {
    const double x = static_cast<double>(u[j]);
    const double low = static_cast<double>(left_[firsts_[j]]);
    const double high = static_cast<double>(right_[firsts_[j] + cells_[j] - 1]);
    if (x >= low && x <= high) continue;
    const double d = x < low ? low - x : x - high;
    beyond2 += d * d;
  }
  for (const Field& field : fields_) {
    // The cell is the number of inner edges at or below u.
    const float* inner = left_.data() + field.first + 1;
    const auto cell =
        static_cast<uint32_t>(std::upper_bound(inner, inner + cells_[field.dim] - 1, u[field.dim]) - inner);
    const uint32_t two = cell << field.shift;
    code[field.byte] |= static_cast<uint8_t>(two);
    code[field.byte + 1] |= static_cast<uint8_t>(two >> 8);
  }
  if (beyond2 != 0) {  // also if it is not a number
    const double r = std::sqrt(beyond2) * (1 + 1e-9);
    const double* at = std::lower_bound(radius_.data() + 1, radius_.data() + kUnbounded, r);
    code[segment_bytes_] =
        r <= radius_[kUnbounded - 1] ? static_cast<uint8_t>(at - radius_.data()) : kUnbounded;
  }
  if (has_signs()) encode_signs(u, code + sign_offset());
}

void OsqQuantizer::encode_signs(const float* u, uint8_t* out) const {
  if (!has_signs()) return;
  std::memset(out, 0, sign_bytes());
  for (size_t j = 0; j < means_.size(); ++j) {
    if (u[j] > means_[j]) out[j / 8] |= static_cast<uint8_t>(1 << (j % 8));
  }
}

void OsqQuantizer::decode(const uint8_t* code, float* u) const {
  for (size_t j = 0; j < bits_.size(); ++j) u[j] = value_[firsts_[j]];
  for (const Field& field : fields_) u[field.dim] = value_[field.cell(code)];
}

std::unique_ptr<Scorer> OsqQuantizer::prepare(const float* q) const {
  return std::make_unique<OsqScorer>(*this, q);
}

// signs u8, unit f32, bits u8[dims], then for each dimension cells u8, edges f32[cells + 1], values
// f32[cells]; means f32[dims] if signs.
void OsqQuantizer::write(ByteWriter& out) const {
  out.put(static_cast<uint8_t>(has_signs()));
  out.put(unit_);
  out.put_all(bits_.data(), bits_.size());
  for (size_t j = 0; j < bits_.size(); ++j) {
    out.put(static_cast<uint8_t>(cells_[j]));
    out.put_all(left_.data() + firsts_[j], cells_[j]);
    out.put(right_[firsts_[j] + cells_[j] - 1]);
    out.put_all(value_.data() + firsts_[j], cells_[j]);
  }
  out.put_all(means_.data(), means_.size());
}

std::unique_ptr<Quantizer> OsqQuantizer::read(ByteReader& in, size_t dims) {
  const uint8_t signs = in.get<uint8_t>();
  const float unit = in.get_finite();
  if (dims < 1 || signs > 1 || !(unit > 0)) ByteReader::corrupted();
  std::vector<uint8_t> bits = in.get_all<uint8_t>(dims);
  std::vector<OsqCells> cells(dims);
  for (size_t j = 0; j < dims; ++j) {
    if (bits[j] > kOsqMaxBits) ByteReader::corrupted();
    const size_t n = in.get<uint8_t>();
    if (n < 1 || n > size_t{1} << bits[j]) ByteReader::corrupted();
    cells[j].edges = in.get_all<float>(n + 1);
    cells[j].values = in.get_all<float>(n);
    for (size_t c = 0; c < n; ++c) {
      const float left = cells[j].edges[c], right = cells[j].edges[c + 1], value = cells[j].values[c];
      if (!(left <= value && value <= right)) ByteReader::corrupted();
    }
  }
  std::vector<float> means;
  if (signs != 0) means = in.get_all<float>(dims);
  return std::unique_ptr<Quantizer>(new OsqQuantizer(std::move(bits), cells, unit, std::move(means)));
}

std::vector<std::pair<std::string, std::string>> OsqQuantizer::facts() const {
  std::string list = "[";
  size_t total = 0, cells = 0;
  for (size_t j = 0; j < bits_.size(); ++j) {
    list += (j == 0 ? "" : ",") + std::to_string(bits_[j]);
    total += bits_[j];
    cells += cells_[j];
  }
  return {{"bits_by_dimension", list + "]"},
          {"bits", std::to_string(total)},
          {"cells", std::to_string(cells)},
          {"segments", std::to_string(segment_bytes_)},
          {"sign_bits", has_signs() ? "true" : "false"}};
}

}  // namespace lowdim::core
