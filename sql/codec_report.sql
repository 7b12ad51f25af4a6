-- codec_report and codec_recommend on a small table: which methods, plausible figures, options, privileges, errors.
-- Times and the last digits of recall are not shown.
\pset null '(null)'
SET client_min_messages = warning;
CREATE TABLE items (id int, v vector(16), h halfvec(16), "odd Name" real[]);
INSERT INTO items SELECT n, a::vector, a::halfvec, a FROM (
  SELECT n, (SELECT array_agg((sin(n * 0.37 + i) * 8 / (1 + i % 6) + cos(n * i * 0.11) + (n * 7919 + i * 104729) % 97 / 97.0)::real ORDER BY i)
  FROM generate_series(1, 16) i) AS a FROM generate_series(1, 1500) n) x;
CREATE TABLE report AS SELECT * FROM codec_report('items', 'v', '{"queries":30,"training_rows":1000}');
SELECT count(*) > 20 AS methods, bool_and(bytes_per_vector > 0 AND compression > 0 AND mse >= 0 AND recall_at_10 BETWEEN 0 AND 1
  AND encode_us >= 0 AND decode_us >= 0 AND distance_ns >= 0 AND train_s >= 0) FILTER (WHERE recall_at_10 IS NOT NULL) AS plausible,
  bool_and(note IS NOT NULL) FILTER (WHERE recall_at_10 IS NULL) AS explained FROM report;
SELECT method, target, compression > 1 AS smaller, recall_at_10 > 0.9 AS good, codec_options FROM report WHERE method IN ('float16', 'lvq8') ORDER BY method, target;
-- What the report says can be trained
SELECT bool_and((SELECT codec_train(v, codec_options) FROM items) IS NOT NULL) FROM report WHERE codec_options IS NOT NULL AND recall_at_10 IS NOT NULL AND target < 9;
-- Queries of one's own, other metrics, other types, expressions of type names do not matter
SELECT count(*) > 0 AS rows FROM codec_report('items', 'h', '{"metric":"cosine","table_methods":false,"training_rows":500}', (SELECT array_agg(v) FROM items WHERE id < 20));
SELECT count(*) > 0 AS rows FROM codec_report('items', 'odd Name', '{"metric":"ip","queries":10,"base_rows":500,"table_methods":false,"seed":7}');
SELECT r ->> 'method' IS NOT NULL AS found, (r ->> 'bytes_per_vector')::float8 <= 40 AS fits, (r ->> 'recall_at_10')::float8 >= 0.8 AS reaches,
  r ->> 'reason' <> '' AS reason FROM codec_recommend('items', 'v', 40, 0.8, '{"queries":30,"table_methods":false}') r;
SELECT r ->> 'method' AS method, r ->> 'reason' <> '' AS reason FROM codec_recommend('items', 'v', 1, 1, '{"queries":30,"table_methods":false}') r;

-- Errors
SELECT * FROM codec_report('items', 'v', '{"colour":"red"}');
SELECT * FROM codec_report('items', 'v', '{"metric":"taxicab"}');
SELECT * FROM codec_report('items', 'v', '{"queries":0}');
SELECT * FROM codec_report('items', 'v', '{"table_methods":1}');
SELECT * FROM codec_report('items', 'v', NULL);
SELECT * FROM codec_report('items', 'w');
SELECT * FROM codec_report('nothing', 'v');
SELECT * FROM codec_report('items', 'id');
SELECT * FROM codec_report('items', 'v', '{}', ARRAY['[1,2]']::vector[]);
SELECT * FROM codec_report('items', 'v', '{}', ARRAY[NULL]::vector[]);
SELECT codec_recommend('items', 'v', 0, 0.9);
SELECT codec_recommend('items', 'v', 100, 1.5);
CREATE TABLE few AS SELECT * FROM items LIMIT 50;
SELECT * FROM codec_report('few', 'v');
CREATE TABLE mixed AS SELECT '[1]'::vector AS v UNION ALL SELECT '[1,2]';
SELECT * FROM codec_report('mixed', 'v');
-- Whoever may not read the column may not measure it
CREATE ROLE lowdim_report_reader;
GRANT USAGE ON SCHEMA public TO lowdim_report_reader;
SET ROLE lowdim_report_reader;
SELECT * FROM codec_report('items', 'v');
RESET ROLE;
REVOKE USAGE ON SCHEMA public FROM lowdim_report_reader;
DROP ROLE lowdim_report_reader;
-- Progress, and a cancel
SET client_min_messages = notice;
SET statement_timeout = '1ms';
\set VERBOSITY sqlstate
SELECT count(*) FROM codec_report('items', 'v');
RESET statement_timeout;
SET client_min_messages = warning;
DROP TABLE items, report, few, mixed;
