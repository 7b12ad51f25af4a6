#!/bin/bash
# Formats every C++ file in place.
. "$(dirname "$0")/env.sh"
"$root/tools/setup.sh" check
cd "$root"
find src test bench -name '*.cpp' -o -name '*.h' | xargs clang-format -i
