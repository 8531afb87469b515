"""Pictures of what a run answered to the test set: errors and probabilities."""

from __future__ import annotations

import math
import textwrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from matplotlib.colors import LogNorm
from matplotlib.ticker import MaxNLocator, NullFormatter

from . import theme
from .errors import MissingInput
from .figures import Picture, draw_curve, heading, legend_below, percent, percent_axis, thousands
from .predictions import BINS, Predictions
from .run import Run
from .theme import colour, new_figure

MOST_ANNOTATED = 10  # classes: with more, numbers in the cells would be too small to read
MOST_LABELLED = 30
LEAST_SHARE = 1e-3  # the confusion matrix's faintest colour
MISTAKES = 25
LINE = 26  # letters of size 8 that fit under an image of the mistakes


# ---- errors ----


def _class_ticks(axes: Any, names: list[str]) -> None:
    turned = max(map(len, names)) > 2
    axes.tick_params(axis="x", rotation=45 if turned else 0)
    axes.tick_params(axis="y", rotation=0)
    if turned:
        plt.setp(axes.get_xticklabels(), ha="right", rotation_mode="anchor")


def _heat_numbers(axes: Any, matrix: npt.NDArray, shades: npt.NDArray) -> None:
    size = 9 if matrix.max() < 10000 else 7
    for (row, column), count in np.ndenumerate(matrix):
        name = "on-full" if shades[row, column] >= theme.SHADED else "ink" if count else "muted"
        axes.text(
            column + 0.5,
            row + 0.5,
            f"{count:,}",
            ha="center",
            va="center",
            size=size,
            color=colour(name),
        )


def draw_confusion(axes: Any, confusion: pd.DataFrame) -> None:
    """Numbers: images. Colour: share of the row, by logarithm, since what matters are the few
    errors."""
    names, matrix = list(confusion.index), confusion.to_numpy()
    classes, share = len(names), matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    norm = LogNorm(LEAST_SHARE, 1.0, clip=True)
    step = 1 if classes <= MOST_LABELLED else math.ceil(classes / MOST_LABELLED)
    sns.heatmap(
        np.maximum(share, LEAST_SHARE),
        ax=axes,
        square=True,
        cmap=theme.ramp_map,
        norm=norm,
        linewidths=1.5 if classes <= MOST_ANNOTATED else 0,
        linecolor=colour("card"),
        xticklabels=names if step == 1 else step,
        yticklabels=names if step == 1 else step,
        cbar_kws={"label": "share of the true class", "pad": 0.02, "aspect": 30},
    )
    if classes <= MOST_ANNOTATED:
        shades = np.asarray(norm(np.maximum(share, LEAST_SHARE))) * theme.SHADES
        _heat_numbers(axes, matrix, shades)
    bar = axes.collections[0].colorbar
    bar.set_ticks(
        [0.001, 0.01, 0.1, 1.0], labels=["≤\u00a00.1\u00a0%", "1\u00a0%", "10\u00a0%", "100\u00a0%"]
    )
    bar.minorticks_off()
    bar.outline.set_visible(False)
    _class_ticks(axes, names)
    axes.set_xlabel("answer")
    axes.set_ylabel("true class")


def confusion(run: Run) -> Picture:
    """The confusion matrix as a heatmap."""
    table = run.confusion
    classes, matrix = len(table), table.to_numpy()
    longest = max(map(len, map(str, table.index)))
    side = (3.0 + 0.16 * classes if classes <= MOST_ANNOTATED else 7.0) + 0.08 * max(longest - 2, 0)
    figure, axes = new_figure(side + 0.8, side)
    draw_confusion(axes, table)
    wrong = matrix - np.diag(np.diag(matrix))
    right, total = int(np.trace(matrix)), int(matrix.sum())
    if wrong.any():
        row, column = np.unravel_index(wrong.argmax(), wrong.shape)
        most = f"{table.index[row]} is most often taken for {table.columns[column]}"
        title = f"{right:,} of {total:,} right; {most}: {wrong.max():,} times"
    else:
        title = f"All {total:,} test images right"
    caption = (
        "A row holds the images of one true class, a column those that got one answer: right"
        " answers are on the diagonal. Look for dark cells beside it: these are pairs that the"
        " network takes for each other."
    )
    alt = f"Heatmap of {classes} true classes by {classes} answers. {title}."
    return Picture("confusion", title, caption, alt, figure, wide=side > 5.2)


