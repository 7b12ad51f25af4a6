-- Measuring a column: intrinsic dimension, spectrum, label sharpness. docs/measure.md explains what they say.

CREATE TYPE label_sharpness_result AS (sharpness double precision, quantile double precision, a vector, a_label text,
  b vector, b_label text, points bigint, conflicts bigint);
COMMENT ON TYPE label_sharpness_result IS
  'What label_sharpness finds: 1 / distance of the nearest two rows with different labels (in inverse units of the vectors), a quantile of the rows'' own 1 / distance to the nearest other label, the two rows, how many rows have another label somewhere else, and how many pairs of rows have one vector and two labels.';

-- The aggregates' states: a sample of the rows, chosen by a hash of each, so that neither the order of the rows nor
-- the number of workers changes it.

CREATE FUNCTION dimension_accum(internal, vector) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dimension_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dimension_accum(internal, vector) IS
  'Adds a row to the state of intrinsic_dimension. Error 22000 for other dimensions than before.';

CREATE FUNCTION dimension_accum(internal, vector, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dimension_accum_options' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dimension_accum(internal, vector, jsonb) IS
  'Adds a row to the state of intrinsic_dimension. Errors: 22023 for unknown options, 22000 for other dimensions than before.';

CREATE FUNCTION spectrum_accum(internal, vector) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_spectrum_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION spectrum_accum(internal, vector) IS
  'Adds a row to the state of spectrum and participation_ratio. Error 22000 for other dimensions than before.';

CREATE FUNCTION spectrum_accum(internal, vector, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_spectrum_accum_options' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION spectrum_accum(internal, vector, jsonb) IS
  'Adds a row to the state of spectrum and participation_ratio. Errors: 22023 for unknown options, 22000 for other dimensions than before.';

CREATE FUNCTION label_sharpness_accum(internal, vector, text) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_label_sharpness_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION label_sharpness_accum(internal, vector, text) IS
  'Adds a row to the state of label_sharpness. Errors: 22000 for other dimensions than before, 54000 for a label of more than 1000 bytes.';

CREATE FUNCTION label_sharpness_accum(internal, vector, text, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_label_sharpness_accum_options' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION label_sharpness_accum(internal, vector, text, jsonb) IS
  'Adds a row to the state of label_sharpness. Errors: 22023 for unknown options, 22000 for other dimensions than before, 54000 for a label of more than 1000 bytes.';

CREATE FUNCTION dimension_accum(internal, halfvec) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dimension_accum_halfvec' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dimension_accum(internal, halfvec) IS
  'Adds a row to the state of intrinsic_dimension. Error 22000 for other dimensions than before.';

CREATE FUNCTION dimension_accum(internal, halfvec, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dimension_accum_options_halfvec' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dimension_accum(internal, halfvec, jsonb) IS
  'Adds a row to the state of intrinsic_dimension. Errors: 22023 for unknown options, 22000 for other dimensions than before.';

CREATE FUNCTION spectrum_accum(internal, halfvec) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_spectrum_accum_halfvec' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION spectrum_accum(internal, halfvec) IS
  'Adds a row to the state of spectrum and participation_ratio. Error 22000 for other dimensions than before.';

CREATE FUNCTION spectrum_accum(internal, halfvec, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_spectrum_accum_options_halfvec' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION spectrum_accum(internal, halfvec, jsonb) IS
  'Adds a row to the state of spectrum and participation_ratio. Errors: 22023 for unknown options, 22000 for other dimensions than before.';

CREATE FUNCTION label_sharpness_accum(internal, halfvec, text) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_label_sharpness_accum_halfvec' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION label_sharpness_accum(internal, halfvec, text) IS
  'Adds a row to the state of label_sharpness. Errors: 22000 for other dimensions than before, 54000 for a label of more than 1000 bytes.';

CREATE FUNCTION label_sharpness_accum(internal, halfvec, text, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_label_sharpness_accum_options_halfvec' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION label_sharpness_accum(internal, halfvec, text, jsonb) IS
  'Adds a row to the state of label_sharpness. Errors: 22023 for unknown options, 22000 for other dimensions than before, 54000 for a label of more than 1000 bytes.';

CREATE FUNCTION dimension_combine(internal, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dimension_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION dimension_combine(internal, internal) IS
  'Merges two states of an aggregate that measures vectors.';

CREATE FUNCTION dimension_serialize(internal) RETURNS bytea
  AS 'MODULE_PATHNAME', 'lowdim_dimension_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dimension_serialize(internal) IS
  'The state of an aggregate that measures vectors as bytes, for parallel workers.';

CREATE FUNCTION dimension_deserialize(bytea, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_dimension_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dimension_deserialize(bytea, internal) IS
  'The state of an aggregate that measures vectors from dimension_serialize. Error XX001 for other bytes.';

CREATE FUNCTION intrinsic_dimension_final(internal) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_intrinsic_dimension_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION intrinsic_dimension_final(internal) IS
  'The estimate from a state; NULL where there is none.';

CREATE FUNCTION spectrum_final(internal) RETURNS double precision[]
  AS 'MODULE_PATHNAME', 'lowdim_spectrum_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION spectrum_final(internal) IS
  'The eigenvalues from a state; NULL for no rows.';

CREATE FUNCTION participation_ratio_final(internal) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_participation_ratio_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION participation_ratio_final(internal) IS
  'The participation ratio from a state; NULL where all rows are equal, or there are none.';

CREATE FUNCTION label_sharpness_final(internal) RETURNS label_sharpness_result
  AS 'MODULE_PATHNAME', 'lowdim_label_sharpness_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION label_sharpness_final(internal) IS
  'The sharpest pair from a state; NULL for no rows.';

-- The measures

CREATE AGGREGATE intrinsic_dimension(vector) (
  SFUNC = dimension_accum, STYPE = internal, FINALFUNC = intrinsic_dimension_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE intrinsic_dimension(vector) IS
  'How many dimensions the data locally have, by MacKay and Ghahramani''s (2005) maximum likelihood n (k-1) / sum of ln(T_k / T_j) over the distances T_j to the 20 nearest neighbours within a sample of distinct rows, the same in every plan, cut to fit maintenance_work_mem (3000 rows). No unit; depends on the scale, that is on the size of the sample and k. NULL for 20 distinct rows or fewer, or where all neighbours are equally far. Error 22000 for different dimensions.';

CREATE AGGREGATE intrinsic_dimension(vector, jsonb) (
  SFUNC = dimension_accum, STYPE = internal, FINALFUNC = intrinsic_dimension_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE intrinsic_dimension(vector, jsonb) IS
  'The same with options: method (mle, lid, twonn, twonn_ml, gride, mind, correlation, danco, ess_a, ess_b, fukunaga_olsen, participation_ratio), k neighbours, sample in rows, seed. NULL where too few rows are distinct for k. Errors: 22023 for unknown options and values, 22004 for NULL options, 22000 for different dimensions, 54000 where maintenance_work_mem is too small.';

CREATE AGGREGATE spectrum(vector) (
  SFUNC = spectrum_accum, STYPE = internal, FINALFUNC = spectrum_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE spectrum(vector) IS
  'Eigenvalues of the covariance (divided by the number of rows), largest first, as many as there are dimensions; in squared units of the vectors. Of a sample of distinct rows, the same in every plan, cut to fit maintenance_work_mem (10000 rows), each weighted by how often it is there; exact for fewer distinct rows. NULL for no rows. Error 22000 for different dimensions.';

CREATE AGGREGATE spectrum(vector, jsonb) (
  SFUNC = spectrum_accum, STYPE = internal, FINALFUNC = spectrum_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE spectrum(vector, jsonb) IS
  'The same with options: sample in rows, seed. Errors: 22023 for unknown options and values, 22004 for NULL options, 22000 for different dimensions, 54000 where maintenance_work_mem is too small.';

CREATE AGGREGATE participation_ratio(vector) (
  SFUNC = spectrum_accum, STYPE = internal, FINALFUNC = participation_ratio_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE participation_ratio(vector) IS
  'How many directions share the variance: (sum of l)^2 / sum of l^2 over the eigenvalues l of the covariance; from 1 to the number of dimensions, no unit. Of the sample that spectrum takes. NULL for no rows, or where all are equal. Error 22000 for different dimensions.';

CREATE AGGREGATE participation_ratio(vector, jsonb) (
  SFUNC = spectrum_accum, STYPE = internal, FINALFUNC = participation_ratio_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE participation_ratio(vector, jsonb) IS
  'The same with options: sample in rows, seed. Errors: 22023 for unknown options and values, 22004 for NULL options, 22000 for different dimensions, 54000 where maintenance_work_mem is too small.';

CREATE AGGREGATE label_sharpness(vector, text) (
  SFUNC = label_sharpness_accum, STYPE = internal, FINALFUNC = label_sharpness_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE label_sharpness(vector, text) IS
  'How near different labels come (Konz and Mazurowski 2024): the largest 1 / distance between two rows of different labels, the pair, and the 0.95 quantile of the rows'' own 1 / distance to the nearest row of another label. Of a sample of distinct rows, the same in every plan, cut to fit maintenance_work_mem (3000 rows). Rows with a NULL vector or label are left out; figures and pair are NULL where no two labels meet at a distance above zero; NULL for no rows. Errors: 22000 for different dimensions, 54000 for labels of more than 1000 bytes.';

CREATE AGGREGATE label_sharpness(vector, text, jsonb) (
  SFUNC = label_sharpness_accum, STYPE = internal, FINALFUNC = label_sharpness_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE label_sharpness(vector, text, jsonb) IS
  'The same with options: quantile from 0 to 1, sample in rows, seed. Errors: 22023 for unknown options and values, 22004 for NULL options, 22000 for different dimensions, 54000 for labels of more than 1000 bytes or where maintenance_work_mem is too small.';

CREATE AGGREGATE intrinsic_dimension(halfvec) (
  SFUNC = dimension_accum, STYPE = internal, FINALFUNC = intrinsic_dimension_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE intrinsic_dimension(halfvec) IS
  'How many dimensions the data locally have, by MacKay and Ghahramani''s (2005) maximum likelihood n (k-1) / sum of ln(T_k / T_j) over the distances T_j to the 20 nearest neighbours within a sample of distinct rows, the same in every plan, cut to fit maintenance_work_mem (3000 rows). No unit; depends on the scale, that is on the size of the sample and k. NULL for 20 distinct rows or fewer, or where all neighbours are equally far. Error 22000 for different dimensions.';

CREATE AGGREGATE intrinsic_dimension(halfvec, jsonb) (
  SFUNC = dimension_accum, STYPE = internal, FINALFUNC = intrinsic_dimension_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE intrinsic_dimension(halfvec, jsonb) IS
  'The same with options: method (mle, lid, twonn, twonn_ml, gride, mind, correlation, danco, ess_a, ess_b, fukunaga_olsen, participation_ratio), k neighbours, sample in rows, seed. NULL where too few rows are distinct for k. Errors: 22023 for unknown options and values, 22004 for NULL options, 22000 for different dimensions, 54000 where maintenance_work_mem is too small.';

CREATE AGGREGATE spectrum(halfvec) (
  SFUNC = spectrum_accum, STYPE = internal, FINALFUNC = spectrum_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE spectrum(halfvec) IS
  'Eigenvalues of the covariance (divided by the number of rows), largest first, as many as there are dimensions; in squared units of the vectors. Of a sample of distinct rows, the same in every plan, cut to fit maintenance_work_mem (10000 rows), each weighted by how often it is there; exact for fewer distinct rows. NULL for no rows. Error 22000 for different dimensions.';

CREATE AGGREGATE spectrum(halfvec, jsonb) (
  SFUNC = spectrum_accum, STYPE = internal, FINALFUNC = spectrum_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE spectrum(halfvec, jsonb) IS
  'The same with options: sample in rows, seed. Errors: 22023 for unknown options and values, 22004 for NULL options, 22000 for different dimensions, 54000 where maintenance_work_mem is too small.';

CREATE AGGREGATE participation_ratio(halfvec) (
  SFUNC = spectrum_accum, STYPE = internal, FINALFUNC = participation_ratio_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE participation_ratio(halfvec) IS
  'How many directions share the variance: (sum of l)^2 / sum of l^2 over the eigenvalues l of the covariance; from 1 to the number of dimensions, no unit. Of the sample that spectrum takes. NULL for no rows, or where all are equal. Error 22000 for different dimensions.';

CREATE AGGREGATE participation_ratio(halfvec, jsonb) (
  SFUNC = spectrum_accum, STYPE = internal, FINALFUNC = participation_ratio_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE participation_ratio(halfvec, jsonb) IS
  'The same with options: sample in rows, seed. Errors: 22023 for unknown options and values, 22004 for NULL options, 22000 for different dimensions, 54000 where maintenance_work_mem is too small.';

CREATE AGGREGATE label_sharpness(halfvec, text) (
  SFUNC = label_sharpness_accum, STYPE = internal, FINALFUNC = label_sharpness_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE label_sharpness(halfvec, text) IS
  'How near different labels come (Konz and Mazurowski 2024): the largest 1 / distance between two rows of different labels, the pair, and the 0.95 quantile of the rows'' own 1 / distance to the nearest row of another label. Of a sample of distinct rows, the same in every plan, cut to fit maintenance_work_mem (3000 rows). Rows with a NULL vector or label are left out; figures and pair are NULL where no two labels meet at a distance above zero; NULL for no rows. Errors: 22000 for different dimensions, 54000 for labels of more than 1000 bytes.';

CREATE AGGREGATE label_sharpness(halfvec, text, jsonb) (
  SFUNC = label_sharpness_accum, STYPE = internal, FINALFUNC = label_sharpness_final, COMBINEFUNC = dimension_combine,
  SERIALFUNC = dimension_serialize, DESERIALFUNC = dimension_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE label_sharpness(halfvec, text, jsonb) IS
  'The same with options: quantile from 0 to 1, sample in rows, seed. Errors: 22023 for unknown options and values, 22004 for NULL options, 22000 for different dimensions, 54000 for labels of more than 1000 bytes or where maintenance_work_mem is too small.';

CREATE FUNCTION lid(distances double precision[]) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_lid' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lid(double precision[]) IS
  'Local intrinsic dimension around a query from the Euclidean distances T_1..T_k of its nearest neighbours, in any order: (k-1) / sum of ln(T_k / T_j) (Levina and Bickel 2004, Hill 1975); its standard error is about lid / sqrt(k-1). Zero distances are dropped. NULL for fewer than two others, or all equal. Errors: 22000 for negative or infinite distances and NaN, 22004 for NULL elements.';

CREATE FUNCTION lid(tbl regclass, col name, k integer DEFAULT 20, metric text DEFAULT 'l2')
  RETURNS TABLE (tid tid, lid double precision)
  AS 'MODULE_PATHNAME', 'lowdim_lid_of_rows' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 10000;
COMMENT ON FUNCTION lid(regclass, name, integer, text) IS
  'Local intrinsic dimension around every row of a vector or halfvec column, as lid(double precision[]) of the distances to its k (2 to 1000) nearest other rows at a distance above zero: Euclidean, or with metric cosine the chord sqrt(2 (1 - cos)), where zero rows have none; join by ctid. A valid lean_hnsw index on the column by that distance gives the neighbours unless enable_indexscan is off, else all pairs are measured, in blocks that fit work_mem. NULL for fewer than two such rows, or all equally far; rows with NULL are left out. Errors: 22023 for k and metric, 42804 for other types, 42809 for what is not a table or materialized view, 42501 without the right to read the column, 0A000 where row security holds, 22000 for different dimensions.';

CREATE FUNCTION dimension_report(tbl regclass, col name, options jsonb DEFAULT '{}')
  RETURNS TABLE (estimator text, metric text, k integer, sample bigint, dimension double precision,
                 standard_error double precision, n bigint, duplicates bigint, seconds double precision, note text)
  AS 'MODULE_PATHNAME', 'lowdim_dimension_report' LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 100000 ROWS 40;
COMMENT ON FUNCTION dimension_report(regclass, name, jsonb) IS
  'Every estimator of intrinsic_dimension, and components_90 and components_99 (leading principal directions with that share of the variance), at several k, on one sample of distinct rows of a vector or halfvec column of a table or view: how the dimension changes with the scale. n points went into an estimate; duplicates counts rows that equal one of the sample; seconds are what this estimator alone would take after reading; note says why there is no dimension. Options: sample (3000 rows, cut to fit maintenance_work_mem), seed, k (a number or an array), metrics (l2, cosine, or an array of both). Errors: 22023 for options, 22004 for NULL, 42804 for other types, 22000 for different dimensions, 54000 where maintenance_work_mem is too small.';

CREATE FUNCTION task_difficulty(samples double precision, classes double precision, dimension double precision,
                                radius double precision, separation double precision, error double precision DEFAULT 0.1)
  RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_task_difficulty' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION task_difficulty(double precision, double precision, double precision, double precision, double precision, double precision) IS
  'Bits of inductive bias that a classification task needs beyond its samples (Boopathy et al. 2023), from the number of samples and classes, the intrinsic dimension, the largest norm, the smallest distance between classes (1 / sharpness of label_sharpness) and the error wanted. Exponential in the dimension: compare logarithms. Errors: 22023 for values outside their ranges, 54000 beyond double precision.';
