#!/bin/bash
# Runs regression test T, or isolation test T, shows how its output differs from the expected one, and makes it the
# expected one. Look at the difference before you commit it.
. "$(dirname "$0")/env.sh"
[ -n "${T:-}" ] || die "say which test: make accept T=name"
for t in $T; do
  if [ -e "$root/sql/$t.sql" ]; then
    layer=regress expected=$root/expected/$t.out
  elif [ -e "$root/test/isolation/specs/$t.spec" ]; then
    layer=isolation expected=$root/test/isolation/expected/$t.out
  else
    die "no test $t in sql/ or test/isolation/specs/"
  fi
  # A new test starts from an empty expected output: pg_regress stops when there is none.
  mkdir -p "$(dirname "$expected")" "$build"
  [ -e "$expected" ] || : >"$expected"
  T=$t "$root/tools/check.sh" $layer >"$build/accept.log" 2>&1 || true
  result=$build/$layer/results/$t.out
  [ -e "$result" ] || { cat "$build/accept.log" >&2; die "test $t gave no output"; }
  if diff -u --label "expected/$t.out" --label "results/$t.out" "$expected" "$result"; then
    say "$t: no difference"
  else
    cp "$result" "$expected"
    step "$t: accepted"
  fi
done
