-- Budgets of private releases: which columns are protected, what was spent, what was released. docs/privacy.md says what
-- this promises. The functions qualify every name by the schema that they are in, so the extension stays relocatable.

CREATE TYPE dp_column;
CREATE FUNCTION dp_column_in(cstring) RETURNS dp_column
  AS 'MODULE_PATHNAME', 'lowdim_dp_column_in' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dp_column_in(cstring) IS 'I/O';
CREATE FUNCTION dp_column_out(dp_column) RETURNS cstring
  AS 'MODULE_PATHNAME', 'lowdim_dp_column_out' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dp_column_out(dp_column) IS 'I/O';
CREATE TYPE dp_column (INPUT = dp_column_in, OUTPUT = dp_column_out, INTERNALLENGTH = 8, ALIGNMENT = int4);
COMMENT ON TYPE dp_column IS
  'A column of a table, written schema.table.column and kept by their numbers, so that it follows when they are renamed, and a dump carries their names. A column that is gone is -.';

CREATE FUNCTION dp_column_owned(dp_column) RETURNS boolean
  AS 'MODULE_PATHNAME', 'lowdim_dp_column_owned' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dp_column_owned(dp_column) IS
  'Whether the current role owns the table of the column, or is a superuser.';

-- Tables without rights for anybody but the extension's owner. Constants have the types of what they are compared with, so
-- that no operator of this schema fits better than PostgreSQL's.

CREATE SEQUENCE dp_protected_ids AS integer;
COMMENT ON SEQUENCE dp_protected_ids IS 'Numbers of dp_protected_columns.';

CREATE TABLE dp_protected_columns (
  id integer PRIMARY KEY DEFAULT pg_catalog.nextval('dp_protected_ids'),
  "column" dp_column NOT NULL,
  unit dp_column,
  max_rows_per_unit integer NOT NULL CHECK (max_rows_per_unit > 0),
  epsilon double precision NOT NULL CHECK (epsilon > '0'::double precision),
  delta double precision NOT NULL CHECK (delta >= '0'::double precision AND delta < '1'::double precision),
  accounting text NOT NULL CHECK (accounting IN ('zcdp', 'sum')),
  charges integer NOT NULL DEFAULT 0 CHECK (charges >= 0)
);
COMMENT ON TABLE dp_protected_columns IS 'Columns that dp_protect protects, with their budgets. Read it through dp_ledger.';

CREATE TABLE dp_budgets (
  protected integer NOT NULL REFERENCES dp_protected_columns,
  at timestamp with time zone NOT NULL,
  who name NOT NULL,
  epsilon double precision NOT NULL,
  delta double precision NOT NULL
);
COMMENT ON TABLE dp_budgets IS 'Every budget that a protected column had, from when, and who set it. Rows are only added.';

CREATE TABLE dp_charges (
  protected integer NOT NULL REFERENCES dp_protected_columns,
  charge integer NOT NULL CHECK (charge > 0),
  at timestamp with time zone NOT NULL,
  who name NOT NULL,
  release text NOT NULL,
  options jsonb NOT NULL,
  epsilon double precision NOT NULL CHECK (epsilon >= '0'::double precision),
  delta double precision NOT NULL CHECK (delta >= '0'::double precision),
  rho double precision NOT NULL CHECK (rho >= '0'::double precision),
  state text NOT NULL CHECK (state IN ('charged', 'done', 'failed')),
  PRIMARY KEY (protected, charge)
);
COMMENT ON TABLE dp_charges IS
  'What releases cost, one row each, never deleted and never refunded. state: charged from before the release is computed, done when it is stored, failed if it was not; one that stays charged was cut off.';

