-- lid(table, column): the local dimension around every row, with and without an index.
\pset null '(null)'
CREATE TABLE sheet AS
SELECT n AS id, ARRAY[x, y, sin(3 * x)]::vector(3) AS v, ARRAY[x, y, sin(3 * x)]::halfvec(3) AS h
FROM (SELECT n, ((n * 0.7548776662466927) % 1)::float8 AS x, (((n * 0.5698402909980532)::float8 + 0.3 * sin(n * n)) + 1)::numeric % 1 AS y FROM generate_series(1, 1500) n) q;

-- By definition: lid(distances) of the 20 nearest other rows; here of every 50th row
CREATE FUNCTION by_hand(k int) RETURNS TABLE (id bigint, lid float8) LANGUAGE sql AS $$
  SELECT s.id, (SELECT lid(array_agg(d)) FROM (SELECT s.v <-> o.v AS d FROM sheet o WHERE o.id <> s.id AND s.v <-> o.v > 0 ORDER BY 1 LIMIT k) x)
  FROM sheet s WHERE s.id % 50 = 0 $$;
SELECT count(*) AS rows, count(lid) AS known, count(DISTINCT tid) AS places, percentile_cont(0.5) WITHIN GROUP (ORDER BY lid) BETWEEN 1.8 AND 2.3 AS about_two FROM lid('sheet', 'v');
SELECT count(*) AS compared, bool_and(abs(l.lid / b.lid - 1) < 1e-4) AS agree FROM by_hand(20) b JOIN sheet s USING (id) JOIN lid('sheet', 'v') l ON l.tid = s.ctid;
SELECT count(*) AS compared, bool_and(abs(l.lid / b.lid - 1) < 1e-4) AS agree FROM by_hand(7) b JOIN sheet s USING (id) JOIN lid('sheet', 'v', 7) l ON l.tid = s.ctid;
SELECT bool_and(abs(v.lid / h.lid - 1) < 0.1) AS half FROM lid('sheet', 'v') v JOIN lid('sheet', 'h') h USING (tid);
SELECT count(*) = 1500 AS in_order FROM (SELECT tid > lag(tid) OVER () AS later FROM lid('sheet', 'v')) x WHERE later IS NOT FALSE;

-- In blocks that fit work_mem: the same bits
CREATE TABLE whole AS SELECT * FROM lid('sheet', 'v', 20);
SET work_mem = '64kB';
SELECT count(*) AS rows, bool_and(b.lid = w.lid) AS same FROM whole w JOIN lid('sheet', 'v') b USING (tid);
RESET work_mem;

-- By an index: the neighbours that it finds, their exact distances
CREATE INDEX sheet_v ON sheet USING lean_hnsw (v vector_l2_ops);
SELECT lid IS NOT NULL AS known, (lowdim_last_scan() ->> 'index') AS searched FROM (SELECT max(lid) AS lid FROM lid('sheet', 'v')) l;
SELECT count(*) AS rows, count(*) FILTER (WHERE abs(i.lid / w.lid - 1) < 1e-4) > 1450 AS same, abs(avg(i.lid) / avg(w.lid) - 1) < 0.01 AS mean FROM whole w JOIN lid('sheet', 'v') i USING (tid);
SET enable_indexscan = off;
SELECT count(*) AS rows, bool_and(e.lid = w.lid) AS exact FROM whole w JOIN lid('sheet', 'v') e USING (tid);
RESET enable_indexscan;
-- One by another distance, of some rows, or on an expression, is not used
DROP INDEX sheet_v;
CREATE INDEX ON sheet USING lean_hnsw (v vector_cosine_ops);
CREATE INDEX ON sheet USING lean_hnsw (v vector_l2_ops) WHERE id < 500;
CREATE INDEX ON sheet USING lean_hnsw ((l2_normalize(v)::vector(3)) vector_l2_ops);
CREATE INDEX ON sheet (id);
SELECT count(*) AS rows, bool_and(e.lid = w.lid) AS exact FROM whole w JOIN lid('sheet', 'v') e USING (tid);
-- Cosine: chords between the directions, by its index and without
CREATE TABLE units AS SELECT s.ctid AS tid, u.lid FROM (SELECT id, row_number() OVER () AS n, lid FROM (SELECT id, l2_normalize(v) AS v FROM sheet) x, LATERAL (SELECT lid(array_agg(d)) FROM (SELECT x.v <-> l2_normalize(o.v) AS d FROM sheet o WHERE o.id <> x.id ORDER BY 1 LIMIT 20) y) z(lid) WHERE id % 50 = 0) u JOIN sheet s USING (id);
SELECT count(*) AS compared, count(*) FILTER (WHERE abs(c.lid / u.lid - 1) < 1e-3) >= 29 AS by_index FROM units u JOIN lid('sheet', 'v', 20, 'cosine') c USING (tid);
SET enable_indexscan = off;
SELECT count(*) AS compared, bool_and(abs(c.lid / u.lid - 1) < 1e-3) AS exact FROM units u JOIN lid('sheet', 'v', 20, 'cosine') c USING (tid);
RESET enable_indexscan;

