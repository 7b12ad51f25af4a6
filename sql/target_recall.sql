-- Searches that are asked for a recall: what an index knows of its own searches, the ef_search that follows from it, which
-- setting or option decides, and that vacuum measures anew. Figures are compared and not printed: they differ between
-- instruction sets.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS lowdim;
RESET client_min_messages;
SET jit = off;
CREATE FUNCTION recall_point(i int) RETURNS real[] LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(round((sin(i * 0.618034 * j) + sin(i * 1.414214 * (j + 2)) + sin(i * 0.377 * j * j))::numeric, 3)::real ORDER BY j)
  FROM generate_series(1, 16) j $$;
CREATE TABLE recall_t (id int PRIMARY KEY, v vector(16)) WITH (autovacuum_enabled = off);
INSERT INTO recall_t SELECT i, recall_point(i)::vector FROM generate_series(1, 4000) i;
-- Coarse codes, so that recall depends on ef_search.
CREATE INDEX recall_v ON recall_t USING lean_hnsw (v) WITH (code_bytes = 3);
ANALYZE recall_t;
SET enable_seqscan = off;

-- The table: twelve steps that rise.
SELECT count(*), min(ef_search), max(ef_search), bool_and(recall BETWEEN 0 AND 1) AS recall, bool_and(error BETWEEN 0 AND 0.1) AS error,
  bool_and(nodes_visited >= ef_search) AS nodes, bool_and(codes_scored > nodes_visited) AS codes FROM lowdim_calibration('recall_v');
SELECT bool_and(recall >= before) AS recall, bool_and(nodes_visited > nodes_before) AS nodes FROM (SELECT recall, nodes_visited,
  lag(recall) OVER o AS before, lag(nodes_visited) OVER o AS nodes_before FROM lowdim_calibration('recall_v') WINDOW o AS (ORDER BY ef_search)) x;
SELECT min(recall) < 0.9 AS hard, max(recall) > 0.99 AS found FROM lowdim_calibration('recall_v');
SELECT lowdim_info('recall_v') -> 'calibrated_at' AS nodes, lowdim_info('recall_v') -> 'calibration_queries' AS queries;

-- Which of them decides; the predicted recall is the one of the ef_search that results.
CREATE FUNCTION effort(index regclass, OUT ef int, OUT chosen text, OUT predicted float8) LANGUAGE sql AS $$
  SELECT (i ->> 'ef_search')::int, i ->> 'ef_search_by', (i ->> 'predicted_recall')::float8 FROM lowdim_info(index) i $$;
