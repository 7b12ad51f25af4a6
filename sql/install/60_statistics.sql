-- What ANALYZE learns of vector columns beside the standard statistics, and what the planner does with it.
-- docs/statistics.md.

CREATE FUNCTION vector_stats("table" regclass, "column" name) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'lowdim_vector_stats' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_stats(regclass, name) IS
  'What ANALYZE has kept of a vector or halfvec column (of a table, a materialized view, or an index for its expressions): shares of zero and duplicate vectors, norms, intrinsic dimension, variance, quantiles of distances between rows, and advice. NULL where there is nothing: never analyzed, SET STATISTICS 0, no rows, another type. Errors: 42703 for an unknown column, 42501 without the right to read it, or under row security.';

CREATE FUNCTION vector_selectivity("table" regclass, "column" name, center vector, radius double precision, metric text DEFAULT 'l2')
  RETURNS double precision AS 'MODULE_PATHNAME', 'lowdim_vector_selectivity' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION vector_selectivity(regclass, name, vector, double precision, text) IS
  'The share of a table''s rows that the planner expects nearer to the center than the radius, by the vector statistics of the column; with a NULL center, of an average center. metric: l2, ip (negative inner product), cosine, l1. NULL where there are no statistics. Errors: 42703, 42501 as vector_stats, 22023 for another metric, 22000 for other dimensions.';

CREATE FUNCTION vector_selectivity("table" regclass, "column" name, center halfvec, radius double precision, metric text DEFAULT 'l2')
  RETURNS double precision AS 'MODULE_PATHNAME', 'lowdim_halfvec_selectivity' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION vector_selectivity(regclass, name, halfvec, double precision, text) IS
  'The share of a table''s rows that the planner expects nearer to the center than the radius, by the vector statistics of the column; with a NULL center, of an average center. metric: l2, ip (negative inner product), cosine, l1. NULL where there are no statistics. Errors: 42703, 42501 as vector_stats, 22023 for another metric, 22000 for other dimensions.';

-- Distances cost what their dimensions make them cost, and values out of line are not free to read.
CREATE FUNCTION vector_distance_support(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_vector_distance_support' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_distance_support(internal) IS
  'Tells the planner what a distance of vector costs: cpu_operator_cost (1 + dimensions / 64), and reading values that are out of line.';
ALTER FUNCTION l2_distance(vector, vector) SUPPORT vector_distance_support;
ALTER FUNCTION inner_product(vector, vector) SUPPORT vector_distance_support;
ALTER FUNCTION cosine_distance(vector, vector) SUPPORT vector_distance_support;
ALTER FUNCTION l1_distance(vector, vector) SUPPORT vector_distance_support;
ALTER FUNCTION vector_l2_squared_distance(vector, vector) SUPPORT vector_distance_support;
ALTER FUNCTION vector_negative_inner_product(vector, vector) SUPPORT vector_distance_support;
ALTER FUNCTION vector_spherical_distance(vector, vector) SUPPORT vector_distance_support;
ALTER FUNCTION l2_within(vector, sphere_vector) SUPPORT vector_distance_support;
ALTER FUNCTION inner_product_within(vector, sphere_vector) SUPPORT vector_distance_support;
ALTER FUNCTION cosine_within(vector, sphere_vector) SUPPORT vector_distance_support;
ALTER FUNCTION l1_within(vector, sphere_vector) SUPPORT vector_distance_support;

CREATE FUNCTION halfvec_distance_support(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_halfvec_distance_support' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION halfvec_distance_support(internal) IS
  'Tells the planner what a distance of halfvec costs: cpu_operator_cost (1 + dimensions / 64), and reading values that are out of line.';
ALTER FUNCTION l2_distance(halfvec, halfvec) SUPPORT halfvec_distance_support;
ALTER FUNCTION inner_product(halfvec, halfvec) SUPPORT halfvec_distance_support;
ALTER FUNCTION cosine_distance(halfvec, halfvec) SUPPORT halfvec_distance_support;
ALTER FUNCTION l1_distance(halfvec, halfvec) SUPPORT halfvec_distance_support;
ALTER FUNCTION halfvec_l2_squared_distance(halfvec, halfvec) SUPPORT halfvec_distance_support;
ALTER FUNCTION halfvec_negative_inner_product(halfvec, halfvec) SUPPORT halfvec_distance_support;
ALTER FUNCTION halfvec_spherical_distance(halfvec, halfvec) SUPPORT halfvec_distance_support;
ALTER FUNCTION l2_within(halfvec, sphere_halfvec) SUPPORT halfvec_distance_support;
ALTER FUNCTION inner_product_within(halfvec, sphere_halfvec) SUPPORT halfvec_distance_support;
ALTER FUNCTION cosine_within(halfvec, sphere_halfvec) SUPPORT halfvec_distance_support;
ALTER FUNCTION l1_within(halfvec, sphere_halfvec) SUPPORT halfvec_distance_support;
