// The text input of multivector: core::parse_multi into exactly the room that core::measure_multi names.

#include "core/multi/literal.h"

#include <limits>

#include "literal_property.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lowdim;
  using fuzz::property;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr float kMax = std::numeric_limits<float>::max();
  const size_t room = core::measure_multi(text);
  property(room <= size / 2, "room is bound by the text");
  std::vector<float> out(room);
  uint32_t vectors = 0;
  uint32_t dims = 0;
  const core::MultiError error = core::parse_multi(text, kMax, out.data(), room, vectors, dims);
  property(size_t{vectors} * dims <= room, "what was written fits");
  for (size_t i = 0; i < size_t{vectors} * dims; ++i) property(std::isfinite(out[i]), "elements are finite");
  switch (error.fault) {
    case core::MultiFault::kNone:
      break;
    case core::MultiFault::kLiteral:
      property(static_cast<bool>(error.literal), "a fault of the literal has one");
      fuzz::check_error(error.literal, text, kMax);
      return 0;
    case core::MultiFault::kNoVectors:
    case core::MultiFault::kTooMany:
      return 0;
    case core::MultiFault::kTooLarge:
      property(false, "no text of this length is too large");
      return 0;
    case core::MultiFault::kDifferDims:
      property(error.dims != error.other && error.dims == dims && error.other > 0, "dimensions that differ");
      return 0;
  }
  property(vectors >= 1 && vectors <= kMaxVectors && dims >= 1 && dims <= static_cast<uint32_t>(kMaxDims),
           "within the limits");
  property(size_t{vectors} * dims == room, "the room was exact");

  std::string printed;
  for (size_t i = 0; i < room; ++i) {
    printed += i == 0 ? "[[" : i % dims == 0 ? "],[" : ",";
    fuzz::print_float(printed, out[i]);
  }
  printed += "]]";
  std::vector<float> again(room);
  uint32_t vectors_again = 0;
  uint32_t dims_again = 0;
  property(core::measure_multi(printed) == room, "printed, it needs the same room");
  property(!core::parse_multi(printed, kMax, again.data(), room, vectors_again, dims_again), "and parses");
  property(vectors_again == vectors && dims_again == dims, "and has the same shape");
  for (size_t i = 0; i < room; ++i) property(fuzz::same_bits(out[i], again[i]), "and is the same");
  return 0;
}
