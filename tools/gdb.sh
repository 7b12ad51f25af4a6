#!/bin/bash
# Runs F=file.sql in a session on a private server, with gdb attached to the session's backend before the first
# statement. In gdb: set breakpoints, `continue`. The session ends when gdb quits; the server stops then.
. "$(dirname "$0")/env.sh"
[ -r "${F:-}" ] || die "say which file: make gdb F=file.sql"
file=$(readlink -f "$F")
"$root/tools/setup.sh" build debug
"$root/tools/build.sh" >/dev/null
"$root/tools/server.sh" start gdb
run() { "$root/tools/server.sh" run gdb "$@"; }
work=$(mktemp -d)
trap 'touch "$work/attached"; kill "$session" 2>/dev/null || true; "$root/tools/server.sh" stop gdb; rm -rf "$work"' EXIT
run psql -Xqd postgres -c 'SET client_min_messages = error' -c 'CREATE EXTENSION IF NOT EXISTS lowdim'
run psql -Xd postgres <<SQL &
LOAD 'lowdim';
\\o $work/new
SELECT pg_backend_pid();
\\o
\\! mv $work/new $work/pid; while [ ! -e $work/attached ]; do sleep 0.1; done
\\i $file
SQL
session=$!
while [ ! -e "$work/pid" ]; do
  kill -0 "$session" 2>/dev/null || die "psql ended early"
  sleep 0.1
done
pid=$(tr -dc '0-9\n' <"$work/pid" | grep -m1 '^[0-9]')
say "gdb on backend $pid; the file runs at the first 'continue'"
# The backend's user owns it: attach as root, or as that user. Signals that the server uses must pass.
gdb -q -p "$pid" -ex 'handle SIGUSR1 SIGUSR2 SIGPIPE nostop noprint pass' \
  -ex 'set breakpoint pending on' -ex "shell touch $work/attached" ${GDB_ARGS:-}
