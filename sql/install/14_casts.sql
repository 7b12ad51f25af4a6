-- Casts between arrays, vector, halfvec and sparsevec. The second argument of a cast function is the type modifier of
-- its result, the third whether the cast is explicit.

-- Arrays to vector: one dimension, no NULLs.

CREATE FUNCTION array_to_vector(integer[], integer, boolean) RETURNS vector
  AS 'MODULE_PATHNAME', 'lowdim_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vector(integer[], integer, boolean) IS
  'integer[] to vector, rounded to its elements. Errors: 22000 for more than one dimension, no elements, NaN or infinity, 22004 for NULL elements, 22003 for a number out of range, 54000 beyond the limit.';

CREATE FUNCTION array_to_vector(real[], integer, boolean) RETURNS vector
  AS 'MODULE_PATHNAME', 'lowdim_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vector(real[], integer, boolean) IS
  'real[] to vector, rounded to its elements. Errors: 22000 for more than one dimension, no elements, NaN or infinity, 22004 for NULL elements, 22003 for a number out of range, 54000 beyond the limit.';

CREATE FUNCTION array_to_vector(double precision[], integer, boolean) RETURNS vector
  AS 'MODULE_PATHNAME', 'lowdim_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vector(double precision[], integer, boolean) IS
  'double precision[] to vector, rounded to its elements. Errors: 22000 for more than one dimension, no elements, NaN or infinity, 22004 for NULL elements, 22003 for a number out of range, 54000 beyond the limit.';

CREATE FUNCTION array_to_vector(numeric[], integer, boolean) RETURNS vector
  AS 'MODULE_PATHNAME', 'lowdim_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vector(numeric[], integer, boolean) IS
  'numeric[] to vector, rounded to its elements. Errors: 22000 for more than one dimension, no elements, NaN or infinity, 22004 for NULL elements, 22003 for a number out of range, 54000 beyond the limit.';

