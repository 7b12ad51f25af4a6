-- What ANALYZE has learnt of the column, and what the planner makes of it: rows expected and rows there.
SET client_min_messages = warning;
SELECT advice FROM jsonb_array_elements_text(vector_stats('words', 'embedding') -> 'advice') WITH ORDINALITY a (advice, n) ORDER BY n;
CREATE FUNCTION pg_temp.expected(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN (plan #>> '{0,Plan,Plan Rows}')::int;
END $$;
SELECT word, radius, pg_temp.expected(format('SELECT FROM words WHERE embedding <<=>> sphere(%L::vector, %s)', embedding, radius)) AS "rows expected",
       (SELECT count(*) FROM words n WHERE n.embedding <=> w.embedding < radius) AS "rows there"
FROM words w, unnest('{0.4,0.5,0.6}'::float8[]) radius WHERE word IN ('coffee', 'river') ORDER BY 1, 2;
