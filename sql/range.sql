-- Range search: the operators of spheres, their functions, and lean_hnsw answering them.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS lowdim;
RESET client_min_messages;

-- The same answer as the distance compared with the radius, which itself is not within.
SELECT '[1,2,3]'::vector <<->> sphere('[1,2,3]'::vector, 0), '[1,2,3]'::vector <<->> sphere('[1,2,3]'::vector, 1e-300),
  '[0,0]'::vector <<->> sphere('[3,4]'::vector, 5), '[0,0]'::vector <<->> sphere('[3,4]'::vector, 5.0000001);
SELECT '[1,2]'::vector <<#>> sphere('[3,4]'::vector, -10), '[1,2]'::vector <<#>> sphere('[3,4]'::vector, -11),
  '[1,0]'::vector <<=>> sphere('[0,1]'::vector, 1), '[1,0]'::vector <<=>> sphere('[0,1]'::vector, 1.01),
  '[1,2]'::vector <<+>> sphere('[3,4]'::vector, 4), '[1,2]'::vector <<+>> sphere('[3,4]'::vector, 4.1);
SELECT '[1,2]'::halfvec <<->> sphere('[3,4]'::halfvec, 3), '[1,2]'::halfvec <<#>> sphere('[3,4]'::halfvec, -10),
  '[1,0]'::halfvec <<=>> sphere('[0,1]'::halfvec, 1.01), '[1,2]'::halfvec <<+>> sphere('[3,4]'::halfvec, 4);
SELECT '{1:1,2:2}/2'::sparsevec <<->> sphere('{1:3,2:4}/2'::sparsevec, 3),
  '{1:1,2:2}/2'::sparsevec <<#>> sphere('{1:3,2:4}/2'::sparsevec, -10),
  '{1:1}/2'::sparsevec <<=>> sphere('{2:1}/2'::sparsevec, 1.01),
  '{1:1,2:2}/2'::sparsevec <<+>> sphere('{1:3,2:4}/2'::sparsevec, 4);
SELECT sphere('[1,2]'::vector, 0.5), (sphere('[1,2]'::vector, 0.5)).radius, ROW('[1,2]', 0.5)::sphere_vector;

-- NULLs: unknown. NaN: no distance is above it, and the distance of a zero vector is never within.
SELECT NULL::vector <<->> sphere('[1]'::vector, 1), '[1]'::vector <<->> NULL::sphere_vector,
  '[1]'::vector <<->> sphere(NULL::vector, 1), '[1]'::vector <<->> sphere('[1]'::vector, NULL);
SELECT '[1]'::vector <<->> sphere('[1]'::vector, 'NaN'), '[1]'::vector <<->> sphere('[1]'::vector, 'Infinity'),
  '[1]'::vector <<->> sphere('[1]'::vector, -1), '[0,0]'::vector <<=>> sphere('[1,1]'::vector, 3),
  '[3e38]'::vector <<->> sphere('[-3e38]'::vector, 1e308);
SELECT '[1,2]'::vector <<->> sphere('[1]'::vector, 1);
SELECT '[1,2]'::vector <<->> sphere('[1]'::halfvec, 1);
SELECT '[1,2]'::vector <<->> sphere('[1,x]', 1);
SELECT '[1,2]'::vector <<->> '("[1,2]",x)'::sphere_vector;
SELECT '[1,2]'::vector <<->> '("[1,2]")'::sphere_vector;

-- A table whose vectors are out of line; spheres from a table.
CREATE TABLE range_wide AS SELECT i AS id, array_fill(i::real, ARRAY[700])::vector(700) AS emb FROM generate_series(1, 20) i;
SELECT array_agg(id ORDER BY id) FROM range_wide WHERE emb <<->> sphere((SELECT emb FROM range_wide WHERE id = 7), sqrt(700) * 2.5);
CREATE TABLE range_spheres AS SELECT id, sphere(emb, sqrt(700) * 1.5) AS s FROM range_wide WHERE id % 5 = 0;
SELECT s.id, array_agg(w.id ORDER BY w.id) FROM range_spheres s JOIN range_wide w ON w.emb <<->> s.s GROUP BY 1 ORDER BY 1;

