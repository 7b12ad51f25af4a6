-- build_order: the order in which a build links the rows. The graph is another, the answers are as good.
SET client_min_messages = warning;
SET max_parallel_maintenance_workers = 0;
-- v for recall; w, half of it a line, whose nodes have few links, to tell one graph from another
CREATE TABLE ordered AS
SELECT n AS id, v, v::halfvec(12) AS h, array_to_sparsevec(v::real[], 12, false)::sparsevec(12) AS s, binary_quantize(v)::bit(12) AS b, w
FROM (SELECT n, (SELECT array_agg(CASE WHEN n % 2 = 0 OR i < 6 THEN ('x' || left(md5(n || ' ' || i), 6))::bit(24)::int / 1e6 ELSE 9 END ORDER BY i) FROM generate_series(1, 12) i)::vector(12) AS v,
             (SELECT array_agg(CASE WHEN n % 2 = 0 OR i = 1 THEN sin(n * i * 1.7 + i * i) * 3 ELSE 5 END ORDER BY i) FROM generate_series(1, 12) i)::vector(12) AS w
      FROM generate_series(1, 2500) n) x;
INSERT INTO ordered SELECT 3000 + id, v, h, s, b, w FROM ordered WHERE id <= 100;
INSERT INTO ordered VALUES (4000);
-- How many codes 50 searches score by an index on w, in the order of an operator
CREATE FUNCTION look(i regclass, op text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE q int; n bigint; total bigint := 0;
BEGIN
  FOR q IN 1..50 LOOP
    EXECUTE format('SELECT count(*) FROM (SELECT id FROM ordered ORDER BY w %s (SELECT w FROM ordered WHERE id = $1) LIMIT 10) x', op) INTO n USING q * 48;
    ASSERT lowdim_last_scan() ->> 'index' = i::text, 'another plan';
    total := total + (lowdim_last_scan() -> 'codes_scored')::bigint;
  END LOOP;
  RETURN total;
END $$;
CREATE TABLE seen (build_order text, recall float8, scored bigint, damage bigint);
SET enable_seqscan = off;
CREATE FUNCTION try(build_order text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE INDEX ordered_v ON ordered USING lean_hnsw (v vector_l2_ops) WITH (build_order = %s)', build_order);
  EXECUTE format('CREATE INDEX ordered_w ON ordered USING lean_hnsw (w vector_l2_ops) WITH (build_order = %s)', build_order);
  INSERT INTO seen SELECT build_order, (SELECT recall FROM lowdim_recall('ordered_v', 40, 10) WHERE ef_search = 80), look('ordered_w', '<->'),
    (SELECT count(*) FROM lowdim_check('ordered_v')) + (SELECT count(*) FROM lowdim_check('ordered_w'));
  DROP INDEX ordered_v, ordered_w;
END $$;
SELECT try(o) FROM unnest('{shuffle,lid_desc,heap}'::text[]) o;
SELECT build_order, recall > 0.97 AS good, damage FROM seen ORDER BY build_order;
SELECT count(DISTINCT scored) AS graphs FROM seen;
-- The default is shuffle
CREATE INDEX ordered_w ON ordered USING lean_hnsw (w vector_l2_ops);
SELECT look('ordered_w', '<->') = scored AS same FROM seen WHERE build_order = 'shuffle';
-- What is set takes effect with the next build
ALTER INDEX ordered_w SET (build_order = heap);
SELECT look('ordered_w', '<->') = scored AS still FROM seen WHERE build_order = 'shuffle';
REINDEX INDEX ordered_w;
SELECT look('ordered_w', '<->') = scored AS heap FROM seen WHERE build_order = 'heap';
ALTER INDEX ordered_w RESET (build_order);
SELECT reloptions FROM pg_class WHERE relname = 'ordered_w';
DROP INDEX ordered_w;
-- By inner product there is no local dimension: lid_desc is shuffle
CREATE TABLE products (build_order text, scored bigint);
CREATE INDEX ordered_w ON ordered USING lean_hnsw (w vector_ip_ops) WITH (build_order = lid_desc);
INSERT INTO products SELECT 'lid_desc', look('ordered_w', '<#>');
DROP INDEX ordered_w;
CREATE INDEX ordered_w ON ordered USING lean_hnsw (w vector_ip_ops) WITH (build_order = shuffle);
INSERT INTO products SELECT 'shuffle', look('ordered_w', '<#>');
DROP INDEX ordered_w;
CREATE INDEX ordered_w ON ordered USING lean_hnsw (w vector_ip_ops) WITH (build_order = heap);
INSERT INTO products SELECT 'heap', look('ordered_w', '<#>');
DROP INDEX ordered_w;
SELECT count(DISTINCT scored) FILTER (WHERE build_order <> 'heap') AS one, count(DISTINCT scored) AS two FROM products;
-- Every kind of index, several processes, too little memory
CREATE TABLE kinds (i int, kind text, column_name text);
INSERT INTO kinds VALUES (1, 'vector_cosine_ops', 'v'), (2, 'vector_l1_ops', 'v'), (3, 'halfvec_l2_ops', 'h'), (4, 'bit_hamming_ops', 'b'), (5, 'sparsevec_l2_ops', 's');
DO $$
DECLARE k record; o text;
BEGIN
  FOR k IN SELECT * FROM kinds ORDER BY i LOOP
    FOREACH o IN ARRAY '{lid_desc,heap}'::text[] LOOP
      EXECUTE format('CREATE INDEX some_kind ON ordered USING lean_hnsw (%s %s) WITH (build_order = %s)', k.column_name, k.kind, o);
      ASSERT (SELECT count(*) FROM lowdim_check('some_kind')) = 0, k.kind;
      DROP INDEX some_kind;
    END LOOP;
  END LOOP;
END $$;
SET max_parallel_maintenance_workers = 2;
SET min_parallel_table_scan_size = 0;
ALTER TABLE ordered SET (parallel_workers = 2);
CREATE INDEX ordered_v ON ordered USING lean_hnsw (v vector_l2_ops) WITH (build_order = lid_desc);
CREATE INDEX ordered_h ON ordered USING lean_hnsw (h halfvec_l2_ops) WITH (build_order = heap);
SELECT recall > 0.97 AS good FROM lowdim_recall('ordered_v', 40, 10) WHERE ef_search = 80;
SELECT recall > 0.97 AS good FROM lowdim_recall('ordered_h', 40, 10) WHERE ef_search = 80;
SELECT (SELECT count(*) FROM lowdim_check('ordered_v')) + (SELECT count(*) FROM lowdim_check('ordered_h')) AS damage;
DROP INDEX ordered_v, ordered_h;
SET max_parallel_maintenance_workers = 0;
SET maintenance_work_mem = '1MB';
CREATE INDEX ordered_v ON ordered USING lean_hnsw (v vector_l2_ops) WITH (build_order = heap);
SELECT recall > 0.97 AS good FROM lowdim_recall('ordered_v', 40, 10) WHERE ef_search = 80;
RESET maintenance_work_mem;
DROP INDEX ordered_v;
-- Few rows, none
CREATE TABLE few (v vector(3));
CREATE INDEX few_v ON few USING lean_hnsw (v vector_l2_ops) WITH (build_order = lid_desc);
INSERT INTO few VALUES ('[1,2,3]'), ('[4,5,6]');
REINDEX INDEX few_v;
SELECT v FROM few ORDER BY v <-> '[4,4,4]' LIMIT 1;
-- Bad values
CREATE INDEX bad ON ordered USING lean_hnsw (v vector_l2_ops) WITH (build_order = random);
CREATE INDEX bad ON ordered USING lean_hnsw (v vector_l2_ops) WITH (build_order = '');
CREATE INDEX bad ON ordered USING lean_hnsw (v vector_l2_ops) WITH (build_order);
CREATE INDEX bad ON ordered USING lean_hnsw (v vector_l2_ops) WITH (build_order = 1);
ALTER INDEX few_v SET (build_order = lid_asc);
DROP TABLE ordered, seen, products, kinds, few;
DROP FUNCTION look, try;
