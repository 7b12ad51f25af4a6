-- sparsevec: text and binary forms, type modifiers, limits, and what bad input says.
\pset null '(null)'
SELECT '{1:1.5,3:2}/5'::sparsevec, ' { 3 : 2 , 1 : 1.5 } / 5 '::sparsevec, '{}/5'::sparsevec, '{1:0,2:-0,3:1}/3'::sparsevec, '{1:1e-46}/1'::sparsevec;
SELECT '{1000000000:1}/1000000000'::sparsevec, '{1:1}/3'::sparsevec(3), NULL::sparsevec;

-- Syntax
SELECT ''::sparsevec;
SELECT '{'::sparsevec;
SELECT '{}'::sparsevec;
SELECT '{}/'::sparsevec;
SELECT '{1:}/2'::sparsevec;
SELECT '{1}/2'::sparsevec;
SELECT '{:1}/2'::sparsevec;
SELECT '{1:1,}/2'::sparsevec;
SELECT '{1:1'::sparsevec;
SELECT '{1:1}/2a'::sparsevec;
SELECT '{1:1}x/2'::sparsevec;
SELECT '{a:1}/2'::sparsevec;
SELECT '{1:a}/2'::sparsevec;
SELECT '{1.5:1}/2'::sparsevec;
SELECT '[1,2]'::sparsevec;

-- Values, indices, dimensions
SELECT '{1:NaN}/1'::sparsevec;
SELECT '{1:Infinity}/1'::sparsevec;
SELECT '{1:4e38}/1'::sparsevec;
SELECT '{0:1}/1'::sparsevec;
SELECT '{-1:1}/1'::sparsevec;
SELECT '{2:1}/1'::sparsevec;
SELECT '{9999999999:1}/1'::sparsevec;
SELECT '{-9999999999:1}/1'::sparsevec;
SELECT '{1:1,1:2}/2'::sparsevec;
SELECT '{}/0'::sparsevec;
SELECT '{}/-1'::sparsevec;
SELECT '{}/1000000001'::sparsevec;
SELECT '{}/9999999999999'::sparsevec;
SELECT '{1:1}/3'::sparsevec(2);
SELECT '{1:1}/3'::sparsevec::sparsevec(2);
SELECT '{}/1'::sparsevec(0);
SELECT '{}/1'::sparsevec(1000000001);
SELECT length((SELECT '{' || string_agg(i || ':1', ',') || '}/16000' FROM generate_series(1, 16000) i)::sparsevec::text);
SELECT (SELECT '{' || string_agg(i || ':1', ',') || '}/16001' FROM generate_series(1, 16001) i)::sparsevec;
SELECT sparsevec_send('{1:1,3:-2}/5');

-- Order, equality, hashing: as the dense vectors they stand for
SELECT '{1:1,2:2}/2'::sparsevec < '{1:1,2:3}/2', '{}/2'::sparsevec <= '{}/2', '{1:1}/2'::sparsevec = '{1:1}/2', '{1:1}/2'::sparsevec <> '{1:1}/2', '{1:1}/2'::sparsevec >= '{}/2', '{1:-1}/2'::sparsevec > '{}/2';
SELECT sparsevec_cmp('{1:1}/2', '{1:1}/3'), sparsevec_cmp('{2:1}/3', '{3:1}/3'), sparsevec_cmp('{2:-1}/3', '{3:1}/3'), sparsevec_cmp('{}/1', NULL);
SELECT sparsevec_hash('{1:1}/2') = sparsevec_hash('{1:1}/3') AS dims, sparsevec_hash('{1:1}/2') = sparsevec_hash('{1:1,2:0}/2') AS zeros,
       sparsevec_hash('{1:1}/2') = (sparsevec_hash_extended('{1:1}/2', 0) & 4294967295)::bit(32)::int AS low_half;
CREATE TABLE t (id int, v sparsevec);
INSERT INTO t VALUES (1, '{1:1,2:2}/2'), (2, '{1:1,2:2}/2'), (3, '{2:3}/2'), (4, '{1:1}/1'), (5, NULL);
SELECT v FROM t ORDER BY v, id;
CREATE INDEX ON t (v);
CREATE INDEX ON t USING hash (v);
SET enable_seqscan = off;
SELECT id FROM t WHERE v = '{1:1,2:2}/2' ORDER BY id;
SELECT id FROM t WHERE v < '{1:1}/1' ORDER BY id;
SELECT count(DISTINCT v), (SELECT count(*) FROM t a JOIN t b ON a.v = b.v) FROM t;
DROP TABLE t;
