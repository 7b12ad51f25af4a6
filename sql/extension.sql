-- The extension as an object: any schema, any search_path, everything documented, nothing left behind.
\pset null '(null)'
SELECT extversion, extrelocatable FROM pg_extension WHERE extname = 'lowdim';

-- Every object that the extension owns has a comment (its types' arrays and its tables' row types, members from 17 on, come
-- with them)
SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'lowdim')
  AND obj_description(d.objid, d.classid::regclass::name) IS NULL
  AND NOT EXISTS (SELECT FROM pg_type a WHERE d.classid = 'pg_type'::regclass AND a.typarray = d.objid)
  AND NOT EXISTS (SELECT FROM pg_class c WHERE d.classid = 'pg_type'::regclass AND c.reltype = d.objid AND c.relkind <> 'c')
ORDER BY 1;

-- Every function is parallel safe; those that take values are immutable and, aggregates' parts aside, strict
SELECT p.oid::regprocedure, provolatile, proparallel, proisstrict FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass
WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'lowdim')
  AND (proparallel <> 's' OR provolatile <> 'i' OR NOT proisstrict) ORDER BY p.oid::regprocedure::text COLLATE "C";

-- The system's own sanity checks of operators and operator classes find nothing
SELECT oprname, oprleft::regtype FROM pg_operator o JOIN pg_depend d ON d.objid = o.oid AND d.classid = 'pg_operator'::regclass
WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'lowdim')
  AND oprcom <> 0 AND (SELECT oprcom FROM pg_operator c WHERE c.oid = o.oprcom) <> o.oid;
SELECT opcname, amname, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
WHERE opcname IN ('vector_ops', 'halfvec_ops', 'sparsevec_ops', 'multivector_ops') ORDER BY 1, 2;

-- In another schema, with nothing in the search_path
DROP EXTENSION lowdim;
SELECT count(*) FROM pg_type WHERE typname IN ('vector', 'halfvec', 'sparsevec');
CREATE SCHEMA "odd Schema";
CREATE EXTENSION lowdim SCHEMA "odd Schema";
SET search_path = pg_catalog;
CREATE TABLE public.t (v "odd Schema".vector(2), h "odd Schema".halfvec, s "odd Schema".sparsevec);
INSERT INTO public.t VALUES ('[1,2]', '[1,2]', '{1:1}/2'), ('[3,4]', '[3,4]', '{2:2}/2');
SELECT v OPERATOR("odd Schema".<->) '[0,0]', h::"odd Schema".vector, s::"odd Schema".vector(2) FROM public.t ORDER BY 1;
SELECT "odd Schema".avg(v), "odd Schema".sum(s), count(DISTINCT h) FROM public.t;
SET search_path = public;
CREATE SCHEMA other;
ALTER EXTENSION lowdim SET SCHEMA other;
SELECT other.l2_distance(v, '[0,0]') FROM t ORDER BY 1;
DROP EXTENSION lowdim;
DROP TABLE t;
DROP EXTENSION lowdim;
DROP SCHEMA other, "odd Schema";
CREATE EXTENSION lowdim;
