// The text input of vector: core::parse_dense over all of float's range.

#include <limits>

#include "literal_property.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  lowdim::fuzz::check_dense({reinterpret_cast<const char*>(data), size}, std::numeric_limits<float>::max());
  return 0;
}
