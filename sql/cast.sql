-- Casts between arrays, vector, halfvec and sparsevec.
\pset null '(null)'
SELECT ARRAY[1,2,3]::vector, ARRAY[1.5,2.5]::real[]::vector, ARRAY[1.5,2.5]::float8[]::vector, ARRAY[1.5,2.5]::numeric[]::vector, NULL::int[]::vector;
SELECT ARRAY[1,2,3]::halfvec, ARRAY[1.5,2.5]::real[]::halfvec, ARRAY[1.5,2.5]::float8[]::halfvec, ARRAY[1.5,2.5]::numeric[]::halfvec, NULL::int[]::halfvec;
SELECT ARRAY[1,0,3]::sparsevec, ARRAY[1.5,0]::real[]::sparsevec, ARRAY[0,2.5]::float8[]::sparsevec, ARRAY[0,0]::numeric[]::sparsevec, NULL::int[]::sparsevec;
SELECT ARRAY[1,2,3]::vector(3), ARRAY[1,2,3]::halfvec(3), ARRAY[1,2,3]::sparsevec(3);
SELECT ARRAY[1,2,3]::vector(2);
SELECT ARRAY[1,2,3]::halfvec(2);
SELECT ARRAY[1,2,3]::sparsevec(2);
SELECT '{}'::real[]::vector;
SELECT '{}'::real[]::halfvec;
SELECT '{}'::real[]::sparsevec;
SELECT '{{1,2}}'::real[]::vector;
SELECT '{{1,2}}'::real[]::sparsevec;
SELECT '{1,NULL}'::real[]::vector;
SELECT '{1,NULL}'::int[]::halfvec;
SELECT '{1,NULL}'::int[]::sparsevec;
SELECT '{NaN}'::real[]::vector;
SELECT '{-Infinity}'::float8[]::vector;
SELECT '{1e39}'::float8[]::vector;
SELECT '{1e39}'::numeric[]::vector;
SELECT '{NaN}'::numeric[]::halfvec;
SELECT '{65520}'::int[]::halfvec;
SELECT '{Infinity}'::real[]::sparsevec;
SELECT array_fill(1, ARRAY[16001])::vector;
SELECT array_fill(1, ARRAY[16001])::halfvec;
SELECT array_fill(1, ARRAY[16001])::sparsevec;
SELECT (array_fill(0, ARRAY[99999]) || 1)::sparsevec;
SELECT '[0:1]={1,2}'::int[]::vector;

SELECT '[1,2.5]'::vector::real[], '[1,2.5]'::halfvec::real[], NULL::vector::real[];
SELECT '[1,0,0.1]'::vector::halfvec, '[1,0,0.1]'::halfvec::vector, '[1,0,0.5]'::vector::sparsevec, '[1,0,0.5]'::halfvec::sparsevec, '{1:1,3:0.5}/3'::sparsevec::vector, '{1:1,3:0.5}/3'::sparsevec::halfvec;
SELECT '[1,2]'::vector::halfvec(3);
SELECT '[1,2]'::halfvec::vector(3);
SELECT '[1,2]'::vector::sparsevec(3);
SELECT '[1,2]'::halfvec::sparsevec(3);
SELECT '{1:1}/2'::sparsevec::vector(3);
SELECT '{1:1}/2'::sparsevec::halfvec(3);
SELECT '[65520]'::vector::halfvec;
SELECT '{1:65520}/1'::sparsevec::halfvec;
SELECT '{1:1}/16001'::sparsevec::vector;
SELECT '{1:1}/16001'::sparsevec::halfvec;

-- Which casts happen by themselves
SELECT castsource::regtype, casttarget::regtype, castcontext FROM pg_cast
WHERE castsource::regtype::text ~ '(vector|halfvec|sparsevec)$' OR casttarget::regtype::text ~ '(vector|halfvec|sparsevec)$'
ORDER BY castsource::regtype::text COLLATE "C", casttarget::regtype::text COLLATE "C";
CREATE TABLE t (v vector(3), h halfvec(3), s sparsevec(3), r real[]);
INSERT INTO t VALUES (ARRAY[1,2,3], ARRAY[1.5,2.5,3.5], ARRAY[0,1,0]::real[], '[1,2,3]'::vector);
INSERT INTO t (v, h, s) SELECT h, v, h FROM t;
INSERT INTO t (v, h) SELECT s, s FROM t;
INSERT INTO t (v) VALUES (ARRAY[1,2]);
SELECT * FROM t;
DROP TABLE t;
