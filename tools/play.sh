#!/bin/bash
# psql on the demo's private server; the server keeps running until `make play-stop`.
. "$(dirname "$0")/env.sh"
"$root/tools/setup.sh" build
"$root/tools/build.sh" >/dev/null
"$root/tools/server.sh" start demo
run() { "$root/tools/server.sh" run demo "$@"; }
if [ -z "$(run psql -XAtc "SELECT 1 FROM pg_database WHERE datname = 'demo'" postgres)" ]; then
  run createdb demo
fi
run psql -Xqd demo -c 'SET client_min_messages = error' -c 'CREATE EXTENSION IF NOT EXISTS lowdim'
exec "$root/tools/server.sh" run demo psql -d demo
