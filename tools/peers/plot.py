"""plot.py RESULTS.json PICTURE.png: images/s of the training section, a panel a model; whiskers from lowest to highest round.

Needs matplotlib, so it is a program of its own: the race runs it with a Python that has it.
"""
from __future__ import annotations

import json
import sys
from typing import Any

import matplotlib

matplotlib.use("Agg")  # no display needed
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: E402

OURS = "#c8102e"
# One hue a framework, its variants lighter; bf16 is hatched.
HUES = {
    "PyTorch": ["#1f4e79", "#4a86b8", "#9cc3e0"],
    "Keras on TensorFlow": ["#b35900", "#f2a65a"],
    "Keras on JAX": ["#3b7d4f"],
}
BF16 = ", bf16"  # ends the name of such a contender
HATCH = "////"
GROUP_WIDTH = 0.84
LEGEND_COLUMNS = 3


def colours(names: list[str]) -> dict[str, str]:
    chosen, used = {}, {family: 0 for family in HUES}
    for name in names:
        family = next((family for family in HUES if name.startswith(family)), None)
        if family is None:
            chosen[name] = OURS
            continue
        if name.endswith(BF16) and name.removesuffix(BF16) in chosen:
            chosen[name] = chosen[name.removesuffix(BF16)]
            continue
        shades = HUES[family]
        chosen[name] = shades[used[family] % len(shades)]
        used[family] += 1
    return chosen


def style(name: str, colour: dict[str, str]) -> dict[str, Any]:
    return {"facecolor": colour[name], "hatch": HATCH if name.endswith(BF16) else None, "edgecolor": "white", "linewidth": 0}


def draw_panel(axes: Any, groups: list[dict[str, Any]], colour: dict[str, str]) -> None:
    """The batches of one model."""
    for place, group in enumerate(groups):
        rows = [row for row in group["rows"] if "median" in row]
        width = GROUP_WIDTH / max(1, len(rows))
        for i, row in enumerate(rows):
            x = place - GROUP_WIDTH / 2 + (i + 0.5) * width
            axes.bar(x, row["median"], 0.9 * width, zorder=2, **style(row["name"], colour))
            spread = [[row["median"] - row["low"]], [row["high"] - row["median"]]]
            axes.errorbar(x, row["median"], spread, color="#222222", lw=0.9, capsize=2, zorder=3)
            if row["ours"] and group["comparisons"]:
                text = f"×{group['comparisons'][0]['ratio']:.1f}"
                axes.annotate(
                    text, (x, row["high"]), (0, 4), textcoords="offset points", ha="center", color=OURS, weight="bold"
                )
    axes.set_title(groups[0]["model"].upper(), loc="left", weight="bold", fontsize=11)
    axes.set_xticks(range(len(groups)), [f"batch {group['batch_size']}" for group in groups])
    axes.tick_params(axis="x", length=0)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(axis="y", color="#dddddd", lw=0.8, zorder=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.margins(y=0.12)


def draw(results: dict[str, Any], path: str) -> None:
    groups = [group for group in results["groups"] if group["section"] == "training"]
    models = list(dict.fromkeys(group["model"] for group in groups))
    names = list(dict.fromkeys(row["name"] for group in groups for row in group["rows"] if "median" in row))
    colour = colours(names)
    rows = -(-len(names) // LEGEND_COLUMNS)
    height = 4.2 + 0.25 * rows
    figure, panels = plt.subplots(1, len(models), figsize=(max(9.0, 1.5 + 4.2 * len(models)), height), squeeze=False)
    for axes, model in zip(panels[0], models):
        draw_panel(axes, [group for group in groups if group["model"] == model], colour)
    panels[0][0].set_ylabel("images/s, whole training steps")
    box = results["machine"]
    title = f"Training on MNIST, {box['cores']} cores of {box['cpu']}"
    figure.suptitle(title, x=0.01, y=0.985, ha="left", fontsize=12)
    note = (
        f"{results['date']}; median of {results['settings']['rounds']} interleaved rounds, whiskers: lowest and highest; "
        "×: mnist_dist over the fastest peer of any precision"
    )
    figure.text(0.01, 0.905, note, fontsize=8.5, color="#555555")
    handles = [plt.Rectangle((0, 0), 1, 1, **style(name, colour)) for name in names]
    figure.legend(handles, names, loc="lower center", ncol=min(len(names), LEGEND_COLUMNS), frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, (0.15 + 0.25 * rows) / height, 1, 0.9))
    figure.savefig(path, dpi=150)


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        draw(json.load(file), sys.argv[2])


main()
