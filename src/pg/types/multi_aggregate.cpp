// multivector_agg(vector): the vectors of a group in the order in which they come. The state is the value
// itself, grown by doubling in the aggregate's memory context, never beyond what a value may have.

#include "pg/pg.h"
#include "pg/types/multi.h"

namespace lowdim::pg {
namespace {

struct State {
  Multivector* value;
  Size room;  // of value->x, in floats
};

Multivector* with_room(Multivector* old, Size floats) {
  const Size size = offsetof(Multivector, x) + sizeof(float) * floats;
  return static_cast<Multivector*>(old == nullptr ? palloc(size) : repalloc(old, size));
}

}  // namespace
}  // namespace lowdim::pg

using namespace lowdim::pg;
using namespace lowdim;

LOWDIM_FN(lowdim_multivector_accum) {
  MemoryContext context;
  if (AggCheckCallContext(fcinfo, &context) == 0) {
    elog(ERROR, "multivector_accum called in non-aggregate context");
  }
  State* state = PG_ARGISNULL(0) ? nullptr : reinterpret_cast<State*>(PG_GETARG_POINTER(0));
  if (PG_ARGISNULL(1)) {
    if (state == nullptr) PG_RETURN_NULL();
    PG_RETURN_POINTER(state);
  }
  const Vector* v = arg<Vector>(fcinfo, 1);
  MemoryContext old = MemoryContextSwitchTo(context);
  if (state == nullptr) {
    constexpr Size kFirstVectors = 4;
    state = static_cast<State*>(palloc(sizeof(State)));
    state->room = kFirstVectors * static_cast<Size>(v->dim);
    state->value = with_room(nullptr, state->room);
    state->value->dim = v->dim;
    state->value->count = 0;
  }
  check_expected_dim(state->value->dim, v->dim);
  check_multi_size(static_cast<int64>(state->value->count) + 1, v->dim);
  const Size used = state->value->elements();
  if (used + static_cast<Size>(v->dim) > state->room) {
    state->room = Min(2 * state->room, static_cast<Size>(kMaxMultiElements));
    state->value = with_room(state->value, state->room);
  }
  memcpy(state->value->x + used, v->x, sizeof(float) * static_cast<Size>(v->dim));
  ++state->value->count;
  MemoryContextSwitchTo(old);
  PG_RETURN_POINTER(state);
}

LOWDIM_FN(lowdim_multivector_agg) {
  if (AggCheckCallContext(fcinfo, nullptr) == 0) {
    elog(ERROR, "multivector_agg called in non-aggregate context");
  }
  if (PG_ARGISNULL(0)) PG_RETURN_NULL();
  const State* state = reinterpret_cast<const State*>(PG_GETARG_POINTER(0));
  Multivector* result = make_multi(state->value->count, state->value->dim);
  memcpy(result->x, state->value->x, sizeof(float) * result->elements());
  PG_RETURN_POINTER(result);
}
