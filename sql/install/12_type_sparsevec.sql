-- sparsevec: the type, its functions, operators, operator classes and aggregates. Names and meanings are pgvector's;
-- hashing, sum and avg are additions.

CREATE TYPE sparsevec;

CREATE FUNCTION sparsevec_in(cstring, oid, integer) RETURNS sparsevec
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_in(cstring, oid, integer) IS
  'Reads the text form of a sparsevec, like {1:1.5,3:2}/5 (index:value pairs, indices from 1, then the dimensions). Errors: 22P02 for the syntax, 22003 for a number out of range, 22000 for NaN, infinity or a wrong number of dimensions, 54000 beyond the limit.';

CREATE FUNCTION sparsevec_out(sparsevec) RETURNS cstring
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_out(sparsevec) IS
  'Writes the text form of a sparsevec: the shortest digits that read back as the same values.';

CREATE FUNCTION sparsevec_typmod_in(cstring[]) RETURNS integer
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_typmod_in(cstring[]) IS
  'Reads the type modifier of sparsevec(n): the number of dimensions, 1 to 1,000,000,000.';

CREATE FUNCTION sparsevec_recv(internal, oid, integer) RETURNS sparsevec
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_recv(internal, oid, integer) IS
  'Reads the binary form of a sparsevec: int32 dimensions, int32 count, int32 0, count x int32 index (from 0, ascending), count x float4 (none 0).';

CREATE FUNCTION sparsevec_send(sparsevec) RETURNS bytea
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_send(sparsevec) IS
  'Writes the binary form of a sparsevec: int32 dimensions, int32 count, int32 0, count x int32 index (from 0, ascending), count x float4 (none 0).';

CREATE TYPE sparsevec (
  INPUT = sparsevec_in,
  OUTPUT = sparsevec_out,
  TYPMOD_IN = sparsevec_typmod_in,
  RECEIVE = sparsevec_recv,
  SEND = sparsevec_send,
  STORAGE = external
);
COMMENT ON TYPE sparsevec IS
  'Up to 16,000 non-zero float32 numbers at positions 1 to 1,000,000,000. Text: {1:1.5,3:2}/5. sparsevec(n) fixes the number of dimensions.';

-- Length coercion: checks the number of dimensions, never changes a value.

CREATE FUNCTION sparsevec(sparsevec, integer, boolean) RETURNS sparsevec
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec(sparsevec, integer, boolean) IS
  'Checks that a value has the dimensions of its column. Error 22000 if not.';

