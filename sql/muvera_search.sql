-- muvera_search at its edges: what it can be asked of, which index it takes, which arguments, whose rights, which order.

CREATE FUNCTION tokens(i integer) RETURNS multivector LANGUAGE sql IMMUTABLE AS $$
  SELECT multivector_agg(v ORDER BY t) FROM (SELECT t, array_agg((sin(i * 0.618 + t * d) + cos(i * 0.0137 * d))::real ORDER BY d)::vector AS v
    FROM generate_series(1, 1 + i % 4) AS t, generate_series(1, 4) AS d GROUP BY t) AS vectors $$;
CREATE TABLE mv_pages (id integer, tokens multivector(4));
CREATE INDEX mv_index ON mv_pages USING lean_hnsw (fde_document(tokens, 'repetitions=4 k_sim=2') vector_ip_ops) WITH (rerank = none);

-- An empty table, then one of NULLs, then of rows that are gone.
SELECT * FROM muvera_search('mv_pages', 'tokens', tokens(7));
SELECT * FROM muvera_search('mv_pages', 'tokens', tokens(7), 1000000, 1000000);
INSERT INTO mv_pages SELECT i, NULL FROM generate_series(1, 10) AS i;
SELECT * FROM muvera_search('mv_pages', 'tokens', tokens(7));
DELETE FROM mv_pages;
INSERT INTO mv_pages SELECT i, tokens(i) FROM generate_series(1, 20) AS i;
DELETE FROM mv_pages;
SELECT * FROM muvera_search('mv_pages', 'tokens', tokens(7));

-- More asked for than there is, before and after the index is trained; with little memory too.
INSERT INTO mv_pages SELECT i, tokens(i) FROM generate_series(1, 30) AS i;
SELECT count(*), count(DISTINCT tid) FROM muvera_search('mv_pages', 'tokens', tokens(7), 31, 31);
SELECT count(*), count(DISTINCT tid) FROM muvera_search('mv_pages', 'tokens', tokens(7), 30, 1000000);
INSERT INTO mv_pages SELECT i, tokens(i) FROM generate_series(31, 1500) AS i;
SELECT lowdim_info('mv_index') ->> 'trained' AS trained;
SELECT count(*), count(DISTINCT tid) FROM muvera_search('mv_pages', 'tokens', tokens(7), 1501, 1501);
SET work_mem = '64kB';
SELECT count(*), count(DISTINCT tid), min(score) = min(maxsim(tokens, tokens(7))) AS last
  FROM muvera_search('mv_pages', 'tokens', tokens(7), 1000000, 1000000) AS s JOIN mv_pages AS p ON p.ctid = s.tid;
RESET work_mem;
-- As many as k and no more, in the order of their scores, which are MaxSim; the best is the best.
SELECT count(*) AS rows, count(*) FILTER (WHERE score = maxsim(tokens, tokens(7))) AS scored,
       array_agg(score ORDER BY n) = array_agg(score ORDER BY score DESC) AS ordered,
       max(score) = (SELECT max(maxsim(tokens, tokens(7))) FROM mv_pages) AS best
  FROM muvera_search('mv_pages', 'tokens', tokens(7), 7, 1500) WITH ORDINALITY AS s (tid, score, n)
  JOIN mv_pages AS p ON p.ctid = s.tid;
