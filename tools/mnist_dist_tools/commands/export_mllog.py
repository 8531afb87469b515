"""Prints a run as MLPerf's log lines, `:::MLLOG {...}`, or writes them to a file.

The record has durations, no dates: times are counted from when the run's settings were written.
MNIST is no benchmark of MLPerf: the lines are for tools that read such logs. An unfinished run ends
with the status "aborted"."""

from __future__ import annotations

from pathlib import Path

from .. import mllog
from ..cli import Parser, run_tool, write_whole
from ..run import Run

NAME = "export_mllog.py"


def _work(words: list[str]) -> None:
    parser = Parser(NAME, __doc__)
    parser.add_argument("run", metavar="RUN", help="a run directory")
    parser.add_argument("-o", "--out", metavar="FILE", type=Path, help="the file (standard output)")
    given = parser.parse_args(words)
    text = "".join(line + "\n" for line in mllog.lines(Run(given.run)))
    if given.out is None:
        print(text, end="")
    else:
        write_whole(given.out, text.encode())
        print(given.out)


def main() -> int:
    return run_tool(NAME, _work)
