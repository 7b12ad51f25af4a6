-- codec and code: training, encoding, decoding, estimates, bounds, and what bad input says.
\pset null '(null)'
CREATE TABLE t (id int, v vector(24));
INSERT INTO t SELECT n, (SELECT array_agg(sin(n * 0.37 + i) * 8 / (1 + i % 6) + cos(n * i * 0.11) + (n * 7919 + i * 104729) % 97 / 97.0 ORDER BY i)
  FROM generate_series(1, 24) i)::vector FROM generate_series(1, 1200) n;

-- Every method: what it stores, and how far its estimates are from the exact distances
CREATE TABLE methods (name text, options jsonb);
INSERT INTO methods VALUES
  ('float16', '{"method":"float16"}'), ('int8', '{"method":"int8"}'), ('lvq4', '{"method":"lvq4"}'), ('lvq8', '{"method":"lvq8"}'),
  ('lvq4x8', '{"method":"lvq4x8"}'), ('lvq8x8', '{"method":"lvq8x8"}'), ('optimized_scalar 1', '{"method":"optimized_scalar"}'),
  ('optimized_scalar 4', '{"method":"optimized_scalar","bits":4}'), ('rabitq 1', '{"method":"rabitq"}'), ('rabitq 5', '{"method":"rabitq","bits":5}'),
  ('osq 4', '{"method":"osq"}'), ('osq 2', '{"method":"osq","bits_per_dim":2,"sign_bits":true}'), ('pq', '{"method":"pq","m":6,"bits":4}'),
  ('opq', '{"method":"opq","m":6,"bits":4}'), ('pca', '{"method":"pca","dims":12}'), ('pca lvq8', '{"method":"pca","dims":12,"then":"lvq8"}'),
  ('leanvec', '{"method":"leanvec","dims":16,"then":"lvq8"}'), ('rotation', '{"method":"rotation","then":{"method":"lvq4"}}'),
  ('random', '{"method":"random_projection","dims":20,"then":"float16"}'), ('sparse random', '{"method":"sparse_random_projection","dims":20}'),
  ('cosine', '{"method":"lvq8","normalize":true}');
