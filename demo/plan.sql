-- How the server does it: exact search reads every row and keeps the best ten.
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF)
SELECT word FROM words ORDER BY embedding <=> (SELECT embedding FROM words WHERE word = 'coffee') LIMIT 10;