CREATE FUNCTION dp_balance(accounting text, epsilon double precision, delta double precision, epsilons double precision[],
    deltas double precision[], rhos double precision[], OUT spent_epsilon double precision, OUT spent_delta double precision,
    OUT spent_rho double precision, OUT left_epsilon double precision, OUT left_delta double precision,
    OUT left_rho double precision) RETURNS record
  AS 'MODULE_PATHNAME', 'lowdim_dp_balance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dp_balance(text, double precision, double precision, double precision[], double precision[], double precision[]) IS
  'What a budget (epsilon, delta) is after releases of the given costs, rounded up. accounting zcdp: rhos add up, spent_epsilon is what they prove at delta, left_epsilon what one more Gaussian release may have at delta. accounting sum: epsilons and deltas add up; left_rho is NULL. Error 22023 for a bad budget, negative costs or arrays of different lengths.';

CREATE VIEW dp_ledger WITH (security_barrier) AS
  SELECT p."column", p.unit, p.max_rows_per_unit, p.accounting, p.epsilon, p.delta, p.charges, b.*
  FROM dp_protected_columns p,
    LATERAL (SELECT coalesce(array_agg(c.epsilon ORDER BY c.charge), '{}') AS epsilons,
                    coalesce(array_agg(c.delta ORDER BY c.charge), '{}') AS deltas,
                    coalesce(array_agg(c.rho ORDER BY c.charge), '{}') AS rhos
             FROM dp_charges c WHERE c.protected = p.id) s,
    LATERAL dp_balance(p.accounting, p.epsilon, p.delta, s.epsilons, s.deltas, s.rhos) b
  WHERE dp_column_owned(p."column");
COMMENT ON VIEW dp_ledger IS
  'To each owner of a table: its protected columns, their budgets, what releases have spent and what one more may cost (dp_balance).';

CREATE VIEW dp_history WITH (security_barrier) AS
  SELECT p."column", c.charge, c.at, c.who, c.release, c.options, c.epsilon, c.delta, c.rho, c.state
  FROM dp_charges c JOIN dp_protected_columns p ON p.id = c.protected
  WHERE dp_column_owned(p."column")
  UNION ALL
  SELECT p."column", NULL, b.at, b.who, NULL, NULL, b.epsilon, b.delta, NULL, 'budget'
  FROM dp_budgets b JOIN dp_protected_columns p ON p.id = b.protected
  WHERE dp_column_owned(p."column");
COMMENT ON VIEW dp_history IS
  'To each owner of a table: every charge to its protected columns, and every budget that they had (state budget).';

GRANT SELECT ON dp_ledger, dp_history TO PUBLIC;

