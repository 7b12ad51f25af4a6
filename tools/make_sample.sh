#!/bin/bash
# Makes sample/glove_words.tsv.gz again (see sample/README.md): 5,000 words, 4 significant digits.
. "$(dirname "$0")/env.sh"
json=$("$root/tools/fetch_glove.sh")
node "$root/tools/glove.mjs" "$json" --words 5000 --digits 4 | gzip -9n >"$root/sample/glove_words.tsv.gz"
ls -l "$root/sample/glove_words.tsv.gz"