SHOW lowdim.target_recall;
SELECT ef, chosen, predicted BETWEEN 0.5 AND 1 AS predicted FROM effort('recall_v');
SET lowdim.target_recall = 0.9;
SELECT ef BETWEEN 13 AND 1599 AS ef, chosen, predicted BETWEEN 0.9 AND 0.93 AS predicted FROM effort('recall_v');
SET lowdim.target_recall = 0.001;
SELECT ef, chosen, predicted BETWEEN 0.1 AND 0.9 AS predicted FROM effort('recall_v');
-- Ten rows come from one round even so.
SELECT count(*) AS rows FROM (SELECT FROM recall_t ORDER BY v <-> recall_point(7)::vector LIMIT 10) x;
SELECT lowdim_last_scan() ->> 'rounds' AS rounds;
-- From twelve candidates on; more rows, or fewer candidates, take more.
CREATE FUNCTION recall_rounds(ef int, most int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('lowdim.ef_search', ef::text, true);
  PERFORM FROM (SELECT FROM recall_t ORDER BY v <-> recall_point(7)::vector LIMIT most) x;
  RETURN lowdim_last_scan() ->> 'rounds';
END $$;
SELECT ef, most, recall_rounds(ef, most) AS rounds FROM (VALUES (12, 10), (12, 13), (11, 10), (23, 10), (40, 19), (40, 21)) x(ef, most);
CREATE TABLE recall_targets AS SELECT target, NULL::int AS ef, NULL::float8 AS predicted FROM unnest('{0.7,0.8,0.9,0.95,0.99}'::float8[]) target;
DO $$
DECLARE t record; e record;
BEGIN
  FOR t IN SELECT target FROM recall_targets LOOP
    PERFORM set_config('lowdim.target_recall', t.target::text, false);
    SELECT * INTO e FROM effort('recall_v');
    UPDATE recall_targets SET ef = e.ef, predicted = e.predicted WHERE target = t.target;
  END LOOP;
END $$;
SELECT bool_and(ef >= before) AS rises, bool_and(predicted >= target) AS reaches FROM (SELECT *, lag(ef) OVER (ORDER BY target) AS before FROM recall_targets) x;
SET lowdim.target_recall = 1;
SELECT ef BETWEEN 100 AND 1600 AS ef, chosen FROM effort('recall_v');
SET lowdim.ef_search = 33;
SELECT ef, chosen, predicted BETWEEN 0.4 AND 1 AS predicted FROM effort('recall_v');
RESET lowdim.ef_search;
RESET lowdim.target_recall;
ALTER INDEX recall_v SET (target_recall = 0.95, ef_search = 25);
SELECT ef > 25 AS ef, chosen, predicted BETWEEN 0.95 AND 0.98 AS predicted FROM effort('recall_v');
SET lowdim.target_recall = 0.8;
SELECT ef > 19 AS ef, chosen, predicted BETWEEN 0.8 AND 0.9 AS predicted FROM effort('recall_v');
RESET lowdim.target_recall;
ALTER INDEX recall_v RESET (target_recall);
SELECT ef, chosen FROM effort('recall_v');
ALTER INDEX recall_v RESET (ef_search);

-- Searches stop by themselves where a recall decides, and that takes no more nodes than as many candidates for all.
SELECT count(*) BETWEEN 3 AND 11 AS steps, bool_and(recall BETWEEN 0.5 AND 1) AS recall, bool_and(error BETWEEN 0 AND 0.1) AS error,
  bool_and(below_0_8 BETWEEN 0 AND 1) AS low, bool_and(nodes_visited BETWEEN 11 AND most_nodes) AS nodes, bool_and(codes_scored > nodes_visited) AS codes
  FROM lowdim_effort('recall_v');
SELECT bool_and(recall > before) AS recall, bool_and(nodes_visited > nodes_before) AS nodes, bool_and(below_0_8 <= low_before) AS low
  FROM (SELECT *, lag(recall) OVER o AS before, lag(nodes_visited) OVER o AS nodes_before, lag(below_0_8) OVER o AS low_before
    FROM lowdim_effort('recall_v') WINDOW o AS (ORDER BY recall)) x;
CREATE FUNCTION recall_effort(query int, OUT info text, OUT scan text, OUT nodes int, OUT foretold float8) LANGUAGE plpgsql AS $$
DECLARE i jsonb := lowdim_info('recall_v'); s jsonb;
BEGIN
  PERFORM FROM (SELECT FROM recall_t ORDER BY v <-> recall_point(query)::vector LIMIT 10) x;
  s := lowdim_last_scan();
  info := i ->> 'effort'; scan := s ->> 'effort'; nodes := s ->> 'nodes_visited'; foretold := i ->> 'hops';
END $$;
SELECT info, scan FROM recall_effort(9001);
SET lowdim.target_recall = 0.95;
SELECT min(info) AS info, max(scan) AS scan, count(DISTINCT nodes) > 3 AS differ, avg(nodes) BETWEEN 0.8 * max(foretold) AND 1.25 * max(foretold) AS foretold
  FROM generate_series(9001, 9200) q, recall_effort(q);
SET lowdim.ef_search = 40;
SELECT info, scan FROM recall_effort(9001);
RESET lowdim.ef_search;
-- Rows are rows, however soon a search stops: all of them, each once; a wider round follows where more are wanted.
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM recall_t ORDER BY v <-> recall_point(9001)::vector) x;
SELECT count(*) FROM (SELECT FROM recall_t ORDER BY v <-> recall_point(9001)::vector LIMIT 300) x;
SELECT (lowdim_last_scan() ->> 'rounds')::int > 1 AS rounds, lowdim_last_scan() ->> 'effort' AS effort;
RESET lowdim.target_recall;
SELECT * FROM lowdim_effort(NULL);
SELECT * FROM lowdim_effort('recall_t');
SELECT * FROM lowdim_effort(0);

-- What is not a recall.
SET lowdim.target_recall = 1.5;
SET lowdim.target_recall = -0.1;
SET lowdim.target_recall = 'most';
SET lowdim.target_recall = 'NaN';
ALTER INDEX recall_v SET (target_recall = 1.5);
ALTER INDEX recall_v SET (target_recall = 'most');
CREATE INDEX ON recall_t USING lean_hnsw (v) WITH (target_recall = -1);
SHOW lowdim.target_recall;

