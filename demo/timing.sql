-- The ten nearest of a word, by each distance: the median of the times of twenty searches, taken inside the server.
CREATE FUNCTION pg_temp.median_ms(expression text, searches int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
  q record;
  started timestamptz;
  times float8[] = '{}';
BEGIN
  FOR q IN SELECT embedding AS v FROM words WHERE rank % 37 = 0 ORDER BY rank LIMIT searches LOOP
    started = clock_timestamp();
    EXECUTE format('SELECT rank FROM words ORDER BY %s LIMIT 10', expression) USING q.v;
    times = times || extract(epoch FROM clock_timestamp() - started) * 1000;
  END LOOP;
  RETURN percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(times) t;
END $$;
SELECT name AS distance, operator, round(pg_temp.median_ms(format('embedding %s $1', operator), 20)::numeric, 2) AS "ms a search"
FROM (VALUES ('cosine', '<=>'), ('Euclidean', '<->'), ('inner product', '<#>'), ('Manhattan', '<+>')) AS d (name, operator);
