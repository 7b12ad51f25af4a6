-- Budgets of private releases: who may set them, what they are after releases, what they keep through changes of the
-- table, and that nobody's objects stand in their way.
\pset null '(null)'
SET client_min_messages = warning;
CREATE ROLE dp_owner;
CREATE ROLE dp_analyst;
CREATE ROLE dp_other;
CREATE SCHEMA dp AUTHORIZATION dp_owner;
GRANT USAGE ON SCHEMA dp TO dp_analyst, dp_other;
SET ROLE dp_owner;
CREATE TABLE dp.people (id int, person int, v vector(3), h halfvec(3), j json);
INSERT INTO dp.people SELECT i, i % 100, array[i % 7, i % 5, 1]::vector, array[1, i % 3, 0]::halfvec FROM generate_series(1, 1000) i;
CREATE INDEX people_length ON dp.people (id, vector_norm(v), (id + 1));
ANALYZE dp.people;
SELECT attname, null_frac FROM pg_stats WHERE schemaname = 'dp' AND tablename LIKE 'people%' ORDER BY tablename, attname;

-- Protection
SELECT dp_protect('dp.people', 'v', 1, 1e-6, unit => 'person', max_rows_per_unit => 2);
SELECT dp_protect('dp.people', 'h', 0.5, 0);
SELECT "column", unit, max_rows_per_unit AS rows, accounting, epsilon, delta, charges, spent_epsilon, spent_delta, spent_rho, left_epsilon, left_delta, round(left_rho::numeric, 6) AS left_rho
  FROM dp_ledger ORDER BY "column"::text;
SELECT "column", charge, who, release, options, epsilon, delta, rho, state FROM dp_history ORDER BY "column"::text;

-- ANALYZE keeps no rows of it, nor of an index's expression of it
SELECT attname, null_frac FROM pg_stats WHERE schemaname = 'dp' AND tablename LIKE 'people%' ORDER BY tablename, attname;
ANALYZE dp.people;
SELECT attname, null_frac FROM pg_stats WHERE schemaname = 'dp' AND tablename LIKE 'people%' ORDER BY tablename, attname;
SELECT vector_stats('dp.people', 'v') IS NULL AND vector_stats('dp.people', 'h') IS NULL AS nothing;

-- What it refuses
SELECT dp_protect('dp.people', 'v', 1, 1e-6);
SELECT dp_protect('dp.people', 'nothing', 1, 1e-6);
SELECT dp_protect('dp.people', 'ctid', 1, 1e-6);
SELECT dp_protect('dp.people', 'id', 1, 1e-6);
SELECT dp_protect(NULL, 'v', 1, 1e-6);
SELECT dp_protect('dp.people', NULL, 1, 1e-6);
SELECT dp_protect('dp.people', 'v', NULL, 1e-6);
SELECT dp_protect('dp.people', 'v', 1, NULL);
SELECT dp_protect('dp.people', 'v', 1, 1e-6, max_rows_per_unit => NULL);
SELECT dp_protect(0, 'v', 1, 1e-6);
CREATE TABLE dp.more (a vector(2), b vector, c text, j json);
SELECT dp_protect('dp.more', 'a', 0, 1e-6);
SELECT dp_protect('dp.more', 'a', 'NaN', 1e-6);
SELECT dp_protect('dp.more', 'a', 'Infinity', 1e-6);
SELECT dp_protect('dp.more', 'a', 1, 1);
SELECT dp_protect('dp.more', 'a', 1, -1);
SELECT dp_protect('dp.more', 'a', 1, 'NaN');
SELECT dp_protect('dp.more', 'a', 1, 0, accounting => 'zcdp');
SELECT dp_protect('dp.more', 'a', 1, 1e-6, accounting => 'moments');
SELECT dp_protect('dp.more', 'a', 1, 1e-6, unit => 'a');
SELECT dp_protect('dp.more', 'a', 1, 1e-6, unit => 'j');
SELECT dp_protect('dp.more', 'a', 1, 1e-6, unit => 'nobody');
SELECT dp_protect('dp.more', 'a', 1, 1e-6, max_rows_per_unit => 2);
SELECT dp_protect('dp.more', 'a', 1, 1e-6, unit => 'c', max_rows_per_unit => 0);
SELECT dp_protect('dp.more', 'a', 1, 1e-6, unit => 'c', max_rows_per_unit => 1000001);
CREATE STATISTICS dp.both ON a, c FROM dp.more;
SELECT dp_protect('dp.more', 'a', 1, 1e-6);
CREATE STATISTICS dp.length ON vector_norm(b), c FROM dp.more;
SELECT dp_protect('dp.more', 'b', 1, 1e-6);
CREATE VIEW dp.view AS SELECT v FROM dp.people;
SELECT dp_protect('dp.view', 'v', 1, 1e-6);
CREATE TABLE dp.parts (k int, v vector) PARTITION BY LIST (k);
CREATE TABLE dp.part PARTITION OF dp.parts FOR VALUES IN (1);
SELECT dp_protect('dp.parts', 'v', 1, 1e-6);
SELECT dp_protect('dp.part', 'v', 1, 1e-6);
CREATE TEMP TABLE mine (v vector);
SELECT dp_protect('mine', 'v', 1, 1e-6);
CREATE TABLE dp.secured (v vector);
ALTER TABLE dp.secured ENABLE ROW LEVEL SECURITY;
ALTER TABLE dp.secured FORCE ROW LEVEL SECURITY;
SELECT dp_protect('dp.secured', 'v', 1, 1e-6);
ALTER TABLE dp.secured NO FORCE ROW LEVEL SECURITY;
SELECT dp_protect('dp.secured', 'v', 1, 1e-6);
DROP TABLE dp.secured;
SET ROLE dp_other;
SELECT dp_protect('dp.people', 'v', 1, 1e-6);
SELECT dp_set_budget('dp.people', 'v', 100, 1e-6);

