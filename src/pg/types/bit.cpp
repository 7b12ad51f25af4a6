// Distances of the server's own bit and varbit strings. Bits behind the end of a value are zero, so whole
// bytes count.

#include "core/simd/kernels.h"
#include "pg/compat.h"
#include "pg/pg.h"

extern "C" {
#include "utils/varbit.h"
}

#include "pg/fn.h"

namespace lowdim::pg {
namespace {

const VarBit* bits_arg(FunctionCallInfo fcinfo, int n) { return PG_GETARG_VARBIT_P(n); }

void check_same_length(const VarBit* a, const VarBit* b) {
  if (unlikely(VARBITLEN(a) != VARBITLEN(b))) {
    ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                    errmsg("different bit lengths %u and %u", VARBITLEN(a), VARBITLEN(b))));
  }
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;
using lowdim::simd::kernels;

LOWDIM_FN(lowdim_hamming_distance) {
  const VarBit* a = bits_arg(fcinfo, 0);
  const VarBit* b = bits_arg(fcinfo, 1);
  check_same_length(a, b);
  PG_RETURN_FLOAT8(static_cast<float8>(kernels().hamming(VARBITS(a), VARBITS(b), VARBITBYTES(a))));
}

// 1 for strings that have no bit in common, two strings of zeros among them.
LOWDIM_FN(lowdim_jaccard_distance) {
  const VarBit* a = bits_arg(fcinfo, 0);
  const VarBit* b = bits_arg(fcinfo, 1);
  check_same_length(a, b);
  uint64_t counts[2];
  kernels().jaccard(VARBITS(a), VARBITS(b), VARBITBYTES(a), counts);
  PG_RETURN_FLOAT8(counts[0] == 0 ? 1.0
                                  : 1.0 - static_cast<double>(counts[0]) / static_cast<double>(counts[1]));
}
