#!/usr/bin/env bash
# Rows a second of the private aggregates in a server, serial and with two workers, beside sum(vector) and a bare scan
# of the same rows: makes the database bench_privacy with a table of random vectors, which stays for the next run.
#
#   bench/sql/privacy.sh HOST PORT
#   PGUSER (postgres), ROWS (500000), DIMS (100), FEATURES (1024), ROUNDS (5): the best round counts
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2; }
export PGHOST=$1 PGPORT=$2 PGUSER=${PGUSER:-postgres}
rows=${ROWS:-500000} dims=${DIMS:-100} features=${FEATURES:-1024} rounds=${ROUNDS:-5}
db=bench_privacy table=rows_${rows}_$dims
ask() { psql -XqAt -v ON_ERROR_STOP=1 -d "$1" -c "$2"; }

[ "$(ask postgres "SELECT count(*) FROM pg_database WHERE datname = '$db'")" = 1 ] || ask postgres "CREATE DATABASE $db"
ask $db "SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS lowdim" >/dev/null
if [ "$(ask $db "SELECT to_regclass('$table') IS NULL")" = t ]; then
  ask $db "CREATE UNLOGGED TABLE $table (v vector($dims)); ALTER TABLE $table ALTER v SET STORAGE plain;
    INSERT INTO $table SELECT (SELECT array_agg((random() - 0.5)::real) FROM generate_series(1, $dims) d WHERE n > 0)::vector
    FROM generate_series(1, $rows) n"
fi
ask $db "VACUUM ANALYZE $table" >/dev/null

# Milliseconds of the best round.
time_of() {  # WORKERS EXPRESSION
  local best='' seconds
  for _ in $(seq "$rounds"); do
    seconds=$(psql -XqAt -v ON_ERROR_STOP=1 -d $db <<SQL | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -1
SET jit = off; SET max_parallel_workers_per_gather = $1; SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0;
ALTER TABLE $table SET (parallel_workers = $1);
\timing on
SELECT $2 IS NULL FROM $table;
SQL
    )
    best=$(awk -v a="$seconds" -v b="${best:-1e18}" 'BEGIN { print (a < b ? a : b) }')
  done
  echo "$best"
}

privacy='"epsilon":1,"delta":1e-6'
printf '%-32s %14s %14s   (%s rows of %s dimensions, rows a second, best of %s)\n' aggregate serial '2 workers' "$rows" "$dims" "$rounds"
while IFS='|' read -r name expression; do
  serial=$(time_of 0 "$expression") workers=$(time_of 2 "$expression")
  awk -v n="$name" -v r="$rows" -v s="$serial" -v w="$workers" 'BEGIN { printf "%-32s %14.0f %14.0f\n", n, 1000 * r / s, 1000 * r / w }'
done <<LIST
count(v)|count(v)
sum(v)|sum(v)
dp_kde, $features pairs|dp_kde(v, '{"dims":$dims,"bandwidth":1,"features":$features,$privacy}')
dp_kde, laplace kernel|dp_kde(v, '{"dims":$dims,"bandwidth":1,"kernel":"laplace","features":$features,$privacy}')
dp_distance, l1|dp_distance(v, '{"dims":$dims,"low":-1,"high":1,$privacy}')
dp_moments|dp_moments(v, '{"dims":$dims,"radius":4,$privacy}')
dp_count|dp_count(v, '{$privacy}')
LIST
