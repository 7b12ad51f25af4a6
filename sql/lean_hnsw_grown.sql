-- lean_hnsw indexes that keep no vectors and begin empty: inserts train them with the rows of the table. Every kind of such an
-- index, values out of line, expressions, NULLs and zeros, rows that are rolled back, updated, deleted, equal or too wide.
-- Recall is compared with a bound and not printed: it differs between instruction sets.
SET client_min_messages = warning;
SET jit = off;
SET enable_seqscan = off;
SET enable_sort = off;
CREATE FUNCTION place(i int) RETURNS real[] LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(round((sin(i * 0.618034 + j) * 2 + cos(i * 0.0137 * j) + sin(i * 1.414 * j * j) * 0.3)::numeric, 3)::real ORDER BY j)
  FROM generate_series(1, 12) j $$;
CREATE FUNCTION state(i regclass, OUT trained bool, OUT generation int, OUT faults bigint) LANGUAGE sql AS $$
  SELECT (o ->> 'trained')::bool, (o ->> 'generation')::int, count(*) FILTER (WHERE k.severity = 'error')
  FROM (SELECT lowdim_info(i) o) f LEFT JOIN lowdim_check(i, true) k ON true GROUP BY o $$;
CREATE FUNCTION good(i regclass) RETURNS bool LANGUAGE sql AS $$ SELECT recall > 0.9 FROM lowdim_recall(i, 40) WHERE ef_search = 80 $$;

-- Every kind
CREATE TABLE t (id int, s sparsevec(12), v vector(12), b bit(48));
CREATE INDEX t_s ON t USING lean_hnsw (s sparsevec_cosine_ops);
CREATE INDEX t_l1 ON t USING lean_hnsw (s sparsevec_l1_ops);
CREATE INDEX t_v ON t USING lean_hnsw (v) WITH (rerank = none);
CREATE INDEX t_b ON t USING lean_hnsw (b bit_hamming_ops) WITH (rerank = none);
CREATE INDEX t_e ON t USING lean_hnsw ((v::halfvec(12)) halfvec_ip_ops) WITH (rerank = none) WHERE id % 2 = 0;
CREATE FUNCTION fill(first int, last int) RETURNS void LANGUAGE sql AS $$
  INSERT INTO t SELECT i, x::sparsevec, x, ((binary_quantize(x)::text || (i * 1237 % 4096)::bit(12)::text || (i * 77 % 4096)::bit(12)::text
    || (i * 3 % 4096)::bit(12)::text))::bit(48) FROM (SELECT i, place(i)::vector x FROM generate_series(first, last) i) r $$;
SELECT fill(1, 1000);
INSERT INTO t VALUES (0, '{}/12', NULL, NULL), (0, NULL, NULL, NULL);
SELECT i, k.* FROM unnest('{t_s,t_l1,t_v,t_b,t_e}'::regclass[]) i, state(i) k;
SELECT fill(1001, 3000);
SELECT i, k.*, good(i) FROM unnest('{t_s,t_l1,t_v,t_b,t_e}'::regclass[]) i, state(i) k;
-- Found, those of before and after
SELECT count(*) FROM t a, LATERAL (SELECT id FROM t ORDER BY v <-> a.v LIMIT 1) x WHERE a.id % 100 = 7 AND x.id = a.id;
SELECT lowdim_last_scan() ->> 'index' AS index, lowdim_last_scan() ->> 'read_all' AS read_all;
SELECT count(*) FROM t a, LATERAL (SELECT id FROM t ORDER BY s <=> a.s LIMIT 1) x WHERE a.id % 100 = 7 AND x.id = a.id;
SELECT lowdim_last_scan() ->> 'index' AS index, lowdim_last_scan() ->> 'read_all' AS read_all;
-- All rows; the zero vector is last
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY s <=> (SELECT s FROM t WHERE id = 500) LIMIT 4000) x;
SELECT id FROM t ORDER BY s <=> (SELECT s FROM t WHERE id = 500) LIMIT 1 OFFSET 3000;
INSERT INTO t (s) VALUES ('{1:1}/13');
INSERT INTO t (v) VALUES ('[1,2]');
DELETE FROM t WHERE id % 3 = 1;
VACUUM t;
SELECT i, k.*, good(i) FROM unnest('{t_s,t_l1,t_v,t_b,t_e}'::regclass[]) i, state(i) k;
DROP TABLE t;

