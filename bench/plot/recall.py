#!/usr/bin/python3
"""Recall against queries per second, from the JSON of query_bench: one line a target and series.

Up and to the right is better. A point's line is named at its right end; the swept value stands at its first
and last point. Series of a single point (an exact scan, say) are drawn as a level line. Needs Debian's
python3-matplotlib.

    bench/plot/recall.py RESULT.json... --out recall.png [--title TEXT] [--min-recall 0.8] [--latency]
"""

import argparse
import json
import sys

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib import ticker
except ImportError:
    sys.exit("recall.py needs matplotlib: apt-get install python3-matplotlib, and run it with /usr/bin/python3")

# Okabe and Ito's palette, told apart with every kind of colour vision; the first is the project's own line.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]


def read_lines(paths):
    """{line name: [(recall, result)]}, and the first file's heading."""
    lines, heading = {}, None
    for path in paths:
        with open(path, encoding="utf-8") as f:
            report = json.load(f)
        heading = heading or report
        for result in report["results"]:
            if result["recall"] is None:
                sys.exit(f"{path}: {result['series']} has no recall; run query_bench with --truth")
            name = result["target"] if result["series"] == "default" else f"{result['target']} {result['series']}"
            lines.setdefault(name, []).append((result["recall"], result))
    for points in lines.values():
        points.sort(key=lambda p: (p[0], -p[1]["qps"]))
    return lines, heading


def style(ax):
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color("#888888")
    ax.tick_params(which="both", colors="#444444", labelsize=9)
    ax.grid(True, which="major", color="#d8d8d8", linewidth=0.8)
    ax.grid(True, which="minor", axis="y", color="#eeeeee", linewidth=0.6)
    ax.set_axisbelow(True)


def plain(value, _=None):
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def spread_labels(fig, ax, labels):
    """Moves the names at the lines' ends apart, in pixels: a log axis has no even steps of its own."""
    fig.canvas.draw()
    height = 14 * fig.dpi / 72
    at = sorted(((ax.transData.transform((1, y))[1], text) for y, text in labels), key=lambda p: p[0])
    low = float("-inf")
    for y, text in at:
        y = max(y, low + height)
        low = y
        text.set_position((1.015, ax.transAxes.inverted().transform((0, y))[1]))


def hide_overlapping(texts):
    """Keeps the first of any texts that would lie over one another."""
    kept = []
    for text in texts:
        box = text.get_window_extent()
        text.set_visible(not any(box.overlaps(other) for other in kept))
        if text.get_visible():
            kept.append(box)


def draw(lines, heading, args):
    key, unit = ("p50_ms", "median latency, ms") if args.latency else ("qps", "queries per second")
    fig, ax = plt.subplots(figsize=(8.4, 5.0), dpi=150)
    style(ax)
    ax.set_yscale("log")
    labels, values, values_shown = [], [], []
    left = min((p[0] for points in lines.values() for p in points), default=0)
    left = args.min_recall if args.min_recall is not None else left - 0.03 * (1 - left) - 0.002
    for i, (name, points) in enumerate(lines.items()):
        colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
        shown = [p for p in points if p[0] >= left]
        if not shown:
            continue
        x, y = [p[0] for p in shown], [p[1][key] for p in shown]
        values += y
        if len(shown) == 1:
            ax.plot([left, x[0]], [y[0], y[0]], color=colour, linewidth=1.2, linestyle=(0, (4, 3)))
        ax.plot(x, y, color=colour, marker=marker, markersize=5.5, linewidth=2, markeredgecolor="white",
                markeredgewidth=0.8, clip_on=False, zorder=3)
        text = ax.text(1.015, 0, name, color=colour, fontsize=9.5, fontweight="bold", va="center",
                       transform=ax.transAxes)
        labels.append((y[-1], text))
        for j in sorted({0, len(shown) - 1}) if len(shown) > 1 else []:
            values_shown.append(ax.annotate(shown[j][1]["label"], (x[j], y[j]), xytext=(0, 8 if args.latency and j else -13), textcoords="offset points",
                        ha="left" if j == 0 else "right", fontsize=7.5, color=colour))
    if not values:
        sys.exit(f"no point has a recall of {left} or more")
    ax.set_xlim(left, 1)
    ax.set_ylim(min(values) / 1.7, max(values) * 1.5)
    ax.yaxis.set_major_formatter(ticker.FuncFormatter(plain))
    few_decades = max(values) / min(values) < 30
    ax.yaxis.set_minor_formatter(ticker.FuncFormatter(lambda v, _: plain(v) if few_decades and f"{v:e}"[0] in "25" else ""))
    ax.tick_params(which="minor", labelsize=8)
    ax.set_xlabel(f"recall@{heading['k']}", fontsize=10, color="#222222")
    ax.set_ylabel(unit, fontsize=10, color="#222222")
    ax.set_title(args.title if args.title is not None else heading["title"], loc="left", fontsize=12.5,
                 fontweight="bold", pad=22)
    n = heading["clients"]
    ax.text(0, 1.03, f"{heading['queries']:,} queries, {n} client{'s' if n > 1 else ''}, median of "
            f"{heading['rounds']} round{'s' if heading['rounds'] > 1 else ''}", transform=ax.transAxes, fontsize=8.5,
            color="#666666")
    spread_labels(fig, ax, labels)
    hide_overlapping(values_shown)
    fig.savefig(args.out, bbox_inches="tight", facecolor="white")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", metavar="RESULT.json")
    parser.add_argument("--out", required=True, help="a .png, .svg or .pdf file")
    parser.add_argument("--title")
    parser.add_argument("--min-recall", type=float)
    parser.add_argument("--latency", action="store_true", help="median latency instead of queries per second")
    args = parser.parse_args()
    draw(*read_lines(args.results), args)


if __name__ == "__main__":
    main()
