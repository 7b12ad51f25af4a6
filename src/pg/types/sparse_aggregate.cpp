// sum and avg of sparsevec. The state is a core::SparseSum owned by the aggregate's memory context; workers
// exchange its image.

#include "core/vec/sparse.h"
#include "pg/door.h"
#include "pg/pg.h"
#include "pg/types/types.h"

namespace lowdim::pg {
namespace {

using core::SparseSum;

SparseSum* state_arg(FunctionCallInfo fcinfo, int n) {
  return PG_ARGISNULL(n) ? nullptr : reinterpret_cast<SparseSum*>(PG_GETARG_POINTER(n));
}

MemoryContext aggregate_context(FunctionCallInfo fcinfo, const char* caller) {
  MemoryContext context;
  if (AggCheckCallContext(fcinfo, &context) == 0) elog(ERROR, "%s called in non-aggregate context", caller);
  return context;
}

// The sum times `scale`, entries that round to 0 left out; NULL for no rows.
Datum finish(FunctionCallInfo fcinfo, bool mean) {
  aggregate_context(fcinfo, "sparsevec aggregate");
  SparseSum* sum = state_arg(fcinfo, 0);
  if (sum == nullptr || sum->rows() == 0) PG_RETURN_NULL();
  struct Entries {
    const SparseSum::Entry* first;
    size_t n;
  };
  const Entries total = call_core([=] {
    const auto& entries = sum->total();
    return Entries{entries.data(), entries.size()};
  });
  const double scale = mean ? 1.0 / static_cast<double>(sum->rows()) : 1.0;
  Size nnz = 0;
  for (size_t i = 0; i < total.n; ++i) {
    const float x = static_cast<float>(total.first[i].value * scale);
    if (x - x != 0) {
      ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("value out of range: overflow")));
    }
    nnz += x != 0;
  }
  if (nnz > kMaxSparseNonZeros) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("sparsevec cannot have more than %d non-zero elements", kMaxSparseNonZeros)));
  }
  SparseVector* result = make_sparse(sum->dims(), static_cast<int>(nnz));
  for (size_t i = 0, j = 0; i < total.n; ++i) {
    const float x = static_cast<float>(total.first[i].value * scale);
    if (x == 0) continue;
    result->indices[j] = total.first[i].index;
    result->values()[j++] = x;
  }
  PG_RETURN_POINTER(result);
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;

LOWDIM_FN(lowdim_sparsevec_accum) {
  MemoryContext context = aggregate_context(fcinfo, "sparsevec_accum");
  SparseSum* sum = state_arg(fcinfo, 0);
  if (PG_ARGISNULL(1)) {
    if (sum == nullptr) PG_RETURN_NULL();
    PG_RETURN_POINTER(sum);
  }
  const SparseVector* v = arg<SparseVector>(fcinfo, 1);
  if (sum == nullptr) sum = make_in<SparseSum>(context);
  call_core([=] { sum->add(v->view()); });
  PG_RETURN_POINTER(sum);
}

LOWDIM_FN(lowdim_sparsevec_combine) {
  MemoryContext context = aggregate_context(fcinfo, "sparsevec_combine");
  SparseSum* sum = state_arg(fcinfo, 0);
  const SparseSum* other = state_arg(fcinfo, 1);
  if (other != nullptr) {
    if (sum == nullptr) sum = make_in<SparseSum>(context);
    call_core([=] { sum->merge(*other); });
  }
  if (sum == nullptr) PG_RETURN_NULL();
  PG_RETURN_POINTER(sum);
}

LOWDIM_FN(lowdim_sparsevec_serialize) {
  aggregate_context(fcinfo, "sparsevec_serialize");
  SparseSum* sum = state_arg(fcinfo, 0);
  const size_t bytes = call_core([=] { return sum->image_bytes(); });
  bytea* image = static_cast<bytea*>(palloc(VARHDRSZ + bytes));
  SET_VARSIZE(image, VARHDRSZ + bytes);
  sum->write_image(reinterpret_cast<uint8_t*>(VARDATA(image)));
  PG_RETURN_BYTEA_P(image);
}

LOWDIM_FN(lowdim_sparsevec_deserialize) {
  aggregate_context(fcinfo, "sparsevec_deserialize");
  const bytea* image = PG_GETARG_BYTEA_PP(0);
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(VARDATA_ANY(image));
  const size_t n = VARSIZE_ANY_EXHDR(image);
  SparseSum* sum = make_in<SparseSum>(CurrentMemoryContext);
  call_core([=] { *sum = SparseSum::restore(bytes, n); });
  PG_RETURN_POINTER(sum);
}

LOWDIM_FN(lowdim_sparsevec_sum) { return finish(fcinfo, false); }
LOWDIM_FN(lowdim_sparsevec_avg) { return finish(fcinfo, true); }