def overview(run: Run) -> Picture:
    """Loss and accuracy above each other, the confusion matrix beside them: the run in one picture."""
    if not len(run.epochs):
        raise MissingInput("no epoch is complete yet")
    table = run.confusion
    figure = plt.figure(figsize=(12, 6.4), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=[1, 1.3])
    for row, name in enumerate(("loss", "accuracy")):
        draw_curve(figure.add_subplot(grid[row, 0]), run, name)
    draw_confusion(figure.add_subplot(grid[:, 1]), table)
    title = heading(run)
    alt = f"Loss and accuracy by epoch, and the confusion matrix. {title}."
    return Picture("overview", title, "", alt, figure, wide=True)


def by_class(answers: Predictions) -> Picture:
    """Precision, recall and F1 of each class."""
    table = answers.by_class
    classes = len(table)
    figure, axes = new_figure(5.0, max(3.0, 1.5 + 0.29 * min(classes, 40)))
    at = np.arange(classes)
    for name, mark, hue in (
        ("precision", "o", "blue"),
        ("recall", "s", "orange"),
        ("f1", "D", "green"),
    ):
        label = name.upper() if name == "f1" else name
        axes.plot(table[name] * 100, at, mark, ms=7, alpha=0.9, color=colour(hue), label=label)
    step = max(1, math.ceil(classes / MOST_LABELLED))
    axes.set_yticks(at[::step], list(table.index)[::step])
    axes.invert_yaxis()
    axes.set_ylabel("class")
    axes.set_xlabel("share")
    percent_axis(axes.xaxis)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    legend_below(axes)
    weakest = table["recall"].idxmin()
    title = (
        f"{weakest} is found least often: {percent(table.loc[weakest, 'recall'], 1)} of its images"
    )
    caption = (
        "Recall: of the images of a class, the share that is found. Precision: of the answers with"
        " this class, the share that is right. F1 is their harmonic mean. A class with high recall"
        " and low precision is answered too often."
    )
    alt = f"Dot chart of precision, recall and F1 for {classes} classes. {title}."
    return Picture("classes", title, caption, alt, figure)


def mistake_words(row: Any, names: list[str]) -> tuple[str, str]:
    """Two lines under the image of a mistake."""
    first = f"{names[row.true]}, answered {names[row.predicted]} ({percent(row.probability, 1)})"
    if math.isnan(row.true_probability):
        return first, ""
    return first, f"{names[row.true]} got {percent(row.true_probability, 1)}"


def wrapped(lines: tuple[str, ...]) -> str:
    """The lines, those of long class names in several, so that neighbours do not overlap."""
    return "\n".join(textwrap.fill(line, LINE) for line in lines if line)


def seen(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """An image for the eye: ink [H, W] on white paper; [H, W, 3] in its colours; of other channels
    [H, W, C] the mean."""
    if image.ndim == 2:
        return 255 - image
    return image if image.shape[2] == 3 else image.mean(axis=2).astype(np.uint8)


def mistakes(run: Run, count: int = MISTAKES) -> Picture:
    """The worst mistakes as images."""
    images, _ = run.data()
    answers = run.predictions
    worst = answers.worst(count)
    if not len(worst):
        raise MissingInput("there is no mistake to show")
    columns, height, width = min(5, len(worst)), images.shape[1], images.shape[2]
    rows = math.ceil(len(worst) / columns)
    words = [wrapped(mistake_words(row, answers.class_names)) for row in worst.itertuples()]
    lines = max(text.count("\n") + 1 for text in words)
    # words below, paper beside
    cell_height, cell_width = height * (1.14 + 0.08 * lines), width * 1.15
    figure, axes = new_figure(columns * 1.9, rows * 1.9 * cell_height / cell_width)
    for i, row in enumerate(worst.itertuples()):
        x, y = i % columns * cell_width, i // columns * cell_height
        picture, place = seen(images[row.Index]), (x, x + width, y + height, y)
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255, extent=place)
        axes.text(
            x + width / 2, y + height, words[i], size=8, ha="center", va="top", color=colour("ink")
        )
    axes.set(xlim=(-1, columns * cell_width), ylim=(rows * cell_height, -1))
    axes.set_axis_off()
    title, caption = mistake_title(answers, len(worst)), mistake_caption(answers)
    return Picture(
        "mistakes",
        title,
        caption,
        f"{len(worst)} images with their true class and answer.",
        figure,
        True,
    )


def mistake_title(answers: Predictions, shown: int) -> str:
    wrong = int((answers.need_labels() != answers.predicted).sum())
    return f"The {shown} worst of {wrong:,} mistakes"


