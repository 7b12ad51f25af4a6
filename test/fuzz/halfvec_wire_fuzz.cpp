// The binary input of halfvec.

#include "core/base/half.h"
#include "core/vec/limits.h"
#include "core/vec/wire.h"
#include "dense_wire_property.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using lowdim::fuzz::property;
  for (const uint16_t half : lowdim::fuzz::check_dense_wire<uint16_t>(data, size, lowdim::core::decode_f16)) {
    const float v = lowdim::half_to_float(half);
    property(std::isfinite(v) && std::fabs(v) <= 65504, "elements are finite");
    property(lowdim::float_to_half(v) == half, "a half survives the way through float");
  }
  return 0;
}
