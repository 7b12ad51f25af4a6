#!/usr/bin/env bash
# Does the planner choose well? Makes tables of glove and mnist with indexes, and runs each of a list of queries by the
# plan that the planner chooses and by every other plan that settings can force (plans.py has the list and says
# how). The last line is the worst ratio of the chosen plan's time to the best plan's.
#
#   bench/sql/plans.sh HOST PORT [NAME...]    only the queries whose names contain one of NAMEs
#   PGUSER (postgres), ROUNDS (5), CENTERS (4; query vectors of each query), KEEP=1 (tables and indexes that are there),
#   WORKERS, MEMORY, FRESH, DATA, OUT as in ann.sh. Needs python3-psycopg and python3-numpy.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
export PGHOST=$1 PGPORT=$2 PGUSER=${PGUSER:-postgres} ONLY=lowdim
shift 2
. "$(dirname "${BASH_SOURCE[0]}")/databases.sh"
. "$here/ann_index.sh"
db=bench_lowdim

need_sets glove mnist
build_programs
open_index_databases

make_table() {  # SET
  local table=$1_plans
  if [ -n "${KEEP:-}" ] && [ "$(ask $db "SELECT to_regclass('${table}_ann') IS NOT NULL")" = t ]; then return; fi
  load_set $db "$1" "$1"
  # `bucket` is scattered over the table, `place` follows the order of its rows; each has 1,000 values.
  ask $db "SET client_min_messages = warning; DROP TABLE IF EXISTS $table;
    CREATE TABLE $table AS
      SELECT id, emb, (id::bigint * 7919 % 104729)::integer % 1000 AS bucket, id / ($(n_rows "$1") / 1000 + 1) AS place
      FROM $1 ORDER BY id;
    CREATE INDEX ON $table (bucket); ALTER TABLE $table ADD PRIMARY KEY (id)"
  build_index lowdim "$table" "$(opclass_of "$1")"
  ask $db "ALTER TABLE $table RESET (parallel_workers)"
  ask $db "VACUUM (FREEZE, ANALYZE) $table"
}

make_table glove
make_table mnist
if [ -z "${KEEP:-}" ] || [ "$(ask $db "SELECT to_regclass('half_plans_ann') IS NOT NULL")" = f ]; then
  ask $db "SET client_min_messages = warning;
    DROP TABLE IF EXISTS tiny_plans, centers_plans, half_plans;
    CREATE TABLE tiny_plans AS SELECT id, emb FROM glove WHERE id < 200;
    CREATE INDEX tiny_plans_ann ON tiny_plans USING lean_hnsw (emb vector_cosine_ops);
    CREATE TABLE centers_plans AS SELECT id, emb FROM glove WHERE id % 16573 = 7;
    CREATE TABLE half_plans AS SELECT id, emb::halfvec(784) AS emb FROM mnist WHERE id < 20000;
    CREATE INDEX half_plans_ann ON half_plans USING lean_hnsw (emb halfvec_l2_ops)"
  for table in tiny_plans centers_plans half_plans; do ask $db "VACUUM (FREEZE, ANALYZE) $table"; done
fi
for table in glove_plans mnist_plans tiny_plans centers_plans half_plans; do prewarm $db $table; done

"$here/plans.py" --connect "dbname=$db" --data "$data" --rounds "${ROUNDS:-5}" --centers "${CENTERS:-4}" \
  --json "$out/plans.json" "$@"
