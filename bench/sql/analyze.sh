#!/usr/bin/env bash
# What the vector statistics add to ANALYZE: its time on glove, mnist (out of line) and mnist_plain (inline) with
# lowdim.vector_statistics on and off, in alternation, at the default statistics target. Off, ANALYZE collects what
# it collects for every type and nothing else. Loaded tables are kept for the next run; FRESH=1 makes them anew.
#
#   bench/sql/analyze.sh HOST PORT [TABLE...]
#   PGUSER (postgres), ROUNDS (9), DATA=DIR of the sets
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2; }
export PGHOST=$1 PGPORT=$2 PGUSER=${PGUSER:-postgres} ONLY=lowdim
shift 2
[ $# -gt 0 ] || set -- glove mnist mnist_plain
. "$(dirname "${BASH_SOURCE[0]}")/databases.sh"

need_sets glove mnist
build_programs
open_databases
db=bench_lowdim

once() {  # TABLE SETTING: milliseconds
  psql -Xq -v ON_ERROR_STOP=1 -d "$db" -c "LOAD 'lowdim'" -c "SET lowdim.vector_statistics = $2" \
    -c '\timing on' -c "ANALYZE $1" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -1
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

printf '%-12s %12s %12s %8s\n' table off_ms on_ms ratio
for table in "$@"; do
  load_set "$db" "$table" "${table%_plain}" "$([ "${table%_plain}" = "$table" ] || echo plain)"
  prewarm "$db" "$table"
  once "$table" on >/dev/null
  offs='' ons=''
  for _ in $(seq "${ROUNDS:-9}"); do
    offs+="$(once "$table" off)"$'\n'
    ons+="$(once "$table" on)"$'\n'
  done
  off=$(printf %s "$offs" | median)
  on=$(printf %s "$ons" | median)
  printf '%-12s %12s %12s %8s\n' "$table" "$off" "$on" "$(awk -v a="$on" -v b="$off" 'BEGIN { printf "%.2f", a / b }')"
done
