# shellcheck shell=bash
# The two indexes that the ann scripts compare: how each is created, what its search parameter is called, and
# how a build is measured. Sourced after databases.sh. What holds: both are built with their default options,
# the same maintenance_work_mem and as many processes, after a checkpoint; a server or an extension without
# lean_hnsw leaves lowdim out, so that the other can be measured alone.
#
# Environment: WORKERS (2; the leader takes part as well), MEMORY (2GB, maintenance_work_mem), LOWDIM_WITH and
# PGVECTOR_WITH (storage parameters of the index), OUT (where JSON goes)
workers=${WORKERS:-2}
memory=${MEMORY:-2GB}
out=${OUT:-$build/ann}

method_of() { case $1 in lowdim) echo lean_hnsw ;; pgvector) echo hnsw ;; esac }
parameter_of() { case $1 in lowdim) echo lowdim.ef_search ;; pgvector) echo hnsw.ef_search ;; esac }
operator_of() { case $1 in glove) echo '<=>' ;; mnist | generated_*) echo '<->' ;; esac }  # SET; as its ground truth
opclass_of() { case $1 in glove) echo vector_cosine_ops ;; mnist | generated_*) echo vector_l2_ops ;; esac }
metric_of() { case $1 in glove) echo cosine ;; mnist | generated_*) echo l2 ;; *) return 1 ;; esac }

# open_databases, less those without the index; makes $out, and $work for what is not kept.
open_index_databases() {
  local name kept=()
  open_databases
  for name in "${names[@]}"; do
    if [ "$(ask "bench_$name" "SELECT count(*) FROM pg_am WHERE amname = '$(method_of "$name")'")" = 1 ]; then
      kept+=("$name")
    else
      echo "bench_$name has no access method $(method_of "$name"): $name is left out" >&2
    fi
  done
  [ ${#kept[@]} -gt 0 ] || exit 1
  names=("${kept[@]}")
  targets=()
  for name in "${names[@]}"; do targets+=(--target "$name=dbname=bench_$name"); done
  mkdir -p "$out"
  work=$(mktemp -d)
  trap 'stop_watching; rm -rf "$work"' EXIT
}

seconds_between() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", b - a }'; }

# Which processes take part in a build is asked of the server while it runs: a planned worker may not start.
watch_processes() {  # DATABASE: sets `watcher`
  printf '%s\n%s\n' "SELECT count(*) FROM pg_stat_activity WHERE datname = '$1' AND state = 'active'
    AND (query LIKE 'CREATE INDEX%' OR query LIKE 'REINDEX%')" '\watch 0.2' >"$work/watch.sql"
  psql -XqAt -d postgres -f "$work/watch.sql" >"$work/processes" 2>/dev/null &
  watcher=$!
}

stop_watching() {
  [ -n "${watcher:-}" ] || return 0
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  watcher=
}

# SQL in the environment of a build; sets `took` to its seconds and `processes` to the most that were seen.
timed_build() {  # DATABASE SQL
  local start
  ask "$1" CHECKPOINT
  watch_processes "$1"
  start=$EPOCHREALTIME
  PGOPTIONS="-c maintenance_work_mem=$memory -c max_parallel_maintenance_workers=$workers" ask "$1" "$2"
  took=$(seconds_between "$start" "$EPOCHREALTIME")
  stop_watching
  processes=$(sort -n "$work/processes" | tail -1)
}

drop_index() {  # NAME TABLE
  ask "bench_$1" "SET client_min_messages = warning; DROP INDEX IF EXISTS ${2}_ann"
}

build_index() {  # NAME TABLE OPCLASS: makes TABLE_ann; sets took, processes and `bytes`
  local db=bench_$1 with
  case $1 in lowdim) with=${LOWDIM_WITH:-} ;; pgvector) with=${PGVECTOR_WITH:-} ;; esac
  drop_index "$1" "$2"
  ask "$db" "ALTER TABLE $2 SET (parallel_workers = $workers)"
  timed_build "$db" "CREATE INDEX ${2}_ann ON $2 USING $(method_of "$1") (emb $3)${with:+ WITH ($with)}"
  bytes=$(ask "$db" "SELECT pg_relation_size('${2}_ann')")
  printf '%s: %s_ann built in %s s by %s processes, %s bytes\n' "$db" "$2" "$took" "$processes" "$bytes" >&2
}

# Ends the script unless the ordered query of NAME uses its index: a scan would pass for perfect recall.
must_use_index() {  # NAME TABLE OPERATOR
  ask "bench_$1" "SET enable_seqscan = off; EXPLAIN SELECT id FROM $2
    ORDER BY emb $3 (SELECT emb FROM $2 LIMIT 1) LIMIT 10" | grep -q "Index Scan using ${2}_ann" ||
    { echo "bench_$1: the plan does not use ${2}_ann" >&2; exit 1; }
}

# Every query of the ann scripts: no parallel query, no JIT, and the index although a table is small.
common_settings() {
  printf 'set = %s\n' 'max_parallel_workers_per_gather = 0' 'jit = off' 'enable_seqscan = off'
}
