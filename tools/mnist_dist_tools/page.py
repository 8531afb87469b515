"""The parts of a page that stands alone: one file, no network, light and dark, for screens, phones
and paper."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterable, Optional

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from . import theme
from .figures import Picture, percent
from .figures_answers import mistake_caption, mistake_title, seen
from .predictions import Predictions

# The page behind the cards; everything else is in theme.COLOURS.
PAGE = {"light": "#f3f5f8", "dark": "#11171d"}


def escape(text: Any) -> str:
    return html.escape(str(text))


# ---- parts ----


def figure(picture: Picture) -> str:
    wide = ' class="wide"' if picture.wide else ""
    svg = theme.to_inline_svg(picture.figure, picture.name, picture.alt)
    title, caption = escape(picture.title), escape(picture.caption)
    return (
        f"<figure{wide}"
        f' id="{picture.name}"><h3>{title}</h3>\n{svg}\n<figcaption>{caption}</figcaption></figure>'
    )


def missing(what: str, reason: str) -> str:
    """In the place of a picture that cannot be drawn."""
    return f'<div class="missing"><p><b>Not shown: {escape(what)}.</b> {escape(reason)}</p></div>'


def tiles(figures: Iterable[tuple[str, str, str]]) -> str:
    """Key figures: name, value, and a remark below it."""
    cells = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(more)}</small></dd></div>"
        for name, value, more in figures
    )
    return '<dl class="tiles">' + "".join(cells) + "</dl>"


def png_uri(pixels: npt.NDArray[np.uint8]) -> str:
    """Bytes [H, W], 0 to 255, as a PNG inside of an address."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def mistakes(answers: Predictions, images: npt.NDArray[np.uint8], count: int) -> str:
    """The worst mistakes, ink on paper, with true class and answer."""
    worst, names = answers.worst(count), answers.class_names
    cells = []
    for row in worst.itertuples():
        true, answer = escape(names[row.true]), escape(names[row.predicted])
        words = f"is <b>{true}</b><br>answer <b>{answer}</b>, {percent(row.probability, 1)}"
        if row.true_probability == row.true_probability:
            words = (
                f"is <b>{true}</b>, {percent(row.true_probability, 1)}<br>" + words.split("<br>")[1]
            )
        alt = f"Image {row.Index} of the test set, a {true} that was taken for {answer}"
        size = f'width="{images.shape[2]}" height="{images.shape[1]}"'
        picture = png_uri(seen(images[row.Index]))
        cells.append(f'<li><img src="{picture}" alt="{alt}" {size}><span>{words}</span></li>')
    of_true = ", and that of the true class" if answers.probabilities is not None else ""
    ink = " ink" if images.ndim == 3 else ""
    return (
        f'<figure class="wide" id="mistakes"><h3>{mistake_title(answers, len(worst))}</h3>'
        f'<ol class="mistakes{ink}">{"".join(cells)}</ol>'
        f"<figcaption>{mistake_caption(answers)} The percentages are the probability that the"
        " answer got"
        f"{of_true}.</figcaption></figure>"
    )


def class_table(answers: Predictions) -> str:
    """Precision, recall and F1 by class, with their means: the figures of report.txt."""
    table = answers.by_class
    support = table["support"]
    weights = support / max(support.sum(), 1)
    figures = table[["precision", "recall", "f1"]]
    cells = ""
    for name in table.index:
        cells += _class_row(name, figures.loc[name], support[name])
    sums = (("macro avg", figures.mean()), ("weighted avg", figures.mul(weights, axis=0).sum()))
    for name, means in sums:
        cells += _class_row(name, means, support.sum(), of_all=True)
    head = "".join(f"<th>{name}</th>" for name in ("class", "precision", "recall", "F1", "images"))
    return (
        '<div class="panel" id="table"><h3>The same in numbers</h3><div class="scroll"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table></div></div>"
    )


def _class_row(name: str, figures: pd.Series, images: int, of_all: bool = False) -> str:
    cells = "".join(f"<td>{value:.4f}</td>" for value in figures)
    opening = '<tr class="sum">' if of_all else "<tr>"
    return f"{opening}<td>{escape(name)}</td>{cells}<td>{images:,}</td></tr>"


def confused_pairs(answers: Predictions, most: int = 10) -> str:
    """The most frequent confusions."""
    matrix = answers.confusion.to_numpy().copy()
    images = matrix.sum(axis=1)
    np.fill_diagonal(matrix, 0)
    order = np.argsort(-matrix, axis=None, kind="stable")[:most]
    rows = ""
    for true, answer in zip(*np.unravel_index(order, matrix.shape)):
        count = matrix[true, answer]
        if count:
            names = (escape(answers.class_names[c]) for c in (true, answer))
            cells = (*names, f"{count:,}", percent(count / images[true]))
            rows += "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    if not rows:
        return missing("pairs that are taken for each other", "There is no mistake.")
    head = "".join(f"<th>{name}</th>" for name in ("is", "answer", "images", "of its class"))
    return (
        '<div class="panel"><h3>The most frequent confusions</h3><div class="scroll"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></div>"
    )


def pairs(values: dict[str, Any]) -> str:
    """Names and values as a table."""
    rows = "".join(f"<tr><td>{escape(k)}</td><td>{escape(v)}</td></tr>" for k, v in values.items())
    return f'<table class="settings"><tbody>{rows}</tbody></table>'


def data_table(table: pd.DataFrame, best: Optional[dict[str, Any]] = None) -> str:
    """A table as it is; `best` names for a column the cell that is marked."""
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    body = ""
    for row in table.itertuples(index=False):
        cells = ""
        for name, value in zip(table.columns, row):
            mark = ' class="best"' if best and name in best and best[name] == value else ""
            cells += f"<td{mark}>{value if str(value).startswith('<') else escape(value)}</td>"
        body += f"<tr>{cells}</tr>"
    return (
        "<div"
        f' class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


# ---- the page ----


@dataclass
class Section:
    """A heading, a sentence below it, and parts in two columns."""

    name: str
    title: str
    intro: str
    parts: list[str] = field(default_factory=list)


def page(title: str, head: str, sections: list[Section], foot: str) -> str:
    """The whole file. head: HTML below the title."""
    style = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    light, dark = (f"--page: {PAGE[mode]}; {theme.variables(mode)}" for mode in ("light", "dark"))
    links = "".join(f'<a href="#{s.name}">{escape(s.title)}</a>' for s in sections)
    links = f"<nav>{links}</nav>" if len(sections) > 1 else ""
    body = "".join(
        f'<section id="{s.name}"><h2>{escape(s.title)}</h2><p class="quiet">{escape(s.intro)}</p>'
        f'<div class="grid">{"".join(s.parts)}</div></section>\n'
        for s in sections
        if s.parts
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
:root {{ {light} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
{style}</style>
</head>
<body>
<header>{head}{links}</header>
<main>
{body}<footer>{foot}</footer>
</main>
</body>
</html>
"""
