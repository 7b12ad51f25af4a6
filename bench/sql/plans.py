#!/usr/bin/python3
"""The planner's choice for each of a list of queries, beside every other plan that settings can force.

A query is planned and run for a few centers, held-out queries of the set, as literals. A plan is known by its scans,
joins and sorts; each distinct plan found with the settings of FORCED is run in turn with the chosen one, and the time
of a plan is the sum over centers of the medians of its rounds, planning included (EXPLAIN ANALYZE without the
timing of nodes). Where the planner takes different plans for different centers, its time is that of its mixture, and
so is any forced one's. A plan that takes more than a minute a center is stopped and counts as a minute.

Needs Debian's python3-psycopg and python3-numpy. Called by plans.sh.
"""

import argparse
import json
import statistics
import sys

try:
    import numpy as np
    import psycopg
except ImportError as missing:
    sys.exit(f"plans.py needs {missing.name}: apt-get install python3-psycopg python3-numpy, and /usr/bin/python3")

from ann_curve import print_table
from ann_truth import map_vecs

FORCED = [
    [],
    ["enable_indexscan"],
    ["enable_indexscan", "enable_bitmapscan"],
    ["enable_seqscan"],
    ["enable_seqscan", "enable_bitmapscan"],
    ["enable_seqscan", "enable_sort"],
    ["enable_seqscan", "enable_sort", "enable_bitmapscan"],
    ["enable_seqscan", "enable_indexscan"],
    ["enable_sort"],
    ["enable_nestloop"],
    ["enable_nestloop", "enable_indexscan"],
    ["max_parallel_workers_per_gather"],
    ["max_parallel_workers_per_gather", "enable_indexscan"],
    ["max_parallel_workers_per_gather", "enable_indexscan", "enable_bitmapscan"],
]

# Name, set of the centers, SQL. {q} is a center's literal; {r10}, {r100} a radius that holds as many rows of the set.
QUERIES = [
    ("nearest 10", "glove", "SELECT id FROM glove_plans ORDER BY emb <=> {q} LIMIT 10"),
    ("nearest 2,000", "glove", "SELECT id FROM glove_plans ORDER BY emb <=> {q} LIMIT 2000"),
    ("nearest 50,000", "glove", "SELECT id FROM glove_plans ORDER BY emb <=> {q} LIMIT 50000"),
    ("all, in order", "glove", "SELECT id FROM glove_plans ORDER BY emb <=> {q}"),
    ("filter 0.1 %, an index on it", "glove",
     "SELECT id FROM glove_plans WHERE bucket = 7 ORDER BY emb <=> {q} LIMIT 10"),
    ("filter 1 %, an index on it", "glove",
     "SELECT id FROM glove_plans WHERE bucket < 10 ORDER BY emb <=> {q} LIMIT 10"),
    ("filter 1 %, none on it", "glove", "SELECT id FROM glove_plans WHERE place < 10 ORDER BY emb <=> {q} LIMIT 10"),
    ("filter 50 %", "glove", "SELECT id FROM glove_plans WHERE bucket < 500 ORDER BY emb <=> {q} LIMIT 10"),
    ("no filter that passes", "glove", "SELECT id FROM glove_plans WHERE place < 0 ORDER BY emb <=> {q} LIMIT 10"),
    ("tiny table", "glove", "SELECT id FROM tiny_plans ORDER BY emb <=> {q} LIMIT 5"),
    ("range of 10 rows", "glove", "SELECT id FROM glove_plans WHERE emb <<=>> sphere({q}, {r10})"),
    ("range of 100 rows, in order", "glove",
     "SELECT id FROM glove_plans WHERE emb <<=>> sphere({q}, {r100}) ORDER BY emb <=> {q} LIMIT 10"),
    ("range of most rows", "glove", "SELECT id FROM glove_plans WHERE emb <<=>> sphere({q}, 1.0)"),
    ("range of most rows, in order", "glove",
     "SELECT id FROM glove_plans WHERE emb <<=>> sphere({q}, 1.0) ORDER BY emb <=> {q} LIMIT 10"),
    ("range of 100 rows and a filter", "glove",
     "SELECT id FROM glove_plans WHERE emb <<=>> sphere({q}, {r100}) AND bucket < 100"),
    ("20 centers, each its nearest", "glove",
     "SELECT c.id, n.id FROM centers_plans c, LATERAL (SELECT id FROM glove_plans ORDER BY emb <=> c.emb LIMIT 10) n"),
    ("20 centers, ranges", "glove",
     "SELECT c.id, t.id FROM centers_plans c JOIN glove_plans t ON t.emb <<=>> sphere(c.emb, 0.25)"),
    ("toasted, nearest 10", "mnist", "SELECT id FROM mnist_plans ORDER BY emb <-> {q} LIMIT 10"),
    ("toasted, filter 10 %", "mnist", "SELECT id FROM mnist_plans WHERE bucket < 100 ORDER BY emb <-> {q} LIMIT 10"),
    ("toasted, filter 1 %, none on it", "mnist",
     "SELECT id FROM mnist_plans WHERE place < 10 ORDER BY emb <-> {q} LIMIT 10"),
    ("toasted, range of 100 rows", "mnist", "SELECT id FROM mnist_plans WHERE emb <<->> sphere({q}, {r100})"),
    ("toasted, a distance below a constant", "mnist",
     "SELECT id FROM mnist_plans WHERE emb <-> {q} < {r100} AND place < 300"),
    ("halfvec, nearest 10", "mnist", "SELECT id FROM half_plans ORDER BY emb <-> {q}::halfvec LIMIT 10"),
]

