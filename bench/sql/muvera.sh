#!/usr/bin/env bash
# Multi-vector search on wordnet: muvera_search of lowdim beside what pgvector offers, the nearest vectors of each
# vector of the query, their documents, and MaxSim of those; then both of lowdim's ways, exact and by the index, on
# the same queries. Their widths (candidates, nearest vectors) are measured in turn, in rounds. Documents are stored
# in the row where they fit a page (toast_tuple_target), in both databases.
#
#   bench/sql/muvera.sh HOST PORT
#   PGUSER (postgres), QUERIES (300), ROUNDS (5), EXACT (20 queries of the exact search; 0: none), FDE (options of the
#   encoding), LOWDIM_WITH (rerank=none), CANDIDATES and NEAREST (lists), BUILDS=0 (the indexes that are there),
#   WORKERS, MEMORY, FRESH, ONLY, DATA, OUT as in ann.sh
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 2; }
export PGHOST=$1 PGPORT=$2 PGUSER=${PGUSER:-postgres}
. "$(dirname "${BASH_SOURCE[0]}")/databases.sh"
. "$here/ann_index.sh"
set=$data/wordnet
fde=${FDE-}
LOWDIM_WITH=${LOWDIM_WITH:-rerank = none}
[ -e "$set/base.mvecs" ] || { echo "run bench/data/prepare wordnet first" >&2; exit 1; }
build_programs
open_index_databases

is_there() { [ "$(ask "$1" "SELECT to_regclass('$2') IS NOT NULL")" = t ]; }

load_documents() {  # NAME: wordnet (id, tokens)
  local db=bench_$1 type='multivector(100)'
  is_there "$db" wordnet_inline && return
  if [ "$1" = lowdim ]; then
    "$build/load" --connect "dbname=$db" --table wordnet --in "$set/base.mvecs" >&2
  else
    "$build/load" --connect "dbname=$db" --table wordnet_tokens --type vector --in "$set/base.mvecs" >&2
    ask "$db" "CREATE TABLE wordnet AS SELECT document AS id, array_agg(token ORDER BY id) AS tokens
               FROM wordnet_tokens GROUP BY document"
    type='vector[]'
  fi
  ask "$db" "SET client_min_messages = warning;
    CREATE TABLE wordnet_inline (id integer PRIMARY KEY, tokens $type NOT NULL) WITH (toast_tuple_target = 8160);
    ALTER TABLE wordnet_inline ALTER tokens SET STORAGE main;
    INSERT INTO wordnet_inline SELECT id, tokens FROM wordnet ORDER BY id;
    DROP TABLE wordnet"
  ask "$db" "VACUUM (FREEZE, ANALYZE) wordnet_inline"
}

index_of() {  # NAME: on what, with which options
  case $1 in
    lowdim) echo "ON wordnet_inline USING lean_hnsw (fde_document(tokens, '$fde') vector_ip_ops) WITH ($LOWDIM_WITH)" ;;
    pgvector) echo "ON wordnet_tokens USING hnsw (token vector_ip_ops)${PGVECTOR_WITH:+ WITH ($PGVECTOR_WITH)}" ;;
  esac
}

build_search_index() {  # NAME
  local db=bench_$1
  if [ "${BUILDS:-1}" = 0 ] && is_there "$db" wordnet_ann; then return; fi
  ask "$db" 'SET client_min_messages = warning; DROP INDEX IF EXISTS wordnet_ann'
  timed_build "$db" "CREATE INDEX wordnet_ann $(index_of "$1")"
  bytes=$(ask "$db" "SELECT pg_relation_size('wordnet_ann')")
  printf '%s: index built in %s s by %s processes, %s bytes\n' "$db" "$took" "$processes" "$bytes" >&2
  printf '%s\t%s\t%s\t%s\n' "$1" "$took" "$processes" "$bytes" >>"$out/muvera_builds.tsv"
}

# The width is a setting, so that one prepared statement serves the sweep.
muvera="SELECT d.id FROM muvera_search('wordnet_inline', 'tokens', \$1, {k},
  current_setting('bench.candidates')::integer) s JOIN wordnet_inline d ON d.ctid = s.tid ORDER BY s.score DESC"
exact="SELECT id FROM wordnet_inline ORDER BY tokens @# \$1 LIMIT {k}"
nearest="WITH q AS MATERIALIZED (SELECT i, v FROM unnest(\$1::vector[]) WITH ORDINALITY q(v, i)),
  hits AS MATERIALIZED (SELECT DISTINCT t.document FROM q CROSS JOIN LATERAL (SELECT document FROM wordnet_tokens
    ORDER BY token <#> q.v LIMIT current_setting('hnsw.ef_search')::integer) t)
  SELECT d.id FROM hits h JOIN wordnet_inline d ON d.id = h.document ORDER BY (SELECT sum(m) FROM
    (SELECT max(-(t <#> q.v)) AS m FROM q, unnest(d.tokens) t GROUP BY q.i) x) DESC LIMIT {k}"

candidates=${CANDIDATES:-100 200 400 700 1000 1500 2000 3000 4000}
sections=(
  "[muvera_search]" "target = lowdim" "sql = $(tr -s '\n ' ' ' <<<"$muvera")"
  "sweep = bench.candidates = $(tr -s ' ' , <<<"$candidates")")
for name in "${names[@]}"; do
  load_documents "$name"
  build_search_index "$name"
  prewarm "bench_$name" wordnet_inline
done
measure() { # FILE.json QUERIES: what stands in $work/settings
  "$build/query_bench" "${targets[@]}" --title wordnet --queries "$set/query.mvecs" --truth "$set/truth.ivecs" \
    --settings "$work/settings" --n-queries "$2" --rounds "${ROUNDS:-5}" --warmup 6 --json "$1"
  echo
}
{
  common_settings
  case " ${names[*]} " in *' lowdim '*) printf '%s\n' "${sections[@]}" ;; esac
  case " ${names[*]} " in *' pgvector '*)
    prewarm bench_pgvector wordnet_tokens
    printf '%s\n' "[nearest vectors]" "target = pgvector" "sql = $(tr -s '\n ' ' ' <<<"$nearest")" \
      "sweep = hnsw.ef_search = $(tr -s ' ' , <<<"${NEAREST:-10 20 40 70 100 150 200 300 400}")" ;;
  esac
} >"$work/settings"
measure "$out/muvera.json" "${QUERIES:-300}"
case " ${names[*]} " in *' lowdim '*)
  if [ "${EXACT:-20}" -gt 0 ]; then
    { common_settings && printf '%s\n' "${sections[@]}" "[exact]" "target = lowdim" "sql = $exact"; } >"$work/settings"
    measure "$out/muvera_exact.json" "${EXACT:-20}"
  fi ;;
esac
"$here/ann_curve.py" --series lowdim=muvera_search --series 'pgvector=nearest vectors' --recall 0.8 --recall 0.9 \
  --recall 0.95 --builds "wordnet=$out/muvera_builds.tsv" "wordnet=$out/muvera.json"
