-- vector: distances, norms, arithmetic, parts.
\pset null '(null)'
SELECT '[0,0]'::vector <-> '[3,4]', l2_distance('[0,0]'::vector, '[0,1]'), vector_l2_squared_distance('[0,0]', '[3,4]');
SELECT '[1,2]'::vector <#> '[3,4]', inner_product('[1,2]'::vector, '[3,4]'), vector_negative_inner_product('[1,2]', '[3,4]');
SELECT '[1,2]'::vector <=> '[2,4]', cosine_distance('[1,1]'::vector, '[-1,-1]'), '[1,0]'::vector <=> '[0,2]';
SELECT '[0,0]'::vector <+> '[3,4]', l1_distance('[1,-2]'::vector, '[-3,4]');
SELECT vector_spherical_distance('[1,0]', '[0,1]'), vector_spherical_distance('[1,0]', '[-1,0]'), vector_spherical_distance('[1,0]', '[1,0]');

-- Extremes: the zero vector, overflow of a sum, angles of huge and tiny vectors
SELECT cosine_distance('[0,0]'::vector, '[1,1]'), cosine_distance('[0,0]'::vector, '[0,0]');
SELECT l2_distance('[3e38]'::vector, '[-3e38]'), inner_product('[3e38]'::vector, '[3e38]'), l1_distance('[3e38,3e38]'::vector, '[-3e38,0]');
SELECT cosine_distance('[1e38,1e38]'::vector, '[1e38,0]') = cosine_distance('[1,1]'::vector, '[1,0]') AS huge,
       abs(cosine_distance('[1e-30,1e-30]'::vector, '[1e-30,0]') - cosine_distance('[1,1]'::vector, '[1,0]')) < 1e-6 AS tiny;
SELECT cosine_distance('[1e-45]'::vector, '[1e-45]');

-- Different dimensions and NULL
SELECT '[1,2]'::vector <-> '[3]';
SELECT '[1,2]'::vector <#> '[3]';
SELECT '[1,2]'::vector <=> '[3]';
SELECT '[1,2]'::vector <+> '[3]';
SELECT vector_l2_squared_distance('[1,2]', '[3]');
SELECT vector_spherical_distance('[1,2]', '[3]');
SELECT l2_distance('[1]'::vector, NULL), inner_product(NULL, '[1]'::vector), cosine_distance('[1]'::vector, NULL), l1_distance('[1]'::vector, NULL);

-- Properties and parts
SELECT vector_dims('[1,2,3]'::vector), vector_dims(NULL::vector);
SELECT vector_norm('[3,4]'), vector_norm('[0]'), vector_norm('[3e37,4e37]'), vector_norm(NULL);
SELECT l2_normalize('[3,4]'::vector), l2_normalize('[0,0]'::vector), l2_normalize('[3e38]'::vector), l2_normalize('[1e-45]'::vector), l2_normalize(NULL::vector);
SELECT binary_quantize('[1,0,-1,0.5,2,-3,4,5,6]'::vector), binary_quantize('[-0]'::vector), binary_quantize(NULL::vector);
SELECT subvector('[1,2,3,4,5]'::vector, 1, 3), subvector('[1,2,3,4,5]'::vector, 3, 2), subvector('[1,2,3,4,5]'::vector, -1, 3),
       subvector('[1,2,3,4,5]'::vector, 3, 9), subvector('[1,2,3,4,5]'::vector, 1, 2147483647), subvector('[1,2]'::vector, NULL, 1);
SELECT subvector('[1,2,3]'::vector, 4, 1);
SELECT subvector('[1,2,3]'::vector, 1, 0);
SELECT subvector('[1,2,3]'::vector, 1, -1);
SELECT subvector('[1,2,3]'::vector, -5, 3);
SELECT subvector('[1,2,3]'::vector, 2147483647, 2147483647);
SELECT subvector('[1,2,3]'::vector, -2147483648, 1);

-- Arithmetic
SELECT '[1,2,3]'::vector + '[4,5,6]', '[1,2,3]'::vector - '[4,5,6]', '[1,2,3]'::vector * '[4,5,6]', '[1,2]'::vector || '[3]';
SELECT '[1,2]'::vector + NULL, '[1,2]'::vector - NULL, '[1,2]'::vector * NULL, '[1,2]'::vector || NULL;
SELECT '[1,2]'::vector + '[3]';
SELECT '[1,2]'::vector - '[3]';
SELECT '[1,2]'::vector * '[3]';
SELECT '[3e38]'::vector + '[3e38]';
SELECT '[-3e38]'::vector - '[3e38]';
SELECT '[1e37]'::vector * '[1e37]';
SELECT '[1e-37]'::vector * '[1e-37]';
SELECT '[0]'::vector * '[1e-37]';
SELECT vector_dims(array_fill(0, ARRAY[15999])::vector || '[1]'::vector);
SELECT array_fill(0, ARRAY[16000])::vector || '[1]'::vector;

-- Long values: inline, out of line, with 1-byte headers; every STORAGE gives the same distances
CREATE TABLE t (id int, v vector);
INSERT INTO t SELECT n, array_fill(n, ARRAY[n])::vector FROM unnest(ARRAY[1, 3, 29, 30, 31, 100, 500, 1000, 3000, 16000]) n;
CREATE TABLE plain (id int, v vector);
ALTER TABLE plain ALTER v SET STORAGE plain;
INSERT INTO plain SELECT * FROM t WHERE id < 2000;
CREATE TABLE squeezed (id int, v vector);
ALTER TABLE squeezed ALTER v SET STORAGE extended;
INSERT INTO squeezed SELECT * FROM t;
SELECT t.id, t.v <-> t.v AS self, t.v <+> array_fill(0, ARRAY[t.id])::vector AS l1, t.v <-> p.v AS plain, t.v <-> s.v AS squeezed
FROM t LEFT JOIN plain p USING (id) JOIN squeezed s USING (id) ORDER BY id;
SELECT pg_column_size(v) < 16000 AS compressed FROM squeezed WHERE id = 16000;
DROP TABLE t, plain, squeezed;

-- SIMD levels agree
CREATE TABLE t AS SELECT n, (SELECT array_agg((n * 7 + i * 13) % 23 - 11 ORDER BY i) FROM generate_series(1, n) i)::vector AS v FROM generate_series(1, 130) n;
SET lowdim.simd = baseline;
CREATE TEMP TABLE base AS SELECT n, v <-> v * v AS l2, v <#> v AS ip, v <=> v * v AS cos, v <+> v * v AS l1 FROM t;
RESET lowdim.simd;
SELECT count(*) FROM t JOIN base USING (n)
WHERE abs((v <-> v * v) - l2) > 1e-4 * l2 OR (v <#> v) <> ip OR abs((v <=> v * v) - cos) > 1e-6 OR (v <+> v * v) <> l1;
DROP TABLE t, base;
