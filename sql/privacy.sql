-- Private aggregates, their sketches and what these answer. Noise is random: what is shown is exact, or where noise
-- must lie (errors beyond these bounds happen once in 10^9 runs).
\pset null '(null)'
SET extra_float_digits = 0;
CREATE TABLE private_rows AS
SELECT n AS id, ARRAY[sin(n), cos(3 * n), sin(7 * n) / 2, 0.25]::vector(4) AS v, ARRAY[sin(n), cos(3 * n), sin(7 * n) / 2, 0.25]::halfvec(4) AS h,
       n % 3 AS class FROM generate_series(1, 3000) n;
ANALYZE private_rows;

-- Without noise: plain SQL's own figures, to the rounding of 2^-20
SELECT (dp_sum(v, '{"dims":4,"radius":2,"epsilon":"inf"}') <-> sum(v)) < 0.01 AS sum,
       (dp_avg(v, '{"dims":4,"radius":2,"epsilon":"inf"}') <-> avg(v)) < 1e-5 AS avg,
       dp_count(v, '{"epsilon":"inf"}') = count(v) AS count,
       (dp_sum(h, '{"dims":4,"radius":2,"epsilon":"inf"}') <-> sum(h::vector)) < 0.01 AS sum_half,
       (dp_avg(h, '{"dims":4,"radius":2,"epsilon":"inf"}') <-> avg(h::vector)) < 1e-5 AS avg_half,
       dp_count(h, '{"epsilon":"inf"}') AS count_half
FROM private_rows;
-- Directions, and vectors that are cut
SELECT (dp_sum(v, '{"dims":4,"normalize":true,"epsilon":"inf"}') <-> sum(l2_normalize(v))) < 0.01 AS directions,
       (dp_sum(v, '{"dims":4,"radius":0.5,"epsilon":"inf"}') <-> sum(l2_normalize(v) * array_fill(least(0.5, vector_norm(v)), ARRAY[4])::vector)) < 0.01 AS cut
FROM private_rows;
CREATE TABLE exact AS
SELECT dp_kde(v, '{"dims":4,"bandwidth":1,"features":4096,"epsilon":"inf"}') AS kde, dp_kde(h, '{"dims":4,"bandwidth":1,"features":4096,"epsilon":"inf"}') AS kde_half,
       dp_kde(v, '{"dims":4,"bandwidth":2,"kernel":"laplace","features":4096,"seed":7,"epsilon":"inf"}') AS laplace,
       dp_distance(v, '{"dims":4,"low":-1,"high":1,"epsilon":"inf"}') AS l1, dp_distance(h, '{"dims":4,"low":-1,"high":1,"epsilon":"inf"}') AS l1_half,
       dp_distance(v, '{"dims":4,"norm":"l2","radius":2,"directions":500,"epsilon":"inf"}') AS l2,
       dp_moments(v, '{"dims":4,"radius":2,"epsilon":"inf"}') AS moments, dp_moments(v, '{"dims":4,"normalize":true,"epsilon":"inf"}') AS directions,
       dp_moments(h, '{"dims":4,"radius":2,"epsilon":"inf"}') AS moments_half FROM private_rows;
SELECT q, abs(kde_sum(kde, q) - k) < 0.05 * 3000 AS kde, abs(kde(kde, q) - kde_sum(kde, q) / 3000) < 1e-12 AS mean, abs(kde(kde, q) - kde(kde_half, q)) < 1e-3 AS half,
       abs(kde_sum(laplace, q) - laplace_k) < 0.05 * 3000 AS laplace,
       abs(distance_sum(l1, q) / d1 - 1) < 0.01 AS l1, abs(distance_sum(l1_half, q) / d1 - 1) < 0.01 AS l1_half, abs(distance_sum(l1, q, 2) / d2 - 1) < 0.02 AS powers,
       abs(distance_sum(l2, q) / d - 1) < 0.1 AS l2, abs(squared_distance_sum(moments, q) / d2 - 1) < 1e-4 AS squared, abs(squared_distance_sum(moments_half, q) / d2 - 1) < 1e-3 AS squared_half,
       abs(inner_product_sum(moments, q) - inner_) < 0.01 AS inner_, abs(mean_cosine(directions, q) - cosine) < 1e-5 AS cosine
