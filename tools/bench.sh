#!/bin/bash
# Micro benchmarks (Google Benchmark) of core, optimised build. B= filters by regular expression.
. "$(dirname "$0")/env.sh"
"$root/tools/setup.sh" build check bench
[ -n "$(ls "$root"/bench/micro/*_bench.cpp 2>/dev/null)" ] || { say "no micro benchmarks yet"; exit 0; }
cmake -S "$root" -B "$build/micro" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$build/micro" --target micro -j"$jobs"
exec "$build/micro/micro" ${B:+--benchmark_filter="$B"}
