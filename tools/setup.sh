#!/bin/bash
# Installs what is missing for the named groups of tools: setup.sh GROUP... (build, check, bench, data, debug).
# It looks for the thing itself, not for a package, so it has nothing to do, and needs no root, on a machine that has
# all of it, whatever the system. What is missing comes from apt (Debian, Ubuntu), as root or through sudo.
. "$(dirname "$0")/env.sh"

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }

has() { command -v "$1" >/dev/null 2>&1; }
has_header() { [ -e "/usr/include/$1" ] || [ -e "/usr/local/include/$1" ]; }
has_server() { local c; c=$(find_pg_config) && [ -x "$("$c" --bindir)/postgres" ] && [ -x "$("$c" --bindir)/initdb" ]; }
has_pgxs() { local c; c=$(find_pg_config) && [ -e "$("$c" --pgxs)" ] && [ -e "$("$c" --includedir-server)/postgres.h" ]; }
has_fuzzer_runtime() { has clang++ && [ -e "$(clang++ -print-resource-dir)/lib/linux/libclang_rt.fuzzer-$(uname -m).a" ]; }
has_perl() { perl -M"$1" -e 1 >/dev/null 2>&1; }
has_psycopg() { /usr/bin/python3 -c 'import psycopg' >/dev/null 2>&1; }
has_numpy() { /usr/bin/python3 -c "import numpy" >/dev/null 2>&1; }

# group, packages that go together, test that they are there. MAJOR becomes PostgreSQL's major version, CLANG clang's.
table() {
  cat <<'ROWS'
build | make                                        | has make
build | g++                                         | has g++
build | postgresql-MAJOR                            | has_server
build | postgresql-server-dev-MAJOR                 | has_pgxs
build | libeigen3-dev                               | has_header eigen3/Eigen/Core
build | libxsimd-dev                                | has_header xsimd/xsimd.hpp
check | cmake                                       | has cmake
check | libgtest-dev                                | has_header gtest/gtest.h
check | libipc-run-perl                             | has_perl IPC::Run
check | python3                                     | has /usr/bin/python3
check | python3-psycopg                             | has_psycopg
check | clang                                       | has clang++
check | libclang-rt-CLANG-dev                       | has_fuzzer_runtime
check | clang-format                                | has clang-format
check | nodejs npm                                  | has npm
data  | nodejs npm                                  | has npm
bench | cmake                                       | has cmake
bench | libbenchmark-dev                            | has_header benchmark/benchmark.h
bench | libpq-dev                                   | has_header postgresql/libpq-fe.h
bench | python3-numpy                               | has_numpy
debug | gdb                                         | has gdb
ROWS
}

missing_of() {  # group -> packages
  table | while IFS='|' read -r group packages test; do
    group=${group// /} packages=$(echo $packages)
    if [ "$group" = "$1" ] && ! eval "$test"; then echo "$packages"; fi
  done
}

# The major version of an installed pg_config, else of Debian's "postgresql" package.
pg_major() {
  local c
  if c=$(find_pg_config); then
    "$c" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/'
  else
    apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -1
  fi
}
clang_major() {
  if has clang++; then
    clang++ -dumpversion | cut -d. -f1
  else
    apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -1
  fi
}

updated=no
for group in "${@:-build}"; do
  names=$(missing_of "$group" | tr '\n' ' ')
  [ -n "${names// /}" ] || continue
  has apt-get || die "missing for '$group': $names(no apt-get here: install them by hand)"
  [ "$(id -u)" -eq 0 ] || has sudo || die "missing for '$group': $names(become root, or install sudo)"
  if [ $updated = no ]; then
    step "apt-get update"
    as_root apt-get update -qq
    updated=yes
  fi
  case $names in *MAJOR*) names=${names//MAJOR/$(pg_major)} ;; esac
  case $names in *CLANG*) names=${names//CLANG/$(clang_major)} ;; esac
  step "apt-get install $names($group)"
  log=$(mktemp)
  if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $names >"$log" 2>&1; then
    tail -20 "$log" >&2
    die "apt-get install failed (all of its output: $log)"
  fi
  rm -f "$log"
  still=$(missing_of "$group" | tr '\n' ' ')
  [ -z "${still// /}" ] || die "still missing after the installation: $still"
done
