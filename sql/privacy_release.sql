-- Private releases: charged and committed before anything is computed, stored once, read by whom they are granted to.
-- No noise is shown here, only who gets what, and what it costs.
\pset null '(null)'
SET client_min_messages = warning;
CREATE ROLE dp_owner;
CREATE ROLE dp_analyst;
CREATE ROLE dp_group;
CREATE ROLE dp_member IN ROLE dp_group;
CREATE SCHEMA dp AUTHORIZATION dp_owner;
GRANT USAGE ON SCHEMA dp TO PUBLIC;
SET ROLE dp_owner;
CREATE TABLE dp.people (id int, person int, v vector(3), h halfvec(3));
INSERT INTO dp.people SELECT i, i % 100, array[i % 7, i % 5, 1]::vector, array[1, i % 3, 0]::halfvec FROM generate_series(1, 1000) i;
INSERT INTO dp.people VALUES (0, NULL, '[1,1,1]', NULL), (0, 1, NULL, NULL);
SELECT dp_protect('dp.people', 'v', 1, 1e-6);
SELECT dp_protect('dp.people', 'h', 1, 0, unit => 'person', max_rows_per_unit => 2);

-- Releases, and what they cost
CALL dp_release('people', 'dp.people', 'v', '{"statistic":"moments","dims":3,"radius":10,"epsilon":0.3,"delta":1e-6,"mechanism":"zcdp"}');
CALL dp_release('sum of v', 'dp.people', 'v', '{"statistic":"sum","dims":3,"radius":10,"epsilon":0.3,"delta":1e-6,"mechanism":"zcdp"}');
CALL dp_release('sum of h', 'dp.people', 'h', '{"statistic":"sum","dims":3,"normalize":true,"epsilon":0.4,"mechanism":"laplace"}');
SELECT release, epsilon, delta, by_unit, max_rows_per_unit, sketch IS NOT NULL AS sketch, vector_dims(vector), count IS NOT NULL AS count FROM dp_releases ORDER BY release;
SELECT "column", charge, who, release, epsilon, delta, round(rho::numeric, 6) AS rho, state FROM dp_history WHERE state <> 'budget' ORDER BY "column"::text, charge;
SELECT "column", charges, round(spent_epsilon::numeric, 4) AS spent, round(left_epsilon::numeric, 4) AS left FROM dp_ledger ORDER BY "column"::text;

-- No rows, no vectors and no units are rows like others, and get noise; a sketch says how many rows of a unit it allows
CREATE TABLE dp.empty (who int, v vector(3));
SELECT dp_protect('dp.empty', 'v', 10, 0, unit => 'who', max_rows_per_unit => 4);
CALL dp_release('empty', 'dp.empty', 'v', '{"statistic":"kde","dims":3,"bandwidth":1,"features":64,"epsilon":1,"mechanism":"laplace"}');
INSERT INTO dp.empty VALUES (NULL, '[1,2,3]'), (1, NULL);
CALL dp_release('nobody', 'dp.empty', 'v', '{"statistic":"avg","dims":3,"radius":1,"epsilon":1,"mechanism":"laplace"}');
CALL dp_release('distances', 'dp.empty', 'v', '{"statistic":"distance","dims":3,"low":0,"high":1,"depth":3,"epsilon":1,"mechanism":"laplace"}');
SELECT release, sketch IS NOT NULL AS sketch, vector_dims(vector), dp_explain(sketch) ->> 'max_rows' AS max_rows FROM dp_releases WHERE max_rows_per_unit = 4 ORDER BY 1;
DROP TABLE dp.empty;

