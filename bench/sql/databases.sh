# shellcheck shell=bash
# The databases that the comparisons run in: bench_lowdim and bench_pgvector of one server, the same tables in
# both. Sourced, never run, by exact_scan.sh and the ann scripts, after they have set PGHOST, PGPORT and PGUSER.
# What holds: an extension that the server lacks is left out with a message, a loaded table is used again, and
# FRESH=1 (both) or FRESH=lowdim|pgvector makes a database anew, which a new build of an extension needs.
#
# Environment: FRESH, DATA (the sets), BUILD (the compiled programs)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
data=${DATA:-$root/bench/data/out}
build=${BUILD:-$root/build/bench}

build_programs() {
  cmake -S "$root/bench" -B "$build" >/dev/null
  cmake --build "$build" --target bench_sql bench_data -j2 >/dev/null
}

need_sets() {  # SET...
  local set
  for set in "$@"; do
    [ -e "$data/$set/base.fvecs" ] || { echo "run bench/data/prepare $set first" >&2; exit 1; }
  done
}

ask() { psql -XqAt -v ON_ERROR_STOP=1 -d "$1" -c "$2"; }

n_rows() {  # SET
  case $1 in glove) echo 331479 ;; mnist | generated_*) echo 60000 ;; *) return 1 ;; esac
}

# Sets the array `names` to those of lowdim and pgvector (ONLY=lowdim or ONLY=pgvector: that one) that the server has,
# their databases made.
open_databases() {
  local name db extension
  names=()
  for name in ${ONLY:-lowdim pgvector}; do
    extension=${name/pgvector/vector}
    db=bench_$name
    if [ "$(ask postgres "SELECT count(*) FROM pg_available_extensions WHERE name = '$extension'")" = 0 ]; then
      echo "the server has no extension $extension: $name is left out" >&2
      continue
    fi
    case ${FRESH:-} in 1 | "$name") PGOPTIONS='-c client_min_messages=warning' ask postgres "DROP DATABASE IF EXISTS $db" ;; esac
    [ "$(ask postgres "SELECT count(*) FROM pg_database WHERE datname = '$db'")" = 1 ] ||
      ask postgres "CREATE DATABASE $db"
    ask "$db" "SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS $extension;
               CREATE EXTENSION IF NOT EXISTS pg_prewarm"
    names+=("$name")
  done
  [ ${#names[@]} -gt 0 ] || exit 1
}

load_set() {  # DATABASE TABLE SET [STORAGE]: unless it is there already
  if [ "$(ask "$1" "SELECT to_regclass('$2') IS NOT NULL")" = t ] &&
    [ "$(ask "$1" "SELECT count(*) FROM $2")" = "$(n_rows "$3")" ]; then
    return
  fi
  printf '%s: ' "$1" >&2
  "$build/load" --connect "dbname=$1" --table "$2" --in "$data/$3/base.fvecs" ${4:+--storage "$4"} >&2
}

prewarm() {  # DATABASE TABLE: with its out-of-line values and its indexes
  ask "$1" "SELECT pg_prewarm(c.oid) FROM pg_class c WHERE c.oid = '$2'::regclass
            UNION ALL SELECT pg_prewarm(c.reltoastrelid) FROM pg_class c
            WHERE c.oid = '$2'::regclass AND c.reltoastrelid <> 0
            UNION ALL SELECT pg_prewarm(i.indexrelid) FROM pg_index i WHERE i.indrelid = '$2'::regclass" >/dev/null
}