SELECT count(*) FROM muvera_search('mv_pages', 'tokens', tokens(7), 1, 1);
-- All candidates: exactly the first of the table by MaxSim.
SELECT (SELECT array_agg(id ORDER BY score DESC, id) FROM muvera_search('mv_pages', 'tokens', tokens(8), 25, 1500) AS s
          JOIN mv_pages AS p ON p.ctid = s.tid)
     = (SELECT array_agg(id) FROM (SELECT id FROM mv_pages ORDER BY tokens @# tokens(8), id LIMIT 25) AS e) AS same;
-- Candidates are rows that are there: where the first ones by their codes are gone, others take their places.
BEGIN;
DELETE FROM mv_pages WHERE ctid IN (SELECT tid FROM muvera_search('mv_pages', 'tokens', tokens(7), 100, 200));
SELECT count(*) FROM muvera_search('mv_pages', 'tokens', tokens(7), 10, 10);
ROLLBACK;

-- Arguments out of range, and NULLs: no rows, as of any strict function.
SELECT * FROM muvera_search('mv_pages', 'tokens', tokens(7), 10, 9);
SELECT * FROM muvera_search('mv_pages', 'tokens', tokens(7), 0, 9);
SELECT * FROM muvera_search('mv_pages', 'tokens', tokens(7), -1, -1);
SELECT * FROM muvera_search('mv_pages', 'tokens', tokens(7), 1, 1000001);
SELECT * FROM muvera_search('mv_pages', 'tokens', tokens(7), 2147483647, 2147483647);
SELECT (SELECT count(*) FROM muvera_search(NULL, 'tokens', tokens(7))) AS tbl,
       (SELECT count(*) FROM muvera_search('mv_pages', NULL, tokens(7))) AS col,
       (SELECT count(*) FROM muvera_search('mv_pages', 'tokens', NULL)) AS query,
       (SELECT count(*) FROM muvera_search('mv_pages', 'tokens', tokens(7), NULL)) AS k,
       (SELECT count(*) FROM muvera_search('mv_pages', 'tokens', tokens(7), 1, NULL)) AS candidates;
SELECT * FROM muvera_search('mv_pages', 'tokens', '[[1,2,3]]');
SELECT * FROM muvera_search('mv_pages', 'tokens', '[[1,2,3,NaN]]');
SELECT * FROM muvera_search('mv_pages', 'tokens', '[[1,2,3,4],[1]]');
SELECT * FROM muvera_search('mv_pages', 'tokens', '[[3e38,3e38,0,0],[3e38,3e38,0,0]]');
SELECT * FROM muvera_search('mv_pages', 'ctid', tokens(7));
SELECT * FROM muvera_search('mv_pages', '', tokens(7));

-- What is not a table.
CREATE TABLE mv_parts (id integer, tokens multivector(4)) PARTITION BY RANGE (id);
CREATE TABLE mv_part PARTITION OF mv_parts FOR VALUES FROM (0) TO (10);
CREATE INDEX ON mv_parts USING lean_hnsw (fde_document(tokens, 'repetitions=4 k_sim=2') vector_ip_ops) WITH (rerank = none);
INSERT INTO mv_parts VALUES (1, tokens(1));
CREATE VIEW mv_view AS SELECT * FROM mv_pages;
CREATE FOREIGN DATA WRAPPER mv_wrapper;
CREATE SERVER mv_server FOREIGN DATA WRAPPER mv_wrapper;
CREATE FOREIGN TABLE mv_foreign (id integer, tokens multivector(4)) SERVER mv_server;
CREATE SEQUENCE mv_sequence;
CREATE TYPE mv_row AS (tokens multivector(4));
SELECT * FROM muvera_search('mv_parts', 'tokens', tokens(7));
SELECT count(*) FROM muvera_search('mv_part', 'tokens', tokens(7));
SELECT * FROM muvera_search('mv_view', 'tokens', tokens(7));
SELECT * FROM muvera_search('mv_foreign', 'tokens', tokens(7));
SELECT * FROM muvera_search('mv_sequence', 'tokens', tokens(7));
SELECT * FROM muvera_search('mv_row', 'tokens', tokens(7));
SELECT * FROM muvera_search('nowhere', 'tokens', tokens(7));
CREATE MATERIALIZED VIEW mv_kept AS SELECT id, tokens::multivector(4) FROM mv_pages WHERE id <= 40;
CREATE INDEX ON mv_kept USING lean_hnsw (fde_document(tokens, 'repetitions=4 k_sim=2') vector_ip_ops) WITH (rerank = none);
SELECT count(*) FROM muvera_search('mv_kept', 'tokens', tokens(7), 40);
CREATE TEMPORARY TABLE mv_temporary AS SELECT id, tokens::multivector(4) FROM mv_pages WHERE id <= 40;
CREATE INDEX ON mv_temporary USING lean_hnsw (fde_document(tokens, 'repetitions=4 k_sim=2') vector_ip_ops) WITH (rerank = none);
SELECT count(*) FROM muvera_search('mv_temporary', 'tokens', tokens(7), 40);
-- A table without its children.
CREATE TABLE mv_child () INHERITS (mv_pages);
INSERT INTO mv_child SELECT 9000, tokens(7);
SELECT count(*) FROM muvera_search('mv_pages', 'tokens', tokens(7), 1501, 1501);
DROP TABLE mv_child;

-- An index that goes and comes while a statement is prepared.
PREPARE search(multivector, integer) AS SELECT count(*) FROM muvera_search('mv_pages', 'tokens', $1, $2);
EXECUTE search(tokens(7), 5);
SET plan_cache_mode = force_generic_plan;
EXECUTE search(tokens(7), 5);
DROP INDEX mv_index;
EXECUTE search(tokens(7), 5);
-- Indexes that cannot serve: of another metric, of some rows, of a part of the vectors, of another column, of another kind.
CREATE INDEX mv_l2 ON mv_pages USING lean_hnsw (fde_document(tokens, 'repetitions=4 k_sim=2') vector_l2_ops);
CREATE INDEX mv_some ON mv_pages USING lean_hnsw (fde_document(tokens, 'repetitions=4 k_sim=2') vector_ip_ops) WHERE id > 10;
CREATE INDEX mv_mean ON mv_pages USING lean_hnsw ((mean(tokens)::vector(4)) vector_ip_ops);
CREATE INDEX mv_btree ON mv_pages (fde_document(tokens, 'repetitions=4 k_sim=2'));
EXECUTE search(tokens(7), 5);
DROP INDEX mv_l2, mv_some, mv_mean, mv_btree;
CREATE INDEX mv_index ON mv_pages USING lean_hnsw (fde_document(tokens, 'repetitions=4 k_sim=2') vector_ip_ops) WITH (rerank = none);
EXECUTE search(tokens(7), 5);
REINDEX INDEX mv_index;
EXECUTE search(tokens(7), 5);
-- Of several the one of the most dimensions is taken.
CREATE INDEX mv_larger ON mv_pages USING lean_hnsw (fde_document(tokens, 'repetitions=6 k_sim=2') vector_ip_ops) WITH (rerank = none);
EXECUTE search(tokens(7), 5);
SELECT lowdim_last_scan() ->> 'index' AS index;
DROP INDEX mv_larger;
ALTER TABLE mv_pages RENAME COLUMN tokens TO words;
EXECUTE search(tokens(7), 5);
ALTER TABLE mv_pages RENAME COLUMN words TO tokens;
BEGIN;
DROP TABLE mv_pages CASCADE;
EXECUTE search(tokens(7), 5);
ROLLBACK;
EXECUTE search(tokens(7), 5);
DEALLOCATE search;
RESET plan_cache_mode;

-- An index that CREATE INDEX CONCURRENTLY has left behind is not used, until it is made anew.
CREATE TABLE mv_mixed (id integer, tokens multivector);
INSERT INTO mv_mixed SELECT i, tokens(i) FROM generate_series(1, 50) AS i;
INSERT INTO mv_mixed VALUES (0, '[[1,2]]');
CREATE INDEX CONCURRENTLY mv_invalid ON mv_mixed
  USING lean_hnsw ((fde_document(tokens, 'repetitions=4 k_sim=2')::vector(64)) vector_ip_ops) WITH (rerank = none);
SELECT indisvalid FROM pg_index WHERE indexrelid = 'mv_invalid'::regclass;
SELECT * FROM muvera_search('mv_mixed', 'tokens', tokens(7));
DELETE FROM mv_mixed WHERE id = 0;
REINDEX INDEX mv_invalid;
SELECT count(*) FROM muvera_search('mv_mixed', 'tokens', tokens(7), 50);
SELECT * FROM muvera_search('mv_mixed', 'tokens', '[[1,2]]');

-- Sums of infinities of both signs are not a number, and come last, as they do in a query.
CREATE TABLE mv_infinite (id integer, tokens multivector(2));
CREATE INDEX ON mv_infinite USING lean_hnsw (fde_document(tokens, 'repetitions=1 k_sim=0') vector_ip_ops);
INSERT INTO mv_infinite SELECT i, CASE i % 3 WHEN 0 THEN '[[3e38,0]]' ELSE ('[[' || i || ',0]]')::multivector END FROM generate_series(1, 60) AS i;
SELECT array_agg(id ORDER BY n) FILTER (WHERE n <= 5) AS first, array_agg(DISTINCT score) FILTER (WHERE n > 40) AS last
  FROM muvera_search('mv_infinite', 'tokens', '[[5,0],[-4,0]]', 60) WITH ORDINALITY AS s (tid, score, n)
  JOIN mv_infinite AS p ON p.ctid = s.tid;

-- Rights: of the table or of the column, and no row security, which not even its policies let through.
CREATE ROLE mv_reader;
SET ROLE mv_reader;
SELECT count(*) FROM muvera_search('mv_pages', 'tokens', tokens(7));
RESET ROLE;
GRANT SELECT (id) ON mv_pages TO mv_reader;
SET ROLE mv_reader;
SELECT count(*) FROM muvera_search('mv_pages', 'tokens', tokens(7));
RESET ROLE;
GRANT SELECT (tokens) ON mv_pages TO mv_reader;
SET ROLE mv_reader;
SELECT count(*) FROM muvera_search('mv_pages', 'tokens', tokens(7));
RESET ROLE;
REVOKE SELECT (id, tokens) ON mv_pages FROM mv_reader;
GRANT SELECT ON mv_pages TO mv_reader;
SET ROLE mv_reader;
SELECT count(*) FROM muvera_search('mv_pages', 'tokens', tokens(7));
RESET ROLE;
ALTER TABLE mv_pages ENABLE ROW LEVEL SECURITY;
CREATE POLICY mv_policy ON mv_pages USING (true);
\set VERBOSITY sqlstate
SET ROLE mv_reader;
SELECT count(*) FROM muvera_search('mv_pages', 'tokens', tokens(7));
SET row_security = off;
SELECT count(*) FROM muvera_search('mv_pages', 'tokens', tokens(7));
RESET row_security;
RESET ROLE;
\set VERBOSITY default
SELECT count(*) FROM muvera_search('mv_pages', 'tokens', tokens(7));
ALTER TABLE mv_pages OWNER TO mv_reader;
SET ROLE mv_reader;
SELECT count(*) FROM muvera_search('mv_pages', 'tokens', tokens(7));
ALTER TABLE mv_pages FORCE ROW LEVEL SECURITY;
SELECT count(*) FROM muvera_search('mv_pages', 'tokens', tokens(7));
RESET ROLE;

DROP VIEW mv_view;
DROP MATERIALIZED VIEW mv_kept;
DROP TABLE mv_parts, mv_temporary, mv_mixed, mv_infinite, mv_pages;
DROP FOREIGN DATA WRAPPER mv_wrapper CASCADE;
DROP SEQUENCE mv_sequence;
DROP TYPE mv_row;
DROP ROLE mv_reader;
DROP FUNCTION tokens(integer);
