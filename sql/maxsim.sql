-- maxsim, @# and maxsim_matches: against sums over all pairs of vectors, on every level of SIMD.
\set SHOW_CONTEXT never
\pset null '(null)'
SELECT maxsim('[[1,0],[0,1]]', '[[2,1],[0,3],[-1,-1]]'), '[[1,0],[0,1]]' @# '[[2,1],[0,3],[-1,-1]]'::multivector;
SELECT * FROM maxsim_matches('[[1,0],[0,1]]', '[[2,1],[0,3],[-1,-1]]');
SELECT maxsim('[[1]]', '[[-5]]'), maxsim('[[-1],[2]]', '[[-5],[1]]'), maxsim('[[1]]', NULL), NULL @# '[[1]]'::multivector;
SELECT * FROM maxsim_matches(NULL, '[[1]]');
SELECT maxsim('[[1,2]]', '[[1,2,3]]');
SELECT '[[1,2]]'::multivector @# '[[1]]';
SELECT * FROM maxsim_matches('[[1,2]]', '[[1]]');
-- Beyond float32: infinite; what is not a number never wins
SELECT maxsim('[[3e38]]', '[[10],[-10]]'), maxsim('[[1,1],[3e38,3e38]]', '[[10,-10]]');
SELECT * FROM maxsim_matches('[[1,1],[3e38,3e38]]', '[[10,-10]]');

-- Short values lie in their rows at any alignment
CREATE TEMP TABLE small AS SELECT i, repeat('x', i) AS pad, ('[[' || i || ',1,2],[3,' || -i || ',1],[0,1,1]]')::multivector AS m FROM generate_series(1, 8) i;
SELECT i, maxsim(m, '[[1,1,1],[0,-1,0]]') = greatest(i + 3, 4 - i, 2) + greatest(-1, i) AS agrees FROM small ORDER BY i;
SELECT count(*), count(*) FILTER (WHERE maxsim(a.m, b.m) = maxsim(a.m::text::multivector, b.m::text::multivector)) AS agree FROM small a, small b;

CREATE TABLE pages (id int, tokens multivector);
INSERT INTO pages SELECT d, multivector_agg(v ORDER BY t) FROM (
  SELECT d, t, l2_normalize(array_agg(sin(d * 7.1 + t * 13.7 + j * j * 0.37)::real ORDER BY j)::vector) v
  FROM generate_series(1, 30) d, generate_series(1, 25) t, generate_series(1, 50) j WHERE t <= 5 + d % 21 GROUP BY d, t) s GROUP BY d;
CREATE TABLE questions AS SELECT id, subvectors(tokens, 2, 3 + id) AS q FROM pages WHERE id IN (3, 11, 20);
-- The definition in SQL
CREATE TEMP TABLE exact AS
  SELECT p.id AS page, s.id AS question, sum(best) AS similarity FROM pages p, questions s,
    LATERAL (SELECT max(inner_product(d, q)) AS best FROM unnest(s.q) WITH ORDINALITY q(q, n), unnest(p.tokens) d GROUP BY n) b GROUP BY 1, 2;
SELECT count(*), count(*) FILTER (WHERE abs(similarity - maxsim(tokens, q)) < 1e-5) AS agree,
       count(*) FILTER (WHERE maxsim(tokens, q) = -(tokens @# q)) AS negated,
       count(*) FILTER (WHERE maxsim(tokens, q) = (SELECT sum(m.similarity) FROM maxsim_matches(tokens, q) m)) AS summed,
       count(*) FILTER (WHERE (SELECT bool_and(abs(inner_product((tokens::vector[])[document_vector], (q::vector[])[query_vector]) - m.similarity) < 1e-6)
                               AND count(*) = multivector_count(q) FROM maxsim_matches(tokens, q) m)) AS matched
FROM exact JOIN pages p ON p.id = page JOIN questions s ON s.id = question;
SELECT s.id, array(SELECT p.id FROM pages p ORDER BY p.tokens @# s.q LIMIT 3) AS found,
       array(SELECT page FROM exact WHERE question = s.id ORDER BY similarity DESC LIMIT 3) AS wanted FROM questions s ORDER BY 1;
-- Every level
SET lowdim.simd = baseline;
CREATE TEMP TABLE levels AS SELECT 'baseline' AS level, p.id AS page, s.id AS question, maxsim(tokens, q) AS similarity FROM pages p, questions s;
SET lowdim.simd = avx2;
INSERT INTO levels SELECT 'avx2', p.id, s.id, maxsim(tokens, q) FROM pages p, questions s;
SET lowdim.simd = avx512;
INSERT INTO levels SELECT 'avx512', p.id, s.id, maxsim(tokens, q) FROM pages p, questions s;
RESET lowdim.simd;
SELECT level, count(*) FROM levels l JOIN exact e USING (page, question) WHERE abs(l.similarity - e.similarity) < 1e-5 GROUP BY 1 ORDER BY 1;
-- In parallel workers
SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET max_parallel_workers_per_gather = 2;
SELECT id FROM pages ORDER BY tokens @# (SELECT q FROM questions WHERE id = 11) LIMIT 3;
RESET ALL;

-- Exactly the extreme numbers of vectors, and a cancel between two blocks
\set SHOW_CONTEXT never
CREATE TEMP TABLE extreme AS SELECT ('[' || repeat('[1],', 65534) || '[2]]')::multivector AS m;
SELECT maxsim(m, '[[1],[-1]]'), maxsim('[[1],[-1]]', m), (SELECT document_vector FROM maxsim_matches(m, '[[1]]')) FROM extreme;
CREATE TEMP TABLE wide AS SELECT ('[' || repeat('[' || repeat('1,', 127) || '1],', 65534) || '[' || repeat('1,', 127) || '1]]')::multivector AS m;
SET statement_timeout = '200ms';
SELECT maxsim(m, m) FROM wide;
RESET statement_timeout;
DROP TABLE pages, questions;
