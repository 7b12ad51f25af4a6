#!/usr/bin/python3
"""A Markdown table of query_bench's JSON: a row for each title and setting, both indexes side by side.

With --reference TITLE the recall of every row less that of the same setting under TITLE is added, in points, and
below the table for each index and setting the spread: the highest recall of all titles less the lowest. With
--notes FILE.tsv (title, setting, target, note) a note is put beside each index's figures, its plan for one.
Called by ann_filter.sh, ann_churn.sh and ann_order.sh.

    bench/sql/ann_rows.py [--reference TITLE] [--notes FILE.tsv] FILE.json...
"""

import argparse
import json

from ann_curve import SERIES, print_table


def setting_of(result):
    return result["series"] if result["label"] == result["series"] else f"{result['series']} {result['label']}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE.json")
    parser.add_argument("--reference", metavar="TITLE")
    parser.add_argument("--notes", metavar="FILE.tsv")
    args = parser.parse_args()

    found, notes = {}, {}
    for path in args.files:
        with open(path, encoding="utf-8") as f:
            report = json.load(f)
        for result in report["results"]:
            found[report["title"], setting_of(result), result["target"]] = result
    if args.notes:
        with open(args.notes, encoding="utf-8") as f:
            notes = {tuple(line.rstrip("\n").split("\t")[:3]): line.rstrip("\n").split("\t")[3] for line in f}

    what = ["recall", "rows", "p50 ms"] + ["points"] * bool(args.reference) + ["plan"] * bool(args.notes)
    rows = []
    for title, setting in dict.fromkeys(key[:2] for key in found):
        row, p50 = [title, setting], []
        for target in SERIES:
            result = found.get((title, setting, target))
            if result is None:
                row += ["-"] * len(what)
                continue
            p50.append(result["p50_ms"])
            row += [f"{result['recall']:.4f}", f"{result['rows']:.1f}", f"{result['p50_ms']:.3f}"]
            if args.reference:
                base = found.get((args.reference, setting, target))
                row.append(f"{100 * (result['recall'] - base['recall']):+.2f}" if base else "-")
            if args.notes:
                row.append(notes.get((title, setting, target), "-"))
        rows.append(row + [f"{p50[1] / p50[0]:.2f}" if len(p50) == 2 else "-"])
    print_table(["", "setting", *(f"{s}: {w}" for s in SERIES.values() for w in what), "time, hnsw / lean_hnsw"], rows)

    if args.reference:
        print()
        for target, setting in dict.fromkeys((key[2], key[1]) for key in found):
            recalls = [r["recall"] for key, r in found.items() if key[1:] == (setting, target)]
            spread = 100 * (max(recalls) - min(recalls))
            print(f"{SERIES.get(target, target)}, {setting}: recall spread {spread:.2f} points")


if __name__ == "__main__":
    main()
