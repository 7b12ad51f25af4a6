// The binary input of vector.

#include "core/vec/limits.h"
#include "core/vec/literal.h"
#include "core/vec/wire.h"
#include "dense_wire_property.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using lowdim::fuzz::property;
  const std::vector<float> x = lowdim::fuzz::check_dense_wire<float>(data, size, lowdim::core::decode_f32);
  if (x.empty()) return 0;

  std::string text = "[";
  for (size_t i = 0; i < x.size(); ++i) {
    property(std::isfinite(x[i]), "elements are finite");
    if (i > 0) text += ',';
    lowdim::fuzz::print_float(text, x[i]);
  }
  text += ']';
  std::vector<float> again(x.size());
  uint32_t n = 0;
  property(!lowdim::core::parse_dense(text, 3.402823466e+38F, again.data(), n),
           "what is received can be typed");
  for (size_t i = 0; i < x.size(); ++i) property(lowdim::fuzz::same_bits(x[i], again[i]), "and is the same");
  return 0;
}
