-- Fixed-dimensional encodings: the options' type, encodings of documents and queries, carving, an index on an expression.

-- Options
SELECT ''::fde, 'k_sim=4, repetitions=10'::fde AS some, ' {"d_proj": 8, "final_dims": 64}'::fde AS json;
SELECT fde_options(), fde_options(10, d_proj => 8, fill_empty => false, center => '[1,0.5]');
SELECT '{"seed": 7, "center": "[1,2]", "fill_empty": true}'::jsonb::fde;
SELECT NULL::fde, NULL::jsonb::fde;
SELECT 'k_sim=17'::fde;
SELECT 'k_sim=NaN'::fde;
SELECT 'blocks=3'::fde;
SELECT 'k_sim'::fde;
SELECT 'k_sim=1 k_sim=1'::fde;
SELECT 'center=[NaN]'::fde;
SELECT '{"k_sim": [1]}'::fde;
SELECT '{"k_sim": 1'::fde;
SELECT '[]'::jsonb::fde;
SELECT fde_options(seed => -1);
SELECT fde_options(repetitions => 0);
SELECT fde_dims('', 128), fde_dims('', 10), fde_dims('repetitions=40 k_sim=6 d_proj=128 final_dims=5120', 128);
SELECT fde_dims('', 0);
SELECT fde_dims('', 16001);
SELECT fde_dims('d_proj=32', 128);
SELECT fde_dims('repetitions=1000 k_sim=16 d_proj=8 final_dims=100', 128);
SELECT fde_dims('repetitions=1000 k_sim=0 d_proj=4000 final_dims=10', 16000);
SELECT fde_dims('center=[1,2]', 3);

-- Sent and received as text
CREATE TABLE fde_copy (o fde);
INSERT INTO fde_copy VALUES ('seed=3'), (NULL);
COPY fde_copy TO '/dev/null' (FORMAT binary);
SELECT o FROM fde_copy WHERE o::text = 'repetitions=20 k_sim=5 d_proj=16 seed=3';

