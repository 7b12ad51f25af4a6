-- Fixed-dimensional encodings (MUVERA): one vector for a multivector, whose inner products estimate MaxSim, and search
-- through an index on them.

CREATE TYPE fde;

CREATE FUNCTION fde_in(cstring) RETURNS fde
  AS 'MODULE_PATHNAME', 'lowdim_fde_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fde_in(cstring) IS
  'Reads options as key=value separated by spaces or commas, or as a JSON object; what is missing has its default. Error 22023 for unknown options and values.';

CREATE FUNCTION fde_out(fde) RETURNS cstring
  AS 'MODULE_PATHNAME', 'lowdim_fde_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fde_out(fde) IS
  'Writes options as key=value, in one order: repetitions, k_sim, d_proj and seed always, the others where given.';

CREATE FUNCTION fde_recv(internal) RETURNS fde
  AS 'MODULE_PATHNAME', 'lowdim_fde_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fde_recv(internal) IS
  'Reads the binary form of options, which is their text.';

CREATE FUNCTION fde_send(fde) RETURNS bytea
  AS 'MODULE_PATHNAME', 'lowdim_fde_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fde_send(fde) IS
  'Writes the binary form of options, which is their text.';

CREATE TYPE fde (INPUT = fde_in, OUTPUT = fde_out, RECEIVE = fde_recv, SEND = fde_send, STORAGE = extended);
COMMENT ON TYPE fde IS
  'Options of a fixed-dimensional encoding, like ''repetitions=20 k_sim=5 d_proj=16 seed=1''. Two encodings can be compared only if all of their options are the same.';

CREATE FUNCTION fde(jsonb) RETURNS fde
  AS 'MODULE_PATHNAME', 'lowdim_fde_from_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fde(jsonb) IS
  'Options from a JSON object; center is a string like "[0.1,0.2]". Error 22023 for unknown options and values.';

CREATE CAST (jsonb AS fde) WITH FUNCTION fde(jsonb) AS IMPLICIT;
COMMENT ON CAST (jsonb AS fde) IS 'options from a JSON object';

CREATE FUNCTION fde_options(repetitions integer DEFAULT NULL, k_sim integer DEFAULT NULL, d_proj integer DEFAULT NULL,
                            final_dims integer DEFAULT NULL, seed bigint DEFAULT NULL, fill_empty boolean DEFAULT NULL,
                            center vector DEFAULT NULL) RETURNS fde
  AS 'MODULE_PATHNAME', 'lowdim_fde_options' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION fde_options(integer, integer, integer, integer, bigint, boolean, vector) IS
  'Options by name; NULL is the default. repetitions (1 to 1000) x 2^k_sim (0 to 16) blocks of d_proj dimensions, then final_dims by a last projection; seed below 2^53; fill_empty for documents; center around which vectors are hashed. Error 22023 outside these ranges.';

CREATE FUNCTION fde_dims(options fde, dims integer) RETURNS integer
  AS 'MODULE_PATHNAME', 'lowdim_fde_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fde_dims(fde, integer) IS
  'Dimensions of the encodings of vectors of so many dimensions. Errors: 54000 above 16,000 or where the random numbers would take more than 64 MB, 22000 for a center of other dimensions.';

CREATE FUNCTION fde_document(tokens multivector, options fde DEFAULT '') RETURNS vector
  AS 'MODULE_PATHNAME', 'lowdim_fde_document' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION fde_document(multivector, fde) IS
  'The encoding of a document: its inner product with fde_query of the same options estimates repetitions times maxsim. The same bits on every machine. Errors: 54000 above 16,000 dimensions, 22000 for a center of other dimensions, 22003 beyond float4.';

CREATE FUNCTION fde_query(tokens multivector, options fde DEFAULT '') RETURNS vector
  AS 'MODULE_PATHNAME', 'lowdim_fde_query' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION fde_query(multivector, fde) IS
  'The encoding of a query, for fde_document of the same options. Error 22023 where fill_empty is on, else as fde_document.';

CREATE FUNCTION carve(tokens multivector, threshold double precision DEFAULT 0.7) RETURNS multivector
  AS 'MODULE_PATHNAME', 'lowdim_carve' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION carve(multivector, double precision) IS
  'Fewer vectors for a query: each takes those after it whose cosine similarity reaches the threshold (-1 to 1), and their sum replaces them. Errors: 22023 for a threshold out of range, 22003 for sums beyond float4.';

CREATE FUNCTION fde_advice(tbl regclass, col name, target_recall double precision DEFAULT 0.9,
                           queries multivector[] DEFAULT NULL) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'lowdim_fde_advice' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION fde_advice(regclass, name, double precision, multivector[]) IS
  'The options for encodings of a multivector column whose candidates hold target_recall (above 0, at most 1) of the exact ten best documents: measured on a sample of at most 5,000 documents that fits maintenance_work_mem, with the first 200 of the queries given or documents held out. Errors: 22023 for target_recall, 22004 for NULL, 22000 for fewer than 100 documents, other types and mixed dimensions in the sample, 54000 where memory does not hold 100 documents.';

-- Search: candidates by the encodings' inner products, then exact MaxSim.

CREATE FUNCTION muvera_search(tbl regclass, col name, query multivector, k integer DEFAULT 10,
                              candidates integer DEFAULT 200)
  RETURNS TABLE (tid tid, score double precision)
  AS 'MODULE_PATHNAME', 'lowdim_muvera_search' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 10000 ROWS 10;
COMMENT ON FUNCTION muvera_search(regclass, name, multivector, integer, integer) IS
  'The k rows of a table with the largest maxsim(col, query) among as many candidates as are asked for, which a lean_hnsw index on fde_document(col) with vector_ip_ops gives; join by ctid. Errors: 42704 without such an index, 55000 in a transaction that is older than it and sees what it lacks, 42809 for what is not a table or materialized view, 0A000 where row security holds, 22023 unless 1 <= k <= candidates, 22000 for other dimensions.';
