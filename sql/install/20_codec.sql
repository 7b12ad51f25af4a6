-- The compression core in SQL: types codec and code, training, encoding, decoding, estimated distances.

CREATE TYPE codec;
CREATE TYPE code;

CREATE FUNCTION codec_in(cstring) RETURNS codec
  AS 'MODULE_PATHNAME', 'lowdim_codec_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION codec_in(cstring) IS
  'Reads a trained codec from the hexadecimal text that codec_out writes. Error XX001 for bytes that are no codec, or a damaged one.';

CREATE FUNCTION codec_out(codec) RETURNS cstring
  AS 'MODULE_PATHNAME', 'lowdim_codec_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION codec_out(codec) IS
  'Writes a trained codec as hexadecimal text, like bytea.';

CREATE FUNCTION codec_recv(internal) RETURNS codec
  AS 'MODULE_PATHNAME', 'lowdim_codec_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION codec_recv(internal) IS
  'Reads the binary form of a trained codec, which is its bytes; checks them as codec_in does.';

CREATE FUNCTION codec_send(codec) RETURNS bytea
  AS 'MODULE_PATHNAME', 'lowdim_codec_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION codec_send(codec) IS
  'Writes the binary form of a trained codec.';

CREATE FUNCTION code_in(cstring) RETURNS code
  AS 'MODULE_PATHNAME', 'lowdim_code_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION code_in(cstring) IS
  'Reads a code from the hexadecimal text that code_out writes. Error 22P03 for too few bytes.';

CREATE FUNCTION code_out(code) RETURNS cstring
  AS 'MODULE_PATHNAME', 'lowdim_code_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION code_out(code) IS
  'Writes a code as hexadecimal text, like bytea.';

CREATE FUNCTION code_recv(internal) RETURNS code
  AS 'MODULE_PATHNAME', 'lowdim_code_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION code_recv(internal) IS
  'Reads the binary form of a code, which is its bytes; checks them as code_in does.';

CREATE FUNCTION code_send(code) RETURNS bytea
  AS 'MODULE_PATHNAME', 'lowdim_code_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION code_send(code) IS
  'Writes the binary form of a code.';

CREATE TYPE codec (INPUT = codec_in, OUTPUT = codec_out, RECEIVE = codec_recv, SEND = codec_send, STORAGE = external);
COMMENT ON TYPE codec IS
  'A trained model that compresses vectors of one dimension: a projection and a quantizer. Made by codec_train; versioned, with a fingerprint that detects damage.';
CREATE TYPE code (INPUT = code_in, OUTPUT = code_out, RECEIVE = code_recv, SEND = code_send, STORAGE = external);
COMMENT ON TYPE code IS
  'A vector that a codec encoded. Carries the fingerprint of its codec; with another codec it is an error.';

-- Training: an aggregate over the column. Its state merges, so parallel workers share the work.

