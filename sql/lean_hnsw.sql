-- The access method lean_hnsw in SQL: operator classes, options, plans, answers, kinds of tables and indexes.
\pset null '(null)'
SELECT opcname, opcintype::regtype, opcdefault, amopstrategy, amoppurpose, amopopr::regoperator, amproc::regprocedure, amvalidate(c.oid)
FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod JOIN pg_amop ON amopfamily = opcfamily JOIN pg_amproc ON amprocfamily = opcfamily
WHERE amname = 'lean_hnsw' ORDER BY opcname COLLATE "C", amopstrategy;
SELECT amname, amtype, obj_description(oid, 'pg_am') FROM pg_am WHERE amname = 'lean_hnsw';
SELECT p, pg_indexam_has_property(oid, p) FROM pg_am, unnest('{can_order,can_unique,can_multi_col,can_exclude,can_include}'::text[]) p
WHERE amname = 'lean_hnsw';

-- Rows without random numbers: directions that spread, lengths that differ, some twice
CREATE FUNCTION coordinates(i int, dims int) RETURNS real[] LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(round((sin(i * 0.7310585 * j + j * j) * (1 + i % 7))::numeric, 3)::real ORDER BY j) FROM generate_series(1, dims) j $$;
CREATE TABLE t (id int, c int, v vector(8), h halfvec(8), b bit(24), s sparsevec(8));
INSERT INTO t SELECT i, i % 100, x::vector, x::vector::halfvec, (i * 7919 % 16777213)::bit(24), x::vector::sparsevec
FROM (SELECT i, coordinates(i % 550, 8) x FROM generate_series(1, 600) i) r;
INSERT INTO t (id) SELECT i FROM generate_series(601, 620) i;
INSERT INTO t SELECT i, 0, '[0,0,0,0,0,0,0,0]', '[0,0,0,0,0,0,0,0]', B'0'::bit(24), '{}/8' FROM generate_series(621, 623) i;
ANALYZE t;

-- A query without an index and with one: the distances, in order, are the same. With a beam as wide as the table
-- an index misses nothing.
CREATE FUNCTION same_answer(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE exact float8[]; found float8[]; scan jsonb;
BEGIN
  SET LOCAL enable_indexscan = off;
  EXECUTE format('SELECT array_agg(d) FROM (%s) q', query) INTO exact;
  SET LOCAL enable_indexscan = on;
  SET LOCAL enable_seqscan = off;
  SET LOCAL enable_sort = off;
  EXECUTE format('SELECT array_agg(d) FROM (%s) q', query) INTO found;
  SET LOCAL enable_seqscan = on;
  SET LOCAL enable_sort = on;
  scan := lowdim_last_scan();
  RETURN CASE WHEN exact IS NOT DISTINCT FROM found THEN format('%s rows alike', cardinality(found)) ELSE format('%s and %s', exact, found) END
    || format(', from %s', scan->>'index');
END $$;
SET lowdim.ef_search = 1000;
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
SELECT relname, lowdim_info(oid)->>'distance' AS distance, lowdim_info(oid)->>'rerank' AS rerank, lowdim_info(oid)->>'nodes' AS nodes,
  lowdim_info(oid)->>'trained' AS trained
FROM pg_class WHERE relam = (SELECT oid FROM pg_am WHERE amname = 'lean_hnsw') ORDER BY 1;
SELECT op, same_answer(format('SELECT v %s %L d FROM t ORDER BY v %1$s %2$L LIMIT 50', op, q)) FROM unnest('{<->,<#>,<=>,<+>}'::text[]) op,
  (VALUES ('[1,2,3,-4,-3,-2,-1,0]'), ('[0.1,0,0,0,0,0,0,-0.2]')) v(q);
SELECT op, same_answer(format('SELECT h %s %L d FROM t ORDER BY h %1$s %2$L LIMIT 50', op, q)) FROM unnest('{<->,<#>,<=>,<+>}'::text[]) op,
  (VALUES ('[1,2,3,-4,-3,-2,-1,0]'), ('[0.1,0,0,0,0,0,0,-0.2]')) v(q);
SELECT op, same_answer(format('SELECT b %s %L d FROM t ORDER BY b %1$s %2$L LIMIT 50', op, q)) FROM unnest('{<~>,<%>}'::text[]) op,
  (VALUES (B'101010101010101010101010'), (B'000000000000000000000001')) v(q);
SELECT op, same_answer(format('SELECT s %s %L d FROM t ORDER BY s %1$s %2$L LIMIT 50', op, q)) FROM unnest('{<->,<#>,<=>,<+>}'::text[]) op,
  (VALUES ('{1:1,2:2,3:3,4:-4}/8'), ('{8:-0.2}/8')) v(q);

-- All rows but those without a value, at any width; cosine of a zero vector is NaN and comes last
SELECT same_answer('SELECT v <-> ''[1,2,3,4,5,6,7,8]'' d FROM t WHERE v IS NOT NULL ORDER BY v <-> ''[1,2,3,4,5,6,7,8]''');
SELECT same_answer('SELECT v <=> ''[1,2,3,4,5,6,7,8]'' d FROM t WHERE v IS NOT NULL ORDER BY v <=> ''[1,2,3,4,5,6,7,8]''');
SET enable_seqscan = off;
SET lowdim.ef_search = 10;
SELECT count(*), count(DISTINCT id), min(id), max(id) FROM (SELECT id FROM t ORDER BY v <-> '[1,2,3,4,5,6,7,8]' OFFSET 0) x;
SELECT count(*) FROM (SELECT id FROM t WHERE c = 3 ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 5) x;
SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> NULL LIMIT 700) x;
SET lowdim.max_scan_tuples = 20;
SELECT count(*) BETWEEN 1 AND 40 AS bounded FROM (SELECT id FROM t ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 300) x;
RESET lowdim.max_scan_tuples;
SELECT jsonb_object_agg(key, jsonb_typeof(value)) FROM jsonb_each(lowdim_last_scan());
SET lowdim.ef_search = 10001;
SET lowdim.max_scan_tuples = -1;
RESET lowdim.ef_search;
RESET enable_seqscan;
SELECT relname, f.* FROM pg_class, lowdim_check(oid, true) f
WHERE relam = (SELECT oid FROM pg_am WHERE amname = 'lean_hnsw') AND severity = 'error';

