-- Range search: the rows within a radius of a center. column <<->> sphere(center, radius) is
-- (column <-> center) < radius in a form that an index answers and the planner can estimate; <<#>>, <<=>> and <<+>>
-- likewise. Strategy 2 of lean_hnsw.

-- How many rows that is, by the statistics of the column (60_statistics.sql).
CREATE FUNCTION sphere_sel(internal, oid, internal, integer) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_sphere_sel' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sphere_sel(internal, oid, internal, integer) IS
  'Selectivity of the range operators in a WHERE clause, from the vector statistics of the column; 0.001 where there are none.';
CREATE FUNCTION sphere_joinsel(internal, oid, internal, smallint, internal) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_sphere_joinsel' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sphere_joinsel(internal, oid, internal, smallint, internal) IS
  'Selectivity of the range operators in a join, from the vector statistics of the columns; 0.001 where there are none.';

CREATE TYPE sphere_vector AS (center vector, radius double precision);
COMMENT ON TYPE sphere_vector IS 'center and radius, for range search on vector: see sphere';
CREATE FUNCTION sphere(center vector, radius double precision) RETURNS sphere_vector
  LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN ROW(center, radius)::sphere_vector;
COMMENT ON FUNCTION sphere(vector, double precision) IS
  'what is less than a radius away from a center, for the operators <<->>, <<#>>, <<=>> and <<+>>; the radius is in their distance';

CREATE FUNCTION l2_within(vector, sphere_vector) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_vector_l2_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_within(vector, sphere_vector) IS
  'is the Euclidean distance to the center less than the radius; NULL where one of them is';
CREATE OPERATOR <<->> (LEFTARG = vector, RIGHTARG = sphere_vector, FUNCTION = l2_within, RESTRICT = sphere_sel, JOIN = sphere_joinsel);
COMMENT ON OPERATOR <<->> (vector, sphere_vector) IS 'Euclidean distance less than a radius';
ALTER OPERATOR FAMILY vector_l2_ops USING lean_hnsw ADD OPERATOR 2 <<->> (vector, sphere_vector) FOR SEARCH;

CREATE FUNCTION inner_product_within(vector, sphere_vector) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_vector_ip_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION inner_product_within(vector, sphere_vector) IS
  'is the negative inner product to the center less than the radius; NULL where one of them is';
CREATE OPERATOR <<#>> (LEFTARG = vector, RIGHTARG = sphere_vector, FUNCTION = inner_product_within, RESTRICT = sphere_sel, JOIN = sphere_joinsel);
COMMENT ON OPERATOR <<#>> (vector, sphere_vector) IS 'negative inner product less than a radius';
ALTER OPERATOR FAMILY vector_ip_ops USING lean_hnsw ADD OPERATOR 2 <<#>> (vector, sphere_vector) FOR SEARCH;

CREATE FUNCTION cosine_within(vector, sphere_vector) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_vector_cosine_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cosine_within(vector, sphere_vector) IS
  'is the cosine distance to the center less than the radius; NULL where one of them is';
CREATE OPERATOR <<=>> (LEFTARG = vector, RIGHTARG = sphere_vector, FUNCTION = cosine_within, RESTRICT = sphere_sel, JOIN = sphere_joinsel);
COMMENT ON OPERATOR <<=>> (vector, sphere_vector) IS 'cosine distance less than a radius';
ALTER OPERATOR FAMILY vector_cosine_ops USING lean_hnsw ADD OPERATOR 2 <<=>> (vector, sphere_vector) FOR SEARCH;

CREATE FUNCTION l1_within(vector, sphere_vector) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_vector_l1_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l1_within(vector, sphere_vector) IS
  'is the taxicab distance to the center less than the radius; NULL where one of them is';
CREATE OPERATOR <<+>> (LEFTARG = vector, RIGHTARG = sphere_vector, FUNCTION = l1_within, RESTRICT = sphere_sel, JOIN = sphere_joinsel);
COMMENT ON OPERATOR <<+>> (vector, sphere_vector) IS 'taxicab distance less than a radius';
ALTER OPERATOR FAMILY vector_l1_ops USING lean_hnsw ADD OPERATOR 2 <<+>> (vector, sphere_vector) FOR SEARCH;

CREATE TYPE sphere_halfvec AS (center halfvec, radius double precision);
COMMENT ON TYPE sphere_halfvec IS 'center and radius, for range search on halfvec: see sphere';
CREATE FUNCTION sphere(center halfvec, radius double precision) RETURNS sphere_halfvec
  LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN ROW(center, radius)::sphere_halfvec;
COMMENT ON FUNCTION sphere(halfvec, double precision) IS
  'what is less than a radius away from a center, for the operators <<->>, <<#>>, <<=>> and <<+>>; the radius is in their distance';

