// See sphere.h. The operators call the distance function of the operator without <>, so that
// a <<->> sphere(b, r) and (a <-> b) < r agree to the bit.

#include "pg/types/sphere.h"

#include "pg/detoast.h"
#include "pg/fn.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/float.h"
#include "utils/typcache.h"
}

namespace lowdim::pg {

bool read_sphere(HeapTupleHeader value, SphereType* cache, MemoryContext context, Sphere* out) {
  const Oid type = HeapTupleHeaderGetTypeId(value);
  const int32 typmod = HeapTupleHeaderGetTypMod(value);
  if (cache->layout == nullptr || cache->type != type || cache->typmod != typmod) {
    TupleDesc found = lookup_rowtype_tupdesc(type, typmod);
    if (found->natts < 2 || TupleDescAttr(found, 1)->atttypid != FLOAT8OID) {
      ReleaseTupleDesc(found);
      ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("a sphere is a center and a radius")));
    }
    const MemoryContext old = MemoryContextSwitchTo(context);
    cache->layout = CreateTupleDescCopy(found);
    MemoryContextSwitchTo(old);
    ReleaseTupleDesc(found);
    cache->type = type;
    cache->typmod = typmod;
  }
  HeapTupleData tuple{};
  tuple.t_len = HeapTupleHeaderGetDatumLength(value);
  tuple.t_data = value;
  ItemPointerSetInvalid(&tuple.t_self);
  bool no_center, no_radius;
  out->center = heap_getattr(&tuple, 1, cache->layout, &no_center);
  const Datum radius = heap_getattr(&tuple, 2, cache->layout, &no_radius);
  if (no_center || no_radius) return false;
  out->radius = DatumGetFloat8(radius);
  return true;
}

namespace {

// Of one call site.
struct RangeCall {
  SphereType type;
  FmgrInfo distance;
};

RangeCall* range_call(FunctionCallInfo fcinfo, PGFunction distance) {
  FmgrInfo* function = fcinfo->flinfo;
  if (function->fn_extra == nullptr) {
    RangeCall* fresh = static_cast<RangeCall*>(MemoryContextAllocZero(function->fn_mcxt, sizeof(RangeCall)));
    fresh->distance.fn_addr = distance;
    fresh->distance.fn_nargs = 2;
    fresh->distance.fn_strict = true;
    fresh->distance.fn_mcxt = function->fn_mcxt;
    function->fn_extra = fresh;
  }
  return static_cast<RangeCall*>(function->fn_extra);
}

// Unknown where the sphere lacks its center or its radius.
Datum within(FunctionCallInfo fcinfo, PGFunction distance) {
  RangeCall* call = range_call(fcinfo, distance);
  Sphere sphere;
  if (!read_sphere(PG_GETARG_HEAPTUPLEHEADER(1), &call->type, fcinfo->flinfo->fn_mcxt, &sphere)) {
    PG_RETURN_NULL();
  }
  LOCAL_FCINFO(inner, 2);
  InitFunctionCallInfoData(*inner, &call->distance, 2, InvalidOid, nullptr, nullptr);
  inner->args[0] = fcinfo->args[0];
  inner->args[1].value = sphere.center;
  inner->args[1].isnull = false;
  PG_RETURN_BOOL(float8_lt(DatumGetFloat8(distance(inner)), sphere.radius));
}

}  // namespace
}  // namespace lowdim::pg

#define LOWDIM_WITHIN(name, distance)          \
  extern "C" Datum distance(PG_FUNCTION_ARGS); \
  LOWDIM_FN(name) { return lowdim::pg::within(fcinfo, distance); }
LOWDIM_WITHIN(lowdim_vector_l2_within, lowdim_vector_l2_distance)
LOWDIM_WITHIN(lowdim_vector_ip_within, lowdim_vector_negative_inner_product)
LOWDIM_WITHIN(lowdim_vector_cosine_within, lowdim_vector_cosine_distance)
LOWDIM_WITHIN(lowdim_vector_l1_within, lowdim_vector_l1_distance)
LOWDIM_WITHIN(lowdim_halfvec_l2_within, lowdim_halfvec_l2_distance)
LOWDIM_WITHIN(lowdim_halfvec_ip_within, lowdim_halfvec_negative_inner_product)
LOWDIM_WITHIN(lowdim_halfvec_cosine_within, lowdim_halfvec_cosine_distance)
LOWDIM_WITHIN(lowdim_halfvec_l1_within, lowdim_halfvec_l1_distance)
LOWDIM_WITHIN(lowdim_sparsevec_l2_within, lowdim_sparsevec_l2_distance)
LOWDIM_WITHIN(lowdim_sparsevec_ip_within, lowdim_sparsevec_negative_inner_product)
LOWDIM_WITHIN(lowdim_sparsevec_cosine_within, lowdim_sparsevec_cosine_distance)
LOWDIM_WITHIN(lowdim_sparsevec_l1_within, lowdim_sparsevec_l1_distance)
#undef LOWDIM_WITHIN