CREATE FUNCTION codec_train_accum(internal, vector, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_codec_train_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION codec_train_accum(internal, vector, jsonb) IS
  'Adds a row to the state of codec_train. Error 22023 for unknown options, 22000 for other dimensions than before.';

CREATE FUNCTION codec_train_accum(internal, vector, vector[], jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_codec_train_accum_queries' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION codec_train_accum(internal, vector, vector[], jsonb) IS
  'Adds a row to the state of codec_train with sample queries.';

CREATE FUNCTION codec_train_accum(internal, halfvec, jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_codec_train_accum_halfvec' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION codec_train_accum(internal, halfvec, jsonb) IS
  'Adds a row to the state of codec_train. Error 22023 for unknown options, 22000 for other dimensions than before.';

CREATE FUNCTION codec_train_accum(internal, halfvec, halfvec[], jsonb) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_codec_train_accum_queries_halfvec' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION codec_train_accum(internal, halfvec, halfvec[], jsonb) IS
  'Adds a row to the state of codec_train with sample queries.';

CREATE FUNCTION codec_train_combine(internal, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_codec_train_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION codec_train_combine(internal, internal) IS
  'Merges two states of codec_train.';

CREATE FUNCTION codec_train_serialize(internal) RETURNS bytea
  AS 'MODULE_PATHNAME', 'lowdim_codec_train_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION codec_train_serialize(internal) IS
  'The state of codec_train as bytes, for parallel workers.';

CREATE FUNCTION codec_train_deserialize(bytea, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_codec_train_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION codec_train_deserialize(bytea, internal) IS
  'The state of codec_train from codec_train_serialize. Error XX001 for other bytes.';

CREATE FUNCTION codec_train_final(internal) RETURNS codec
  AS 'MODULE_PATHNAME', 'lowdim_codec_train_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION codec_train_final(internal) IS
  'Trains the codec from a state; NULL for no rows.';

CREATE AGGREGATE codec_train(vector, jsonb) (
  SFUNC = codec_train_accum, STYPE = internal, FINALFUNC = codec_train_final, COMBINEFUNC = codec_train_combine,
  SERIALFUNC = codec_train_serialize, DESERIALFUNC = codec_train_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE codec_train(vector, jsonb) IS
  'Trains a codec on a column, for example codec_train(embedding,''{"method":"lvq8"}''). Works in maintenance_work_mem on a sample of the rows; NULL for no rows. Errors: 22023 for unknown methods and options, 22000 for different dimensions.';

CREATE AGGREGATE codec_train(vector, vector[], jsonb) (
  SFUNC = codec_train_accum, STYPE = internal, FINALFUNC = codec_train_final, COMBINEFUNC = codec_train_combine,
  SERIALFUNC = codec_train_serialize, DESERIALFUNC = codec_train_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE codec_train(vector, vector[], jsonb) IS
  'Trains a codec on a column, for example codec_train(embedding,''{"method":"lvq8"}''). The array holds sample queries for query-aware projections (leanvec). Works in maintenance_work_mem on a sample of the rows; NULL for no rows. Errors: 22023 for unknown methods and options, 22000 for different dimensions.';

CREATE AGGREGATE codec_train(halfvec, jsonb) (
  SFUNC = codec_train_accum, STYPE = internal, FINALFUNC = codec_train_final, COMBINEFUNC = codec_train_combine,
  SERIALFUNC = codec_train_serialize, DESERIALFUNC = codec_train_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE codec_train(halfvec, jsonb) IS
  'Trains a codec on a column, for example codec_train(embedding,''{"method":"lvq8"}''). Works in maintenance_work_mem on a sample of the rows; NULL for no rows. Errors: 22023 for unknown methods and options, 22000 for different dimensions.';

CREATE AGGREGATE codec_train(halfvec, halfvec[], jsonb) (
  SFUNC = codec_train_accum, STYPE = internal, FINALFUNC = codec_train_final, COMBINEFUNC = codec_train_combine,
  SERIALFUNC = codec_train_serialize, DESERIALFUNC = codec_train_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE codec_train(halfvec, halfvec[], jsonb) IS
  'Trains a codec on a column, for example codec_train(embedding,''{"method":"lvq8"}''). The array holds sample queries for query-aware projections (leanvec). Works in maintenance_work_mem on a sample of the rows; NULL for no rows. Errors: 22023 for unknown methods and options, 22000 for different dimensions.';

-- Use. The codec and the query are prepared once as long as they stay the same from row to row.

CREATE FUNCTION codec_encode(codec, vector) RETURNS code
  AS 'MODULE_PATHNAME', 'lowdim_codec_encode' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION codec_encode(codec, vector) IS
  'Encodes a vector. Error 22000 for other dimensions than the codec was trained on.';

CREATE FUNCTION codec_encode(codec, halfvec) RETURNS code
  AS 'MODULE_PATHNAME', 'lowdim_codec_encode_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION codec_encode(codec, halfvec) IS
  'Encodes a halfvec. Error 22000 for other dimensions than the codec was trained on.';

CREATE FUNCTION codec_decode(codec, code) RETURNS vector
  AS 'MODULE_PATHNAME', 'lowdim_codec_decode' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION codec_decode(codec, code) IS
  'The vector that a code stands for, approximately. Error 22023 for a code of another codec.';

CREATE FUNCTION codec_l2_distance(codec, code, vector) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_codec_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION codec_l2_distance(codec, code, vector) IS
  'Estimated Euclidean distance between an encoded vector and a query at full precision. Errors: 22023 for a code of another codec, 22000 for other dimensions.';

CREATE FUNCTION codec_inner_product(codec, code, vector) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_codec_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION codec_inner_product(codec, code, vector) IS
  'Estimated inner product between an encoded vector and a query at full precision. Errors: 22023 for a code of another codec, 22000 for other dimensions.';

CREATE FUNCTION codec_cosine_distance(codec, code, vector) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_codec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION codec_cosine_distance(codec, code, vector) IS
  'Estimated cosine distance between an encoded vector and a query at full precision. Errors: 22023 for a code of another codec, 22000 for other dimensions.';

CREATE FUNCTION codec_distance_bounds(codec, code, vector, metric text,
  OUT low double precision, OUT high double precision) RETURNS record
  AS 'MODULE_PATHNAME', 'lowdim_codec_distance_bounds' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION codec_distance_bounds(codec, code, vector, text) IS
  'An interval that holds the exact l2 distance, inner product (ip) or cosine distance of the encoded vector: always (float16, int8, lvq, osq) or with the codec''s probability (rabitq). Error 0A000 where the method has no bounds.';

CREATE FUNCTION codec_info(codec) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'lowdim_codec_info' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION codec_info(codec) IS
  'What a codec is: method, dims, bytes_per_vector, model_bytes, whether it has bounds, and figures of its training.';

-- Choosing a method.

CREATE FUNCTION codec_report(tbl regclass, col name, options jsonb DEFAULT '{}', queries vector[] DEFAULT NULL)
  RETURNS TABLE (method text, bytes_per_vector double precision, compression double precision, mse double precision,
                 recall_at_10 double precision, encode_us double precision, decode_us double precision,
                 distance_ns double precision, train_s double precision, target double precision, codec_options jsonb,
                 note text)
  AS 'MODULE_PATHNAME', 'lowdim_codec_report' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION codec_report(regclass, name, jsonb, vector[]) IS
  'Measures the quantizers, alone and behind PCA, and table-level methods on a column at 4, 8, 16 and 32 times, on a sample that fits maintenance_work_mem, with the queries given or held out of the column. Bytes count the model, spread over the rows. Options: metric (l2, ip, cosine), queries, base_rows, training_rows, table_methods, seed. Errors: 22023 for options, 22000 for fewer than 100 different vectors.';

CREATE FUNCTION codec_recommend(tbl regclass, col name, max_bytes_per_vector double precision,
                                min_recall double precision, options jsonb DEFAULT '{}', queries vector[] DEFAULT NULL)
  RETURNS jsonb
  AS 'MODULE_PATHNAME', 'lowdim_codec_recommend' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION codec_recommend(regclass, name, double precision, double precision, jsonb, vector[]) IS
  'The codec for a column within a budget of bytes per vector whose recall at 10, without reranking, reaches min_recall: its method, options for codec_train, figures and the reason; method is null where nothing qualifies. Measures as codec_report does.';