-- Others see nothing, and nobody gets at the tables
SELECT * FROM dp_ledger;
SELECT * FROM dp_history;
SET ROLE dp_owner;
SELECT * FROM dp_protected_columns;
SELECT * FROM dp_charges;
INSERT INTO dp_budgets VALUES (1, now(), 'me', 100, 0);
UPDATE dp_protected_columns SET epsilon = 100;
DELETE FROM dp_charges;

-- Budgets change up and down, and that is kept
SELECT dp_set_budget('dp.people', 'v', 3, 1e-5);
SELECT dp_set_budget('dp.people', 'v', 2, 1e-6);
SELECT dp_set_budget('dp.people', 'v', -2, 1e-6);
SELECT dp_set_budget('dp.people', 'v', 2, 0);
SELECT dp_set_budget('dp.people', 'v', NULL, 0) IS NULL;
SELECT dp_set_budget('dp.people', 'id', 2, 0);
SELECT who, epsilon, delta, state FROM dp_history WHERE "column"::text = 'dp.people.v' ORDER BY at;
BEGIN;
SELECT dp_set_budget('dp.people', 'v', 5, 1e-6);
ROLLBACK;
SELECT epsilon FROM dp_ledger ORDER BY epsilon;

-- Names are followed
ALTER TABLE dp.people RENAME TO "Odd people";
ALTER TABLE dp."Odd people" RENAME v TO "v.x";
ALTER TABLE dp."Odd people" RENAME person TO who;
SELECT "column", unit FROM dp_ledger ORDER BY "column"::text;
SELECT dp_protect('dp."Odd people"', 'v.x', 1, 1e-6);
SELECT dp_set_budget('dp."Odd people"', 'v.x', 4, 1e-6);
SELECT 'dp."Odd people"."v.x"'::dp_column, '-'::dp_column;
SELECT 'people'::dp_column;
SELECT 'a.b.c.d'::dp_column;
SELECT 'dp."open.x'::dp_column;
SET client_min_messages = notice;
SELECT 'dp.none.x'::dp_column, 'dp."Odd people".none'::dp_column, 'none.a.b'::dp_column;
SET client_min_messages = warning;
-- A column that is gone keeps its ledger, for superusers; a new one of the same name is another one
ALTER TABLE dp."Odd people" DROP "v.x" CASCADE;
SELECT "column", unit FROM dp_ledger ORDER BY "column"::text;
RESET ROLE;
SELECT "column", unit, epsilon FROM dp_ledger ORDER BY "column"::text;
SET ROLE dp_owner;
ALTER TABLE dp."Odd people" ADD "v.x" vector(3);
SELECT dp_protect('dp."Odd people"', 'v.x', 1, 1e-6, unit => 'who');
SELECT "column", unit, epsilon FROM dp_ledger ORDER BY "column"::text;
DROP TABLE dp."Odd people" CASCADE;
SELECT "column" FROM dp_ledger;

-- Balances: the zCDP of one release at full budget, of a hundred that each take a hundredth of rho, and sums
SELECT round(spent_epsilon::numeric, 9) AS spent, spent_delta, round(spent_rho::numeric, 5) AS rho, round(left_epsilon::numeric, 6) AS left, left_delta, round(left_rho::numeric, 5) AS left_rho
  FROM (VALUES (ARRAY[0.01747]), (array_fill(0.0001747, ARRAY[100])), (ARRAY[0.00444]), ('{}'), (ARRAY[1])) v(rhos),
       dp_balance('zcdp', 1, 1e-6, rhos, rhos, rhos);
SELECT spent_epsilon, spent_delta, left_epsilon, left_delta, left_rho FROM dp_balance('sum', 2, 1e-5, ARRAY[0.5, 0.25], ARRAY[0, 1e-6], ARRAY[1, 1]);
SELECT spent_epsilon, left_epsilon FROM dp_balance('sum', 2, 0, ARRAY['Infinity'::float8], '{0}', '{0}');
SELECT dp_balance('sum', 1, 0, NULL, '{}', '{}');
SELECT dp_balance('sum', 1, 0, '{1}', '{}', '{}');
SELECT dp_balance('sum', 1, 0, '{NULL}', '{0}', '{0}');
SELECT dp_balance('sum', 1, 0, '{-1}', '{0}', '{0}');
SELECT dp_balance('sum', 1, 0, '{NaN}', '{0}', '{0}');
SELECT dp_balance('sum', 1, 0, '{{1},{1}}', '{0,0}', '{0,0}');
SELECT dp_balance('sum', 0, 0, '{}', '{}', '{}');
SELECT dp_balance('zcdp', 1, 0, '{}', '{}', '{}');
SELECT dp_balance('rdp', 1, 0, '{}', '{}', '{}');

RESET ROLE;
DROP SCHEMA dp CASCADE;
DROP OWNED BY dp_owner, dp_analyst, dp_other;
DROP ROLE dp_owner, dp_analyst, dp_other;
TRUNCATE dp_protected_columns, dp_budgets, dp_charges, dp_answers, dp_readers;
