"""Draws runs: pictures (PNG and SVG), and a page for the browser.

  RUN/report.html     the page of one run, in one file that needs no network: open it in a browser
  RUN/curves.png      loss and accuracy over the epochs
  RUN/confusion.png   the confusion matrix
  RUN/overview.png    both in one picture
  RUN/pictures/       all pictures of the page, as PNG and SVG

A run that is still being written, or was stopped, is drawn as far as it is. Where a file of a run is
damaged, its page is drawn without it, and the exit code is 65. Of several runs the page
compares them; it is written to the folder named by --out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import matplotlib

from .. import theme
from ..album import Album
from ..cli import Parser, run_tool, write_whole
from ..comparison import ComparisonPage
from ..errors import BrokenRun, UsageError
from ..run import Run, open_runs
from ..run_page import RunPage

NAME = "report.py"
AT_THE_TOP = {"curves", "confusion", "overview"}  # their PNGs lie beside the page, too


def report(
    runs: list[Run], out: Optional[Path] = None, tsne: bool = False, roc: bool = False
) -> Path:
    """Draws the runs, and gives back the path of the page. out: the folder, that of the run where
    there is one run only. Raises BrokenRun after the page is written, if it lacks parts because a
    file of the run is damaged."""
    if out is None and len(runs) != 1:
        raise UsageError("name the folder for the page of several runs: --out DIR")
    folder = out if out is not None else runs[0].path
    theme.apply()
    album = Album(folder, AT_THE_TOP)
    path, broken = folder / "report.html", []
    if len(runs) == 1:
        run_page = RunPage(runs[0], album.keep)
        text, broken = run_page.html(tsne, roc), run_page.broken
    else:
        text = ComparisonPage(runs, album.keep).html()
    write_whole(path, text.encode())
    if broken:
        raise BrokenRun(f"{'; '.join(broken)}; {path} is drawn without it")
    return path


def _work(words: list[str]) -> None:
    parser = Parser(NAME, __doc__)
    parser.add_argument("runs", metavar="RUN", nargs="+", help="a run directory")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="where the page and the pictures go (RUN)"
    )
    parser.add_argument(
        "--tsne",
        action="store_true",
        help="also the last hidden layer by t-SNE: about a minute more",
    )
    parser.add_argument("--roc", action="store_true", help="also ROC and precision-recall curves")
    given = parser.parse_args(words)
    matplotlib.use("Agg")  # no display is needed
    print(report(open_runs(given.runs), given.out, given.tsne, given.roc))


def main() -> int:
    return run_tool(NAME, _work)
