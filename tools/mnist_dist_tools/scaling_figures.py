"""Pictures of a scaling study: speed-up, efficiency, time of a step, time by phase."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Optional

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from . import theme
from .errors import MissingInput
from .figures import LONGEST_MODEL, Picture, legend_below, percent, percent_axis
from .figures_time import PHASE_COLOURS
from .scaling import PHASES, SIMULATED, STRONG, Study
from .theme import colour, new_figure

MOST_TICKS = 9
MOST_BARS = 16

INTERVAL_WORDS = "Bars are 95 % intervals of the median over repetitions (bootstrap)."


def series_words(model: str, size: int, rule: str) -> str:
    """cnn, batch 128: or of a long chain of layers its begin."""
    name = model if len(model) <= LONGEST_MODEL else model[: LONGEST_MODEL - 1] + "…"
    return f"{name}, batch {size:,}" + ("" if rule == STRONG else " a rank")


def series_of(study: Study) -> Iterator[tuple[str, pd.DataFrame]]:
    """The series by name."""
    for (model, size), points in study.points.groupby(["model", "size"], sort=False):
        yield series_words(model, size, study.rule), points


def is_simulated(study: Study) -> bool:
    return study.source == SIMULATED


# ---- over workers ----


def _worker_axis(axes: Any, workers: pd.Series) -> None:
    """Powers of two lie equally far apart."""
    values = sorted(set(workers))
    axes.set_xscale("log", base=2)
    if len(values) > MOST_TICKS:
        values = [v for v in values if float(np.log2(v)).is_integer()]
        values = values[:: -(-len(values) // MOST_TICKS)]
    axes.xaxis.set_major_locator(FixedLocator(values))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    first, last = min(workers), max(workers)
    axes.set_xlim(first / 1.18, last * 1.18)
    axes.set_xlabel("workers (ranks x threads)")


def _draw_series(axes: Any, points: pd.DataFrame, column: str, hue: str, label: str) -> None:
    """A line through the layouts with the threads of the base case; others are squares. Points with
    more workers than cores are hollow."""
    threads = int(points.loc[points["base"], "threads"].iloc[0])
    usual = points[points["threads"] == threads].sort_values("workers")
    axes.plot(usual["workers"], usual[column], color=hue, label=label, lw=1.8)
    low, high = points[f"{column}_low"], points[f"{column}_high"]
    errors = np.clip([points[column] - low, high - points[column]], 0, None)
    axes.errorbar(
        points["workers"], points[column], errors, color=hue, ls="none", lw=1.4, capsize=4
    )
    for point in points.itertuples():
        face = colour("card") if point.oversubscribed else hue
        axes.plot(
            point.workers,
            getattr(point, column),
            "o" if point.threads == threads else "s",
            ms=7,
            mfc=face,
            mec=hue,
            mew=1.6,
        )


def _cores_line(axes: Any, study: Study) -> str:
    """A line where the workers begin to outnumber the cores; the words for it."""
    points = study.points
    if not points["oversubscribed"].any():
        return ""
    cores = points.loc[points["oversubscribed"], "cores"].max()
    axes.axvline(cores, color=colour("muted"), ls=":", lw=1.4, label=f"{cores:,} cores")
    return " Hollow points have more workers than cores: they cannot reach the ideal."


def _marks_words(study: Study) -> str:
    points = study.points
    threads = points[points["base"]].set_index(["model", "size"])["threads"]
    own = [threads[(row.model, row.size)] for row in points.itertuples()]
    return (
        " Squares have another number of threads a rank."
        if (points["threads"] != own).any()
        else ""
    )


def _over_workers(
    study: Study, column: str, ideal: Callable[[Any, pd.DataFrame], None]
) -> tuple[Any, Any, str]:
    figure, axes = new_figure(5.0, 3.6)
    for number, (label, points) in enumerate(series_of(study)):
        hue = colour(theme.SERIES[number % len(theme.SERIES)])
        _draw_series(axes, points, column, hue, label)
    ideal(axes, study.points)
    words = _cores_line(axes, study) + _marks_words(study)
    _worker_axis(axes, study.points["workers"])
    if is_simulated(study):
        words += " These times are simulated, not measured."
    return figure, axes, words


def best_point(study: Study) -> pd.Series:
    """The point with the largest speed-up."""
    return study.points.loc[study.points["speedup"].idxmax()]


def named(point: pd.Series) -> str:
    name = point["model"]
    short = name if len(name) <= LONGEST_MODEL else "the model"
    return f"{short} on {point['layout']}"


def speedup(study: Study) -> Picture:
    def ideal(axes: Any, points: pd.DataFrame) -> None:
        line = points.sort_values("ideal_speedup")
        axes.plot(
            line["workers"],
            line["ideal_speedup"],
            "--",
            color=colour("muted"),
            lw=1.4,
            label="ideal",
            zorder=1,
        )

    figure, axes, words = _over_workers(study, "speedup", ideal)
    axes.set_yscale("log", base=2)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}"))
    axes.set_ylabel("speed-up over the base case")
    legend_below(axes)
    best = best_point(study)
    title = f"Largest speed-up: {best['speedup']:.2f} of {best['ideal_speedup']:g}, {named(best)}"
    caption = (
        "How many times as many images a second as the base case. Ideal: as many times as it has"
        f" workers. {INTERVAL_WORDS}{words}"
    )
    return Picture(
        "speedup", title, caption, f"Line chart of speed-up over workers. {title}.", figure
    )


def efficiency(study: Study) -> Picture:
    def ideal(axes: Any, points: pd.DataFrame) -> None:
        axes.axhline(100, ls="--", color=colour("muted"), lw=1.4, label="ideal", zorder=1)

    shown = Study(study.rule, study.repetitions, study.source, study.about, study.base)
    points = study.points.copy()
    for column in ("efficiency", "efficiency_low", "efficiency_high"):
        points[column] *= 100
    shown.points = points
    figure, axes, words = _over_workers(shown, "efficiency", ideal)
    axes.set_ylim(0, max(110, points["efficiency_high"].max() * 1.05))
    axes.set_ylabel("efficiency")
    percent_axis(axes.yaxis)
    legend_below(axes)
    fair = study.points[~study.points["oversubscribed"] & ~study.points["base"]]
    least = (fair if len(fair) else study.points)["efficiency"]
    worst = study.points.loc[least.idxmin()]
    title = f"Efficiency is {percent(worst['efficiency'], 0)} on {worst['layout']}"
    if len(fair) > 1:
        title = f"Efficiency is at least {percent(worst['efficiency'], 0)}, {named(worst)}"
        if study.points["oversubscribed"].any():
            title += ", where each worker has a core"
    caption = f"Speed-up over the ideal one. {INTERVAL_WORDS}{words}"
    return Picture(
        "efficiency", title, caption, f"Line chart of efficiency over workers. {title}.", figure
    )


def step_time(study: Study) -> Picture:
    """Time against size."""

    def ideal(axes: Any, _points: pd.DataFrame) -> None:
        for number, (_, points) in enumerate(series_of(study)):
            base = points[points["base"]].iloc[0]
            line = points.sort_values("workers")
            work = line["batch"] / base["batch"]
            axes.plot(
                line["workers"],
                base["step_ms"] * work / line["ideal_speedup"],
                "--",
                color=colour("muted"),
                lw=1.2,
                zorder=1,
                label="ideal" if not number else None,
            )

    figure, axes, words = _over_workers(study, "step_ms", ideal)
    axes.set_yscale("log", base=2)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.3g} ms"))
    axes.set_ylabel("time of a step")
    legend_below(axes)
    least = study.points.loc[study.points["step_ms"].idxmin()]
    title = f"A step takes {least['step_ms']:.3g} ms at least, {named(least)}"
    rule = (
        "All layouts compute the same batch, so ideally twice the workers take half the time."
        if study.rule == STRONG
        else "The batch of a rank stays, so ideally a step takes as long on any number of ranks."
    )
    caption = f"{rule} {INTERVAL_WORDS}{words}"
    return Picture(
        "time", title, caption, f"Line chart of step time over workers. {title}.", figure
    )


# ---- phases ----


def phases(number: int, label: str, points: pd.DataFrame) -> Picture:
    """Stacked bars: where a rank's time goes in a step, by layout. number: of the series."""
    known = [name for name in PHASES if name in points and points[name].notna().any()]
    if not known:
        raise MissingInput("the times of the phases are not known")
    table = points.set_index("layout")[known].tail(MOST_BARS)
    figure, axes = new_figure(5.0, 1.9 + 0.3 * len(table))
    begin = np.zeros(len(table))
    for name in known:
        phase = name.removesuffix("_ms")
        width = table[name].to_numpy()
        axes.barh(
            table.index,
            width,
            0.7,
            left=begin,
            color=colour(PHASE_COLOURS[phase]),
            label=phase,
            lw=0,
        )
        begin += width
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("milliseconds of a step, mean over ranks")
    legend_below(axes)
    last = table.iloc[-1]
    share = last["exchange_ms"] / last.sum() if "exchange_ms" in last else 0.0
    title = f"{label}: exchange takes {percent(share, 0)} of a step on {table.index[-1]}"
    caption = (
        "Exchange is waiting for other ranks, moving partial sums and parameters, and summing; the"
        " table of efficiencies says which of these. Other: choosing samples, packing parameters."
    )
    return Picture(
        f"phases-{number}",
        title,
        caption,
        f"Stacked bars of step time by phase and layout. {title}.",
        figure,
    )


def error(study: Study) -> Optional[Picture]:
    """Of a simulation: how far predictions are from measurements, where both are known."""
    points = study.points
    if "error_percent" not in points or not points["error_percent"].notna().any():
        return None
    known = points.dropna(subset=["error_percent"])
    figure, axes = new_figure(5.0, 1.7 + 0.3 * len(known))
    names = [f"{row.model} {row.layout}" for row in known.itertuples()]
    axes.barh(names, known["error_percent"], 0.6, color=colour("orange"), lw=0)
    axes.axvline(0, color=colour("ink"), lw=1)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("simulated over measured step, error in %")
    worst = known["error_percent"].abs().max()
    title = f"Predictions are within {worst:.1f} % of the measured steps"
    caption = "Each layout was measured, too, but not used to calibrate the simulation."
    return Picture("error", title, caption, f"Bars of the error of predictions. {title}.", figure)