MINUTE = 60_000.0


def shape(node):
    """What tells plans apart: node types, indexes, join types and where workers take part."""
    name = node["Node Type"]
    for key in ("Index Name", "Join Type", "Relation Name"):
        if key in node:
            name += f" {node[key]}"
    inner = [shape(child) for child in node.get("Plans", [])]
    return f"{name}({', '.join(inner)})" if inner else name


def short(node):
    """The same for a reader: the scans, with what joins or gathers them."""
    inner = [short(child) for child in node.get("Plans", [])]
    kind = node["Node Type"]
    if kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan"):
        return "lean_hnsw" if node["Index Name"].endswith("_ann") else "btree"
    if kind in ("Seq Scan", "Bitmap Heap Scan", "Hash Join", "Nested Loop", "Gather", "Gather Merge"):
        name = {"Seq Scan": "scan", "Bitmap Heap Scan": "bitmap", "Gather": "parallel", "Gather Merge": "parallel"}
        name = name.get(kind, kind.lower())
        return f"{name}({', '.join(inner)})" if inner else name
    if kind in ("Sort", "Incremental Sort"):
        return f"sort({inner[0]})"
    return inner[0] if inner else kind.lower()


class Bench:
    def __init__(self, connect, rounds):
        self.db = psycopg.connect(connect, autocommit=True)
        self.rounds = rounds
        for setting in ("jit = off", "statement_timeout = '60s'", "max_parallel_workers_per_gather = 2"):
            self.db.execute(f"SET {setting}")

    def with_settings(self, off, explain):
        values = [(s, "0" if s.startswith("max") else "off") for s in off]
        with self.db.transaction():
            for name, value in values:
                self.db.execute(f"SET LOCAL {name} = {value}")
            return self.db.execute(explain).fetchone()[0][0]

    def plan(self, off, sql):
        return self.with_settings(off, f"EXPLAIN (FORMAT JSON) {sql}")["Plan"]

    def run(self, off, sql):
        try:
            done = self.with_settings(off, f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}")
        except psycopg.errors.QueryCanceled:
            return MINUTE
        return done["Planning Time"] + done["Execution Time"]

    def measure(self, statements):
        """(the chosen plans, their time, the best plans, their time, how many were tried); ms over all statements."""
        found = {}  # shapes of all statements -> (settings, plans)
        for off in FORCED:
            plans = [self.plan(off, sql) for sql in statements]
            found.setdefault(tuple(shape(p) for p in plans), (off, plans))
        times = {key: [[] for _ in statements] for key in found}
        for round_number in range(self.rounds + 1):
            for key, (off, _) in found.items():
                for i, sql in enumerate(statements):
                    taken = times[key][i]
                    if taken and round_number > 1 and max(taken) > MINUTE / 20:
                        continue  # slow plans are run twice, not more
                    taken.append(self.run(off, sql))
        # The first run of each warms up, unless it is the only one.
        total = {key: sum(statistics.median(t[1:] or t) for t in taken) for key, taken in times.items()}
        chosen = next(iter(found))
        best = min(total, key=total.get)
        return found[chosen][1], total[chosen], found[best][1], total[best], len(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connect", required=True)
    parser.add_argument("--data", required=True, help="the folder with glove and mnist")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--centers", type=int, default=4)
    parser.add_argument("--json", help="where to write the figures")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()

    centers = {}
    for name in ("glove", "mnist"):
        queries = map_vecs(f"{args.data}/{name}/query.fvecs")
        distances = map_vecs(f"{args.data}/{name}/truth.fvecs")
        # Not the first few: glove's queries are in the order of the words' frequency.
        picked = np.linspace(0, len(queries) - 1, args.centers, dtype=int)
        centers[name] = [
            {"q": "'[" + ",".join(f"{v:.9g}" for v in queries[i]) + "]'::vector",
             "r10": f"{distances[i][9] * 1.000001:.9g}", "r100": f"{distances[i][99] * 1.000001:.9g}"}
            for i in picked
        ]

    bench = Bench(args.connect, args.rounds)
    rows, figures, worst = [], [], (0.0, "none")
    for name, data_set, sql in QUERIES:
        if args.names and not any(n in name for n in args.names):
            continue
        statements = [sql.format(**c) for c in centers[data_set]] if "{q}" in sql else [sql]
        chosen, took, best, best_took, n_plans = bench.measure(statements)
        ratio = took / best_took
        worst = max(worst, (ratio, name))
        kinds = [" / ".join(dict.fromkeys(short(p) for p in plans)) for plans in (chosen, best)]
        n = len(statements)
        rows.append([name, str(n_plans), kinds[0], f"{took / n:.2f}", kinds[1], f"{best_took / n:.2f}", f"{ratio:.2f}"])
        figures.append({"query": name, "sql": sql, "plans": n_plans, "chosen": kinds[0], "chosen_ms": took / n,
                        "best": kinds[1], "best_ms": best_took / n, "ratio": ratio})
        print(f"{name}: {kinds[0]} {took / n:.2f} ms, best {kinds[1]} {best_took / n:.2f} ms", file=sys.stderr)
    print_table(["query", "plans", "chosen", "ms", "best", "ms", "chosen / best"], rows)
    print(f"\nworst: {worst[0]:.2f} ({worst[1]})")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(figures, f, indent=1)


if __name__ == "__main__":
    main()
