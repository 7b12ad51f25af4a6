#!/usr/bin/python3
"""The rows of a set in an order in which to insert them: their numbers, one a line.

random      a seeded shuffle
class       class by class: labels.txt beside the set (one label a row) or, without it, the clusters of 10-means
lid_up      the local intrinsic dimension ascending, from the exact distances of a row's 100 nearest others
lid_down    the same, descending

The dimension at a row is the maximum-likelihood estimate -1 / mean(log(d_i / d_max)) over its neighbours at a distance
above zero; where there are fewer than two distances, it is 0. Needs Debian's python3-numpy. Called by
ann_order.sh.

    bench/sql/ann_orders.py ORDER BASE.fvecs ROWS l2|cosine NEIGHBOUR_DISTANCES.fvecs
"""

import os
import sys

import numpy as np

from ann_truth import map_vecs

CLUSTERS, CLUSTER_ROUNDS = 10, 20


def classes(base_path, rows, metric):
    labels = os.path.join(os.path.dirname(base_path), "labels.txt")
    if os.path.exists(labels):
        print(f"ann_orders.py: classes from {labels}", file=sys.stderr)
        with open(labels, encoding="utf-8") as f:
            return np.unique([line.strip() for line in f][:rows], return_inverse=True)[1]
    print("ann_orders.py: no labels, classes are clusters", file=sys.stderr)
    x = np.array(map_vecs(base_path)[:rows])
    if metric == "cosine":
        x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)
    centres = x[np.random.default_rng(3).choice(rows, CLUSTERS, replace=False)]
    for _ in range(CLUSTER_ROUNDS):
        nearest = np.argmin((centres * centres).sum(axis=1) - 2 * (x @ centres.T), axis=1)
        for c in np.unique(nearest):
            centres[c] = x[nearest == c].mean(axis=0)
    return nearest


def intrinsic_dimensions(distances_path, metric):
    d = np.array(map_vecs(distances_path), dtype=np.float64)
    if metric == "cosine":  # 1 - cosine is half the squared distance of unit vectors
        d = np.sqrt(2 * np.maximum(d, 0))
    # The row itself is at distance zero up to rounding.
    d[d < 1e-3 * d[:, -1:]] = np.nan
    with np.errstate(all="ignore"):
        logs = np.log(d / d[:, -1:])
        counts = np.maximum((~np.isnan(logs)).sum(axis=1), 1)
        means = np.nansum(logs, axis=1) / counts
    return np.where(means < 0, -1 / np.where(means < 0, means, 1), 0)


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    order, base, rows, metric, distances = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5]
    if order == "random":
        ids = np.random.default_rng(2).permutation(rows)
    elif order == "class":
        ids = np.argsort(classes(base, rows, metric), kind="stable")
    elif order in ("lid_up", "lid_down"):
        lid = intrinsic_dimensions(distances, metric)
        print(f"ann_orders.py: local intrinsic dimension, quartiles {np.percentile(lid, [25, 50, 75]).round(1)}",
              file=sys.stderr)
        ids = np.argsort(lid if order == "lid_up" else -lid, kind="stable")
    else:
        sys.exit(f"ann_orders.py: no such order: {order}")
    np.savetxt(sys.stdout, ids, fmt="%d")


if __name__ == "__main__":
    main()
