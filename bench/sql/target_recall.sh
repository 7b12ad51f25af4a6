#!/usr/bin/env bash
# Does lean_hnsw find the recall that it is asked for? Sets of real and generated vectors, one index each with default
# options, and queries that are not in the table, at each target: the ef_search that was chosen, the recall@10 that the
# index foretells, and the one that was found. generated_N are 60,000 vectors of 256 dimensions on a curved surface of N.
#
#   bench/sql/target_recall.sh HOST PORT [SET[:METRIC]...]   sets: glove mnist generated_4 generated_16 generated_64
#   METRIC: l2, cosine, ip; the set's own where not given
#   PGUSER (postgres), TARGETS ("0.9 0.95 0.99"), QUERIES (1000), WORKERS, MEMORY, LOWDIM_WITH, FRESH, DATA, OUT as in
#   ann.sh; what is made of sets is kept in OUT
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2; }
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

echo '| set | metric | target | ef_search | foretold | recall@10 | off, points | queries/s |'
echo '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |'
for word in "$@"; do
  set=${word%%:*}
  metric=$(metric_of "$set") || { echo "no such set: $set" >&2; exit 2; }
  case $word in *:*) metric=${word#*:} ;; esac
  prepare_set "$set" "$metric"
  data=$(dirname "$(dirname "$base")") load_set bench_lowdim "$set" "$set"
  build_index lowdim "$set" "vector_${metric}_ops"
  must_use_index lowdim "$set" "$(operator_for "$metric")"
  prewarm bench_lowdim "$set"
  for target in $targets_list; do
    chosen=$(ask bench_lowdim "SET lowdim.target_recall = $target; SELECT i ->> 'ef_search', i ->> 'predicted_recall'
      FROM lowdim_info('${set}_ann') i")
    {
      echo "sql = SELECT id FROM $set ORDER BY emb $(operator_for "$metric") \$1 LIMIT {k}"
      common_settings
      printf '\n[%s]\ntarget = lowdim\nset = lowdim.target_recall = %s\n' "$target" "$target"
    } >"$work/settings"
    "$build/query_bench" "${targets[@]}" --title "$set" --queries "$query" --truth "$truth.ivecs" \
      --settings "$work/settings" --n-queries "$queries" --rounds 1 --warmup 20 \
      --json "$work/result.json" >/dev/null
    python3 - "$set" "$metric" "$target" "$chosen" "$work/result.json" <<'PYTHON'
import json, sys
name, metric, target, chosen, path = sys.argv[1:]
ef, foretold = chosen.split("|")
with open(path, encoding="utf-8") as f:
    result = json.load(f)["results"][0]
off = 100 * (result["recall"] - float(target))
print(f"| {name} | {metric} | {target} | {ef} | {foretold} | {result['recall']:.4f} | {off:+.2f} | {result['qps']:.0f} |",
      flush=True)
PYTHON
  done
done
