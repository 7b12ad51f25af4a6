// The private aggregates dp_kde, dp_distance, dp_moments, dp_sum, dp_avg, dp_count, and dp_cost.
//
// Noise is drawn in the final function, which runs once for a group, in the leader. It changes the state
// (FINALFUNC_MODIFY = READ_WRITE), so the server refuses these aggregates as window functions, which would
// release once a row, and shares no state between two of them.
//
// What depends on the rows must not be seen but through noise. So: the options are constants of the query,
// checked with no row as with many; a group without rows (the transition function was never called, and
// nobody gave it any options) is released too, with the options that the query's plan has; a vector of other
// dimensions than the options' is no error.

#include "core/privacy/job.h"
#include "core/privacy/query.h"
#include "pg/door.h"
#include "pg/entropy.h"
#include "pg/fn.h"
#include "pg/options.h"
#include "pg/stop.h"
#include "pg/types/floats.h"
#include "pg/types/sketch.h"
#include "pg/types/types.h"

extern "C" {
#include "access/htup_details.h"
#include "executor/executor.h"
#include "executor/nodeAgg.h"
#include "funcapi.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
}

namespace lowdim::pg {
namespace {

using core::PrivateJob;
using core::PrivateState;
using core::PrivateStatistic;

// An aggregate's state. A worker that saw no row hands on its options: who finishes may have none.
struct PrivateGroup {
  PrivateState* sums;
  Jsonb* options;  // where sums is null
};

PrivateGroup* group_state(FunctionCallInfo fcinfo, int n) {
  return PG_ARGISNULL(n) ? nullptr : reinterpret_cast<PrivateGroup*>(PG_GETARG_POINTER(n));
}

MemoryContext group_context(FunctionCallInfo fcinfo) {
  MemoryContext context;
  if (AggCheckCallContext(fcinfo, &context) != AGG_CONTEXT_AGGREGATE) {
    elog(ERROR, "called in non-aggregate context");
  }
  return context;
}

PrivateGroup* make_group(MemoryContext context, PrivateState* sums, Jsonb* options) {
  PrivateGroup* group = static_cast<PrivateGroup*>(MemoryContextAlloc(context, sizeof(PrivateGroup)));
  *group = {sums, options};
  return group;
}

[[noreturn]] void refuse_null_options() {
  ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("options must not be null")));
  pg_unreachable();
}

// The call's argument with that number. Only where rows come in: a node that finishes what others summed has
// states for arguments.
const TargetEntry* call_argument(const Aggref* call, int n) {
  if (call == nullptr || DO_AGGSPLIT_COMBINE(call->aggsplit) || list_length(call->args) <= n) {
    elog(ERROR, "private aggregate without its call");
  }
  return static_cast<const TargetEntry*>(list_nth(call->args, n));
}

// Options that follow the rows would tell of them: one group's noise, or whether there is an error.
Node* constant_options(const Aggref* call) {
  Node* options = reinterpret_cast<Node*>(call_argument(call, 1)->expr);
  if (contain_var_clause(options) || contain_subplans(options) || contain_volatile_functions(options)) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("options of a private aggregate must not depend on rows"),
                    errhint("Give a constant, a parameter, or a query of its own.")));
  }
  return options;
}

// The options as the plan has them, in the current memory context.
Jsonb* options_of_call(const Aggref* call, AggState* node) {
  Node* options = constant_options(call);
  bool null;
  ExprState* ready = ExecInitExpr(reinterpret_cast<Expr*>(options), &node->ss.ps);
  const Datum value = ExecEvalExprSwitchContext(ready, node->ss.ps.ps_ExprContext, &null);
  if (null) refuse_null_options();
  return reinterpret_cast<Jsonb*>(PG_DETOAST_DATUM_COPY(value));
}

PrivateState* start_sums(MemoryContext context, PrivateStatistic statistic, Jsonb* json) {
  const OptionPairs options = flatten_options(json, "options");
  PrivateState* sums = make_in<PrivateState>(context);
  call_core([=] { sums->start(core::parse_private_job(statistic, options.pairs, options.n)); });
  return sums;
}

// A column's own dimensions are no secret: with a declared type, a mistake is an error.
void check_declared_dims(const PrivateState* sums, const Aggref* call) {
  const int32 declared = exprTypmod(reinterpret_cast<const Node*>(call_argument(call, 0)->expr));
  const int32 dims = static_cast<int32>(sums->job().dims());
  if (declared > 0 && dims > 0 && declared != dims) {
    ereport(ERROR,
            (errcode(ERRCODE_DATA_EXCEPTION),
             errmsg("expected %d dimensions, not %d", static_cast<int>(dims), static_cast<int>(declared)),
             errdetail("Privacy option \"dims\" is not what the vectors are declared with.")));
  }
}

