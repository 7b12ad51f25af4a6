-- Trained lean_hnsw indexes, in which searches walk a graph: every operator class counted against exact answers, conditions,
-- rows beyond ef_search, equal rows, inserts, updates, deletes and vacuum, and an index that trains itself. Recall is compared
-- with a bound and not printed: it differs between instruction sets.
SET client_min_messages = warning;
SET jit = off;
-- Points near a curved surface in 12 dimensions, without random numbers
CREATE FUNCTION place(i int) RETURNS real[] LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(round((sin(i * 0.618034 + j) * 2 + cos(i * 0.0137 * j) + sin(i * 1.414 * j * j) * 0.3)::numeric, 3)::real ORDER BY j)
  FROM generate_series(1, 12) j $$;
CREATE TABLE t (id int PRIMARY KEY, c int, v vector(12), h halfvec(12), b bit(48), s sparsevec(12));
INSERT INTO t SELECT i, i % 1000, x::vector, x::vector::halfvec,
  substring(replace((binary_quantize(x::vector)::text || (i * 1237 % 4096)::bit(12)::text || (i * 77 % 4096)::bit(12)::text
    || (i * 3 % 4096)::bit(12)::text), ' ', ''), 1, 48)::bit(48),
  x::vector::sparsevec
FROM (SELECT i, place(i) x FROM generate_series(1, 3000) i) r;
ANALYZE t;

-- Of the 10 nearest of 20 queries, how many the index finds. Ties count as found: their distances are compared.
CREATE FUNCTION found(col text, op text, OUT share float8, OUT rows int, OUT scans text) LANGUAGE plpgsql AS $$
DECLARE q record; exact float8[]; near float8[]; hits int := 0;
BEGIN
  rows := 0;
  FOR q IN EXECUTE format('SELECT %I::text q FROM t WHERE id %% 150 = 7 ORDER BY id', col) LOOP
    SET LOCAL enable_indexscan = off;
    SET LOCAL enable_seqscan = on;
    EXECUTE format('SELECT array_agg(d) FROM (SELECT %I %s %L d FROM t ORDER BY 1 LIMIT 10) x', col, op, q.q) INTO exact;
    SET LOCAL enable_indexscan = on;
    SET LOCAL enable_seqscan = off;
    EXECUTE format('SELECT array_agg(d) FROM (SELECT %I %s %L d FROM t ORDER BY %1$I %2$s %3$L LIMIT 10) x', col, op, q.q) INTO near;
    rows := rows + cardinality(near);
    hits := hits + (SELECT count(*) FROM unnest(near) d WHERE d <= exact[10]);
    IF near IS DISTINCT FROM (SELECT array_agg(d ORDER BY d) FROM unnest(near) d) THEN RAISE EXCEPTION 'not in order: %', near; END IF;
  END LOOP;
  share := hits::float8 / rows;
  scans := lowdim_last_scan() ->> 'index';
  SET LOCAL enable_seqscan = on;
END $$;
CREATE INDEX vector_l2 ON t USING lean_hnsw (v);
CREATE INDEX vector_ip ON t USING lean_hnsw (v vector_ip_ops);
CREATE INDEX vector_cosine ON t USING lean_hnsw (v vector_cosine_ops);
CREATE INDEX vector_l1 ON t USING lean_hnsw (v vector_l1_ops);
CREATE INDEX halfvec_l2 ON t USING lean_hnsw (h halfvec_l2_ops);
CREATE INDEX halfvec_ip ON t USING lean_hnsw (h halfvec_ip_ops);
CREATE INDEX halfvec_cosine ON t USING lean_hnsw (h halfvec_cosine_ops);
CREATE INDEX halfvec_l1 ON t USING lean_hnsw (h halfvec_l1_ops);
CREATE INDEX bit_hamming ON t USING lean_hnsw (b bit_hamming_ops);
CREATE INDEX bit_jaccard ON t USING lean_hnsw (b bit_jaccard_ops);
CREATE INDEX sparsevec_l2 ON t USING lean_hnsw (s sparsevec_l2_ops);
CREATE INDEX sparsevec_ip ON t USING lean_hnsw (s sparsevec_ip_ops);
CREATE INDEX sparsevec_cosine ON t USING lean_hnsw (s sparsevec_cosine_ops);
CREATE INDEX sparsevec_l1 ON t USING lean_hnsw (s sparsevec_l1_ops);
SELECT count(*), bool_and((lowdim_info(oid) ->> 'trained')::bool) AS trained FROM pg_class WHERE relam = (SELECT oid FROM pg_am WHERE amname = 'lean_hnsw');
SELECT col, op, f.rows, f.scans, f.share > 0.9 AS found, (lowdim_last_scan() ->> 'read_all')::bool AS read_all
FROM (VALUES ('v'), ('h'), ('s')) c(col), unnest('{<->,<#>,<=>,<+>}'::text[]) op, found(col, op) f;
SELECT op, f.rows, f.scans, f.share > 0.9 AS found, (lowdim_last_scan() ->> 'read_all')::bool AS read_all
FROM unnest('{<~>,<%>}'::text[]) op, found('b', op) f;
SELECT relname, k.* FROM pg_class, lowdim_check(oid, true) k WHERE relam = (SELECT oid FROM pg_am WHERE amname = 'lean_hnsw') AND severity = 'error';
DROP INDEX vector_ip, vector_cosine, vector_l1, halfvec_l2, halfvec_ip, halfvec_cosine, halfvec_l1, bit_hamming, bit_jaccard,
  sparsevec_l2, sparsevec_ip, sparsevec_cosine, sparsevec_l1;

