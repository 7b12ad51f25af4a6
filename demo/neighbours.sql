-- Words nearest in direction (<=> is cosine distance), five for each of a few words.
SELECT q.word, string_agg(format('%s %s', n.word, round(n.distance::numeric, 2)), '   ' ORDER BY n.distance) AS "nearest, with distance"
FROM unnest('{coffee,paris,monday,guitar,doctor,river}'::text[]) WITH ORDINALITY AS q (word, place)
JOIN words w USING (word),
LATERAL (SELECT word, embedding <=> w.embedding AS distance
         FROM words WHERE word <> w.word
         ORDER BY distance LIMIT 5) n
GROUP BY q.place, q.word ORDER BY q.place;
