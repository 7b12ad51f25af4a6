// A clause `column <<->> sphere` as the estimators see it: which distance, and what is known of the sphere
// when the query is planned.
#pragma once

#include "core/statistics/pair_quantiles.h"
#include "pg/pg.h"

extern "C" {
#include "nodes/pathnodes.h"
}

namespace lowdim::pg {

struct SphereOperator {
  core::SphereMetric metric;
  // A value's elements as floats, where it has so many dimensions, else nullptr (column_statistics.h). None
  // for sparse vectors, of which there are no statistics.
  float* (*floats)(Datum value, size_t dims);
};

// False for an operator that is none of the range operators: they are known by their functions.
bool sphere_operator(Oid operator_id, SphereOperator* out);

struct SphereClause {
  bool null;          // the sphere, its center or its radius is: no row is within
  bool known_radius;  // otherwise
  double radius;
  bool known_center;
  Datum center;
  Node* source;  // the expression of a center that is not known, nullptr where not even that is
};

SphereClause sphere_clause(PlannerInfo* root, Node* sphere);

}  // namespace lowdim::pg
