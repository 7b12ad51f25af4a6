// See sphere_clause.h. sphere(center, radius) is an SQL function and has become a row of two expressions when
// the estimators see it.

#include "pg/planner/sphere_clause.h"

#include "pg/planner/column_statistics.h"
#include "pg/types/sphere.h"

extern "C" {
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"

Datum lowdim_vector_l2_within(PG_FUNCTION_ARGS);
Datum lowdim_vector_ip_within(PG_FUNCTION_ARGS);
Datum lowdim_vector_cosine_within(PG_FUNCTION_ARGS);
Datum lowdim_vector_l1_within(PG_FUNCTION_ARGS);
Datum lowdim_halfvec_l2_within(PG_FUNCTION_ARGS);
Datum lowdim_halfvec_ip_within(PG_FUNCTION_ARGS);
Datum lowdim_halfvec_cosine_within(PG_FUNCTION_ARGS);
Datum lowdim_halfvec_l1_within(PG_FUNCTION_ARGS);
}

namespace lowdim::pg {
namespace {

template <class T>
float* floats_in(Datum value, size_t dims) {
  return stored_floats<T>(value, dims, nullptr);
}

struct Known {
  PGFunction function;
  SphereOperator op;
};

using core::SphereMetric;
constexpr Known kKnown[] = {
    {lowdim_vector_l2_within, {SphereMetric::kL2, floats_in<Vector>}},
    {lowdim_vector_ip_within, {SphereMetric::kInner, floats_in<Vector>}},
    {lowdim_vector_cosine_within, {SphereMetric::kCosine, floats_in<Vector>}},
    {lowdim_vector_l1_within, {SphereMetric::kL1, floats_in<Vector>}},
    {lowdim_halfvec_l2_within, {SphereMetric::kL2, floats_in<HalfVector>}},
    {lowdim_halfvec_ip_within, {SphereMetric::kInner, floats_in<HalfVector>}},
    {lowdim_halfvec_cosine_within, {SphereMetric::kCosine, floats_in<HalfVector>}},
    {lowdim_halfvec_l1_within, {SphereMetric::kL1, floats_in<HalfVector>}},
};

SphereClause of_value(Const* value) {
  SphereClause out{};
  out.null = true;
  if (value->constisnull) return out;
  SphereType type{};
  Sphere sphere;
  if (!read_sphere(DatumGetHeapTupleHeader(value->constvalue), &type, CurrentMemoryContext, &sphere))
    return out;
  out.null = false;
  out.known_radius = out.known_center = true;
  out.radius = sphere.radius;
  out.center = sphere.center;
  return out;
}

}  // namespace

bool sphere_operator(Oid operator_id, SphereOperator* out) {
  const Oid function = get_opcode(operator_id);
  if (!OidIsValid(function)) return false;
  FmgrInfo info;
  fmgr_info(function, &info);
  for (const Known& k : kKnown) {
    if (k.function == info.fn_addr) {
      *out = k.op;
      return true;
    }
  }
  return false;
}

SphereClause sphere_clause(PlannerInfo* root, Node* sphere) {
  sphere = estimate_expression_value(root, sphere);
  if (IsA(sphere, Const)) return of_value(reinterpret_cast<Const*>(sphere));
  SphereClause out{};
  if (!IsA(sphere, RowExpr)) return out;
  const RowExpr* row = reinterpret_cast<RowExpr*>(sphere);
  if (list_length(row->args) != 2) return out;
  Node* center = static_cast<Node*>(linitial(row->args));
  Node* radius = static_cast<Node*>(lsecond(row->args));
  if (IsA(radius, Const)) {
    const Const* value = reinterpret_cast<Const*>(radius);
    out.null = value->constisnull;
    out.known_radius = !value->constisnull;
    if (out.known_radius) out.radius = DatumGetFloat8(value->constvalue);
  }
  if (IsA(center, Const)) {
    const Const* value = reinterpret_cast<Const*>(center);
    out.null = out.null || value->constisnull;
    out.known_center = !value->constisnull;
    out.center = value->constvalue;
  } else {
    out.source = center;
  }
  return out;
}

}  // namespace lowdim::pg
