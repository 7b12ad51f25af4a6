-- multivector: text and binary forms, modifiers, limits, parts, order, aggregate, casts, and what bad input says.
\set SHOW_CONTEXT never
\pset null '(null)'
SELECT '[[1,2],[3,4]]'::multivector, ' [ [ 1.5 ,	-2e1 ] , [ +3 , .5 ] ] '::multivector, '[[7]]'::multivector;
SELECT '[[3.4028235e38,1.17549435e-38],[1e-45,-0]]'::multivector;
SELECT '[[1,2],[3,4]]'::multivector(2), NULL::multivector;

-- Syntax
SELECT ''::multivector;
SELECT '[]'::multivector;
SELECT '[[]]'::multivector;
SELECT '['::multivector;
SELECT '[1,2]'::multivector;
SELECT '[[1]'::multivector;
SELECT '[[1],]'::multivector;
SELECT '[[1][2]]'::multivector;
SELECT '[[1,]]'::multivector;
SELECT '[[1 2]]'::multivector;
SELECT '[[1]]x'::multivector;
SELECT '{{1},{2}}'::multivector;
SELECT '[[ä]]'::multivector;

-- Values
SELECT '[[1],[NaN]]'::multivector;
SELECT '[[1],[-inf]]'::multivector;
SELECT '[[1],[4e38]]'::multivector;

-- Dimensions, limits and modifiers
SELECT '[[1,2],[3]]'::multivector;
SELECT '[[1,2],[3,4,5]]'::multivector;
SELECT '[[1,2],[3,4]]'::multivector(3);
SELECT '[[1,2],[3,4]]'::multivector::multivector(3);
SELECT '[[1]]'::multivector(0);
SELECT '[[1]]'::multivector(16001);
SELECT '[[1]]'::multivector(1, 2);
SELECT multivector_count(m), multivector_dims(m) FROM (SELECT ('[' || repeat('[0],', 65534) || '[0]]')::multivector m) t;
SELECT ('[' || repeat('[0],', 65535) || '[0]]')::multivector;
SELECT multivector_count(m), multivector_dims(m) FROM (SELECT ('[[' || repeat('0,', 15999) || '0]]')::multivector m) t;
SELECT ('[[' || repeat('0,', 16000) || '0]]')::multivector;
SELECT ('[[' || repeat(',', 16000) || ']' || repeat('[', 70000))::multivector;
CREATE TABLE docs (id int, tokens multivector(2));
INSERT INTO docs VALUES (1, '[[1,0],[0,1]]'), (2, '[[2,0]]'), (3, '[[0,-1],[0.5,0.5],[-1,0]]'), (4, NULL);
INSERT INTO docs VALUES (5, '[[1,2,3]]');
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'docs'::regclass AND attnum > 0;

