-- fde_advice on a small table: what it says, queries of one's own, privileges, errors. Figures whose last digits
-- depend on the order of sums are not shown.
\pset null '(null)'
SET client_min_messages = warning;
CREATE TABLE pages (id int, tokens multivector(12), "odd Name" multivector, one vector(12));
INSERT INTO pages SELECT d, m, m, mean(m) FROM (
  SELECT d, multivector_agg(v ORDER BY t) AS m FROM (
    SELECT d, t, array_agg((cos(d % 17 * 1.7 + i * i + t % 3 * i) + sin(d * 12.9898 + t * 78.233 + i * 37.719) / 2)::real ORDER BY i)::vector AS v
    FROM generate_series(1, 150) d, generate_series(1, 4) t, generate_series(1, 12) i GROUP BY d, t) x GROUP BY d) y;
CREATE TABLE advice AS SELECT a FROM fde_advice('pages', 'tokens') a;
SELECT string_agg(key, ' ' ORDER BY key) FROM advice, jsonb_object_keys(a) key;
SELECT a -> 'target' AS target, a -> 'table_rows' AS table_rows, a -> 'documents' AS documents, a -> 'queries' AS queries,
  a ->> 'queries_from' AS queries_from, a -> 'vectors_per_document' AS vectors, a -> 'reached' AS reached,
  (a ->> 'recall')::float8 >= 0.9 AS enough, (a ->> 'candidates')::int BETWEEN 10 AND 60 AS plausible,
  (a ->> 'bucket_entropy')::float8 BETWEEN 0.5 AND 6 AS entropy, jsonb_typeof(a -> 'center_helps') AS center_helps FROM advice;
SELECT a ->> 'note' AS note FROM advice;
-- The options are of the type fde, and encodings have as many dimensions as it says
SELECT fde_dims((a ->> 'options')::fde, 12) = (a ->> 'dims')::int AS dims,
  vector_dims(fde_document(tokens, (a ->> 'options')::fde)) = (a ->> 'dims')::int AS encodes FROM advice, pages WHERE id = 1;
SELECT t ->> 'options' AS options, t -> 'dims' AS dims, t ->> 'center' AS center, jsonb_typeof(t -> 'candidates') IN ('number', 'null') AS candidates,
  (t ->> 'recall_at_100')::float8 BETWEEN 0.5 AND 1 AS recall_at_100 FROM advice, jsonb_array_elements(a -> 'tried') WITH ORDINALITY AS x (t, n)
WHERE t ->> 'center' IS NULL AND t ->> 'options' NOT LIKE '%fill_empty%' ORDER BY n;
SELECT t ->> 'options' LIKE '%fill_empty=off%' AS unfilled FROM advice, jsonb_array_elements(a -> 'tried') WITH ORDINALITY AS x (t, n)
ORDER BY n DESC OFFSET 1 LIMIT 1;
SELECT t ->> 'center' AS center FROM advice, jsonb_array_elements(a -> 'tried') t WHERE t ->> 'center' IS NOT NULL;
-- The same again, and the same advice from a column without a modifier, in a view
SELECT a = fde_advice('pages', 'tokens') AS same, a = fde_advice('pages', 'odd Name') AS same_values FROM advice;
CREATE VIEW "odd View" AS SELECT tokens AS t FROM pages WHERE id <= 120;
SELECT r -> 'table_rows' AS table_rows, r -> 'documents' AS documents FROM fde_advice('"odd View"', 't') r;
-- Queries of one's own; only the first 200 count
SELECT r -> 'queries' AS queries, r ->> 'queries_from' AS queries_from, r -> 'documents' AS documents, r ->> 'note' AS note
FROM fde_advice('pages', 'tokens', 0.5, (SELECT array_agg(tokens) FROM pages WHERE id < 8)) r;
SELECT r -> 'queries' AS queries FROM fde_advice('pages', 'tokens', 1, (SELECT array_agg(tokens) FROM pages, generate_series(1, 2))) r;
SELECT r ->> 'queries_from' AS queries_from FROM fde_advice('pages', 'tokens', queries => '{}') r;
-- Rows that are null do not count
INSERT INTO pages (id) VALUES (1000);
SELECT r -> 'table_rows' AS table_rows FROM fde_advice('pages', 'tokens') r;