-- Values that do not fit
INSERT INTO t (v) VALUES ('[1,2]');
SELECT id FROM t ORDER BY v <-> '[1,2,3]' LIMIT 1;
SET enable_seqscan = off;
SELECT id FROM t ORDER BY v <-> '[1,2,3]' LIMIT 1;
SELECT id FROM t ORDER BY b <~> B'101' LIMIT 1;
RESET enable_seqscan;

-- Options
DROP INDEX vector_ip, vector_cosine, vector_l1, halfvec_l2, halfvec_ip, halfvec_cosine, halfvec_l1, bit_jaccard,
  sparsevec_l2, sparsevec_ip, sparsevec_cosine;
CREATE INDEX bad ON t USING lean_hnsw (v) WITH (m = 1);
CREATE INDEX bad ON t USING lean_hnsw (v) WITH (m = 101);
CREATE INDEX bad ON t USING lean_hnsw (v) WITH (ef_construction = 3);
CREATE INDEX bad ON t USING lean_hnsw (v) WITH (m = 33, ef_construction = 65);
CREATE INDEX bad ON t USING lean_hnsw (v) WITH (ef_search = 0);
CREATE INDEX bad ON t USING lean_hnsw (v) WITH (code = none);
CREATE INDEX bad ON t USING lean_hnsw (v) WITH (code_dims = 9);
CREATE INDEX bad ON t USING lean_hnsw (v) WITH (code = pq, code_dims = 4);
CREATE INDEX bad ON t USING lean_hnsw (v vector_l1_ops) WITH (code_dims = 4);
CREATE INDEX bad ON t USING lean_hnsw (v vector_l1_ops) WITH (code = leanvec);
CREATE INDEX bad ON t USING lean_hnsw (v) WITH (code_bytes = 121);
CREATE INDEX bad ON t USING lean_hnsw (v) WITH (rerank = float8);
CREATE INDEX bad ON t USING lean_hnsw (b bit_hamming_ops) WITH (rerank = float16);
CREATE INDEX bad ON t USING lean_hnsw (s sparsevec_l2_ops) WITH (rerank = int8);
CREATE INDEX bad ON t USING lean_hnsw (v) WITH (fillfactor = 90);
CREATE INDEX bad ON t USING lean_hnsw (v, h halfvec_l2_ops);
CREATE INDEX bad ON t USING lean_hnsw (h);
CREATE INDEX bad ON t USING lean_hnsw (v vector_ops);
CREATE INDEX bad ON t USING lean_hnsw (v) INCLUDE (id);
CREATE UNIQUE INDEX bad ON t USING lean_hnsw (v);
CREATE INDEX bad ON t USING lean_hnsw (v ASC);
CREATE INDEX bad ON t USING lean_hnsw ((v::vector));
CREATE INDEX bad ON t USING lean_hnsw (id);
CREATE TABLE free_dims (v vector, h halfvec, b bit varying, s sparsevec, w vector(16000), x vector(2000), y bit(64000));
CREATE INDEX bad ON free_dims USING lean_hnsw (v);
CREATE INDEX bad ON free_dims USING lean_hnsw (h halfvec_l2_ops);
CREATE INDEX bad ON free_dims USING lean_hnsw (b bit_hamming_ops);
CREATE INDEX bad ON free_dims USING lean_hnsw (s sparsevec_l2_ops);
CREATE INDEX bad ON free_dims USING lean_hnsw (w) WITH (rerank = int8);
CREATE INDEX bad ON free_dims USING lean_hnsw (x) WITH (m = 100, code_bytes = 120, ef_construction = 200);
CREATE INDEX wide ON free_dims USING lean_hnsw (w);
CREATE INDEX less_wide ON free_dims USING lean_hnsw (x);
CREATE INDEX wide_bits ON free_dims USING lean_hnsw (y bit_hamming_ops);
SELECT i, lowdim_info(i::regclass)->'rerank' AS rerank, lowdim_info(i::regclass)->'dims' AS dims FROM unnest('{wide,less_wide,wide_bits}'::text[]) i;
INSERT INTO free_dims (w, x, y) SELECT array_fill(i, '{16000}')::vector, array_fill(i, '{2000}')::vector, repeat(i::text, 64000)::bit(64000) FROM generate_series(0, 1) i;
SET enable_seqscan = off;
SELECT w <-> array_fill(2, '{16000}')::vector < 127 AS nearer FROM free_dims ORDER BY w <-> array_fill(2, '{16000}')::vector;
SELECT x <-> array_fill(2, '{2000}')::vector < 45 AS nearer FROM free_dims ORDER BY x <-> array_fill(2, '{2000}')::vector;
SELECT y <~> repeat('01', 32000)::bit(64000) AS bits FROM free_dims ORDER BY y <~> repeat('01', 32000)::bit(64000);
SELECT lowdim_last_scan()->>'index' AS index;
RESET enable_seqscan;
DROP TABLE free_dims;
CREATE INDEX o ON t USING lean_hnsw (v) WITH (m = 8, ef_construction = 100, ef_search = 55, code = leanvec, code_dims = 5, code_bytes = 2, rerank = float32);
SELECT reloptions FROM pg_class WHERE relname = 'o';
SELECT key, value FROM jsonb_each(lowdim_info('o')) WHERE key <> ALL ('{hops,pages,slot_bytes,slots_per_page,model_bytes,predicted_recall}')
ORDER BY key COLLATE "C";
ALTER INDEX o SET (ef_search = 300);
SELECT lowdim_info('o')->>'ef_search';
ALTER INDEX o SET (m = 0);
DROP INDEX o;
CREATE INDEX o ON t USING lean_hnsw (v) WITH (code = pq, rerank = int8, m = 40, ef_construction = 80);
SELECT lowdim_info('o')->>'most_neighbours' AS most_neighbours, lowdim_info('o')->>'rerank' AS rerank;
DROP INDEX vector_l2;
SET lowdim.ef_search = 1000;
SELECT same_answer('SELECT v <-> ''[1,2,3,-4,5,6,7,8]'' d FROM t ORDER BY v <-> ''[1,2,3,-4,5,6,7,8]'' LIMIT 50');
DROP INDEX o;
CREATE INDEX o ON t USING lean_hnsw (v) WITH (rerank = none, code_dims = 4);
SELECT same_answer('SELECT v <-> ''[1,2,3,-4,5,6,7,8]'' d FROM t ORDER BY v <-> ''[1,2,3,-4,5,6,7,8]'' LIMIT 50');
RESET lowdim.ef_search;
DROP INDEX o;