CREATE CAST (sparsevec AS sparsevec) WITH FUNCTION sparsevec(sparsevec, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (sparsevec AS sparsevec) IS 'checks the number of dimensions';

-- Distances. Both arguments must have the same dimensions (error 22000).

CREATE FUNCTION l2_distance(sparsevec, sparsevec) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_distance(sparsevec, sparsevec) IS
  'Euclidean distance, summed in float32; Infinity where that overflows.';

CREATE FUNCTION inner_product(sparsevec, sparsevec) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION inner_product(sparsevec, sparsevec) IS
  'Inner product, summed in float32.';

CREATE FUNCTION cosine_distance(sparsevec, sparsevec) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cosine_distance(sparsevec, sparsevec) IS
  '1 - cosine similarity, from 0 to 2; NaN if either vector is zero.';

CREATE FUNCTION l1_distance(sparsevec, sparsevec) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l1_distance(sparsevec, sparsevec) IS
  'Taxicab (Manhattan) distance, summed in float32.';

CREATE FUNCTION sparsevec_l2_squared_distance(sparsevec, sparsevec) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_l2_squared_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_l2_squared_distance(sparsevec, sparsevec) IS
  'Squared Euclidean distance: orders like l2_distance, for indexes.';

CREATE FUNCTION sparsevec_negative_inner_product(sparsevec, sparsevec) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_negative_inner_product(sparsevec, sparsevec) IS
  '-1 * inner product, so that the largest product sorts first; the function of <#>.';

CREATE OPERATOR <-> (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = l2_distance, COMMUTATOR = <->);
COMMENT ON OPERATOR <-> (sparsevec, sparsevec) IS 'Euclidean distance';

CREATE OPERATOR <#> (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_negative_inner_product, COMMUTATOR = <#>);
COMMENT ON OPERATOR <#> (sparsevec, sparsevec) IS 'negative inner product';

CREATE OPERATOR <=> (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = cosine_distance, COMMUTATOR = <=>);
COMMENT ON OPERATOR <=> (sparsevec, sparsevec) IS 'cosine distance';

CREATE OPERATOR <+> (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = l1_distance, COMMUTATOR = <+>);
COMMENT ON OPERATOR <+> (sparsevec, sparsevec) IS 'taxicab distance';

-- Norm.

CREATE FUNCTION l2_norm(sparsevec) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_norm(sparsevec) IS
  'Euclidean norm, summed in double precision.';

CREATE FUNCTION l2_normalize(sparsevec) RETURNS sparsevec
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_normalize(sparsevec) IS
  'The vector divided by its Euclidean norm; the zero vector stays zero.';

-- Order and equality: element by element, then by dimensions; -0 equals 0.

CREATE FUNCTION sparsevec_lt(sparsevec, sparsevec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_lt(sparsevec, sparsevec) IS
  'Less than: the function of an operator, comparing element by element, then by dimensions.';

CREATE FUNCTION sparsevec_le(sparsevec, sparsevec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_le(sparsevec, sparsevec) IS
  'Less than or equal: the function of an operator, comparing element by element, then by dimensions.';

CREATE FUNCTION sparsevec_eq(sparsevec, sparsevec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_eq(sparsevec, sparsevec) IS
  'Equal: the function of an operator, comparing element by element, then by dimensions.';

CREATE FUNCTION sparsevec_ne(sparsevec, sparsevec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_ne(sparsevec, sparsevec) IS
  'Not equal: the function of an operator, comparing element by element, then by dimensions.';

CREATE FUNCTION sparsevec_ge(sparsevec, sparsevec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_ge(sparsevec, sparsevec) IS
  'Greater than or equal: the function of an operator, comparing element by element, then by dimensions.';

CREATE FUNCTION sparsevec_gt(sparsevec, sparsevec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_gt(sparsevec, sparsevec) IS
  'Greater than: the function of an operator, comparing element by element, then by dimensions.';

CREATE FUNCTION sparsevec_cmp(sparsevec, sparsevec) RETURNS integer
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_cmp(sparsevec, sparsevec) IS
  '-1, 0 or 1: btree order, element by element, then by dimensions.';

CREATE FUNCTION sparsevec_hash(sparsevec) RETURNS integer
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_hash(sparsevec) IS
  'Hash of the value: equal vectors hash alike.';

CREATE FUNCTION sparsevec_hash_extended(sparsevec, bigint) RETURNS bigint
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_hash_extended(sparsevec, bigint) IS
  'Seeded 64-bit hash of the value, for hash partitions.';

CREATE OPERATOR < (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_lt,
  COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
COMMENT ON OPERATOR < (sparsevec, sparsevec) IS 'less than';

CREATE OPERATOR <= (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_le,
  COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel);
COMMENT ON OPERATOR <= (sparsevec, sparsevec) IS 'less than or equal';

CREATE OPERATOR = (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_eq,
  COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
COMMENT ON OPERATOR = (sparsevec, sparsevec) IS 'equal';

CREATE OPERATOR <> (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_ne,
  COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel);
COMMENT ON OPERATOR <> (sparsevec, sparsevec) IS 'not equal';

CREATE OPERATOR >= (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_ge,
  COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel);
COMMENT ON OPERATOR >= (sparsevec, sparsevec) IS 'greater than or equal';

CREATE OPERATOR > (LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_gt,
  COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel);
COMMENT ON OPERATOR > (sparsevec, sparsevec) IS 'greater than';

CREATE OPERATOR CLASS sparsevec_ops DEFAULT FOR TYPE sparsevec USING btree AS
  OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
  FUNCTION 1 sparsevec_cmp(sparsevec, sparsevec);
COMMENT ON OPERATOR CLASS sparsevec_ops USING btree IS 'order of sparsevec: elements, then dimensions';
COMMENT ON OPERATOR FAMILY sparsevec_ops USING btree IS 'order of sparsevec: elements, then dimensions';

CREATE OPERATOR CLASS sparsevec_ops DEFAULT FOR TYPE sparsevec USING hash AS
  OPERATOR 1 =,
  FUNCTION 1 sparsevec_hash(sparsevec),
  FUNCTION 2 sparsevec_hash_extended(sparsevec, bigint);
COMMENT ON OPERATOR CLASS sparsevec_ops USING hash IS 'equality of sparsevec: DISTINCT, GROUP BY, hash joins, hash partitions';
COMMENT ON OPERATOR FAMILY sparsevec_ops USING hash IS 'equality of sparsevec: DISTINCT, GROUP BY, hash joins, hash partitions';

-- Aggregates: sums in double precision, memory proportional to the distinct indices seen.

CREATE FUNCTION sparsevec_accum(internal, sparsevec) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_accum(internal, sparsevec) IS
  'Adds a row to the state of sum and avg. Error 22000 for other dimensions than before.';

CREATE FUNCTION sparsevec_combine(internal, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_combine(internal, internal) IS
  'Merges two states of sum and avg.';

CREATE FUNCTION sparsevec_serialize(internal) RETURNS bytea
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_serialize(internal) IS
  'The state of sum and avg as bytes, for parallel workers.';

CREATE FUNCTION sparsevec_deserialize(bytea, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_deserialize(bytea, internal) IS
  'The state of sum and avg from sparsevec_serialize. Error XX001 for other bytes.';

CREATE FUNCTION sparsevec_sum(internal) RETURNS sparsevec
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_sum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_sum(internal) IS
  'The sum from a state; NULL for no rows. Errors: 54000 beyond 16,000 non-zero elements, 22003 for overflow.';

CREATE FUNCTION sparsevec_avg(internal) RETURNS sparsevec
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_avg' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_avg(internal) IS
  'The mean from a state; NULL for no rows. Error 54000 beyond 16,000 non-zero elements.';

CREATE AGGREGATE avg(sparsevec) (
  SFUNC = sparsevec_accum, STYPE = internal, FINALFUNC = sparsevec_avg, COMBINEFUNC = sparsevec_combine,
  SERIALFUNC = sparsevec_serialize, DESERIALFUNC = sparsevec_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(sparsevec) IS 'Mean vector, computed in double precision; NULL for no rows. Errors: 22000 for different dimensions, 54000 beyond 16,000 non-zero elements.';

CREATE AGGREGATE sum(sparsevec) (
  SFUNC = sparsevec_accum, STYPE = internal, FINALFUNC = sparsevec_sum, COMBINEFUNC = sparsevec_combine,
  SERIALFUNC = sparsevec_serialize, DESERIALFUNC = sparsevec_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE sum(sparsevec) IS 'Sum of vectors, computed in double precision; NULL for no rows. Errors: 22000 for different dimensions, 22003 for overflow, 54000 beyond 16,000 non-zero elements.';