-- Values out of line; as many as fit the memory
CREATE TABLE wide (id int, v vector(600));
ALTER TABLE wide ALTER v SET STORAGE EXTERNAL;
CREATE INDEX wide_v ON wide USING lean_hnsw (v vector_cosine_ops) WITH (rerank = none);
CREATE FUNCTION broad(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$ SELECT array_agg(e * (1 + k % 3)) FROM generate_series(1, 50) k, unnest(place(i)) e $$;
SET maintenance_work_mem = '1MB';
INSERT INTO wide SELECT i, broad(i) FROM generate_series(1, 1080) i;
SELECT * FROM state('wide_v');
RESET maintenance_work_mem;
INSERT INTO wide SELECT i, broad(i) FROM generate_series(1081, 1200) i;
SELECT k.*, good('wide_v') FROM state('wide_v') k;
DROP TABLE wide;

-- Rows of the same transaction, which then goes; and of those that went before
CREATE TABLE r (id int, s sparsevec(12));
CREATE INDEX r_s ON r USING lean_hnsw (s sparsevec_l2_ops);
BEGIN;
INSERT INTO r SELECT i, place(i)::vector FROM generate_series(1, 1100) i;
SELECT trained FROM state('r_s');
SELECT id FROM r ORDER BY s <-> (SELECT s FROM r WHERE id = 77) LIMIT 1;
ROLLBACK;
SELECT trained, faults FROM state('r_s');
SELECT count(*) FROM (SELECT id FROM r ORDER BY s <-> '{1:1}/12' LIMIT 5) x;
INSERT INTO r SELECT i, place(i)::vector FROM generate_series(1, 500) i;
SELECT trained, faults FROM state('r_s');
VACUUM r;
SELECT k.*, good('r_s') FROM state('r_s') k;
TRUNCATE r;
SELECT * FROM state('r_s');
BEGIN;
INSERT INTO r SELECT i, place(i)::vector FROM generate_series(1, 900) i;
ROLLBACK;
BEGIN;
SAVEPOINT a;
INSERT INTO r SELECT i, place(i)::vector FROM generate_series(901, 1000) i;
ROLLBACK TO a;
INSERT INTO r SELECT i, place(i)::vector FROM generate_series(1001, 1100) i;
-- Too few are left to learn from
SELECT trained, faults FROM state('r_s');
INSERT INTO r SELECT i, place(i)::vector FROM generate_series(1101, 2000) i;
SELECT trained, faults FROM state('r_s');
COMMIT;
SELECT count(*) FROM r a, LATERAL (SELECT id FROM r ORDER BY s <-> a.s LIMIT 1) x WHERE a.id % 50 = 7 AND x.id = a.id;
-- Nodes of the rows that went are not in the graph, until they are no more
SELECT severity, split_part(what, ' nodes that no node leads to', 1)::int BETWEEN 1000 AND 1050 AS those FROM lowdim_check('r_s', true);
VACUUM r;
SELECT k.*, good('r_s') FROM state('r_s') k;
DROP TABLE r;

-- Rows that changed in place, by versions older than the index too, and rows that were deleted
CREATE TABLE h (id int, n int, v vector(12)) WITH (fillfactor = 50);
INSERT INTO h SELECT i, 0, place(i + 5000)::vector FROM generate_series(1, 200) i;
UPDATE h SET v = place(id)::vector;
CREATE INDEX h_v ON h USING lean_hnsw (v) WITH (rerank = none);
UPDATE h SET n = n + 1;
INSERT INTO h SELECT i, 0, place(i)::vector FROM generate_series(201, 1000) i;
UPDATE h SET n = n + 1 WHERE id % 2 = 0;
DELETE FROM h WHERE id % 5 = 0;
SELECT trained FROM state('h_v');
INSERT INTO h SELECT i, 0, place(i)::vector FROM generate_series(1001, 2000) i;
SELECT trained, faults, good('h_v') FROM state('h_v');
SELECT count(*) FROM h a, LATERAL (SELECT id FROM h ORDER BY v <-> a.v LIMIT 1) x WHERE a.id % 40 = 7 AND x.id = a.id;
VACUUM h;
SELECT k.*, good('h_v') FROM state('h_v') k;
DROP TABLE h;

-- Equal rows
CREATE TEMP TABLE same (id int, s sparsevec(12));
CREATE INDEX same_s ON same USING lean_hnsw (s sparsevec_l2_ops);
INSERT INTO same SELECT i, '{1:1,5:2}/12' FROM generate_series(1, 2000) i;
SELECT * FROM state('same_s');
INSERT INTO same SELECT i, place(i)::vector FROM generate_series(2001, 3000) i;
SELECT * FROM state('same_s');
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM same ORDER BY s <-> '{1:1,5:2}/12' LIMIT 4000) x;
SELECT count(*) FILTER (WHERE id <= 2000) FROM (SELECT id FROM same ORDER BY s <-> '{1:1,5:2}/12' LIMIT 20) x;
SELECT count(*) FROM same a, LATERAL (SELECT id FROM same ORDER BY s <-> a.s LIMIT 1) x WHERE a.id > 2000 AND a.id % 50 = 7 AND x.id = a.id;

DROP TABLE same;
DROP FUNCTION place, broad, state, good, fill;
