// fde_document, fde_query and carve: core/multi/fde.h and carve.h on values where they lie.

#include "core/multi/fde.h"

#include "core/multi/carve.h"
#include "pg/door.h"
#include "pg/stop.h"
#include "pg/types/fde.h"
#include "pg/types/multi.h"

extern "C" {
#include "utils/float.h"
}

namespace lowdim::pg {
namespace {

Datum encode(FunctionCallInfo fcinfo, bool is_query) {
  const core::MultiView set = multi_arg(fcinfo, 0);
  core::FdeEncoder* const encoder = fde_encoder(PG_GETARG_DATUM(1), set.dims);
  Vector* result = make_dense<Vector>(static_cast<int>(encoder->out_dims()));
  float* const out = result->x;
  const core::Stop stop = server_stop();
  call_core([=] {
    if (is_query) {
      encoder->query(set, out, stop);
    } else {
      encoder->document(set, out, stop);
    }
  });
  for (int i = 0; i < result->dim; ++i) {
    if (unlikely(!(out[i] - out[i] == 0))) float_overflow_error();
  }
  PG_RETURN_POINTER(result);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;
using namespace lowdim;

LOWDIM_FN(lowdim_fde_document) { return encode(fcinfo, false); }
LOWDIM_FN(lowdim_fde_query) { return encode(fcinfo, true); }

LOWDIM_FN(lowdim_carve) {
  const core::MultiView set = multi_arg(fcinfo, 0);
  const double threshold = PG_GETARG_FLOAT8(1);
  if (!(threshold >= -1 && threshold <= 1)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("threshold must be between -1 and 1")));
  }
  float* const sums =
      static_cast<float*>(palloc_extended(sizeof(float) * size_t{set.count} * set.dims, MCXT_ALLOC_HUGE));
  const core::Stop stop = server_stop();
  const uint32_t count = call_core([=] { return core::carve(set, threshold, sums, stop); });
  Multivector* result = make_multi(static_cast<int>(count), static_cast<int>(set.dims));
  const Size elements = result->elements();
  for (Size i = 0; i < elements; ++i) {
    if (unlikely(!(sums[i] - sums[i] == 0))) float_overflow_error();
    result->x[i] = sums[i];
  }
  PG_RETURN_POINTER(result);
}
