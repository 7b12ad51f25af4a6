// The text input of halfvec: core::parse_dense within the range of halves, and the halves that come of it.

#include "core/base/half.h"
#include "literal_property.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using lowdim::fuzz::property;
  constexpr float kMaxAbs = 65519.996F;
  for (const float v : lowdim::fuzz::check_dense({reinterpret_cast<const char*>(data), size}, kMaxAbs)) {
    const uint16_t half = lowdim::float_to_half(v);
    property((half & 0x7C00) != 0x7C00, "an accepted element is a finite half");
    const float back = lowdim::half_to_float(half);
    property(std::fabs(back - v) <= std::fmax(std::fabs(v) / 2048, 0x1p-25F),
             "rounded by half a unit at most");
    std::string printed = "[";
    lowdim::fuzz::print_float(printed, back);
    printed += ']';
    float again = 0;
    uint32_t n = 0;
    property(!lowdim::core::parse_dense(printed, kMaxAbs, &again, n) && n == 1, "printed, it parses");
    property(lowdim::float_to_half(again) == half, "printed, it is the same half");
  }
  return 0;
}
