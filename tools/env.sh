# Sourced by every script here: where things are, who runs the server, how to say things. Defines
#   root       the checkout
#   scratch    the only directory outside the checkout that anything here writes to (LOWDIM_SCRATCH overrides it)
#   pg_user    the unprivileged user of private servers; as_pg CMD... runs a command as that user, inside $scratch
# The scratch directory is under /tmp, not in the checkout: the server's user may be unable to enter the checkout.

set -euo pipefail
umask 022
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES  # a script called by make starts makes of its own
unset PGHOST PGPORT PGUSER PGDATABASE PGSERVICE PGOPTIONS PGPASSWORD PGDATA  # never the user's own server
export LC_ALL=C.UTF-8 PGCONNECT_TIMEOUT=10 PSQLRC=/dev/null

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
build=$root/build
jobs=$(nproc 2>/dev/null || echo 2)
scratch=${LOWDIM_SCRATCH:-/tmp/lowdim-$(id -un)-$(printf %s "$root" | cksum | cut -d' ' -f1)}

# npm keeps its downloads here too: a second run needs no network.
export npm_config_cache=$scratch/npm npm_config_update_notifier=false

bold='' dim='' red='' green='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
fi

say() { printf '%s\n' "$*"; }
step() { printf '%s==>%s %s\n' "$green" "$plain" "$*"; }
die() { printf '%serror:%s %s\n' "$red" "$plain" "$*" >&2; exit 1; }

# A world-writable /tmp is shared: a directory there must be ours before anything in it is trusted.
make_scratch() {
  mkdir -p "$scratch"
  [ -O "$scratch" ] || die "$scratch belongs to somebody else; set LOWDIM_SCRATCH"
}

find_pg_user() {
  if [ "$(id -u)" -ne 0 ]; then
    pg_user=$(id -un)
  elif id postgres >/dev/null 2>&1; then
    pg_user=postgres
  else
    pg_user=nobody
  fi
}
find_pg_user

as_pg() {
  if [ "$(id -u)" -ne 0 ]; then
    (cd "$scratch" && "$@")
  else
    (cd "$scratch" && HOME=$scratch runuser -u "$pg_user" -- "$@")
  fi
}

# The pg_config of the PostgreSQL to build against: PG_CONFIG, the one in PATH, or Debian's newest.
find_pg_config() {
  local found
  found=$(command -v "${PG_CONFIG:-pg_config}" || true)
  if [ -z "$found" ] && [ -z "${PG_CONFIG:-}" ]; then
    found=$(ls -d /usr/lib/postgresql/*/bin/pg_config 2>/dev/null | sort -V | tail -1)
  fi
  [ -n "$found" ] || return 1
  printf '%s\n' "$found"
}