-- The scan takes it, and says so; new queries find about what was promised.
CREATE FUNCTION recall_found(target float8, OUT share float8, OUT same_ef bool) LANGUAGE plpgsql AS $$
DECLARE q vector; exact float8; hits int := 0; i int;
BEGIN
  PERFORM set_config('lowdim.target_recall', target::text, true);
  same_ef := true;
  FOR i IN 1..60 LOOP
    q := recall_point(5000 + 37 * i)::vector;
    SET LOCAL enable_indexscan = off;
    SET LOCAL enable_seqscan = on;
    SELECT max(d) INTO exact FROM (SELECT v <-> q AS d FROM recall_t ORDER BY v <-> q LIMIT 10) x;
    SET LOCAL enable_indexscan = on;
    SET LOCAL enable_seqscan = off;
    hits := hits + (SELECT count(*) FROM (SELECT v <-> q AS d FROM recall_t ORDER BY v <-> q LIMIT 10) x WHERE d <= exact);
    same_ef := same_ef AND lowdim_last_scan() -> 'ef_search' = lowdim_info('recall_v') -> 'ef_search'
      AND lowdim_last_scan() -> 'predicted_recall' = lowdim_info('recall_v') -> 'predicted_recall';
  END LOOP;
  SET LOCAL enable_seqscan = off;
  share := hits / 600.0;
END $$;
SELECT target, f.share BETWEEN target - 0.05 AND target + 0.05 AS found, f.same_ef FROM unnest('{0.8,0.9,0.95,0.99}'::float8[]) target, recall_found(target) f;

-- lowdim_recall measures at that ef_search too.
SET lowdim.target_recall = 0.93;
SELECT count(*), bool_or(ef_search = (SELECT ef FROM effort('recall_v'))) AS mine FROM lowdim_recall('recall_v', 5, 10);
-- More is dearer, as the planner sees it.
CREATE FUNCTION recall_cost(target float8) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
  PERFORM set_config('lowdim.target_recall', target::text, true);
  EXECUTE 'EXPLAIN (FORMAT json) SELECT id FROM recall_t ORDER BY v <-> recall_point(7)::vector LIMIT 5' INTO plan;
  RETURN (plan -> 0 -> 'Plan' ->> 'Total Cost')::float8;
END $$;
SELECT recall_cost(0.8) < recall_cost(0.95) AS dearer, recall_cost(0.95) < recall_cost(0.999) AS dearer_still;
RESET lowdim.target_recall;

-- Beyond a fifth of changes VACUUM measures anew, after inserts alone too.
INSERT INTO recall_t SELECT i, recall_point(i)::vector FROM generate_series(4001, 4500) i;
VACUUM recall_t;
SELECT lowdim_info('recall_v') -> 'calibrated_at' AS nodes;
INSERT INTO recall_t SELECT i, recall_point(i)::vector FROM generate_series(4501, 5200) i;
VACUUM recall_t;
SELECT (lowdim_info('recall_v') ->> 'calibrated_at')::int BETWEEN 5100 AND 5200 AS nodes;
DELETE FROM recall_t WHERE id % 2 = 0;
VACUUM recall_t;
SELECT (lowdim_info('recall_v') ->> 'calibrated_at')::int BETWEEN 2500 AND 2600 AS nodes, min(recall) > 0.1 AS recall FROM lowdim_calibration('recall_v');
SELECT * FROM lowdim_check('recall_v', true) WHERE severity = 'error';