-- Two rows of each of 100 units, chosen anew each time. The k-th row of a unit is the k-th unit vector, so a sum says how
-- many units gave their k-th row. Noise is below 10 but for one run in e^50; two choices are as near as 3 once in 300,000
CREATE TABLE dp.units (unit int, v vector(10));
INSERT INTO dp.units SELECT u, (SELECT array_agg((d = k)::int ORDER BY d) FROM generate_series(1, 10) d)::vector FROM generate_series(1, 100) u, generate_series(1, 10) k;
SELECT dp_protect('dp.units', 'v', 1000, 0, unit => 'unit', max_rows_per_unit => 2);
CALL dp_release('rows of units', 'dp.units', 'v', '{"statistic":"count","epsilon":10,"mechanism":"laplace"}');
CALL dp_release('sum 1', 'dp.units', 'v', '{"statistic":"sum","dims":10,"radius":1,"epsilon":100,"mechanism":"laplace"}');
CALL dp_release('sum 2', 'dp.units', 'v', '{"statistic":"sum","dims":10,"radius":1,"epsilon":100,"mechanism":"laplace"}');
SELECT count BETWEEN 190 AND 210 AS two_of_each FROM dp_releases WHERE release = 'rows of units';
SELECT abs(a.vector <#> array_fill(1, ARRAY[10])::vector) BETWEEN 190 AND 210 AS two_of_each, a.vector <-> b.vector > 3 AS other_rows
  FROM dp_releases a, dp_releases b WHERE a.release = 'sum 1' AND b.release = 'sum 2';
DROP TABLE dp.units;

-- A release is stored: however often it is read, it is the same
CREATE VIEW dp.seen AS SELECT dp_sketch_of('people') AS sketch;
PREPARE again AS SELECT dp_sketch_of('people')::text;
CREATE TEMP TABLE reads (t) AS EXECUTE again;
CREATE TEMP TABLE more AS EXECUTE again;
INSERT INTO reads TABLE more;
DO $$
DECLARE c CURSOR FOR SELECT dp_sketch_of('people')::text AS t FROM generate_series(1, 3);
BEGIN
  FOR i IN 1..3 LOOP EXECUTE 'INSERT INTO reads SELECT sketch::text FROM dp.seen'; END LOOP;
  FOR r IN c LOOP INSERT INTO reads VALUES (r.t); END LOOP;
END $$;
INSERT INTO reads SELECT sketch::text FROM dp_releases WHERE release = 'people';
SELECT count(*) AS parallel FROM (SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')) x;
INSERT INTO reads SELECT dp_sketch_of('people')::text;
CREATE TEMP TABLE worker AS SELECT dp_sketch_of('people')::text;
INSERT INTO reads TABLE worker;
SELECT count(*) AS serial FROM (SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')) x;
SELECT count(*), count(DISTINCT t) FROM reads;
SELECT release, charges FROM dp_releases, dp_ledger WHERE "column"::text = 'dp.people.v' AND release = 'people';

-- No transaction that could take the charge back
BEGIN;
CALL dp_release('no', 'dp.people', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6}');
ROLLBACK;
BEGIN;
SAVEPOINT a;
CALL dp_release('no', 'dp.people', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6}');
ROLLBACK;
CALL dp_release('no', 'dp.people', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6}') \; SELECT 1;
CREATE FUNCTION dp.call() RETURNS void LANGUAGE plpgsql AS $$
BEGIN CALL dp_release('no', 'dp.people', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6}'); END $$;
SELECT dp.call();
CREATE PROCEDURE dp.definer() LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN CALL dp_release('no', 'dp.people', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6}'); END $$;
CALL dp.definer();
DO $$ BEGIN
  BEGIN CALL dp_release('no', 'dp.people', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6}'); EXCEPTION WHEN division_by_zero THEN NULL; END;
END $$;
SELECT charges FROM dp_ledger ORDER BY charges;
-- In a block that may commit, what was charged before ROLLBACK stays charged, and what was stored stays too
DO $$ BEGIN
  FOR i IN 1..2 LOOP
    CALL dp_release('loop ' || i, 'dp.people', 'v', '{"statistic":"count","epsilon":0.05,"delta":1e-6,"mechanism":"zcdp"}');
    ROLLBACK;
  END LOOP;
  PERFORM 1 / 0;
END $$;
SELECT release FROM dp_releases WHERE release LIKE 'loop%' ORDER BY 1;
SELECT charge, release, state FROM dp_history WHERE release LIKE 'loop%' ORDER BY 1;

-- A cursor that is open over its commits goes on; what the block did before is committed with the charge
CREATE TABLE dp.names AS SELECT 'cursor ' || i AS name FROM generate_series(1, 3) i;
DO $$
DECLARE n text;
BEGIN
  FOR n IN SELECT name FROM dp.names ORDER BY name LOOP
    UPDATE dp.names SET name = 'done' WHERE name = n;
    CALL dp_release(n, 'dp.people', 'v', '{"statistic":"count","epsilon":0.01,"delta":1e-6,"mechanism":"zcdp"}');
    ROLLBACK;
  END LOOP;
END $$;
SELECT release FROM dp_releases WHERE release LIKE 'cursor%' ORDER BY 1;
TABLE dp.names;
-- One in a procedure that fails is stored all the same, and the next one is refused by its own merits
CREATE PROCEDURE dp.two() LANGUAGE plpgsql AS $$
BEGIN
  CALL dp_release('first', 'dp.people', 'v', '{"statistic":"count","epsilon":0.01,"delta":1e-6,"mechanism":"zcdp"}');
  CALL dp_release('second', 'dp.people', 'v', '{"statistic":"count","epsilon":5,"delta":1e-6,"mechanism":"zcdp"}');
END $$;
CALL dp.two();
SELECT release FROM dp_releases WHERE release IN ('first', 'second');

-- What it refuses costs nothing
CALL dp_release('people', 'dp.people', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6}');
CALL dp_release('', 'dp.people', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6}');
CALL dp_release(NULL, 'dp.people', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6}');
CALL dp_release('no', NULL, 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6}');
CALL dp_release('no', 'dp.people', NULL, '{"statistic":"count","epsilon":0.1,"delta":1e-6}');
CALL dp_release('no', 'dp.people', 'v', NULL);
CALL dp_release('no', 'dp.people', 'id', '{"statistic":"count","epsilon":0.1,"delta":1e-6}');
CALL dp_release('no', 'dp.people', 'none', '{"statistic":"count","epsilon":0.1,"delta":1e-6}');
CALL dp_release('no', 'dp.people', 'h', '{"statistic":"count","epsilon":0.1,"mechanism":"laplace","max_rows":1}');
CALL dp_release('no', 'dp.people', 'v', '{"epsilon":0.1,"delta":1e-6}');
CALL dp_release('no', 'dp.people', 'v', '{"statistic":"sum","dims":4,"radius":1,"epsilon":0.1,"delta":1e-6}');
CALL dp_release('no', 'dp.people', 'v', '[]');
CALL dp_release('all', 'dp.people', 'v', '{"statistic":"count","epsilon":"inf"}');
CALL dp_release('much', 'dp.people', 'v', '{"statistic":"count","epsilon":0.9,"delta":1e-6,"mechanism":"zcdp"}');
CALL dp_release('much', 'dp.people', 'h', '{"statistic":"count","epsilon":0.7,"mechanism":"laplace"}');
CALL dp_release('much', 'dp.people', 'h', '{"statistic":"count","epsilon":0.1,"delta":1e-6}');
SET ROLE dp_analyst;
CALL dp_release('no', 'dp.people', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6}');
SET ROLE dp_owner;
SELECT charges FROM dp_ledger ORDER BY charges;
SELECT dp_set_budget('dp.people', 'h', 0.39, 0);
SELECT dp_set_budget('dp.people', 'h', 0.4, 0);
CALL dp_release('no', 'dp.people', 'h', '{"statistic":"count","epsilon":1e-6,"mechanism":"laplace"}');
SELECT spent_epsilon, left_epsilon FROM dp_ledger WHERE "column"::text = 'dp.people.h';

-- What fails after the charge stays charged; the name is free again
RESET ROLE;
SET lowdim.failpoint = 'release:1:crush';
SET lowdim.failpoint = 'relea:1:error';
SET lowdim.failpoint = 'release:1:error';
SET ROLE dp_owner;
CALL dp_release('failing', 'dp.people', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6,"mechanism":"zcdp"}');
RESET ROLE;
SET lowdim.failpoint = 'release:2:error';
SET ROLE dp_owner;
CALL dp_release('failing', 'dp.people', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6,"mechanism":"zcdp"}');
SELECT current_user, current_setting('search_path'), release FROM dp_releases WHERE release = 'failing';
SELECT current_user, current_setting('search_path');
CALL dp_release('failing', 'dp.people', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6,"mechanism":"zcdp"}');
SELECT charge, release, state FROM dp_history WHERE release = 'failing' ORDER BY 1;
SELECT charges, round(spent_rho::numeric, 6) AS rho, round(sum(h.rho)::numeric, 6) AS of_history FROM dp_ledger l JOIN dp_history h ON h."column"::text = l."column"::text
  WHERE l."column"::text = 'dp.people.v' GROUP BY 1, 2;

-- Readers need no right on the table
SET ROLE dp_analyst;
SELECT count(*) FROM dp_releases;
SELECT dp_sketch_of('people');
SELECT dp_grant('people', 'dp_analyst');
SELECT dp_drop_release('people');
SET ROLE dp_owner;
SELECT dp_grant('people', 'dp_analyst');
SELECT dp_grant('people', 'dp_analyst');
SELECT dp_grant('people', 'dp_group');
SELECT dp_grant('sum of v', 'public');
SELECT dp_grant('none', 'public');
SELECT dp_grant('people', 'dp_nobody');
SET ROLE dp_analyst;
SELECT release FROM dp_releases ORDER BY 1;
SELECT dp_sketch_of('people') IS NOT NULL, dp_sketch_of(NULL) IS NULL;
SELECT dp_sketch_of('sum of v');
SELECT dp_sketch_of('sum of h');
SELECT v FROM dp.people;
SELECT * FROM dp_answers;
SELECT * FROM dp_ledger;
SET ROLE dp_member;
SELECT release FROM dp_releases ORDER BY 1;
SET ROLE dp_owner;
SELECT dp_revoke('people', 'dp_analyst');
SELECT dp_revoke('sum of v', 'public');
SET ROLE dp_analyst;
SELECT release FROM dp_releases ORDER BY 1;
-- A role of another name is another role, until it is granted again
RESET ROLE;
ALTER ROLE dp_group RENAME TO dp_team;
SET ROLE dp_member;
SELECT release FROM dp_releases ORDER BY 1;
SET ROLE dp_owner;
SELECT dp_grant('people', 'dp_team');
SET ROLE dp_member;
SELECT release FROM dp_releases ORDER BY 1;

-- Dropping a release frees its name, not its cost
SET ROLE dp_owner;
SELECT charges FROM dp_ledger WHERE "column"::text = 'dp.people.v';
SELECT dp_drop_release('people');
SELECT dp_drop_release('people');
SELECT dp_sketch_of('people');
SELECT charges FROM dp_ledger WHERE "column"::text = 'dp.people.v';

-- Renamed, without its units, under row security
SELECT dp_set_budget('dp.people', 'h', 4, 0);
ALTER TABLE dp.people RENAME h TO "Half";
ALTER TABLE dp.people RENAME TO "People";
CALL dp_release('renamed', 'dp."People"', 'Half', '{"statistic":"count","epsilon":0.1,"mechanism":"laplace"}');
ALTER TABLE dp."People" DROP person;
CALL dp_release('no', 'dp."People"', 'Half', '{"statistic":"count","epsilon":0.1,"mechanism":"laplace"}');
ALTER TABLE dp."People" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL dp_release('no', 'dp."People"', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6}');
ALTER TABLE dp."People" DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
CREATE TABLE dp.all (LIKE dp."People") PARTITION BY LIST (id);
ALTER TABLE dp.all ATTACH PARTITION dp."People" DEFAULT;
CALL dp_release('no', 'dp."People"', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6}');
ALTER TABLE dp.all DETACH PARTITION dp."People";
ALTER TABLE dp."People" ALTER v TYPE real[];
CALL dp_release('no', 'dp."People"', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6}');
SELECT "column", charges FROM dp_ledger ORDER BY "column"::text;

-- Objects of the same names in front of ours are not found, and what the owner wrote into an index runs as the owner
RESET ROLE;
CREATE SCHEMA evil AUTHORIZATION dp_owner;
SET ROLE dp_owner;
CREATE FUNCTION evil.boom() RETURNS uuid LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'found as %', current_user; END $$;
CREATE FUNCTION evil.gen_random_uuid() RETURNS uuid LANGUAGE sql AS 'SELECT evil.boom()';
CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT now() FROM evil.boom()';
CREATE FUNCTION evil.jsonb_build_object(text, int) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(boom) FROM evil.boom()';
CREATE FUNCTION evil.dp_count(vector, jsonb) RETURNS int LANGUAGE sql AS 'SELECT 1 FROM evil.boom()';
CREATE FUNCTION evil.concat(jsonb, jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(boom) FROM evil.boom()';
CREATE FUNCTION evil.equal(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true FROM evil.boom()';
CREATE FUNCTION evil.equal(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true FROM evil.boom()';
CREATE FUNCTION evil.least(bigint, int) RETURNS boolean LANGUAGE sql AS 'SELECT true FROM evil.boom()';
CREATE OPERATOR evil.|| (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = evil.concat);
CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.equal);
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.equal);
CREATE OPERATOR evil.<= (LEFTARG = bigint, RIGHTARG = int, FUNCTION = evil.least);
CREATE DOMAIN evil.vector AS text;
CREATE DOMAIN evil.name AS int;
CREATE TABLE evil.dp_protected_columns (id int);
CREATE TABLE evil.dp_charges (id int);
CREATE TABLE evil.dp_answers (id int);
CREATE TEMP TABLE dp_protected_columns (id int);
CREATE TEMP TABLE dp_charges (id int);
CREATE TEMP TABLE pg_index (id int);
CREATE TABLE dp.victim (id int, v vector(3));
INSERT INTO dp.victim SELECT i % 10, '[1,2,3]' FROM generate_series(1, 100) i;
CREATE FUNCTION dp.planned(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN IF current_user <> 'dp_owner' THEN RAISE EXCEPTION 'planned as %', current_user; END IF; RETURN $1; END $$;
CREATE INDEX ON dp.victim (id) WHERE dp.planned(1) = 1;
SET search_path = evil, pg_temp, pg_catalog, public;
SELECT public.dp_protect('dp.victim', 'v', 1, 1e-6, unit => 'id');
SELECT public.dp_set_budget('dp.victim', 'v', 2, 1e-6);
CALL public.dp_release('victim', 'dp.victim', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6,"mechanism":"zcdp"}');
SELECT public.dp_grant('victim', 'public'), (SELECT r.count IS NOT NULL FROM public.dp_releases r WHERE r.release LIKE 'victim');
SELECT release, state FROM public.dp_history h WHERE "column"::text LIKE 'dp.victim.v' AND charge > 0;
RESET search_path;
-- A superuser, in a session that has not planned for the table yet
\c
SET client_min_messages = warning;
CALL dp_release('victim of all', 'dp.victim', 'v', '{"statistic":"count","epsilon":0.1,"delta":1e-6,"mechanism":"zcdp"}');
SELECT charge, release, state FROM dp_history WHERE "column"::text = 'dp.victim.v' AND charge > 0 ORDER BY 1;

-- Dropped with its table: readers keep what they were granted, superusers see the rest
DROP SCHEMA dp, evil CASCADE;
SET ROLE dp_analyst;
SELECT release FROM dp_releases ORDER BY 1;
RESET ROLE;
SELECT release FROM dp_releases ORDER BY 1;
SELECT "column", charges FROM dp_ledger ORDER BY charges;
DROP OWNED BY dp_owner, dp_analyst, dp_team, dp_member;
DROP ROLE dp_owner, dp_analyst, dp_team, dp_member;
TRUNCATE dp_protected_columns, dp_budgets, dp_charges, dp_answers, dp_readers;
