-- avg() of vectors is a vector: the middle of a few words, and what lies nearest to it.
WITH groups (label, members) AS (
  VALUES ('days', '{monday,wednesday,saturday}'::text[]), ('capitals', '{tokyo,madrid,berlin}'),
         ('instruments', '{guitar,piano}')),
middles AS (
  SELECT label, members, avg(embedding) AS middle
  FROM groups JOIN words ON word = ANY (members) GROUP BY label, members)
SELECT array_to_string(members, ', ') AS "average of",
       (SELECT string_agg(word, ', ' ORDER BY distance)
        FROM (SELECT word, embedding <=> middle AS distance FROM words
              WHERE word <> ALL (members) ORDER BY distance LIMIT 5) n) AS "nearest others"
FROM middles ORDER BY label;
