#!/bin/bash
# Builds the extension and installs it into the private PostgreSQL (private_pg.sh), whose pg_config it prints.
# Quiet unless something fails. Nothing is written to the system's PostgreSQL.
. "$(dirname "$0")/env.sh"
pg_config=$("$root/tools/private_pg.sh")
mkdir -p "$build"
for target in all install; do
  if ! make -s -C "$root" -j"$jobs" PG_CONFIG="$pg_config" $target >"$build/build.log" 2>&1; then
    cat "$build/build.log" >&2
    die "the build failed"
  fi
  if grep -q 'warning:' "$build/build.log"; then cat "$build/build.log" >&2; fi
done
printf '%s\n' "$pg_config"
