"""Writes runs as TensorBoard's event files.

DIR/NAME/train and DIR/NAME/validation are written for each run, NAME being its folder's name;
`tensorboard --logdir DIR` shows them beside each other, with Keras' tags. TensorFlow is not needed.
Dates are counted from when the run's settings were written."""

from __future__ import annotations

from pathlib import Path

from .. import tensorboard
from ..cli import Parser, run_tool
from ..comparison import names_of
from ..run import open_runs

NAME = "export_tensorboard.py"


def _work(words: list[str]) -> None:
    parser = Parser(NAME, __doc__)
    parser.add_argument("runs", metavar="RUN", nargs="+", help="a run directory")
    parser.add_argument(
        "-o", "--out", metavar="DIR", type=Path, required=True, help="TensorBoard's log folder"
    )
    given = parser.parse_args(words)
    runs = open_runs(given.runs)
    for run, name in zip(runs, names_of(runs)):
        for path in tensorboard.write(run, given.out / name.strip("/").replace("/", "-")):
            print(path)


def main() -> int:
    return run_tool(NAME, _work)
