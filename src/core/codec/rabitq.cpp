// RaBitQ's codes, estimates and bounds. Nothing here depends on the instruction set: codes and scores are the
// same on every level. The code search itself is rabitq_grid.cpp.
#include "core/codec/rabitq.h"

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <utility>

#include "core/codec/rabitq_grid.h"
#include "core/simd/kernels.h"

namespace lowdim::core {

namespace {

struct Factors {
  float scale;
  float error;
};

Factors factors_of(const uint8_t* code, size_t planes_bytes) {
  Factors f;
  std::memcpy(&f.scale, code + planes_bytes, sizeof f.scale);
  std::memcpy(&f.error, code + planes_bytes + sizeof f.scale, sizeof f.error);
  return f;
}

// Transposes an 8 x 8 bit matrix, row r in byte r: swaps ever larger off-diagonal blocks.
uint64_t transpose8(uint64_t x) {
  uint64_t t = (x ^ (x >> 7)) & 0x00aa00aa00aa00aau;
  x ^= t ^ (t << 7);
  t = (x ^ (x >> 14)) & 0x0000cccc0000ccccu;
  x ^= t ^ (t << 14);
  t = (x ^ (x >> 28)) & 0x00000000f0f0f0f0u;
  return x ^ t ^ (t << 28);
}

float to_finite_float(double x) { return static_cast<float>(std::min(x, static_cast<double>(FLT_MAX))); }

// For each group of 4 dimensions the 16 sums of +-q/2: table[v] is what the four bits v of a plane add to
// <q, g>, before the plane's weight. With signs instead of 0 and 1 no large sum(q) has to cancel.
constexpr size_t kGroup = 4;
constexpr size_t kSums = 16;

class RabitqScorer final : public Scorer {
 public:
  RabitqScorer(const RabitqQuantizer& quantizer, const float* q) : quantizer_(quantizer) {
    const size_t dims = quantizer.dims(), groups = 2 * quantizer.plane_bytes();
    double norm2 = 0;
    for (size_t i = 0; i < dims; ++i) norm2 += static_cast<double>(q[i]) * static_cast<double>(q[i]);
    norm_ = std::sqrt(norm2);
    table_.resize(groups * kSums);
    for (size_t g = 0; g < groups; ++g) {
      float half[kGroup];
      for (size_t j = 0; j < kGroup; ++j) half[j] = g * kGroup + j < dims ? q[g * kGroup + j] / 2 : 0;
      for (size_t v = 0; v < kSums; ++v) {
        const auto signed_half = [&](size_t j) { return (v >> j & 1) != 0 ? half[j] : -half[j]; };
        table_[g * kSums + v] = (signed_half(0) + signed_half(1)) + (signed_half(2) + signed_half(3));
      }
    }
  }

  void score(const uint8_t* codes, size_t stride, size_t n, float* out) const override {
    using Run = void (RabitqScorer::*)(const uint8_t*, size_t, size_t, float*) const;
    static constexpr Run kRuns[] = {&RabitqScorer::run<1>, &RabitqScorer::run<2>, &RabitqScorer::run<3>,
                                    &RabitqScorer::run<4>, &RabitqScorer::run<5>, &RabitqScorer::run<6>,
                                    &RabitqScorer::run<7>, &RabitqScorer::run<8>};
    (this->*kRuns[quantizer_.bits() - 1])(codes, stride, n, out);
  }

  Interval inner_bounds(const uint8_t* code) const override {
    float estimate;
    score(code, 0, 1, &estimate);
    const Factors f = factors(code);
    // Rounding in the sums matters where the code is all but exact: a few dimensions, many bits. Its size is
    // relative to scale |q| |g|, and |g| <= 2^(bits-1) sqrt(dims).
    const double grid = std::ldexp(std::sqrt(static_cast<double>(quantizer_.dims())), quantizer_.bits() - 1);
    const double rounding = 1e-6 * static_cast<double>(f.scale) * norm_ * grid;
    const double reach =
        static_cast<double>(quantizer_.epsilon()) * norm_ * static_cast<double>(f.error) + rounding;
    return {static_cast<double>(estimate) - reach, static_cast<double>(estimate) + reach};
  }