CREATE TABLE codecs AS SELECT name, (SELECT codec_train(v, options) FROM t) AS codec FROM methods;
SELECT name, codec_info(codec) ->> 'method' AS method, codec_info(codec) ->> 'bytes_per_vector' AS bytes, codec_info(codec) ->> 'bounds' AS bounds
FROM codecs ORDER BY name COLLATE "C";
CREATE TABLE codes AS SELECT name, id, codec_encode(codec, v) AS code FROM codecs, t;
-- Errors relative to the typical distance
SELECT name,
       sqrt(avg((codec_l2_distance(codec, code, q.v) - (t.v <-> q.v)) ^ 2)) / avg(t.v <-> q.v) < limits.l2 AS l2,
       sqrt(avg((codec_inner_product(codec, code, q.v) + (t.v <#> q.v)) ^ 2)) / avg(vector_norm(t.v) * vector_norm(q.v)) < limits.ip AS ip,
       sqrt(avg((codec_cosine_distance(codec, code, q.v) - (t.v <=> q.v)) ^ 2)) < limits.ip AS cosine
FROM codecs JOIN codes USING (name) JOIN t USING (id) JOIN t q ON q.id IN (3, 500),
  LATERAL (SELECT CASE WHEN name IN ('float16', 'lvq8', 'lvq8x8', 'lvq4x8', 'int8') THEN 0.01 WHEN name IN ('rabitq 5', 'osq 4', 'lvq4', 'rotation', 'optimized_scalar 4') THEN 0.06
           WHEN name = 'cosine' THEN 1000 ELSE 0.35 END AS l2,
          CASE WHEN name IN ('float16', 'lvq8', 'lvq8x8', 'lvq4x8', 'int8') THEN 0.01 WHEN name = 'cosine' THEN 1000 ELSE 0.35 END AS ip) limits
GROUP BY name, limits.l2, limits.ip ORDER BY name COLLATE "C";
SELECT count(*) FILTER (WHERE abs(codec_cosine_distance(codec, code, q.v) - (t.v <=> q.v)) > 0.01) AS wrong
FROM codecs JOIN codes USING (name) JOIN t USING (id) JOIN t q ON q.id = 3 WHERE name = 'cosine';
-- Decoding gives vectors of the codec's dimensions near the originals
SELECT name, bool_and(vector_dims(codec_decode(codec, code)) = 24) AS dims, avg((codec_decode(codec, code) <-> v) ^ 2) < 0.5 * var.total AS near
FROM codecs JOIN codes USING (name) JOIN t USING (id), (SELECT avg((v <-> m) ^ 2) AS total FROM t, (SELECT avg(v) AS m FROM t) a) var
WHERE name <> 'cosine' GROUP BY name, var.total ORDER BY name COLLATE "C";
-- Bounds hold the exact values, always where they are certain
SELECT name, metric, count(*) FILTER (WHERE exact NOT BETWEEN low AND high) AS outside_certain, bool_and(low <= high) AS ordered
FROM codecs JOIN codes USING (name) JOIN t USING (id) JOIN t q ON q.id IN (3, 500),
  LATERAL (VALUES ('l2', t.v <-> q.v), ('ip', -(t.v <#> q.v)), ('cosine', t.v <=> q.v)) m(metric, exact), LATERAL codec_distance_bounds(codec, code, q.v, metric) b
WHERE codec_info(codec) ->> 'bounds' = 'certain' AND name <> 'cosine' GROUP BY name, metric ORDER BY name COLLATE "C", metric;
SELECT name, count(*) FILTER (WHERE t.v <-> q.v NOT BETWEEN low AND high) / count(*)::float8 < 0.1 AS mostly
FROM codecs JOIN codes USING (name) JOIN t USING (id) JOIN t q ON q.id IN (3, 500), LATERAL codec_distance_bounds(codec, code, q.v, 'l2') b
WHERE codec_info(codec) ->> 'bounds' = 'probable' GROUP BY name ORDER BY name COLLATE "C";
SELECT codec_distance_bounds(codec, code, (SELECT v FROM t WHERE id = 1), 'l2') FROM codecs JOIN codes USING (name) WHERE name = 'pq' AND id = 1;
SELECT codec_distance_bounds(codec, code, (SELECT v FROM t WHERE id = 1), 'taxicab') FROM codecs JOIN codes USING (name) WHERE name = 'lvq8' AND id = 1;

-- Query-aware training; halfvec
SELECT codec_info(codec_train(v, (SELECT array_agg(v) FROM t WHERE id % 10 = 0), '{"method":"leanvec","dims":8,"then":"lvq8","algorithm":"sphering"}')) ->> 'sample_queries' AS queries FROM t;
SELECT codec_info(codec_train(v, (SELECT array_agg(v) FROM t WHERE id % 10 = 0), '{"method":"leanvec","dims":8,"algorithm":"frank_wolfe"}')) ->> 'method' AS method FROM t;
SELECT codec_info(codec_train(v, (SELECT array_agg(v) FROM t WHERE id % 10 = 0), '{"method":"leanvec","dims":8,"algorithm":"eigen"}')) ->> 'method' AS method FROM t;
SELECT codec_info(codec_train(v::halfvec, '{"method":"lvq8"}')) ->> 'bytes_per_vector' AS bytes FROM t;
SELECT codec_info(codec_train(v::halfvec, (SELECT array_agg(v::halfvec) FROM t WHERE id < 50), '{"method":"leanvec","dims":8}')) ->> 'sample_queries' AS queries FROM t;
SELECT codec_l2_distance(codec, codec_encode(codec, v::halfvec), v) < 0.1 AS near FROM codecs, t WHERE name = 'lvq8' AND id = 7;

-- The result does not depend on the order of the rows, nor, up to rounding, on how they are split between workers
SELECT (SELECT codec_train(v, '{"method":"pq","m":4,"bits":4}' ORDER BY id) FROM t)::text = (SELECT codec_train(v, '{"method":"pq","m":4,"bits":4}' ORDER BY id DESC) FROM t)::text AS same;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT codec_train(v, '{"method":"pca","dims":4,"then":"lvq8"}') FROM t;
SELECT codec_info(codec_train(v, '{"method":"pca","dims":4,"then":"lvq8"}')) ->> 'rows' AS rows FROM t;
RESET ALL;

-- Storage and transport
SELECT bool_and(codec::text::codec::text = codec::text) AS text FROM codecs;
SELECT count(DISTINCT code::text::code::text) FROM codes WHERE name = 'lvq8';

-- NULL, no rows, zero vectors
SELECT codec_train(v, '{"method":"lvq8"}') FROM t WHERE false;
SELECT codec_train(NULL::vector, '{"method":"lvq8"}') FROM t;
SELECT codec_encode(NULL, '[1]'::vector), codec_decode(NULL, NULL), codec_l2_distance(NULL, NULL, '[1]'), codec_info(NULL);
SELECT codec_train('[0,0]'::vector, '{"method":"lvq8","normalize":true}') FROM t;
SELECT codec_decode(c, codec_encode(c, '[0,0]'::vector)) FROM (SELECT codec_train('[0,0]'::vector, '{"method":"lvq8"}') c FROM t) x;
SELECT codec_decode(c, codec_encode(c, '[5]'::vector)) FROM (SELECT codec_train('[5]'::vector, '{"method":"rabitq","bits":4}') c FROM t) x;
SELECT codec_cosine_distance(c, codec_encode(c, '[0,0]'::vector), '[1,1]') FROM (SELECT codec_train(ARRAY[id, 1]::vector, '{"method":"lvq8","normalize":true}') c FROM t) x;
SELECT codec_send(codec)::text = codec::text AS binary, code_send(code)::text = code::text AS binary_code FROM codecs JOIN codes USING (name) WHERE name = 'lvq8' AND id = 1;

-- Options
SELECT codec_train(v, NULL::jsonb) FROM t;
SELECT codec_train(v, '{}'::jsonb) FROM t;
SELECT codec_train(v, '[1]'::jsonb) FROM t;
SELECT codec_train(v, '{"method":"zip"}'::jsonb) FROM t;
SELECT codec_train(v, '{"method":8}'::jsonb) FROM t;
SELECT codec_train(v, '{"method":"lvq8","bits":4}'::jsonb) FROM t;
SELECT codec_train(v, '{"method":"pq","m":25}'::jsonb) FROM t;
SELECT codec_train(v, '{"method":"pq","bits":5}'::jsonb) FROM t;
SELECT codec_train(v, '{"method":"rabitq","bits":9}'::jsonb) FROM t;
SELECT codec_train(v, '{"method":"rabitq","bits":"four"}'::jsonb) FROM t;
SELECT codec_train(v, '{"method":"optimized_scalar","bits":2}'::jsonb) FROM t;
SELECT codec_train(v, '{"method":"pca","dims":25}'::jsonb) FROM t;
SELECT codec_train(v, '{"method":"pca","dims":2.5}'::jsonb) FROM t;
SELECT codec_train(v, '{"method":"pca","dims":null}'::jsonb) FROM t;
SELECT codec_train(v, '{"method":"lvq8","then":"pq"}'::jsonb) FROM t;
SELECT codec_train(v, '{"method":"pca","then":"rotation"}'::jsonb) FROM t;
SELECT codec_train(v, '{"method":"pca","then":{"bits":4}}'::jsonb) FROM t;
SELECT codec_train(v, '{"method":"leanvec","algorithm":"magic"}'::jsonb) FROM t;
SELECT codec_train(v, '{"method":"lvq8","normalize":1}'::jsonb) FROM t;
SELECT codec_train(v, '{"method":"lvq8","colour":"red"}'::jsonb) FROM t;
SELECT codec_train(v, ARRAY['[1,2]']::vector[], '{"method":"leanvec"}'::jsonb) FROM t;
SELECT codec_train(v, ARRAY[NULL]::vector[], '{"method":"leanvec"}'::jsonb) FROM t;
SELECT codec_train(CASE WHEN id = 5 THEN '[1]' ELSE v::text END::vector, '{"method":"lvq8"}') FROM t;

-- Codes and codecs that do not belong together, damaged values
SELECT codec_encode(codec, '[1,2]'::vector) FROM codecs WHERE name = 'lvq8';
SELECT codec_l2_distance(codec, code, '[1,2]') FROM codecs JOIN codes USING (name) WHERE name = 'lvq8' AND id = 1;
SELECT codec_decode(a.codec, c.code) FROM codecs a, codes c WHERE a.name = 'lvq8' AND c.name = 'lvq4' AND c.id = 1;
SELECT codec_decode(codec, (code::text || '00')::code) FROM codecs JOIN codes USING (name) WHERE name = 'lvq8' AND id = 1;
SELECT codec_decode(codec, left(code::text, 20)::code) FROM codecs JOIN codes USING (name) WHERE name = 'lvq8' AND id = 1;
SELECT '\x'::code;
SELECT 'code'::code;
SELECT '\x'::codec;
SELECT '\x00112233'::codec;
SELECT left(codec::text, 100)::codec FROM codecs WHERE name = 'lvq8';
SELECT overlay(codec::text placing 'ff' from 61)::codec FROM codecs WHERE name = 'lvq8';
SELECT overlay(codec::text placing '63' from 11)::codec FROM codecs WHERE name = 'lvq8';
DROP TABLE t, methods, codecs, codes;
