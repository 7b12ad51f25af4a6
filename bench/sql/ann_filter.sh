#!/usr/bin/env bash
# Filtered nearest-neighbour search, lean_hnsw beside pgvector's hnsw with its strict iterative scan: WHERE keeps
# 50, 10, 1 or 0.1 % of the rows, either scattered at random or a ball around one row (far from most queries). For
# each, the rows that come back of 10, recall against the exact filtered answer, and the time of a query, with the
# index (`index`) and with the plan that the server prefers (`planned`, where it may scan). No other index
# serves the filter. ef_search is the default unless EF is given.
#
#   bench/sql/ann_filter.sh HOST PORT [SET]    sets: glove (default) mnist
#   PGUSER (postgres), QUERIES (200), ROUNDS (3), EF (a list), ROWS (all; the first so many), KEEP=1 (tables
#   and indexes that are there), WORKERS, MEMORY, FRESH, DATA, OUT as in ann.sh
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2; }
export PGHOST=$1 PGPORT=$2 PGUSER=${PGUSER:-postgres}
set=${3:-glove}
. "$(dirname "${BASH_SOURCE[0]}")/databases.sh"
. "$here/ann_index.sh"
queries=${QUERIES:-200}
rows=${ROWS:-$(n_rows "$set")} || { echo "no such set: $set" >&2; exit 2; }
table=${set}_filter
operator=$(operator_of "$set")

need_sets "$set"
build_programs
open_index_databases
"$here/ann_buckets.py" "$data/$set/base.fvecs" "$rows" "$(metric_of "$set")" >"$work/buckets.csv"

make_table() {  # NAME
  local db=bench_$1
  if [ -n "${KEEP:-}" ] && [ "$(ask "$db" "SELECT to_regclass('${table}_ann') IS NOT NULL")" = t ] &&
    [ "$(ask "$db" "SELECT count(*) FROM $table")" = "$rows" ]; then
    return
  fi
  load_set "$db" "$set" "$set"
  psql -Xq -v ON_ERROR_STOP=1 -d "$db" <<SQL
SET client_min_messages = warning;
DROP TABLE IF EXISTS $table;
CREATE TEMP TABLE buckets (id integer PRIMARY KEY, scattered integer NOT NULL, clustered integer NOT NULL);
\\copy buckets FROM '$work/buckets.csv' WITH (FORMAT csv)
CREATE TABLE $table AS SELECT s.id, s.emb, b.scattered, b.clustered FROM $set s JOIN buckets b USING (id) ORDER BY id;
VACUUM (FREEZE, ANALYZE) $table;
SQL
  build_index "$1" "$table" "$(opclass_of "$set")"
}

section() {  # NAME MODE: with the settings of both
  printf '\n[%s]\ntarget = %s\n' "$2" "$1"
  [ "$2" = planned ] || echo 'set = enable_seqscan = off'
  [ "$1" = lowdim ] || echo 'set = hnsw.iterative_scan = strict_order'
  [ -z "${EF:-}" ] || echo "sweep = $(parameter_of "$1") = $(tr -s ' ' , <<<"$EF")"
}

plan_of() {  # NAME MODE FILTER: "index" or "scan"
  local plan
  plan=$(ask "bench_$1" "SET max_parallel_workers_per_gather = 0; SET jit = off
    $([ "$2" = planned ] || echo '; SET enable_seqscan = off'); EXPLAIN SELECT id FROM $table WHERE $3
    ORDER BY emb $operator (SELECT emb FROM $table LIMIT 1) LIMIT 10")
  case $plan in *"using ${table}_ann"*) echo index ;; *) echo scan ;; esac
}

for name in "${names[@]}"; do
  make_table "$name"
  must_use_index "$name" "$table" "$operator"
  prewarm "bench_$name" "$table"
done

files=()
for column in scattered clustered; do
  for below in 500 100 10 1; do
    filter="$column < $below"
    title="$column $(awk -v n="$below" 'BEGIN { print n / 10 }') %"
    field=$([ "$column" = scattered ] && echo 2 || echo 3)
    awk -F, -v f="$field" -v n="$below" '$f < n { print $1 }' "$work/buckets.csv" |
      "$here/ann_truth.py" "$build/ground_truth" "$data/$set/base.fvecs" "$data/$set/query.fvecs" "$queries" \
        "$(metric_of "$set")" "$work/truth"
    {
      echo "sql = SELECT id FROM $table WHERE $filter ORDER BY emb $operator \$1 LIMIT {k}"
      printf 'set = %s\n' 'max_parallel_workers_per_gather = 0' 'jit = off'
      for mode in index planned; do
        for name in "${names[@]}"; do
          section "$name" "$mode"
          for label in ${EF:-default}; do
            [ "$label" = default ] && label=$mode || label="$mode ef_search=$label"
            printf '%s\t%s\t%s\t%s\n' "$title" "$label" "$name" "$(plan_of "$name" "$mode" "$filter")" >>"$work/plans"
          done
        done
      done
    } >"$work/settings"
    file=$out/ann_filter_${set}_${column}_$below.json
    "$build/query_bench" "${targets[@]}" --title "$title" --queries "$data/$set/query.fvecs" \
      --truth "$work/truth.ivecs" --settings "$work/settings" --n-queries "$queries" --rounds "${ROUNDS:-3}" \
      --warmup 6 --json "$file"
    echo
    files+=("$file")
  done
done
"$here/ann_rows.py" --notes "$work/plans" "${files[@]}"
