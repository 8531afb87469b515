"""Pictures of what a network does inside: its first layer, its last hidden layer, and its
probabilities over all thresholds."""

from __future__ import annotations

import copy
import math
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from sklearn import metrics
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from . import theme
from .errors import MissingInput
from .figures import Picture, legend_below, legend_columns, percent_axis
from .figures_answers import seen
from .network import FORWARD, Layer, pixels_of
from .predictions import Predictions
from .run import Run
from .theme import colour, new_figure

MOST_FILTERS = 32
FILTER_COLUMNS = 8
POSITIVE, NEGATIVE = (
    "#2a8fd6",
    "#ec7a1f",
)  # seen on light and on dark: an image cannot follow the page
MOST_UNITS = 64
MOST_NAMED = 12  # curves with a legend
TSNE_IMAGES = 2000  # more take minutes
TSNE_SEED = 1


# ---- the first layer ----


def _signed(values: npt.NDArray) -> npt.NDArray:
    """Weights [H, W] as colours [H, W, 4]: positive blue, negative orange, the fainter the nearer
    to zero; NaN is clear."""
    largest = np.nanmax(np.abs(values)) or 1.0
    known = np.isfinite(values)
    share = np.where(known, values, 0) / largest
    image = np.zeros((*values.shape, 4))
    image[share >= 0, :3] = to_rgb(POSITIVE)
    image[share < 0, :3] = to_rgb(NEGATIVE)
    image[..., 3] = np.where(known, 0.04 + 0.96 * np.abs(share), 0)
    return image


def _mosaic(tiles: npt.NDArray, columns: int, gap: int) -> npt.NDArray:
    """Tiles [N, H, W] as one image, NaN between them."""
    count, height, width = tiles.shape
    rows = math.ceil(count / columns)
    image = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for i, tile in enumerate(tiles):
        y, x = i // columns * (height + gap), i % columns * (width + gap)
        image[y : y + height, x : x + width] = tile
    return image


def _panel(axes: Any, image: npt.NDArray, **how: Any) -> None:
    axes.imshow(image, interpolation="none", **how)
    axes.set_axis_off()


def _convolution_weights(layer: Layer) -> tuple[Figure, str, str]:
    kernel = layer.tensors["kernel"]  # [K, K, C, F]
    filters = kernel[..., :MOST_FILTERS].mean(axis=2).transpose(2, 0, 1)
    figure, axes = new_figure(5.0, 2.7)
    _panel(axes, _signed(_mosaic(filters, FILTER_COLUMNS, 1)))
    title = f"The first layer looks for {kernel.shape[-1]} small patterns"
    caption = (
        f"A filter is a pattern of {kernel.shape[0]} x {kernel.shape[1]} pixels that is laid over"
        " every place of the image: blue weights count ink for it, orange ones against it. Blue on"
        " one side and orange on the other finds edges."
    )
    return figure, title, caption


def _convolution_answers(
    layer: Layer, digit: npt.NDArray
) -> tuple[npt.NDArray, dict[str, Any], str, str]:
    answers = FORWARD["conv2d"](layer, pixels_of(digit[None]))[0, ..., :MOST_FILTERS].transpose(
        2, 0, 1
    )
    caption = (
        "Right: one image for each filter, in the same order. The brighter a place, the better the"
        " pattern fits there. Filters that look for other edges light up along other strokes."
    )
    image = _mosaic(answers, FILTER_COLUMNS, 2)
    return image, {"cmap": "cividis"}, "Each filter answers where its pattern fits", caption


