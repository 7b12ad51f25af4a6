-- Out-of-line values are read in storage order without their index where possible. Whatever the order, and whatever
-- happened to the table, the distances are those of plain copies.
\pset null '(null)'
CREATE FUNCTION toast_point(n int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS
  'SELECT array_agg(((n * 31 + i * 17) % 101)::real ORDER BY i)::vector FROM generate_series(1, dims) i';
CREATE TABLE t (id int PRIMARY KEY, v vector);
-- One to sixteen chunks a value, small inline ones in between
INSERT INTO t SELECT n, toast_point(n, (ARRAY[784, 10, 1500, 500, 4000, 1024, 600, 7900])[n % 8 + 1]) FROM generate_series(1, 800) n;
-- The reference: every value detoasted by the server
CREATE FUNCTION wrong(query text) RETURNS TABLE (rows bigint, wrong bigint) LANGUAGE plpgsql AS
$$ BEGIN RETURN QUERY EXECUTE format('SELECT count(*), count(*) FILTER (WHERE l1 IS DISTINCT FROM (v::real[]::vector <+> array_fill(0, ARRAY[vector_dims(v)])::vector)) FROM (%s) x', query); END $$;
SELECT * FROM wrong('SELECT v, v <+> array_fill(0, ARRAY[vector_dims(v)])::vector AS l1 FROM t');
SELECT * FROM wrong('SELECT v, v <+> array_fill(0, ARRAY[vector_dims(v)])::vector AS l1 FROM (SELECT v FROM t ORDER BY id DESC OFFSET 0) y');
SELECT * FROM wrong('SELECT v, v <+> array_fill(0, ARRAY[vector_dims(v)])::vector AS l1 FROM (SELECT v FROM t ORDER BY id % 7, id OFFSET 0) y');
-- Both arguments out of line, at different places
SELECT count(*), count(*) FILTER (WHERE a.v <-> b.v IS DISTINCT FROM a.v::real[]::vector <-> b.v::real[]::vector) AS wrong
FROM t a JOIN t b ON b.id = a.id + 8;
-- Holes, new versions, aborted versions
DELETE FROM t WHERE id % 5 = 0;
UPDATE t SET v = toast_point(id + 1, vector_dims(v)) WHERE id % 3 = 0;
BEGIN;
UPDATE t SET v = toast_point(id + 2, vector_dims(v));
SELECT * FROM wrong('SELECT v, v <+> array_fill(0, ARRAY[vector_dims(v)])::vector AS l1 FROM t');
SAVEPOINT s;
UPDATE t SET v = toast_point(id + 3, vector_dims(v));
SELECT * FROM wrong('SELECT v, v <+> array_fill(0, ARRAY[vector_dims(v)])::vector AS l1 FROM t');
ROLLBACK TO s;
SELECT * FROM wrong('SELECT v, v <+> array_fill(0, ARRAY[vector_dims(v)])::vector AS l1 FROM t');
ROLLBACK;
SELECT * FROM wrong('SELECT v, v <+> array_fill(0, ARRAY[vector_dims(v)])::vector AS l1 FROM t');
VACUUM t;
INSERT INTO t SELECT n, toast_point(n, 1500) FROM generate_series(801, 1000) n;
SELECT * FROM wrong('SELECT v, v <+> array_fill(0, ARRAY[vector_dims(v)])::vector AS l1 FROM t');
-- A table that shrinks and is rewritten while a cursor is open on another one
VACUUM FULL t;
SELECT * FROM wrong('SELECT v, v <+> array_fill(0, ARRAY[vector_dims(v)])::vector AS l1 FROM t');
-- Parallel workers
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
SELECT * FROM wrong('SELECT v, v <+> array_fill(0, ARRAY[vector_dims(v)])::vector AS l1 FROM t');
RESET ALL;
-- halfvec, and every other dense distance
CREATE TABLE h AS SELECT id, v::halfvec AS v FROM t WHERE vector_dims(v) > 1200;
SELECT count(*), count(*) FILTER (WHERE v <+> v * v IS DISTINCT FROM v::real[]::halfvec <+> v::real[]::halfvec * v::real[]::halfvec OR
  v <-> v * v IS DISTINCT FROM v::real[]::halfvec <-> v * v OR v <#> v IS DISTINCT FROM v::real[]::halfvec <#> v OR
  v <=> v * v IS DISTINCT FROM v::real[]::halfvec <=> v * v) AS wrong FROM h;
SELECT count(*), count(*) FILTER (WHERE v <-> v * v IS DISTINCT FROM v::real[]::vector <-> v * v OR v <#> v IS DISTINCT FROM v::real[]::vector <#> v OR
  v <=> v * v IS DISTINCT FROM v::real[]::vector <=> v * v) AS wrong FROM t;
DROP TABLE t, h;
DROP FUNCTION wrong, toast_point;
