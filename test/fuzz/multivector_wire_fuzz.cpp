// The binary input of multivector.

#include "core/vec/limits.h"
#include "core/vec/wire.h"
#include "property.h"

namespace {

using lowdim::core::WireFault;
using lowdim::fuzz::get32;

// What a header should be answered with, read apart from the decoder.
WireFault expected(const uint8_t* data, size_t size) {
  if (size < 12) return WireFault::kTruncated;
  if (get32(data) < 1 || get32(data) > lowdim::kMaxDims) return WireFault::kDims;
  if (get32(data + 4) < 1 || get32(data + 4) > 65535) return WireFault::kVectors;
  if (get32(data + 8) != 0) return WireFault::kUnused;
  const int64_t bytes = int64_t{4} * get32(data) * get32(data + 4);
  return static_cast<int64_t>(size) - 12 < bytes ? WireFault::kTruncated : WireFault::kNone;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lowdim;
  using fuzz::property;
  int32_t dims = 0;
  int32_t vectors = 0;
  const core::WireError header = core::decode_multi_header(data, size, dims, vectors);
  property(header.fault == expected(data, size), "the header's fault");
  if (header) return 0;
  property(dims == get32(data) && vectors == get32(data + 4), "the shape");
  const auto n = static_cast<uint32_t>(dims) * static_cast<uint32_t>(vectors);
  std::vector<float> out(n);
  const core::WireError e = core::decode_f32(data + 12, size - 12, n, out.data());
  if (e) {
    property(e.fault == WireFault::kNaN || e.fault == WireFault::kInfinite, "a fault of elements");
    property(e.value >= 0 && e.value < n, "an element's number");
    property((get32(data + 12 + 4 * e.value) & 0x7F800000) == 0x7F800000, "the element is not finite");
    return 0;
  }
  for (uint32_t i = 0; i < n; ++i) {
    property(std::isfinite(out[i]), "elements are finite");
    property(std::bit_cast<int32_t>(out[i]) == get32(data + 12 + size_t{4} * i), "sent, it is the same");
  }
  return 0;
}
