#!/usr/bin/env bash
# Does lean_hnsw find the recall that it is asked for, and does it help that each search stops by itself? Sets of real
# and generated vectors, one index each with default options, and queries that are not in the table. At each target: the
# most candidates that a search keeps, the recall@10 that the index foretells and the one that was found, the nodes
# that searches expand on average, and the share of queries that find less than 0.8; then the same of searches that all
# have one lowdim.ef_search with as many nodes, between two whole numbers of it where necessary. generated_N are 60,000
# vectors of 256 dimensions on a curved surface of N.
#
#   bench/sql/target_recall.sh HOST PORT [SET[:METRIC]...]   sets: glove mnist generated_4 generated_16 generated_64
#   METRIC: l2, cosine, ip; the set's own where not given
#   PGUSER (postgres), TARGETS ("0.9 0.95 0.99"), QUERIES (1000), WORKERS, MEMORY, LOWDIM_WITH, FRESH, DATA, OUT as in
#   ann.sh; what is made of sets is kept in OUT
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 2; }
export PGHOST=$1 PGPORT=$2 PGUSER=${PGUSER:-postgres}
shift 2
[ $# -gt 0 ] || set -- glove mnist generated_4 generated_16 generated_64
ONLY=lowdim
. "$(dirname "${BASH_SOURCE[0]}")/databases.sh"
. "$here/ann_index.sh"
targets_list=${TARGETS:-0.9 0.95 0.99} queries=${QUERIES:-1000}

build_programs
open_index_databases

prepare_set() {  # SET METRIC: sets `base`, `query` and `truth`
  local dir=$data/$1
  case $1 in
    generated_*)
      dir=$out/$1
      [ -e "$dir/truth.fvecs" ] || "$build/generate" --out "$dir" --rows "$(n_rows "$1")" --queries 1000 --dim 256 \
        --intrinsic "${1#generated_}" --k 10 >&2
      ;;
    *) need_sets "$1" ;;
  esac
  base=$dir/base.fvecs query=$dir/query.fvecs truth=$dir/truth
  if [ "$2" != "$(metric_of "$1")" ]; then
    truth=$out/$1_$2
    [ -e "$truth.ivecs" ] ||
      "$build/ground_truth" --base "$base" --queries "$query" --metric "$2" --k 10 --out "$truth" >&2
  fi
}
operator_for() { case $1 in l2) echo '<->' ;; cosine) echo '<=>' ;; ip) echo '<#>' ;; esac }


# Nodes that searches with SETTING expand, on average, by what the access method says of its last scan.
nodes_with() {  # SET OPERATOR SETTING
  psql -XqAt -v ON_ERROR_STOP=1 -d bench_lowdim <<SQL
SET enable_seqscan = off; SET enable_sort = off; SET $3;
CREATE FUNCTION pg_temp.nodes() RETURNS float8 LANGUAGE plpgsql AS \$\$
DECLARE
  query $1_queries.emb%TYPE;
  nodes bigint := 0;
  n bigint := 0;
BEGIN
  FOR query IN SELECT emb FROM $1_queries ORDER BY id LIMIT $queries LOOP
    PERFORM id FROM $1 ORDER BY emb $2 query LIMIT 10;
    nodes := nodes + (lowdim_last_scan() ->> 'nodes_visited')::bigint;
    n := n + 1;
  END LOOP;
  RETURN nodes::float8 / n;
END \$\$;
SELECT pg_temp.nodes();
SQL
}

# A line "recall share-below-0.8 queries/s" for each SETTING, all of them in turn.
searches_with() {  # SET OPERATOR SETTING...
  local table=$1 operator=$2 setting
  shift 2
  {
    echo "sql = SELECT id FROM $table ORDER BY emb $operator \$1 LIMIT {k}"
    common_settings
    for setting; do printf '\n[%s]\ntarget = lowdim\nset = %s\n' "$setting" "$setting"; done
  } >"$work/settings"
  "$build/query_bench" "${targets[@]}" --title "$table" --queries "$query" --truth "$truth.ivecs" \
    --settings "$work/settings" --n-queries "$queries" --rounds 3 --warmup 20 --json "$work/result.json" >/dev/null
  python3 -c '
import json, sys
with open(sys.argv[1], encoding="utf-8") as f:
    for r in json.load(f)["results"]:
        print(r["recall"], r["below_0.8"], r["qps"])' "$work/result.json"
}

echo '| set | metric | target | ef_search | foretold | recall@10 | off, points | nodes | below 0.8 | queries/s | fixed: recall@10 | below 0.8 | queries/s | ratio below 0.8 |'
echo '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |'
for word in "$@"; do
  set=${word%%:*}
  metric=$(metric_of "$set") || { echo "no such set: $set" >&2; exit 2; }
  case $word in *:*) metric=${word#*:} ;; esac
  operator=$(operator_for "$metric")
  prepare_set "$set" "$metric"
  data=$(dirname "$(dirname "$base")") load_set bench_lowdim "$set" "$set"
  "$build/load" --connect "dbname=bench_lowdim" --table "${set}_queries" --in "$query" >&2
  build_index lowdim "$set" "vector_${metric}_ops"
  must_use_index lowdim "$set" "$operator"
  prewarm bench_lowdim "$set"
  for target in $targets_list; do
    asked="lowdim.target_recall = $target"
    chosen=$(ask bench_lowdim "SET $asked; SELECT i ->> 'ef_search', i ->> 'predicted_recall'
      FROM lowdim_info('${set}_ann') i")
    nodes=$(nodes_with "$set" "$operator" "$asked")
    # From the ef_search that expands about as many nodes, down and up to two that enclose them.
    ef=$(ask bench_lowdim "SELECT greatest(1, round(max(ef_search + $nodes - nodes_visited) FILTER
      (WHERE nodes_visited <= $nodes)))::int FROM lowdim_calibration('${set}_ann')")
    while below=$(nodes_with "$set" "$operator" "lowdim.ef_search = $ef") &&
      python3 -c "import sys; sys.exit(not ($below > $nodes and $ef > 1))"; do ef=$((ef - 1)); done
    while above=$(nodes_with "$set" "$operator" "lowdim.ef_search = $((ef + 1))") &&
      python3 -c "import sys; sys.exit(not $above < $nodes)"; do ef=$((ef + 1)) below=$above; done
    mapfile -t found < <(searches_with "$set" "$operator" "$asked" "lowdim.ef_search = $ef" "lowdim.ef_search = $((ef + 1))")
    python3 - "$set" "$metric" "$target" "$chosen" "${found[0]} $nodes" "$below ${found[1]}" "$above ${found[2]}" <<'PYTHON'
import sys
name, metric, target, chosen, own, low, high = sys.argv[1:]
ef, foretold = chosen.split("|")
recall, bad, qps, nodes = map(float, own.split())
low, high = ([float(x) for x in y.split()] for y in (low, high))
share = min(max((nodes - low[0]) / (high[0] - low[0]), 0), 1) if high[0] > low[0] else 0
_, fixed_recall, fixed_bad, fixed_qps = (a + (b - a) * share for a, b in zip(low, high))
ratio = f"{bad / fixed_bad:.2f}" if fixed_bad > 0 else "-"
print(f"| {name} | {metric} | {target} | {ef} | {foretold} | {recall:.4f} | {100 * (recall - float(target)):+.2f} "
      f"| {nodes:.1f} | {bad:.4f} | {qps:.0f} | {fixed_recall:.4f} | {fixed_bad:.4f} | {fixed_qps:.0f} | {ratio} |",
      flush=True)
PYTHON
  done
done
