-- Private similarity: sketches that keep a differentially private summary of vectors, the aggregates that make them,
-- and what they answer. docs/privacy.md says what is promised.

CREATE TYPE dp_sketch;

CREATE FUNCTION dp_sketch_in(cstring) RETURNS dp_sketch
  AS 'MODULE_PATHNAME', 'lowdim_sketch_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dp_sketch_in(cstring) IS
  'Reads a private sketch from the hexadecimal text that dp_sketch_out writes. Error XX001 for bytes that are no sketch, or a damaged one. That a sketch was made with the noise that it claims, only who made it knows.';

CREATE FUNCTION dp_sketch_out(dp_sketch) RETURNS cstring
  AS 'MODULE_PATHNAME', 'lowdim_sketch_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dp_sketch_out(dp_sketch) IS
  'Writes a private sketch as hexadecimal text, like bytea; dp_explain writes what it is.';

CREATE FUNCTION dp_sketch_recv(internal) RETURNS dp_sketch
  AS 'MODULE_PATHNAME', 'lowdim_sketch_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dp_sketch_recv(internal) IS
  'Reads the binary form of a private sketch, which is its bytes; checks them as dp_sketch_in does.';

CREATE FUNCTION dp_sketch_send(dp_sketch) RETURNS bytea
  AS 'MODULE_PATHNAME', 'lowdim_sketch_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dp_sketch_send(dp_sketch) IS
  'Writes the binary form of a private sketch.';

CREATE TYPE dp_sketch (INPUT = dp_sketch_in, OUTPUT = dp_sketch_out, RECEIVE = dp_sketch_recv, SEND = dp_sketch_send,
  STORAGE = external);
COMMENT ON TYPE dp_sketch IS
  'A differentially private summary of vectors: noisy sums with their statistic, options, mechanism, noise, epsilon, delta, rho and neighbour relation; versioned, with a checksum. Made by dp_kde, dp_distance and dp_moments; any number of queries of it costs no more privacy.';

-- The aggregates' states: exact integer sums, the same in every plan. Noise is drawn by the final functions alone.

