#!/usr/bin/env bash
# What the vector statistics add to ANALYZE: processor time (user and system) and elapsed time on glove, mnist (out
# of line) and mnist_plain (inline) with lowdim.vector_statistics off and on, in alternation, at the default
# statistics target; medians. Off, ANALYZE collects what it collects for every type and nothing else. Where the
# machine has other work, believe the processor time. Loaded tables are kept for the next run; FRESH=1 makes them
# anew.
#
#   bench/sql/analyze.sh HOST PORT [TABLE...]
#   PGUSER (postgres, a superuser), ROUNDS (9), DATA=DIR of the sets
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
export PGHOST=$1 PGPORT=$2 PGUSER=${PGUSER:-postgres} ONLY=lowdim
shift 2
[ $# -gt 0 ] || set -- glove mnist mnist_plain
. "$(dirname "${BASH_SOURCE[0]}")/databases.sh"

need_sets glove mnist
build_programs
open_databases
db=bench_lowdim

# Lines "setting cpu_ms elapsed_ms", after one ANALYZE that is not counted.
rounds() {  # TABLE
  {
    echo "LOAD 'lowdim'; ANALYZE $1; SET client_min_messages = log;"
    for _ in $(seq "${ROUNDS:-9}"); do
      for setting in off on; do
        echo "SET lowdim.vector_statistics = $setting;"
        echo "SET log_statement_stats = on; ANALYZE $1; SET log_statement_stats = off; \\echo is $setting"
      done
    done
  } | psql -Xq -v ON_ERROR_STOP=1 -d "$db" 2>&1 |
    awk '/ elapsed/ && !seen { line = 1000 * ($2 + $5) " " 1000 * $8; seen = 1 } /^is / { print $2, line; seen = 0 }'
}

median() {  # SETTING COLUMN
  grep "^$1 " | cut -d' ' -f"$2" | sort -n | awk '{ v[NR] = $1 } END { printf "%.1f", v[int((NR + 1) / 2)] }'
}

printf '%-12s %11s %11s %6s %13s %13s\n' table cpu_off_ms cpu_on_ms ratio elapsed_off elapsed_on
for table in "$@"; do
  load_set "$db" "$table" "${table%_plain}" "$([ "${table%_plain}" = "$table" ] || echo plain)"
  prewarm "$db" "$table"
  lines=$(rounds "$table")
  off=$(median off 2 <<<"$lines")
  on=$(median on 2 <<<"$lines")
  printf '%-12s %11s %11s %6s %13s %13s\n' "$table" "$off" "$on" "$(awk -v a="$on" -v b="$off" 'BEGIN { printf "%.2f", a / b }')" \
    "$(median off 3 <<<"$lines")" "$(median on 3 <<<"$lines")"
done
