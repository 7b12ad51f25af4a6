-- vector: order, equality, hashing, the btree and hash operator classes.
\pset null '(null)'
SELECT '[1,2]'::vector < '[1,3]', '[1,2]'::vector <= '[1,2]', '[1,2]'::vector = '[1,2]', '[1,2]'::vector <> '[1,2]', '[1,2]'::vector >= '[2]', '[1,2]'::vector > '[1]';
SELECT vector_cmp('[1,2]', '[1,2,0]'), vector_cmp('[1,2]', '[0,9,9]'), vector_cmp('[-0]', '[0]'), vector_cmp('[1]', '[1]');
SELECT '[1]'::vector < NULL, '[1]'::vector = NULL, vector_cmp(NULL, '[1]'), vector_hash(NULL), vector_hash_extended(NULL, 1);
SELECT vector_hash('[0,1]') = vector_hash('[-0,1]') AS zeros, vector_hash('[1,2]') = vector_hash('[2,1]') AS swapped,
       vector_hash('[1]') = (vector_hash_extended('[1]', 0) & 4294967295)::bit(32)::int AS low_half,
       vector_hash_extended('[1]', 1) = vector_hash_extended('[1]', 2) AS seeded,
       vector_hash(array_fill(0, ARRAY[1500])::vector) = vector_hash(array_fill(0, ARRAY[1501])::vector) AS longer;

CREATE TABLE t (id int, v vector);
INSERT INTO t VALUES (1, '[1,2]'), (2, '[1,2]'), (3, '[0,3]'), (4, '[-0,3]'), (5, '[1]'), (6, NULL), (7, NULL);
SELECT v FROM t ORDER BY v, id;
SELECT v FROM t ORDER BY v DESC NULLS LAST, id;
CREATE INDEX t_btree ON t (v);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM t WHERE v = '[1,2]';
SELECT id FROM t WHERE v = '[1,2]' ORDER BY id;
SELECT id FROM t WHERE v > '[0,3]' ORDER BY id;
DROP INDEX t_btree;
CREATE INDEX t_hash ON t USING hash (v);
EXPLAIN (COSTS OFF) SELECT id FROM t WHERE v = '[0,3]';
SELECT id FROM t WHERE v = '[0,3]' ORDER BY id;
RESET enable_seqscan;

-- DISTINCT, GROUP BY and joins by hash and by merge
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT v, count(*) FROM t GROUP BY v;
SELECT count(*) FROM (SELECT DISTINCT v FROM t) d;
SELECT min(id), count(*) FROM t GROUP BY v ORDER BY 1;
RESET enable_sort;
SET enable_mergejoin = off; SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM t a JOIN t b ON a.v = b.v;
SELECT count(*) FROM t a JOIN t b ON a.v = b.v;
SET enable_mergejoin = on; SET enable_hashjoin = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM t a JOIN t b ON a.v = b.v;
SELECT count(*) FROM t a JOIN t b ON a.v = b.v;
RESET enable_mergejoin; RESET enable_nestloop; RESET enable_hashjoin;
DROP TABLE t;

-- Unique and partitioned by hash
CREATE TABLE u (v vector UNIQUE);
INSERT INTO u VALUES ('[1]'), ('[2]'), (NULL), (NULL);
INSERT INTO u VALUES ('[1]');
DROP TABLE u;
CREATE TABLE p (v vector(1)) PARTITION BY HASH (v);
CREATE TABLE p0 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE p1 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO p SELECT ARRAY[n]::vector FROM generate_series(1, 100) n;
SELECT count(DISTINCT tableoid), count(*) FROM p;
DROP TABLE p;