CREATE FUNCTION l2_within(halfvec, sphere_halfvec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_halfvec_l2_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_within(halfvec, sphere_halfvec) IS
  'is the Euclidean distance to the center less than the radius; NULL where one of them is';
CREATE OPERATOR <<->> (LEFTARG = halfvec, RIGHTARG = sphere_halfvec, FUNCTION = l2_within, RESTRICT = sphere_sel, JOIN = sphere_joinsel);
COMMENT ON OPERATOR <<->> (halfvec, sphere_halfvec) IS 'Euclidean distance less than a radius';
ALTER OPERATOR FAMILY halfvec_l2_ops USING lean_hnsw ADD OPERATOR 2 <<->> (halfvec, sphere_halfvec) FOR SEARCH;

CREATE FUNCTION inner_product_within(halfvec, sphere_halfvec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_halfvec_ip_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION inner_product_within(halfvec, sphere_halfvec) IS
  'is the negative inner product to the center less than the radius; NULL where one of them is';
CREATE OPERATOR <<#>> (LEFTARG = halfvec, RIGHTARG = sphere_halfvec, FUNCTION = inner_product_within, RESTRICT = sphere_sel, JOIN = sphere_joinsel);
COMMENT ON OPERATOR <<#>> (halfvec, sphere_halfvec) IS 'negative inner product less than a radius';
ALTER OPERATOR FAMILY halfvec_ip_ops USING lean_hnsw ADD OPERATOR 2 <<#>> (halfvec, sphere_halfvec) FOR SEARCH;

CREATE FUNCTION cosine_within(halfvec, sphere_halfvec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_halfvec_cosine_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cosine_within(halfvec, sphere_halfvec) IS
  'is the cosine distance to the center less than the radius; NULL where one of them is';
CREATE OPERATOR <<=>> (LEFTARG = halfvec, RIGHTARG = sphere_halfvec, FUNCTION = cosine_within, RESTRICT = sphere_sel, JOIN = sphere_joinsel);
COMMENT ON OPERATOR <<=>> (halfvec, sphere_halfvec) IS 'cosine distance less than a radius';
ALTER OPERATOR FAMILY halfvec_cosine_ops USING lean_hnsw ADD OPERATOR 2 <<=>> (halfvec, sphere_halfvec) FOR SEARCH;

CREATE FUNCTION l1_within(halfvec, sphere_halfvec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_halfvec_l1_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l1_within(halfvec, sphere_halfvec) IS
  'is the taxicab distance to the center less than the radius; NULL where one of them is';
CREATE OPERATOR <<+>> (LEFTARG = halfvec, RIGHTARG = sphere_halfvec, FUNCTION = l1_within, RESTRICT = sphere_sel, JOIN = sphere_joinsel);
COMMENT ON OPERATOR <<+>> (halfvec, sphere_halfvec) IS 'taxicab distance less than a radius';
ALTER OPERATOR FAMILY halfvec_l1_ops USING lean_hnsw ADD OPERATOR 2 <<+>> (halfvec, sphere_halfvec) FOR SEARCH;

CREATE TYPE sphere_sparsevec AS (center sparsevec, radius double precision);
COMMENT ON TYPE sphere_sparsevec IS 'center and radius, for range search on sparsevec: see sphere';
CREATE FUNCTION sphere(center sparsevec, radius double precision) RETURNS sphere_sparsevec
  LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN ROW(center, radius)::sphere_sparsevec;
COMMENT ON FUNCTION sphere(sparsevec, double precision) IS
  'what is less than a radius away from a center, for the operators <<->>, <<#>>, <<=>> and <<+>>; the radius is in their distance';

CREATE FUNCTION l2_within(sparsevec, sphere_sparsevec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_l2_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_within(sparsevec, sphere_sparsevec) IS
  'is the Euclidean distance to the center less than the radius; NULL where one of them is';
CREATE OPERATOR <<->> (LEFTARG = sparsevec, RIGHTARG = sphere_sparsevec, FUNCTION = l2_within, RESTRICT = sphere_sel, JOIN = sphere_joinsel);
COMMENT ON OPERATOR <<->> (sparsevec, sphere_sparsevec) IS 'Euclidean distance less than a radius';
ALTER OPERATOR FAMILY sparsevec_l2_ops USING lean_hnsw ADD OPERATOR 2 <<->> (sparsevec, sphere_sparsevec) FOR SEARCH;

CREATE FUNCTION inner_product_within(sparsevec, sphere_sparsevec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_ip_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION inner_product_within(sparsevec, sphere_sparsevec) IS
  'is the negative inner product to the center less than the radius; NULL where one of them is';
CREATE OPERATOR <<#>> (LEFTARG = sparsevec, RIGHTARG = sphere_sparsevec, FUNCTION = inner_product_within, RESTRICT = sphere_sel, JOIN = sphere_joinsel);
COMMENT ON OPERATOR <<#>> (sparsevec, sphere_sparsevec) IS 'negative inner product less than a radius';
ALTER OPERATOR FAMILY sparsevec_ip_ops USING lean_hnsw ADD OPERATOR 2 <<#>> (sparsevec, sphere_sparsevec) FOR SEARCH;

CREATE FUNCTION cosine_within(sparsevec, sphere_sparsevec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_cosine_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cosine_within(sparsevec, sphere_sparsevec) IS
  'is the cosine distance to the center less than the radius; NULL where one of them is';
CREATE OPERATOR <<=>> (LEFTARG = sparsevec, RIGHTARG = sphere_sparsevec, FUNCTION = cosine_within, RESTRICT = sphere_sel, JOIN = sphere_joinsel);
COMMENT ON OPERATOR <<=>> (sparsevec, sphere_sparsevec) IS 'cosine distance less than a radius';
ALTER OPERATOR FAMILY sparsevec_cosine_ops USING lean_hnsw ADD OPERATOR 2 <<=>> (sparsevec, sphere_sparsevec) FOR SEARCH;

CREATE FUNCTION l1_within(sparsevec, sphere_sparsevec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_l1_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l1_within(sparsevec, sphere_sparsevec) IS
  'is the taxicab distance to the center less than the radius; NULL where one of them is';
CREATE OPERATOR <<+>> (LEFTARG = sparsevec, RIGHTARG = sphere_sparsevec, FUNCTION = l1_within, RESTRICT = sphere_sel, JOIN = sphere_joinsel);
COMMENT ON OPERATOR <<+>> (sparsevec, sphere_sparsevec) IS 'taxicab distance less than a radius';
ALTER OPERATOR FAMILY sparsevec_l1_ops USING lean_hnsw ADD OPERATOR 2 <<+>> (sparsevec, sphere_sparsevec) FOR SEARCH;