-- As many rows as are wanted, each once. What is found late comes at the end: the order falls once there, or not at all
SET enable_seqscan = off;
SET enable_sort = off;
SET lowdim.ef_search = 10;
CREATE TABLE q AS SELECT id, v FROM t WHERE id IN (17, 1500, 2983);
CREATE FUNCTION wanted(lim int, most_c int, OUT rows int, OUT ids int, OUT in_order bool) LANGUAGE sql AS $$
  SELECT count(*), count(DISTINCT (q.id, x.id)), count(*) FILTER (WHERE d < before) <= 3 FROM q, LATERAL
    (SELECT id, d, lag(d) OVER () AS before FROM (SELECT t.id, t.v <-> q.v AS d FROM t WHERE c < most_c ORDER BY t.v <-> q.v LIMIT lim) y) x $$;
SELECT lim, most_c, w.* FROM (VALUES (10, 1000), (200, 1000), (2999, 1000), (4000, 1000), (10, 500), (10, 100), (10, 10), (10, 1), (40, 10), (10, 0))
  a(lim, most_c), wanted(lim, most_c) w;
SELECT lowdim_last_scan() ->> 'index' AS index;
-- Until the bound
SET lowdim.max_scan_tuples = 60;
SELECT lim, w.rows FROM (VALUES (10), (60), (2000)) a(lim), wanted(lim, 1000) w;
RESET lowdim.max_scan_tuples;

-- The option of the index, until the setting says otherwise
CREATE FUNCTION visited() RETURNS int LANGUAGE sql AS $$
  SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> '[1,1,1,1,1,1,1,1,1,1,1,1]' LIMIT 1) x;
  SELECT (lowdim_last_scan() ->> 'nodes_visited')::int $$;
SELECT visited() BETWEEN 10 AND 39 AS at_10;
RESET lowdim.ef_search;
SELECT visited() BETWEEN 40 AND 99 AS at_40;
ALTER INDEX vector_l2 SET (ef_search = 100);
SELECT visited() BETWEEN 100 AND 250 AS at_100;
SET lowdim.ef_search = 300;
SELECT visited() BETWEEN 300 AND 500 AS at_300;
RESET lowdim.ef_search;

-- Cursors and prepared statements
BEGIN;
DECLARE cur CURSOR FOR SELECT t.id FROM t, (SELECT v FROM q WHERE id = 17) a ORDER BY t.v <-> a.v;
FETCH 1 FROM cur;
MOVE FORWARD 2000 IN cur;
MOVE FORWARD 5000 IN cur;
COMMIT;
PREPARE near(vector) AS SELECT id FROM t ORDER BY v <-> $1 LIMIT 1;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE near('[1,1,1,1,1,1,1,1,1,1,1,1]');
SELECT format('EXECUTE near(%L)', v) FROM q ORDER BY id \gexec
EXECUTE near('[1,2]');
SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> NULL::vector LIMIT 5) x;
RESET plan_cache_mode;
DEALLOCATE near;