-- Without a graph nothing is known, and ef_search counts; an index that trains itself measures itself.
CREATE TABLE recall_e (v vector(16)) WITH (autovacuum_enabled = off);
CREATE INDEX recall_e_v ON recall_e USING lean_hnsw (v) WITH (target_recall = 0.9, code_bytes = 3);
SELECT count(*) FROM lowdim_calibration('recall_e_v');
SELECT * FROM effort('recall_e_v');
INSERT INTO recall_e SELECT recall_point(i)::vector FROM generate_series(1, 1000) i;
VACUUM recall_e;
SELECT * FROM effort('recall_e_v');
SELECT v <-> recall_point(1)::vector AS d FROM recall_e ORDER BY 1 LIMIT 1;
SELECT lowdim_last_scan() -> 'ef_search' AS ef, lowdim_last_scan() -> 'predicted_recall' AS predicted;
INSERT INTO recall_e SELECT recall_point(i)::vector FROM generate_series(1001, 1100) i;
SELECT count(*) FROM lowdim_calibration('recall_e_v');
SELECT chosen, predicted >= 0.9 AS predicted FROM effort('recall_e_v');
-- An index that keeps no vectors knows what searches cost, not what they find.
CREATE INDEX recall_none ON recall_t USING lean_hnsw (v) WITH (rerank = none, target_recall = 0.9);
SELECT count(*), count(recall) AS recall, count(error) AS error, bool_and(nodes_visited >= ef_search) AS nodes FROM lowdim_calibration('recall_none');
SELECT * FROM effort('recall_none');
SELECT count(*) FROM lowdim_effort('recall_none');
-- Bits, where many are equally far, and the other distances.
CREATE TABLE recall_b AS SELECT (i * 2654435761 % 4294967296)::bit(32) || (i * 40503 % 65536)::bit(16) AS b, recall_point(i::int)::vector(16) AS v,
  recall_point(i::int)::vector(16)::halfvec(16) AS h FROM generate_series(1::bigint, 1500) i;
ALTER TABLE recall_b ALTER b TYPE bit(48);
CREATE INDEX recall_b_1 ON recall_b USING lean_hnsw (b bit_hamming_ops);
CREATE INDEX recall_b_2 ON recall_b USING lean_hnsw (b bit_jaccard_ops);
CREATE INDEX recall_b_3 ON recall_b USING lean_hnsw (v vector_ip_ops);
CREATE INDEX recall_b_4 ON recall_b USING lean_hnsw (v vector_cosine_ops);
CREATE INDEX recall_b_5 ON recall_b USING lean_hnsw (v vector_l1_ops);
CREATE INDEX recall_b_6 ON recall_b USING lean_hnsw (h halfvec_l2_ops);
SELECT relname, count(recall) AS steps, min(recall) > 0.4 AS least, max(recall) > 0.95 AS most
FROM pg_class, lowdim_calibration(oid) WHERE relname LIKE 'recall\_b\__' GROUP BY 1 ORDER BY 1;

-- A build of some size measures with rows that it links last: they are found like others, also if others had no room in
-- memory, and by more processes.
CREATE TABLE recall_l WITH (autovacuum_enabled = off) AS SELECT i AS id, recall_point(i)::vector(16) AS v FROM generate_series(1, 7000) i;
ALTER TABLE recall_l ADD PRIMARY KEY (id), SET (parallel_workers = 2);
CREATE FUNCTION recall_of_build(memory text, workers text, OUT queries int, OUT at int, OUT themselves bool, OUT errors int) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('maintenance_work_mem', memory, true), set_config('max_parallel_maintenance_workers', workers, true),
    set_config('min_parallel_table_scan_size', '0', true), set_config('client_min_messages', 'warning', true);
  DROP INDEX IF EXISTS recall_l_v;
  CREATE INDEX recall_l_v ON recall_l USING lean_hnsw (v);
  PERFORM set_config('lowdim.ef_search', '100', true);
  SELECT i ->> 'calibration_queries', i ->> 'calibrated_at' INTO queries, at FROM lowdim_info('recall_l_v') i;
  SELECT count(*) > 6990 INTO themselves FROM recall_l b, LATERAL (SELECT id FROM recall_l ORDER BY v <-> b.v LIMIT 1) x WHERE x.id = b.id;
  SELECT count(*) INTO errors FROM lowdim_check('recall_l_v', true) WHERE severity = 'error';
END $$;
SELECT name, f.* FROM (VALUES ('alone', '64MB', '0'), ('little memory', '1MB', '0'), ('three processes', '64MB', '2')) x(name, memory, workers),
  recall_of_build(memory, workers) f;
SELECT count(*) FROM lowdim_calibration(NULL);
SELECT * FROM lowdim_calibration('recall_t');
SELECT * FROM lowdim_calibration('recall_t_pkey');
SELECT * FROM lowdim_calibration(0);
DROP TABLE recall_t, recall_e, recall_b, recall_l, recall_targets;
DROP FUNCTION recall_point, effort, recall_found, recall_cost, recall_rounds, recall_effort, recall_of_build;
