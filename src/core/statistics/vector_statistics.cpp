// See vector_statistics.h.

#include "core/statistics/vector_statistics.h"

#include <cmath>

#include "core/vec/limits.h"

namespace lowdim::core {
namespace {

enum class Kind : uint8_t { kCount, kShare, kAmount };

struct Figure {
  float VectorStatistics::*member;
  Kind kind;  // what it may be: whole and not negative, from 0 to 1, not negative
};

using S = VectorStatistics;
constexpr Figure kFigures[] = {
    {&S::rows, Kind::kCount},
    {&S::anchors, Kind::kCount},
    {&S::other_dims, Kind::kShare},
    {&S::zeros, Kind::kShare},
    {&S::duplicates, Kind::kShare},
    {&S::near_duplicates, Kind::kShare},
    {&S::norm_mean, Kind::kAmount},
    {&S::norm_sd, Kind::kAmount},
    {&S::dimension, Kind::kAmount},
    {&S::dimension_error, Kind::kAmount},
    {&S::dimension_half, Kind::kAmount},
    {&S::dimension_quarter, Kind::kAmount},
    {&S::dimension_chord, Kind::kAmount},
    {&S::local_p10, Kind::kAmount},
    {&S::local_p50, Kind::kAmount},
    {&S::local_p90, Kind::kAmount},
    {&S::participation, Kind::kAmount},
    {&S::components_90, Kind::kCount},
    {&S::components_98, Kind::kCount},
};
constexpr size_t kHeader = 4;
constexpr size_t kNumbers = kHeader + std::size(kFigures) + kSphereMetrics * PairQuantiles::kCount;

bool allowed(Kind kind, float v) {
  if (!std::isfinite(v) || v < 0) return false;
  switch (kind) {
    case Kind::kCount:
      return v == std::floor(v);
    case Kind::kShare:
      return v <= 1;
    case Kind::kAmount:
      return true;
  }
  return false;
}

// A whole number from 0 to `most`.
bool read_count(float v, uint32_t most, uint32_t* out) {
  if (!(v >= 0 && v <= static_cast<float>(most)) || v != std::floor(v)) return false;
  *out = static_cast<uint32_t>(v);
  return true;
}

constexpr uint32_t kMostPivots = 100000;

}  // namespace

double VectorStatistics::exponent(SphereMetric metric) const {
  switch (metric) {
    case SphereMetric::kL2:
    case SphereMetric::kL1:  // the same rows are near: lengths differ by a factor at most
      return dimension;
    case SphereMetric::kCosine:
      return dimension_chord;
    case SphereMetric::kInner:
      break;
  }
  return 0;
}

size_t statistics_numbers() { return kNumbers; }

void write_statistics(const VectorStatistics& s, float* out) {
  *out++ = static_cast<float>(VectorStatistics::kVersion);
  *out++ = static_cast<float>(kNumbers);
  *out++ = static_cast<float>(s.dims);
  *out++ = static_cast<float>(s.pivots);
  for (const Figure& f : kFigures) *out++ = s.*f.member;
  for (const PairQuantiles& q : s.pairs) {
    for (const float v : q.at) *out++ = v;
  }
}

bool read_statistics(const float* numbers, size_t n, VectorStatistics* out) {
  if (n < kNumbers) return false;
  uint32_t version = 0, count = 0;
  if (!read_count(numbers[0], 1000, &version) || version < VectorStatistics::kVersion) return false;
  if (!read_count(numbers[1], 1u << 20, &count) || count != n) return false;
  VectorStatistics s;
  if (!read_count(numbers[2], kMaxDims, &s.dims) || s.dims < 1) return false;
  if (!read_count(numbers[3], kMostPivots, &s.pivots)) return false;
  const float* at = numbers + kHeader;
  for (const Figure& f : kFigures) {
    if (!allowed(f.kind, *at)) return false;
    s.*f.member = *at++;
  }
  for (PairQuantiles& q : s.pairs) {
    for (size_t i = 0; i < PairQuantiles::kCount; ++i, ++at) {
      if (!std::isfinite(*at) || (i > 0 && *at < at[-1])) return false;
      q.at[i] = *at;
    }
  }
  *out = s;
  return true;
}

}  // namespace lowdim::core