def mistake_caption(answers: Predictions) -> str:
    if answers.probabilities is None:
        order = "Sorted by how sure the wrong answer was."
    else:
        order = "Sorted by loss: first the image whose true class got the least probability."
    return (
        f"{order} Judge for yourself: some of these images are unclear, some may be labelled"
        " wrongly in the data set, and the rest is what the network has still to learn."
    )


# ---- probabilities ----


def calibration(answers: Predictions) -> Picture:
    """The reliability curve, over how many answers lie in each bin."""
    found = answers.calibration()
    bins, width = found.bins, 100 / BINS
    figure, (upper, lower) = plt.subplots(
        2,
        1,
        figsize=(5.0, 4.3),
        layout="constrained",
        sharex=True,
        gridspec_kw={"height_ratios": [3, 1]},
    )
    upper.plot([0, 100], [0, 100], color=colour("muted"), lw=1.2, ls="--", label="as sure as right")
    upper.plot(
        bins["probability"] * 100,
        bins["accuracy"] * 100,
        "o-",
        ms=6,
        color=colour("blue"),
        label="this network",
    )
    upper.set_ylabel("share that is right")
    upper.set_ylim(-3, 103)
    lower.bar(
        (bins["low"] + 0.5 / BINS) * 100, bins["count"], width * 0.9, color=colour("blue"), lw=0
    )
    lower.set_yscale("log")
    lower.set_ylim(0.7, bins["count"].max() * 2)
    lower.set_yticks([t for t in (1, 100, 10000, 1000000) if t <= bins["count"].max() * 2])
    lower.yaxis.set_minor_formatter(NullFormatter())
    thousands(lower.yaxis)
    lower.set_ylabel("answers")
    lower.set_xlabel("probability of the answer")
    for axis in (upper.yaxis, upper.xaxis):
        percent_axis(axis)
    legend_below(lower, upper)
    title = f"Expected calibration error: {percent(found.error)}"
    sure = float((answers.probability > 0.99).mean())
    caption = (
        f"Answers in {BINS} bins of equal width by their probability. On the dashed line an answer"
        " with 80\u00a0% is right in 80 of 100 cases; below it the network is surer than it should"
        " be. The error is the mean distance from the line, each bin weighted by its answers."
        f" {percent(sure, 1)} of the answers have more than 99\u00a0%; bins with few answers jump"
        " by chance."
    )
    alt = (
        f"Reliability curve over {len(bins)} bins with answers, and a bar chart of the answers in"
        f" each. {title}."
    )
    return Picture("calibration", title, caption, alt, figure)


def confidence(answers: Predictions) -> Picture:
    """How sure right and wrong answers are."""
    right = answers.need_labels() == answers.predicted
    edges = np.linspace(0, 100, 21)
    figure, axes = new_figure(5.0, 4.0)
    most = 1
    for name, chosen, hue, shift in (("right", right, "blue", 0), ("wrong", ~right, "orange", 1)):
        counts, _ = np.histogram(answers.probability[chosen] * 100, edges)
        most = max(most, counts.max())
        label = f"{name}: {int(chosen.sum()):,} answers"
        axes.bar(
            edges[:-1] + 0.3 + 2.3 * shift,
            counts,
            2.1,
            align="edge",
            color=colour(hue),
            label=label,
            lw=0,
        )
    axes.set_yscale("log")
    axes.set_ylim(0.7, most * 2)
    axes.yaxis.set_minor_formatter(NullFormatter())
    thousands(axes.yaxis)
    axes.set_xlabel("probability of the answer")
    axes.set_ylabel("answers (logarithmic)")
    percent_axis(axes.xaxis)
    legend_below(axes)
    if right.all() or not right.any():
        title = f"All {len(right):,} answers are {'right' if right.any() else 'wrong'}"
    else:
        middle = [
            percent(float(np.median(answers.probability[chosen])), 1) for chosen in (~right, right)
        ]
        title = f"Median probability: {middle[0]} of wrong answers, {middle[1]} of right ones"
    sure = int((~right & (answers.probability > 0.9)).sum())
    caption = (
        "A good network knows when it does not know: its wrong answers have low probabilities."
        f" Here {sure:,} wrong answers have more than 90\u00a0%. Where a mistake is costly, let a"
        " person look at all answers below some probability."
    )
    return Picture(
        "confidence",
        title,
        caption,
        f"Histogram of probabilities of right and wrong answers. {title}.",
        figure,
    )
