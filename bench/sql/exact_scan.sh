#!/usr/bin/env bash
# Time of an exact nearest-neighbour scan, lowdim beside pgvector in one server: makes the databases
# bench_lowdim and bench_pgvector, loads glove and mnist into both, and runs the same queries in alternation
# with no parallel workers and no JIT. An extension that the server lacks is left out. Loaded tables are kept
# for the next run; FRESH=1 loads them again.
#
#   bench/sql/exact_scan.sh HOST PORT [SCENARIO...]    scenarios: glove_l2 glove_cosine mnist mnist_plain
#   PGUSER (postgres), QUERIES (10), ROUNDS (7), DATA=DIR of the sets, OUT=DIR for JSON
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
[ $# -ge 2 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2; }
export PGHOST=$1 PGPORT=$2 PGUSER=${PGUSER:-postgres}
shift 2
[ $# -gt 0 ] || set -- glove_l2 glove_cosine mnist mnist_plain
data=${DATA:-$root/bench/data/out}
build=$root/build/bench

cmake -S "$root/bench" -B "$build" >/dev/null
cmake --build "$build" --target bench_sql -j2 >/dev/null
for set in glove mnist; do
  [ -e "$data/$set/base.fvecs" ] || { echo "run bench/data/prepare glove mnist first" >&2; exit 1; }
done

ask() { psql -XqAt -v ON_ERROR_STOP=1 -d "$1" -c "$2"; }

load_set() {  # DATABASE TABLE FILE ROWS [STORAGE]: unless it is there already
  if [ -z "${FRESH:-}" ] && [ "$(ask "$1" "SELECT to_regclass('$2') IS NOT NULL")" = t ] &&
    [ "$(ask "$1" "SELECT count(*) FROM $2")" = "$4" ]; then
    return
  fi
  printf '%s: ' "$1"
  "$build/load" --connect "dbname=$1" --table "$2" --in "$3" ${5:+--storage "$5"}
}

prewarm() {  # DATABASE TABLE: with its out-of-line values
  ask "$1" "SELECT pg_prewarm(c.oid) FROM pg_class c WHERE c.oid = '$2'::regclass
            UNION ALL SELECT pg_prewarm(c.reltoastrelid) FROM pg_class c
            WHERE c.oid = '$2'::regclass AND c.reltoastrelid <> 0" >/dev/null
}

targets=()
for name in lowdim pgvector; do
  extension=${name/pgvector/vector}
  if [ "$(ask postgres "SELECT count(*) FROM pg_available_extensions WHERE name = '$extension'")" = 0 ]; then
    echo "the server has no extension $extension: $name is left out"
    continue
  fi
  db=bench_$name
  [ "$(ask postgres "SELECT count(*) FROM pg_database WHERE datname = '$db'")" = 1 ] || ask postgres "CREATE DATABASE $db"
  ask "$db" "SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS $extension;
             CREATE EXTENSION IF NOT EXISTS pg_prewarm"
  load_set "$db" glove "$data/glove/base.fvecs" 331479
  load_set "$db" mnist "$data/mnist/base.fvecs" 60000
  load_set "$db" mnist_plain "$data/mnist/base.fvecs" 60000 plain
  for table in glove mnist mnist_plain; do prewarm "$db" "$table"; done
  targets+=(--target "$name=dbname=$db")
done
[ ${#targets[@]} -gt 0 ] || exit 1

scan() {  # SCENARIO SET TABLE OPERATOR ROWS [TRUTH]
  "$build/query_bench" "${targets[@]}" --title "exact scan" --series "$1" --queries "$data/$2/query.fvecs" \
    ${6:+--truth "$data/$2/truth.ivecs"} --sql "SELECT id FROM $3 ORDER BY emb $4 \$1 LIMIT {k}" --rows "$5" \
    --set 'max_parallel_workers_per_gather = 0' --set 'jit = off' --set 'enable_indexscan = off' \
    --n-queries "${QUERIES:-10}" --rounds "${ROUNDS:-7}" --warmup 6 ${OUT:+--json "$OUT/exact_$1.json"}
  echo
}

[ -z "${OUT:-}" ] || mkdir -p "$OUT"
for scenario in "$@"; do
  case $scenario in
    glove_l2) scan glove_l2 glove glove '<->' 331479 ;;  # the ground truth of glove is by cosine
    glove_cosine) scan glove_cosine glove glove '<=>' 331479 truth ;;
    mnist) scan mnist mnist mnist '<->' 60000 truth ;;
    mnist_plain) scan mnist_plain mnist mnist_plain '<->' 60000 truth ;;
    *) echo "no such scenario: $scenario" >&2; exit 2 ;;
  esac
done