CREATE CAST (integer[] AS vector) WITH FUNCTION array_to_vector(integer[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS vector) IS 'rounds to the elements of vector';

CREATE CAST (real[] AS vector) WITH FUNCTION array_to_vector(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS vector) IS 'rounds to the elements of vector';

CREATE CAST (double precision[] AS vector) WITH FUNCTION array_to_vector(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS vector) IS 'rounds to the elements of vector';

CREATE CAST (numeric[] AS vector) WITH FUNCTION array_to_vector(numeric[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS vector) IS 'rounds to the elements of vector';

-- Arrays to halfvec: one dimension, no NULLs.

CREATE FUNCTION array_to_halfvec(integer[], integer, boolean) RETURNS halfvec
  AS 'MODULE_PATHNAME', 'lowdim_array_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_halfvec(integer[], integer, boolean) IS
  'integer[] to halfvec, rounded to its elements. Errors: 22000 for more than one dimension, no elements, NaN or infinity, 22004 for NULL elements, 22003 for a number out of range, 54000 beyond the limit.';

CREATE FUNCTION array_to_halfvec(real[], integer, boolean) RETURNS halfvec
  AS 'MODULE_PATHNAME', 'lowdim_array_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_halfvec(real[], integer, boolean) IS
  'real[] to halfvec, rounded to its elements. Errors: 22000 for more than one dimension, no elements, NaN or infinity, 22004 for NULL elements, 22003 for a number out of range, 54000 beyond the limit.';

CREATE FUNCTION array_to_halfvec(double precision[], integer, boolean) RETURNS halfvec
  AS 'MODULE_PATHNAME', 'lowdim_array_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_halfvec(double precision[], integer, boolean) IS
  'double precision[] to halfvec, rounded to its elements. Errors: 22000 for more than one dimension, no elements, NaN or infinity, 22004 for NULL elements, 22003 for a number out of range, 54000 beyond the limit.';

CREATE FUNCTION array_to_halfvec(numeric[], integer, boolean) RETURNS halfvec
  AS 'MODULE_PATHNAME', 'lowdim_array_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_halfvec(numeric[], integer, boolean) IS
  'numeric[] to halfvec, rounded to its elements. Errors: 22000 for more than one dimension, no elements, NaN or infinity, 22004 for NULL elements, 22003 for a number out of range, 54000 beyond the limit.';

CREATE CAST (integer[] AS halfvec) WITH FUNCTION array_to_halfvec(integer[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS halfvec) IS 'rounds to the elements of halfvec';

CREATE CAST (real[] AS halfvec) WITH FUNCTION array_to_halfvec(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS halfvec) IS 'rounds to the elements of halfvec';

CREATE CAST (double precision[] AS halfvec) WITH FUNCTION array_to_halfvec(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS halfvec) IS 'rounds to the elements of halfvec';

CREATE CAST (numeric[] AS halfvec) WITH FUNCTION array_to_halfvec(numeric[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS halfvec) IS 'rounds to the elements of halfvec';

-- Arrays to sparsevec: one dimension, no NULLs.

CREATE FUNCTION array_to_sparsevec(integer[], integer, boolean) RETURNS sparsevec
  AS 'MODULE_PATHNAME', 'lowdim_array_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_sparsevec(integer[], integer, boolean) IS
  'integer[] to sparsevec, rounded to its elements. Errors: 22000 for more than one dimension, no elements, NaN or infinity, 22004 for NULL elements, 22003 for a number out of range, 54000 beyond the limit.';

CREATE FUNCTION array_to_sparsevec(real[], integer, boolean) RETURNS sparsevec
  AS 'MODULE_PATHNAME', 'lowdim_array_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_sparsevec(real[], integer, boolean) IS
  'real[] to sparsevec, rounded to its elements. Errors: 22000 for more than one dimension, no elements, NaN or infinity, 22004 for NULL elements, 22003 for a number out of range, 54000 beyond the limit.';

CREATE FUNCTION array_to_sparsevec(double precision[], integer, boolean) RETURNS sparsevec
  AS 'MODULE_PATHNAME', 'lowdim_array_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_sparsevec(double precision[], integer, boolean) IS
  'double precision[] to sparsevec, rounded to its elements. Errors: 22000 for more than one dimension, no elements, NaN or infinity, 22004 for NULL elements, 22003 for a number out of range, 54000 beyond the limit.';

CREATE FUNCTION array_to_sparsevec(numeric[], integer, boolean) RETURNS sparsevec
  AS 'MODULE_PATHNAME', 'lowdim_array_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_sparsevec(numeric[], integer, boolean) IS
  'numeric[] to sparsevec, rounded to its elements. Errors: 22000 for more than one dimension, no elements, NaN or infinity, 22004 for NULL elements, 22003 for a number out of range, 54000 beyond the limit.';

CREATE CAST (integer[] AS sparsevec) WITH FUNCTION array_to_sparsevec(integer[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS sparsevec) IS 'rounds to the elements of sparsevec';

CREATE CAST (real[] AS sparsevec) WITH FUNCTION array_to_sparsevec(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS sparsevec) IS 'rounds to the elements of sparsevec';

CREATE CAST (double precision[] AS sparsevec) WITH FUNCTION array_to_sparsevec(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS sparsevec) IS 'rounds to the elements of sparsevec';

CREATE CAST (numeric[] AS sparsevec) WITH FUNCTION array_to_sparsevec(numeric[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS sparsevec) IS 'rounds to the elements of sparsevec';

-- Vectors to arrays and to each other. Implicit where nothing can be lost or the loss is the point of the type.

CREATE FUNCTION vector_to_float4(vector, integer, boolean) RETURNS real[]
  AS 'MODULE_PATHNAME', 'lowdim_vector_to_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_to_float4(vector, integer, boolean) IS
  'The elements as an array.';

CREATE CAST (vector AS real[]) WITH FUNCTION vector_to_float4(vector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (vector AS real[]) IS 'the elements as an array';

CREATE FUNCTION halfvec_to_float4(halfvec, integer, boolean) RETURNS real[]
  AS 'MODULE_PATHNAME', 'lowdim_halfvec_to_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION halfvec_to_float4(halfvec, integer, boolean) IS
  'The elements as an array.';

CREATE CAST (halfvec AS real[]) WITH FUNCTION halfvec_to_float4(halfvec, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (halfvec AS real[]) IS 'the elements as an array';

CREATE FUNCTION vector_to_halfvec(vector, integer, boolean) RETURNS halfvec
  AS 'MODULE_PATHNAME', 'lowdim_vector_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_to_halfvec(vector, integer, boolean) IS
  'Rounds each element to the nearest half. Error 22003 above 65,504.';

CREATE CAST (vector AS halfvec) WITH FUNCTION vector_to_halfvec(vector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (vector AS halfvec) IS 'rounds each element to the nearest half';

CREATE FUNCTION halfvec_to_vector(halfvec, integer, boolean) RETURNS vector
  AS 'MODULE_PATHNAME', 'lowdim_halfvec_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION halfvec_to_vector(halfvec, integer, boolean) IS
  'The same values as float32.';

CREATE CAST (halfvec AS vector) WITH FUNCTION halfvec_to_vector(halfvec, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (halfvec AS vector) IS 'the same values as float32';

CREATE FUNCTION vector_to_sparsevec(vector, integer, boolean) RETURNS sparsevec
  AS 'MODULE_PATHNAME', 'lowdim_vector_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_to_sparsevec(vector, integer, boolean) IS
  'Keeps the elements that are not 0.';

CREATE CAST (vector AS sparsevec) WITH FUNCTION vector_to_sparsevec(vector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (vector AS sparsevec) IS 'keeps the elements that are not 0';

CREATE FUNCTION sparsevec_to_vector(sparsevec, integer, boolean) RETURNS vector
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_to_vector(sparsevec, integer, boolean) IS
  'Fills in the zeros. Error 54000 beyond 16,000 dimensions.';

CREATE CAST (sparsevec AS vector) WITH FUNCTION sparsevec_to_vector(sparsevec, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (sparsevec AS vector) IS 'fills in the zeros';

CREATE FUNCTION halfvec_to_sparsevec(halfvec, integer, boolean) RETURNS sparsevec
  AS 'MODULE_PATHNAME', 'lowdim_halfvec_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION halfvec_to_sparsevec(halfvec, integer, boolean) IS
  'Keeps the elements that are not 0.';

CREATE CAST (halfvec AS sparsevec) WITH FUNCTION halfvec_to_sparsevec(halfvec, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (halfvec AS sparsevec) IS 'keeps the elements that are not 0';

CREATE FUNCTION sparsevec_to_halfvec(sparsevec, integer, boolean) RETURNS halfvec
  AS 'MODULE_PATHNAME', 'lowdim_sparsevec_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_to_halfvec(sparsevec, integer, boolean) IS
  'Fills in the zeros and rounds to halves. Errors: 22003 above 65,504, 54000 beyond 16,000 dimensions.';

CREATE CAST (sparsevec AS halfvec) WITH FUNCTION sparsevec_to_halfvec(sparsevec, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (sparsevec AS halfvec) IS 'fills in the zeros and rounds to halves';
