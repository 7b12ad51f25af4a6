-- intrinsic_dimension, spectrum, participation_ratio, lid, label_sharpness, task_difficulty.
\pset null '(null)'
-- A sheet of two dimensions, rolled up in three, with pseudo-random points; and in halfvec.
CREATE TABLE roll AS
SELECT n AS id, ARRAY[t * cos(t), 21 * p, t * sin(t)]::vector AS v, ARRAY[t * cos(t), 21 * p, t * sin(t)]::halfvec AS h,
       CASE WHEN p < 0.5 THEN 'low' ELSE 'high' END AS label
FROM (SELECT n, 1.5 * pi() * (1 + 2 * ((n * 0.7548776662466927) % 1)::float8) AS t,
             ((n * 0.5698402909980532 + (0.3 * sin(n * n))::numeric) % 1 + 1) % 1 AS p FROM generate_series(1, 4000) n) x;

-- Two, whoever measures; three for what sees only the box
SELECT method, round(intrinsic_dimension(v, jsonb_build_object('method', method))::numeric, 1) BETWEEN low AND high AS fits
FROM roll, (VALUES ('mle', 1.9, 2.1), ('lid', 2, 2.3), ('twonn', 1.8, 2.2), ('twonn_ml', 1.8, 2.2), ('gride', 1.9, 2.1), ('mind', 1.9, 2.1),
  ('correlation', 1.8, 2.2), ('danco', 1.6, 2.5), ('ess_a', 1.8, 2.2), ('ess_b', 1.8, 2.2), ('fukunaga_olsen', 3, 3), ('participation_ratio', 2.5, 3)) m(method, low, high)
GROUP BY method, low, high ORDER BY method COLLATE "C";
SELECT round(intrinsic_dimension(v)::numeric, 1) AS plain, round(intrinsic_dimension(h)::numeric, 1) AS half,
       intrinsic_dimension(v) = intrinsic_dimension(v, '{}') AS defaults,
       intrinsic_dimension(h) = intrinsic_dimension(h, '{"k":20,"sample":3000,"seed":1,"method":"mle"}') AS said FROM roll;
-- The seed chooses the sample
SELECT intrinsic_dimension(v, '{"seed":1,"sample":500}') = intrinsic_dimension(v, '{"seed":2,"sample":500}') AS same FROM roll;

-- Spectrum: variances 8, 2, 0; rows count as often as they are there
SELECT spectrum(v), participation_ratio(v) FROM (VALUES ('[4,0,7]'::vector), ('[-4,0,7]'), ('[0,2,7]'), ('[0,-2,7]')) t(v);
SELECT spectrum(v), participation_ratio(v) FROM (VALUES ('[4]'::halfvec), ('[4]'), ('[4]'), ('[0]')) t(v);
SELECT round(participation_ratio(v)::numeric, 4) = round((power((SELECT sum(l) FROM unnest(spectrum(v)) l), 2) / (SELECT sum(l * l) FROM unnest(spectrum(v)) l))::numeric, 4) AS agree,
       round(participation_ratio(h)::numeric, 2) = round(participation_ratio(v)::numeric, 2) AS half,
       participation_ratio(v) = participation_ratio(v, '{"sample":10000,"seed":1}') AS defaults, array_length(spectrum(h, '{"sample":50}'), 1) AS n FROM roll;
SELECT participation_ratio(h, '{"seed":3}') > 2 AS options, array_length(spectrum(v, '{"seed":3}'), 1) AS n FROM roll;

-- Sharpness: the two nearest rows of different labels
SELECT (label_sharpness(v, label)).* FROM (VALUES ('[0,0]'::vector, 'a'), ('[0,3]', 'a'), ('[4,0]', 'b'), ('[10,0]', 'c'), ('[0,3]', 'a'), (NULL, 'd'), ('[1,1]', NULL)) t(v, label);
SELECT (label_sharpness(v, label, '{"quantile":0}')).* FROM (VALUES ('[0,0]'::halfvec, 'a'), ('[0,0]', 'b'), ('[0,4]', 'b')) t(v, label);
SELECT abs((s).sharpness * ((s).a <-> (s).b) - 1) < 1e-6 AS pair, (s).a_label <> (s).b_label AS labels, (s).quantile <= (s).sharpness AS below, (s).points, (s).conflicts
FROM (SELECT label_sharpness(v, label, '{"sample":4000}') AS s FROM roll) x;
SELECT (label_sharpness(h, label)).points FROM roll;

