-- multivector: several vectors of one dimension in one value, as late-interaction models make of a text or an image,
-- and MaxSim between two of them.

CREATE TYPE multivector;

CREATE FUNCTION multivector_in(cstring, oid, integer) RETURNS multivector
  AS 'MODULE_PATHNAME', 'lowdim_multivector_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_in(cstring, oid, integer) IS
  'Reads the text form of a multivector, like [[1,2.5],[-3,4]]. Errors: 22P02 for the syntax, 22003 for a number out of range, 22000 for NaN, infinity, no vectors, different or wrong dimensions, 54000 beyond a limit.';

CREATE FUNCTION multivector_out(multivector) RETURNS cstring
  AS 'MODULE_PATHNAME', 'lowdim_multivector_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_out(multivector) IS
  'Writes the text form of a multivector: the shortest digits that read back as the same values. Error 54000 for a text of 1 GB or more.';

CREATE FUNCTION multivector_typmod_in(cstring[]) RETURNS integer
  AS 'MODULE_PATHNAME', 'lowdim_multivector_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_typmod_in(cstring[]) IS
  'Reads the type modifier of multivector(n): the dimensions of each vector, 1 to 16000.';

CREATE FUNCTION multivector_recv(internal, oid, integer) RETURNS multivector
  AS 'MODULE_PATHNAME', 'lowdim_multivector_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_recv(internal, oid, integer) IS
  'Reads the binary form of a multivector: int32 dimensions, int32 vectors, int32 0, then the float4 of one vector after the other.';

CREATE FUNCTION multivector_send(multivector) RETURNS bytea
  AS 'MODULE_PATHNAME', 'lowdim_multivector_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_send(multivector) IS
  'Writes the binary form of a multivector: int32 dimensions, int32 vectors, int32 0, then the float4 of one vector after the other.';

CREATE TYPE multivector (
  INPUT = multivector_in,
  OUTPUT = multivector_out,
  TYPMOD_IN = multivector_typmod_in,
  RECEIVE = multivector_recv,
  SEND = multivector_send,
  STORAGE = external
);
COMMENT ON TYPE multivector IS
  '1 to 65,535 vectors of the same 1 to 16,000 dimensions, all finite float32, less than 1 GB together. Text: [[1,2.5],[-3,4]]. multivector(n) fixes the number of dimensions.';

-- Length coercion: checks the number of dimensions, never changes a value.

CREATE FUNCTION multivector(multivector, integer, boolean) RETURNS multivector
  AS 'MODULE_PATHNAME', 'lowdim_multivector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector(multivector, integer, boolean) IS
  'Checks that a value has the dimensions of its column. Error 22000 if not.';

