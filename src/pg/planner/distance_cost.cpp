// What a call of a distance function costs, for the planner: a support function of the distances and range
// operators of vector and halfvec. The server would take every function for as dear as an addition of two
// integers, and values out of line for free, so that exact scans of long vectors look cheaper than they are.
//
//   cpu_operator_cost (1 + dims / 64), for the arithmetic
//   + pages seq_page_cost + chunks cpu_tuple_cost, for a column that is stored out of line
//
// The dimensions are the type modifier's, or a constant's. That a column is out of line is seen by its
// average width (pg_statistic) beside the width that its dimensions need. Its pages are priced as those of a
// table: a scan reads them in storage order (detoast.h).

#include <cmath>

#include "pg/planner/column_statistics.h"

extern "C" {
#include "access/heaptoast.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
}

namespace lowdim::pg {
namespace {

constexpr double kDimsPerOperator = 64;
constexpr double kPointerBytes = 18;  // what is left in the row of a value out of line

List* arguments(Node* call) {
  if (call == nullptr) return NIL;
  if (IsA(call, FuncExpr)) return reinterpret_cast<FuncExpr*>(call)->args;
  if (IsA(call, OpExpr)) return reinterpret_cast<OpExpr*>(call)->args;
  return NIL;
}

Node* without_relabel(Node* node) {
  while (node != nullptr && IsA(node, RelabelType))
    node = reinterpret_cast<Node*>(reinterpret_cast<RelabelType*>(node)->arg);
  return node;
}

// The dimensions of an argument, 0 where they are not known.
double dims_of(Node* node) {
  int32 modifier = exprTypmod(node);
  getBaseTypeAndTypmod(exprType(node), &modifier);
  return modifier > 0 ? modifier : 0;
}

// The dimensions of a constant of the type itself.
template <class T>
double constant_dims(Node* node, Oid type) {
  if (!IsA(node, Const)) return 0;
  const Const* value = reinterpret_cast<Const*>(node);
  if (value->constisnull || getBaseType(value->consttype) != type) return 0;
  struct varlena* datum = reinterpret_cast<struct varlena*>(DatumGetPointer(value->constvalue));
  if (!VARATT_IS_4B_U(datum)) return 0;
  return dense_view<T>(VARDATA_4B(datum)).dim;
}

// Reading a column's value, where that is out of line.
template <class T>
double fetch_cost(PlannerInfo* root, Node* node, double dims) {
  if (root == nullptr || node == nullptr || !IsA(node, Var)) return 0;
  const Var* var = reinterpret_cast<Var*>(node);
  if (var->varlevelsup != 0 || var->varattno <= 0 || IS_SPECIAL_VARNO(var->varno)) return 0;
  const RangeTblEntry* entry = planner_rt_fetch(var->varno, root);
  if (entry->rtekind != RTE_RELATION) return 0;
  const double width = get_attavgwidth(entry->relid, var->varattno);
  const double whole = offsetof(T, x) + sizeof(typename T::Element) * dims;
  if (width <= 0 || whole <= TOAST_TUPLE_TARGET / 4) return 0;
  // The share of rows that have it out of line.
  const double share = Min(Max((whole - width) / (whole - kPointerBytes), 0.0), 1.0);
  const double chunks = std::ceil(whole / TOAST_MAX_CHUNK_SIZE);
  return share *
         (whole / (TOAST_MAX_CHUNK_SIZE * EXTERN_TUPLES_PER_PAGE) * seq_page_cost + chunks * cpu_tuple_cost);
}

template <class T>
bool price(SupportRequestCost* request) {
  List* args = arguments(request->node);
  if (args == NIL) return false;
  // The function's first parameter is of the type.
  Oid* types;
  int count;
  get_func_signature(request->funcid, &types, &count);
  const Oid type = types[0];
  double dims = 0;
  ListCell* cell;
  foreach (cell, args) {
    Node* node = without_relabel(static_cast<Node*>(lfirst(cell)));
    if (getBaseType(exprType(node)) != type) continue;
    dims = Max(dims, dims_of(node));
    dims = Max(dims, constant_dims<T>(node, type));
  }
  if (dims == 0) return false;
  request->startup = 0;
  request->per_tuple = cpu_operator_cost * (1 + dims / kDimsPerOperator);
  foreach (cell, args)
    request->per_tuple +=
        fetch_cost<T>(request->root, without_relabel(static_cast<Node*>(lfirst(cell))), dims);
  return true;
}

template <class T>
Datum answer(FunctionCallInfo fcinfo) {
  Node* request = reinterpret_cast<Node*>(PG_GETARG_POINTER(0));
  if (!IsA(request, SupportRequestCost) || !price<T>(reinterpret_cast<SupportRequestCost*>(request))) {
    PG_RETURN_POINTER(nullptr);
  }
  PG_RETURN_POINTER(request);
}

}  // namespace
}  // namespace lowdim::pg

LOWDIM_FN(lowdim_vector_distance_support) { return lowdim::pg::answer<lowdim::pg::Vector>(fcinfo); }
LOWDIM_FN(lowdim_halfvec_distance_support) { return lowdim::pg::answer<lowdim::pg::HalfVector>(fcinfo); }
