#!/bin/bash
# Private servers: server.sh COMMAND NAME [ARGUMENT...]
#   start NAME        makes the data directory on first use and starts the server (no-op when it runs)
#   stop NAME         stops it
#   destroy NAME      stops it and removes its data
#   env NAME          prints the PG* settings for a client, one assignment a line
#   run NAME CMD...   runs a command with these settings, the private programs first in PATH
# A server listens on a Unix socket in a directory of its own that only its user (and root) can enter, on no TCP
# port, so it meets no other server. Durability is off: its data can be made again.
. "$(dirname "$0")/env.sh"

command=${1:?command} name=${2:?name}
shift 2
pg_config=$("$root/tools/private_pg.sh")
bin=$(dirname "$pg_config")
major=$("$pg_config" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
home=$scratch/server-$name-$major
data=$home/data
port=54320  # names the socket file, nothing else

running() { [ -d "$data" ] && as_pg "$bin/pg_ctl" -D "$data" status >/dev/null 2>&1; }

start() {
  if running; then return; fi
  mkdir -p "$home"
  if [ "$(id -u)" -eq 0 ]; then chown "$pg_user" "$home"; fi
  chmod 700 "$home"
  if [ ! -d "$data" ]; then
    rm -rf "$home/new"
    as_pg "$bin/initdb" -D "$home/new" -U postgres --auth=trust --no-locale --encoding=UTF8 --no-sync \
      >"$scratch/initdb.log" 2>&1 || { cat "$scratch/initdb.log" >&2; die "initdb failed"; }
    # shellcheck disable=SC2016
    as_pg sh -c 'cat >>"$1/new/postgresql.conf"; mv "$1/new" "$2"' sh "$home" "$data" <<CONF
listen_addresses = ''
port = $port
unix_socket_directories = '$home'
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 256MB
max_wal_size = 2GB
log_line_prefix = '%m [%p] %d '
CONF
  fi
  as_pg "$bin/pg_ctl" -D "$data" -l "$home/log" -w -s start >&2 ||
    { as_pg tail -20 "$home/log" >&2; die "the private server did not start"; }
}

stop() {
  if running; then as_pg "$bin/pg_ctl" -D "$data" -m fast -w -s stop; fi
}

case $command in
  start) start ;;
  stop) stop ;;
  destroy)
    stop
    rm -rf "$home"
    ;;
  env)
    printf 'PGHOST=%s\nPGPORT=%s\nPGUSER=postgres\n' "$home" "$port"
    ;;
  run)
    export PGHOST=$home PGPORT=$port PGUSER=postgres PATH=$bin:$PATH
    exec "$@"
    ;;
  *) die "unknown command: $command" ;;
esac
