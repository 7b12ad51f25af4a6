-- Vector statistics: what ANALYZE keeps, what vector_stats shows of it, and how near the planner's estimates for range
-- search come to the truth.
\set VERBOSITY terse
\pset null '(null)'
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS lowdim;
RESET client_min_messages;

-- What the planner expects of a query, and whether that is within five times of what it finds, both ways.
CREATE FUNCTION expected_rows(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN (plan->0->'Plan'->>'Plan Rows')::float8;
END $$;
CREATE FUNCTION close_enough(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE found float8; expected float8 := greatest(expected_rows(query), 1);
BEGIN
  EXECUTE 'SELECT greatest(count(*), 1) FROM (' || query || ') q' INTO found;
  RETURN greatest(expected / found, found / expected) <= 5;
END $$;
CREATE FUNCTION first_cost(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN (plan->0->'Plan'->>'Total Cost')::float8;
END $$;

-- 6,000 points on a sheet of four dimensions in sixteen, in pseudo-random order.
CREATE FUNCTION point_on(n bigint, shift float8) RETURNS float4[] LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg((3 * sin(u1 * j) + 2 * cos(u2 * (j + 1)) + u3 * j / 4 + u4 * (j % 3) + shift)::float4 ORDER BY j)
  FROM (SELECT ((n * 0.856674883854502) % 1)::float8 AS u1, ((n * 0.733891856627126) % 1)::float8 AS u2,
               ((n * 0.628706721100327) % 1)::float8 AS u3, ((n * 0.538597325101157) % 1)::float8 AS u4) u, generate_series(1, 16) j $$;
CREATE TABLE points (id int PRIMARY KEY, v vector(16), h halfvec(16), s sparsevec(16), anything vector) WITH (autovacuum_enabled = off);
INSERT INTO points SELECT n, p::vector, p::vector::halfvec, p::vector::sparsevec, p::vector FROM (SELECT n, point_on(n, 0) AS p FROM generate_series(1, 6000) n) x;
SELECT vector_stats('points', 'v') AS none_before_analyze, vector_selectivity('points', 'v', '[1]'::vector, 1) AS nor_estimates;
SELECT expected_rows('SELECT * FROM points WHERE v <<->> sphere((SELECT v FROM points LIMIT 1), 1)') > 0 AS constant;
ANALYZE points;

-- What is kept
SELECT string_agg(key, ' ' ORDER BY key COLLATE "C") AS keys FROM jsonb_object_keys(vector_stats('points', 'v')) key;
SELECT s->>'dims' AS dims, s->>'rows' AS rows, s->>'anchors' AS anchors, s->>'pivots' AS pivots, s->>'nulls' AS nulls,
       (s->'dimension'->>'all')::float8 BETWEEN 2.5 AND 4.5 AS dimension, (s->'components'->>'0.98')::int BETWEEN 4 AND 12 AS components,
       jsonb_array_length(s->'distances'->'cosine') AS quantiles, s->'advice'->>0 LIKE '16 columns, intrinsic dimension about _' AS advice
FROM (SELECT vector_stats('points', 'v') AS s UNION ALL SELECT vector_stats('points', 'h') UNION ALL SELECT vector_stats('points', 'anything')) x;
SELECT vector_stats('points', 's') AS sparse, vector_stats('points', 'id') AS id;
-- The standard statistics are the same with and without; one more slot
SELECT attname, null_frac, n_distinct, avg_width, correlation IS NOT NULL AS ordered, array_length(histogram_bounds::text::text[], 1) AS bounds
FROM pg_stats WHERE tablename = 'points' AND attname IN ('v', 'h') ORDER BY attname;
CREATE TABLE with_slot AS SELECT to_jsonb(s) AS j FROM pg_stats s WHERE tablename = 'points';
SET lowdim.vector_statistics = off;
ANALYZE points;
SELECT vector_stats('points', 'v') IS NULL AS off, (SELECT count(*) FROM with_slot) = (SELECT count(*) FROM pg_stats s JOIN with_slot w ON to_jsonb(s) = w.j WHERE tablename = 'points') AS same;
RESET lowdim.vector_statistics;
ANALYZE points;
SELECT count(*) AS slots FROM pg_statistic WHERE starelid = 'points'::regclass AND 21747 IN (stakind1, stakind2, stakind3, stakind4, stakind5);

-- Estimates and counts, for each distance and type, at radii from few rows to most of them. The centers are not rows.
CREATE TABLE centers AS SELECT n, point_on(n, 0.001)::vector AS c FROM generate_series(100001, 100008) n;
CREATE TABLE radii AS SELECT c, op, share, (d)[ceil(6000 * share)] AS r
  FROM (SELECT c, op, array_agg(d ORDER BY d) AS d FROM (SELECT c, op, CASE op WHEN '<<->>' THEN v <-> c WHEN '<<#>>' THEN v <#> c WHEN '<<=>>' THEN v <=> c ELSE v <+> c END AS d
    FROM centers, points, unnest(ARRAY['<<->>', '<<#>>', '<<=>>', '<<+>>']) op) x GROUP BY c, op) y, unnest(ARRAY[0.002, 0.02, 0.2, 0.9]) share;
SELECT op COLLATE "C" AS op, type COLLATE "C" AS type, share, count(*) FILTER (WHERE close_enough(format('SELECT * FROM points WHERE %s %s sphere(%L::%s, %s)', CASE type WHEN 'vector' THEN 'v' ELSE 'h' END, op, c, type, r))) >= 7 AS close
FROM radii, unnest(ARRAY['vector', 'halfvec']) type GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
-- The same number from vector_selectivity; a NULL center is an average one
SELECT count(*) AS cases, bool_and(abs(expected_rows(format('SELECT * FROM points WHERE v %s sphere(%L::vector, %s)', op, c, r))
    - 6000 * vector_selectivity('points', 'v', c, r, CASE op WHEN '<<->>' THEN 'l2' WHEN '<<#>>' THEN 'ip' WHEN '<<=>>' THEN 'cosine' ELSE 'l1' END)) <= 1) AS agree
FROM radii;
SELECT vector_selectivity('points', 'v', NULL::vector, 5) BETWEEN 0.01 AND 0.99 AS average,
       vector_selectivity('points', 'v', NULL::vector, 1e9) AS all_of_them, vector_selectivity('points', 'h', NULL::halfvec, 0) * 6000 AS least;
-- A radius whose center comes later: an average one's rows
SELECT bool_and(close_enough(format('SELECT * FROM points WHERE v <<->> sphere((SELECT c FROM centers WHERE n = 100003), %s)', r))) AS average_center
FROM radii WHERE op = '<<->>' AND share = 0.2 AND c = (SELECT c FROM centers WHERE n = 100003);
PREPARE near(vector, float8) AS SELECT * FROM points WHERE v <<->> sphere($1, $2);
SET plan_cache_mode = force_generic_plan;
SELECT expected_rows('EXECUTE near(''[1]'', 1)') AS nothing_known;
RESET plan_cache_mode;
DEALLOCATE near;
-- Spheres of a column: no radius is known
CREATE TABLE spheres AS SELECT n, sphere(c, 1) AS sphere FROM centers;
SELECT expected_rows('SELECT * FROM points p, spheres s WHERE p.v <<->> s.sphere') > 0 AS some;

-- Joins: with another table, with itself, semi and anti
CREATE TABLE others AS SELECT n AS id, point_on(n, 0.3)::vector(16) AS v FROM generate_series(20001, 20300) n;
ANALYZE others;
SELECT r, close_enough(format('SELECT 1 FROM others o JOIN points p ON p.v <<->> sphere(o.v, %s)', r)) AS other,
       close_enough(format('SELECT 1 FROM others o JOIN others p ON p.v <<->> sphere(o.v, %s)', r)) AS itself,
       close_enough(format('SELECT 1 FROM others o WHERE EXISTS (SELECT FROM points p WHERE p.v <<->> sphere(o.v, %s))', r)) AS semi
FROM unnest(ARRAY[1.5, 5.0]) r;
SELECT close_enough('SELECT 1 FROM others o WHERE NOT EXISTS (SELECT FROM points p WHERE p.v <<->> sphere(o.v, 20))') AS anti,
       close_enough('SELECT 1 FROM others o JOIN points p ON p.v <<=>> sphere(o.v, 0.02)') AS cosine;

-- Radii and spheres that hold nothing, or everything
SELECT r, expected_rows(format('SELECT * FROM points WHERE v <<->> sphere(''[%s1]''::vector, %L)', repeat('1,', 15), r)) AS rows
FROM unnest(ARRAY['0', '-1', '-Infinity', 'NaN', 'Infinity', '1e300', '1e-300']::float8[]) r;
SELECT expected_rows('SELECT * FROM points WHERE v <<->> NULL') AS null_sphere,
       expected_rows('SELECT * FROM points WHERE v <<->> sphere(NULL::vector, 1)') AS null_center,
       expected_rows('SELECT * FROM points WHERE v <<->> sphere(''[1]''::vector, NULL)') AS null_radius,
       expected_rows('SELECT * FROM points WHERE v <<->> sphere(''[1]''::vector, 1)') > 0 AS other_dimensions,
       expected_rows('SELECT * FROM points WHERE s <<->> sphere(''{1:1}/16''::sparsevec, 1)') AS sparse,
       expected_rows(format('SELECT * FROM points WHERE v <<=>> sphere(''[%s0]''::vector, 2)', repeat('0,', 15))) AS zero_center;

-- NULLs, zeros, duplicates, other dimensions; columns that say little
CREATE TABLE odd (id int, v vector, one vector, null_only vector, h halfvec);
INSERT INTO odd SELECT n, CASE WHEN n % 4 = 0 THEN NULL WHEN n % 8 = 1 THEN '[0,0]' WHEN n % 8 = 3 THEN '[1,2,3]' ELSE ARRAY[n, n % 7]::vector END, '[5]', NULL, '[1e-7,65504]' FROM generate_series(1, 800) n;
ANALYZE odd;
SELECT s->>'dims' AS dims, s->>'rows' AS rows, s->>'nulls' AS nulls, s->>'zeros' AS zeros, s->>'duplicates' AS duplicates, s->>'other_dims' AS others FROM (SELECT vector_stats('odd', 'v') s) x;
SELECT vector_stats('odd', 'one') - 'distances' AS one;
SELECT vector_stats('odd', 'null_only') AS null_only, vector_stats('odd', 'h')->>'near_duplicates' AS half;
SELECT expected_rows('SELECT * FROM odd WHERE one <<->> sphere(''[5]''::vector, 1)') AS all_of_one, expected_rows('SELECT * FROM odd WHERE one <<->> sphere(''[7]''::vector, 1)') AS none_of_one,
       expected_rows('SELECT * FROM odd WHERE v <<->> sphere(''[0,0]''::vector, 1e9)') AS not_null, expected_rows('SELECT * FROM odd WHERE null_only <<->> sphere(''[0,0]''::vector, 1)') AS of_nulls;
CREATE TABLE huge AS SELECT n AS id, ARRAY[3e38, -3e38, n]::vector AS v, ARRAY[1e-44, n * 1e-45, 0]::vector AS tiny FROM generate_series(1, 50) n;
ANALYZE huge;
SELECT vector_stats('huge', 'v')->>'rows' AS rows, vector_stats('huge', 'v')->'norm'->>'mean' AS norm, vector_stats('huge', 'tiny')->>'rows' AS tiny,
       expected_rows('SELECT * FROM huge WHERE v <<->> sphere(''[3e38,-3e38,1]''::vector, 1e30)') AS close, expected_rows('SELECT * FROM huge WHERE v <<->> sphere(''[-3e38,3e38,1]''::vector, 1e30)') AS far;
CREATE TABLE empty_one (v vector(3));
ANALYZE empty_one;
SELECT vector_stats('empty_one', 'v') AS empty, expected_rows('SELECT * FROM empty_one WHERE v <<->> sphere(''[1,2,3]''::vector, 1)') > 0 AS some;

-- SET STATISTICS 0 ends them; an index's expression, a partitioned table, a domain and a temporary table have their own
ALTER TABLE odd ALTER v SET STATISTICS 0;
ANALYZE odd;
SELECT count(*) AS old_row FROM pg_statistic WHERE starelid = 'odd'::regclass AND staattnum = 2;
CREATE INDEX expression ON points USING lean_hnsw ((subvector(v, 1, 4)::vector(4)) vector_l2_ops);
CREATE TABLE parts (k int, v vector(2)) PARTITION BY RANGE (k);
CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE part2 PARTITION OF parts FOR VALUES FROM (100) TO (200);
INSERT INTO parts SELECT n, ARRAY[n, -n]::vector FROM generate_series(0, 199) n;
CREATE DOMAIN three AS vector(3);
CREATE TEMPORARY TABLE domains AS SELECT ARRAY[n, n * n % 11, 1]::vector::three AS v FROM generate_series(1, 100) n;
ANALYZE points, parts, domains;
SELECT vector_stats('expression', 'subvector')->>'dims' AS expression, vector_stats('parts', 'v')->>'rows' AS all_parts, vector_stats('part1', 'v')->>'rows' AS one_part, vector_stats('domains', 'v')->>'dims' AS domain;
SELECT close_enough('SELECT * FROM points WHERE subvector(v, 1, 4)::vector(4) <<->> sphere(''[1,2,3,4]''::vector, 6)') AS by_expression,
       close_enough('SELECT * FROM parts WHERE v <<->> sphere(''[50,-50]''::vector, 20)') AS by_parts;

-- Out of line, and read as if it were not
CREATE TABLE wide AS SELECT n AS id, array_fill((n % 97)::float4, ARRAY[700])::vector(700) AS v, array_fill(1, ARRAY[2000])::vector::halfvec(2000) AS h FROM generate_series(1, 1000) n;
ANALYZE wide;
SELECT vector_stats('wide', 'v')->>'dims' AS dims, vector_stats('wide', 'h')->>'dims' AS half, (vector_stats('wide', 'v')->>'near_duplicates')::float8 > 0.9 AS near;
SELECT close_enough(format('SELECT * FROM wide WHERE v <<->> sphere(%L::vector, 60)', array_fill(50::float4, ARRAY[700])::vector)) AS wide;

-- Most rows that are drawn are found without the index of the TOAST table where identities follow the storage, with it where
-- they do not: after CLUSTER, which keeps them. Either way they are the same.
CREATE TABLE gaps (id int, v vector(700)) WITH (autovacuum_enabled = off);
INSERT INTO gaps SELECT n, (SELECT array_agg(sin(n * j % 1009)::float4 ORDER BY j) FROM generate_series(1, 700) j)::vector FROM generate_series(1, 1500) n;
CREATE TABLE inline (LIKE gaps) WITH (autovacuum_enabled = off);
ALTER TABLE inline ALTER v SET STORAGE PLAIN;
INSERT INTO inline SELECT * FROM gaps ORDER BY id;
CREATE FUNCTION by_index() RETURNS bigint LANGUAGE sql AS $$
  SELECT pg_stat_get_xact_numscans(i.indexrelid) FROM pg_class c JOIN pg_index i ON i.indrelid = c.reltoastrelid WHERE c.oid = 'gaps'::regclass $$;
BEGIN;
SELECT by_index() AS before \gset
ANALYZE gaps, inline;
SELECT vector_stats('gaps', 'v') = vector_stats('inline', 'v') AS same, (vector_stats('gaps', 'v')->>'rows')::int > 500 AS many, by_index() - :before < 300 AS by_identity;
COMMIT;
UPDATE gaps SET v = v + v WHERE id % 3 = 1;
UPDATE inline SET v = v + v WHERE id % 3 = 1;
BEGIN;
SELECT by_index() AS before \gset
ANALYZE gaps, inline;
SELECT vector_stats('gaps', 'v') = vector_stats('inline', 'v') AS same, by_index() - :before < 300 AS by_identity;
COMMIT;
CREATE INDEX gaps_order ON gaps ((id * 7919 % 1499), id);
CREATE INDEX inline_order ON inline ((id * 7919 % 1499), id);
CLUSTER gaps USING gaps_order;
CLUSTER inline USING inline_order;
BEGIN;
SELECT by_index() AS before \gset
ANALYZE gaps, inline;
SELECT vector_stats('gaps', 'v') = vector_stats('inline', 'v') AS same, by_index() - :before > 500 AS by_index;
COMMIT;
DELETE FROM gaps;
VACUUM (TRUNCATE off) gaps;
INSERT INTO gaps SELECT * FROM inline WHERE id <= 30;
ANALYZE gaps;
SELECT vector_stats('gaps', 'v')->>'rows' AS rows;
DROP TABLE gaps, inline;
DROP FUNCTION by_index;

-- The cost of a distance: by dimensions, whatever way they are known, and by where the values are
CREATE TABLE narrow AS SELECT id, subvector(v, 1, 64)::vector(64) AS v FROM wide;
ANALYZE narrow;
SELECT round(((first_cost('SELECT v <-> v FROM narrow') - first_cost('SELECT id + id FROM narrow')) / 1000 / current_setting('cpu_operator_cost')::float8)::numeric, 2) AS narrow,
       (first_cost('SELECT v <-> v FROM wide') - first_cost('SELECT id + id FROM wide')) / 1000 > 10 * current_setting('cpu_operator_cost')::float8 + 2 * 0.3 AS wide;
SELECT first_cost(format('SELECT anything <=> %L::vector FROM points', array_fill(1, ARRAY[1600])::vector)) > first_cost('SELECT anything <=> ''[1]''::vector FROM points') AS by_constant,
       first_cost('SELECT v <+> v FROM points') = first_cost('SELECT v <#> v FROM points') AS all_alike,
       first_cost('SELECT h <+> h FROM wide') > first_cost('SELECT id + 1 FROM wide') + 100 AS half,
       first_cost('SELECT l2_distance(v, v) FROM wide') = first_cost('SELECT v <-> v FROM wide') AS functions_too,
       first_cost('SELECT anything <-> anything FROM points') = first_cost('SELECT anything + anything FROM points') AS not_known,
       first_cost('SELECT * FROM wide WHERE v <<->> sphere(v, 1)') > first_cost('SELECT * FROM wide WHERE id = 1') + 100 AS ranges;

-- Rights: what pg_stats demands. Pivots are rows: who may not read all rows has estimates without them.
CREATE ROLE statistics_reader;
SET ROLE statistics_reader;
SELECT vector_stats('points', 'v');
SELECT vector_selectivity('points', 'v', '[1]'::vector, 1);
RESET ROLE;
GRANT SELECT (v) ON points TO statistics_reader;
SET ROLE statistics_reader;
SELECT vector_stats('points', 'v')->>'rows' AS by_column;
SELECT vector_stats('points', 'h');
SELECT vector_stats('expression', 'subvector');
RESET ROLE;
CREATE TABLE secret AS SELECT id, v FROM points;
ANALYZE secret;
CREATE TABLE aims AS SELECT id, expected_rows(format('SELECT * FROM secret WHERE v <<->> sphere(%L::vector, 3)', v)) AS rows FROM points WHERE id <= 20;
SELECT count(DISTINCT rows) > 5 AS by_center FROM aims;
CREATE FUNCTION seen_by_reader(center vector) RETURNS float8 LANGUAGE sql AS $$ SELECT expected_rows(format('SELECT * FROM secret WHERE v <<->> sphere(%L::vector, 3)', center)) $$;
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON secret USING (id > 0);
GRANT SELECT ON secret, points TO statistics_reader;
SET ROLE statistics_reader;
SELECT vector_stats('secret', 'v');
SELECT count(DISTINCT seen_by_reader(v)) AS the_same_for_all FROM points WHERE id <= 20;
RESET ROLE;

-- Errors
SELECT vector_stats('points', 'nothing');
SELECT vector_stats(NULL, 'v'), vector_stats('points', NULL), vector_selectivity('points', NULL, '[1]'::vector, 1), vector_selectivity('points', 'v', '[1]'::vector, NULL), vector_selectivity('points', 's', NULL::vector, 1);
SELECT vector_selectivity('points', 'v', '[1,2]'::vector, 1);
SELECT vector_selectivity('points', 'v', NULL::vector, 1, 'hamming');
SELECT vector_selectivity('points', 'v', NULL::vector, 'NaN') AS nan, vector_selectivity('points', 'v', NULL::vector, '-Infinity', 'ip') * 6000 AS least;
SELECT vector_stats(0, 'v');

-- Damaged statistics count as none
UPDATE pg_statistic SET stanumbers1 = CASE WHEN stakind1 = 21747 THEN '{1,2,3}' ELSE stanumbers1 END, stanumbers2 = CASE WHEN stakind2 = 21747 THEN '{1,2,3}' ELSE stanumbers2 END,
  stanumbers3 = CASE WHEN stakind3 = 21747 THEN '{NaN}' ELSE stanumbers3 END, stanumbers4 = CASE WHEN stakind4 = 21747 THEN '{}' ELSE stanumbers4 END WHERE starelid = 'others'::regclass;
SELECT vector_stats('others', 'v') AS damaged, expected_rows('SELECT * FROM others WHERE v <<->> sphere((SELECT v FROM others LIMIT 1), 1)') > 0 AS plans;
-- So do those of the first version, until the next ANALYZE
UPDATE pg_statistic SET stanumbers1[1] = 1 WHERE starelid = 'wide'::regclass AND stakind1 = 21747;
SELECT vector_stats('wide', 'v') AS first_version, expected_rows(format('SELECT * FROM wide WHERE v <<->> sphere(%L::vector, 60)', array_fill(50::float4, ARRAY[700])::vector)) > 0 AS plans;
ANALYZE wide;
SELECT vector_stats('wide', 'v')->>'version' AS version;

DROP TABLE points, with_slot, centers, radii, spheres, others, odd, huge, empty_one, parts, domains, wide, narrow, secret, aims CASCADE;
DROP DOMAIN three;
DROP FUNCTION expected_rows, close_enough, first_cost, point_on, seen_by_reader;
DROP ROLE statistics_reader;