-- Binary form
SELECT multivector_send('[[1,-2],[0.5,0]]');
-- A COPY file of one value with the bytes given, as a command that writes it
CREATE FUNCTION copy_of(body bytea) RETURNS text LANGUAGE sql AS $$
  SELECT 'printf ''' || string_agg('\' || (x >> 6)::text || ((x >> 3) & 7)::text || (x & 7)::text, '' ORDER BY i) || ''''
  FROM (SELECT '\x5047434f50590aff0d0a000000000000000000'::bytea || '\x0001' || int4send(length(body)) || body || '\xffff' AS file) f,
    LATERAL (SELECT i, get_byte(file, i) AS x FROM generate_series(0, length(file) - 1) i) bytes
$$;
CREATE TABLE received (m multivector, n int GENERATED ALWAYS AS IDENTITY);
SELECT copy_of(multivector_send('[[1,-2],[0.5,-0]]')) AS file \gset
COPY received (m) FROM PROGRAM :'file' WITH (FORMAT binary);
SELECT m, multivector_send(m) = multivector_send('[[1,-2],[0.5,-0]]') FROM received;
SELECT copy_of('\x00000001') AS file \gset
COPY received (m) FROM PROGRAM :'file' WITH (FORMAT binary);
SELECT copy_of('\x000000010000000100000000') AS file \gset
COPY received (m) FROM PROGRAM :'file' WITH (FORMAT binary);
SELECT copy_of('\x00003e800000ffff00000000') AS file \gset
COPY received (m) FROM PROGRAM :'file' WITH (FORMAT binary);
SELECT copy_of('\x00000000000000010000000000000000') AS file \gset
COPY received (m) FROM PROGRAM :'file' WITH (FORMAT binary);
SELECT copy_of('\x00003e81000000010000000000000000') AS file \gset
COPY received (m) FROM PROGRAM :'file' WITH (FORMAT binary);
SELECT copy_of('\x00000001000000000000000000000000') AS file \gset
COPY received (m) FROM PROGRAM :'file' WITH (FORMAT binary);
SELECT copy_of('\x00000001000100000000000000000000') AS file \gset
COPY received (m) FROM PROGRAM :'file' WITH (FORMAT binary);
SELECT copy_of('\x00000001000000010000000100000000') AS file \gset
COPY received (m) FROM PROGRAM :'file' WITH (FORMAT binary);
SELECT copy_of('\x0000000100000001000000007fc00000') AS file \gset
COPY received (m) FROM PROGRAM :'file' WITH (FORMAT binary);
SELECT copy_of('\x000000010000000100000000ff800000') AS file \gset
COPY received (m) FROM PROGRAM :'file' WITH (FORMAT binary);
SELECT copy_of('\x0000000100000001000000003f80000000') AS file \gset
COPY received (m) FROM PROGRAM :'file' WITH (FORMAT binary);
SELECT count(*) FROM received;

-- Parts
SELECT id, multivector_count(tokens), multivector_dims(tokens), mean(tokens) FROM docs ORDER BY id;
SELECT l2_normalize('[[3,4],[0,0],[1e30,0]]'::multivector);
SELECT subvectors('[[1],[2],[3],[4]]', 2, 2), subvectors('[[1],[2],[3],[4]]', -1, 3), subvectors('[[1],[2],[3],[4]]', 3, 2147483647);
SELECT subvectors('[[1],[2]]', 3, 1);
SELECT subvectors('[[1],[2]]', 1, 0);
SELECT subvectors('[[1],[2]]', 1, -2147483648);
SELECT subvectors('[[1],[2]]', -2147483648, -2147483648);
SELECT subvectors(NULL, 1, 1);
SELECT mean('[[3e38],[3e38],[3e38]]'::multivector);
SELECT '[[1,2]]'::multivector || '[[3,4],[5,6]]';
SELECT '[[1,2]]'::multivector || '[[3]]';
SELECT m || '[[0]]' FROM (SELECT ('[' || repeat('[0],', 65534) || '[0]]')::multivector m) t;
SELECT * FROM unnest('[[1,2],[3,4]]'::multivector) WITH ORDINALITY;
SELECT id, unnest(tokens) FROM docs ORDER BY id;
SELECT count(*) FROM (SELECT unnest(m) FROM (SELECT ('[' || repeat('[0],', 65534) || '[0]]')::multivector m) t) u;
SELECT v FROM unnest('[[1],[2],[3]]'::multivector) v LIMIT 1;

-- Order and equality
SELECT '[[1,2]]'::multivector = '[[1,2]]', '[[-0]]'::multivector = '[[0]]', '[[1],[2]]'::multivector = '[[1,2]]',
       '[[1,2]]'::multivector <> '[[1,3]]', NULL = '[[1]]'::multivector;
SELECT m FROM (VALUES ('[[1],[2]]'::multivector), ('[[1,2]]'), ('[[1]]'), ('[[0,9]]'), ('[[1],[1],[5]]'), ('[[2]]'), ('[[1,2],[0,0]]')) t(m) ORDER BY m;
SELECT '[[1]]'::multivector < '[[1],[0]]', '[[1]]'::multivector <= '[[1]]', '[[1]]'::multivector >= '[[2]]', '[[1]]'::multivector > '[[0,1]]',
       multivector_cmp('[[1]]', '[[2]]'), multivector_cmp('[[1,5]]', '[[1],[9]]');
SELECT multivector_hash('[[-0,1]]') = multivector_hash('[[0,1]]'), multivector_hash('[[1,2]]') = multivector_hash('[[1],[2]]'),
       (multivector_hash_extended('[[1,2]]', 0) & 4294967295) = (multivector_hash('[[1,2]]')::bigint & 4294967295);
SELECT count(DISTINCT tokens) FROM docs;
SET enable_sort = off;
SELECT tokens, count(*) FROM (SELECT tokens FROM docs UNION ALL SELECT tokens FROM docs) t WHERE tokens <> '[[2,0]]' GROUP BY 1 ORDER BY 1;
RESET enable_sort;
SELECT a.id FROM docs a JOIN docs b USING (tokens) ORDER BY 1;

-- Aggregate
SELECT multivector_agg(v ORDER BY i DESC) FROM (VALUES (1, '[1,2]'::vector), (2, NULL), (3, '[3,4]'), (4, '[5,6]')) t(i, v);
SELECT multivector_agg(v) FROM (VALUES (NULL::vector), (NULL)) t(v);
SELECT multivector_agg(v) FROM (SELECT '[1]'::vector v WHERE false) t;
SELECT multivector_agg(v) FROM (VALUES ('[1,2]'::vector), ('[3]')) t(v);
SELECT multivector_agg(v) OVER (ORDER BY i) FROM (VALUES (1, '[1]'::vector), (2, NULL), (3, '[3]')) t(i, v);
SELECT multivector_count(multivector_agg('[1]')) FROM generate_series(1, 65535);
SELECT multivector_agg('[1]') FROM generate_series(1, 65536);
SELECT multivector_agg(v) = m FROM (SELECT '[[1,2],[3,4],[5,6],[7,8],[9,10]]'::multivector m) t, unnest(m) v GROUP BY m;

-- Casts
SELECT ARRAY[[1,2],[3,4]]::multivector, ARRAY[[1.5,2],[3,4]]::real[]::multivector, '{{1,2}}'::float8[]::multivector, '{{1.25}}'::numeric[]::multivector(1);
SELECT '{1,2}'::real[]::multivector;
SELECT '{}'::real[]::multivector;
SELECT '{{{1}}}'::real[]::multivector;
SELECT '{{1,NULL}}'::real[]::multivector;
SELECT '{{1,NaN}}'::real[]::multivector;
SELECT '{{1,Infinity}}'::float8[]::multivector;
SELECT '{{1e39}}'::float8[]::multivector;
SELECT '{{1,2}}'::real[]::multivector(3);
SELECT array_fill(0::real, ARRAY[65536, 1])::multivector;
SELECT array_fill(0::real, ARRAY[1, 16001])::multivector;
SELECT ARRAY['[1,2]','[3,4]']::vector[]::multivector, ARRAY['[1.5]']::halfvec[]::multivector, '[1,2]'::vector::multivector;
SELECT ARRAY['[1,2]','[3]']::vector[]::multivector;
SELECT ARRAY['[1,2]',NULL]::vector[]::multivector;
SELECT '{}'::vector[]::multivector;
SELECT ARRAY[ARRAY['[1]'],ARRAY['[2]']]::vector[]::multivector;
SELECT ARRAY['[1,2]']::vector[]::multivector(3);
SELECT '[1,2]'::vector::multivector(3);
SELECT array_fill('[0]'::vector, ARRAY[65536])::multivector;
SELECT '[[1,2],[3,4]]'::multivector::vector[], '[[1,2],[3,4]]'::multivector::halfvec[], '[[1,2],[3,4]]'::multivector::real[];
SELECT '[[65519]]'::multivector::halfvec[], '[[1,2],[3,4]]'::multivector::real[]::multivector, '[[1,2],[3,4]]'::multivector::vector[]::multivector;
SELECT '[[1e6]]'::multivector::halfvec[];
INSERT INTO docs VALUES (6, ARRAY['[6,6]'::vector]), (7, '{{7,7},{8,8}}'::real[]), (8, '[9,9]'::vector);
INSERT INTO docs VALUES (9, '[9]'::vector);
SELECT * FROM docs WHERE id > 5 ORDER BY id;
DELETE FROM docs WHERE id > 5;

-- Values out of line and through the binary protocol's forms: the same bits
CREATE TABLE big (id int, tokens multivector(128));
INSERT INTO big SELECT d, multivector_agg(v ORDER BY t) FROM (
  SELECT d, t, array_agg(sin(d * 7 + t * 13 + j * 0.37)::real ORDER BY j)::vector v
  FROM generate_series(1, 20) d, generate_series(1, 40) t, generate_series(1, 128) j GROUP BY d, t) s GROUP BY d;
SELECT count(*), min(multivector_count(tokens)), max(multivector_dims(tokens)) FROM big;
SELECT count(*) FROM big WHERE tokens::text::multivector = tokens AND tokens::real[]::multivector = tokens AND tokens::vector[]::multivector = tokens;
SELECT count(*) FROM big WHERE subvectors(tokens, 1, 13) || subvectors(tokens, 14, 99) = tokens;
DROP TABLE docs, big, received;
DROP FUNCTION copy_of(bytea);
