#!/usr/bin/env bash
# Writing to an indexed table, lean_hnsw beside pgvector's hnsw. Every second row of the set is loaded and
# indexed; of the others, in a random order, some are inserted one by one, a transaction each with
# synchronous_commit = off, and as many by one statement, in rounds that take turns. Then a tenth of the rows
# is deleted, VACUUM is timed (the table has no other index), and recall compared with the same rows after
# REINDEX, at the same ef_search.
#
#   bench/sql/ann_churn.sh HOST PORT [SET]    sets: glove (default) mnist
#   PGUSER (postgres), INSERTS (5000 of either kind), ROUNDS (5), QUERIES (1000), EF ("40 100 200"), ROWS (all;
#   half of the first so many), WORKERS, MEMORY (also VACUUM's), FRESH, DATA, OUT as in ann.sh
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2; }
export PGHOST=$1 PGPORT=$2 PGUSER=${PGUSER:-postgres}
set=${3:-glove}
. "$(dirname "${BASH_SOURCE[0]}")/databases.sh"
. "$here/ann_index.sh"
queries=${QUERIES:-1000} rounds=${ROUNDS:-5} ef=${EF:-40 100 200}
rows=${ROWS:-$(n_rows "$set")} || { echo "no such set: $set" >&2; exit 2; }
table=${set}_churn
chunk=$((${INSERTS:-5000} / rounds))
if [ "$chunk" -eq 0 ] || [ $((2 * chunk * rounds)) -gt $((rows / 2)) ]; then
  echo "INSERTS must be between ROUNDS and a quarter of the rows" >&2
  exit 2
fi

need_sets "$set"
build_programs
open_index_databases

make_table() {  # NAME: TABLE, and TABLE_pending with what is to be inserted, numbered from 1
  load_set "bench_$1" "$set" "$set"
  # Autovacuum would do some of the work that is timed.
  psql -Xq -v ON_ERROR_STOP=1 -d "bench_$1" <<SQL
SET client_min_messages = warning;
DROP TABLE IF EXISTS $table, ${table}_pending;
CREATE TABLE $table WITH (autovacuum_enabled = off) AS
  SELECT id, emb FROM $set WHERE id < $rows AND id % 2 = 0 ORDER BY id;
CREATE TABLE ${table}_pending AS
  SELECT row_number() OVER (ORDER BY hashint4(id), id) AS turn, id, emb FROM $set WHERE id < $rows AND id % 2 = 1
  ORDER BY turn LIMIT $((2 * chunk * rounds));
CREATE INDEX ON ${table}_pending (turn);
VACUUM (FREEZE, ANALYZE) $table, ${table}_pending;
SQL
}

insert_one_by_one() {  # NAME FIRST LAST: sets took
  local start
  start=$EPOCHREALTIME
  PGOPTIONS="-c synchronous_commit=off" ask "bench_$1" "DO \$\$
    DECLARE r record;
    BEGIN
      FOR r IN SELECT id, emb FROM ${table}_pending WHERE turn BETWEEN $2 AND $3 ORDER BY turn LOOP
        INSERT INTO $table VALUES (r.id, r.emb);
        COMMIT;
      END LOOP;
    END \$\$"
  took=$(seconds_between "$start" "$EPOCHREALTIME")
}

insert_together() {  # NAME FIRST LAST: sets took
  local start
  start=$EPOCHREALTIME
  ask "bench_$1" "INSERT INTO $table SELECT id, emb FROM ${table}_pending WHERE turn BETWEEN $2 AND $3 ORDER BY turn"
  took=$(seconds_between "$start" "$EPOCHREALTIME")
}

measure_recall() {  # TITLE FILE
  local name
  for name in "${names[@]}"; do
    must_use_index "$name" "$table" "$(operator_of "$set")"
    prewarm "bench_$name" "$table"
  done
  {
    echo "sql = SELECT id FROM $table ORDER BY emb $(operator_of "$set") \$1 LIMIT {k}"
    common_settings
    for name in "${names[@]}"; do
      printf '\n[index]\ntarget = %s\nsweep = %s = %s\n' "$name" "$(parameter_of "$name")" "$(tr -s ' ' , <<<"$ef")"
    done
  } >"$work/settings"
  "$build/query_bench" "${targets[@]}" --title "$1" --queries "$data/$set/query.fvecs" --truth "$work/truth.ivecs" \
    --settings "$work/settings" --n-queries "$queries" --rounds 3 --warmup 20 --json "$2"
  echo
}

note() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$work/notes"; }  # NAME WHAT VALUE

for name in "${names[@]}"; do
  make_table "$name"
  build_index "$name" "$table" "$(opclass_of "$set")"
  note "$name" "build, s" "$took"
  note "$name" "index after the build, MB" "$((bytes / 1000000))"
  prewarm "bench_$name" "$table"
  prewarm "bench_$name" "${table}_pending"
done

for ((round = 0; round < rounds; round++)); do
  first=$((2 * chunk * round + 1))
  for name in "${names[@]}"; do
    insert_one_by_one "$name" "$first" $((first + chunk - 1))
    note "$name" "inserts/s, a transaction each" "$(awk -v n="$chunk" -v t="$took" 'BEGIN { printf "%.1f", n / t }')"
  done
  for name in "${names[@]}"; do
    insert_together "$name" $((first + chunk)) $((first + 2 * chunk - 1))
    note "$name" "inserts/s, one transaction" "$(awk -v n="$chunk" -v t="$took" 'BEGIN { printf "%.1f", n / t }')"
  done
done

for name in "${names[@]}"; do
  db=bench_$name
  ask "$db" "DELETE FROM $table WHERE abs(hashint4(id)::bigint) % 10 = 7"
  ask "$db" CHECKPOINT
  start=$EPOCHREALTIME
  PGOPTIONS="-c maintenance_work_mem=$memory" ask "$db" "VACUUM (INDEX_CLEANUP on, PARALLEL 0) $table"
  note "$name" "VACUUM after deleting 10 %, s" "$(seconds_between "$start" "$EPOCHREALTIME")"
  note "$name" "index after VACUUM, MB" "$(ask "$db" "SELECT pg_relation_size('${table}_ann') / 1000000")"
  ask "$db" "SELECT id FROM $table ORDER BY id" >"$work/$name.ids"
done
cmp "$work/${names[0]}.ids" "$work/${names[-1]}.ids"
"$here/ann_truth.py" "$build/ground_truth" "$data/$set/base.fvecs" "$data/$set/query.fvecs" "$queries" \
  "$(metric_of "$set")" "$work/truth" <"$work/${names[0]}.ids"

measure_recall 'after VACUUM' "$out/ann_churn_${set}_vacuumed.json"
for name in "${names[@]}"; do
  timed_build "bench_$name" "REINDEX INDEX ${table}_ann"
  note "$name" "REINDEX, s" "$took"
done
measure_recall 'fresh build' "$out/ann_churn_${set}_fresh.json"

cp "$work/notes" "$out/ann_churn_${set}.tsv"
echo "$table: $(wc -l <"$work/${names[0]}.ids") rows at the end, $chunk inserts a round, median of $rounds rounds"
"$here/ann_notes.py" "$out/ann_churn_${set}.tsv"
"$here/ann_rows.py" --reference 'fresh build' "$out/ann_churn_${set}_fresh.json" "$out/ann_churn_${set}_vacuumed.json"