-- lid of the distances that a search returns
SELECT round(lid(ARRAY[1, 2, 4])::numeric, 6) AS three, round(lid(ARRAY[4, 0, 2, 1])::numeric, 6) AS any_order, lid(ARRAY[[1, 2], [2, 4]]::float8[]) = lid(ARRAY[1, 2, 2, 4]) AS shape;
SELECT lid(array_agg(d)) BETWEEN 1 AND 4 AS near_two FROM (SELECT v <-> (SELECT v FROM roll WHERE id = 77) AS d FROM roll ORDER BY 1 LIMIT 50) x;
SELECT lid(NULL), lid('{}'), lid('{1}'), lid('{0,0,3}'), lid('{2,2,2}'), lid('{1e-300,1e300}') > 0 AS wide;
SELECT lid('{1,NULL,2}');
SELECT lid('{1,-2}');
SELECT lid('{1,NaN}');
SELECT lid('{1,Infinity}');

-- The published difficulties of ImageNet and MNIST, in bits
SELECT task_difficulty(1280901, 1000, 48, 943.5923, 65)::numeric(45, 0) / 1e41::numeric BETWEEN 3.58325 AND 3.58335 AS imagenet,
       task_difficulty(60000, 10, 14, 4380.657 / 255, 2.3987084824335305, 0.001) / 1e16 BETWEEN 1.48475 AND 1.48485 AS mnist;
SELECT task_difficulty(NULL, 10, 14, 1, 1);
SELECT task_difficulty(100, 1, 14, 1, 1);
SELECT task_difficulty(100, 10, 'NaN', 1, 1);
SELECT task_difficulty(100, 10, 14, 1, 0);
SELECT task_difficulty(100, 10, 14, 1, 1, 1);
SELECT task_difficulty(100, 10, 5000, 1e9, 1e-9);

-- A parallel plan and a serial one agree to the bit
CREATE TABLE serial AS SELECT intrinsic_dimension(v) AS a, intrinsic_dimension(h, '{"sample":700,"method":"gride"}') AS b, spectrum(v, '{"sample":900}') AS c,
  participation_ratio(h) AS d, label_sharpness(v, label, '{"sample":600}')::text AS e, intrinsic_dimension(v ORDER BY id DESC) AS f FROM roll;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT intrinsic_dimension(v) FROM roll;
SELECT p.a = s.a AS dimension, p.b = s.b AS half, p.c = s.c AS spectrum, p.d = s.d AS ratio, p.e = s.e AS sharpness, s.f = s.a AS backwards
FROM serial s, (SELECT intrinsic_dimension(v) AS a, intrinsic_dimension(h, '{"sample":700,"method":"gride"}') AS b, spectrum(v, '{"sample":900}') AS c,
  participation_ratio(h) AS d, label_sharpness(v, label, '{"sample":600}')::text AS e FROM roll) p;
RESET ALL;

-- Groups; as window functions, whose frames grow
SELECT label, round(intrinsic_dimension(v)::numeric, 1) AS dimension FROM roll GROUP BY label ORDER BY label;
SELECT id, intrinsic_dimension(v, '{"k":2}') OVER w IS NULL AS too_few, participation_ratio(v) OVER w IS NULL AS one, (label_sharpness(v, label) OVER w).points
FROM roll WHERE id <= 5 WINDOW w AS (ORDER BY id) ORDER BY id;

