-- halfvec: distances, norms, arithmetic, parts.
\pset null '(null)'
SELECT '[0,0]'::halfvec <-> '[3,4]', l2_distance('[0,0]'::halfvec, '[0,1]'), halfvec_l2_squared_distance('[0,0]', '[3,4]');
SELECT '[1,2]'::halfvec <#> '[3,4]', inner_product('[1,2]'::halfvec, '[3,4]'), halfvec_negative_inner_product('[1,2]', '[3,4]');
SELECT '[1,2]'::halfvec <=> '[2,4]', cosine_distance('[1,1]'::halfvec, '[-1,-1]'), '[1,0]'::halfvec <=> '[0,2]';
SELECT '[0,0]'::halfvec <+> '[3,4]', l1_distance('[1,-2]'::halfvec, '[-3,4]');
SELECT halfvec_spherical_distance('[1,0]', '[0,1]'), halfvec_spherical_distance('[1,0]', '[-1,0]'), halfvec_spherical_distance('[1,0]', '[1,0]');

-- Extremes: the zero vector, overflow of a sum, angles of huge and tiny vectors
SELECT cosine_distance('[0,0]'::halfvec, '[1,1]'), cosine_distance('[0,0]'::halfvec, '[0,0]');
SELECT l2_distance('[6e4]'::halfvec, '[-6e4]'), inner_product('[6e4]'::halfvec, '[6e4]'), l1_distance('[6e4,6e4]'::halfvec, '[-6e4,0]');
SELECT cosine_distance('[6e4,6e4]'::halfvec, '[6e4,0]') = cosine_distance('[1,1]'::halfvec, '[1,0]') AS huge,
       abs(cosine_distance('[1e-7,1e-7]'::halfvec, '[1e-7,0]') - cosine_distance('[1,1]'::halfvec, '[1,0]')) < 1e-6 AS tiny;
SELECT cosine_distance('[6e-8]'::halfvec, '[6e-8]');

-- Different dimensions and NULL
SELECT '[1,2]'::halfvec <-> '[3]';
SELECT '[1,2]'::halfvec <#> '[3]';
SELECT '[1,2]'::halfvec <=> '[3]';
SELECT '[1,2]'::halfvec <+> '[3]';
SELECT halfvec_l2_squared_distance('[1,2]', '[3]');
SELECT halfvec_spherical_distance('[1,2]', '[3]');
SELECT l2_distance('[1]'::halfvec, NULL), inner_product(NULL, '[1]'::halfvec), cosine_distance('[1]'::halfvec, NULL), l1_distance('[1]'::halfvec, NULL);

-- Properties and parts
SELECT vector_dims('[1,2,3]'::halfvec), vector_dims(NULL::halfvec);
SELECT l2_norm('[3,4]'::halfvec), l2_norm('[0]'::halfvec), l2_norm('[3e4,4e4]'::halfvec), l2_norm(NULL::halfvec);
SELECT l2_normalize('[3,4]'::halfvec), l2_normalize('[0,0]'::halfvec), l2_normalize('[6e4]'::halfvec), l2_normalize('[6e-8]'::halfvec), l2_normalize(NULL::halfvec);
SELECT binary_quantize('[1,0,-1,0.5,2,-3,4,5,6]'::halfvec), binary_quantize('[-0]'::halfvec), binary_quantize(NULL::halfvec);
SELECT subvector('[1,2,3,4,5]'::halfvec, 1, 3), subvector('[1,2,3,4,5]'::halfvec, 3, 2), subvector('[1,2,3,4,5]'::halfvec, -1, 3),
       subvector('[1,2,3,4,5]'::halfvec, 3, 9), subvector('[1,2,3,4,5]'::halfvec, 1, 2147483647), subvector('[1,2]'::halfvec, NULL, 1);
SELECT subvector('[1,2,3]'::halfvec, 4, 1);
SELECT subvector('[1,2,3]'::halfvec, 1, 0);
SELECT subvector('[1,2,3]'::halfvec, 1, -1);
SELECT subvector('[1,2,3]'::halfvec, -5, 3);
SELECT subvector('[1,2,3]'::halfvec, 2147483647, 2147483647);
SELECT subvector('[1,2,3]'::halfvec, -2147483648, 1);

-- Arithmetic
SELECT '[1,2,3]'::halfvec + '[4,5,6]', '[1,2,3]'::halfvec - '[4,5,6]', '[1,2,3]'::halfvec * '[4,5,6]', '[1,2]'::halfvec || '[3]';
SELECT '[1,2]'::halfvec + NULL, '[1,2]'::halfvec - NULL, '[1,2]'::halfvec * NULL, '[1,2]'::halfvec || NULL;
SELECT '[1,2]'::halfvec + '[3]';
SELECT '[1,2]'::halfvec - '[3]';
SELECT '[1,2]'::halfvec * '[3]';
SELECT '[6e4]'::halfvec + '[6e4]';
SELECT '[-6e4]'::halfvec - '[6e4]';
SELECT '[1e4]'::halfvec * '[1e4]';
SELECT '[1e-6]'::halfvec * '[1e-6]';
SELECT '[0]'::halfvec * '[1e-6]';
SELECT vector_dims(array_fill(0, ARRAY[15999])::halfvec || '[1]'::halfvec);
SELECT array_fill(0, ARRAY[16000])::halfvec || '[1]'::halfvec;

-- Long values: inline, out of line, with 1-byte headers; every STORAGE gives the same distances
CREATE TABLE t (id int, v halfvec);
INSERT INTO t SELECT n, array_fill(n, ARRAY[n])::halfvec FROM unnest(ARRAY[1, 3, 29, 30, 31, 100, 500, 1000, 3000, 16000]) n;
CREATE TABLE plain (id int, v halfvec);
ALTER TABLE plain ALTER v SET STORAGE plain;
INSERT INTO plain SELECT * FROM t WHERE id < 2000;
CREATE TABLE squeezed (id int, v halfvec);
ALTER TABLE squeezed ALTER v SET STORAGE extended;
INSERT INTO squeezed SELECT * FROM t;
SELECT t.id, t.v <-> t.v AS self, t.v <+> array_fill(0, ARRAY[t.id])::halfvec AS l1, t.v <-> p.v AS plain, t.v <-> s.v AS squeezed
FROM t LEFT JOIN plain p USING (id) JOIN squeezed s USING (id) ORDER BY id;
SELECT pg_column_size(v) < 16000 AS compressed FROM squeezed WHERE id = 16000;
DROP TABLE t, plain, squeezed;

-- SIMD levels agree
CREATE TABLE t AS SELECT n, (SELECT array_agg((n * 7 + i * 13) % 23 - 11 ORDER BY i) FROM generate_series(1, n) i)::halfvec AS v FROM generate_series(1, 130) n;
SET lowdim.simd = baseline;
CREATE TEMP TABLE base AS SELECT n, v <-> v * v AS l2, v <#> v AS ip, v <=> v * v AS cos, v <+> v * v AS l1 FROM t;
RESET lowdim.simd;
SELECT count(*) FROM t JOIN base USING (n)
WHERE abs((v <-> v * v) - l2) > 1e-4 * l2 OR (v <#> v) <> ip OR abs((v <=> v * v) - cos) > 1e-6 OR (v <+> v * v) <> l1;
DROP TABLE t, base;
