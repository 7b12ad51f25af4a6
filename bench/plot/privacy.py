#!/usr/bin/python3
"""Errors of private sketches against epsilon and against the number of dimensions, from the JSON of privacy_error.

Three panels: the mean absolute error of a mean kernel for three ways to release it; that of sums of l1 distances for
the vectors of a set, over the mean sum; and that of the sums against the number of dimensions at epsilon 0.1, with
the slopes d and d^1.5 for the eye. Down is better. Needs Debian's python3-matplotlib.

    bench/plot/privacy.py RESULT.json --out privacy.png
"""

import argparse
import json

from recall import COLOURS, MARKERS, plt, style

KDE_LINES = {"gaussian": "Gaussian noise, 4,096 pairs", "laplace": "Laplace noise, best number of pairs",
             "lsq": "quantization (LSQ-RFF), best number of features"}


def draw(ax, x, y, i, label):
    ax.plot(x, y, color=COLOURS[i], marker=MARKERS[i], markersize=5, linewidth=1.6, label=label)


def finish(ax, title, x_label, y_label):
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_title(title, fontsize=10, loc="left", color="#222222")
    ax.set_xlabel(x_label, fontsize=9, color="#444444")
    ax.set_ylabel(y_label, fontsize=9, color="#444444")
    style(ax)
    ax.legend(fontsize=8, frameon=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    with open(args.result, encoding="utf-8") as f:
        report = json.load(f)

    fig, axes = plt.subplots(1, 3, figsize=(13, 4.2), constrained_layout=True)
    for i, (method, label) in enumerate(KDE_LINES.items()):
        points = [p for p in report["kde"] if p["method"] == method]
        draw(axes[0], [p["epsilon"] for p in points], [p["error"] for p in points], i, label)
    axes[0].axhline(report["mean_kernel"], color="#999999", linewidth=1, linestyle=":")
    axes[0].annotate("mean kernel", (report["kde"][0]["epsilon"], report["mean_kernel"]), fontsize=8, color="#777777",
                     va="bottom")
    finish(axes[0], f"Kernel density, {report['kde_rows']:,} rows of {report['kde_dims']} dimensions", "epsilon",
           "mean absolute error")

    points = [p for p in report["distances"] if p["data"] == "set"] or report["distances"][-1:]
    for i, (key, label) in enumerate({"gaussian": "Gaussian noise", "laplace": "Laplace noise"}.items()):
        draw(axes[1], [p["epsilon"] for p in points], [p[key] / p["mean_sum"] for p in points], i, label)
    for key, label in {"gaussian_theory": "deviation of Gaussian noise, theory",
                       "backurs": "Backurs et al., without a constant"}.items():
        axes[1].plot([p["epsilon"] for p in points], [p[key] / p["mean_sum"] for p in points], color="#777777",
                     linewidth=1, linestyle="--" if key == "backurs" else ":", label=label)
    finish(axes[1], f"Sums of l1 distances, {points[0]['rows']:,} rows of {points[0]['dims']} dimensions", "epsilon",
           "mean error / sum")

    points = [p for p in report["distances"] if p["data"] == "uniform" and p["epsilon"] == 0.1]
    dims = [p["dims"] for p in points]
    for i, (key, label) in enumerate({"gaussian": "Gaussian noise", "laplace": "Laplace noise"}.items()):
        draw(axes[2], dims, [p[key] for p in points], i, label)
        slope = [points[0][key] * (d / dims[0]) ** (1 if key == "gaussian" else 1.5) for d in dims]
        axes[2].plot(dims, slope, color=COLOURS[i], linewidth=1, linestyle=":")
    finish(axes[2], "The same at epsilon 0.1; dotted: d and d^1.5", "dimensions", "mean absolute error of a sum")
    fig.savefig(args.out, dpi=150)


if __name__ == "__main__":
    main()
