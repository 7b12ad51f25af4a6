// The options of encodings, as text and as a JSON object's pairs: whatever is said, it is a value within the
// limits, whose text form reads back as the same value, or Error(kInvalidParameter). A JSON object is stood
// in for by lines of key, ':' and text. Small encoders are made of what was read, and encode what they must.

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/multi/fde.h"
#include "core/multi/fde_options.h"
#include "core/vec/limits.h"
#include "property.h"

namespace {

using namespace lowdim;
using core::FdeOptions;
using fuzz::property;

bool same(const FdeOptions& a, const FdeOptions& b) {
  return a.repetitions == b.repetitions && a.k_sim == b.k_sim && a.d_proj == b.d_proj && a.seed == b.seed &&
         a.final_dims == b.final_dims && a.fill_empty == b.fill_empty && a.center.size() == b.center.size() &&
         std::equal(a.center.begin(), a.center.end(), b.center.begin(), fuzz::same_bits);
}

void check(const FdeOptions& o) {
  property(o.repetitions >= 1 && o.repetitions <= FdeOptions::kMaxRepetitions, "repetitions");
  property(o.k_sim <= FdeOptions::kMaxSim, "k_sim");
  property(o.d_proj >= 1 && o.d_proj <= static_cast<uint32_t>(kMaxDims), "d_proj");
  property(o.seed < uint64_t{1} << 53, "seed");
  property(o.final_dims <= static_cast<uint32_t>(kMaxDims), "final_dims");
  property(o.center.size() <= static_cast<size_t>(kMaxDims), "center's dimensions");
  for (const float x : o.center) property(std::isfinite(x), "center is finite");

  const std::string text = o.text();
  property(same(core::parse_fde_options(text), o), "the text form reads back");
  property(core::parse_fde_options(text).text() == text, "and is one of its kind");
}

// Documents and queries of a few dimensions: the encoder keeps its word on how many come out, or says why
// not.
void encode(const FdeOptions& o) {
  const uint32_t dims = o.center.empty() ? 3 : static_cast<uint32_t>(o.center.size());
  if (dims > 64 || uint64_t{o.repetitions} << o.k_sim > 4096) return;  // quick ones
  uint32_t out_dims = 0;
  try {
    out_dims = core::fde_dims(o, dims);
  } catch (const core::Error& e) {
    property(e.kind() == core::ErrorKind::kInvalidParameter || e.kind() == core::ErrorKind::kLimit,
             "dimensions are refused for a reason");
    return;
  }
  property(out_dims >= 1 && out_dims <= static_cast<uint32_t>(kMaxDims), "dimensions of an encoding");
  core::FdeEncoder encoder(o, dims);
  property(encoder.dims() == dims && encoder.out_dims() == out_dims, "the encoder has them");
  std::vector<float> set(size_t{2} * dims);
  for (size_t i = 0; i < set.size(); ++i) set[i] = static_cast<float>(i % 5) - 2;
  std::vector<float> out(out_dims);  // a heap block of the exact size: ASan sees an overrun by one element
  encoder.document({set.data(), 2, dims}, out.data(), core::Stop{});
  for (const float x : out) property(std::isfinite(x), "encodings of small numbers are finite");
}

// Lines of key:text.
std::vector<core::OptionPair> pairs_of(std::string_view text) {
  std::vector<core::OptionPair> pairs;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const size_t colon = std::min(line.find(':'), line.size());
    pairs.push_back({line.substr(0, colon), line.substr(std::min(colon + 1, line.size())), true});
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return pairs;
}

template <class Read>
void read(Read options) {
  try {
    const FdeOptions o = options();
    check(o);
    encode(o);
  } catch (const core::Error& e) {
    property(e.kind() == core::ErrorKind::kInvalidParameter, "a refusal");
    property(std::string_view(e.what()).size() < 300, "whose message is short");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string copy(reinterpret_cast<const char*>(data), size);
  read([&] { return core::parse_fde_options(std::string_view(copy)); });
  const std::vector<core::OptionPair> pairs = pairs_of(copy);
  read([&] { return core::parse_fde_options(pairs.data(), pairs.size()); });
  return 0;
}
