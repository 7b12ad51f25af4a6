// See quantizer.h.

#include "core/codec/quantizer.h"

namespace lowdim::core {

// Codec asks only quantizers whose bounds() is not kNone.
Interval Scorer::inner_bounds(const uint8_t*) const { throw Error(ErrorKind::kInternal, "no bounds here"); }
Interval Scorer::l2sq_bounds(const uint8_t*) const { throw Error(ErrorKind::kInternal, "no bounds here"); }

double Quantizer::norm2(const uint8_t*) const { throw Error(ErrorKind::kInternal, "no norm in these codes"); }

}  // namespace lowdim::core
