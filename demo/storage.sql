-- What a row's vector takes in each type.
SELECT 'vector' AS type, pg_column_size(embedding) AS "bytes a row" FROM words WHERE rank = 1
UNION ALL SELECT 'halfvec', pg_column_size(embedding::halfvec(100)) FROM words WHERE rank = 1
UNION ALL SELECT 'bit (signs)', pg_column_size(binary_quantize(embedding)) FROM words WHERE rank = 1;
