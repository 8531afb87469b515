"""Pictures of how a run learned, and what all pictures share. Each function draws one and says in
words what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation

from .errors import MissingInput
from .run import Run
from .theme import colour, new_figure

MOST_POINTS = 300  # of a curve over steps: more cannot be told apart
LONGEST_MODEL = 32  # characters of a chain of layers in a heading
MARKED_EPOCHS = 40  # most epochs that get a mark each
LEGEND_POINTS = 42  # from the axes to the legend below: tick labels and the axis' label lie between


@dataclass
class Picture:
    """A figure, the name of its files, and its words: a title that says what one sees, a caption
    that says what to learn from it, and `alt` for those who do not see it."""

    name: str
    title: str
    caption: str
    alt: str
    figure: Figure
    wide: bool = False  # it needs the width of the page


def percent(share: float, digits: int = 2) -> str:
    return f"{share:.{digits}%}".replace("%", "\u00a0%")


def percent_axis(axis: Any) -> None:
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:.4g} %".replace(" ", "\u00a0"))
    )


def thousands(axis: Any) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def legend_columns(labels: list[str]) -> int:
    longest = max(map(len, labels), default=0)
    return 3 if longest <= 12 else 2 if longest <= 24 else 1


def legend_below(axes: Any, lines_of: Optional[Any] = None) -> None:
    """Below the axis' label: inside, it could hide a point. As many columns as the longest word
    leaves room for. lines_of: axes whose lines it names, others than those that it stands below."""
    handles, labels = (lines_of or axes).get_legend_handles_labels()
    columns = legend_columns(labels)
    below = ScaledTranslation(0, -LEGEND_POINTS / 72, axes.figure.dpi_scale_trans)
    axes.legend(
        handles,
        labels,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=axes.transAxes + below,
        ncol=columns,
        frameon=False,
        columnspacing=1.2,
        handletextpad=0.5,
        borderaxespad=0,
    )


def epoch_axis(axes: Any, epochs: pd.Series) -> None:
    axes.set_xlabel("epoch")
    if len(epochs) == 1:
        axes.set_xticks(epochs)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))


# ---- learning ----


def _best(run: Run, name: str) -> Optional[int]:
    """The row of the best validation epoch."""
    values = run.epochs[f"val_{name}"]
    if not values.notna().any():
        return None
    return int(values.idxmin() if name == "loss" else values.idxmax())


def draw_curve(axes: Any, run: Run, name: str) -> None:
    """`name` is "loss" or "accuracy": training and validation by epoch; the best validation epoch
    is marked."""
    epochs = run.epochs
    scale = 100 if name == "accuracy" else 1
    marker = "o" if len(epochs) <= MARKED_EPOCHS else None
    style = {"marker": marker, "markersize": 5}
    axes.plot(
        epochs["epoch"], epochs[name] * scale, color=colour("blue"), label="training", **style
    )
    best = _best(run, name)
    if best is not None:
        values = epochs[f"val_{name}"] * scale
        axes.plot(epochs["epoch"], values, color=colour("orange"), label="validation", **style)
        ring = {"ms": 12, "mfc": "none", "mec": colour("orange"), "mew": 1.5, "ls": "none"}
        axes.plot(epochs["epoch"][best], values[best], "o", label="best", **ring)
    epoch_axis(axes, epochs["epoch"])
    axes.set_ylabel("accuracy" if name == "accuracy" else "loss (cross-entropy)")
    if name == "accuracy":
        percent_axis(axes.yaxis)
    legend_below(axes)


def curve(run: Run, name: str) -> Picture:
    """Loss or accuracy by epoch."""
    if not len(run.epochs):
        raise MissingInput("no epoch is complete yet")
    figure, axes = new_figure()
    draw_curve(axes, run, name)
    best, epochs = _best(run, name), run.epochs
    last = epochs.iloc[-1]
    if name == "accuracy":
        text = lambda value: percent(value)  # noqa: E731
        caption = (
            "Validation images were kept out of training: their accuracy is what to expect from new"
            " images. The training accuracy of an epoch is a mean over its batches while the"
            " network still improves, so in early epochs it is the lower one."
        )
    else:
        text = lambda value: f"{value:.4f}"  # noqa: E731
        caption = (
            "The loss is what training makes small: how little probability the network gives to the"
            " true class. When the validation loss rises while the training loss falls, the network"
            " learns its images by heart; the best weights are those before."
        )
    if best is None:
        title = f"Training {name} after {len(epochs)} epochs: {text(last[name])}"
        caption = "There is no validation set, so nothing here says how new images would do."
    else:
        row = epochs.iloc[best]
        extreme = "highest" if name == "accuracy" else "lowest"
        title = (
            f"Validation {name} is {extreme} in epoch {int(row['epoch'])}:"
            f" {text(row[f'val_{name}'])}"
        )
    alt = (
        f"Line chart of the {name} by epoch. {title}. Training {name} of the last epoch:"
        f" {text(last[name])}."
    )
    return Picture(name, title, caption, alt, figure)


def curves(run: Run) -> Picture:
    """Loss and accuracy side by side: the picture for a README or a talk."""
    if not len(run.epochs):
        raise MissingInput("no epoch is complete yet")
    figure, (left, right) = new_figure(11, 4.2, 1, 2)
    draw_curve(left, run, "loss")
    draw_curve(right, run, "accuracy")
    title = heading(run)
    return Picture("curves", title, "", f"Loss and accuracy by epoch. {title}.", figure, wide=True)


def model_words(model: str) -> str:
    """A preset's name, a short chain of layers, or how many layers a longer one has."""
    if len(model) <= LONGEST_MODEL:
        return model
    return f"model of {len([layer for layer in model.split(';') if layer.strip()])} layers"


