-- The access method lean_hnsw: approximate nearest neighbours from a graph.

CREATE FUNCTION lean_hnsw_handler(internal) RETURNS index_am_handler
  AS 'MODULE_PATHNAME', 'lowdim_lean_hnsw_handler' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lean_hnsw_handler(internal) IS 'handler of the access method lean_hnsw';

CREATE ACCESS METHOD lean_hnsw TYPE INDEX HANDLER lean_hnsw_handler;
COMMENT ON ACCESS METHOD lean_hnsw IS
  'graph whose nodes carry their neighbours'' compressed codes: ORDER BY distance LIMIT k';

-- What an operator class means to the access method.

CREATE FUNCTION lean_hnsw_vector_l2(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_lean_hnsw_vector_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lean_hnsw_vector_l2(internal) IS 'support of vector_l2_ops';
CREATE FUNCTION lean_hnsw_vector_ip(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_lean_hnsw_vector_ip' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lean_hnsw_vector_ip(internal) IS 'support of vector_ip_ops';
CREATE FUNCTION lean_hnsw_vector_cosine(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_lean_hnsw_vector_cosine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lean_hnsw_vector_cosine(internal) IS 'support of vector_cosine_ops';
CREATE FUNCTION lean_hnsw_vector_l1(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_lean_hnsw_vector_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lean_hnsw_vector_l1(internal) IS 'support of vector_l1_ops';
CREATE FUNCTION lean_hnsw_halfvec_l2(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_lean_hnsw_halfvec_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lean_hnsw_halfvec_l2(internal) IS 'support of halfvec_l2_ops';
CREATE FUNCTION lean_hnsw_halfvec_ip(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_lean_hnsw_halfvec_ip' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lean_hnsw_halfvec_ip(internal) IS 'support of halfvec_ip_ops';
CREATE FUNCTION lean_hnsw_halfvec_cosine(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_lean_hnsw_halfvec_cosine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lean_hnsw_halfvec_cosine(internal) IS 'support of halfvec_cosine_ops';
CREATE FUNCTION lean_hnsw_halfvec_l1(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_lean_hnsw_halfvec_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lean_hnsw_halfvec_l1(internal) IS 'support of halfvec_l1_ops';
CREATE FUNCTION lean_hnsw_bit_hamming(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_lean_hnsw_bit_hamming' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lean_hnsw_bit_hamming(internal) IS 'support of bit_hamming_ops';
CREATE FUNCTION lean_hnsw_bit_jaccard(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_lean_hnsw_bit_jaccard' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lean_hnsw_bit_jaccard(internal) IS 'support of bit_jaccard_ops';
CREATE FUNCTION lean_hnsw_sparsevec_l2(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_lean_hnsw_sparsevec_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lean_hnsw_sparsevec_l2(internal) IS 'support of sparsevec_l2_ops';
CREATE FUNCTION lean_hnsw_sparsevec_ip(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_lean_hnsw_sparsevec_ip' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lean_hnsw_sparsevec_ip(internal) IS 'support of sparsevec_ip_ops';
CREATE FUNCTION lean_hnsw_sparsevec_cosine(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_lean_hnsw_sparsevec_cosine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lean_hnsw_sparsevec_cosine(internal) IS 'support of sparsevec_cosine_ops';
CREATE FUNCTION lean_hnsw_sparsevec_l1(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'lowdim_lean_hnsw_sparsevec_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lean_hnsw_sparsevec_l1(internal) IS 'support of sparsevec_l1_ops';

CREATE OPERATOR CLASS vector_l2_ops DEFAULT FOR TYPE vector USING lean_hnsw AS
  OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
  FUNCTION 1 lean_hnsw_vector_l2(internal);
COMMENT ON OPERATOR CLASS vector_l2_ops USING lean_hnsw IS 'Euclidean distance of vector, <->';
COMMENT ON OPERATOR FAMILY vector_l2_ops USING lean_hnsw IS 'Euclidean distance of vector, <->';
CREATE OPERATOR CLASS vector_ip_ops FOR TYPE vector USING lean_hnsw AS
  OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
  FUNCTION 1 lean_hnsw_vector_ip(internal);
COMMENT ON OPERATOR CLASS vector_ip_ops USING lean_hnsw IS 'negative inner product of vector, <#>';
COMMENT ON OPERATOR FAMILY vector_ip_ops USING lean_hnsw IS 'negative inner product of vector, <#>';
CREATE OPERATOR CLASS vector_cosine_ops FOR TYPE vector USING lean_hnsw AS
  OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
  FUNCTION 1 lean_hnsw_vector_cosine(internal);
COMMENT ON OPERATOR CLASS vector_cosine_ops USING lean_hnsw IS 'cosine distance of vector, <=>';
COMMENT ON OPERATOR FAMILY vector_cosine_ops USING lean_hnsw IS 'cosine distance of vector, <=>';
CREATE OPERATOR CLASS vector_l1_ops FOR TYPE vector USING lean_hnsw AS
  OPERATOR 1 <+> (vector, vector) FOR ORDER BY float_ops,
  FUNCTION 1 lean_hnsw_vector_l1(internal);
COMMENT ON OPERATOR CLASS vector_l1_ops USING lean_hnsw IS 'taxicab distance of vector, <+>';
COMMENT ON OPERATOR FAMILY vector_l1_ops USING lean_hnsw IS 'taxicab distance of vector, <+>';
CREATE OPERATOR CLASS halfvec_l2_ops FOR TYPE halfvec USING lean_hnsw AS
  OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
  FUNCTION 1 lean_hnsw_halfvec_l2(internal);
COMMENT ON OPERATOR CLASS halfvec_l2_ops USING lean_hnsw IS 'Euclidean distance of halfvec, <->';
COMMENT ON OPERATOR FAMILY halfvec_l2_ops USING lean_hnsw IS 'Euclidean distance of halfvec, <->';
CREATE OPERATOR CLASS halfvec_ip_ops FOR TYPE halfvec USING lean_hnsw AS
  OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
  FUNCTION 1 lean_hnsw_halfvec_ip(internal);
COMMENT ON OPERATOR CLASS halfvec_ip_ops USING lean_hnsw IS 'negative inner product of halfvec, <#>';
COMMENT ON OPERATOR FAMILY halfvec_ip_ops USING lean_hnsw IS 'negative inner product of halfvec, <#>';
CREATE OPERATOR CLASS halfvec_cosine_ops FOR TYPE halfvec USING lean_hnsw AS
  OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
  FUNCTION 1 lean_hnsw_halfvec_cosine(internal);
COMMENT ON OPERATOR CLASS halfvec_cosine_ops USING lean_hnsw IS 'cosine distance of halfvec, <=>';
COMMENT ON OPERATOR FAMILY halfvec_cosine_ops USING lean_hnsw IS 'cosine distance of halfvec, <=>';
CREATE OPERATOR CLASS halfvec_l1_ops FOR TYPE halfvec USING lean_hnsw AS
  OPERATOR 1 <+> (halfvec, halfvec) FOR ORDER BY float_ops,
  FUNCTION 1 lean_hnsw_halfvec_l1(internal);
COMMENT ON OPERATOR CLASS halfvec_l1_ops USING lean_hnsw IS 'taxicab distance of halfvec, <+>';
COMMENT ON OPERATOR FAMILY halfvec_l1_ops USING lean_hnsw IS 'taxicab distance of halfvec, <+>';
CREATE OPERATOR CLASS bit_hamming_ops FOR TYPE bit USING lean_hnsw AS
  OPERATOR 1 <~> (bit, bit) FOR ORDER BY float_ops,
  FUNCTION 1 lean_hnsw_bit_hamming(internal);
COMMENT ON OPERATOR CLASS bit_hamming_ops USING lean_hnsw IS 'Hamming distance of bit, <~>';
COMMENT ON OPERATOR FAMILY bit_hamming_ops USING lean_hnsw IS 'Hamming distance of bit, <~>';
CREATE OPERATOR CLASS bit_jaccard_ops FOR TYPE bit USING lean_hnsw AS
  OPERATOR 1 <%> (bit, bit) FOR ORDER BY float_ops,
  FUNCTION 1 lean_hnsw_bit_jaccard(internal);
COMMENT ON OPERATOR CLASS bit_jaccard_ops USING lean_hnsw IS 'Jaccard distance of bit, <%>';
COMMENT ON OPERATOR FAMILY bit_jaccard_ops USING lean_hnsw IS 'Jaccard distance of bit, <%>';
CREATE OPERATOR CLASS sparsevec_l2_ops FOR TYPE sparsevec USING lean_hnsw AS
  OPERATOR 1 <-> (sparsevec, sparsevec) FOR ORDER BY float_ops,
  FUNCTION 1 lean_hnsw_sparsevec_l2(internal);
COMMENT ON OPERATOR CLASS sparsevec_l2_ops USING lean_hnsw IS 'Euclidean distance of sparsevec, <->';
COMMENT ON OPERATOR FAMILY sparsevec_l2_ops USING lean_hnsw IS 'Euclidean distance of sparsevec, <->';
CREATE OPERATOR CLASS sparsevec_ip_ops FOR TYPE sparsevec USING lean_hnsw AS
  OPERATOR 1 <#> (sparsevec, sparsevec) FOR ORDER BY float_ops,
  FUNCTION 1 lean_hnsw_sparsevec_ip(internal);
COMMENT ON OPERATOR CLASS sparsevec_ip_ops USING lean_hnsw IS 'negative inner product of sparsevec, <#>';
COMMENT ON OPERATOR FAMILY sparsevec_ip_ops USING lean_hnsw IS 'negative inner product of sparsevec, <#>';
CREATE OPERATOR CLASS sparsevec_cosine_ops FOR TYPE sparsevec USING lean_hnsw AS
  OPERATOR 1 <=> (sparsevec, sparsevec) FOR ORDER BY float_ops,
  FUNCTION 1 lean_hnsw_sparsevec_cosine(internal);
COMMENT ON OPERATOR CLASS sparsevec_cosine_ops USING lean_hnsw IS 'cosine distance of sparsevec, <=>';
COMMENT ON OPERATOR FAMILY sparsevec_cosine_ops USING lean_hnsw IS 'cosine distance of sparsevec, <=>';
CREATE OPERATOR CLASS sparsevec_l1_ops FOR TYPE sparsevec USING lean_hnsw AS
  OPERATOR 1 <+> (sparsevec, sparsevec) FOR ORDER BY float_ops,
  FUNCTION 1 lean_hnsw_sparsevec_l1(internal);
COMMENT ON OPERATOR CLASS sparsevec_l1_ops USING lean_hnsw IS 'taxicab distance of sparsevec, <+>';
COMMENT ON OPERATOR FAMILY sparsevec_l1_ops USING lean_hnsw IS 'taxicab distance of sparsevec, <+>';

-- About an index.

CREATE FUNCTION lowdim_info(index regclass) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'lowdim_info' LANGUAGE C STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lowdim_info(regclass) IS
  'What a lean_hnsw index is: its distance, pages, nodes, code and what it keeps of vectors. For whoever may read the table or owns the index.';

CREATE FUNCTION lowdim_calibration(index regclass)
  RETURNS TABLE (ef_search integer, recall float8, error float8, nodes_visited float8, codes_scored float8)
  AS 'MODULE_PATHNAME', 'lowdim_calibration' LANGUAGE C STRICT PARALLEL SAFE ROWS 12;
COMMENT ON FUNCTION lowdim_calibration(regclass) IS
  'What searches of a lean_hnsw index were measured to find and to cost: for several ef_search the recall of 10 rows with its standard error, both NULL for an index that keeps no vectors, and the nodes visited and codes scored by a search. Target recalls and the planner''s costs are taken from it. No rows before the index is trained. For whoever may read the table or owns the index.';

CREATE FUNCTION lowdim_effort(index regclass)
  RETURNS TABLE (recall float8, error float8, below_0_8 float8, nodes_visited float8, codes_scored float8, most_nodes integer)
  AS 'MODULE_PATHNAME', 'lowdim_effort' LANGUAGE C STRICT PARALLEL SAFE ROWS 11;
COMMENT ON FUNCTION lowdim_effort(regclass) IS
  'What searches of a lean_hnsw index that stop by themselves were measured to find and to cost, for several recalls that they can be asked for: the recall of 10 rows with its standard error, the share of queries that find less than 8 of them, nodes visited and codes scored on average, and the number of nodes after which a search stops in any case. No rows before the index is trained, for one that keeps no vectors, and where searches all find the same. For whoever may read the table or owns the index. After DARTH (Chatzakis, Papakonstantinou and Palpanas, 2025).';

CREATE FUNCTION lowdim_last_scan() RETURNS jsonb
  AS 'MODULE_PATHNAME', 'lowdim_last_scan' LANGUAGE C STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION lowdim_last_scan() IS
  'What the last finished scan of a lean_hnsw index in this session did: nodes visited, codes scored, vectors measured, rows given, rounds, whether it read all nodes, the ef_search it began with (0 if it did not walk), its effort (per query if it was to stop by itself, or fixed) and the recall of 10 rows that was measured for that. NULL before the first.';

CREATE FUNCTION lowdim_prewarm(index regclass) RETURNS bigint
  AS 'MODULE_PATHNAME', 'lowdim_prewarm' LANGUAGE C STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION lowdim_prewarm(regclass) IS
  'Reads all pages of a lean_hnsw index into the server''s memory; returns their number. For whoever may read the table or owns the index.';

CREATE FUNCTION lowdim_check(index regclass, "full" boolean DEFAULT false)
  RETURNS TABLE (severity text, block bigint, item integer, what text)
  AS 'MODULE_PATHNAME', 'lowdim_check' LANGUAGE C STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION lowdim_check(regclass, boolean) IS
  'What is wrong with a lean_hnsw index: rows of severity error, each with the page and the slot, none if all is well; rows of severity note say what costs room or recall. With full, links, codes and addresses as well, and whether every row of the table is in it. Nobody can write to the table meanwhile: for the index''s owner, or who may change the table.';

CREATE FUNCTION lowdim_recall(index regclass, sample integer DEFAULT 200, k integer DEFAULT 10)
  RETURNS TABLE (ef_search integer, recall double precision, avg_us double precision)
  AS 'MODULE_PATHNAME', 'lowdim_recall' LANGUAGE C STRICT;
COMMENT ON FUNCTION lowdim_recall(regclass, integer, integer) IS
  'Share of the true k nearest neighbours that a lean_hnsw index finds, and microseconds a query, at several ef_search. Queries are rows of the table, drawn at random and left out of their own answers; each is answered exactly first, by reading the table: that takes long. For whoever may read the table or owns the index.';
