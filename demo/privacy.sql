-- How many words are like that one (a kernel's sum), asked of a sketch that hides each of them: epsilon is 1.
WITH private AS MATERIALIZED (
  SELECT dp_kde(l2_normalize(embedding), '{"dims":100,"bandwidth":0.5,"features":16384,"epsilon":1,"delta":1e-6}') AS sketch
  FROM words)
SELECT w.word, round(kde_sum(sketch, l2_normalize(w.embedding))::numeric, 1) AS "from the sketch",
       (SELECT round(sum(exp(-2 * (n.embedding <=> w.embedding) / 0.25))::numeric, 1) FROM words n) AS "from the rows"
FROM private, words w WHERE w.word IN ('monday', 'paris', 'coffee', 'guitar') ORDER BY 3 DESC;