  Interval l2sq_bounds(const uint8_t* code) const override {
    const Interval inner = inner_bounds(code);
    const double u2 = quantizer_.norm2(code), q2 = norm_ * norm_;
    return {std::max(0.0, q2 + u2 - 2 * inner.high), std::max(0.0, q2 + u2 - 2 * inner.low)};
  }

 private:
  Factors factors(const uint8_t* code) const {
    return factors_of(code, quantizer_.plane_bytes() * static_cast<size_t>(quantizer_.bits()));
  }

  // The planes side by side, kBits times two independent sums. Unrolled by the pack: a loop over the planes
  // would keep the sums in memory.
  template <int kBits>
  void run(const uint8_t* codes, size_t stride, size_t n, float* out) const {
    const size_t bytes = quantizer_.plane_bytes();
    for (size_t i = 0; i < n; ++i) {
      const uint8_t* code = codes + i * stride;
      out[i] = factors(code).scale * sum(code, bytes, std::make_index_sequence<kBits>());
    }
  }

  // <q, g>
  template <size_t... kPlane>
  float sum(const uint8_t* code, size_t bytes, std::index_sequence<kPlane...>) const {
    float low[sizeof...(kPlane)] = {}, high[sizeof...(kPlane)] = {};
    const float* table = table_.data();
    for (size_t b = 0; b < bytes; ++b, table += 2 * kSums) {
      const auto add = [&](size_t plane) {
        const uint8_t v = code[plane * bytes + b];
        low[plane] += table[v & 15];
        high[plane] += table[kSums + (v >> 4)];
      };
      (add(kPlane), ...);
    }
    float total = 0;  // Horner's rule over the planes, the highest first
    ((total = 2 * total + (low[kPlane] + high[kPlane])), ...);
    return total;
  }