-- Plans: the index where few rows are wanted of many, in its own order
CREATE TABLE big (id int, c int, v vector(3));
INSERT INTO big SELECT i, i % 1000, coordinates(i, 3)::vector FROM generate_series(1, 5000) i;
CREATE INDEX big_v ON big USING lean_hnsw (v);
CREATE INDEX big_c ON big (c);
ANALYZE big;
EXPLAIN (COSTS OFF) SELECT * FROM big ORDER BY v <-> '[1,1,1]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT * FROM big WHERE c < 500 ORDER BY v <-> '[1,1,1]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT a.id, b.id FROM big a, LATERAL (SELECT id FROM big ORDER BY v <-> a.v LIMIT 2) b WHERE a.id < 3;
-- All rows, few that pass, another order, another operator, a bound: not the index
EXPLAIN (COSTS OFF) SELECT * FROM big ORDER BY v <-> '[1,1,1]';
EXPLAIN (COSTS OFF) SELECT * FROM big ORDER BY v <-> '[1,1,1]' LIMIT 4000;
EXPLAIN (COSTS OFF) SELECT * FROM big WHERE c = 7 ORDER BY v <-> '[1,1,1]' LIMIT 3;
EXPLAIN (COSTS OFF) SELECT * FROM big WHERE c + 0 < 100 ORDER BY v <-> '[1,1,1]' LIMIT 50;
EXPLAIN (COSTS OFF) SELECT * FROM big ORDER BY v <-> '[1,1,1]' DESC LIMIT 10;
EXPLAIN (COSTS OFF) SELECT * FROM big ORDER BY v <=> '[1,1,1]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT * FROM big WHERE v <-> '[1,1,1]' < 0.1;
-- A wide beam costs what it costs
SET lowdim.ef_search = 5000;
EXPLAIN (COSTS OFF) SELECT * FROM big ORDER BY v <-> '[1,1,1]' LIMIT 10;
RESET lowdim.ef_search;
CREATE TABLE small AS SELECT * FROM big WHERE id <= 100;
CREATE INDEX small_v ON small USING lean_hnsw (v);
ANALYZE small;
EXPLAIN (COSTS OFF) SELECT * FROM small ORDER BY v <-> '[1,1,1]' LIMIT 5;
-- Without an order there is no scan, whatever else is forbidden
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM small;
EXPLAIN (COSTS OFF) SELECT * FROM small WHERE v = '[1,1,1]';
EXPLAIN (COSTS OFF) SELECT * FROM small ORDER BY v <-> '[1,1,1]' LIMIT 5;
SELECT count(*) FROM small;
RESET enable_seqscan;