-- Many equal rows: one node, every row once
CREATE TABLE equal (id int, v vector(12));
INSERT INTO equal SELECT i, place(i % 1500)::vector FROM generate_series(1, 3000) i;
INSERT INTO equal SELECT 10000 + i, '[9,9,9,9,9,9,9,9,9,9,9,9]' FROM generate_series(1, 2000) i;
CREATE INDEX equal_v ON equal USING lean_hnsw (v);
SELECT lowdim_info('equal_v') ->> 'nodes' AS nodes;
INSERT INTO equal SELECT 20000 + i, '[9,9,9,9,9,9,9,9,9,9,9,9]' FROM generate_series(1, 2000) i;
SELECT lowdim_info('equal_v') ->> 'nodes' AS nodes;
SELECT count(*), count(DISTINCT id), min(id), max(id) FROM (SELECT id FROM equal ORDER BY v <-> '[9,9,9,9,9,9,9,9,9,9,9,9]' LIMIT 4000) x;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM equal ORDER BY v <-> '[9,9,9,9,9,9,9,9,9,9,9,9]' LIMIT 8000) x;
DELETE FROM equal WHERE id > 10000 AND id % 2 = 0;
VACUUM equal;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM equal ORDER BY v <-> '[9,9,9,9,9,9,9,9,9,9,9,9]' LIMIT 8000) x;
SELECT * FROM lowdim_check('equal_v', true) WHERE severity = 'error';

-- Rows come, change and go
INSERT INTO t (id, c, v) SELECT i, i % 1000, place(i)::vector FROM generate_series(3001, 3600) i;
SELECT f.rows, f.scans, f.share > 0.9 AS found FROM found('v', '<->') f;
SELECT count(*) AS self FROM generate_series(3001, 3600, 60) i,
  LATERAL (SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = i) LIMIT 1) x WHERE x.id = i;
UPDATE t SET v = (SELECT array_agg(e + 100) FROM unnest(v::real[]) e)::vector WHERE id BETWEEN 1 AND 5;
SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM t ORDER BY v <-> array_fill(100, '{12}')::vector LIMIT 5) x;
DELETE FROM t WHERE id % 3 = 0;
SELECT f.rows, f.scans, f.share > 0.9 AS found FROM found('v', '<->') f;
VACUUM t;
SELECT f.rows, f.scans, f.share > 0.9 AS found FROM found('v', '<->') f;
SELECT w.* FROM wanted(4000, 1000) w;
SELECT pg_relation_size('vector_l2') AS size \gset
INSERT INTO t (id, c, v) SELECT i, i % 1000, place(i)::vector FROM generate_series(4001, 4900) i;
SELECT pg_relation_size('vector_l2') = :size AS slots_used_again;
SELECT * FROM lowdim_check('vector_l2', true) WHERE severity = 'error';
DELETE FROM t;
VACUUM t;
SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> array_fill(100, '{12}')::vector LIMIT 5) x;
INSERT INTO t (id, c, v) SELECT i, i % 1000, place(i)::vector FROM generate_series(1, 300) i;
SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> array_fill(100, '{12}')::vector LIMIT 400) x;
SELECT * FROM lowdim_check('vector_l2', true) WHERE severity = 'error';

-- An index on an empty table reads all until there are rows to learn from
CREATE TABLE grows (id int, v vector(12));
CREATE INDEX grows_v ON grows USING lean_hnsw (v vector_cosine_ops);
INSERT INTO grows SELECT i, place(i)::vector FROM generate_series(1, 900) i;
INSERT INTO grows VALUES (0, array_fill(0, '{12}')::vector);
SELECT lowdim_info('grows_v') ->> 'trained' AS trained;
SELECT id FROM grows ORDER BY v <=> (SELECT v FROM grows WHERE id = 500) LIMIT 1;
SELECT lowdim_last_scan() ->> 'read_all' AS read_all;
INSERT INTO grows SELECT i, place(i)::vector FROM generate_series(901, 2000) i;
SELECT lowdim_info('grows_v') ->> 'trained' AS trained;
SELECT id FROM grows ORDER BY v <=> (SELECT v FROM grows WHERE id = 500) LIMIT 1;
SELECT id FROM grows ORDER BY v <=> (SELECT v FROM grows WHERE id = 1999) LIMIT 1;
SELECT lowdim_last_scan() ->> 'read_all' AS read_all;
SELECT ef_search, recall > 0.9 AS good FROM lowdim_recall('grows_v', 50) WHERE ef_search = 80;
-- The zero vector is last; for it nothing is near
SELECT count(*), (array_agg(id))[2001] AS last, (array_agg(d))[2001] AS distance
FROM (SELECT id, v <=> (SELECT v FROM grows WHERE id = 500) AS d FROM grows ORDER BY v <=> (SELECT v FROM grows WHERE id = 500) LIMIT 3000) x;
SELECT count(*), count(*) FILTER (WHERE d = 'NaN') AS nan
FROM (SELECT id, v <=> array_fill(0, '{12}')::vector AS d FROM grows ORDER BY v <=> array_fill(0, '{12}')::vector LIMIT 3000) x;
SELECT * FROM lowdim_check('grows_v', true) WHERE severity = 'error';
SELECT id FROM grows ORDER BY v <=> '[NaN,0,0,0,0,0,0,0,0,0,0,0]' LIMIT 1;
INSERT INTO grows VALUES (1, '[1,2]');

