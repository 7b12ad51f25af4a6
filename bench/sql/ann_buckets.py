#!/usr/bin/python3
"""Two columns to filter on, each 0 to 999 with as many rows a value: id,scattered,clustered as CSV.

scattered is a random permutation, so that a filter takes rows from everywhere. clustered follows the distance from
one row of the set, so that `clustered < n` is a ball around it and most queries lie far from whatever
matches: the hardest filter for a graph. The same rows give the same columns everywhere, hence both databases
have equal matches. Needs Debian's python3-numpy. Called by ann_filter.sh.

    bench/sql/ann_buckets.py BASE.fvecs ROWS l2|cosine
"""

import sys

import numpy as np

from ann_truth import map_vecs

VALUES = 1000
ANCHOR = 1000  # any row


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    base, n = np.asarray(map_vecs(sys.argv[1])[: int(sys.argv[2])], dtype=np.float64), int(sys.argv[2])
    anchor = base[min(ANCHOR, n - 1)]
    if sys.argv[3] == "cosine":
        norms = np.sqrt((base * base).sum(axis=1))
        distance = -(base * anchor).sum(axis=1) / np.where(norms > 0, norms, 1)
    else:
        distance = ((base - anchor) ** 2).sum(axis=1)
    columns = np.empty((n, 3), dtype=np.int64)
    columns[:, 0] = np.arange(n)
    for column, order in (1, np.random.default_rng(1).permutation(n)), (2, np.argsort(distance, kind="stable")):
        columns[order, column] = np.arange(n) * VALUES // n
    np.savetxt(sys.stdout, columns, fmt="%d", delimiter=",")


if __name__ == "__main__":
    main()
