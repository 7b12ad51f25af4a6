#!/usr/bin/python3
"""A Markdown table of single figures: of every target and name in a tab-separated file, the median of its values.

The last column is pgvector's figure over lowdim's. Called by ann_churn.sh.

    bench/sql/ann_notes.py FILE.tsv
"""

import collections
import statistics
import sys

from ann_curve import SERIES, print_table


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    values = collections.defaultdict(list)
    with open(sys.argv[1], encoding="utf-8") as f:
        for line in f:
            target, what, value = line.rstrip("\n").split("\t")
            values[what, target].append(float(value))
    rows = []
    for what in dict.fromkeys(key[0] for key in values):
        medians = [statistics.median(values[what, t]) if (what, t) in values else None for t in SERIES]
        ratio = f"{medians[1] / medians[0]:.2f}" if None not in medians and medians[0] else "-"
        rows.append([what, *("-" if m is None else f"{m:g}" for m in medians), ratio])
    print_table(["", *SERIES.values(), "hnsw / lean_hnsw"], rows)


if __name__ == "__main__":
    main()
