// maxsim, its operator @# and maxsim_matches: core/multi/maxsim.h on values where they lie.

#include "core/multi/maxsim.h"
#include "pg/door.h"
#include "pg/pg.h"
#include "pg/stop.h"
#include "pg/types/multi.h"

extern "C" {
#include "funcapi.h"
#include "utils/tuplestore.h"
}

namespace lowdim::pg {
namespace {

void check_same_dim(const core::MultiView& a, const core::MultiView& b) {
  if (unlikely(a.dims != b.dims)) {
    raise_different_dims(Multivector::kName, static_cast<int>(a.dims), static_cast<int>(b.dims));
  }
}

// Interruptible: the two largest values need hours.
void find_matches(const core::MultiView& document, const core::MultiView& query, float* best,
                  uint32_t* which) {
  const core::Stop stop = server_stop();
  call_core([=] { core::max_matches(document, query, best, which, stop); });
}

double maxsim(FunctionCallInfo fcinfo) {
  const core::MultiView document = multi_arg(fcinfo, 0);
  const core::MultiView query = multi_arg(fcinfo, 1);
  check_same_dim(document, query);
  constexpr uint32_t kOnStack = 256;
  float few[kOnStack];
  float* best = few;
  if (query.count > kOnStack) best = static_cast<float*>(palloc(sizeof(float) * query.count));
  find_matches(document, query, best, nullptr);
  return core::sum_matches(best, query.count);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;
using namespace lowdim;

LOWDIM_FN(lowdim_maxsim) { PG_RETURN_FLOAT8(maxsim(fcinfo)); }
LOWDIM_FN(lowdim_negative_maxsim) { PG_RETURN_FLOAT8(-maxsim(fcinfo)); }

LOWDIM_FN(lowdim_maxsim_matches) {
  const Multivector* d = arg<Multivector>(fcinfo, 0);
  const Multivector* q = arg<Multivector>(fcinfo, 1);
  check_same_dim(d, q);
  const core::MultiView document{d->x, d->count, static_cast<uint32_t>(d->dim)};
  const core::MultiView query{q->x, q->count, static_cast<uint32_t>(q->dim)};
  float* best = static_cast<float*>(palloc(sizeof(float) * query.count));
  uint32_t* which = static_cast<uint32_t*>(palloc(sizeof(uint32_t) * query.count));
  find_matches(document, query, best, which);
  InitMaterializedSRF(fcinfo, 0);
  ReturnSetInfo* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (uint32_t j = 0; j < query.count; ++j) {
    Datum values[3] = {Int32GetDatum(static_cast<int32>(j + 1)),
                       Int32GetDatum(static_cast<int32>(which[j] + 1)),
                       Float8GetDatum(static_cast<double>(best[j]))};
    bool nulls[3] = {};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  return static_cast<Datum>(0);
}
