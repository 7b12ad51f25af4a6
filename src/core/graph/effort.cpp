// Reading the meter: what a search can know of itself (effort.h).
#include "core/graph/effort.h"

#include <algorithm>
#include <cmath>

namespace lowdim::core {
namespace {

constexpr double kErrorMemory = 32, kFrontMemory = 8;  // rows that the running means look back on
constexpr double kLeastOpen = 1e-4;                    // what counts as none at all
constexpr double kMostGap = 0.4;

// The normal distribution from -kFar to kFar; below there is nothing, above there is all.
constexpr int kFar = 4, kPerUnit = 16;
struct NormalTable {
  float below[2 * kFar * kPerUnit + 1];
  NormalTable() {
    for (int i = 0; i <= 2 * kFar * kPerUnit; ++i) {
      const double z = static_cast<double>(i) / kPerUnit - kFar;
      below[i] = static_cast<float>(0.5 * std::erfc(-z / std::sqrt(2.0)));
    }
  }
};

}  // namespace

void EffortMeter::see(double estimate, double distance) {
  ++hops_;
  if (!std::isfinite(distance)) return;
  const bool full = rows_ >= kEffortNeighbours;
  if (!full || distance < nearest_[kEffortNeighbours - 1]) {
    uint32_t at = full ? kEffortNeighbours - 1 : rows_;
    for (; at > 0 && distance < nearest_[at - 1]; --at) nearest_[at] = nearest_[at - 1];
    nearest_[at] = distance;
    changed_ = hops_;
  }
  ++rows_;
  const double rows = rows_;
  const double off = distance - estimate - error_, share = std::max(1 / rows, 1 / kErrorMemory);
  error_ += share * off;
  variance_ = (1 - share) * (variance_ + share * off * off);
  front_ += (distance - front_) * (rows_ == 1 ? 1 : 1 / kFrontMemory);
}

double EffortMeter::open(const DeepBeam& beam, const GraphTables& tables) const {
  static const NormalTable normal;
  const double step = static_cast<double>(tables.step);
  const double reach = nearest_[kEffortNeighbours - 1] - error_ - static_cast<double>(tables.bias);
  // Estimates that have been exact are so up to their step.
  const double spread = std::max(std::sqrt(variance_), step);
  if (!(spread > 0)) return 0;
  // The nearest entry of the table.
  const double first = kFar + reach / spread + 0.5 / kPerUnit, each = step / spread;
  double sum = 0;
  beam.each_open([&](uint32_t distance) {
    const double z = first - each * distance;
    if (!(z > 0)) return false;
    sum += z >= 2 * kFar ? 1.0 : static_cast<double>(normal.below[static_cast<int>(z * kPerUnit)]);
    return true;
  });
  return sum;
}

void EffortMeter::read(const DeepBeam& beam, const GraphTables& tables, float* features) {
  due_ = hops_ + std::max(1u, hops_ / 8);
  double gap = 0, candidates = kEffortNeighbours;
  if (rows_ >= kEffortNeighbours) {
    candidates = open(beam, tables);
    const double reach = nearest_[kEffortNeighbours - 1], beyond = front_ - reach;
    if (reach != 0) {
      gap = std::clamp(beyond / std::fabs(reach), -kMostGap, kMostGap);
    } else {
      gap = beyond > 0 ? kMostGap : 0;
    }
  }
  features[0] = static_cast<float>(std::log(candidates + kLeastOpen));
  features[1] = static_cast<float>(std::log1p(hops_ - changed_));
  features[2] = static_cast<float>(std::log(std::max(hops_, 1u)));
  features[3] = static_cast<float>(gap);
}

}  // namespace lowdim::core
