-- sparsevec: distances, norms, sum and avg.
\pset null '(null)'
SELECT '{}/2'::sparsevec <-> '{1:3,2:4}/2', l2_distance('{1:1}/3'::sparsevec, '{3:1}/3'), sparsevec_l2_squared_distance('{}/2', '{1:3,2:4}/2');
SELECT '{1:1,2:2}/3'::sparsevec <#> '{2:4,3:5}/3', inner_product('{1:1}/2'::sparsevec, '{2:1}/2'), sparsevec_negative_inner_product('{1:2}/1', '{1:3}/1');
SELECT '{1:1,2:2}/2'::sparsevec <=> '{1:2,2:4}/2', cosine_distance('{1:1}/2'::sparsevec, '{2:1}/2'), cosine_distance('{1:1}/1'::sparsevec, '{1:-1}/1'), cosine_distance('{}/2'::sparsevec, '{1:1}/2');
SELECT '{}/2'::sparsevec <+> '{1:3,2:4}/2', l1_distance('{1:1,2:-2}/2'::sparsevec, '{1:-3,2:4}/2');
SELECT '{}/1'::sparsevec <-> '{}/2';
SELECT '{}/1'::sparsevec <#> '{}/2';
SELECT '{}/1'::sparsevec <=> '{}/2';
SELECT '{}/1'::sparsevec <+> '{}/2';
SELECT sparsevec_l2_squared_distance('{}/1', '{}/2');
SELECT l2_distance('{}/1'::sparsevec, NULL), inner_product('{}/1'::sparsevec, NULL), cosine_distance('{}/1'::sparsevec, NULL), l1_distance('{}/1'::sparsevec, NULL);
SELECT l2_distance('{1:3e38}/1'::sparsevec, '{1:-3e38}/1'), cosine_distance('{1:1e38}/2'::sparsevec, '{1:1e38,2:1e38}/2');
SELECT l2_norm('{1:3,2:4}/2'::sparsevec), l2_norm('{}/1'::sparsevec), l2_norm('{1:3e37,2:4e37}/2'::sparsevec), l2_norm(NULL::sparsevec);
SELECT l2_normalize('{1:3,3:4}/3'::sparsevec), l2_normalize('{}/3'::sparsevec), l2_normalize('{1:3e38,2:1e-40}/2'::sparsevec), l2_normalize(NULL::sparsevec);

-- sum and avg
SELECT avg(v), sum(v) FROM unnest(ARRAY['{1:1}/3', '{1:2,3:4}/3', NULL]::sparsevec[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[]::sparsevec[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[NULL]::sparsevec[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY['{1:1}/2', '{1:-1}/2']::sparsevec[]) v;
SELECT avg(v) FROM unnest(ARRAY['{1:1}/2', '{1:1}/3']::sparsevec[]) v;
SELECT sum(v) FROM unnest(ARRAY['{1:1}/2', '{1:1}/3']::sparsevec[]) v;
SELECT avg(v) FROM unnest(ARRAY['{1:3e38}/1', '{1:3e38}/1']::sparsevec[]) v;
SELECT sum(v) FROM unnest(ARRAY['{1:3e38}/1', '{1:3e38}/1']::sparsevec[]) v;
SELECT sum(('{' || n || ':1}/20000')::sparsevec) FROM generate_series(1, 16001) n;
CREATE TABLE t (g int, v sparsevec);
INSERT INTO t SELECT n % 2, format('{%s:%s,%s:1}/20000', n % 10000 + 1, n, 15000 + n % 5)::sparsevec FROM generate_series(1, 12000) n;
ANALYZE t;
CREATE TEMP TABLE serial AS SELECT sum(v) AS total, avg(v) AS mean FROM t;
SELECT total = (SELECT sum(d) FROM (SELECT sum(v) AS d FROM t GROUP BY g) x) AS merges, l2_norm(total)::numeric(12,2) FROM serial;
SELECT n, sum(format('{1:%s}/1', n)::sparsevec) OVER (ORDER BY n), avg(format('{1:%s}/1', n)::sparsevec) OVER () FROM generate_series(1, 3) n;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT sum(v), avg(v) FROM t;
SELECT sum(v) = (SELECT total FROM serial) AS sum, avg(v) = (SELECT mean FROM serial) AS avg FROM t;
RESET ALL;
DROP TABLE t, serial;