def heading(run: Run) -> str:
    """The run in one line."""
    if run.complete:
        result = run.result
        accuracy = percent(result["test_accuracy"])
        model = model_words(result["model"])
        return f"{model} on {result['dataset']}: {accuracy} of the test images right"
    done = f"{len(run.epochs)} of {run.settings['epochs']} epochs"
    return f"{model_words(run.settings['model'])}: {done} so far"


def binned(x: npt.NDArray, y: npt.NDArray, most: int = MOST_POINTS) -> pd.DataFrame:
    """At most `most` rows: `x` and `mean`, `low`, `high` of y, over consecutive shares."""
    known = np.isfinite(y)
    x, y = np.asarray(x, float)[known], np.asarray(y, float)[known]
    parts = np.array_split(np.arange(len(x)), max(1, min(most, len(x))))
    rows = [(x[p].mean(), y[p].mean(), y[p].min(), y[p].max()) for p in parts if len(p)]
    return pd.DataFrame(rows, columns=["x", "mean", "low", "high"])


def need_steps(run: Run) -> pd.DataFrame:
    if not len(run.steps):
        raise MissingInput("no step is recorded yet")
    return run.steps


def batch_loss(run: Run) -> Picture:
    """Loss of each batch."""
    steps = need_steps(run)
    figure, axes = new_figure()
    points = binned(steps["step"].to_numpy(), steps["loss"].to_numpy())
    low = np.maximum(points["low"], 1e-6)
    axes.fill_between(
        points["x"], low, points["high"], color=colour("blue"), alpha=0.25, lw=0, label="range"
    )
    axes.plot(points["x"], points["mean"], color=colour("blue"), lw=1.5, label="mean")
    scale = ""
    if points["mean"].max() > 10 * low.min():  # over less, a logarithmic axis would have one number
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        scale = " The scale is logarithmic: each number is a tenth of the one above."
    axes.set_xlabel("optimiser step")
    axes.set_ylabel("loss of the batch")
    thousands(axes.xaxis)
    legend_below(axes)
    title = (
        f"Loss falls from {points['mean'].iloc[0]:.2f} to {points['mean'].iloc[-1]:.3g}, step by"
        " step"
    )
    caption = (
        f"One step looks at {run.settings['batch-size']:,} images and moves every weight a little."
        f" Each batch holds other images, so the loss jumps from step to step.{scale}"
    )
    return Picture(
        "steps",
        title,
        caption,
        f"Line chart of the loss over {len(steps):,} steps. {title}.",
        figure,
    )