-- Recall: one row for each ef_search, the index's own included. Of two indexes it is the one that was asked for
CREATE INDEX big_v2 ON big USING lean_hnsw (v) WITH (ef_search = 44);
SELECT ef_search, recall > 0.9 OR ef_search < 320 AS good, recall <= 1 AS possible, avg_us > 0 AS timed FROM lowdim_recall('big_v2', 20, 5);
SELECT lowdim_last_scan()->>'index' AS index;
SELECT count(*) FROM lowdim_recall('big_v', 1, 1);
SELECT lowdim_last_scan()->>'index' AS index;
SHOW enable_seqscan;
SHOW search_path;
SELECT * FROM lowdim_recall('big_v2', 0);
SELECT * FROM lowdim_recall('big_v2', 10, 1001);
DROP INDEX big_v2;
SELECT lowdim_prewarm('big_v') = pg_relation_size('big_v') / 8192 AS all_pages;

-- Empty tables, and tables that were empty
CREATE TABLE e (id int, v vector(3));
CREATE INDEX e_v ON e USING lean_hnsw (v);
SELECT lowdim_info('e_v')->>'trained' AS trained, lowdim_info('e_v')->>'nodes' AS nodes, lowdim_info('e_v') ? 'hops' AS hops;
SET enable_seqscan = off;
SELECT * FROM e ORDER BY v <-> '[1,1,1]' LIMIT 3;
SELECT * FROM lowdim_recall('e_v');
INSERT INTO e VALUES (1, '[1,1,1]'), (2, '[2,2,2]'), (3, NULL), (4, '[1,1,1]');
SELECT id FROM e ORDER BY v <-> '[1.9,2,2]' LIMIT 1;
SELECT count(*), count(v) FROM (SELECT v FROM e ORDER BY v <-> '[1.9,2,2]' LIMIT 10) x;
RESET enable_seqscan;

