"""report.html of several runs: their curves over each other, and a table."""

from __future__ import annotations

from typing import Any, Callable

import pandas as pd

from . import page, theme
from .errors import MissingInput
from .figures import Picture, epoch_axis, legend_below, percent, percent_axis
from .live import duration, layout
from .page import Section, escape
from .run import Run, history_of
from .theme import colour, new_figure

MOST_COLOURED = len(theme.SERIES)  # runs: of more, no colours would be told apart
PLACE = {
    "threads",
    "out",
    "share",
    "eval-on",
    "progress",
    "profile",
    "isa",
    "resume",
    "resume-from",
    "checkpoint-every",
    "keep",
    "time-limit",
    "time-margin",
}  # settings that never change the result


def names_of(runs: list[Run]) -> list[str]:
    """The folders' names; paths where two are the same."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.path) for run in runs]


def hue_of(index: int, runs: int) -> str:
    """A colour for each run while there are few."""
    return theme.SERIES[index] if runs <= MOST_COLOURED else "blue"


def overlaid(runs: list[Run], name: str) -> Picture:
    """Loss or accuracy by epoch of all runs: validation where there is one, with the training faint
    behind."""
    history = history_of(runs)
    if not len(history):
        raise MissingInput("no epoch of any run is complete yet")
    column = f"val_{name}" if history[f"val_{name}"].notna().any() else name
    scale, few = (100 if name == "accuracy" else 1), len(runs) <= MOST_COLOURED
    figure, axes = new_figure(5.0, 3.6)
    for i, (run, label) in enumerate(zip(runs, names_of(runs))):
        hue = colour(hue_of(i, len(runs)))
        if few and column != name:
            axes.plot(
                run.epochs["epoch"], run.epochs[name] * scale, "--", lw=1, alpha=0.6, color=hue
            )
        style = (
            {"marker": "o", "ms": 4} if few and len(run.epochs) <= 40 else {"lw": 1, "alpha": 0.6}
        )
        axes.plot(run.epochs["epoch"], run.epochs[column] * scale, color=hue, label=label, **style)
    epoch_axis(axes, history["epoch"].drop_duplicates())
    kind = "validation" if column != name else "training"
    axes.set_ylabel(f"{kind} {name}")
    if name == "accuracy":
        percent_axis(axes.yaxis)
    if few:
        legend_below(axes)
    best = history.loc[history[column].idxmax() if name == "accuracy" else history[column].idxmin()]
    value = percent(best[column]) if name == "accuracy" else f"{best[column]:.4f}"
    extreme = "Highest" if name == "accuracy" else "Lowest"
    title = f"{extreme} {kind} {name}: {value}, {best['run']} in epoch {int(best['epoch'])}"
    caption = "Solid lines are images that were kept out of training"
    caption += ", dashed ones the training images." if few else "; each line is a run."
    if column == name:
        caption = "The runs have no validation set: these are the training images."
    return Picture(
        name,
        title,
        caption,
        f"Line chart of the {kind} {name} of {len(runs)} runs. {title}.",
        figure,
    )


def speeds(runs: list[Run]) -> Picture:
    """Training images per second of each run: median and middle half of its steps."""
    quartiles = [
        run.steps["images_per_second"].quantile([0.25, 0.5, 0.75]).to_list() for run in runs
    ]
    if not any(len(run.steps) for run in runs):
        raise MissingInput("no step of any run is recorded yet")
    figure, axes = new_figure(5.0, min(12, 1.7 + 0.3 * len(runs)))
    at = range(len(runs))
    for i, (low, middle, high) in enumerate(quartiles):
        hue = colour(hue_of(i, len(runs)))
        axes.plot([low, high], [i, i], color=hue, lw=5, alpha=0.35, solid_capstyle="round")
        axes.plot(middle, i, "o", ms=8, color=hue)
    axes.set_yticks(list(at), names_of(runs))
    axes.set_ylim(len(runs) - 0.5, -0.5)
    axes.set_xlim(0, None)
    axes.set_xlabel("training images a second")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    fastest = max(
        range(len(runs)), key=lambda i: quartiles[i][1] if quartiles[i][1] == quartiles[i][1] else 0
    )
    title = f"{names_of(runs)[fastest]} was fastest: {quartiles[fastest][1]:,.0f} images a second"
    caption = (
        "The dot is the median of the run's steps, the bar holds their middle half. Speed depends"
        " on the machine and on what else ran there: compare runs of the same machine."
    )
    return Picture(
        "speed",
        title,
        caption,
        f"Dot chart of images per second of {len(runs)} runs. {title}.",
        figure,
    )


def summary(runs: list[Run]) -> pd.DataFrame:
    """A row for each run, its figures as numbers."""
    rows = []
    for run, name in zip(runs, names_of(runs)):
        result = run.result if run.complete else {}
        rows.append(
            {
                "run": name,
                "model": run.settings["model"],
                "epochs": len(run.epochs),
                "test accuracy": result.get("test_accuracy"),
                "test loss": result.get("test_loss"),
                "seconds": result.get("seconds"),
                "images/s": result.get("images_per_second"),
                "layout": layout(result) if "ranks" in result else None,
                "digest": result.get("parameters_digest"),
            }
        )
    return pd.DataFrame(rows)


def settings_that_differ(runs: list[Run]) -> pd.DataFrame:
    """Settings [setting, run...] that are not the same in all runs, without those that never change
    the result."""
    names = [name for name in runs[0].settings if name not in PLACE]
    rows = []
    for name in names:
        values = [run.settings.get(name) for run in runs]
        if any(value != values[0] for value in values):
            rows.append([name, *values])
    return pd.DataFrame(rows, columns=["setting", *names_of(runs)])


class ComparisonPage:
    """The page of several runs. `keep` is called with each picture when it is ready."""

    def __init__(self, runs: list[Run], keep: Callable[[Picture], None]):
        self.runs, self._keep = runs, keep

    def _part(self, what: str, draw: Callable[[], Picture]) -> str:
        try:
            picture = draw()
        except MissingInput as error:
            return page.missing(what, f"{error}.")
        part = page.figure(picture)
        self._keep(picture)
        return part

    def _table(self) -> str:
        table = summary(self.runs)
        shown = table.copy()
        best = {}
        if table["test accuracy"].notna().any():
            best["test accuracy"] = percent(table["test accuracy"].max())
            best["test loss"] = f"{table['test loss'].min():.4f}"
        forms: dict[str, Callable[[Any], str]] = {
            "test accuracy": percent,
            "test loss": lambda v: f"{v:.4f}",
            "seconds": duration,
            "images/s": lambda v: f"{v:,.0f}",
            "digest": lambda v: f"<code>{escape(v)[:12]}</code>",
        }
        for column, form in forms.items():
            shown[column] = ["not complete" if pd.isna(v) else form(v) for v in table[column]]
        shown["layout"] = table["layout"].fillna("")
        shown["run"] = [
            '<span class="swatch"'
            f' style="background:var(--{hue_of(i, len(self.runs))})"></span>{escape(name)}'
            for i, name in enumerate(table["run"])
        ]
        return (
            '<div class="panel'
            f' wide"><h3>{escape(self._same())}</h3>{page.data_table(shown, best)}</div>'
        )

    def _same(self) -> str:
        """What the digests say."""
        digests = summary(self.runs)["digest"].dropna()
        if len(digests) < 2:
            return "The runs"
        different = digests.nunique()
        if different == 1:
            return f"All {len(digests)} complete runs ended with the same bits"
        return f"{len(digests)} complete runs, {different} different results"

    def html(self) -> str:
        """The whole page."""
        runs = self.runs
        parts = [
            self._table(),
            self._part("accuracy", lambda: overlaid(runs, "accuracy")),
            self._part("loss", lambda: overlaid(runs, "loss")),
            self._part("throughput", lambda: speeds(runs)),
        ]
        differing = settings_that_differ(runs)
        if len(differing):
            table = page.data_table(differing)
            words = "Settings that can change the result, where the runs do not agree."
        else:
            table, words = "", "All settings that can change the result are the same."
        parts.append(
            f'<div class="panel"><h3>What was set differently</h3>{table}<p>{words}</p></div>'
        )
        title = f"{len(runs)} runs beside each other"
        head = (
            f'<h1>{escape(title)}</h1><p class="quiet">Equal digests mean equal weights, to the'
            " last bit.</p>"
        )
        intro = "A run's colour is the same in the table and in all pictures."
        if len(runs) > MOST_COLOURED:
            intro = f"With more than {MOST_COLOURED} runs, all have the same colour."
        foot = "Drawn by tools/report.py of mnist_dist."
        return page.page(title, head, [Section("runs", "Comparison", intro, parts)], foot)
