// RESTRICT and JOIN estimators of the range operators, from the vector statistics of their columns
// (core/statistics/selectivity.h). Where these are missing, or the radius is not known, a constant share as
// for the geometric types.
//
// Pivots are rows of the table: a user who may not read all of them gets estimates from the distribution of
// pairs alone, as the server does with its most common values.

#include "core/statistics/selectivity.h"

#include "pg/door.h"
#include "pg/planner/column_statistics.h"
#include "pg/planner/sphere_clause.h"

extern "C" {
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
}

namespace lowdim::pg {
namespace {

constexpr double kUnknown = 0.001;  // what contsel has

// The statistics of an expression's column, if there are any; the pivots where the user may know them.
struct Column {
  VariableStatData variable;
  ColumnStatistics statistics;
  bool known;

  Column(PlannerInfo* root, Node* expression, int relation, Oid operator_id) {
    examine_variable(root, expression, relation, &variable);
    const bool pivots = HeapTupleIsValid(variable.statsTuple) &&
                        statistic_proc_security_check(&variable, get_opcode(operator_id));
    known = read_column_statistics(variable.statsTuple, pivots, &statistics);
  }
  void release() {
    if (known) free_column_statistics(&statistics);
    ReleaseVariableStats(variable);
  }
  double rows() const { return variable.rel == nullptr ? 1 : Max(variable.rel->tuples, 1); }
};

double restriction(PlannerInfo* root, Oid operator_id, List* args, int relation) {
  SphereOperator op;
  if (list_length(args) != 2 || !sphere_operator(operator_id, &op)) return kUnknown;
  const SphereClause sphere = sphere_clause(root, static_cast<Node*>(lsecond(args)));
  if (sphere.null) return 0;
  if (!sphere.known_radius) return kUnknown;
  Column column(root, static_cast<Node*>(linitial(args)), relation, operator_id);
  double share = kUnknown;
  if (column.known) {
    const ColumnStatistics* s = &column.statistics;
    const float* center =
        sphere.known_center && s->pivots.n > 0 ? op.floats(sphere.center, s->figures.dims) : nullptr;
    const double radius = sphere.radius, rows = column.rows();
    share = (1 - s->nulls) * call_core([=] {
              return center == nullptr
                         ? core::selectivity_of_any(s->figures, op.metric, radius, rows)
                         : core::selectivity(s->figures, s->pivots, op.metric, center, radius, rows);
            });
  }
  column.release();
  CLAMP_PROBABILITY(share);
  return share;
}

// Are both columns one and the same column of one table?
bool same_column(PlannerInfo* root, const Column& a, const Column& b) {
  if (a.variable.var == nullptr || b.variable.var == nullptr) return false;
  if (!IsA(a.variable.var, Var) || !IsA(b.variable.var, Var)) return false;
  const Var* x = reinterpret_cast<Var*>(a.variable.var);
  const Var* y = reinterpret_cast<Var*>(b.variable.var);
  const RangeTblEntry* s = planner_rt_fetch(x->varno, root);
  const RangeTblEntry* t = planner_rt_fetch(y->varno, root);
  return s->rtekind == RTE_RELATION && t->rtekind == RTE_RELATION && s->relid == t->relid &&
         x->varattno == y->varattno;
}

double pairs_within(PlannerInfo* root, const Column& a, const Column& b, core::SphereMetric metric,
                    double radius) {
  const ColumnStatistics* s = &a.statistics;
  const ColumnStatistics* t = &b.statistics;
  if (!a.known && !b.known) return kUnknown;
  const double pairs = a.rows() * b.rows();
  const double not_null = (a.known ? 1 - s->nulls : 1) * (b.known ? 1 - t->nulls : 1);
  const bool same = same_column(root, a, b);
  const bool both =
      a.known && b.known && s->pivots.n > 0 && t->pivots.n > 0 && s->figures.dims == t->figures.dims && !same;
  const core::VectorStatistics* one = a.known ? &s->figures : &t->figures;
  const double share = call_core([=] {
    return both ? core::join_selectivity(s->figures, s->pivots, t->figures, t->pivots, metric, radius, pairs)
                : core::selectivity_of_any(*one, metric, radius, pairs);
  });
  // Among the pairs of a column with itself, each row meets itself.
  const double own = same && metric != core::SphereMetric::kInner && radius > 0 ? 1 / a.rows() : 0;
  return not_null * Min(share + own, 1.0);
}

double join(PlannerInfo* root, Oid operator_id, List* args, JoinType type, const SpecialJoinInfo* info) {
  SphereOperator op;
  if (list_length(args) != 2 || !sphere_operator(operator_id, &op)) return kUnknown;
  const SphereClause sphere = sphere_clause(root, static_cast<Node*>(lsecond(args)));
  if (sphere.null) return 0;
  if (!sphere.known_radius || sphere.source == nullptr) return kUnknown;
  Column a(root, static_cast<Node*>(linitial(args)), 0, operator_id);
  Column b(root, sphere.source, 0, operator_id);
  double share = pairs_within(root, a, b, op.metric, sphere.radius);
  if ((type == JOIN_SEMI || type == JOIN_ANTI) && info != nullptr) {
    // The share of outer rows that have one within at least; inner rows as if independent of each other.
    const RelOptInfo* left = a.variable.rel;
    const bool left_is_inner = left != nullptr && bms_is_subset(left->relids, info->syn_righthand);
    const RelOptInfo* inner = left_is_inner ? left : b.variable.rel;
    if (inner != nullptr) share = 1 - pow(1 - Min(share, 1.0), Max(inner->rows, 1));
  }
  a.release();
  b.release();
  CLAMP_PROBABILITY(share);
  return share;
}

}  // namespace
}  // namespace lowdim::pg

LOWDIM_FN(lowdim_sphere_sel) {
  PG_RETURN_FLOAT8(lowdim::pg::restriction(reinterpret_cast<PlannerInfo*>(PG_GETARG_POINTER(0)),
                                           PG_GETARG_OID(1), reinterpret_cast<List*>(PG_GETARG_POINTER(2)),
                                           PG_GETARG_INT32(3)));
}

LOWDIM_FN(lowdim_sphere_joinsel) {
  PG_RETURN_FLOAT8(lowdim::pg::join(reinterpret_cast<PlannerInfo*>(PG_GETARG_POINTER(0)), PG_GETARG_OID(1),
                                    reinterpret_cast<List*>(PG_GETARG_POINTER(2)),
                                    static_cast<JoinType>(PG_GETARG_INT16(3)),
                                    reinterpret_cast<SpecialJoinInfo*>(PG_GETARG_POINTER(4))));
}
