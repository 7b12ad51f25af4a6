-- vector: text and binary forms, type modifiers, limits, and what bad input says.
\set SHOW_CONTEXT never
\pset null '(null)'
SELECT '[1,2,3]'::vector, ' [ 1.5 , -2e1,	+3 ] '::vector, '[.5,1.,0x10,1e-46,-0]'::vector;
SELECT '[3.4028235e38,1.17549435e-38,1e-45]'::vector;
SELECT '[1,2,3]'::vector(3);
SELECT NULL::vector;

-- Syntax
SELECT ''::vector;
SELECT '[]'::vector;
SELECT '[ ]'::vector;
SELECT '['::vector;
SELECT '[,'::vector;
SELECT '[1'::vector;
SELECT '[1,'::vector;
SELECT '[1,]'::vector;
SELECT '[1,,2]'::vector;
SELECT '[1 2]'::vector;
SELECT '[1a]'::vector;
SELECT '[1,2]x'::vector;
SELECT '[1]]'::vector;
SELECT '1,2'::vector;
SELECT '{1,2}'::vector;
SELECT '[hello]'::vector;
SELECT '[1,ä]'::vector;

-- Values
SELECT '[NaN,1]'::vector;
SELECT '[nan(7)]'::vector;
SELECT '[Infinity,1]'::vector;
SELECT '[-inf]'::vector;
SELECT '[4e38,1]'::vector;
SELECT '[1,-1e400]'::vector;
SELECT ('[1' || repeat('0', 1000) || ']')::vector;

-- Dimensions and modifiers
SELECT '[1,2,3]'::vector(2);
SELECT '[1,2,3]'::vector::vector(2);
SELECT '[1,2]'::vector(3);
SELECT '[1]'::vector(0);
SELECT '[1]'::vector(-1);
SELECT '[1]'::vector(16001);
SELECT '[1]'::vector('a');
SELECT '[1]'::vector(1, 2);
SELECT vector_dims(('[' || repeat('0,', 15999) || '0]')::vector);
SELECT ('[' || repeat('0,', 16000) || '0]')::vector;
SELECT ('[' || repeat('0,', 20000000) || '0]')::vector;
CREATE TABLE t (v vector(3));
INSERT INTO t VALUES ('[1,2,3]'), (NULL);
INSERT INTO t VALUES ('[1,2]');
SELECT * FROM t;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0;

-- Binary form
SELECT vector_send('[1,-2]');
COPY t TO '/dev/null' WITH (FORMAT binary);
DROP TABLE t;

-- Every level of SIMD prints the same
SHOW lowdim.simd;
SET lowdim.simd = baseline;
SELECT '[1,2,3]'::vector <-> '[4,6,3]';
SET lowdim.simd = sse9;
RESET lowdim.simd;