template <class T>
Datum accumulate(FunctionCallInfo fcinfo, PrivateStatistic statistic) {
  MemoryContext context = group_context(fcinfo);
  PrivateGroup* group = group_state(fcinfo, 0);
  if (group == nullptr) {
    const Aggref* call = AggGetAggref(fcinfo);
    constant_options(call);
    if (PG_ARGISNULL(2)) refuse_null_options();
    group = make_group(context, start_sums(context, statistic, PG_GETARG_JSONB_P(2)), nullptr);
    check_declared_dims(group->sums, call);
  }
  if (!PG_ARGISNULL(1)) {
    const T* v = arg<T>(fcinfo, 1);
    const float* x = floats_of(v);
    const size_t dims = static_cast<size_t>(v->dim);
    PrivateState* sums = group->sums;
    call_core([=] { sums->add(x, dims); });
  }
  PG_RETURN_POINTER(group);
}

// The sums of a group, released or not yet. Without rows they are empty, and are released all the same.
PrivateState* finished_sums(FunctionCallInfo fcinfo, PrivateStatistic statistic) {
  MemoryContext context = group_context(fcinfo);
  PrivateGroup* group = group_state(fcinfo, 0);
  if (group != nullptr && group->sums != nullptr) return group->sums;
  AggState* node = reinterpret_cast<AggState*>(fcinfo->context);
  if (group != nullptr) return start_sums(context, statistic, group->options);
  const Aggref* call = AggGetAggref(fcinfo);
  PrivateState* sums = start_sums(context, statistic, options_of_call(call, node));
  check_declared_dims(sums, call);
  return sums;
}

struct Image {
  const uint8_t* bytes;
  size_t n;
};

Datum release_sketch(FunctionCallInfo fcinfo, PrivateStatistic statistic) {
  PrivateState* sums = finished_sums(fcinfo, statistic);
  const core::Entropy entropy = server_entropy();
  const core::Stop stop = server_stop();
  const Image image = call_core([=] {
    const auto& bytes = sums->release(entropy, stop);
    return Image{bytes.data(), bytes.size()};
  });
  return sketch_datum(image.bytes, image.n);
}

Datum release_vector(FunctionCallInfo fcinfo, PrivateStatistic statistic) {
  PrivateState* sums = finished_sums(fcinfo, statistic);
  const core::Entropy entropy = server_entropy();
  const core::Stop stop = server_stop();
  Vector* out = make_dense<Vector>(static_cast<int>(sums->job().dims()));
  call_core([=] {
    const auto& image = sums->release(entropy, stop);
    const core::SketchQuery sketch(image.data(), image.size());
    if (statistic == PrivateStatistic::kSum) {
      sketch.sum(out->x);
    } else {
      sketch.mean(out->x);
    }
  });
  PG_RETURN_POINTER(out);
}

Datum release_count(FunctionCallInfo fcinfo) {
  PrivateState* sums = finished_sums(fcinfo, PrivateStatistic::kCount);
  const core::Entropy entropy = server_entropy();
  const core::Stop stop = server_stop();
  PG_RETURN_INT64(call_core([=] {
    const auto& image = sums->release(entropy, stop);
    return static_cast<int64>(__builtin_rint(core::SketchQuery(image.data(), image.size()).rows()));
  }));
}

// Which call a serialization function is run for: the server tells that only to transition and final
// functions.
const Aggref* serialized_call(FunctionCallInfo fcinfo, AggState* node) {
  for (int i = 0; i < node->numtrans; ++i) {
    if (node->pertrans[i].serialfn_fcinfo == fcinfo) return node->pertrans[i].aggref;
  }
  elog(ERROR, "private aggregate without its call");
  pg_unreachable();
}

constexpr uint8_t kOptionsOnly = 0, kSums = 1;  // the first byte of a serialized state

bytea* tagged(uint8_t tag, const void* bytes, size_t n) {
  if (n > MaxAllocSize - VARHDRSZ - 1) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("private sums are too large for parallel workers")));
  }
  bytea* value = static_cast<bytea*>(palloc(VARHDRSZ + 1 + n));
  SET_VARSIZE(value, VARHDRSZ + 1 + n);
  *reinterpret_cast<uint8_t*>(VARDATA(value)) = tag;
  memcpy(VARDATA(value) + 1, bytes, n);
  return value;
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;
using lowdim::core::PrivateStatistic;

LOWDIM_FN(lowdim_dp_kde_accum) { return accumulate<Vector>(fcinfo, PrivateStatistic::kKde); }
LOWDIM_FN(lowdim_dp_kde_accum_halfvec) { return accumulate<HalfVector>(fcinfo, PrivateStatistic::kKde); }
LOWDIM_FN(lowdim_dp_distance_accum) { return accumulate<Vector>(fcinfo, PrivateStatistic::kDistance); }
LOWDIM_FN(lowdim_dp_distance_accum_halfvec) {
  return accumulate<HalfVector>(fcinfo, PrivateStatistic::kDistance);
}
LOWDIM_FN(lowdim_dp_moments_accum) { return accumulate<Vector>(fcinfo, PrivateStatistic::kMoments); }
LOWDIM_FN(lowdim_dp_moments_accum_halfvec) {
  return accumulate<HalfVector>(fcinfo, PrivateStatistic::kMoments);
}
LOWDIM_FN(lowdim_dp_sum_accum) { return accumulate<Vector>(fcinfo, PrivateStatistic::kSum); }
LOWDIM_FN(lowdim_dp_sum_accum_halfvec) { return accumulate<HalfVector>(fcinfo, PrivateStatistic::kSum); }
LOWDIM_FN(lowdim_dp_avg_accum) { return accumulate<Vector>(fcinfo, PrivateStatistic::kAvg); }
LOWDIM_FN(lowdim_dp_avg_accum_halfvec) { return accumulate<HalfVector>(fcinfo, PrivateStatistic::kAvg); }
LOWDIM_FN(lowdim_dp_count_accum) { return accumulate<Vector>(fcinfo, PrivateStatistic::kCount); }
LOWDIM_FN(lowdim_dp_count_accum_halfvec) { return accumulate<HalfVector>(fcinfo, PrivateStatistic::kCount); }