CREATE FUNCTION dp_kde_accum(internal, vector, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dp_kde_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dp_kde_accum(internal, vector, jsonb) IS
  'Adds a row to the state of dp_kde; NULL adds nothing. Errors: 22023 for unknown, missing or contradicting options and for options that depend on rows, 22004 for NULL options, 22000 where the column is declared with other dimensions.';

CREATE FUNCTION dp_kde_accum(internal, halfvec, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dp_kde_accum_halfvec' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dp_kde_accum(internal, halfvec, jsonb) IS
  'Adds a row to the state of dp_kde; NULL adds nothing. Errors: 22023 for unknown, missing or contradicting options and for options that depend on rows, 22004 for NULL options, 22000 where the column is declared with other dimensions.';

CREATE FUNCTION dp_distance_accum(internal, vector, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dp_distance_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dp_distance_accum(internal, vector, jsonb) IS
  'Adds a row to the state of dp_distance; NULL adds nothing. Errors: 22023 for unknown, missing or contradicting options and for options that depend on rows, 22004 for NULL options, 22000 where the column is declared with other dimensions.';

CREATE FUNCTION dp_distance_accum(internal, halfvec, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dp_distance_accum_halfvec' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dp_distance_accum(internal, halfvec, jsonb) IS
  'Adds a row to the state of dp_distance; NULL adds nothing. Errors: 22023 for unknown, missing or contradicting options and for options that depend on rows, 22004 for NULL options, 22000 where the column is declared with other dimensions.';

CREATE FUNCTION dp_moments_accum(internal, vector, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dp_moments_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dp_moments_accum(internal, vector, jsonb) IS
  'Adds a row to the state of dp_moments; NULL adds nothing. Errors: 22023 for unknown, missing or contradicting options and for options that depend on rows, 22004 for NULL options, 22000 where the column is declared with other dimensions.';

CREATE FUNCTION dp_moments_accum(internal, halfvec, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dp_moments_accum_halfvec' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dp_moments_accum(internal, halfvec, jsonb) IS
  'Adds a row to the state of dp_moments; NULL adds nothing. Errors: 22023 for unknown, missing or contradicting options and for options that depend on rows, 22004 for NULL options, 22000 where the column is declared with other dimensions.';

CREATE FUNCTION dp_sum_accum(internal, vector, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dp_sum_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dp_sum_accum(internal, vector, jsonb) IS
  'Adds a row to the state of dp_sum; NULL adds nothing. Errors: 22023 for unknown, missing or contradicting options and for options that depend on rows, 22004 for NULL options, 22000 where the column is declared with other dimensions.';

CREATE FUNCTION dp_sum_accum(internal, halfvec, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dp_sum_accum_halfvec' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dp_sum_accum(internal, halfvec, jsonb) IS
  'Adds a row to the state of dp_sum; NULL adds nothing. Errors: 22023 for unknown, missing or contradicting options and for options that depend on rows, 22004 for NULL options, 22000 where the column is declared with other dimensions.';

CREATE FUNCTION dp_avg_accum(internal, vector, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dp_avg_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dp_avg_accum(internal, vector, jsonb) IS
  'Adds a row to the state of dp_avg; NULL adds nothing. Errors: 22023 for unknown, missing or contradicting options and for options that depend on rows, 22004 for NULL options, 22000 where the column is declared with other dimensions.';

CREATE FUNCTION dp_avg_accum(internal, halfvec, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dp_avg_accum_halfvec' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dp_avg_accum(internal, halfvec, jsonb) IS
  'Adds a row to the state of dp_avg; NULL adds nothing. Errors: 22023 for unknown, missing or contradicting options and for options that depend on rows, 22004 for NULL options, 22000 where the column is declared with other dimensions.';

CREATE FUNCTION dp_count_accum(internal, vector, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dp_count_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dp_count_accum(internal, vector, jsonb) IS
  'Adds a row to the state of dp_count; NULL adds nothing. Errors: 22023 for unknown, missing or contradicting options and for options that depend on rows, 22004 for NULL options.';

CREATE FUNCTION dp_count_accum(internal, halfvec, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dp_count_accum_halfvec' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dp_count_accum(internal, halfvec, jsonb) IS
  'Adds a row to the state of dp_count; NULL adds nothing. Errors: 22023 for unknown, missing or contradicting options and for options that depend on rows, 22004 for NULL options.';

CREATE FUNCTION dp_combine(internal, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dp_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dp_combine(internal, internal) IS
  'Merges two states of a private aggregate.';

CREATE FUNCTION dp_serialize(internal) RETURNS bytea
  AS 'MODULE_PATHNAME', 'lowdim_dp_serialize' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dp_serialize(internal) IS
  'The state of a private aggregate as bytes, for parallel workers; of one without rows, its options.';

CREATE FUNCTION dp_deserialize(bytea, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dp_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dp_deserialize(bytea, internal) IS
  'The state of a private aggregate from dp_serialize. Error XX001 or XX000 for other bytes.';

CREATE FUNCTION dp_kde_final(internal) RETURNS dp_sketch
  AS 'MODULE_PATHNAME', 'lowdim_dp_kde_final' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION dp_kde_final(internal) IS
  'Draws the noise of dp_kde and releases, once for a state and also where there were no rows. Error XX000 where the server has no random bytes.';

CREATE FUNCTION dp_distance_final(internal) RETURNS dp_sketch
  AS 'MODULE_PATHNAME', 'lowdim_dp_distance_final' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION dp_distance_final(internal) IS
  'Draws the noise of dp_distance and releases, once for a state and also where there were no rows. Error XX000 where the server has no random bytes.';

CREATE FUNCTION dp_moments_final(internal) RETURNS dp_sketch
  AS 'MODULE_PATHNAME', 'lowdim_dp_moments_final' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION dp_moments_final(internal) IS
  'Draws the noise of dp_moments and releases, once for a state and also where there were no rows. Error XX000 where the server has no random bytes.';

CREATE FUNCTION dp_sum_final(internal) RETURNS vector
  AS 'MODULE_PATHNAME', 'lowdim_dp_sum_final' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION dp_sum_final(internal) IS
  'Draws the noise of dp_sum and releases, once for a state and also where there were no rows. Error XX000 where the server has no random bytes.';

CREATE FUNCTION dp_avg_final(internal) RETURNS vector
  AS 'MODULE_PATHNAME', 'lowdim_dp_avg_final' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION dp_avg_final(internal) IS
  'Draws the noise of dp_avg and releases, once for a state and also where there were no rows. Error XX000 where the server has no random bytes.';

CREATE FUNCTION dp_count_final(internal) RETURNS bigint
  AS 'MODULE_PATHNAME', 'lowdim_dp_count_final' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION dp_count_final(internal) IS
  'Draws the noise of dp_count and releases, once for a state and also where there were no rows. Error XX000 where the server has no random bytes.';

-- What can be released. READ_WRITE keeps the server from using them as window functions, which would release once a row.

CREATE AGGREGATE dp_kde(vector, jsonb) (
  SFUNC = dp_kde_accum, STYPE = internal, FINALFUNC = dp_kde_final, FINALFUNC_MODIFY = READ_WRITE, COMBINEFUNC = dp_combine,
  SERIALFUNC = dp_serialize, DESERIALFUNC = dp_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE dp_kde(vector, jsonb) IS
  'Sums of a kernel between the rows and any vector (Backurs et al., ICLR 2024): options dims, bandwidth, kernel (gaussian, exponential, laplace, cauchy, smooth), features (2048), seed (1). Ask the sketch with kde and kde_sum. Options of privacy: epsilon or "inf", mechanism (gaussian, zcdp, laplace), delta, neighbours (add_remove, replace_one), max_rows of one unit. Every call costs that budget, on no rows as well. Rows of other dimensions count as rows that add nothing. Errors: 22023 for unknown, missing, contradicting or changing options, 22004 for NULL options, 22000 where the column is declared with other dimensions, 54000 for too much to keep.';

CREATE AGGREGATE dp_kde(halfvec, jsonb) (
  SFUNC = dp_kde_accum, STYPE = internal, FINALFUNC = dp_kde_final, FINALFUNC_MODIFY = READ_WRITE, COMBINEFUNC = dp_combine,
  SERIALFUNC = dp_serialize, DESERIALFUNC = dp_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE dp_kde(halfvec, jsonb) IS
  'The same as dp_kde(vector, jsonb) for halfvec.';

CREATE AGGREGATE dp_distance(vector, jsonb) (
  SFUNC = dp_distance_accum, STYPE = internal, FINALFUNC = dp_distance_final, FINALFUNC_MODIFY = READ_WRITE, COMBINEFUNC = dp_combine,
  SERIALFUNC = dp_serialize, DESERIALFUNC = dp_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE dp_distance(vector, jsonb) IS
  'Sums of distances from any vector to the rows: options dims; norm l1 with low and high, the box to which coordinates are cut, or l2 with radius, directions (64) and seed (1); depth (8). Ask the sketch with distance_sum. Options of privacy: epsilon or "inf", mechanism (gaussian, zcdp, laplace), delta, neighbours (add_remove, replace_one), max_rows of one unit. Every call costs that budget, on no rows as well. Rows of other dimensions count as rows that add nothing. Errors: 22023 for unknown, missing, contradicting or changing options, 22004 for NULL options, 22000 where the column is declared with other dimensions, 54000 for too much to keep.';

CREATE AGGREGATE dp_distance(halfvec, jsonb) (
  SFUNC = dp_distance_accum, STYPE = internal, FINALFUNC = dp_distance_final, FINALFUNC_MODIFY = READ_WRITE, COMBINEFUNC = dp_combine,
  SERIALFUNC = dp_serialize, DESERIALFUNC = dp_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE dp_distance(halfvec, jsonb) IS
  'The same as dp_distance(vector, jsonb) for halfvec.';

CREATE AGGREGATE dp_moments(vector, jsonb) (
  SFUNC = dp_moments_accum, STYPE = internal, FINALFUNC = dp_moments_final, FINALFUNC_MODIFY = READ_WRITE, COMBINEFUNC = dp_combine,
  SERIALFUNC = dp_serialize, DESERIALFUNC = dp_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE dp_moments(vector, jsonb) IS
  'Count, sum and squared lengths of the rows: options dims and either radius, to which rows are cut, or "normalize": true. Ask the sketch with dp_sum, dp_avg, dp_rows, squared_distance_sum, inner_product_sum, mean_cosine. Options of privacy: epsilon or "inf", mechanism (gaussian, zcdp, laplace), delta, neighbours (add_remove, replace_one), max_rows of one unit. Every call costs that budget, on no rows as well. Rows of other dimensions count as rows that add nothing. Errors: 22023 for unknown, missing, contradicting or changing options, 22004 for NULL options, 22000 where the column is declared with other dimensions, 54000 for too much to keep.';

CREATE AGGREGATE dp_moments(halfvec, jsonb) (
  SFUNC = dp_moments_accum, STYPE = internal, FINALFUNC = dp_moments_final, FINALFUNC_MODIFY = READ_WRITE, COMBINEFUNC = dp_combine,
  SERIALFUNC = dp_serialize, DESERIALFUNC = dp_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE dp_moments(halfvec, jsonb) IS
  'The same as dp_moments(vector, jsonb) for halfvec.';

CREATE AGGREGATE dp_sum(vector, jsonb) (
  SFUNC = dp_sum_accum, STYPE = internal, FINALFUNC = dp_sum_final, FINALFUNC_MODIFY = READ_WRITE, COMBINEFUNC = dp_combine,
  SERIALFUNC = dp_serialize, DESERIALFUNC = dp_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE dp_sum(vector, jsonb) IS
  'The sum of the rows: options dims and either radius, to which rows are cut, or "normalize": true. In units of the vectors. Options of privacy: epsilon or "inf", mechanism (gaussian, zcdp, laplace), delta, neighbours (add_remove, replace_one), max_rows of one unit. Every call costs that budget, on no rows as well. Rows of other dimensions count as rows that add nothing. Errors: 22023 for unknown, missing, contradicting or changing options, 22004 for NULL options, 22000 where the column is declared with other dimensions, 54000 for too much to keep.';

CREATE AGGREGATE dp_sum(halfvec, jsonb) (
  SFUNC = dp_sum_accum, STYPE = internal, FINALFUNC = dp_sum_final, FINALFUNC_MODIFY = READ_WRITE, COMBINEFUNC = dp_combine,
  SERIALFUNC = dp_serialize, DESERIALFUNC = dp_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE dp_sum(halfvec, jsonb) IS
  'The same as dp_sum(vector, jsonb) for halfvec.';

CREATE AGGREGATE dp_avg(vector, jsonb) (
  SFUNC = dp_avg_accum, STYPE = internal, FINALFUNC = dp_avg_final, FINALFUNC_MODIFY = READ_WRITE, COMBINEFUNC = dp_combine,
  SERIALFUNC = dp_serialize, DESERIALFUNC = dp_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE dp_avg(vector, jsonb) IS
  'The average of the rows, from a noisy sum and a noisy count (at least 1): options dims and either radius, to which rows are cut, or "normalize": true. In units of the vectors. Options of privacy: epsilon or "inf", mechanism (gaussian, zcdp, laplace), delta, neighbours (add_remove, replace_one), max_rows of one unit. Every call costs that budget, on no rows as well. Rows of other dimensions count as rows that add nothing. Errors: 22023 for unknown, missing, contradicting or changing options, 22004 for NULL options, 22000 where the column is declared with other dimensions, 54000 for too much to keep.';

CREATE AGGREGATE dp_avg(halfvec, jsonb) (
  SFUNC = dp_avg_accum, STYPE = internal, FINALFUNC = dp_avg_final, FINALFUNC_MODIFY = READ_WRITE, COMBINEFUNC = dp_combine,
  SERIALFUNC = dp_serialize, DESERIALFUNC = dp_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE dp_avg(halfvec, jsonb) IS
  'The same as dp_avg(vector, jsonb) for halfvec.';

CREATE AGGREGATE dp_count(vector, jsonb) (
  SFUNC = dp_count_accum, STYPE = internal, FINALFUNC = dp_count_final, FINALFUNC_MODIFY = READ_WRITE, COMBINEFUNC = dp_combine,
  SERIALFUNC = dp_serialize, DESERIALFUNC = dp_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE dp_count(vector, jsonb) IS
  'The number of rows that are not NULL, rounded; may be negative. No options but those of privacy. Options of privacy: epsilon or "inf", mechanism (gaussian, zcdp, laplace), delta, neighbours (add_remove, replace_one), max_rows of one unit. Every call costs that budget, on no rows as well. Errors: 22023 for unknown, missing, contradicting or changing options, 22004 for NULL options, 54000 for too much to keep.';

CREATE AGGREGATE dp_count(halfvec, jsonb) (
  SFUNC = dp_count_accum, STYPE = internal, FINALFUNC = dp_count_final, FINALFUNC_MODIFY = READ_WRITE, COMBINEFUNC = dp_combine,
  SERIALFUNC = dp_serialize, DESERIALFUNC = dp_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE dp_count(halfvec, jsonb) IS
  'The same as dp_count(vector, jsonb) for halfvec.';

CREATE FUNCTION dp_cost(options jsonb, OUT epsilon double precision, OUT delta double precision, OUT rho double precision) RETURNS record
  AS 'MODULE_PATHNAME', 'lowdim_dp_cost' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dp_cost(jsonb) IS
  'What a release with these options costs, without any rows: epsilon and delta of the release alone, and rho, which adds up over releases (zero-concentrated differential privacy). The options are those of the aggregate and statistic (kde, distance, moments, sum, avg, count). Infinite for epsilon "inf". Errors 22023 and 54000 as the aggregates.';

-- What sketches answer: functions of what is released

CREATE FUNCTION kde(dp_sketch, vector) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_kde' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION kde(dp_sketch, vector) IS
  'The mean kernel between the rows and the vector, about 0 to 1: kde_sum over the noisy number of rows. Made by dp_kde. Errors: 22023 for a sketch of another statistic, 22000 for other dimensions.';

CREATE FUNCTION kde_sum(dp_sketch, vector) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_kde_sum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION kde_sum(dp_sketch, vector) IS
  'The sum over the rows of the kernel with the vector, in rows; below 0 where noise is larger. Made by dp_kde. Errors: 22023 for a sketch of another statistic, 22000 for other dimensions.';

CREATE FUNCTION distance_sum(dp_sketch, vector) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_distance_sum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION distance_sum(dp_sketch, vector) IS
  'The sum over the rows of the distance to the vector, l1 or l2 as the sketch was made; below 0 where noise is larger. Made by dp_distance. Errors: 22023 for a sketch of another statistic, 22000 for other dimensions.';

CREATE FUNCTION distance_sum(dp_sketch, vector, double precision) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_power_distance_sum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION distance_sum(dp_sketch, vector, double precision) IS
  'The sum over the rows and coordinates of |x - y| to a power above 0 and at most 8. Made by dp_distance with norm l1. Errors: 22023 for a sketch of another statistic or another power, 22000 for other dimensions.';

CREATE FUNCTION squared_distance_sum(dp_sketch, vector) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_squared_distance_sum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION squared_distance_sum(dp_sketch, vector) IS
  'The sum over the rows of the squared Euclidean distance to the vector. Made by dp_moments. Errors: 22023 for a sketch of another statistic, 22000 for other dimensions.';

CREATE FUNCTION inner_product_sum(dp_sketch, vector) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_inner_product_sum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION inner_product_sum(dp_sketch, vector) IS
  'The sum over the rows of the inner product with the vector. Made by dp_moments. Errors: 22023 for a sketch of another statistic, 22000 for other dimensions.';

CREATE FUNCTION mean_cosine(dp_sketch, vector) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_mean_cosine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mean_cosine(dp_sketch, vector) IS
  'The mean cosine between the rows and the vector, 0 for the zero vector. Made by dp_moments with "normalize": true. Errors: 22023 for a sketch of another statistic, 22000 for other dimensions.';

CREATE FUNCTION dp_rows(dp_sketch) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_dp_rows' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dp_rows(dp_sketch) IS
  'The noisy number of rows; may be negative.';

CREATE FUNCTION dp_sum(dp_sketch) RETURNS vector
  AS 'MODULE_PATHNAME', 'lowdim_sketch_sum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dp_sum(dp_sketch) IS
  'The noisy sum of the rows. Made by dp_moments. Error 22023 for a sketch of another statistic.';

CREATE FUNCTION dp_avg(dp_sketch) RETURNS vector
  AS 'MODULE_PATHNAME', 'lowdim_sketch_avg' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dp_avg(dp_sketch) IS
  'The average of the rows: the noisy sum over the noisy number of rows, at least 1. Made by dp_moments. Error 22023 for a sketch of another statistic.';

CREATE FUNCTION kde_error(dp_sketch) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_kde_error' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION kde_error(dp_sketch) IS
  'How much kde of this sketch is off, on average over vectors: what random features and noise make together, from the sketch alone. Made by dp_kde. Error 22023 for a sketch of another statistic.';

CREATE FUNCTION kde_error(jsonb, double precision) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_kde_error_expected' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION kde_error(jsonb, double precision) IS
  'How much kde would be off, on average and at most, with these options of dp_kde and that many rows: before anything is spent. Error 22023 for options as dp_kde, and a number of rows below 0.';

CREATE FUNCTION dp_explain(dp_sketch) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'lowdim_dp_explain' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dp_explain(dp_sketch) IS
  'What a private sketch is, keeps and promises: statistic, options, clipping, mechanism, noise, epsilon, delta, rho, neighbour relation, noisy number of rows, expected errors.';

CREATE FUNCTION dp_classify(text[], dp_sketch[], vector) RETURNS text
  AS 'MODULE_PATHNAME', 'lowdim_dp_classify' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dp_classify(text[], dp_sketch[], vector) IS
  'The label whose sketch fits the vector best: largest mean kernel (dp_kde), nearest average (dp_moments), smallest mean distance (dp_distance); the first of equals, NULL for no labels. Errors: 2202E where labels and sketches differ in number, 22004 for NULL elements, 22023 for sketches that cannot be compared, 22000 for other dimensions.';

-- A bandwidth from data that are public

CREATE FUNCTION bandwidth_hint_final(internal) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_bandwidth_hint_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION bandwidth_hint_final(internal) IS
  'Half of the median distance in a state of intrinsic_dimension; NULL for fewer than two distinct rows.';

CREATE AGGREGATE bandwidth_hint(vector) (
  SFUNC = dimension_accum, STYPE = internal, FINALFUNC = bandwidth_hint_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bandwidth_hint(vector) IS
  'A bandwidth to begin with for dp_kde: half of the median distance between two rows of a sample of at most 1,000 distinct ones, the same in every plan. Not private: for data that are public and look like the private ones. NULL for fewer than two distinct rows. Error 22000 for different dimensions.';

CREATE AGGREGATE bandwidth_hint(halfvec) (
  SFUNC = dimension_accum, STYPE = internal, FINALFUNC = bandwidth_hint_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE bandwidth_hint(halfvec) IS
  'The same as bandwidth_hint(vector) for halfvec.';
