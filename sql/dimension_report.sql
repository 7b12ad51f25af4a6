-- dimension_report: every estimator at several scales. Figures are compared with intrinsic_dimension's.
\pset null '(null)'
SET client_min_messages = warning;
CREATE TABLE roll AS
SELECT n AS id, ARRAY[t * cos(t), 21 * p, t * sin(t)]::vector AS v, ARRAY[t * cos(t), 21 * p, t * sin(t)]::halfvec AS h
FROM (SELECT n, 1.5 * pi() * (1 + 2 * ((n * 0.7548776662466927) % 1)::float8) AS t,
             ((n * 0.5698402909980532 + (0.3 * sin(n * n))::numeric) % 1 + 1) % 1 AS p FROM generate_series(1, 1500) n) x;
CREATE TABLE report AS SELECT * FROM dimension_report('roll', 'v');
SELECT estimator, metric, k, sample, round(dimension::numeric, 1) BETWEEN 1.6 AND 2.7 AS two, standard_error IS NOT NULL AS error, n, duplicates, seconds >= 0 AS timed, note
FROM report ORDER BY estimator COLLATE "C", k;
-- The same figures as the aggregate's
SELECT estimator, k, abs(dimension / intrinsic_dimension(v, jsonb_build_object('method', estimator, 'sample', 1500) || CASE WHEN k IS NULL THEN '{}' ELSE jsonb_build_object('k', k) END) - 1) < 1e-6 AS agree
FROM report, roll WHERE estimator !~ 'components' AND (k IS NULL OR k IN (1, 10)) GROUP BY estimator, k, dimension ORDER BY estimator COLLATE "C", k;

-- Options: scales of one's own, a number or several; sample and seed; both metrics
SELECT estimator, k, dimension IS NOT NULL AS known, note FROM dimension_report('roll', 'h', '{"k":[30,7,7]}') WHERE k IS NOT NULL ORDER BY estimator COLLATE "C", k;
SELECT DISTINCT k FROM dimension_report('roll', 'v', '{"k":9}') ORDER BY k;
SELECT DISTINCT sample FROM dimension_report('roll', 'v', '{"sample":250,"k":5}');
SELECT count(DISTINCT dimension) AS seeds FROM (SELECT dimension FROM dimension_report('roll', 'v', '{"sample":250,"k":5,"seed":1}') WHERE estimator = 'mle' UNION ALL
  SELECT dimension FROM dimension_report('roll', 'v', '{"sample":250,"k":5,"seed":2}') WHERE estimator = 'mle' UNION ALL SELECT dimension FROM dimension_report('roll', 'v', '{"sample":250,"k":5,"seed":2}') WHERE estimator = 'mle') x;
SELECT metric, count(*), count(dimension) FROM dimension_report('roll', 'v', '{"metrics":["cosine","l2"],"k":[10]}') GROUP BY metric ORDER BY metric;
SELECT DISTINCT metric FROM dimension_report('roll', 'v', '{"metrics":"cosine","k":10}');
-- Directions of a circle with many lengths: one dimension, two of places
CREATE TABLE circle AS SELECT ARRAY[(1 + n % 7) * cos(n), (1 + n % 7) * sin(n)]::vector AS v FROM generate_series(1, 600) n;
INSERT INTO circle VALUES ('[0,0]'), ('[0,0]');
SELECT metric, sample, round(dimension::numeric) AS dimension, duplicates FROM dimension_report('circle', 'v', '{"metrics":["l2","cosine"],"k":20}') WHERE estimator = 'correlation' ORDER BY metric;

-- Views, partitions, domains; NULL and equal rows, few, none
CREATE VIEW seen AS SELECT v FROM roll WHERE id <= 300 UNION ALL SELECT v FROM roll WHERE id <= 100 UNION ALL SELECT NULL;
SELECT estimator, sample, n, duplicates FROM dimension_report('seen', 'v', '{"k":10}') WHERE estimator IN ('mle', 'fukunaga_olsen') ORDER BY 1;
CREATE TABLE parts (id int, "Odd Name" vector(3)) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (100);
INSERT INTO parts SELECT id, v FROM roll WHERE id < 50;
SELECT DISTINCT sample FROM dimension_report('parts', 'Odd Name');
CREATE DOMAIN embedding AS halfvec(3);
CREATE TABLE domains AS SELECT h::embedding AS h FROM roll LIMIT 30;
SELECT DISTINCT sample FROM dimension_report('domains', 'h', '{"k":2}');
CREATE TABLE few (v vector);
SELECT count(*) AS rows, count(dimension) AS known, count(note) AS said, max(sample) AS sample FROM dimension_report('few', 'v');
INSERT INTO few VALUES (NULL), ('[1,2]'), ('[1,2]');
SELECT count(*) AS rows, count(dimension) AS known, max(sample) AS sample, max(duplicates) AS duplicates FROM dimension_report('few', 'v');
INSERT INTO few VALUES ('[3,4]'), ('[9,1]'), ('[0,0]');
SELECT estimator, k, dimension IS NULL AS none, n, note FROM dimension_report('few', 'v', '{"k":[3,4]}') WHERE estimator IN ('mle', 'twonn_ml') ORDER BY estimator COLLATE "C", k;
-- Extreme sizes
CREATE TABLE sizes AS SELECT v * array_fill(1e36::real, ARRAY[3])::vector AS big, v * array_fill(1e-30::real, ARRAY[3])::vector AS small FROM roll;
SELECT bool_and(abs(s.dimension / b.dimension - 1) < 0.05) AS same FROM dimension_report('sizes', 'big', '{"k":10}') b JOIN dimension_report('sizes', 'small', '{"k":10}') s USING (estimator);

