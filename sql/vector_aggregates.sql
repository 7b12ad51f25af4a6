-- sum and avg of vector and halfvec.
\pset null '(null)'
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]', '[3,5,7]']::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]', '[3,5,7]', NULL]::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[]::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[NULL]::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]', '[3,5,7]']::halfvec[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[]::halfvec[]) v;
SELECT avg(v) FROM unnest(ARRAY['[1,2]', '[3]']::vector[]) v;
SELECT sum(v) FROM unnest(ARRAY['[1,2]', '[3]']::vector[]) v;
SELECT avg(v) FROM unnest(ARRAY['[3e38]', '[3e38]']::vector[]) v;
SELECT sum(v) FROM unnest(ARRAY['[3e38]', '[3e38]']::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY['[65504]', '[-65504]']::halfvec[]) v;
SELECT sum(v) FROM unnest(ARRAY['[65504]', '[65504]']::halfvec[]) v;
SELECT avg(v) FROM unnest(ARRAY['[65504]', '[65504]']::halfvec[]) v;

-- States
SELECT vector_accum('{0}', '[1,2]'), vector_accum('{1,1,2}', '[3,4]'), halfvec_accum('{0}', '[1,2]');
SELECT vector_combine('{0}', '{0}'), vector_combine('{1,2,3}', '{0}'), vector_combine('{0}', '{1,2,3}'), vector_combine('{1,2,3}', '{2,3,4}');
SELECT vector_avg('{0}'), vector_avg('{2,4,6}'), halfvec_avg('{2,4,6}');
SELECT vector_accum('{}', '[1,2]');
SELECT vector_accum('{{0}}', '[1,2]');
SELECT vector_accum('{0,NULL}', '[1,2]');
SELECT vector_accum('{1,1}', '[1,2]');
SELECT vector_combine('{1,2}', '{1,2,3}');
SELECT vector_avg('{1}');
SELECT vector_avg('{1,NaN}');
SELECT vector_avg('{1,1e300}');
SELECT halfvec_avg('{1,1e6}');

-- Windows, groups, parallel workers
SELECT n, avg(ARRAY[n]::vector) OVER (ORDER BY n ROWS 1 PRECEDING), sum(ARRAY[n]::vector) OVER (ORDER BY n) FROM generate_series(1, 4) n;
CREATE TABLE t (g int, v vector(2));
INSERT INTO t SELECT n % 3, ARRAY[n, -n]::vector FROM generate_series(1, 3000) n;
ANALYZE t;
SELECT g, avg(v), sum(v), count(*) FROM t GROUP BY g ORDER BY g;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT avg(v), sum(v) FROM t;
SELECT avg(v), sum(v), avg(v::halfvec) FROM t;
RESET ALL;
DROP TABLE t;