LOWDIM_FN(lowdim_dp_kde_final) { return release_sketch(fcinfo, PrivateStatistic::kKde); }
LOWDIM_FN(lowdim_dp_distance_final) { return release_sketch(fcinfo, PrivateStatistic::kDistance); }
LOWDIM_FN(lowdim_dp_moments_final) { return release_sketch(fcinfo, PrivateStatistic::kMoments); }
LOWDIM_FN(lowdim_dp_sum_final) { return release_vector(fcinfo, PrivateStatistic::kSum); }
LOWDIM_FN(lowdim_dp_avg_final) { return release_vector(fcinfo, PrivateStatistic::kAvg); }
LOWDIM_FN(lowdim_dp_count_final) { return release_count(fcinfo); }

LOWDIM_FN(lowdim_dp_combine) {
  MemoryContext context = group_context(fcinfo);
  PrivateGroup* left = group_state(fcinfo, 0);
  const PrivateGroup* right = group_state(fcinfo, 1);
  if (left == nullptr) left = make_group(context, nullptr, nullptr);
  if (right != nullptr && right->sums != nullptr) {
    if (left->sums == nullptr) left->sums = make_in<PrivateState>(context);
    PrivateState* sums = left->sums;
    const PrivateState* more = right->sums;
    call_core([=] { sums->merge(*more); });
  } else if (right != nullptr && left->sums == nullptr && left->options == nullptr) {
    Jsonb* copy = static_cast<Jsonb*>(MemoryContextAlloc(context, VARSIZE(right->options)));
    memcpy(copy, right->options, VARSIZE(right->options));
    left->options = copy;
  }
  PG_RETURN_POINTER(left);
}

// Not strict: a worker without rows has no state, but options.
LOWDIM_FN(lowdim_dp_serialize) {
  group_context(fcinfo);
  const PrivateGroup* group = group_state(fcinfo, 0);
  AggState* node = reinterpret_cast<AggState*>(fcinfo->context);
  if (group == nullptr || group->sums == nullptr) {
    const Jsonb* options =
        group != nullptr ? group->options : options_of_call(serialized_call(fcinfo, node), node);
    PG_RETURN_BYTEA_P(tagged(kOptionsOnly, options, VARSIZE(options)));
  }
  PrivateState* sums = group->sums;
  const Image image = call_core([=] {
    const auto& bytes = sums->image();
    return Image{bytes.data(), bytes.size()};
  });
  PG_RETURN_BYTEA_P(tagged(kSums, image.bytes, image.n));
}

LOWDIM_FN(lowdim_dp_deserialize) {
  group_context(fcinfo);
  const bytea* image = PG_GETARG_BYTEA_PP(0);
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(VARDATA_ANY(image));
  const size_t n = VARSIZE_ANY_EXHDR(image);
  if (n > 1 + VARHDRSZ && bytes[0] == kOptionsOnly) {
    Jsonb* options = static_cast<Jsonb*>(palloc(n - 1));
    memcpy(options, bytes + 1, n - 1);
    PG_RETURN_POINTER(make_group(CurrentMemoryContext, nullptr, options));
  }
  if (n < 2 || bytes[0] != kSums) elog(ERROR, "invalid private sums");
  PrivateState* sums = make_in<PrivateState>(CurrentMemoryContext);
  call_core([=] { sums->restore(bytes + 1, n - 1); });
  PG_RETURN_POINTER(make_group(CurrentMemoryContext, sums, nullptr));
}

// (epsilon, delta, rho) as a record.
LOWDIM_FN(lowdim_dp_cost) {
  TupleDesc row;
  if (get_call_result_type(fcinfo, nullptr, &row) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "return type must be a row type");
  const OptionPairs options = flatten_options(PG_GETARG_JSONB_P(0), "options");
  const lowdim::core::PrivacyCost cost =
      call_core([=] { return lowdim::core::parse_private_job({}, options.pairs, options.n).cost(); });
  Datum values[3] = {Float8GetDatum(cost.epsilon), Float8GetDatum(cost.delta), Float8GetDatum(cost.rho)};
  bool nulls[3] = {false, false, false};
  PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row), values, nulls)));
}