-- Errors
SELECT * FROM dimension_report('roll', 'v', NULL);
SELECT * FROM dimension_report(NULL, 'v');
SELECT * FROM dimension_report('roll', NULL);
SELECT * FROM dimension_report('roll', 'v', '[1]');
SELECT * FROM dimension_report('roll', 'v', '{"colour":1}');
SELECT * FROM dimension_report('roll', 'v', '{"k":[]}');
SELECT * FROM dimension_report('roll', 'v', '{"k":[3,0]}');
SELECT * FROM dimension_report('roll', 'v', '{"k":[3,"4"]}');
SELECT * FROM dimension_report('roll', 'v', '{"k":[3,null]}');
SELECT * FROM dimension_report('roll', 'v', '{"k":[3,[4]]}');
SELECT * FROM dimension_report('roll', 'v', '{"k":{"a":4}}');
SELECT * FROM dimension_report('roll', 'v', '{"sample":[1]}');
SELECT * FROM dimension_report('roll', 'v', '{"metrics":["l2","taxicab"]}');
SELECT * FROM dimension_report('roll', 'v', '{"metrics":[2]}');
SELECT * FROM dimension_report('roll', 'v', '{"sample":0}');
SELECT * FROM dimension_report('roll', 'v', jsonb_build_object('k', (SELECT jsonb_agg(n) FROM generate_series(1, 65) n)));
SELECT * FROM dimension_report('roll', 'id');
SELECT * FROM dimension_report('roll', 'w');
SELECT * FROM dimension_report(0, 'w');
INSERT INTO few VALUES ('[1]');
SELECT * FROM dimension_report('few', 'v');
-- No other function takes arrays
SELECT intrinsic_dimension(v, '{"k":[3]}') FROM roll;
-- A sample that does not fit maintenance_work_mem is cut, or refused
SET maintenance_work_mem = '1MB';
SELECT DISTINCT sample BETWEEN 64 AND 1499 AS cut FROM dimension_report('roll', 'v', '{"k":100,"sample":1500}');
CREATE TABLE wide AS SELECT array_fill(1::real, ARRAY[16000])::vector AS v;
SELECT * FROM dimension_report('wide', 'v');
RESET maintenance_work_mem;

-- Whoever may not read the column may not measure it; row security hides rows
CREATE ROLE lowdim_dimension_reader;
GRANT USAGE ON SCHEMA public TO lowdim_dimension_reader;
SET ROLE lowdim_dimension_reader;
SELECT * FROM dimension_report('roll', 'v');
RESET ROLE;
GRANT SELECT (id, v) ON roll TO lowdim_dimension_reader;
ALTER TABLE roll ENABLE ROW LEVEL SECURITY;
CREATE POLICY few_rows ON roll USING (id <= 120);
SET ROLE lowdim_dimension_reader;
SELECT DISTINCT sample FROM dimension_report('roll', 'v');
RESET ROLE;
DROP POLICY few_rows ON roll;
REVOKE ALL ON roll FROM lowdim_dimension_reader;
REVOKE USAGE ON SCHEMA public FROM lowdim_dimension_reader;
DROP ROLE lowdim_dimension_reader;

-- What it says, and a cancel
SET client_min_messages = notice;
SELECT count(*) FROM dimension_report('roll', 'h', '{"sample":100}');
SET client_min_messages = warning;
SET statement_timeout = '5ms';
\set VERBOSITY sqlstate
SELECT count(*) FROM dimension_report('roll', 'v');
RESET statement_timeout;
DROP VIEW seen;
DROP TABLE roll, report, circle, parts, domains, few, sizes, wide;
DROP DOMAIN embedding;
