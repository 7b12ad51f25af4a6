#!/bin/bash
# Builds the extension and installs it into the private PostgreSQL (private_pg.sh), whose pg_config it prints.
# `build.sh core` only makes build/core.a, the extension's objects of core, for the unit tests.
# Quiet unless something fails. Nothing is written to the system's PostgreSQL.
. "$(dirname "$0")/env.sh"
pg_config=$("$root/tools/private_pg.sh")
mkdir -p "$build"
if [ "${1:-}" = core ]; then targets=build/core.a; else targets='all install'; fi
for target in $targets; do
  if ! make -s -C "$root" -j"$jobs" PG_CONFIG="$pg_config" CORE_CXXFLAGS=-Werror $target >"$build/build.log" 2>&1; then
    cat "$build/build.log" >&2
    die "the build failed"
  fi
  if grep -q 'warning:' "$build/build.log"; then cat "$build/build.log" >&2; fi
done
printf '%s\n' "$pg_config"