-- Expressions and conditions
CREATE INDEX e_h ON e USING lean_hnsw ((v::halfvec(3)) halfvec_l2_ops);
CREATE INDEX e_b ON e USING lean_hnsw ((binary_quantize(v)::bit(3)) bit_hamming_ops) WHERE id > 1;
SET enable_seqscan = off;
SELECT id FROM e ORDER BY v::halfvec(3) <-> '[2,2,2]' LIMIT 1;
SELECT lowdim_last_scan()->>'index' AS index;
SELECT count(*), min(id) FROM (SELECT id FROM e WHERE id > 1 ORDER BY binary_quantize(v)::bit(3) <~> B'111' LIMIT 5) x;
SELECT lowdim_last_scan()->>'index' AS index;
SELECT same_answer('SELECT v <-> ''[1,1,1]'' d FROM e WHERE v IS NOT NULL ORDER BY v <-> ''[1,1,1]''');
RESET enable_seqscan;
SELECT ef_search, recall FROM lowdim_recall('e_h', 10, 1) WHERE ef_search = 40;
SELECT ef_search, recall FROM lowdim_recall('e_b', 10, 1) WHERE ef_search = 40;

-- Partitions, unlogged and temporary tables
CREATE TABLE p (id int, v vector(3)) PARTITION BY RANGE (id);
CREATE INDEX p_v ON p USING lean_hnsw (v);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1000);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (1000) TO (2000);
INSERT INTO p SELECT id, v FROM big WHERE id < 2000;
ANALYZE p;
SET enable_seqscan = off;
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY v <-> '[1,1,1]' LIMIT 5;
SELECT count(*) FROM (SELECT id FROM p ORDER BY v <-> '[1,1,1]' LIMIT 1500) x;
RESET enable_sort;
CREATE UNLOGGED TABLE u AS SELECT * FROM small;
CREATE INDEX u_v ON u USING lean_hnsw (v);
SELECT pg_relation_size('u_v', 'init') AS init_bytes;
SELECT id FROM u ORDER BY v <-> (SELECT v FROM small WHERE id = 17) LIMIT 1;
CREATE TEMP TABLE tmp AS SELECT * FROM small;
CREATE INDEX tmp_v ON tmp USING lean_hnsw (v);
SELECT id FROM tmp ORDER BY v <-> (SELECT v FROM small WHERE id = 17) LIMIT 1;
TRUNCATE tmp;
SELECT id FROM tmp ORDER BY v <-> '[1,1,1]' LIMIT 1;

-- Built anew, and with others at work
CREATE INDEX CONCURRENTLY small_v2 ON small USING lean_hnsw (v vector_cosine_ops);
REINDEX INDEX small_v;
REINDEX INDEX CONCURRENTLY small_v;
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = 'small'::regclass ORDER BY 1;
SELECT id FROM small ORDER BY v <-> (SELECT v FROM small WHERE id = 17) LIMIT 1;
SELECT id FROM small ORDER BY v <=> (SELECT v FROM small WHERE id = 17) LIMIT 1;
VACUUM small;
DELETE FROM small WHERE id = 17;
VACUUM small;
SELECT count(*) FROM (SELECT id FROM small ORDER BY v <-> '[1,1,1]' LIMIT 200) x;
RESET enable_seqscan;
SELECT i, f.* FROM unnest('{big_v,e_v,e_h,e_b,p1_v_idx,p2_v_idx,u_v,tmp_v,small_v,small_v2}'::text[]) i, lowdim_check(i::regclass, true) f
WHERE severity = 'error';

-- What is not for everybody, and what is no such index
SELECT lowdim_info('p_v');
SELECT lowdim_info('big_c');
SELECT lowdim_check('big');
SELECT lowdim_prewarm(0);
SELECT lowdim_info(NULL);
CREATE ROLE lowdim_reader;
CREATE ROLE lowdim_nobody;
GRANT SELECT ON big TO lowdim_reader;
SET ROLE lowdim_reader;
SELECT lowdim_info('big_v')->>'nodes' AS nodes, lowdim_prewarm('big_v') > 0 AS warm;
SELECT count(*) FROM lowdim_recall('big_v', 1);
SELECT * FROM lowdim_check('big_v');
SET ROLE lowdim_nobody;
SELECT lowdim_info('big_v');
SELECT lowdim_prewarm('big_v');
SELECT * FROM lowdim_recall('big_v');
RESET ROLE;
REVOKE SELECT ON big FROM lowdim_reader;
DROP ROLE lowdim_reader, lowdim_nobody;
DROP TABLE t, big, small, e, p, u, tmp;
DROP FUNCTION coordinates, same_answer;