-- Errors
SELECT fde_advice(NULL, 'tokens');
SELECT fde_advice('pages', NULL);
SELECT fde_advice('pages', 'tokens', NULL);
SELECT fde_advice('pages', 'tokens', 0);
SELECT fde_advice('pages', 'tokens', 1.5);
SELECT fde_advice('pages', 'tokens', 'NaN');
SELECT fde_advice('pages', 'tokens', 'Infinity');
SELECT fde_advice('nothing', 'tokens');
SELECT fde_advice('pages', 'nothing');
SELECT fde_advice('pages', 'id');
SELECT fde_advice('pages', 'one');
SELECT fde_advice('pages', 'ctid');
SELECT fde_advice('pages', 'tokens', 0.9, ARRAY['[[1,2]]']::multivector[]);
SELECT fde_advice('pages', 'tokens', 0.9, ARRAY[NULL]::multivector[]);
CREATE TABLE few AS SELECT tokens FROM pages WHERE id < 100;
SELECT fde_advice('few', 'tokens');
TRUNCATE few;
SELECT fde_advice('few', 'tokens');
CREATE TABLE mixed AS SELECT "odd Name" AS m FROM pages UNION ALL SELECT '[[1]]'::multivector;
SELECT fde_advice('mixed', 'm');
-- Documents that memory does not hold
CREATE TABLE long AS SELECT (SELECT multivector_agg(one) FROM pages p WHERE p.id <= 150) || tokens AS t FROM pages WHERE id <= 110;
SET maintenance_work_mem = '1MB';
SELECT r -> 'table_rows' AS table_rows, (r ->> 'documents')::int BETWEEN 75 AND 95 AS documents FROM fde_advice('long', 't') r;
UPDATE long SET t = t || t;
SELECT fde_advice('long', 't');
RESET maintenance_work_mem;
-- Elements whose products are infinite
CREATE TABLE large AS SELECT array_fill((CASE WHEN d % 2 = 0 THEN 3e38 ELSE -3e38 END)::real, ARRAY[2, 3])::multivector AS t FROM generate_series(1, 120) d;
SELECT (r ->> 'candidates')::int > 0 AS answered FROM fde_advice('large', 't') r;
-- Whoever may not read the column gets no advice
CREATE ROLE lowdim_advice_reader;
GRANT USAGE ON SCHEMA public TO lowdim_advice_reader;
SET ROLE lowdim_advice_reader;
SELECT fde_advice('pages', 'tokens');
RESET ROLE;
-- and row security holds
GRANT SELECT ON pages TO lowdim_advice_reader;
ALTER TABLE pages ENABLE ROW LEVEL SECURITY;
CREATE POLICY first_pages ON pages FOR SELECT TO lowdim_advice_reader USING (id <= 101);
SET ROLE lowdim_advice_reader;
SELECT r -> 'table_rows' AS table_rows FROM fde_advice('pages', 'tokens') r;
RESET ROLE;
-- One notice, and a cancel
SET client_min_messages = notice;
SELECT fde_advice('pages', 'tokens') IS NOT NULL AS told;
SET client_min_messages = warning;
\set VERBOSITY sqlstate
SET statement_timeout = '5ms';
SELECT count(*) FROM fde_advice('pages', 'tokens');
RESET statement_timeout;
-- The errors' codes
SELECT fde_advice('pages', NULL);
SELECT fde_advice('pages', 'tokens', 2);
SELECT fde_advice('pages', 'id');
SELECT fde_advice('pages', 'tokens', 0.9, ARRAY[NULL]::multivector[]);
SELECT fde_advice('few', 'tokens');
SELECT fde_advice('mixed', 'm');
SET maintenance_work_mem = '1MB';
SELECT fde_advice('long', 't');
RESET maintenance_work_mem;
DROP TABLE pages, advice, few, mixed, long, large CASCADE;
REVOKE USAGE ON SCHEMA public FROM lowdim_advice_reader;
DROP ROLE lowdim_advice_reader;
