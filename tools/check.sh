#!/bin/bash
# Runs test layers and counts: check.sh all | LAYER... . `all` is every layer in order and ends at the first red one,
# unless KEEP_GOING is set. T picks tests inside a layer, S is the seconds a fuzzer gets.
#
# Each layer is a function that writes its output to stdout and the numbers `passed` and `failed`, counted from what
# the tests themselves reported, never assumed: a layer that ends badly without naming a failed test counts one.
# The last line is `N passed, N failed`; the exit status is 0 only if nothing failed.
. "$(dirname "$0")/env.sh"

all_layers="unit fuzz regress isolation tap clients lint"
logs=$build/log
pg_config='' # set by need_server_side

# What a layer reports about itself: its counts, and a word when there is nothing to run.
passed=0 failed=0 note=''
count() { passed=$((passed + $1)) failed=$((failed + $2)); }
lines() { grep -cE "$1" "$2" || true; }
# A program that failed and named no failure must not look green.
blame() { if [ "$1" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; echo "ended with status $1"; fi; }

need_server_side() {
  if [ -z "$pg_config" ]; then
    pg_config=$("$root/tools/build.sh") || return 1
  fi
}
server() { "$root/tools/server.sh" "$@"; }
pgxs_src() { dirname "$("$pg_config" --pgxs)" | sed 's,/makefiles$,,'; }

# --- unit ---------------------------------------------------------------------------------------------------------
gtest_layer() {  # build folder, cmake options...
  local dir=$build/$1 status=0
  shift
  if ! ls "$root"/test/unit/*_test.cpp >/dev/null 2>&1; then note='no tests yet'; return; fi
  cmake -S "$root" -B "$dir" -DLOWDIM_BENCH=OFF "$@" >"$dir.cmake.log" 2>&1 || { cat "$dir.cmake.log"; failed=1; return; }
  cmake --build "$dir" --target unit -j"$jobs" || { failed=1; return; }
  rm -f "$dir/unit.xml"
  (cd "$root" && "$dir/unit" --gtest_brief=1 --gtest_output="xml:$dir/unit.xml" ${T:+--gtest_filter="$T"}) || status=$?
  if [ -e "$dir/unit.xml" ]; then
    local bad run
    bad=$(sed -n 's/.*<testsuites .*failures="\([0-9]*\)".*/\1/p' "$dir/unit.xml")
    run=$(lines '<testcase .*result="completed"' "$dir/unit.xml")
    count $((run - bad)) "$bad"
  fi
  blame $status
}
# The tests are linked with the objects that go into the extension, which is not built again for the later layers.
layer_unit() {
  "$root/tools/build.sh" core >/dev/null || { failed=1; return; }
  gtest_layer unit -DLOWDIM_SANITIZE=OFF -DLOWDIM_CORE="$build/core.a"
}
layer_asan() { gtest_layer asan -DLOWDIM_SANITIZE=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo; }

# --- fuzz ---------------------------------------------------------------------------------------------------------
# One test a fuzzer: the corpus, then S seconds of new inputs, without a finding.
layer_fuzz() {
  local dir=$build/fuzz source name names=()
  if ! ls "$root"/test/fuzz/*_fuzz.cpp >/dev/null 2>&1; then note='no tests yet'; return; fi
  cmake -S "$root" -B "$dir" -DLOWDIM_FUZZ=ON -DCMAKE_CXX_COMPILER=clang++ >"$dir.cmake.log" 2>&1 ||
    { cat "$dir.cmake.log"; failed=1; return; }
  cmake --build "$dir" -j"$jobs" || { failed=1; return; }
  fuzz_one() {
    local name=$1 seeds=$root/test/fuzz/corpus/$1
    # New inputs go to the first folder, under build/; the committed corpus is only read.
    mkdir -p "$dir/corpus/$name" "$dir/found"
    [ -d "$seeds" ] || seeds=''
    if "$dir/$name" -max_total_time="${S:-5}" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$dir/found/$name-" "$dir/corpus/$name" $seeds >"$dir/$name.log" 2>&1; then
      echo "ok $name, $(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$name.log") inputs"
    else
      tail -40 "$dir/$name.log"
      echo "not ok $name"
    fi
  }
  for source in "$root"/test/fuzz/*_fuzz.cpp; do
    name=$(basename "$source" .cpp)
    if [ -n "${T:-}" ] && [[ " $T " != *" $name "* ]]; then continue; fi
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    fuzz_one "$name" >"$dir/$name.result" &
    names+=("$name")
  done
  wait
  for name in "${names[@]}"; do
    cat "$dir/$name.result"
    if grep -q '^ok ' "$dir/$name.result"; then count 1 0; else count 0 1; fi
  done
}

# --- regress, isolation -------------------------------------------------------------------------------------------
# Reads both of pg_regress's styles: "test x ... ok" (to 15) and TAP (from 16).
count_pg_regress() {
  count "$(lines '^(test )?.* \.\.\. +ok +|^ok [0-9]+' "$1")" "$(lines '\.\.\. +FAILED|\.\.\. failed|^not ok [0-9]+' "$1")"
}
pg_regress() {  # program, input folder, output folder, database, options and tests...
  local program=$1 input=$2 output=$3 db=$4 status=0
  shift 4
  rm -rf "$output"
  mkdir -p "$output"
  (cd "$input" && server run check "$(pgxs_src)/test/$program" --bindir="$(dirname "$pg_config")" \
    --inputdir="$input" --outputdir="$output" --dbname="$db" "$@") >"$output/log" 2>&1 || status=$?
  cat "$output/log"
  local f=$failed
  count_pg_regress "$output/log"
  if [ -s "$output/regression.diffs" ]; then cat "$output/regression.diffs"; fi
  if [ $status -ne 0 ] && [ "$failed" -eq "$f" ]; then count 0 1; echo "pg_regress ended with status $status"; fi
}
pick() { if [ -n "${T:-}" ]; then echo "$T"; else cat; fi; }
names() { for f in $1; do if [ -e "$f" ]; then basename "$f" "$2"; fi; done; }

# Test modules (C++ or C code that only tests load) are PGXS projects of their own.
install_modules() {
  local m
  for m in "$root"/test/modules/*/Makefile; do
    if [ -e "$m" ]; then make -s -C "$(dirname "$m")" -j"$jobs" PG_CONFIG="$pg_config" install || return 1; fi
  done
}

layer_regress() {
  local tests m
  need_server_side || { failed=1; return; }
  tests=$(names "$root/sql/*.sql" .sql | grep -v '^lowdim--' | sort | pick)
  server start check
  if [ -n "$tests" ]; then
    pg_regress regress/pg_regress "$root" "$build/regress" regress --load-extension=lowdim $tests
  fi
  if [ -z "${T:-}" ]; then
    for m in "$root"/test/modules/*/sql; do
      if [ ! -d "$m" ]; then continue; fi
      install_modules || { count 0 1; return; }
      m=$(dirname "$m")
      pg_regress regress/pg_regress "$m" "$build/regress-$(basename "$m")" "regress_$(basename "$m")" \
        $(names "$m/sql/*.sql" .sql | sort)
    done
  fi
  if [ $((passed + failed)) -eq 0 ]; then note='no tests yet'; fi
}

layer_isolation() {
  local tests
  tests=$(names "$root/test/isolation/specs/*.spec" .spec | sort | pick)
  if [ -z "$tests" ]; then note='no tests yet'; return; fi
  need_server_side || { failed=1; return; }
  server start check
  pg_regress isolation/pg_isolation_regress "$root/test/isolation" "$build/isolation" isolation \
    --load-extension=lowdim $tests
}

# --- tap ----------------------------------------------------------------------------------------------------------
# The tests run as the server's user, from a copy that this user can read; each starts servers of its own.
layer_tap() {
  local tests t dir=$scratch/tap
  tests=$(names "$root/test/t/*.pl" .pl | sort | pick)
  if [ -z "$tests" ]; then note='no tests yet'; return; fi
  need_server_side || { failed=1; return; }
  install_modules || { failed=1; return; }
  rm -rf "$dir"
  mkdir -p "$dir"
  cp -r "$root/test" "$root/sample" "$dir/"
  if [ "$(id -u)" -eq 0 ]; then chown -R "$pg_user" "$dir"; fi
  # As many at a time as there are processors: each has servers of its own, and they wait more than they compute.
  tap_one() {
    local t=$1 status=0 log=$logs/tap-$1.log good bad
    as_pg env PATH="$(dirname "$pg_config"):$PATH" PERL5LIB="$(pgxs_src)/test/perl:$dir/test/t" \
      PG_REGRESS="$(pgxs_src)/test/regress/pg_regress" \
      TESTDIR="$dir" TESTDATADIR="$dir/tmp_check" TESTLOGDIR="$dir/tmp_check/log" \
      prove --verbose --directives "$dir/test/t/$t.pl" >"$log" 2>&1 || status=$?
    good=$(lines '^ok [0-9]+' "$log") bad=$(lines '^not ok [0-9]+' "$log")
    good=$((good - $(lines '^ok [0-9]+ # skip' "$log")))
    if [ $status -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    echo "$good $bad" >"$dir/$t.counts"
  }
  for t in $tests; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    tap_one "${t%.pl}" &
  done
  wait
  for t in $tests; do
    local good=0 bad=1
    t=${t%.pl}
    if [ -e "$dir/$t.counts" ]; then read -r good bad <"$dir/$t.counts"; fi
    count "$good" "$bad"
    if [ "$bad" -ne 0 ]; then
      cat "$logs/tap-$t.log"
      tail -n 20 "$dir"/tmp_check/log/*"$t"*.log 2>/dev/null || true
    fi
    echo "$t: $good passed, $bad failed"
  done
}

# --- clients ------------------------------------------------------------------------------------------------------
# The script makes a database of its own and ends with `N passed, N failed`.
layer_clients() {
  local status=0 last
  if [ ! -e "$root/test/clients/run.sh" ]; then note='no tests yet'; return; fi
  need_server_side || { failed=1; return; }
  server start check
  mkdir -p "$build/clients"
  PGDATABASE=postgres server run check bash "$root/test/clients/run.sh" >"$build/clients/log" 2>&1 || status=$?
  cat "$build/clients/log"
  last=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$build/clients/log" | tail -1)
  if [ -n "$last" ]; then count $(echo "$last" | sed 's/^\([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2/'); else failed=1; fi
  blame $status
}

# --- lint ---------------------------------------------------------------------------------------------------------
layer_lint() {
  local status=0 log=$logs/lint.counts last
  need_server_side || { failed=1; return; }
  { (cd "$root" && /usr/bin/python3 tools/lint_test.py && /usr/bin/python3 tools/lint.py) || status=$?; } >"$log" 2>&1
  cat "$log"
  while read -r p _ f _; do count "$p" "$f"; done < <(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log")
  blame $status
}

# --- running and telling ------------------------------------------------------------------------------------------
case ${1:-} in
  '' | -*) die "usage: check.sh all | LAYER..." ;;
  all) layers=$all_layers quiet=yes ;;
  *) layers=$* quiet=no ;;
esac
make_scratch
mkdir -p "$logs"
"$root/tools/setup.sh" build check
trap '"$root/tools/server.sh" stop check || true' EXIT

# A layer runs in a subshell whose last act is to write down its counts.
summary='' total_passed=0 total_failed=0 stopped=no
for layer in $layers; do
  declare -F "layer_$layer" >/dev/null || die "no such layer: $layer"
  result=$logs/$layer.result
  rm -f "$result"
  start=$(date +%s.%N)
  # The counts leave the subshell through a file, so that the output can go through a pipe. `set -e` is off inside:
  # the layers look at every status themselves and the rest of a layer must run after a failure.
  run_layer() {
    set +e
    passed=0 failed=0 note=''
    "layer_$layer" 2>&1
    printf "passed=%d failed=%d note='%s' pg_config='%s'\n" "$passed" "$failed" "$note" "$pg_config" >"$result"
  }
  if [ $quiet = yes ]; then
    if [ -t 1 ]; then printf '%-10s %srunning%s' "$layer" "$dim" "$plain"; fi
    (run_layer) >"$logs/$layer.log" || true
    if [ -t 1 ]; then printf '\r'; fi
  else
    (run_layer) | tee "$logs/$layer.log" || true
  fi
  passed=0 failed=1 note='did not finish'
  if [ -e "$result" ]; then . "$result"; fi
  seconds=$(awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN {printf "%.1f", b - a}')
  if [ "$failed" -eq 0 ]; then word="${green}ok${plain}    "; else word="${red}FAILED${plain}"; fi
  line=$(printf '%-10s %s %5d passed %4d failed %7s s' "$layer" "$word" "$passed" "$failed" "$seconds")
  if [ -n "$note" ]; then line="$line  $note"; fi
  if [ $quiet = yes ]; then
    say "$line"
    if [ "$failed" -ne 0 ]; then
      tail -60 "$logs/$layer.log" | sed 's/^/    /'
      say "    (all of it: build/log/$layer.log)"
    fi
  fi
  summary+="$line"$'\n'
  total_passed=$((total_passed + passed)) total_failed=$((total_failed + failed))
  if [ "$failed" -ne 0 ]; then
    stopped=yes
    if [ -z "${KEEP_GOING:-}" ]; then break; fi
  fi
done
if [ $quiet = yes ]; then printf '\n'; fi
printf '%s' "$summary"
say "$total_passed passed, $total_failed failed"
[ $stopped = no ]
