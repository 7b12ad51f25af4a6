-- One row a word, most frequent first. The rows come from standard input (demo.sh).
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS lowdim;
DROP TABLE IF EXISTS words;
CREATE TABLE words (rank int, word text, embedding vector(100));
\copy words from pstdin
ALTER TABLE words ADD PRIMARY KEY (rank);
CREATE INDEX ON words (word);
VACUUM ANALYZE words;
