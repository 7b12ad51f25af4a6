#!/usr/bin/env bash
# Time of an exact nearest-neighbour scan, lowdim beside pgvector in one server: makes the databases
# bench_lowdim and bench_pgvector, loads glove and mnist into both, and runs the same queries in alternation
# with no parallel workers and no JIT. An extension that the server lacks is left out. Loaded tables are kept
# for the next run; FRESH=1 makes the databases anew.
#
#   bench/sql/exact_scan.sh HOST PORT [SCENARIO...]    scenarios: glove_l2 glove_cosine mnist mnist_plain
#   PGUSER (postgres), QUERIES (10), ROUNDS (7), DATA=DIR of the sets, OUT=DIR for JSON
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2; }
export PGHOST=$1 PGPORT=$2 PGUSER=${PGUSER:-postgres}
shift 2
[ $# -gt 0 ] || set -- glove_l2 glove_cosine mnist mnist_plain
. "$(dirname "${BASH_SOURCE[0]}")/databases.sh"

need_sets glove mnist
build_programs
open_databases
targets=()
for name in "${names[@]}"; do
  load_set "bench_$name" glove glove
  load_set "bench_$name" mnist mnist
  load_set "bench_$name" mnist_plain mnist plain
  for table in glove mnist mnist_plain; do prewarm "bench_$name" "$table"; done
  targets+=(--target "$name=dbname=bench_$name")
done

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