-- The index: 3,000 points on a lattice walk; plans and answers of the four distances.
CREATE TABLE range_points (id integer PRIMARY KEY, emb vector(4));
INSERT INTO range_points SELECT i, ARRAY[i % 17, i % 13, i % 7, i % 5]::vector FROM generate_series(1, 3000) i;
INSERT INTO range_points VALUES (0, NULL);
CREATE INDEX range_l2 ON range_points USING lean_hnsw (emb vector_l2_ops);
CREATE INDEX range_ip ON range_points USING lean_hnsw (emb vector_ip_ops);
CREATE INDEX range_cosine ON range_points USING lean_hnsw (emb vector_cosine_ops);
CREATE INDEX range_l1 ON range_points USING lean_hnsw (emb vector_l1_ops);
VACUUM ANALYZE range_points;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM range_points WHERE emb <<->> sphere('[3,3,3,3]'::vector, 2.5);
EXPLAIN (COSTS OFF) SELECT id FROM range_points WHERE emb <<->> sphere('[3,3,3,3]'::vector, 2.5)
  ORDER BY emb <-> '[3,3,3,3]' LIMIT 5;
EXPLAIN (COSTS OFF) SELECT id FROM range_points WHERE emb <<=>> sphere('[3,3,3,3]'::vector, 0.01);
-- How many rows are within, whether at least 98 % of them are found, and what is found beside them.
CREATE FUNCTION range_compare(operator text, radius float8) RETURNS TABLE (exact bigint, found boolean, wrong bigint)
LANGUAGE plpgsql AS $$
BEGIN
  SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = off;
  EXECUTE format('CREATE TEMP TABLE want ON COMMIT DROP AS SELECT id FROM range_points
                  WHERE (emb %s ''[3,3,3,3]'') < %L::float8', operator, radius);
  SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = on;
  EXECUTE format('CREATE TEMP TABLE got ON COMMIT DROP AS SELECT id FROM range_points
                  WHERE emb %s sphere(''[3,3,3,3]''::vector, %L)', '<' || operator || '>', radius);
  SET LOCAL enable_seqscan = on;
  RETURN QUERY SELECT (SELECT count(*) FROM want), (SELECT count(g) >= 0.98 * count(*) FROM want w LEFT JOIN got g USING (id)),
    (SELECT count(*) FROM got WHERE id NOT IN (SELECT id FROM want));
  DROP TABLE want, got;
END $$;
SELECT radius, c.* FROM unnest(ARRAY[0, 0.5, 1.5, 2.5, 4, 100]::float8[]) radius, range_compare('<->', radius) c;
SELECT radius, c.* FROM unnest(ARRAY[-1000, -90, -70, 100]::float8[]) radius, range_compare('<#>', radius) c;
SELECT radius, c.* FROM unnest(ARRAY[0, 0.001, 0.01, 0.1, 3]::float8[]) radius, range_compare('<=>', radius) c;
SELECT radius, c.* FROM unnest(ARRAY[0, 1.5, 3.5, 8, 1000]::float8[]) radius, range_compare('<+>', radius) c;

-- In order, up to the radius; an order by another point leaves the check to the executor; two spheres; NULLs.
SELECT id, emb <-> '[3,3,3,3]' AS distance FROM range_points WHERE emb <<->> sphere('[3,3,3,3]'::vector, 1.1)
  ORDER BY emb <-> '[3,3,3,3]', id LIMIT 6;
SELECT count(*), bool_and((emb <-> '[3,3,3,3]') < 2.5) FROM (SELECT emb FROM range_points
  WHERE emb <<->> sphere('[3,3,3,3]'::vector, 2.5) ORDER BY emb <-> '[0,0,0,0]') x;
SELECT count(*) FROM range_points WHERE emb <<->> sphere('[3,3,3,3]'::vector, 2.5);
SELECT count(*) FROM range_points WHERE emb <<->> sphere('[3,3,3,3]'::vector, 2.5) AND emb <<->> sphere('[4,3,3,3]'::vector, 2.5);
SELECT count(*) FROM range_points WHERE (emb <-> '[3,3,3,3]') < 2.5 AND (emb <-> '[4,3,3,3]') < 2.5;
SELECT count(*) FROM range_points WHERE emb <<->> sphere(NULL::vector, 2.5);
SELECT count(*) FROM range_points WHERE emb <<->> NULL;
SELECT count(*) FROM range_points WHERE emb <<=>> sphere('[0,0,0,0]'::vector, 2.5);
SELECT count(*) FROM range_points WHERE emb <<->> sphere('[1,2]'::vector, 2.5);
SELECT count(*) FROM range_points WHERE emb <<->> sphere('[3,3,3,3]'::vector, 'NaN');
-- Joined: each outer row's sphere is a scan of its own.
EXPLAIN (COSTS OFF) SELECT c.id, count(*) FROM (VALUES (1, '[3,3,3,3]'::vector), (2, '[9,1,1,1]')) c (id, center)
  JOIN range_points p ON p.emb <<->> sphere(c.center, 1.5) GROUP BY 1;
SELECT c.id, count(*) FROM (VALUES (1, '[3,3,3,3]'::vector), (2, '[9,1,1,1]')) c (id, center)
  JOIN range_points p ON p.emb <<->> sphere(c.center, 1.5) GROUP BY 1 ORDER BY 1;
-- As a prepared statement with a generic plan.
SET plan_cache_mode = force_generic_plan;
PREPARE near(vector, float8) AS SELECT count(*) FROM range_points WHERE emb <<->> sphere($1, $2);
EXECUTE near('[3,3,3,3]', 2.5);
EXECUTE near('[3,3,3,3]', 0);
EXECUTE near('[3,3,3,3]', NULL);
RESET plan_cache_mode;

-- An index that keeps no vectors measures rows in the table; one that is not trained reads all its nodes.
CREATE INDEX range_none ON range_points USING lean_hnsw (emb vector_l2_ops) WITH (rerank = none);
DROP INDEX range_l2;
SELECT radius, c.* FROM unnest(ARRAY[0, 1.5, 2.5, 4, 100]::float8[]) radius, range_compare('<->', radius) c;
SELECT id, emb <-> '[3,3,3,3]' AS distance FROM range_points WHERE emb <<->> sphere('[3,3,3,3]'::vector, 1.1)
  ORDER BY emb <-> '[3,3,3,3]', id LIMIT 6;
CREATE TABLE range_few (emb halfvec(2));
CREATE INDEX ON range_few USING lean_hnsw (emb halfvec_l2_ops);
INSERT INTO range_few SELECT ARRAY[i, -i]::vector::halfvec FROM generate_series(1, 20) i;
SELECT emb FROM range_few WHERE emb <<->> sphere('[5,-5]'::halfvec, 2) ORDER BY 1;
CREATE TABLE range_sparse (emb sparsevec(9));
CREATE INDEX ON range_sparse USING lean_hnsw (emb sparsevec_l2_ops);
INSERT INTO range_sparse SELECT format('{1:%s,9:1}/9', i)::sparsevec FROM generate_series(1, 20) i;
SELECT emb FROM range_sparse WHERE emb <<->> sphere('{1:5,9:1}/9'::sparsevec, 2) ORDER BY emb <-> '{1:5,9:1}/9', emb;
SELECT opcname, amvalidate(o.oid) FROM pg_opclass o JOIN pg_am a ON a.oid = opcmethod AND amname = 'lean_hnsw' ORDER BY 1;

DROP FUNCTION range_compare;
DROP TABLE range_wide, range_spheres, range_points, range_few, range_sparse;