CREATE CAST (multivector AS multivector) WITH FUNCTION multivector(multivector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (multivector AS multivector) IS 'checks the number of dimensions';

-- MaxSim. Both arguments must have the same dimensions (error 22000).

CREATE FUNCTION maxsim(document multivector, query multivector) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_maxsim' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION maxsim(multivector, multivector) IS
  'maxsim(document, query): for each vector of the query the largest inner product with a vector of the document, added up. Inner products are summed in float32, their maxima in double precision.';

CREATE FUNCTION multivector_negative_maxsim(document multivector, query multivector) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_negative_maxsim' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION multivector_negative_maxsim(multivector, multivector) IS
  '-1 * maxsim(document, query), so that the most similar document sorts first; the function of @#.';

CREATE OPERATOR @# (LEFTARG = multivector, RIGHTARG = multivector, FUNCTION = multivector_negative_maxsim);
COMMENT ON OPERATOR @# (multivector, multivector) IS 'negative MaxSim of a document (left) and a query (right)';

CREATE FUNCTION maxsim_matches(document multivector, query multivector)
  RETURNS TABLE (query_vector integer, document_vector integer, similarity double precision)
  AS 'MODULE_PATHNAME', 'lowdim_maxsim_matches' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION maxsim_matches(multivector, multivector) IS
  'maxsim_matches(document, query): a row for each vector of the query, with the vector of the document that it met (both counted from 1, the first of equals) and their inner product. maxsim is the sum of the similarities.';

-- Properties and parts.

CREATE FUNCTION multivector_count(multivector) RETURNS integer
  AS 'MODULE_PATHNAME', 'lowdim_multivector_count' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_count(multivector) IS
  'Number of vectors, 1 to 65,535.';

CREATE FUNCTION multivector_dims(multivector) RETURNS integer
  AS 'MODULE_PATHNAME', 'lowdim_multivector_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_dims(multivector) IS
  'Number of dimensions of each vector, 1 to 16,000.';

CREATE FUNCTION l2_normalize(multivector) RETURNS multivector
  AS 'MODULE_PATHNAME', 'lowdim_multivector_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_normalize(multivector) IS
  'Each vector divided by its Euclidean norm; zero vectors stay zero.';

CREATE FUNCTION subvectors(multivector, integer, integer) RETURNS multivector
  AS 'MODULE_PATHNAME', 'lowdim_multivector_subvectors' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subvectors(multivector, integer, integer) IS
  'subvectors(multivector, start, count): count vectors from position start (from 1), cut to the value as substring does. Error 22000 if none is left.';

CREATE FUNCTION mean(multivector) RETURNS vector
  AS 'MODULE_PATHNAME', 'lowdim_multivector_mean' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mean(multivector) IS
  'Mean of the vectors, computed in double precision.';

CREATE FUNCTION multivector_concat(multivector, multivector) RETURNS multivector
  AS 'MODULE_PATHNAME', 'lowdim_multivector_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_concat(multivector, multivector) IS
  'The vectors of the first, then those of the second. Errors: 22000 for different dimensions, 54000 beyond 65,535 vectors or 1 GB.';

CREATE OPERATOR || (LEFTARG = multivector, RIGHTARG = multivector, FUNCTION = multivector_concat);
COMMENT ON OPERATOR || (multivector, multivector) IS 'concatenation: the vectors of the first, then those of the second';

CREATE FUNCTION unnest(multivector) RETURNS SETOF vector
  AS 'MODULE_PATHNAME', 'lowdim_multivector_unnest' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 100;
COMMENT ON FUNCTION unnest(multivector) IS
  'The vectors as rows, in their order.';

-- Order and equality: vector by vector as vectors compare, then by count; -0 equals 0.

CREATE FUNCTION multivector_lt(multivector, multivector) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_multivector_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_lt(multivector, multivector) IS
  'Less than: the function of an operator, comparing vector by vector, then by count.';

CREATE FUNCTION multivector_le(multivector, multivector) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_multivector_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_le(multivector, multivector) IS
  'Less than or equal: the function of an operator, comparing vector by vector, then by count.';

CREATE FUNCTION multivector_eq(multivector, multivector) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_multivector_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_eq(multivector, multivector) IS
  'Equal: the function of an operator, comparing vector by vector, then by count.';

CREATE FUNCTION multivector_ne(multivector, multivector) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_multivector_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_ne(multivector, multivector) IS
  'Not equal: the function of an operator, comparing vector by vector, then by count.';

CREATE FUNCTION multivector_ge(multivector, multivector) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_multivector_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_ge(multivector, multivector) IS
  'Greater than or equal: the function of an operator, comparing vector by vector, then by count.';

CREATE FUNCTION multivector_gt(multivector, multivector) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_multivector_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_gt(multivector, multivector) IS
  'Greater than: the function of an operator, comparing vector by vector, then by count.';

CREATE FUNCTION multivector_cmp(multivector, multivector) RETURNS integer
  AS 'MODULE_PATHNAME', 'lowdim_multivector_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_cmp(multivector, multivector) IS
  '-1, 0 or 1: btree order, vector by vector, then by count.';

CREATE FUNCTION multivector_hash(multivector) RETURNS integer
  AS 'MODULE_PATHNAME', 'lowdim_multivector_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_hash(multivector) IS
  'Hash of the value: equal values hash alike.';

CREATE FUNCTION multivector_hash_extended(multivector, bigint) RETURNS bigint
  AS 'MODULE_PATHNAME', 'lowdim_multivector_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_hash_extended(multivector, bigint) IS
  'Seeded 64-bit hash of the value, for hash partitions.';

CREATE OPERATOR < (LEFTARG = multivector, RIGHTARG = multivector, FUNCTION = multivector_lt,
  COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
COMMENT ON OPERATOR < (multivector, multivector) IS 'less than';

CREATE OPERATOR <= (LEFTARG = multivector, RIGHTARG = multivector, FUNCTION = multivector_le,
  COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel);
COMMENT ON OPERATOR <= (multivector, multivector) IS 'less than or equal';

CREATE OPERATOR = (LEFTARG = multivector, RIGHTARG = multivector, FUNCTION = multivector_eq,
  COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
COMMENT ON OPERATOR = (multivector, multivector) IS 'equal';

CREATE OPERATOR <> (LEFTARG = multivector, RIGHTARG = multivector, FUNCTION = multivector_ne,
  COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel);
COMMENT ON OPERATOR <> (multivector, multivector) IS 'not equal';

CREATE OPERATOR >= (LEFTARG = multivector, RIGHTARG = multivector, FUNCTION = multivector_ge,
  COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel);
COMMENT ON OPERATOR >= (multivector, multivector) IS 'greater than or equal';

CREATE OPERATOR > (LEFTARG = multivector, RIGHTARG = multivector, FUNCTION = multivector_gt,
  COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel);
COMMENT ON OPERATOR > (multivector, multivector) IS 'greater than';

CREATE OPERATOR CLASS multivector_ops DEFAULT FOR TYPE multivector USING btree AS
  OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
  FUNCTION 1 multivector_cmp(multivector, multivector);
COMMENT ON OPERATOR CLASS multivector_ops USING btree IS 'order of multivector: vectors, then count';
COMMENT ON OPERATOR FAMILY multivector_ops USING btree IS 'order of multivector: vectors, then count';

CREATE OPERATOR CLASS multivector_ops DEFAULT FOR TYPE multivector USING hash AS
  OPERATOR 1 =,
  FUNCTION 1 multivector_hash(multivector),
  FUNCTION 2 multivector_hash_extended(multivector, bigint);
COMMENT ON OPERATOR CLASS multivector_ops USING hash IS 'equality of multivector: DISTINCT, GROUP BY, hash joins, hash partitions';
COMMENT ON OPERATOR FAMILY multivector_ops USING hash IS 'equality of multivector: DISTINCT, GROUP BY, hash joins, hash partitions';

-- Aggregate.

CREATE FUNCTION multivector_accum(internal, vector) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_multivector_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION multivector_accum(internal, vector) IS
  'Adds a row to the state of multivector_agg. Errors: 22000 for other dimensions than before, 54000 beyond a limit.';

CREATE FUNCTION multivector_agg_final(internal) RETURNS multivector
  AS 'MODULE_PATHNAME', 'lowdim_multivector_agg' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION multivector_agg_final(internal) IS
  'The value from a state of multivector_agg; NULL for no rows.';

CREATE AGGREGATE multivector_agg(vector) (
  SFUNC = multivector_accum, STYPE = internal, FINALFUNC = multivector_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE multivector_agg(vector) IS 'The vectors of a group as one value, in the order of its ORDER BY; NULLs are left out, NULL for no rows. All rows must have the same dimensions (error 22000).';

-- Casts. The second argument of a cast function is the type modifier of its result, the third whether it is explicit.

CREATE FUNCTION array_to_multivector(integer[], integer, boolean) RETURNS multivector
  AS 'MODULE_PATHNAME', 'lowdim_array_to_multivector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_multivector(integer[], integer, boolean) IS
  'integer[] of two dimensions to multivector, a vector a row, rounded to its elements. Errors: 22000 for another number of dimensions, no elements, NaN or infinity, 22004 for NULL elements, 22003 for a number out of range, 54000 beyond a limit.';

CREATE FUNCTION array_to_multivector(real[], integer, boolean) RETURNS multivector
  AS 'MODULE_PATHNAME', 'lowdim_array_to_multivector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_multivector(real[], integer, boolean) IS
  'real[] of two dimensions to multivector, a vector a row, rounded to its elements. Errors: 22000 for another number of dimensions, no elements, NaN or infinity, 22004 for NULL elements, 22003 for a number out of range, 54000 beyond a limit.';

CREATE FUNCTION array_to_multivector(double precision[], integer, boolean) RETURNS multivector
  AS 'MODULE_PATHNAME', 'lowdim_array_to_multivector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_multivector(double precision[], integer, boolean) IS
  'double precision[] of two dimensions to multivector, a vector a row, rounded to its elements. Errors: 22000 for another number of dimensions, no elements, NaN or infinity, 22004 for NULL elements, 22003 for a number out of range, 54000 beyond a limit.';

CREATE FUNCTION array_to_multivector(numeric[], integer, boolean) RETURNS multivector
  AS 'MODULE_PATHNAME', 'lowdim_array_to_multivector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_multivector(numeric[], integer, boolean) IS
  'numeric[] of two dimensions to multivector, a vector a row, rounded to its elements. Errors: 22000 for another number of dimensions, no elements, NaN or infinity, 22004 for NULL elements, 22003 for a number out of range, 54000 beyond a limit.';

CREATE FUNCTION array_to_multivector(vector[], integer, boolean) RETURNS multivector
  AS 'MODULE_PATHNAME', 'lowdim_vectors_to_multivector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_multivector(vector[], integer, boolean) IS
  'vector[] to multivector, in the order of the array. Errors: 22000 for no elements or different dimensions, 22004 for NULL elements, 54000 beyond a limit.';

CREATE FUNCTION array_to_multivector(halfvec[], integer, boolean) RETURNS multivector
  AS 'MODULE_PATHNAME', 'lowdim_halfvecs_to_multivector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_multivector(halfvec[], integer, boolean) IS
  'halfvec[] to multivector, in the order of the array. Errors: 22000 for no elements or different dimensions, 22004 for NULL elements, 54000 beyond a limit.';

CREATE CAST (integer[] AS multivector) WITH FUNCTION array_to_multivector(integer[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS multivector) IS 'a vector a row, rounded to float32';

CREATE CAST (real[] AS multivector) WITH FUNCTION array_to_multivector(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS multivector) IS 'a vector a row, rounded to float32';

CREATE CAST (double precision[] AS multivector) WITH FUNCTION array_to_multivector(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS multivector) IS 'a vector a row, rounded to float32';

CREATE CAST (numeric[] AS multivector) WITH FUNCTION array_to_multivector(numeric[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS multivector) IS 'a vector a row, rounded to float32';

CREATE CAST (vector[] AS multivector) WITH FUNCTION array_to_multivector(vector[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (vector[] AS multivector) IS 'the vectors in the order of the array';

CREATE CAST (halfvec[] AS multivector) WITH FUNCTION array_to_multivector(halfvec[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (halfvec[] AS multivector) IS 'the vectors in the order of the array';

CREATE FUNCTION vector_to_multivector(vector, integer, boolean) RETURNS multivector
  AS 'MODULE_PATHNAME', 'lowdim_vector_to_multivector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_to_multivector(vector, integer, boolean) IS
  'A multivector of this one vector.';

CREATE CAST (vector AS multivector) WITH FUNCTION vector_to_multivector(vector, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (vector AS multivector) IS 'one vector';

CREATE FUNCTION multivector_to_vectors(multivector, integer, boolean) RETURNS vector[]
  AS 'MODULE_PATHNAME', 'lowdim_multivector_to_vectors' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_to_vectors(multivector, integer, boolean) IS
  'The vectors as an array.';

CREATE CAST (multivector AS vector[]) WITH FUNCTION multivector_to_vectors(multivector, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (multivector AS vector[]) IS 'the vectors as an array';

CREATE FUNCTION multivector_to_halfvecs(multivector, integer, boolean) RETURNS halfvec[]
  AS 'MODULE_PATHNAME', 'lowdim_multivector_to_halfvecs' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_to_halfvecs(multivector, integer, boolean) IS
  'The vectors as an array, each element rounded to the nearest half. Error 22003 above 65,504.';

CREATE CAST (multivector AS halfvec[]) WITH FUNCTION multivector_to_halfvecs(multivector, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (multivector AS halfvec[]) IS 'the vectors as an array, rounded to halves';

CREATE FUNCTION multivector_to_float4(multivector, integer, boolean) RETURNS real[]
  AS 'MODULE_PATHNAME', 'lowdim_multivector_to_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION multivector_to_float4(multivector, integer, boolean) IS
  'The elements as an array of two dimensions, a row a vector.';

CREATE CAST (multivector AS real[]) WITH FUNCTION multivector_to_float4(multivector, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (multivector AS real[]) IS 'the elements as an array of two dimensions';