def _dense_units(layer: Layer, shape: list[int]) -> npt.NDArray:
    """Weights of the strongest units as images [N, H, W, C]."""
    kernel = layer.tensors["kernel"]  # [H W C, units]
    strongest = np.argsort(-np.linalg.norm(kernel, axis=0), kind="stable")[:MOST_FILTERS]
    return kernel[:, strongest].T.reshape(-1, *shape[:2], kernel.shape[0] // (shape[0] * shape[1]))


def _dense_weights(layer: Layer, shape: list[int]) -> tuple[Figure, str, str]:
    units = _dense_units(layer, shape).mean(axis=3)
    figure, axes = new_figure(5.0, 3.0)
    _panel(axes, _signed(_mosaic(units, FILTER_COLUMNS, 2)))
    count = layer.tensors["kernel"].shape[1]
    caption = (
        "Each unit of a dense layer weighs every pixel: blue counts ink for it, orange against it."
        f" Shown are the {len(units)} units with the largest weights. Such a layer does not know"
        " which pixels are neighbours: its patterns look like noise."
    )
    return figure, f"The first layer weighs every pixel, {count} times", caption


def _dense_answers(
    layer: Layer, digit: npt.NDArray
) -> tuple[npt.NDArray, dict[str, Any], str, str]:
    ink = (pixels_of(digit[None]) * _dense_units(layer, list(digit.shape))).sum(axis=3)
    caption = (
        "Right: for each unit, in the same order, what each pixel of the image adds to its sum"
        " (blue) or takes from it (orange)."
    )
    return (
        _signed(_mosaic(ink, FILTER_COLUMNS, 2)),
        {},
        "Each unit adds up the ink under its weights",
        caption,
    )


def _recurrent_weights(layer: Layer) -> tuple[Figure, str, str]:
    kernel, units = layer.tensors["kernel"], int(layer.operands[0])  # [W, gates units]
    gate = {1: 0, 3: 2, 4: 2}[
        kernel.shape[1] // units
    ]  # the candidate's: the orders are z r n, and i f g o
    weights = kernel[:, gate * units : gate * units + MOST_UNITS]
    figure, axes = new_figure(5.0, 3.0)
    axes.imshow(_signed(weights), interpolation="none", aspect="auto")
    axes.set(xlabel="unit", ylabel="pixel of a row")
    axes.grid(visible=False)
    caption = (
        "The network reads an image from top to bottom, one row a step. A column holds one unit's"
        f" weights for the {len(weights)} pixels of a row: blue counts ink for it, orange"
        " against it."
    )
    return figure, f"The network reads an image row by row into {units} units", caption


def _recurrent_answers(
    layer: Layer, digit: npt.NDArray
) -> tuple[npt.NDArray, dict[str, Any], str, str]:
    sequence = copy.copy(layer)
    sequence.operands = [*layer.operands, "sequence"]
    states = FORWARD[layer.word](sequence, pixels_of(digit[None]))[0][:, :MOST_UNITS]
    caption = (
        "Right: what each unit (across) holds after each row (down), beside the rows of the image."
        " Nothing happens in the blank rows; then the states change wherever the stroke turns. The"
        " last row is what the next layer sees."
    )
    return (
        _signed(states),
        {"aspect": "auto"},
        "The units' memory changes as the image is read",
        caption,
    )


def _looks_at_pixels(run: Run) -> Layer:
    layers = run.network().layers
    first = next((layer for layer in layers if layer.tensors), None)
    if first is None or any(layer.word != "flatten" for layer in layers[: layers.index(first)]):
        raise MissingInput("the first layer does not look at pixels, so it cannot be drawn")
    if first.word not in ("conv2d", "dense", "simple_rnn", "lstm", "gru"):
        raise MissingInput(f"the first layer, {first.word}, cannot be drawn")
    return first


def first_layer(run: Run) -> Picture:
    """The first layer's weights."""
    layer = _looks_at_pixels(run)
    if layer.word == "conv2d":
        figure, title, caption = _convolution_weights(layer)
    elif layer.word == "dense":
        figure, title, caption = _dense_weights(layer, run.state["data_shape"])
    else:
        figure, title, caption = _recurrent_weights(layer)
    return Picture(
        "filters",
        title,
        caption,
        f"Weights of the first layer, {layer.name}, as an image. {title}.",
        figure,
    )


def answers_to_digit(run: Run) -> Picture:
    """What the first layer answers to the first image of the test set."""
    layer = _looks_at_pixels(run)
    digit = run.data()[0][0]
    draw = {"conv2d": _convolution_answers, "dense": _dense_answers}.get(
        layer.word, _recurrent_answers
    )
    image, how, title, caption = draw(layer, digit)
    shares = {"width_ratios": [1, 1.9 if layer.word == "conv2d" else 1.5]}
    figure, (left, right) = plt.subplots(
        1,
        2,
        figsize=(5.0, 2.0 if layer.word == "conv2d" else 2.5),
        layout="constrained",
        gridspec_kw=shares,
    )
    left.imshow(
        digit if digit.ndim == 2 else seen(digit),
        cmap="gray",
        vmin=0,
        vmax=255,
        interpolation="none",
    )
    right.imshow(image, interpolation="none", **how)
    for axes in (left, right):
        axes.set_axis_off()
    alt = (
        f"The first image of the test set, and what the first layer, {layer.name}, answers to it."
        f" {title}."
    )
    return Picture(
        "answers", title, f"Left: the first image of the test set. {caption}", alt, figure
    )


# ---- the last hidden layer ----


def tsne(run: Run) -> Picture:
    """t-SNE of the last hidden layer, for images of the test set."""
    images, labels = run.data()
    images, labels = images[:TSNE_IMAGES], labels[:TSNE_IMAGES]
    features = run.network().hidden(images)
    parts = min(50, *features.shape)
    reduced = PCA(parts, random_state=TSNE_SEED).fit_transform(features)
    perplexity = min(30.0, max(2.0, (len(images) - 1) / 3))
    spots = TSNE(init="pca", learning_rate="auto", perplexity=perplexity, random_state=TSNE_SEED)
    places = spots.fit_transform(reduced)
    names = run.class_names
    wrong = run.predictions.predicted[: len(images)] != labels
    figure, axes = new_figure(6.4, 5.4)
    hues = theme.SERIES
    for c, name in enumerate(names):
        of_class = labels == c
        if not of_class.any():
            continue
        axes.scatter(*places[of_class].T, s=9, lw=0, alpha=0.75, color=colour(hues[c % len(hues)]))
        centre = np.median(places[of_class], axis=0)
        box = {"boxstyle": "round,pad=0.2", "fc": colour("card"), "ec": colour(hues[c % len(hues)])}
        axes.text(*centre, name, ha="center", va="center", weight="bold", bbox=box)
    axes.scatter(*places[wrong].T, s=36, marker="x", lw=1.3, color=colour("ink"), label="mistake")
    axes.set(xticks=[], yticks=[], xlabel="", ylabel="")
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if wrong.any():
        axes.legend(loc="best", frameon=False)
    title = f"How the last hidden layer arranges {len(images):,} test images"
    caption = (
        f"t-SNE puts images close together that the layer's {features.shape[1]} numbers describe"
        " alike; the axes have no meaning, and distances between groups little. Mistakes lie where"
        " groups touch, or in the middle of a wrong one."
    )
    alt = (
        f"Scatter plot of {len(images)} images in groups, one for each class, {int(wrong.sum())}"
        " mistakes marked."
    )
    return Picture("tsne", title, caption, alt, figure, wide=True)


# ---- thresholds ----


def _curves_by_class(answers: Predictions, kind: str) -> tuple[Figure, Any, pd.Series]:
    """ROC ("roc") or precision-recall ("pr") curves of each class against all others, and the areas
    below them."""
    labels, p = answers.need_labels(), answers.need_probabilities()
    labels_below = [f"{name}: 0.0000" for name in answers.class_names]
    rows = (
        math.ceil(len(labels_below) / legend_columns(labels_below))
        if len(labels_below) <= MOST_NAMED
        else 0
    )
    figure, axes = new_figure(5.0, 3.5 + 0.22 * rows)
    areas = {}
    for c, name in enumerate(answers.class_names):
        truth = labels == c
        if not truth.any() or truth.all():
            continue
        if kind == "roc":
            x, y, _ = metrics.roc_curve(truth, p[:, c])
            areas[name] = metrics.roc_auc_score(truth, p[:, c])
            x = np.maximum(x, 0.5 / max(int((~truth).sum()), 1))
        else:
            y, x, _ = metrics.precision_recall_curve(truth, p[:, c])
            areas[name] = metrics.average_precision_score(truth, p[:, c])
        style = "-" if c < len(theme.SERIES) else "--"
        hue = colour(theme.SERIES[c % len(theme.SERIES)])
        axes.plot(x * 100, y * 100, style, lw=1.5, color=hue, label=f"{name}: {areas[name]:.4f}")
    if not areas:
        raise MissingInput("the test set holds one class only")
    return figure, axes, pd.Series(areas)


def _from(answers: Predictions, times: float) -> float:
    """Where an axis begins, in percent, so that `times` the weakest class' errors are seen."""
    return max(0.0, 100 * (1 - times * (1 - answers.by_class["f1"].min())))


def roc(answers: Predictions) -> Picture:
    """Receiver operating characteristic of each class."""
    figure, axes, areas = _curves_by_class(answers, "roc")
    low = _from(answers, 8)
    axes.set_ylim(low, 100 + 0.02 * (100 - low))
    axes.set_xscale("log")
    axes.set_xlabel("false alarms, share of other classes")
    axes.set_ylabel("share of the class found")
    for axis in (axes.xaxis, axes.yaxis):
        percent_axis(axis)
    if len(areas) <= MOST_NAMED:
        legend_below(axes)
    title = f"Area under the ROC curve: {areas.mean():.4f}, mean of the classes"
    caption = (
        "For each class: if every image whose probability exceeds a threshold were taken for the"
        " class, how many of its images would be found, and how many others would be false alarms?"
        " The area under a curve is 1 for a perfect classifier and 0.5 for a coin."
    )
    return Picture("roc", title, caption, f"ROC curves of {len(areas)} classes. {title}.", figure)


def precision_recall(answers: Predictions) -> Picture:
    """Precision over recall of each class."""
    figure, axes, areas = _curves_by_class(answers, "pr")
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    low = _from(answers, 4)
    high = 100 + 0.02 * (100 - low)
    axes.set(xlim=(low, high), ylim=(low, high))
    for axis in (axes.xaxis, axes.yaxis):
        percent_axis(axis)
    if len(areas) <= MOST_NAMED:
        legend_below(axes)
    title = f"Average precision: {areas.mean():.4f}, mean of the classes"
    caption = (
        "For each class, from a strict threshold on its probability (left) to a lenient one"
        " (right): the more of its images are found (recall), the more others slip in (less"
        " precision). Average precision is the area below, 1 at best."
    )
    return Picture(
        "precision_recall",
        title,
        caption,
        f"Precision-recall curves of {len(areas)} classes. {title}.",
        figure,
    )
