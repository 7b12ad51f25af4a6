#!/usr/bin/python3
"""Turns an HDF5 file of the public ANN benchmarks into the four files that `prepare` makes of a set.

Such a file holds train, test, neighbors and distances, and an attribute that names the distance. Writes
base.fvecs, query.fvecs, truth.ivecs and truth.fvecs, and says which operator fits. Hamming and Jaccard sets
(bits, sets of numbers) are refused: they are no vectors of floats. Needs Debian's python3-h5py.

    bench/data/hdf5_to_fvecs.py FILE.hdf5 OUT_DIR
"""

import os
import sys

try:
    import h5py
    import numpy as np
except ImportError as e:
    sys.exit(f"hdf5_to_fvecs.py needs {e.name}: apt-get install python3-h5py, and run it with /usr/bin/python3")

OPERATORS = {
    "euclidean": "<-> (ground_truth --metric l2)",
    "angular": "<=> (ground_truth --metric cosine)",
    "dot": "<#> (ground_truth --metric ip)",
    "ip": "<#> (ground_truth --metric ip)",
}
ROWS_AT_ONCE = 65536


def write_vecs(path, dataset, dtype):
    """Rows of `dataset` as little-endian dimension and values, a bounded number of rows at a time."""
    n, dim = dataset.shape
    with open(path, "wb") as out:
        for first in range(0, n, ROWS_AT_ONCE):
            block = dataset[first : first + ROWS_AT_ONCE]
            rows = np.empty((len(block), dim + 1), dtype=dtype)
            rows[:, 1:] = block
            rows.view("<i4")[:, 0] = dim
            out.write(rows.tobytes())
    print(f"{path}: {n} x {dim}")


def main(source, out_dir):
    try:
        file = h5py.File(source, "r")
    except OSError as e:
        sys.exit(f"{source}: {e}")
    with file:
        missing = [name for name in ("train", "test", "neighbors", "distances") if name not in file]
        if missing:
            sys.exit(f"{source} has no {', '.join(missing)}: it is no file of the ANN benchmarks")
        distance = file.attrs.get("distance", "")
        distance = distance.decode() if isinstance(distance, bytes) else str(distance)
        if distance not in OPERATORS:
            sys.exit(f"{source} is measured by {distance or 'an unnamed distance'}, not by one of {', '.join(OPERATORS)}")
        if file["train"].ndim != 2 or file["train"].dtype.kind not in "fiu":
            sys.exit(f"{source}: train is no table of numbers")
        os.makedirs(out_dir, exist_ok=True)
        for name, to, dtype in (
            ("train", "base.fvecs", "<f4"),
            ("test", "query.fvecs", "<f4"),
            ("neighbors", "truth.ivecs", "<i4"),
            ("distances", "truth.fvecs", "<f4"),
        ):
            write_vecs(os.path.join(out_dir, to), file[name], dtype)
        print(f"distance: {distance}, operator {OPERATORS[distance]}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    main(sys.argv[1], sys.argv[2])
