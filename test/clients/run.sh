#!/bin/bash
# Runs the client tests against the server that PGHOST, PGPORT and PGUSER name, which has the extension
# installed, in a database of their own. Ends with "N passed, N failed". npm packages go to a scratch folder.
#   LOWDIM_CLIENT_EXTENSION  the extension that makes the types, default lowdim
#   PYTHON                   a python3 with psycopg 3, default Debian's
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
extension=${LOWDIM_CLIENT_EXTENSION:-lowdim}
python=${PYTHON:-/usr/bin/python3}
scratch=$(mktemp -d)
database=lowdim_clients_$$
export PGDATABASE=${PGDATABASE:-postgres}
maintenance=$PGDATABASE

cleanup() {
  rm -rf "$scratch"
  PGDATABASE=$maintenance dropdb --if-exists "$database" || true
}
trap cleanup EXIT

createdb "$database"
export PGDATABASE=$database
psql -X -q -v ON_ERROR_STOP=1 -c "CREATE EXTENSION $extension"

passed=0
failed=0
# A suite that ran nothing, or that ended badly without saying so, counts as one failure.
count() {  # name status passed failed
  local name=$1 status=$2 p=${3:-0} f=${4:-0}
  if ((f == 0 && (status != 0 || p == 0))); then f=1; fi
  echo "$name: $p passed, $f failed"
  passed=$((passed + p))
  failed=$((failed + f))
}

cp -r "$here/node" "$scratch/node"
(cd "$scratch/node" && npm ci --no-audit --no-fund)
status=0
(cd "$scratch/node" && node --test --test-reporter=tap) | tee "$scratch/node.tap" || status=$?
number() { sed -n "s/^# $1 \([0-9]*\)$/\1/p" "$scratch/node.tap" | tail -1; }
count node $status "$(number pass)" "$(($(number fail) + $(number cancelled)))"

status=0
PYTHONDONTWRITEBYTECODE=1 "$python" -m unittest discover -v -s "$here/python" -p 'test_*.py' 2>&1 |
  tee "$scratch/python.out" || status=$?
ran=$(sed -n 's/^Ran \([0-9]*\) tests\{0,1\} in .*/\1/p' "$scratch/python.out" | tail -1)
bad=$(sed -n 's/^FAILED (\(.*\))$/\1/p' "$scratch/python.out" | tr ',' '\n' |
  sed -n 's/^ *\(failures\|errors\)=\([0-9]*\)$/\2/p' | paste -sd+ | sed 's/^$/0/')
bad=$((${bad:-0}))
count python $status "$((${ran:-0} > bad ? ${ran:-0} - bad : 0))" "$bad"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
