#!/usr/bin/env bash
# lean_hnsw beside pgvector's hnsw in one server: build time, index size, and the curve of recall against
# queries/s, with default options, the same memory and as many processes. Their ef_search points are
# measured in turn, in rounds, so that noise meets both; queries/s at recall 0.95 and 0.99 are interpolated.
# Ends with a table in Markdown; query_bench's JSON goes to OUT. An index the server lacks is left out.
#
#   bench/sql/ann.sh HOST PORT [SET...]    sets: glove mnist
#   PGUSER (postgres), QUERIES (1000), ROUNDS (5), CLIENTS ("1 2"), BUILDS (1; the median is told; 0 keeps the
#   indexes that are there), WORKERS (2), MEMORY (2GB), EF_LOWDIM and EF_PGVECTOR (lists), LOWDIM_WITH and
#   PGVECTOR_WITH (index options), FRESH (1, lowdim, pgvector: load again), ONLY (lowdim, pgvector: that one),
#   DATA=DIR of the sets, OUT=DIR for JSON
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 2; }
export PGHOST=$1 PGPORT=$2 PGUSER=${PGUSER:-postgres}
shift 2
[ $# -gt 0 ] || set -- glove mnist
. "$(dirname "${BASH_SOURCE[0]}")/databases.sh"
. "$here/ann_index.sh"
read -ra ef_lowdim <<<"${EF_LOWDIM:-10 15 20 30 40 60 80 120 160 240 320 500 800}"
read -ra ef_pgvector <<<"${EF_PGVECTOR:-10 15 20 30 40 60 80 120 160 240 320 500 800 1000}"

for set in "$@"; do n_rows "$set" >/dev/null || { echo "no such set: $set" >&2; exit 2; }; done
need_sets "$@"
build_programs
open_index_databases

point() {  # NAME VALUE: one setting of one target
  case " ${names[*]} " in *" $1 "*) ;; *) return 0 ;; esac
  printf '\n[%s]\ntarget = %s\nsweep = %s = %s\n' "$(method_of "$1")" "$1" "$(parameter_of "$1")" "$2"
}

settings() {  # SET: both curves, point by point in turn
  local i most=$((${#ef_lowdim[@]} > ${#ef_pgvector[@]} ? ${#ef_lowdim[@]} : ${#ef_pgvector[@]}))
  echo "sql = SELECT id FROM $1 ORDER BY emb $(operator_of "$1") \$1 LIMIT {k}"
  common_settings
  for ((i = 0; i < most; i++)); do
    [ -z "${ef_lowdim[i]:-}" ] || point lowdim "${ef_lowdim[i]}"
    [ -z "${ef_pgvector[i]:-}" ] || point pgvector "${ef_pgvector[i]}"
  done
}

curves=()
for set in "$@"; do
  for name in "${names[@]}"; do load_set "bench_$name" "$set" "$set"; done
  builds=$out/ann_${set}_builds.tsv
  if [ "${BUILDS:-1}" -gt 0 ]; then : >"$builds"; fi
  for ((i = 0; i < ${BUILDS:-1}; i++)); do
    for name in "${names[@]}"; do
      build_index "$name" "$set" "$(opclass_of "$set")"
      printf '%s\t%s\t%s\t%s\n' "$name" "$took" "$processes" "$bytes" >>"$builds"
    done
  done
  for name in "${names[@]}"; do
    must_use_index "$name" "$set" "$(operator_of "$set")"
    prewarm "bench_$name" "$set"
  done
  settings "$set" >"$work/settings"
  for clients in ${CLIENTS:-1 2}; do
    json=$out/ann_${set}_clients$clients.json
    "$build/query_bench" "${targets[@]}" --title "$set" --queries "$data/$set/query.fvecs" \
      --truth "$data/$set/truth.ivecs" --settings "$work/settings" --n-queries "${QUERIES:-1000}" \
      --rounds "${ROUNDS:-5}" --clients "$clients" --warmup 20 --json "$json"
    echo
    curves+=("$set=$json")
  done
done
tables=()
for set in "$@"; do
  if [ -e "$out/ann_${set}_builds.tsv" ]; then tables+=(--builds "$set=$out/ann_${set}_builds.tsv"); fi
done
"$here/ann_curve.py" "${tables[@]}" "${curves[@]}"
