#!/bin/bash
# Nearest-neighbour search on real word vectors in a private PostgreSQL server. DATA=glove takes all 341,479 words
# (a download of 118 MB) instead of the 5,000 that the repository ships. Run it as often as you like: the table is
# made again each time. The server keeps running for you to try things; `make play-stop` ends it and removes its data.
. "$(dirname "$0")/env.sh"

case ${DATA:-sample} in
  sample | glove) ;;
  *) die "DATA may be 'glove', or left out" ;;
esac

stamp() { date +%s%N; }
timed() {  # what it does, command...: the line is completed by the time it took
  local what=$1 start
  shift
  start=$(stamp)
  printf '%s==>%s %-58s' "$green" "$plain" "$what"
  "$@" >"$scratch/demo.log" 2>&1 || { printf '\n'; cat "$scratch/demo.log" >&2; die "failed: $what"; }
  printf '%6s s\n' "$(awk -v a="$start" -v b="$(stamp)" 'BEGIN {printf "%.1f", (b - a) / 1e9}')"
}
server() { "$root/tools/server.sh" "$@"; }
psql() { server run demo psql -Xq -v ON_ERROR_STOP=1 "$@"; }
make_database() {
  if [ -z "$(psql -Atd postgres -c "SELECT 1 FROM pg_database WHERE datname = 'demo'")" ]; then
    psql -d postgres -c 'CREATE DATABASE demo'
  fi
}
load() {
  if [ "${DATA:-sample}" = glove ]; then
    node "$root/tools/glove.mjs" "$json" | psql -d demo -f "$root/demo/load.sql"
  else
    gzip -dc "$root/sample/glove_words.tsv.gz" | psql -d demo -f "$root/demo/load.sql"
  fi
}
# A heading, the heart of the query, and its answer; what follows are options of psql.
show() {
  printf '\n%s%s%s\n' "$bold" "$1" "$plain"
  [ -z "$2" ] || printf '%s  %s%s\n' "$dim" "$2" "$plain"
  psql -d demo -P border=1 -P linestyle=unicode -P footer=off "${@:4}" -f "$root/demo/$3.sql" | sed 's/^/  /; s/ *$//; /^$/d'
}

say "${bold}lowdim${plain}: vectors in PostgreSQL"
say ""
make_scratch
if [ "${DATA:-sample}" = glove ]; then groups="build data"; else groups=build; fi
"$root/tools/setup.sh" $groups
timed "build, install into a private copy of PostgreSQL" "$root/tools/build.sh"
timed "start a private server (Unix socket only)" server start demo
make_database
if [ "${DATA:-sample}" = glove ]; then
  timed "download all word vectors (118 MB, once)" "$root/tools/fetch_glove.sh"
  json=$("$root/tools/fetch_glove.sh")
fi
timed "load and index the words" load
rows=$(psql -Atd demo -c "SELECT to_char(count(*), 'FM999,999') FROM words")
say "    $rows English words, GloVe vectors of 100 dimensions, table words (rank, word, embedding)"

show "Nearest neighbours" "ORDER BY embedding <=> :coffee LIMIT 5" neighbours
show "Arithmetic with meanings" "ORDER BY embedding <=> (:king - :man + :woman) LIMIT 1" arithmetic
show "Averages" "SELECT avg(embedding)" average
show "The plan: an exact scan" "" plan -t
show "Exact search for the 10 nearest of $rows" "" timing
show "With an index, for the recall that is asked for" "CREATE INDEX ON words USING lean_hnsw (embedding vector_cosine_ops)" index
show "What ANALYZE knows, and the planner" "WHERE embedding <<=>> sphere(:coffee, 0.4)" statistics
show "Questions to rows that nobody may see" "kde_sum(dp_kde(embedding, '{\"epsilon\": 1, ...}'), :word)" privacy
show "What a vector takes" "" storage

eval "$(server env demo)"
bin=$(dirname "$("$root/tools/private_pg.sh")")
cat <<TEXT

${bold}Try it yourself${plain}
  make play                  psql on this server, or, from any directory,
  $bin/psql -h $PGHOST -p $PGPORT -U $PGUSER demo
  make demo DATA=glove       the same with 341,479 words
  make play-stop             stop the server and remove its data (all of it is in $scratch)
TEXT
