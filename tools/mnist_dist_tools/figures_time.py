"""Pictures of how a run went on the machine: learning rate, throughput, phases, ranks."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from . import theme
from .errors import MissingInput
from .figures import Picture, binned, legend_below, need_steps, percent, thousands
from .run import Run
from .theme import colour, new_figure

# ---- time ----


def learning_rate(run: Run) -> Picture:
    """The learning rate of each step."""
    steps = need_steps(run)
    points = binned(steps["step"].to_numpy(), steps["learning_rate"].to_numpy())
    figure, axes = new_figure(5.0, 2.8)
    axes.plot(points["x"], points["mean"], color=colour("purple"))
    axes.set_ylim(0, max(points["mean"].max() * 1.15, 1e-12))
    axes.set_xlabel("optimiser step")
    axes.set_ylabel("learning rate")
    thousands(axes.xaxis)
    low, high = steps["learning_rate"].min(), steps["learning_rate"].max()
    if low == high:
        title = f"The learning rate stays at {high:g}"
    else:
        first, last = (float(steps["learning_rate"].iloc[i]) for i in (0, -1))
        over = f"over {high:.3g} " if high > max(first, last) else ""
        title = f"The learning rate goes from {first:.3g} {over}to {last:.3g}"
    caption = (
        "It scales the length of each step. Too large, and the loss jumps or grows; too small, and"
        " training takes longer than it must. Schedules start gently, go fast, and end with small"
        " steps."
    )
    return Picture(
        "rate", title, caption, f"Line chart of the learning rate by step. {title}.", figure
    )


def throughput(run: Run) -> Picture:
    """Training images per second."""
    steps = need_steps(run)
    points = binned(steps["step"].to_numpy(), steps["images_per_second"].to_numpy(), 120)
    figure, axes = new_figure(5.0, 2.8)
    axes.plot(points["x"], points["mean"], color=colour("green"), lw=1.5, label="steps")
    begin = 0
    for row in run.epochs.itertuples():
        label = "mean of an epoch" if not begin else None
        axes.hlines(
            row.images_per_second, begin, row.step, color=colour("orange"), lw=2, label=label
        )
        begin = row.step
    axes.set_ylim(0, None)
    axes.set_xlabel("optimiser step")
    axes.set_ylabel("images/s")
    thousands(axes.xaxis)
    thousands(axes.yaxis)
    legend_below(axes)
    median = steps["images_per_second"].median()
    title = f"{median:,.0f} training images a second (median)"
    caption = (
        "How fast the steps went. It depends on the machine and on what else ran there, never the"
        " result: on any number of ranks and threads the weights are the same to the last bit."
    )
    return Picture(
        "speed", title, caption, f"Line chart of images per second by step. {title}.", figure
    )


PHASE_COLOURS = {
    "forward": "blue",
    "backward": "orange",
    "exchange": "green",
    "update": "purple",
    "other": "black",
}


def _stack(axes: Any, rows: list[str], table: pd.DataFrame) -> None:
    """Horizontal bars, a row each, of the columns one after another."""
    begin, spare = np.zeros(len(table)), itertools.cycle(theme.SERIES[:-1])
    for phase in table.columns:
        hue = PHASE_COLOURS.get(str(phase)) or next(spare)
        axes.barh(rows, table[phase], 0.7, left=begin, color=colour(hue), label=phase, lw=0)
        begin += table[phase].to_numpy()
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    legend_below(axes)


def phases(run: Run) -> Picture:
    """Seconds of each epoch by phase: the mean over ranks."""
    table = run.phases
    if not len(table):
        raise MissingInput("no epoch is complete yet")
    means = table.pivot(index="epoch", columns="phase", values="mean_s")[
        list(dict.fromkeys(table["phase"]))
    ]
    means = means.tail(12)
    figure, axes = new_figure(5.0, 1.9 + 0.26 * len(means))
    _stack(axes, [f"epoch {e}" for e in means.index], means)
    axes.set_xlabel("seconds, mean over ranks")
    shares = means.sum() / means.to_numpy().sum()
    longest = shares.idxmax()
    spread = table.groupby("phase")[["min_s", "max_s"]].sum()
    ranks = " All ranks took the same time."
    if (spread["max_s"] > spread["min_s"] * 1.02).any():
        worst = (spread["max_s"] - spread["min_s"]).idxmax()
        low, high = spread.loc[worst]
        ranks = (
            f" Ranks differ most in {worst}: {low:.2f} s on the fastest, {high:.2f} s on the"
            " slowest, over all epochs."
        )
    elif (run.last_result or {}).get("ranks", 1) == 1:
        ranks = ""
    title = f"{percent(shares[longest], 0)} of the training time is {longest}"
    caption = (
        "Forward: from images to answers. Backward: from errors to gradients. Exchange: ranks add"
        f" up their gradients. Update: the optimiser moves the weights.{ranks}"
    )
    return Picture(
        "phases", title, caption, f"Stacked bars of seconds by phase and epoch. {title}.", figure
    )


OUTSIDE_STEPS = {"epoch", "validation", "test", "checkpoint", "step"}


def ranks(run: Run) -> Picture:
    """Seconds of each rank by phase, from the trace."""
    spans = run.profile
    inner = spans[(spans["step"] > 0) & ~spans["phase"].isin(OUTSIDE_STEPS)]
    threads = spans.groupby("rank")["thread"].nunique()
    table = inner.pivot_table(
        index="rank", columns="phase", values="seconds", aggfunc="sum", fill_value=0
    )
    table = table.div(threads, axis=0)
    order = table.sum().sort_values(ascending=False).index
    small = [p for p in order if table[p].sum() < 0.01 * table.to_numpy().sum()]
    shown = table[[p for p in order if p not in small]].copy()
    if small:
        shown["other"] = table[small].sum(axis=1)
    shown = shown.head(32)
    figure, axes = new_figure(5.0, 2.2 + 0.26 * len(shown))
    _stack(axes, [f"rank {r}" for r in shown.index], shown)
    axes.set_xlabel("seconds of a thread in its steps, mean over threads")
    legend_below(axes)
    share = shown.sum() / shown.to_numpy().sum()
    longest = share.idxmax()
    doing = "waiting for each other" if longest == "wait" else f"in {longest}"
    title = f"Ranks spend {percent(share[longest], 0)} of their steps {doing}"
    caption = (
        "All ranks do the same steps together, so a rank that is done early waits for the others:"
        " long waiting on some ranks says that another one has more work, or shares its core."
    )
    return Picture(
        "ranks",
        title,
        caption,
        f"Stacked bars of seconds by phase for {len(shown)} ranks. {title}.",
        figure,
    )
