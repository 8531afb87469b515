"""The pictures of a page, as files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Collection

import matplotlib.pyplot as plt

from . import theme
from .cli import make_folder, write_whole
from .figures import Picture

DOTS_PER_INCH = 130


class Album:
    """Writes pictures as they come: into the folder pictures, and those `at_the_top` also beside the
    page."""

    def __init__(self, folder: Path, at_the_top: Collection[str] = ()):
        self._at_the_top = at_the_top
        self._top, self._all = make_folder(folder), make_folder(folder / "pictures")

    def keep(self, picture: Picture) -> None:
        figure = picture.figure
        figure.suptitle(picture.title)
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=DOTS_PER_INCH, facecolor="white")
        figure.set_layout_engine("none")  # the layout is done
        svg = theme.to_svg(figure, facecolor="white").encode()
        write_whole(self._all / f"{picture.name}.png", png.getvalue())
        write_whole(self._all / f"{picture.name}.svg", svg)
        if picture.name in self._at_the_top:
            write_whole(self._top / f"{picture.name}.png", png.getvalue())
            print(self._top / f"{picture.name}.png")
        plt.close(figure)
