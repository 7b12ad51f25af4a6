#!/usr/bin/python3
"""Exact neighbours among some rows of a set: the truth of a filtered, shortened or changed table.

Takes row numbers, one a line on stdin, and writes PREFIX.ivecs and PREFIX.fvecs as ground_truth does, which does the
work on a file of those rows alone; its answers are numbered back to the rows of the whole set. A truth with
fewer neighbours than asked ends with -1. Needs Debian's python3-numpy. Called by the ann scripts.

    bench/sql/ann_truth.py GROUND_TRUTH BASE.fvecs QUERIES.fvecs N_QUERIES l2|cosine PREFIX < ROW_NUMBERS
"""

import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    sys.exit("ann_truth.py needs numpy: apt-get install python3-numpy, and run it with /usr/bin/python3")

NEIGHBOURS = 100  # more than k, so that ties with the k-th are known


def map_vecs(path, dtype="<f4"):
    """The rows of an .fvecs or .ivecs file, read as they are touched."""
    columns = int(np.fromfile(path, dtype="<i4", count=1)[0])
    return np.memmap(path, dtype=dtype, mode="r").reshape(-1, columns + 1)[:, 1:]


def write_vecs(path, rows):
    out = np.empty((rows.shape[0], rows.shape[1] + 1), dtype=rows.dtype)
    out[:, 1:] = rows
    out.view("<i4")[:, 0] = rows.shape[1]
    out.tofile(path)


def main():
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    program, base, queries, n_queries, metric, prefix = sys.argv[1:]
    ids = np.array([int(line) for line in sys.stdin], dtype="<i4")
    if len(ids) == 0:
        sys.exit("ann_truth.py: no row numbers")
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(prefix))) as folder:
        write_vecs(folder + "/base.fvecs", map_vecs(base)[ids])
        write_vecs(folder + "/query.fvecs", map_vecs(queries)[: int(n_queries)])
        subprocess.run([program, "--base", folder + "/base.fvecs", "--queries", folder + "/query.fvecs", "--metric",
                        metric, "--k", str(NEIGHBOURS), "--out", folder + "/truth"],
                       check=True, stdout=subprocess.DEVNULL)
        found = np.array(map_vecs(folder + "/truth.ivecs", "<i4"))
        write_vecs(prefix + ".ivecs", np.where(found < 0, found, ids[found]).astype("<i4"))
        os.replace(folder + "/truth.fvecs", prefix + ".fvecs")


if __name__ == "__main__":
    main()
