// See methods.h.

#include "core/dimension/methods.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "core/dimension/danco.h"
#include "core/dimension/ess.h"
#include "core/dimension/estimators.h"

namespace lowdim::core {
namespace {

constexpr uint32_t kDancoDimensions = 200;  // tried at most

constexpr uint32_t kMost = NeighbourTable::kMaxNeighbours;
constexpr DimensionMethodInfo kMethods[] = {
    {"mle", DimensionMethod::kMle, 20, 2, kMost, 1, 0},
    {"lid", DimensionMethod::kLocalMean, 20, 2, kMost, 1, 0},
    {"twonn", DimensionMethod::kTwoNn, 0, 0, 0, 0, 2},
    {"twonn_ml", DimensionMethod::kTwoNnMl, 0, 0, 0, 0, 2},
    {"gride", DimensionMethod::kGride, 8, 1, kMost / 2, 2, 0},
    {"mind", DimensionMethod::kMind, 20, 1, kMost - 1, 1, 1},
    {"correlation", DimensionMethod::kCorrelation, 10, 1, kMost / 2, 2, 0},
    {"danco", DimensionMethod::kDanco, 10, 2, 20, 1, 1},
    {"ess_a", DimensionMethod::kEssA, 20, 2, kMost, 1, 0},
    {"ess_b", DimensionMethod::kEssB, 20, 2, kMost, 1, 0},
    {"fukunaga_olsen", DimensionMethod::kFukunagaOlsen, 0, 0, 0, 0, 0},
    {"participation_ratio", DimensionMethod::kParticipationRatio, 0, 0, 0, 0, 0},
};
static_assert(std::size(kMethods) == kDimensionMethods);

[[noreturn]] void refuse(const std::string& message, const std::string& hint) {
  throw Error(ErrorKind::kInvalidParameter, message, hint);
}

}  // namespace

const DimensionMethodInfo& dimension_method(size_t i) { return kMethods[i]; }

const DimensionMethodInfo& dimension_method_named(const OptionPair& p) {
  std::string known;
  for (const DimensionMethodInfo& m : kMethods) {
    if (p.is_string && p.text == m.name) return m;
    known += (known.empty() ? "" : ", ") + std::string(m.name);
  }
  refuse("unknown method \"" + std::string(p.text.substr(0, 60)) + "\"", "Methods are " + known + ".");
}

Estimate estimate_of_neighbours(DimensionMethod method, uint32_t k, Rows rows, const NeighbourTable& table,
                                uint64_t seed, const Stop& stop) {
  switch (method) {
    case DimensionMethod::kMle:
      return mackay_ghahramani(table, k);
    case DimensionMethod::kLocalMean:
      return mean_local(table, k);
    case DimensionMethod::kTwoNn:
      return two_nn_fit(table);
    case DimensionMethod::kTwoNnMl:
      return two_nn_ml(table);
    case DimensionMethod::kGride:
      return gride(table, k);
    case DimensionMethod::kMind:
      return mind_ml(table, k);
    case DimensionMethod::kCorrelation:
      return correlation_dimension(rows, table, k, 2 * k, stop);
    case DimensionMethod::kDanco:
      return danco(rows, table, k, std::min<uint32_t>(kDancoDimensions, static_cast<uint32_t>(rows.dims)),
                   seed, stop);
    case DimensionMethod::kEssA:
      return ess_of_sample(EssVersion::kSine, rows, table, k, stop);
    case DimensionMethod::kEssB:
      return ess_of_sample(EssVersion::kCosine, rows, table, k, stop);
    case DimensionMethod::kFukunagaOlsen:
    case DimensionMethod::kParticipationRatio:
      break;
  }
  throw Error(ErrorKind::kInternal, "method without neighbours");
}

double option_number(const OptionPair& p, double low, double high, bool whole) {
  double v = 0;
  const auto [end, ec] = std::from_chars(p.text.data(), p.text.data() + p.text.size(), v);
  if (p.is_string || ec != std::errc() || end != p.text.data() + p.text.size() || !(v >= low && v <= high) ||
      (whole && v != std::floor(v))) {
    const auto shown = [](double x) { return std::to_string(static_cast<uint64_t>(x)); };
    refuse("invalid value for option \"" + std::string(p.key) + "\": " + std::string(p.text.substr(0, 60)),
           "It must be " + std::string(whole ? "a whole number" : "a number") + " from " + shown(low) +
               " to " + shown(high) + ".");
  }
  return v;
}

size_t sample_that_fits(size_t wanted, size_t row_bytes, size_t budget_bytes, size_t dims) {
  const size_t capacity = std::min(budget_bytes / row_bytes, wanted);
  if (capacity < std::min<size_t>(wanted, 64)) {
    throw Error(ErrorKind::kLimit,
                "a sample of vectors of " + std::to_string(dims) + " dimensions needs more memory",
                "Increase maintenance_work_mem.");
  }
  return capacity;
}

}  // namespace lowdim::core
