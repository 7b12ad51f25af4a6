-- The same searches with an index, for the recall that is asked for. Recall is measured against exact answers.
SET client_min_messages = warning;
DROP INDEX IF EXISTS words_graph;
CREATE INDEX words_graph ON words USING lean_hnsw (embedding vector_cosine_ops);
CREATE FUNCTION pg_temp.search(target text, OUT recall numeric, OUT ms numeric) LANGUAGE plpgsql AS $$
DECLARE
  q record;
  started timestamptz;
  answer int[];
  times float8[] = '{}';
  hits int = 0;
BEGIN
  FOR q IN SELECT embedding AS v FROM words WHERE rank % 37 = 0 ORDER BY rank LIMIT 100 LOOP
    PERFORM set_config('lowdim.target_recall', target, true), set_config('enable_seqscan', 'off', true);
    started = clock_timestamp();
    answer = ARRAY(SELECT rank FROM words ORDER BY embedding <=> q.v LIMIT 10);
    times = times || extract(epoch FROM clock_timestamp() - started) * 1000;
    PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true);
    hits = hits + (SELECT count(*) FROM (SELECT rank FROM words ORDER BY embedding <=> q.v LIMIT 10) e WHERE rank = ANY (answer));
    PERFORM set_config('enable_indexscan', 'on', true);
  END LOOP;
  recall = round(hits / 1000.0, 3);
  ms = (SELECT round((percentile_cont(0.5) WITHIN GROUP (ORDER BY t))::numeric, 2) FROM unnest(times) t);
END $$;
SELECT target AS "lowdim.target_recall", recall AS "recall found", ms AS "ms a search"
FROM unnest('{0.8,0.9,0.95,0.99}'::text[]) target, pg_temp.search(target);