-- Without vectors in the index rows are measured in the table, and read there when the index is trained
CREATE TABLE bare (id int, s sparsevec(12), v vector(12));
CREATE INDEX bare_s ON bare USING lean_hnsw (s sparsevec_cosine_ops);
CREATE INDEX bare_v ON bare USING lean_hnsw (v) WITH (rerank = none);
INSERT INTO bare SELECT i, place(i)::vector::sparsevec, place(i)::vector FROM generate_series(1, 1500) i;
INSERT INTO bare VALUES (0, '{}/12', NULL);
CREATE FUNCTION bare_answers(OUT nearest_s int[], OUT nearest_v int[]) LANGUAGE sql AS $$
  SELECT array_agg(x.id ORDER BY b.id), array_agg(y.id ORDER BY b.id) FROM bare b,
    LATERAL (SELECT id FROM bare ORDER BY s <=> b.s LIMIT 1) x, LATERAL (SELECT id FROM bare ORDER BY v <-> b.v LIMIT 1) y WHERE b.id % 300 = 77 $$;
SELECT * FROM bare_answers();
SELECT lowdim_info('bare_s') ->> 'trained' AS trained_s, lowdim_info('bare_v') ->> 'trained' AS trained_v;
REINDEX TABLE bare;
SELECT lowdim_info('bare_s') ->> 'trained' AS trained_s, lowdim_info('bare_v') ->> 'trained' AS trained_v;
SELECT * FROM bare_answers();
SELECT count(*), (array_agg(id))[1501] AS last, (array_agg(d))[1501] AS distance
FROM (SELECT id, s <=> (SELECT s FROM bare WHERE id = 500) AS d FROM bare ORDER BY s <=> (SELECT s FROM bare WHERE id = 500) LIMIT 3000) x;
SELECT i, k.* FROM unnest('{bare_s,bare_v}'::regclass[]) i, lowdim_check(i, true) k WHERE severity = 'error';
-- Rows that an index should have and has not: made by hiding it from inserts for a while
CREATE INDEX bare_half ON bare USING lean_hnsw ((v::halfvec(12)) halfvec_l2_ops) WHERE id % 2 = 0;
UPDATE bare SET id = id WHERE id = 100;
SELECT count(*) FROM lowdim_check('bare_half', true);
UPDATE pg_index SET indisready = false WHERE indexrelid = 'bare_half'::regclass;
INSERT INTO bare SELECT i, NULL, nullif(place(i)::vector, place(5002)::vector) FROM generate_series(5001, 5006) i;
UPDATE pg_index SET indisready = true WHERE indexrelid = 'bare_half'::regclass;
SELECT count(*) FROM lowdim_check('bare_half');
SELECT severity, block, item, what = format('the row at %s of the table is not in the index', at) AS named, id
FROM lowdim_check('bare_half', true) LEFT JOIN (SELECT id, ctid AS at FROM bare) b ON what LIKE '%' || at || '%' ORDER BY id;
REINDEX INDEX bare_half;
SELECT count(*) FROM lowdim_check('bare_half', true);
SET maintenance_work_mem = '1MB';
SELECT count(*) FROM lowdim_check('bare_half', true);
RESET maintenance_work_mem;
DELETE FROM bare WHERE id > 5000;
-- The planner knows what that costs
ANALYZE bare;
RESET enable_seqscan;
RESET enable_sort;
EXPLAIN (COSTS OFF) SELECT id FROM bare ORDER BY v <-> array_fill(1, '{12}')::vector LIMIT 3;

DROP TABLE t, q, equal, grows, bare;
DROP FUNCTION place, found, wanted, visited, bare_answers;
