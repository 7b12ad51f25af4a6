#!/bin/bash
# Makes a private copy of the installed PostgreSQL in the scratch directory and prints the path of its pg_config.
# `make install PG_CONFIG=<that>` then installs into the copy and the system's PostgreSQL stays as it was.
#
# It works because a PostgreSQL program finds its directories relative to where it lies itself. The programs are
# therefore copied (a link would be resolved), everything else is a tree of links in real directories, so that new
# files land in the copy. About 13 MB, made once for each version.
. "$(dirname "$0")/env.sh"

pg_config=$(find_pg_config) || die "no pg_config: run 'make setup', or set PG_CONFIG"
at() { readlink -m "$("$pg_config" "--$1")"; }
bindir=$(at bindir) sharedir=$(at sharedir) pkglibdir=$(at pkglibdir)
version=$("$pg_config" --version)
major=$(echo "$version" | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
make_scratch
tree=$scratch/pg$major

# The directory that holds all three; below it the copy has the same names.
prefix=$bindir
while [[ $sharedir/ != "$prefix"/* || $pkglibdir/ != "$prefix"/* ]]; do prefix=$(dirname "$prefix"); done
prefix=${prefix%/}
bin=$tree${bindir#"$prefix"}

stamp="$version in $bindir, $(stat -c %Y "$bindir/postgres")"
if [ "$(cat "$tree/stamp" 2>/dev/null)" != "$stamp" ]; then
  for data in "$scratch"/server-*-"$major"/data; do  # servers of the old programs
    if [ -e "$data/postmaster.pid" ]; then as_pg "$bindir/pg_ctl" -D "$data" -m immediate stop >&2 || true; fi
  done
  rm -rf "$tree"
  mkdir -p "$bin"
  cp -L "$bindir"/* "$bin/"
  for dir in "$sharedir" "$pkglibdir"; do
    mkdir -p "$tree${dir#"$prefix"}"
    cp -rs "$dir/." "$tree${dir#"$prefix"}/"
  done
  # An installed lowdim must not hide behind ours.
  find "$tree" -name 'lowdim*' -delete
  for name in includedir pkgincludedir includedir-server libdir localedir; do
    dir=$(at $name)
    to=$tree${dir#"$prefix"}
    if [[ $dir == "$prefix"/* ]] && [ -e "$dir" ] && [ ! -e "$to" ]; then
      mkdir -p "$(dirname "$to")"
      ln -s "$dir" "$to"
    fi
  done
  [ "$("$bin/pg_config" --sharedir)" = "$tree${sharedir#"$prefix"}" ] || die "this PostgreSQL cannot be relocated"
  [ "$("$bin/pg_config" --pkglibdir)" = "$tree${pkglibdir#"$prefix"}" ] || die "this PostgreSQL cannot be relocated"
  echo "$stamp" >"$tree/stamp"
fi
printf '%s\n' "$bin/pg_config"
