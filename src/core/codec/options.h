// What a user may ask of codec_train: '{"method":"leanvec","dims":160,"then":"lvq8"}'. The server's side
// flattens the JSON to pairs of a key ("then.bits") and a scalar; here they become a checked specification.
// An unknown key or method is an error that lists the known ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lowdim::core {

struct OptionPair {
  std::string_view key;
  std::string_view text;  // a JSON string's characters, or a number's or boolean's text
  bool is_string;
};

enum class ProjectionKind : uint8_t {
  kNone = 0,  // the mean is subtracted, nothing else
  kPca = 1,
  kLeanvec = 2,  // query-aware; PCA where no sample queries are given
  kRotation = 3,
  kRandom = 4,
  kSparseRandom = 5,
};

enum class LeanvecAlgorithm : uint8_t { kSphering, kFrankWolfe, kEigen };

enum class QuantizerKind : uint8_t {
  kFloat32 = 0,  // the projected vector itself: a pure dimension reduction
  kFloat16 = 1,
  kInt8 = 2,
  kLvq = 3,
  kOptimizedScalar = 4,
  kRabitq = 5,
  kOsq = 6,
  kPq = 7,
  kOpq = 8,
};

// Zero means "not given": the trainer then chooses by the number of dimensions.
struct CodecSpec {
  ProjectionKind projection = ProjectionKind::kNone;
  LeanvecAlgorithm leanvec = LeanvecAlgorithm::kSphering;
  uint32_t dims = 0;  // after the projection
  QuantizerKind quantizer = QuantizerKind::kFloat32;
  uint32_t bits = 0;           // of the (first) level of lvq, rabitq, optimized_scalar, pq, opq
  uint32_t residual_bits = 0;  // lvq: 0 or 8
  double bits_per_dim = 0;     // osq
  uint32_t m = 0;              // pq, opq: sub-spaces
  bool sign_bits = false;      // osq
  bool normalize = false;      // encode x / |x|: for cosine
  uint64_t seed = 1;
  uint32_t sample = 0;  // rows to train on

  // As it would be written: "leanvec(160) then lvq8".
  std::string text() const;
};

// Throws Error(kInvalidParameter).
CodecSpec parse_options(const OptionPair* pairs, size_t n);

}  // namespace lowdim::core