FROM exact, LATERAL (SELECT q, sum(exp(-((v <-> q)^2))) AS k, sum(exp(-(v <+> q) / 2)) AS laplace_k, sum(v <+> q) AS d1, sum(v <-> q) AS d, sum((v <-> q)^2) AS d2,
  sum(-(v <#> q)) AS inner_, avg(1 - (v <=> q)) AS cosine FROM private_rows, (VALUES ('[0,0,0,0.25]'::vector), ('[1,-1,0.5,0]'), ('[0.3,0.4,-0.2,0.9]')) t(q) GROUP BY q) x
ORDER BY q;
SELECT dp_rows(kde) AS kde, dp_rows(l1) AS l1, dp_rows(moments) AS moments, (dp_sum(moments) <-> (SELECT sum(v) FROM private_rows)) < 0.01 AS sum, (dp_avg(moments) <-> (SELECT avg(v) FROM private_rows)) < 1e-5 AS avg,
       kde_error(kde) BETWEEN 0.002 AND 0.01 AS error, kde_error('{"dims":4,"bandwidth":1,"features":4096,"epsilon":"inf"}', 3000) BETWEEN kde_error(kde) AND 0.01 AS expected FROM exact;

-- Noise where it is promised: another in every call, within 7 deviations
SELECT mechanism, neighbours, max_rows,
       (SELECT abs(dp_count(v, o) - 3000) < bound + 1 FROM private_rows) AS count,
       (SELECT (dp_sum(v, o || '{"dims":4,"radius":2}') <-> sum(v)) < 4 * bound FROM private_rows) AS sum,
       (SELECT dp_sum(v, o || '{"dims":4,"radius":2}') <> dp_sum(v, o || '{"dims":4,"radius":2,"statistic":"sum"}') FROM private_rows) AS fresh
FROM (SELECT *, jsonb_build_object('epsilon', 0.5, 'mechanism', mechanism, 'neighbours', neighbours, 'max_rows', max_rows) ||
  CASE WHEN mechanism = 'laplace' THEN '{}' ELSE '{"delta":1e-6}'::jsonb END AS o,
  max_rows * CASE neighbours WHEN 'replace_one' THEN 2 ELSE 1 END * CASE mechanism WHEN 'laplace' THEN 50 * 2.0 ELSE 7 * 10.7 END AS bound
  FROM (VALUES ('gaussian'), ('zcdp'), ('laplace')) m(mechanism), (VALUES ('add_remove', 1), ('replace_one', 1), ('add_remove', 5)) n(neighbours, max_rows)) x
ORDER BY mechanism, neighbours, max_rows;
-- A sketch is drawn once and answers the same from then on
CREATE TABLE released AS
SELECT dp_kde(v, '{"dims":4,"bandwidth":1,"epsilon":1,"delta":1e-6}') AS kde, dp_kde(v, '{"dims":4,"bandwidth":1,"features":64,"epsilon":1,"mechanism":"laplace","neighbours":"replace_one"}') AS laplace,
       dp_distance(v, '{"dims":4,"low":-1,"high":1,"epsilon":1,"delta":1e-6,"mechanism":"zcdp"}') AS l1, dp_moments(v, '{"dims":4,"radius":2,"epsilon":1,"delta":1e-6,"max_rows":3}') AS moments FROM private_rows;
SELECT abs(kde_sum(r.kde, q) - kde_sum(e.kde, q)) < 200 AND kde_sum(r.kde, q) <> kde_sum(e.kde, q) AS kde, abs(kde_sum(r.laplace, q) - kde_sum(e.kde, q)) < 1000 AS laplace,
       abs(distance_sum(r.l1, q) / distance_sum(e.l1, q) - 1) < 0.2 AS l1, (dp_avg(r.moments) <-> dp_avg(e.moments)) < 0.3 AS avg,
       abs(dp_rows(r.kde) - 3000) < 300 AS kde_rows, abs(dp_rows(r.l1) - 3000) < 300 AS l1_rows, abs(dp_rows(r.moments) - 3000) < 600 AS rows, kde_error(r.kde) < 0.02 AS error
FROM released r, exact e, (VALUES ('[0.3,0.4,-0.2,0.9]'::vector)) t(q);
SELECT dp_explain(kde) - '{rows,kde_error,noise_scale,rho,sum_noise}'::text[] AS explained, round((dp_explain(kde)->>'sum_noise')::numeric, 2) AS noise, round((dp_explain(kde)->>'rho')::numeric, 4) AS rho FROM released;
SELECT dp_explain(laplace) - '{rows,kde_error}'::text[] AS explained FROM released;
SELECT dp_explain(l1) - '{rows,rho,noise_scale}'::text[] AS explained FROM released;
SELECT dp_explain(moments) - '{rows,rho,noise_scale,rows_noise,sum_noise}'::text[] AS explained FROM released;
SELECT dp_explain(l1) AS l1, dp_explain(l2) AS l2, dp_explain(directions) AS directions FROM exact;

-- No rows are released like any other; NULLs are no rows; groups with nothing to count too
SELECT abs(dp_count(v, '{"epsilon":1,"delta":1e-6}')) < 50 AS count, (dp_sum(v, '{"dims":4,"radius":1,"epsilon":1,"delta":1e-6}') <-> '[0,0,0,0]') BETWEEN 0.001 AND 80 AS sum,
       dp_avg(v, '{"dims":4,"radius":1,"epsilon":1,"delta":1e-6}') IS NULL AS avg, abs(kde_sum(dp_kde(v, '{"dims":4,"bandwidth":1,"epsilon":1,"delta":1e-6}'), '[1,2,3,4]')) BETWEEN 1e-9 AND 50 AS kde,
       abs(distance_sum(dp_distance(v, '{"dims":4,"low":0,"high":1,"epsilon":1,"mechanism":"laplace"}'), '[1,2,3,4]')) BETWEEN 1e-9 AND 5000 AS distance FROM private_rows WHERE id < 0;
SELECT dp_count(v, '{"epsilon":"inf"}') AS count, dp_sum(v, '{"dims":4,"radius":1,"epsilon":"inf"}') AS sum, dp_avg(h, '{"dims":4,"radius":1,"epsilon":"inf"}') AS avg,
       kde_sum(dp_kde(v, '{"dims":4,"bandwidth":1,"epsilon":"inf"}'), '[1,2,3,4]') AS kde, dp_rows(dp_moments(h, '{"dims":4,"radius":1,"epsilon":"inf"}')) AS rows
FROM (VALUES (NULL::vector, NULL::halfvec), (NULL, NULL)) t(v, h);
SELECT class, dp_count(v, jsonb_build_object('epsilon', 'inf')) FILTER (WHERE id < 0) AS none, dp_count(v, jsonb_build_object('epsilon', 'inf')) AS all FROM private_rows GROUP BY class ORDER BY class;
-- A list of groups that is public: groups without rows do not give themselves away
SELECT key, abs(dp_count(v, '{"epsilon":1,"delta":1e-6}') - CASE WHEN key < 3 THEN 1000 ELSE 0 END) < 50 AS noisy
FROM generate_series(0, 4) key LEFT JOIN private_rows ON class = key GROUP BY key ORDER BY key;

-- Other dimensions are no error that would tell of the row: it counts, and adds nothing. A declared column is one
SELECT dp_count(v, '{"epsilon":"inf"}') AS count, dp_sum(v, '{"dims":2,"radius":9,"epsilon":"inf"}') AS sum, dp_avg(v, '{"dims":2,"radius":9,"epsilon":"inf"}') AS avg,
       round(kde_sum(dp_kde(v, '{"dims":2,"bandwidth":1,"features":20000,"epsilon":"inf"}'), '[1,2]')::numeric, 1) AS kde, dp_rows(dp_kde(v, '{"dims":2,"bandwidth":1,"epsilon":"inf"}')) AS kde_rows,
       dp_rows(dp_distance(v, '{"dims":2,"low":0,"high":1,"epsilon":"inf"}')) AS distance_rows FROM (VALUES ('[1,2]'::vector), ('[1,2,3]'), ('[7]'), ('[1,2]')) t(v);
SELECT dp_sum(v, '{"dims":3,"radius":1,"epsilon":"inf"}') FROM private_rows;
SELECT dp_kde(h, '{"dims":5,"bandwidth":1,"epsilon":"inf"}') FROM private_rows;
SELECT dp_sum(v, '{"dims":3,"radius":1,"epsilon":"inf"}') FROM private_rows WHERE id < 0;

-- Options that are wrong are so without rows as well
SELECT dp_kde(v, '{"dims":4,"bandwidth":1,"epsilon":1}') FROM private_rows WHERE id < 0;
SELECT dp_kde(v, '{"dims":4,"bandwidth":1,"epsilon":1}') FROM private_rows;
SELECT dp_kde(v, '{"dims":4,"bandwith":1,"epsilon":1,"delta":1e-6}') FROM private_rows;
SELECT dp_kde(v, '{"dims":4,"bandwidth":1,"kernel":"box","epsilon":1,"delta":1e-6}') FROM private_rows;
SELECT dp_kde(v, '{"dims":4,"bandwidth":1,"epsilon":1,"delta":1e-6,"mechanism":"laplace"}') FROM private_rows;
SELECT dp_distance(v, '{"dims":4,"low":1,"high":0,"epsilon":1,"delta":1e-6}') FROM private_rows;
SELECT dp_distance(v, '{"dims":16000,"low":0,"high":1,"depth":12,"epsilon":1,"delta":1e-6}') FROM private_rows;
SELECT dp_moments(v, '{"dims":4,"epsilon":1,"delta":1e-6}') FROM private_rows;
SELECT dp_sum(v, '{"dims":4,"radius":1,"normalize":true,"epsilon":1,"delta":1e-6}') FROM private_rows;
SELECT dp_avg(v, '{"dims":4,"radius":1,"epsilon":1000,"delta":1e-6}') FROM private_rows;
SELECT dp_count(v, '{"dims":4,"epsilon":1,"delta":1e-6}') FROM private_rows;
SELECT dp_count(v, '{"epsilon":1,"delta":1e-6,"statistic":"sum"}') FROM private_rows;
SELECT dp_count(v, '[1]') FROM private_rows;
SELECT dp_count(v, '{"epsilon":[1]}') FROM private_rows;
SELECT dp_count(v, NULL) FROM private_rows;
SELECT dp_count(v, NULL) FROM private_rows WHERE id < 0;
-- Options must not follow the rows
SELECT dp_count(v, jsonb_build_object('epsilon', id)) FROM private_rows;
SELECT dp_count(v, jsonb_build_object('epsilon', random())) FROM private_rows;
SELECT dp_count(v, CASE WHEN id = 7 THEN '{}' ELSE '{"epsilon":"inf"}'::jsonb END) FROM private_rows WHERE id < 0;
SELECT dp_count(v, (SELECT jsonb_build_object('epsilon', 'inf', 'max_rows', id))) FROM private_rows;
SELECT dp_count(v, (SELECT '{"epsilon":"inf"}'::jsonb)) AS own_query FROM private_rows;
SELECT dp_count(v, (SELECT jsonb_build_object('epsilon', 'inf'))) AS no_rows FROM private_rows WHERE id < 0;
SELECT m, (SELECT dp_count(v, jsonb_build_object('epsilon', 'inf', 'max_rows', m)) FROM private_rows WHERE id < 0) AS outer_row FROM generate_series(1, 2) m;
SELECT class, dp_count(v, '{"epsilon":"inf"}') AS grouped FROM private_rows WHERE id < 0 GROUP BY GROUPING SETS ((class), ()) ORDER BY class;
SET plan_cache_mode = force_generic_plan;
PREPARE counted(jsonb) AS SELECT dp_count(v, $1) FROM private_rows WHERE id <= $2;
EXECUTE counted('{"epsilon":"inf"}', 5);
EXECUTE counted('{"epsilon":"inf"}', 0);
RESET plan_cache_mode;
-- One release a row it must not be
SELECT dp_count(v, '{"epsilon":1,"delta":1e-6}') OVER (ORDER BY id) FROM private_rows;
SELECT dp_kde(v, '{"dims":4,"bandwidth":1,"epsilon":1,"delta":1e-6}') OVER () FROM private_rows;

-- Asked for what a sketch does not carry
SELECT kde(moments, '[1,2,3,4]') FROM exact;
SELECT kde_sum(l1, '[1,2,3,4]') FROM exact;
SELECT kde(kde, '[1,2,3]') FROM exact;
SELECT distance_sum(kde, '[1,2,3,4]') FROM exact;
SELECT distance_sum(l1, '[1,2]') FROM exact;
SELECT distance_sum(l2, '[1,2,3,4]', 2) FROM exact;
SELECT distance_sum(l1, '[1,2,3,4]', 0) FROM exact;
SELECT distance_sum(l1, '[1,2,3,4]', 'NaN') FROM exact;
SELECT mean_cosine(moments, '[1,2,3,4]') FROM exact;
SELECT squared_distance_sum(kde, '[1,2,3,4]') FROM exact;
SELECT inner_product_sum(moments, '[1]') FROM exact;
SELECT dp_sum(kde) FROM exact;
SELECT dp_avg(l2) FROM exact;
SELECT kde_error(moments) FROM exact;
SELECT kde_error('{"dims":4,"epsilon":1}', 100);
SELECT kde_error('{"dims":4,"bandwidth":1,"epsilon":"inf"}', -1);
SELECT kde_error('{"dims":4,"bandwidth":1,"epsilon":"inf"}', 'NaN');
SELECT kde(kde, NULL) AS k, kde(NULL, '[1]') AS s, dp_rows(NULL) AS r, dp_explain(NULL) AS e, dp_sum(NULL::dp_sketch) AS sum, dp_cost(NULL) AS c FROM exact;
-- Queries as far away as there are
SELECT kde_sum(kde, q) AS kde, distance_sum(l1, q) > 1e41 AS l1, squared_distance_sum(moments, q) > 1e79 AS squared, mean_cosine(directions, q) BETWEEN -1 AND 1 AS cosine
FROM exact, (VALUES ('[3e38,3e38,3e38,-3e38]'::vector)) t(q);
SELECT kde_sum(kde, '[0,0,0,0]') > 0 AS kde, mean_cosine(directions, '[0,0,0,0]') AS cosine FROM exact;

-- Classes
CREATE TABLE classes AS SELECT class, dp_kde(v + ARRAY[class, 0, 0, 0]::vector, '{"dims":4,"bandwidth":1,"epsilon":1,"delta":1e-6}') AS kde,
  dp_moments(v + ARRAY[class, 0, 0, 0]::vector, '{"dims":4,"radius":5,"epsilon":1,"delta":1e-6}') AS moments FROM private_rows GROUP BY class;
SELECT q, dp_classify(array_agg(class::text ORDER BY class), array_agg(kde ORDER BY class), q) AS kde, dp_classify(array_agg(class::text ORDER BY class), array_agg(moments ORDER BY class), q) AS moments
FROM classes, (VALUES ('[-0.5,0,0,0.25]'::vector), ('[1,0,0,0.25]'), ('[3,0,0,0.25]')) t(q) GROUP BY q ORDER BY q;
SELECT dp_classify('{}', '{}', '[1]') AS none, dp_classify(ARRAY['one'], ARRAY[kde], '[1,2,3,4]') AS one, dp_classify(NULL, ARRAY[kde], '[1,2,3,4]') AS null FROM exact;
SELECT dp_classify('{a,b}', ARRAY[kde], '[1,2,3,4]') FROM exact;
SELECT dp_classify('{a,NULL}', ARRAY[kde, kde], '[1,2,3,4]') FROM exact;
SELECT dp_classify('{a,b}', ARRAY[kde, NULL], '[1,2,3,4]') FROM exact;
SELECT dp_classify('{{a,b}}', ARRAY[kde, kde], '[1,2,3,4]') FROM exact;
SELECT dp_classify('{a,b}', ARRAY[kde, laplace], '[1,2,3,4]') FROM exact;
SELECT dp_classify('{a,b}', ARRAY[kde, kde], '[1,2,3]') FROM exact;

-- Cost, before any row
SELECT o->>'statistic' AS statistic, o->>'mechanism' AS mechanism, (dp_cost(o)).epsilon, (dp_cost(o)).delta, round((dp_cost(o)).rho::numeric, 5) AS rho
FROM (SELECT jsonb_build_object('epsilon', 1, 'mechanism', m) || CASE WHEN m = 'laplace' THEN '{}' ELSE '{"delta":1e-6}'::jsonb END || s AS o
  FROM (VALUES ('gaussian'), ('zcdp'), ('laplace')) t(m), (VALUES ('{"statistic":"count"}'::jsonb), ('{"statistic":"kde","dims":4,"bandwidth":1}'), ('{"statistic":"avg","dims":4,"normalize":true}')) u(s)) x
ORDER BY o->>'statistic' COLLATE "C", o->>'mechanism' COLLATE "C";
SELECT * FROM dp_cost('{"statistic":"distance","dims":4,"low":0,"high":1,"epsilon":"inf"}');
SELECT dp_cost('{"epsilon":1,"delta":1e-6}');
SELECT dp_cost('{"statistic":"median","epsilon":1,"delta":1e-6}');
SELECT dp_cost('{"statistic":"count","epsilon":1e-9,"mechanism":"laplace","max_rows":1000000}');

-- Text and binary forms give back the same bytes; anything else is refused
SELECT dp_sketch_send(kde::text::dp_sketch) = dp_sketch_send(kde) AS kde, dp_sketch_send(l1::text::dp_sketch) = dp_sketch_send(l1) AS l1, dp_sketch_send(moments::text::dp_sketch) = dp_sketch_send(moments) AS moments, pg_typeof(kde) FROM released;
CREATE TABLE again (LIKE released);
DO $$
DECLARE file text := current_setting('data_directory') || '/dp_sketch.copy';
BEGIN
  EXECUTE format('COPY released TO %L (FORMAT binary)', file);
  EXECUTE format('COPY again FROM %L (FORMAT binary)', file);
  EXECUTE format('COPY (SELECT) TO %L', file);
END $$;
SELECT dp_sketch_send(a.kde) = dp_sketch_send(r.kde) AS kde, dp_sketch_send(a.l1) = dp_sketch_send(r.l1) AS l1, dp_sketch_send(a.moments) = dp_sketch_send(r.moments) AS moments FROM again a, released r;
CREATE FUNCTION damaged(sketch bytea, at integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM ('\x' || encode(set_bit(sketch, at, 1 - get_bit(sketch, at)), 'hex'))::dp_sketch;
  RETURN 'read';
EXCEPTION WHEN OTHERS THEN
  RETURN sqlstate;
END $$;
SELECT what, damaged(image, n) AS damaged, count(*) FROM (SELECT 'moments' AS what, dp_sketch_send(moments) AS image FROM released UNION ALL SELECT 'laplace', dp_sketch_send(laplace) FROM released) s,
  generate_series(0, 1700, 7) n WHERE n < 8 * length(image) GROUP BY what, damaged ORDER BY what, damaged;
SELECT ''::dp_sketch;
SELECT 'sketch'::dp_sketch;
SELECT '\x00'::dp_sketch;
SELECT ('\x' || encode(substring(dp_sketch_send(moments) FOR 100), 'hex'))::dp_sketch FROM released;

-- bandwidth_hint, for public samples
SELECT round(bandwidth_hint(v)::numeric, 2) AS hint, round(bandwidth_hint(h)::numeric, 2) AS half FROM private_rows;
SELECT bandwidth_hint(v) AS hint FROM (VALUES ('[0,0]'::vector), ('[0,4]'), ('[0,4]'), (NULL)) t(v);
SELECT bandwidth_hint(v) FROM (VALUES ('[0,0]'::vector), ('[0,0]')) t(v);
SELECT bandwidth_hint(v) FROM private_rows WHERE id < 0;
SELECT bandwidth_hint(v) FROM (VALUES ('[0,0]'::vector), ('[0]')) t(v);

-- A parallel plan gives what a serial one gives, to the bit; without rows too
CREATE TABLE serial AS SELECT dp_kde(v, '{"dims":4,"bandwidth":1,"epsilon":"inf"}') AS a, dp_distance(h, '{"dims":4,"low":-1,"high":1,"epsilon":"inf"}') AS b, dp_moments(v, '{"dims":4,"radius":2,"epsilon":"inf"}') AS c,
  dp_sum(v, '{"dims":4,"normalize":true,"epsilon":"inf"}') AS d, dp_avg(h, '{"dims":4,"radius":0.5,"epsilon":"inf"}') AS e, dp_count(v, '{"epsilon":"inf"}') AS f, bandwidth_hint(h) AS g FROM private_rows;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT dp_kde(v, '{"dims":4,"bandwidth":1,"epsilon":"inf"}') FROM private_rows;
CREATE TABLE parallel AS SELECT dp_kde(v, '{"dims":4,"bandwidth":1,"epsilon":"inf"}') AS a, dp_distance(h, '{"dims":4,"low":-1,"high":1,"epsilon":"inf"}') AS b, dp_moments(v, '{"dims":4,"radius":2,"epsilon":"inf"}') AS c,
  dp_sum(v, '{"dims":4,"normalize":true,"epsilon":"inf"}') AS d, dp_avg(h, '{"dims":4,"radius":0.5,"epsilon":"inf"}') AS e, dp_count(v, '{"epsilon":"inf"}') AS f, bandwidth_hint(h) AS g FROM private_rows;
SELECT dp_sketch_send(p.a) = dp_sketch_send(s.a) AS kde, dp_sketch_send(p.b) = dp_sketch_send(s.b) AS distance, dp_sketch_send(p.c) = dp_sketch_send(s.c) AS moments,
       p.d = s.d AS sum, p.e = s.e AS avg, p.f = s.f AS count, p.g = s.g AS hint FROM parallel p, serial s;
SELECT dp_count(v, '{"epsilon":"inf"}') AS count, dp_rows(dp_kde(v, jsonb_build_object('dims', 4, 'bandwidth', 1, 'epsilon', 'inf'))) AS kde, dp_sum(v, '{"dims":4,"radius":1,"epsilon":1,"delta":1e-6}') <> '[0,0,0,0]' AS noisy FROM private_rows WHERE id < 0;
SELECT dp_count(v, '{"epsilon":"inf"}') FILTER (WHERE id = 5) AS one, dp_count(v, '{"epsilon":"inf"}') FILTER (WHERE id < 0) AS none, dp_count(v, '{"epsilon":"inf"}') AS all FROM private_rows;
SELECT class, dp_count(v, '{"epsilon":"inf"}') FILTER (WHERE id = 5) AS one FROM private_rows GROUP BY class ORDER BY class;
SELECT dp_count(v, '{"epsilon":1}') FROM private_rows WHERE id < 0;
SELECT dp_count(v, NULL) FROM private_rows WHERE id < 0;
SET parallel_leader_participation = off;
SELECT dp_avg(v, '{"dims":4,"radius":1,"epsilon":"inf"}') AS workers_only, dp_count(v, (SELECT jsonb_build_object('epsilon', 'inf'))) AS no_rows FROM private_rows WHERE id < 0;
RESET parallel_leader_participation;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather;
DROP TABLE private_rows, exact, released, again, classes, serial, parallel;
DROP FUNCTION damaged;
