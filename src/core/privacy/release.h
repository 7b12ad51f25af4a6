// From exact integer sums to a value that may be shown: the budget, the sensitivity, the noise, and the image
// in which the result keeps its own guarantee. Shared by kde.h, moments.h and distances.h.
//
// What every structure here does: a row gives integers (a real number v in [-1, 1] as v * 2^20, rounded);
// they are summed in int64, so every order and every split of the rows gives the same sums and the
// sensitivity is exact, which sums of floats cannot promise; noise is added once, to the sums; whatever is
// computed from the result afterwards costs nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/privacy/calibration.h"
#include "core/privacy/samplers.h"

namespace lowdim::core {

// One, in the fixed-point numbers of contributions.
inline constexpr int64_t kFixedOne = int64_t{1} << 20;
// What a row may add to any one sum, and the rows that a sum may have: sums stay below 2^62 in absolute
// value, and so does noise (samplers.h), so nothing overflows.
inline constexpr int64_t kMaxContribution = int64_t{1} << 26;
inline constexpr int64_t kMaxPrivateRows = (int64_t{1} << 36) - 1;

// v * kFixedOne to the nearest integer, ties to even; v is cut to [-1, 1], NaN is 0.
int64_t to_fixed(double v);

enum class NoiseMechanism : uint8_t {
  kNone,      // exact sums: nothing is hidden
  kLaplace,   // epsilon
  kGaussian,  // (epsilon, delta)
};
enum class GaussianBound : uint8_t {
  kZcdp,      // sigma from rho: the guarantee composes best
  kAnalytic,  // the least sigma for one release
};
enum class Neighbours : uint8_t {
  kAddRemove,   // data sets that differ by the rows of one unit
  kReplaceOne,  // by the rows of one unit, replaced by others: twice the sensitivity
};

struct PrivacyOptions {
  static constexpr double kMinEpsilon = 1e-9, kMaxEpsilon = 100;
  static constexpr uint32_t kMaxRows = 1000000;

  NoiseMechanism mechanism = NoiseMechanism::kGaussian;
  GaussianBound bound = GaussianBound::kZcdp;
  double epsilon = 1;
  double delta = 1e-6;  // between 0 and 1; Gaussian only
  Neighbours neighbours = Neighbours::kAddRemove;
  uint32_t max_rows = 1;  // of one unit; the caller sees to it that none has more

  void check() const;  // throws Error(kInvalidParameter)
};

// What one row can change at most, in integers.
struct RowBound {
  uint64_t l1 = 0;     // sum of absolute values
  U128 l2_square = 0;  // sum of squares
};

// A budget with the noise that it comes to.
struct Guarantee {
  PrivacyOptions options;
  NoiseScale noise;  // Laplace scale or Gaussian sigma, in the integers' unit; 0 without noise
  PrivacyCost cost;

  double noise_std() const;  // of one value, in the integers' unit
  std::vector<std::pair<std::string, std::string>> facts() const;
};

// The noise for `n` values to which a row adds within `row`.
//
// Analytic bound: it is a theorem on the continuous Gaussian, rounded or not, while what is added is the
// discrete one. For a sigma of any size, the rounded one gives each integer at least 1 - 1/(8 sigma^2) of
// the discrete one's probability (its mass on [y - 1/2, y + 1/2] is at least exp(-1/(8 sigma^2)) of the
// density at y, and the discrete one's normalizer is at least sigma sqrt(2 pi)). So n values differ by at
// most t = n / (8 sigma^2) in total variation, and (1 + e^epsilon) t of delta pays for that. At 2^20 units
// it is some 1e-13.
//
// Throws Error: kInvalidParameter for bad options, kLimit where the noise would not fit.
Guarantee calibrate(const PrivacyOptions& options, const RowBound& row, size_t n);

// Adds noise to each value. Throws Error(kInternal) where there are no random bytes; the values are then not
// to be used.
void add_noise(const Guarantee& guarantee, int64_t* values, size_t n, RandomBits& bits);

// Images of sums (the state of an aggregate) and of what is released from them: magic, version, kind, body,
// and a checksum of all before it.
enum class PrivateImage : uint8_t {
  kKdeSums = 1,
  kKdeSketch = 2,
  kMomentSums = 3,
  kMomentSketch = 4,
  kDistanceSums = 5,
  kDistanceSketch = 6,
};

ByteWriter begin_image(PrivateImage kind);
std::vector<uint8_t> end_image(ByteWriter&& out);
// The kind of an image, whole or not. Throws Error(kCorrupted).
PrivateImage image_kind(const uint8_t* bytes, size_t n);
// A reader of the body. Throws Error(kCorrupted) unless it is of that kind, of a version that is known, and
// whole.
ByteReader open_image(PrivateImage kind, const uint8_t* bytes, size_t n);
[[noreturn]] void damaged_image();

void write_guarantee(ByteWriter& out, const Guarantee& guarantee);
Guarantee read_guarantee(ByteReader& in);

// Calls f, and says of images what ByteReader says of codecs.
template <class F>
auto read_or_damaged(F&& f) {
  try {
    return f();
  } catch (const Error& e) {
    if (e.kind() == ErrorKind::kNotSupported) throw;
    damaged_image();
  }
}

// A row was added to, or sums were merged into, `rows`: throws Error(kLimit) beyond kMaxPrivateRows.
void check_rows(int64_t rows);

// Shortest decimal that gives v back.
std::string number_text(double v);

}  // namespace lowdim::core
