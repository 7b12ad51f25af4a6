#!/usr/bin/env bash
# Does recall depend on the order in which rows came? lean_hnsw beside pgvector's hnsw, default options and
# ef_search: the same rows are stored in each order, indexed, and searched. Ends with the recall of every order
# and the spread between the best and the worst, in points. `class` goes by labels.txt of the set (one a row), or
# by clusters where there is none. The local intrinsic dimension needs the neighbours of every row, some minutes of
# two cores for all of mnist; they are kept in OUT.
#
#   bench/sql/ann_order.sh HOST PORT [SET]    sets: mnist (default) glove
#   PGUSER (postgres), ORDERS ("random class lid_up lid_down"), QUERIES (1000), EF (a list; the default where
#   not given), ROWS (all; the first so many), WORKERS, MEMORY, LOWDIM_WITH, PGVECTOR_WITH, ONLY, FRESH, DATA, OUT
#   as in ann.sh
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 2; }
export PGHOST=$1 PGPORT=$2 PGUSER=${PGUSER:-postgres}
set=${3:-mnist}
. "$(dirname "${BASH_SOURCE[0]}")/databases.sh"
. "$here/ann_index.sh"
queries=${QUERIES:-1000} orders=${ORDERS:-random class lid_up lid_down}
rows=${ROWS:-$(n_rows "$set")} || { echo "no such set: $set" >&2; exit 2; }
table=${set}_ordered
base=$data/$set/base.fvecs metric=$(metric_of "$set")

need_sets "$set"
build_programs
open_index_databases
for name in "${names[@]}"; do load_set "bench_$name" "$set" "$set"; done

exact() {  # QUERIES.fvecs N_QUERIES PREFIX: among the first $rows rows
  seq 0 $((rows - 1)) | "$here/ann_truth.py" "$build/ground_truth" "$base" "$1" "$2" "$metric" "$3"
}

make_table() {  # NAME: in the order of $work/order
  psql -Xq -v ON_ERROR_STOP=1 -d "bench_$1" <<SQL
SET client_min_messages = warning;
DROP TABLE IF EXISTS $table;
CREATE TEMP TABLE turns (turn integer GENERATED ALWAYS AS IDENTITY, id integer PRIMARY KEY);
\\copy turns (id) FROM '$work/order'
ANALYZE turns;
CREATE TABLE $table AS SELECT s.id, s.emb FROM $set s JOIN turns USING (id) ORDER BY turn;
VACUUM (FREEZE, ANALYZE) $table;
SQL
}

self=$out/${set}_${rows}_self
case " $orders " in *" lid_"*) [ -e "$self.fvecs" ] || exact "$base" "$rows" "$self" ;; esac
exact "$data/$set/query.fvecs" "$queries" "$work/truth"
{
  echo "sql = SELECT id FROM $table ORDER BY emb $(operator_of "$set") \$1 LIMIT {k}"
  common_settings
  for name in "${names[@]}"; do
    printf '\n[%s]\ntarget = %s\n' "$([ -n "${EF:-}" ] && echo index || echo default)" "$name"
    [ -z "${EF:-}" ] || echo "sweep = $(parameter_of "$name") = $(tr -s ' ' , <<<"$EF")"
  done
} >"$work/settings"

files=()
for order in $orders; do
  "$here/ann_orders.py" "$order" "$base" "$rows" "$metric" "$self.fvecs" >"$work/order"
  for name in "${names[@]}"; do
    make_table "$name"
    build_index "$name" "$table" "$(opclass_of "$set")"
    must_use_index "$name" "$table" "$(operator_of "$set")"
    prewarm "bench_$name" "$table"
  done
  file=$out/ann_order_${set}_$order.json
  "$build/query_bench" "${targets[@]}" --title "$order" --queries "$data/$set/query.fvecs" \
    --truth "$work/truth.ivecs" --settings "$work/settings" --n-queries "$queries" --rounds 1 --warmup 20 --json "$file"
  echo
  files+=("$file")
done
"$here/ann_rows.py" --reference "${orders%% *}" "${files[@]}"
for name in "${names[@]}"; do ask "bench_$name" "DROP TABLE $table"; done
