// The text input of sparsevec: core::parse_sparse, then what the server's side does with the result: sort the
// pairs and check the invariants of storage.

#include <algorithm>
#include <limits>

#include "core/vec/wire.h"
#include "literal_property.h"

namespace {

using lowdim::fuzz::property;

struct Sparse {
  std::vector<int32_t> indices;
  std::vector<float> values;
  int32_t dims = 0;

  std::vector<std::pair<int32_t, uint32_t>> pairs() const {
    std::vector<std::pair<int32_t, uint32_t>> out;
    for (size_t i = 0; i < indices.size(); ++i)
      out.emplace_back(indices[i], std::bit_cast<uint32_t>(values[i]));
    return out;
  }
};

lowdim::core::LiteralError parse(std::string_view text, Sparse& s) {
  const size_t room = text.size() / 4;  // a pair takes four bytes at least, punctuation included
  s.indices.resize(room);
  s.values.resize(room);
  uint32_t nnz = 0;
  const lowdim::core::LiteralError e =
      lowdim::core::parse_sparse(text, s.indices.data(), s.values.data(), nnz, s.dims);
  property(nnz <= room && nnz <= static_cast<uint32_t>(lowdim::kMaxSparseNonZeros), "count within limits");
  s.indices.resize(nnz);
  s.values.resize(nnz);
  return e;
}

// The storage rules, one by one.
bool well_formed(const Sparse& s) {
  for (size_t i = 0; i < s.indices.size(); ++i) {
    if (s.indices[i] < 0 || s.indices[i] >= s.dims) return false;
    if (i > 0 && s.indices[i] <= s.indices[i - 1]) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr float kMaxAbs = std::numeric_limits<float>::max();
  Sparse s;
  const lowdim::core::LiteralError error = parse(text, s);
  for (const float v : s.values) property(std::fabs(v) <= kMaxAbs && v != 0, "values finite, none 0");
  if (error) {
    lowdim::fuzz::check_error(error, text, kMaxAbs);
    return 0;
  }

  std::string printed = "{";
  for (size_t i = 0; i < s.indices.size(); ++i) {
    if (i > 0) printed += ',';
    printed += std::to_string(int64_t{s.indices[i]} + 1) + ":";
    lowdim::fuzz::print_float(printed, s.values[i]);
  }
  printed += "}/" + std::to_string(s.dims);
  Sparse again;
  property(!parse(printed, again), "printed, it parses");
  property(again.dims == s.dims && again.pairs() == s.pairs(), "printed, it is the same");

  std::vector<std::pair<int32_t, uint32_t>> before = s.pairs();
  lowdim::core::sort_pairs(s.indices.data(), s.values.data(), static_cast<uint32_t>(s.indices.size()));
  property(std::is_sorted(s.indices.begin(), s.indices.end()), "sorted by index");
  std::vector<std::pair<int32_t, uint32_t>> after = s.pairs();
  std::sort(before.begin(), before.end());
  std::sort(after.begin(), after.end());
  property(before == after, "sorting moves pairs, nothing else");

  const bool refused = bool(lowdim::core::check_sparse(s.indices.data(), s.values.data(),
                                                       static_cast<uint32_t>(s.indices.size()), s.dims));
  property(refused != well_formed(s), "check_sparse keeps the rules of storage");
  return 0;
}
