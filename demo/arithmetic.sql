-- a - b + c, then the nearest word that is none of the three.
SELECT format('%s - %s + %s', q.a, q.b, q.c) AS question, n.word AS answer, round(n.distance::numeric, 2) AS distance
FROM (VALUES (1, 'king', 'man', 'woman'), (2, 'paris', 'france', 'italy'), (3, 'bigger', 'big', 'small'),
             (4, 'walking', 'walk', 'play')) AS q (place, a, b, c)
JOIN words a ON a.word = q.a JOIN words b ON b.word = q.b JOIN words c ON c.word = q.c,
LATERAL (SELECT word, embedding <=> (a.embedding - b.embedding + c.embedding) AS distance
         FROM words WHERE word NOT IN (q.a, q.b, q.c)
         ORDER BY distance LIMIT 1) n
ORDER BY q.place;