CREATE FUNCTION dp_protect("table" regclass, "column" name, epsilon double precision, delta double precision,
    unit name DEFAULT NULL, max_rows_per_unit integer DEFAULT 1, accounting text DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'lowdim_dp_protect' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dp_protect(regclass, name, double precision, double precision, name, integer, text) IS
  'Gives a vector or halfvec column of a table that you own a privacy budget for dp_release. unit: the column that says whose a row is, of whom at most max_rows_per_unit rows count; NULL protects single rows. accounting: zcdp (default where delta is above 0) or sum. Also ends statistics of the column and of expressions of it: SET STATISTICS 0, and what ANALYZE kept is removed. Errors: 42501 for who is not the owner, 42710 if protected already, 42809 for what is no ordinary table, 42804, 22023, 55000 for extended statistics with the column.';

CREATE FUNCTION dp_set_budget("table" regclass, "column" name, epsilon double precision, delta double precision) RETURNS void
  AS 'MODULE_PATHNAME', 'lowdim_dp_set_budget' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION dp_set_budget(regclass, name, double precision, double precision) IS
  'Changes the budget of a protected column of a table that you own, up or down to what is spent; recorded in dp_history. Errors: 42501 for who is not the owner, 42704 if not protected, 55000 below what is spent, 22023.';

-- Releases.

CREATE TABLE dp_answers (
  release text PRIMARY KEY CHECK (release <> ''),
  protected integer NOT NULL,
  charge integer NOT NULL,
  created timestamp with time zone,
  sketch dp_sketch,
  vector vector,
  count bigint,
  UNIQUE (protected, charge),
  FOREIGN KEY (protected, charge) REFERENCES dp_charges
);
COMMENT ON TABLE dp_answers IS
  'What dp_release stored: a sketch, a vector (sum, avg) or a count; created is NULL while it is computed, or if that was cut off. Read it through dp_releases.';

CREATE TABLE dp_readers (
  release text NOT NULL REFERENCES dp_answers ON DELETE CASCADE,
  reader regrole NOT NULL,
  reader_name name NOT NULL,
  PRIMARY KEY (release, reader)
);
COMMENT ON TABLE dp_readers IS
  'Roles that dp_grant lets read a release; 0 is PUBLIC. A role must still have its name, so that no other one takes its place after a restore.';

CREATE VIEW dp_releases WITH (security_barrier) AS
  SELECT s.release, s.created, c.options, c.epsilon, c.delta, c.rho, p.unit IS NOT NULL AS by_unit, p.max_rows_per_unit,
         s.sketch, s.vector, s.count
  FROM dp_answers s JOIN dp_charges c USING (protected, charge) JOIN dp_protected_columns p ON p.id = s.protected
  WHERE s.created IS NOT NULL AND (dp_column_owned(p."column") OR EXISTS (
    SELECT FROM dp_readers r LEFT JOIN pg_catalog.pg_roles g ON g.oid = r.reader::oid
    WHERE r.release = s.release AND (r.reader::oid = '0'::oid
      OR (g.rolname = r.reader_name AND pg_catalog.pg_has_role(r.reader::oid, 'USAGE'::text)))));
COMMENT ON VIEW dp_releases IS
  'To each role the releases that it may read: those of its tables, and those that dp_grant gave to it, to a role that it inherits from, or to PUBLIC.';
GRANT SELECT ON dp_releases TO PUBLIC;

CREATE PROCEDURE dp_release(release text, "table" regclass, "column" name, options jsonb)
  AS 'MODULE_PATHNAME', 'lowdim_dp_release' LANGUAGE C;
COMMENT ON PROCEDURE dp_release(text, regclass, name, jsonb) IS
  'Charges a protected column of a table that you own, commits that, then computes the statistic that options ask for (as dp_cost takes them, without max_rows), stores the answer under the name and commits. With a unit, at most max_rows_per_unit rows of each, chosen at random, count; rows whose vector or unit is NULL do not. If it fails after the charge, the charge stays. Errors: 25001 in a transaction block or function, 42501 for who is not the owner, 42704 if not protected, 42710 for a name that is taken, 53400 if the budget does not cover it, 22000 for other dimensions than the column is declared with, 22023.';

CREATE FUNCTION dp_sketch_of(release text) RETURNS dp_sketch
  AS 'MODULE_PATHNAME', 'lowdim_dp_sketch_of' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dp_sketch_of(text) IS
  'The sketch of a release, the same every time. Errors: 42704 if there is none of this name that you may read, 22023 for a sum, average or count, which dp_releases shows.';

CREATE FUNCTION dp_grant(release text, role name) RETURNS void
  AS 'MODULE_PATHNAME', 'lowdim_dp_grant' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION dp_grant(text, name) IS
  'Lets a role, and those that inherit from it, read a release of a table that you own; public is everybody. Errors: 42704 for no such release or role, 42501 for who is not the owner.';

CREATE FUNCTION dp_revoke(release text, role name) RETURNS void
  AS 'MODULE_PATHNAME', 'lowdim_dp_revoke' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION dp_revoke(text, name) IS
  'Ends what dp_grant gave. What was read stays read. Errors as for dp_grant.';

CREATE FUNCTION dp_drop_release(release text) RETURNS void
  AS 'MODULE_PATHNAME', 'lowdim_dp_drop_release' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION dp_drop_release(text) IS
  'Removes a release of a table that you own, or the name of one that was cut off. Its charge stays. Errors: 42704 for no such release, 42501 for who is not the owner.';

-- A dump keeps what was spent and what was released.
SELECT pg_extension_config_dump('dp_protected_ids', '');
SELECT pg_extension_config_dump('dp_protected_columns', '');
SELECT pg_extension_config_dump('dp_budgets', '');
SELECT pg_extension_config_dump('dp_charges', '');
SELECT pg_extension_config_dump('dp_answers', '');
SELECT pg_extension_config_dump('dp_readers', '');