-- Encodings. Without a partition a query is its sum, a document its mean.
SELECT fde_query('[[1,2],[3,6]]', 'repetitions=1 k_sim=0'), fde_document('[[1,2],[3,6]]', 'repetitions=1 k_sim=0');
-- A document of one vector: repetitions times MaxSim.
SELECT -(fde_document('[[1,2,3]]') <#> fde_query('[[1,0,2],[-1,4,0]]')) AS product,
       maxsim('[[1,2,3]]', '[[1,0,2],[-1,4,0]]') AS maxsim, vector_dims(fde_document('[[1,2,3]]'));
-- All spellings of the same options give the same.
SELECT fde_document(m, '{"k_sim": 2, "repetitions": 3}') = fde_document(m, 'k_sim=2 repetitions=3') AS text,
       fde_document(m, '{"k_sim": 2, "repetitions": 3}'::jsonb) = fde_document(m, 'k_sim=2 repetitions=3') AS json,
       fde_document(m, fde_options(3, 2)) = fde_document(m, 'k_sim=2 repetitions=3') AS named,
       fde_document(m, 'k_sim=2 repetitions=3 seed=2') = fde_document(m, 'k_sim=2 repetitions=3') AS other_seed,
       fde_document(m || m, 'k_sim=2') = fde_document(m, 'k_sim=2') AS duplicated
  FROM (SELECT '[[1,2,3],[-1,0,2],[4,-4,1]]'::multivector) AS t (m);
-- Fixed for all time: a golden encoding.
SELECT fde_document('[[1,2,3,4],[-1,0,2,-2],[4,-4,1,0]]', 'repetitions=2 k_sim=1 d_proj=2');
SELECT fde_query('[[1,2,3,4],[-1,0,2,-2],[4,-4,1,0]]', 'repetitions=3 k_sim=2 d_proj=2 final_dims=6');
SELECT fde_document(NULL), fde_query(NULL, ''), fde_document('[[1]]', NULL);
SELECT fde_query('[[1,2]]', 'fill_empty=on');
SELECT vector_dims(fde_query('[[1,2]]', 'fill_empty=off'));
SELECT fde_document('[[1,2]]', 'center=[1,2,3]');
SELECT fde_document('[[1,2]]', 'k_sim=12');
SELECT fde_query('[[3e38],[3e38]]', 'repetitions=1 k_sim=0');
SELECT fde_document('[[3e38],[3e38]]', 'repetitions=1 k_sim=0');
SELECT fde_document('[]');
SELECT fde_document('[[NaN]]');
SELECT fde_document('[[1],[1,2]]');
SELECT fde_document('[[1]]', 'nonsense');
SELECT vector_dims(fde_document(multivector_agg(('[' || i || ',1]')::vector), 'k_sim=3')) FROM generate_series(1, 65535) i;

-- Carving
SELECT carve('[[1,0],[0,1],[2,0.1],[0.1,1],[-1,0]]', 0.9), carve('[[1,0],[0,1]]', -1), carve('[[1,0],[1,0]]');
SELECT carve(NULL, 0.5), carve('[[1]]', NULL);
SELECT carve('[[1]]', 1.5);
SELECT carve('[[1]]', 'NaN');
SELECT carve('[[3e38],[3e38]]', 0.5);
SELECT carve('[[0,0],[0,0]]', 0.5);

-- An index on an expression: it knows the dimensions, and both ways to search it agree with the exact answer.
CREATE TABLE fde_pages (id integer PRIMARY KEY, tokens multivector(8));
SELECT setseed(0.25);
INSERT INTO fde_pages SELECT p, (SELECT multivector_agg(v) FROM (
    SELECT l2_normalize(array_agg((random() - 0.5 + (p + t) * 0)::real)::vector) AS v
      FROM generate_series(1, 1 + p % 5) AS t, generate_series(1, 8) AS d WHERE p > 0 GROUP BY t) AS vectors)
  FROM generate_series(1, 3000) AS p;
INSERT INTO fde_pages VALUES (3001, NULL);
CREATE INDEX fde_index ON fde_pages USING lean_hnsw (fde_document(tokens, 'repetitions=10 k_sim=3') vector_ip_ops)
  WITH (rerank = none);
SELECT pg_get_indexdef('fde_index'::regclass);
SELECT lowdim_info('fde_index') ->> 'dims' AS dims;
CREATE TABLE fde_queries AS SELECT id, tokens FROM fde_pages WHERE id % 300 = 4;
-- At 300 candidates nearly all of the exact top 10.
SELECT avg(hits) > 9 AS found, min(best) AS best, bool_and(ordered) AS ordered FROM (
  SELECT count(*) FILTER (WHERE p.id IN (SELECT e.id FROM fde_pages AS e ORDER BY e.tokens @# q.tokens LIMIT 10)) AS hits,
         max(s.score) - max(maxsim(p.tokens, q.tokens)) AS best,
         array_agg(s.score ORDER BY n) = array_agg(s.score ORDER BY s.score DESC) AS ordered
    FROM fde_queries AS q,
         LATERAL muvera_search('fde_pages', 'tokens', q.tokens, 10, 300) WITH ORDINALITY AS s (tid, score, n)
    JOIN fde_pages AS p ON p.ctid = s.tid GROUP BY q.id) AS searches;
SET enable_seqscan = off;
SET plan_cache_mode = force_generic_plan;
PREPARE search(multivector) AS SELECT id FROM fde_pages
  ORDER BY fde_document(tokens, 'repetitions=10 k_sim=3') <#> fde_query($1, 'repetitions=10 k_sim=3') LIMIT 10;
EXPLAIN (COSTS OFF) EXECUTE search('[[1,0,0,0,0,0,0,0]]');
DEALLOCATE search;
RESET plan_cache_mode;
RESET enable_seqscan;
-- All candidates: the exact answer. Rows that are gone do not count.
DELETE FROM fde_pages WHERE id % 10 = 0;
UPDATE fde_pages SET id = -id WHERE id % 10 = 1;
SELECT (SELECT array_agg(p.id ORDER BY s.score DESC, p.id)
          FROM muvera_search('fde_pages', 'tokens', '[[1,0,0,0,0,0,0,0],[0,1,0,0,0,0,0,0]]', 20, 3000) AS s
          JOIN fde_pages AS p ON p.ctid = s.tid)
     = (SELECT array_agg(id ORDER BY tokens @# '[[1,0,0,0,0,0,0,0],[0,1,0,0,0,0,0,0]]', id) FROM (SELECT id, tokens
          FROM fde_pages WHERE tokens IS NOT NULL
          ORDER BY tokens @# '[[1,0,0,0,0,0,0,0],[0,1,0,0,0,0,0,0]]', id LIMIT 20) AS e) AS same;
SELECT count(*) FROM muvera_search('fde_pages', 'tokens', '[[1,0,0,0,0,0,0,0]]');
SELECT count(*) FROM muvera_search('fde_pages', 'tokens', NULL);
SELECT * FROM muvera_search('fde_pages', 'tokens', '[[1,0]]');
SELECT * FROM muvera_search('fde_pages', 'tokens', '[[1,0,0,0,0,0,0,0]]', 0);
SELECT * FROM muvera_search('fde_pages', 'tokens', '[[1,0,0,0,0,0,0,0]]', 10, 9);
SELECT * FROM muvera_search('fde_pages', 'tokens', '[[1,0,0,0,0,0,0,0]]', 10, 2000000);
SELECT * FROM muvera_search('fde_pages', 'words', '[[1,0,0,0,0,0,0,0]]');
SELECT * FROM muvera_search('fde_queries', 'tokens', '[[1,0,0,0,0,0,0,0]]');
SELECT * FROM muvera_search('fde_pages', 'id', '[[1,0,0,0,0,0,0,0]]');
SELECT * FROM muvera_search('fde_index', 'tokens', '[[1,0,0,0,0,0,0,0]]');
SELECT * FROM muvera_search(0, 'tokens', '[[1,0,0,0,0,0,0,0]]');
-- Rights: as for a query.
CREATE ROLE fde_reader;
SET ROLE fde_reader;
SELECT count(*) FROM muvera_search('fde_pages', 'tokens', '[[1,0,0,0,0,0,0,0]]');
RESET ROLE;
GRANT SELECT (tokens) ON fde_pages TO fde_reader;
SET ROLE fde_reader;
SELECT count(*) FROM muvera_search('fde_pages', 'tokens', '[[1,0,0,0,0,0,0,0]]');
RESET ROLE;
ALTER TABLE fde_pages ENABLE ROW LEVEL SECURITY;
SET ROLE fde_reader;
SELECT count(*) FROM muvera_search('fde_pages', 'tokens', '[[1,0,0,0,0,0,0,0]]');
RESET ROLE;
-- An index that is not trained yet measures encodings; documents whose column does not say dimensions need a cast.
CREATE TABLE fde_few (tokens multivector);
CREATE INDEX ON fde_few USING lean_hnsw (fde_document(tokens, 'repetitions=2 k_sim=2') vector_ip_ops);
CREATE INDEX ON fde_few USING lean_hnsw ((fde_document(tokens, 'repetitions=2 k_sim=2')::vector(16)) vector_ip_ops);
DROP TABLE fde_few;
CREATE TABLE fde_few (tokens multivector(2));
CREATE INDEX ON fde_few USING lean_hnsw (fde_document(tokens, 'repetitions=2 k_sim=2 fill_empty=on') vector_ip_ops)
  WITH (rerank = none);
SELECT count(*) FROM muvera_search('fde_few', 'tokens', '[[1,2]]');
INSERT INTO fde_few SELECT ('[[' || i || ',1],[1,' || -i || ']]')::multivector FROM generate_series(1, 100) i;
SELECT t.tokens, s.score FROM muvera_search('fde_few', 'tokens', '[[1,0]]', 2, 10) s JOIN fde_few t ON t.ctid = s.tid
  ORDER BY s.score DESC;
DROP TABLE fde_few, fde_pages, fde_queries, fde_copy;
DROP ROLE fde_reader;