-- No rows, one, two, k + 1, all equal, NULLs
SELECT intrinsic_dimension(v), spectrum(v), participation_ratio(v), label_sharpness(v, label) FROM roll WHERE false;
SELECT intrinsic_dimension(NULL::vector), spectrum(NULL::halfvec), participation_ratio(NULL::vector), label_sharpness(NULL::vector, 'a'), label_sharpness(v, NULL) FROM roll;
SELECT n, intrinsic_dimension(v), participation_ratio(v) IS NULL AS ratio, array_length(spectrum(v), 1) AS values, (label_sharpness(v, label)).sharpness IS NULL AS none
FROM (VALUES (1), (2)) m(n), roll WHERE id <= n GROUP BY n ORDER BY n;
SELECT intrinsic_dimension(v, '{"k":2}') IS NULL AS two, intrinsic_dimension(v, '{"method":"twonn_ml"}') IS NULL AS twonn FROM roll WHERE id <= 2;
SELECT intrinsic_dimension(v) IS NULL AS twenty FROM roll WHERE id <= 20;
SELECT intrinsic_dimension(v) > 0 AS twenty_one FROM roll WHERE id <= 21;
SELECT intrinsic_dimension('[1,2]'::vector), spectrum('[1,2]'::vector), participation_ratio('[1,2]'::vector), label_sharpness('[1,2]'::vector, label) FROM roll;
SELECT intrinsic_dimension(v), intrinsic_dimension(v, '{"method":"twonn"}'), intrinsic_dimension(v, '{"method":"ess_a"}') IS NOT NULL AS ess
FROM (SELECT array_agg((i = n)::int ORDER BY i)::vector AS v FROM generate_series(1, 40) i, generate_series(1, 40) n GROUP BY n) simplex;
SELECT count(v) AS with_nulls, intrinsic_dimension(v) = (SELECT intrinsic_dimension(v) FROM roll) AS same FROM (SELECT v FROM roll UNION ALL SELECT NULL FROM roll) x;
-- Every row twice is the same sample
SELECT intrinsic_dimension(v) = (SELECT intrinsic_dimension(v) FROM roll) AS same FROM (SELECT v FROM roll UNION ALL SELECT v FROM roll) x;

-- Extreme sizes: squares of these overflow or vanish
SELECT abs(intrinsic_dimension(big) - intrinsic_dimension(v)) < 0.1 AS big, abs(intrinsic_dimension(small) - intrinsic_dimension(v)) < 0.1 AS small,
       (spectrum(big))[1] > 1e70 AS variance, abs(participation_ratio(small) - participation_ratio(v)) < 0.01 AS ratio
FROM (SELECT v, v * array_fill(1e36::real, ARRAY[3])::vector AS big, v * array_fill(1e-30::real, ARRAY[3])::vector AS small FROM roll) x;

-- Errors
SELECT intrinsic_dimension(v) FROM (VALUES ('[1,2]'::vector), ('[1]')) t(v);
SELECT label_sharpness(v, 'x') FROM (VALUES ('[1,2]'::vector), ('[1]')) t(v);
SELECT label_sharpness(v, repeat('x', 1001)) FROM roll;
SELECT intrinsic_dimension(v, NULL) FROM roll;
SELECT intrinsic_dimension(v, '[1]') FROM roll;
SELECT intrinsic_dimension(v, '{"kk":3}') FROM roll;
SELECT intrinsic_dimension(v, '{"k":1}') FROM roll;
SELECT intrinsic_dimension(v, '{"k":"3"}') FROM roll;
SELECT intrinsic_dimension(v, '{"method":"magic"}') FROM roll;
SELECT intrinsic_dimension(v, '{"method":"twonn","k":2}') FROM roll;
SELECT intrinsic_dimension(v, '{"sample":0}') FROM roll;
SELECT spectrum(v, '{"k":3}') FROM roll;
SELECT participation_ratio(v, '{"seed":-1}') FROM roll;
SELECT label_sharpness(v, label, '{"quantile":2}') FROM roll;
SET maintenance_work_mem = '1MB';
SELECT intrinsic_dimension(array_fill(1::real, ARRAY[16000])::vector);
SELECT intrinsic_dimension(v, '{"sample":1000000}') > 0 AS cut FROM roll;
RESET maintenance_work_mem;
DROP TABLE roll, serial;
