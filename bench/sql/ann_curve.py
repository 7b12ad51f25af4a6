#!/usr/bin/python3
"""The Markdown tables of ann.sh: builds, and the queries per second of both indexes at a wanted recall.

A curve is the points of one target in query_bench's JSON, in the order of ef_search. The speed at a recall is taken
between the first point that reaches it and the one before, log-linearly: the logarithm of queries per second over
recall. Where already the first point reaches it (10, the least that fills ten rows), its own speed is the answer and
its recall is told; where none does, the best recall is. A ratio is taken round by round, so that noise which met both
in one round cancels; the median of the rounds is quoted, with the lowest and highest one. Beside it stands the ratio
of the median query's times, taken in the same way from all rounds together: other programs on the machine, which stop
some queries for milliseconds, disturb it less.

    bench/sql/ann_curve.py [--recall 0.95] [--series TARGET=NAME]... [--builds SET=FILE.tsv]... SET=FILE.json...
"""

import argparse
import collections
import json
import math
import statistics

SERIES = {"lowdim": "lean_hnsw", "pgvector": "hnsw"}


def speed_at(recalls, speeds, wanted):
    """Queries/s at a recall, None where no point reaches it; the points in the order of ef_search."""
    for i, recall in enumerate(recalls):
        if recall < wanted:
            continue
        if i == 0:
            return speeds[0]
        share = (wanted - recalls[i - 1]) / (recall - recalls[i - 1])
        return math.exp(math.log(speeds[i - 1]) * (1 - share) + math.log(speeds[i]) * share)
    return None


def read_curves(path):
    """{target: (recalls, queries/s round by round, 1 / p50)} and the number of clients."""
    with open(path, encoding="utf-8") as f:
        report = json.load(f)
    points = collections.defaultdict(list)
    for result in report["results"]:
        ef = int(result["label"].split("=")[1])
        points[result["target"]].append((ef, result["recall"], result["qps_rounds"], 1 / result["p50_ms"]))
    curves = {}
    for target, of_target in points.items():
        of_target.sort()
        _, recalls, speeds, medians = zip(*of_target)
        curves[target] = recalls, list(zip(*speeds)), medians
    return curves, report["clients"]


def print_table(head, rows):
    print("\n| " + " | ".join(head) + " |")
    print("| --- |" + " ---: |" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def build_row(name, path):
    """The medians of a tab-separated file of target, seconds, processes and bytes."""
    builds = collections.defaultdict(list)
    with open(path, encoding="utf-8") as f:
        for line in f:
            target, seconds, processes, size = line.split("\t")
            builds[target].append((float(seconds), int(processes), int(size)))
    row, medians = [name], {}
    for target in SERIES:
        if target not in builds:
            row += ["-", "-", "-"]
            continue
        seconds, processes, size = (statistics.median(column) for column in zip(*builds[target]))
        medians[target] = seconds, size
        row += [f"{seconds:.1f}", f"{processes:g}", f"{size / 1e6:.0f}"]
    if len(medians) < 2:
        return row + ["-", "-"]
    (ours, our_size), (theirs, their_size) = medians["lowdim"], medians["pgvector"]
    return row + [f"{theirs / ours:.2f}", f"{our_size / their_size:.2f}"]


def speed_rows(name, path, wanted):
    curves, clients = read_curves(path)
    for recall in wanted:
        row, rounds, typical = [name, str(clients), f"{recall:g}"], {}, {}
        for target in SERIES:
            if target not in curves:
                row.append("-")
                continue
            recalls, by_round, medians = curves[target]
            found = [speed_at(recalls, speeds, recall) for speeds in by_round]
            if found[0] is None:
                row.append(f"not reached ({max(recalls):.4f})")
                continue
            rounds[target], typical[target] = found, speed_at(recalls, medians, recall)
            row.append(f"{statistics.median(found):.0f}" + (f" ({recalls[0]:.4f})" if recalls[0] > recall else ""))
        if len(rounds) < 2:
            yield row + ["-", "-", "-"]
            continue
        ratios = [ours / theirs for ours, theirs in zip(rounds["lowdim"], rounds["pgvector"])]
        yield row + [f"{statistics.median(ratios):.2f}", f"{min(ratios):.2f} to {max(ratios):.2f}",
                     f"{typical['lowdim'] / typical['pgvector']:.2f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curves", nargs="+", metavar="SET=FILE.json")
    parser.add_argument("--builds", action="append", default=[], metavar="SET=FILE.tsv")
    parser.add_argument("--recall", action="append", type=float, help="0.95 and 0.99 unless given")
    parser.add_argument("--series", action="append", default=[], metavar="TARGET=NAME", help="what a target shows")
    args = parser.parse_args()
    SERIES.update(word.split("=", 1) for word in args.series)
    if args.builds:
        columns = [f"{s}: {what}" for s in SERIES.values() for what in ("build s", "processes", "MB")]
        ours, theirs = SERIES["lowdim"], SERIES["pgvector"]
        print_table(["set", *columns, f"build, {theirs} / {ours}", f"size, {ours} / {theirs}"],
                    [build_row(*word.split("=", 1)) for word in args.builds])
    speeds = [f"{s} q/s" for s in SERIES.values()]
    print_table(["set", "clients", "recall@10", *speeds, "ratio", "rounds", "ratio by p50"],
                [row for word in args.curves for row in speed_rows(*word.split("=", 1), args.recall or [0.95, 0.99])])


if __name__ == "__main__":
    main()
