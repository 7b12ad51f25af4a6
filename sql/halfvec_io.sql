-- halfvec: text and binary forms, type modifiers, limits, and what bad input says.
\pset null '(null)'
SELECT '[1,2,3]'::halfvec, ' [ 1.5 , -2e1,	+3 ] '::halfvec, '[0.1,1e-8,3e-8,-0]'::halfvec, '[65504,65519.99]'::halfvec;
SELECT '[1,2,3]'::halfvec(3), NULL::halfvec;
SELECT ''::halfvec;
SELECT '[]'::halfvec;
SELECT '[1,'::halfvec;
SELECT '[1,2]x'::halfvec;
SELECT '1,2'::halfvec;
SELECT '[1,hello]'::halfvec;
SELECT '[NaN]'::halfvec;
SELECT '[-Infinity]'::halfvec;
SELECT '[65520]'::halfvec;
SELECT '[-1e39]'::halfvec;
SELECT '[1,2,3]'::halfvec(2);
SELECT '[1,2,3]'::halfvec::halfvec(2);
SELECT '[1]'::halfvec(0);
SELECT '[1]'::halfvec(16001);
SELECT '[1]'::halfvec(1, 2);
SELECT vector_dims(('[' || repeat('0,', 15999) || '0]')::halfvec);
SELECT ('[' || repeat('0,', 16000) || '0]')::halfvec;
SELECT halfvec_send('[1,-2]');

-- Order, equality, hashing
SELECT '[1,2]'::halfvec < '[1,3]', '[1,2]'::halfvec <= '[1,2]', '[1,2]'::halfvec = '[1,2]', '[1,2]'::halfvec <> '[1,2]', '[1,2]'::halfvec >= '[2]', '[1,2]'::halfvec > '[1]';
SELECT halfvec_cmp('[1,2]', '[1,2,0]'), halfvec_cmp('[1,2]', '[0,9,9]'), halfvec_cmp('[-0]', '[0]'), halfvec_cmp(NULL, '[0]');
SELECT halfvec_hash('[0,1]') = halfvec_hash('[-0,1]') AS zeros, halfvec_hash('[1,2]') = halfvec_hash('[2,1]') AS swapped,
       halfvec_hash('[1]') = (halfvec_hash_extended('[1]', 0) & 4294967295)::bit(32)::int AS low_half;
CREATE TABLE t (id int, v halfvec);
INSERT INTO t VALUES (1, '[1,2]'), (2, '[1,2]'), (3, '[0,3]'), (4, '[-0,3]'), (5, '[1]'), (6, NULL);
SELECT v FROM t ORDER BY v, id;
CREATE INDEX ON t (v);
CREATE INDEX ON t USING hash (v);
SET enable_seqscan = off;
SELECT id FROM t WHERE v = '[0,3]' ORDER BY id;
SELECT id FROM t WHERE v < '[1,2]' ORDER BY id;
SELECT count(DISTINCT v), (SELECT count(*) FROM t a JOIN t b ON a.v = b.v) FROM t;
DROP TABLE t;
