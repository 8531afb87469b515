"""A run as it goes, as one picture of text: for terminals, notebooks and tools/watch.py."""

from __future__ import annotations

import io
import math
import sys
from contextlib import AbstractContextManager
from typing import Any, Optional, Sequence

import numpy as np
import pandas as pd
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from . import idx
from .errors import ToolError, UsageError
from .run import Run

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII_BLOCKS = "_.-=+*#@"
RECENT_STEPS = 50  # from which the rate is taken
NOTEBOOK_COLUMNS = 88
LONGEST_NAME = 32  # of a model, in characters: a chain of layers would fill the line


# ---- numbers of a run on its way ----


def steps_of_epoch(run: Run) -> Optional[int]:
    """Steps of one epoch: known from the first whole one, or from the size of the data set; None
    where it cannot be read."""
    if len(run.epochs):
        return int(run.epochs["step"].iloc[0] // run.epochs["epoch"].iloc[0])
    settings = run.settings
    images = settings.get("limit") or 0
    if not images:
        images = _training_images(run)
    if not images:
        return None
    training = math.floor(images * (1 - settings.get("validation-split", 0)))
    return max(1, math.ceil(training / settings["batch-size"]))


def _training_images(run: Run) -> int:
    """From the labels' file of the run's data set; 0 where it cannot be found."""
    for folder in idx.folders(run.settings["data"]):
        try:
            return idx.count(folder, "train")
        except ToolError:
            continue
    return 0


def steps_in_all(run: Run) -> Optional[int]:
    of_epoch = steps_of_epoch(run)
    limit = run.settings.get("max-steps") or 0
    whole = of_epoch * run.settings["epochs"] if of_epoch else None
    return min(whole, limit) if whole and limit else whole or limit or None


def seconds_left(run: Run) -> Optional[float]:
    """About, from the rate of the newest steps; None where it is not known."""
    total, steps = steps_in_all(run), run.steps
    if run.complete:
        return 0.0
    if not total or not len(steps):
        return None
    rate = steps["images_per_second"].tail(RECENT_STEPS).median()
    if not rate > 0:
        return None
    of_step = run.settings["batch-size"] / rate
    return max(total - int(steps["step"].iloc[-1]), 0) * of_step


def duration(seconds: Optional[float]) -> str:
    """A time for people: 12 s, 3:05 min, 2:14 h."""
    if seconds is None or not math.isfinite(seconds):
        return "unknown"
    whole = int(round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole // 60 % 60:02d} h"


def layout(result: dict[str, Any]) -> str:
    """Ranks and threads in words."""
    ranks, threads = result["ranks"], result["threads"]
    return f"{ranks} rank{'s' * (ranks != 1)} x {threads} thread{'s' * (threads != 1)}"


# ---- parts of the picture ----


def sparkline(values: Sequence[float], width: int, blocks: str = BLOCKS) -> str:
    """Values as a row of at most `width` bars, each the mean of its share; the least is the lowest
    bar, the most the highest."""
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    if not len(known):
        return ""
    means = np.array([part.mean() for part in np.array_split(known, min(width, len(known)))])
    low, high = means.min(), means.max()
    if high == low:
        return blocks[len(blocks) // 2] * len(means)
    at = np.round((means - low) / (high - low) * (len(blocks) - 1)).astype(int)
    return "".join(blocks[i] for i in at)


def _head(run: Run) -> Text:
    settings = run.settings
    epoch = int(run.steps["epoch"].iloc[-1]) if len(run.steps) else 0
    step = int(run.steps["step"].iloc[-1]) if len(run.steps) else 0
    total = steps_in_all(run)
    text = Text()
    model = str(settings["model"])
    text.append(model if len(model) <= LONGEST_NAME else model[: LONGEST_NAME - 3] + "...", "bold")
    data = str(settings["data"]).rstrip("/").rsplit("/", 1)[-1]
    if run.last_result:
        data = run.last_result["dataset"]
    text.append(f" on {data}" if data else "")
    text.append(f"   epoch {epoch} of {settings['epochs']}   step {step:,}")
    text.append(f" of {total:,}" if total else "")
    if run.complete:
        text.append("   complete", style="bold green")
    elif not len(run.steps):
        text.append("   no step yet", style="yellow")
    else:
        text.append(f"   {duration(seconds_left(run))} to go", style="cyan")
    return text


def _bar(share: float, columns: int, ascii_only: bool) -> Text:
    filled = round(columns * share)
    done, rest = ("=", ".") if ascii_only else ("━", "─")
    return Text.assemble((done * filled, "cyan"), (rest * (columns - filled), "dim"))


def _curve_row(
    table: Table, name: str, values: pd.Series, form: str, width: int, ascii_only: bool
) -> None:
    known = values.dropna()
    if not len(known):
        return
    blocks = ASCII_BLOCKS if ascii_only else BLOCKS
    line = sparkline(known.to_numpy(), width, blocks)
    table.add_row(name, line, format(known.iloc[0], form), format(known.iloc[-1], form))


def _curves(run: Run, width: int, ascii_only: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", style="bold", no_wrap=True)
    table.add_column("", style="cyan", no_wrap=True, width=width)
    table.add_column("first", justify="right", no_wrap=True)
    table.add_column("now", justify="right", style="bold", no_wrap=True)
    for name, values, form in (
        ("loss, by step", run.steps["loss"], ".4f"),
        ("accuracy, by step", run.steps["accuracy"], ".2%"),
        ("validation loss", run.epochs["val_loss"], ".4f"),
        ("validation accuracy", run.epochs["val_accuracy"], ".2%"),
        ("learning rate", run.steps["learning_rate"], ".3g"),
        ("images/s", run.steps["images_per_second"], ",.0f"),
    ):
        _curve_row(table, name, values, form, width, ascii_only)
    return table


def _phases(run: Run, width: int, ascii_only: bool, wide: bool) -> Optional[Table]:
    """The newest epoch's seconds by phase; several ranks: the range over them, and who was
    slowest."""
    if not len(run.phases):
        return None
    epoch = run.phases["epoch"].iloc[-1]
    newest = run.phases[run.phases["epoch"] == epoch]
    total = newest["mean_s"].sum() or 1.0
    several = wide and bool((newest["max_s"] > newest["min_s"]).any())
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(f"phases of epoch {epoch}", no_wrap=True)
    table.add_column("", no_wrap=True, style="cyan", width=width)
    table.add_column("seconds", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    if several:
        table.add_column("over ranks", justify="right", no_wrap=True)
        table.add_column("slowest", justify="right", no_wrap=True)
    for row in newest.itertuples():
        bar = ("#" if ascii_only else "█") * round(width * row.mean_s / total)
        cells = [row.phase, bar, f"{row.mean_s:.2f}", f"{row.mean_s / total:.0%}"]
        if several:
            cells += [f"{row.min_s:.2f} to {row.max_s:.2f}", f"rank {row.rank}"]
        table.add_row(*cells)
    return table


def _foot(run: Run) -> Optional[Text]:
    if run.complete:
        result = run.result
        text = f"test accuracy {result['test_accuracy']:.2%}"
        if "ranks" in result:
            text += f"   {layout(result)}"
        return Text(f"{text}\ndigest {result['parameters_digest']}", style="green")
    if len(run.epochs) and run.epochs["val_loss"].notna().any():
        best = run.epochs.loc[run.epochs["val_loss"].idxmin()]
        return Text(f"best validation loss {best['val_loss']:.4f}, epoch {int(best['epoch'])}")
    return None


def frame(run: Run, columns: int = 80, ascii_only: bool = False) -> RenderableType:
    """The run now, at most `columns` wide."""
    width = max(10, min(40, columns - 48))
    parts: list[RenderableType] = [_head(run)]
    total = steps_in_all(run)
    if total and len(run.steps):
        done = min(int(run.steps["step"].iloc[-1]), total)
        parts.append(_bar(done / total, columns, ascii_only))
    if len(run.steps):
        parts.append(_curves(run, width, ascii_only))
    for more in (_phases(run, width // 2, ascii_only, columns >= 72), _foot(run)):
        if more is not None:
            parts.append(more)
    return Group(*parts)


# ---- where it is shown ----


class Screen(AbstractContextManager["Screen"]):
    """Shows nothing; what the others look like."""

    def show(self, run: Run) -> None:
        """Replaces the picture by the run as it is now."""

    def __exit__(self, *problem: Any) -> None:
        return None


def is_ascii(console: Console) -> bool:
    """The terminal shows nothing but ASCII."""
    return not (console.encoding or "").lower().startswith("utf")


class TerminalScreen(Screen):
    """Redraws in place."""

    def __init__(self, console: Optional[Console] = None):
        self.console = console or Console()
        self.ascii_only = is_ascii(self.console)
        self._live = Live(console=self.console, auto_refresh=False, transient=False)

    def __enter__(self) -> TerminalScreen:
        self._live.start()
        return self

    def show(self, run: Run) -> None:
        self._live.update(frame(run, self.console.width, self.ascii_only), refresh=True)

    def __exit__(self, *problem: Any) -> None:
        self._live.stop()


class NotebookScreen(Screen):
    """Updates one output of the cell; no widgets are needed."""

    FORM = (
        '<pre style="line-height:1.15;font-family:monospace;margin:0;white-space:pre;overflow-x:auto">'
        "{code}</pre>"
    )

    def __init__(self) -> None:
        from IPython import display

        self._html, self._display = display.HTML, display.display
        self._handle: Any = None

    def show(self, run: Run) -> None:
        console = Console(
            record=True,
            width=NOTEBOOK_COLUMNS,
            file=io.StringIO(),
            force_jupyter=False,
            color_system="standard",
        )
        console.print(frame(run, NOTEBOOK_COLUMNS))
        html = self._html(console.export_html(inline_styles=True, code_format=self.FORM))
        if self._handle is None:
            self._handle = self._display(html, display_id=True)
        else:
            self._handle.update(html)


def _in_notebook() -> bool:
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and type(shell).__name__ != "TerminalInteractiveShell"


def screen_of(show: str) -> Screen:
    """The screen for "auto", "notebook", "terminal" or "none"."""
    if show == "auto":
        show = "notebook" if _in_notebook() else "terminal" if sys.stdout.isatty() else "none"
    kinds = {"notebook": NotebookScreen, "terminal": TerminalScreen, "none": Screen}
    if show not in kinds:
        raise UsageError(f"show={show!r}: one of auto, {', '.join(kinds)}")
    return kinds[show]()