-- Halfvec, out of line, and rows that were updated
CREATE TABLE wide (id int, v vector(1200));
ALTER TABLE wide ALTER v SET STORAGE external;
INSERT INTO wide SELECT n, (SELECT array_agg(sin(n * i) ORDER BY i) FROM generate_series(1, 1200) i)::vector(1200) FROM generate_series(1, 40) n;
UPDATE wide SET id = id + 100 WHERE id % 3 = 0;
DELETE FROM wide WHERE id = 1;
SELECT count(*) AS rows, count(lid) AS known FROM lid('wide', 'v', 5);
CREATE INDEX ON wide USING lean_hnsw (v vector_l2_ops);
SELECT count(*) AS rows, count(lid) AS known FROM lid('wide', 'v', 5);
CREATE INDEX sheet_h ON sheet USING lean_hnsw (h halfvec_l2_ops);
SELECT count(*) AS rows, count(*) FILTER (WHERE abs(v.lid / h.lid - 1) < 0.1) > 1450 AS half FROM whole v JOIN lid('sheet', 'h') h USING (tid);

-- NULL, equal rows, zero rows, few rows, none
CREATE TABLE odd (id int, gone int, was vector, "Odd Name" vector);
INSERT INTO odd (id, "Odd Name") VALUES (1, '[0,0]'), (2, NULL), (3, '[1,0]'), (4, '[1,0]'), (5, '[3,0]'), (6, '[7,0]'), (7, '[7,7]');
ALTER TABLE odd DROP gone;
SELECT id, round(lid::numeric, 6) AS lid FROM lid('odd', 'Odd Name', 3) JOIN odd ON odd.ctid = tid ORDER BY id;
SELECT id, round(lid::numeric, 6) AS lid FROM lid('odd', 'Odd Name', 1000, 'cosine') JOIN odd ON odd.ctid = tid ORDER BY id;
SELECT count(*) FROM lid('odd', 'was');
SELECT count(*) AS rows, count(lid) AS known FROM (SELECT (lid('odd', 'Odd Name', NULL)).*) x;
ALTER TABLE odd RENAME "Odd Name" TO renamed;
SELECT count(*) FROM lid('odd', 'renamed');
SELECT count(*) FROM lid('odd', 'Odd Name');
SELECT count(*) FROM lid('odd', 'gone');
UPDATE odd SET renamed = '[1,1]';
SELECT count(*) AS rows, count(lid) AS known FROM lid('odd', 'renamed');
UPDATE odd SET renamed = '[1,1,1]' WHERE id = 5;
SELECT count(*) FROM lid('odd', 'renamed');
-- Sizes whose squares overflow or vanish
CREATE TABLE sizes AS SELECT id, v * array_fill(1e36::real, ARRAY[3])::vector AS big, v * array_fill(1e-30::real, ARRAY[3])::vector AS small FROM sheet WHERE id < 200;
SELECT count(*) AS rows, bool_and(abs(b.lid / s.lid - 1) < 1e-3) AS same FROM lid('sizes', 'big') b JOIN lid('sizes', 'small') s USING (tid);
-- A temporary table, a materialized view; what is none
CREATE TEMP TABLE mine AS SELECT * FROM sheet WHERE id <= 30;
SELECT count(*) FROM lid('mine', 'h', 3);
CREATE MATERIALIZED VIEW saved AS SELECT * FROM sheet WHERE id <= 30;
SELECT count(*) FROM lid('saved', 'v', 3);
CREATE VIEW seen AS SELECT * FROM sheet;
SELECT count(*) FROM lid('seen', 'v');
CREATE TABLE parts (id int, v vector(3)) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (100);
INSERT INTO parts SELECT id, v FROM sheet WHERE id < 50;
SELECT count(*) FROM lid('parts', 'v');
SELECT count(*) FROM lid('part', 'v');
CREATE DOMAIN embedding AS vector(3);
CREATE TABLE domains AS SELECT v::embedding AS v FROM sheet LIMIT 30;
SELECT count(lid) FROM lid('domains', 'v');

