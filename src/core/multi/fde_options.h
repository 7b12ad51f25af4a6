// What fixes a fixed-dimensional encoding (FDE, core/multi/fde.h): a handful of numbers. Two encodings can be
// compared only if all of them are the same, so they are a value of their own, whose text form is complete:
// "repetitions=20 k_sim=5 d_proj=16 seed=1", then final_dims, fill_empty and center where they were given.
// The type fde of SQL is this text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/options.h"

namespace lowdim::core {

enum class FillEmpty : uint8_t {
  kByDefault,  // documents are filled
  kOff,
  kOn,  // said explicitly: an error for a query, which can never be filled
};

struct FdeOptions {
  static constexpr uint32_t kMaxRepetitions = 1000;
  static constexpr uint32_t kMaxSim = 16;

  uint32_t repetitions = 20;  // independent partitions of the space, 1 to kMaxRepetitions
  uint32_t k_sim = 5;         // hyperplanes of a partition, 0 to kMaxSim: it has 2^k_sim blocks
  uint32_t d_proj = 16;       // dimensions of a block; no projection where the vectors have no more
  uint64_t seed = 1;          // below 2^53
  uint32_t final_dims = 0;    // of the whole after a last projection; 0 for none
  FillEmpty fill_empty = FillEmpty::kByDefault;
  std::vector<float> center;  // vectors are partitioned around it; empty for the origin

  // The text form. Always names repetitions, k_sim, d_proj and seed, so that it keeps its meaning where
  // defaults change.
  std::string text() const;
};

// Options and their text, for an owner that may hold no string itself (pg/door.h: make_in).
struct FdeText {
  FdeOptions options;
  std::string text;
  void write() { text = options.text(); }
};

// Reads the text form: key=value, separated by white space or commas, in any order; what is missing has its
// default. Throws Error(kInvalidParameter).
FdeOptions parse_fde_options(std::string_view text);

// The same of a JSON object's pairs; center is a string like '[0.1,0.2]'. Throws Error(kInvalidParameter).
FdeOptions parse_fde_options(const OptionPair* pairs, size_t n);

}  // namespace lowdim::core
