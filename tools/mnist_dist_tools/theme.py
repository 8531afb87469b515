"""The look of all pictures: colours that colour-blind people tell apart, and pictures that follow
the page into dark mode.

Figures are drawn in the light colours below. In the page each of these colours becomes a CSS
variable, which has another value on a dark screen. The hues are those of M. Okabe and K. Ito,
"Color Universal Design", 2008."""

from __future__ import annotations

import html
import io
import re
from typing import Any

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.colors import ListedColormap, to_hex, to_rgb
from matplotlib.figure import Figure

# name: (on light, on dark). No two light colours are the same: they are told apart by their values.
COLOURS = {
    "ink": ("#1b2530", "#e6ebf0"),
    "muted": ("#5a6673", "#a3afbb"),
    "grid": ("#d8dee5", "#36414d"),
    "card": ("#fdfdfe", "#1a2129"),
    "on-full": ("#fffffd", "#0e141a"),
    "blue": ("#0072b2", "#5cb8ef"),
    "orange": ("#d55e00", "#ff9d5c"),
    "green": ("#009e73", "#3ccfa4"),
    "purple": ("#b0568f", "#e39cc8"),
    "yellow": ("#c98a00", "#f2c14e"),
    "sky": ("#3f9fd0", "#9bd6f7"),
    "black": ("#414a54", "#c3ccd5"),
}
SERIES = ["blue", "orange", "green", "purple", "yellow", "sky", "black"]
SHADES = 21  # of the ramp from the card's colour to full blue
RAMP_ENDS = {"light": ("#f6f9fc", "#00558c"), "dark": ("#1f2832", "#7ccbf7")}
SHADED = 12  # from this shade on, text on the ramp takes the colour "on-full"


def colour(name: str) -> str:
    """The light value."""
    return COLOURS[name][0]


def _mix(ends: tuple[str, str]) -> list[str]:
    (r, g, b), (to_r, to_g, to_b) = (to_rgb(end) for end in ends)
    parts = [i / (SHADES - 1) for i in range(SHADES)]
    return [to_hex((r + p * (to_r - r), g + p * (to_g - g), b + p * (to_b - b))) for p in parts]


RAMP = {mode: _mix(ends) for mode, ends in RAMP_ENDS.items()}
ramp_map = ListedColormap(RAMP["light"], "ramp")


def apply() -> None:
    """Sets Matplotlib up for all figures of this package."""
    sns.set_theme(
        style="whitegrid",
        rc={
            "font.size": 11,
            "axes.labelsize": 11,
            "xtick.labelsize": 10.5,
            "ytick.labelsize": 10.5,
            "legend.fontsize": 10.5,
            "figure.titlesize": 12,
            "text.color": colour("ink"),
            "axes.labelcolor": colour("ink"),
            "xtick.color": colour("muted"),
            "ytick.color": colour("muted"),
            "axes.edgecolor": colour("muted"),
            "grid.color": colour("grid"),
            "axes.facecolor": "none",
            "figure.facecolor": "none",
            "savefig.facecolor": "none",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "lines.linewidth": 2,
            "figure.constrained_layout.w_pad": 0.06,  # inches
            "figure.constrained_layout.h_pad": 0.06,
            "svg.fonttype": "none",  # text stays text: it can be searched, and is small
            "svg.hashsalt": "mnist_dist",
            "font.sans-serif": ["DejaVu Sans"],
        },
    )


def variables(mode: str) -> str:
    """The CSS variables of "light" or "dark"."""
    at = 0 if mode == "light" else 1
    lines = [f"--{name}: {values[at]};" for name, values in COLOURS.items()]
    lines += [f"--ramp-{i}: {value};" for i, value in enumerate(RAMP[mode])]
    return " ".join(lines)


_names = {values[0]: f"var(--{name})" for name, values in COLOURS.items()}
_names |= {value: f"var(--ramp-{i})" for i, value in enumerate(RAMP["light"])}


def to_svg(figure: Figure, **more: Any) -> str:
    """The figure as a whole SVG file."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, **more)
    return buffer.getvalue()


def to_inline_svg(figure: Figure, name: str, words: str) -> str:
    """The figure as an element of a page: as wide as its place, in the page's colours and fonts;
    `words` for those who do not see it."""
    text = to_svg(figure)
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    # Its style would hold for the whole page.
    text = re.sub(r'<style type="text/css">.*?</style>', "", text, flags=re.S)
    text = re.sub(r'id="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\1{name}-", text)
    text = re.sub(r"#[0-9a-f]{6}\b", lambda match: _names.get(match[0], match[0]), text)
    text = re.sub(r"font: ([0-9.]+)px [^;\"]*", r"font-size: \1px", text)
    box = re.findall(r'viewBox="[^"]*"', text)[0]
    head = f'<svg class="plot" role="img" aria-label="{html.escape(words)}" {box}>'
    return re.sub(r"\n\s*", "\n", head + text[text.index(">") + 1 :])


def new_figure(
    width: float = 5.0, height: float = 3.3, rows: int = 1, columns: int = 1
) -> tuple[Figure, Any]:
    """A figure of this size in inches, and its axes."""
    return plt.subplots(rows, columns, figsize=(width, height), layout="constrained")