-- Errors
SELECT * FROM lid('sheet', 'v', 1);
SELECT * FROM lid('sheet', 'v', 1001);
SELECT * FROM lid('sheet', 'v', -2147483648);
SELECT * FROM lid('sheet', 'v', 20, 'taxicab');
SELECT * FROM lid('sheet', 'id');
SELECT * FROM lid('sheet', 'ctid');
SELECT * FROM lid('sheet', 'nothing');
SELECT * FROM lid('sheet_h', 'h');
SELECT * FROM lid(0, 'h');

-- Whoever may not read the column may not measure it; nor where row security hides rows
CREATE ROLE lowdim_lid_reader;
GRANT USAGE ON SCHEMA public TO lowdim_lid_reader;
SET ROLE lowdim_lid_reader;
SELECT count(*) FROM lid('part', 'v');
RESET ROLE;
GRANT SELECT (id) ON part TO lowdim_lid_reader;
SET ROLE lowdim_lid_reader;
SELECT count(*) FROM lid('part', 'v');
RESET ROLE;
GRANT SELECT (v) ON part TO lowdim_lid_reader;
SET ROLE lowdim_lid_reader;
SELECT count(*) FROM lid('part', 'v');
RESET ROLE;
ALTER TABLE part ENABLE ROW LEVEL SECURITY;
SELECT count(*) FROM lid('part', 'v');
SET ROLE lowdim_lid_reader;
SELECT count(*) FROM lid('part', 'v');
RESET ROLE;
REVOKE ALL ON part FROM lowdim_lid_reader;
REVOKE USAGE ON SCHEMA public FROM lowdim_lid_reader;
DROP ROLE lowdim_lid_reader;

-- A cancel
CREATE TABLE many AS SELECT ARRAY[n, cos(n), sin(n)]::vector(3) AS v FROM generate_series(1, 30000) n;
SET statement_timeout = '100ms';
\set VERBOSITY sqlstate
SELECT count(*) FROM lid('many', 'v', 1000);
SET work_mem = '64kB';
SELECT count(*) FROM lid('many', 'v', 1000);
RESET work_mem;
RESET statement_timeout;
CREATE INDEX ON many USING lean_hnsw (v vector_l2_ops);
SET statement_timeout = '100ms';
SELECT count(*) FROM lid('many', 'v', 1000);
RESET statement_timeout;
DROP MATERIALIZED VIEW saved;
DROP VIEW seen;
DROP TABLE sheet, whole, units, wide, odd, sizes, mine, parts, domains, many;
DROP DOMAIN embedding;
DROP FUNCTION by_hand;