  const RabitqQuantizer& quantizer_;
  std::vector<float> table_;
  double norm_;  // |q|
};

}  // namespace

RabitqQuantizer::RabitqQuantizer(size_t dims, int bits, float epsilon)
    : dims_(dims), plane_bytes_((dims + 7) / 8), bits_(bits), epsilon_(epsilon) {
  if (dims < 1) throw Error(ErrorKind::kInvalidParameter, "rabitq needs at least 1 dimension");
  if (bits < 1 || bits > 8) throw Error(ErrorKind::kInvalidParameter, "rabitq bits must be between 1 and 8");
  if (!(epsilon >= 0 && epsilon <= FLT_MAX)) {
    throw Error(ErrorKind::kInvalidParameter, "rabitq epsilon must be a finite number, not below 0");
  }
}

std::unique_ptr<Quantizer> RabitqQuantizer::read(ByteReader& in, size_t dims) {
  const uint8_t bits = in.get<uint8_t>();
  const float epsilon = in.get_finite();
  if (dims < 1 || bits < 1 || bits > 8 || epsilon < 0) ByteReader::corrupted();
  return std::make_unique<RabitqQuantizer>(dims, bits, epsilon);
}

void RabitqQuantizer::write(ByteWriter& out) const {
  out.put(static_cast<uint8_t>(bits_));
  out.put(epsilon_);
}

void RabitqQuantizer::encode(const float* u, uint8_t* code) const {
  std::memset(code, 0, code_bytes());
  double u2 = 0;
  for (size_t i = 0; i < dims_; ++i) u2 += static_cast<double>(u[i]) * static_cast<double>(u[i]);
  if (!(u2 > 0 && u2 <= DBL_MAX)) return;

  std::vector<uint8_t> levels(plane_bytes_ * 8);  // padded: the unused bits of the planes stay 0
  nearest_grid_direction(u, dims_, bits_, levels.data());
  const double centre = ((1 << bits_) - 1) / 2.0;
  double dot = 0, grid2 = 0;
  for (size_t i = 0; i < dims_; ++i) {
    const double g = levels[i] - centre;
    dot += static_cast<double>(u[i]) * g;
    grid2 += g * g;
  }
  for (size_t b = 0; b < plane_bytes_; ++b) {
    uint64_t rows;
    std::memcpy(&rows, levels.data() + 8 * b, sizeof rows);
    const uint64_t planes = transpose8(rows);
    for (int p = 0; p < bits_; ++p) {
      code[static_cast<size_t>(p) * plane_bytes_ + b] = static_cast<uint8_t>(planes >> (8 * (bits_ - 1 - p)));
    }
  }
  // dot > 0: every coordinate of g has the sign of u's.
  const double tangent2 = std::max(0.0, u2 * grid2 / (dot * dot) - 1);
  const double spread = static_cast<double>(std::max<size_t>(dims_ - 1, 1));
  const Factors f = {to_finite_float(u2 / dot), to_finite_float(std::sqrt(u2 * tangent2 / spread))};
  std::memcpy(code + plane_bytes_ * static_cast<size_t>(bits_), &f, sizeof f);
}

// |g|^2 = sum over pairs of planes of 2^(a+b) <sign_a, sign_b> / 4, and <sign_a, sign_b> = dims - 2 * (bits
// that differ).
double RabitqQuantizer::grid_norm2(const uint8_t* code) const {
  const simd::Kernels& kernels = simd::kernels();
  const double all = static_cast<double>(dims_);
  double sum = 0;
  for (int a = 0; a < bits_; ++a) {
    sum += std::ldexp(all, 2 * a - 2);
    for (int b = 0; b < a; ++b) {
      const uint64_t differ =
          kernels.hamming(code + static_cast<size_t>(bits_ - 1 - a) * plane_bytes_,
                          code + static_cast<size_t>(bits_ - 1 - b) * plane_bytes_, plane_bytes_);
      sum += std::ldexp(all - 2 * static_cast<double>(differ), a + b - 1);
    }
  }
  return sum;
}

double RabitqQuantizer::norm2(const uint8_t* code) const {
  const Factors f = factors_of(code, plane_bytes_ * static_cast<size_t>(bits_));
  const double scale = static_cast<double>(f.scale), error = static_cast<double>(f.error);
  const double spread = static_cast<double>(std::max<size_t>(dims_ - 1, 1));
  return std::max(0.0, scale * scale * grid_norm2(code) - spread * error * error);
}

void RabitqQuantizer::decode(const uint8_t* code, float* u) const {
  const Factors f = factors_of(code, plane_bytes_ * static_cast<size_t>(bits_));
  // <u, g> / |g|^2 = |u|^2 / (scale |g|^2)
  const double scale = static_cast<double>(f.scale);
  const double length = scale > 0 ? norm2(code) / (scale * grid_norm2(code)) : 0;
  const double centre = ((1 << bits_) - 1) / 2.0;
  for (size_t b = 0; b < plane_bytes_; ++b) {
    uint64_t planes = 0;
    for (int p = 0; p < bits_; ++p) {
      planes |= static_cast<uint64_t>(code[static_cast<size_t>(p) * plane_bytes_ + b])
                << (8 * (bits_ - 1 - p));
    }
    const uint64_t rows = transpose8(planes);
    for (size_t i = 8 * b; i < std::min(dims_, 8 * b + 8); ++i) {
      u[i] = static_cast<float>(length * (static_cast<double>(rows >> (8 * (i % 8)) & 0xff) - centre));
    }
  }
}

std::unique_ptr<Scorer> RabitqQuantizer::prepare(const float* q) const {
  return std::make_unique<RabitqScorer>(*this, q);
}

std::vector<std::pair<std::string, std::string>> RabitqQuantizer::facts() const {
  std::array<char, 32> epsilon;
  std::snprintf(epsilon.data(), epsilon.size(), "%.9g", static_cast<double>(epsilon_));
  return {{"bits", std::to_string(bits_)}, {"epsilon", epsilon.data()}};
}

}  // namespace lowdim::core
