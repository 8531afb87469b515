"""Follows a run from another terminal: curves, phases, time to go.

It reads the run's files alone, so it may run anywhere that sees them: also beside a SLURM job. It
ends when the run does; without news for --patience seconds it takes the run for stopped, says so,
and ends with 75."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Callable, Optional

from rich.console import Console

from ..cli import Parser, run_tool
from ..errors import STOPPED, MissingInput
from ..live import TerminalScreen, frame, is_ascii
from ..run import Run

NAME = "watch.py"
PATIENCE_S = 300.0
SAY_AFTER_S = 2.0  # a run that is not there: most are made at once


def _wait_for(path: Path, every: float, until: float) -> Run:
    """The run, also where the program has not made its folder yet."""
    say_at: Optional[float] = time.monotonic() + SAY_AFTER_S
    while True:
        try:
            return Run(path)
        except MissingInput as error:
            now = time.monotonic()
            if now >= until:
                raise
            if say_at is not None and now >= say_at:
                print(f"{NAME}: {error}; waiting for the program to make it", file=sys.stderr)
                say_at = None
            time.sleep(every)


def _follow(path: Path, every: float, patience: float, show: Callable[[Run], None]) -> int:
    """Shows the run until it ends; the exit code."""
    deadline = time.monotonic() + patience if patience else float("inf")
    run = _wait_for(path, every, deadline)
    show(run)
    while not run.complete:
        time.sleep(every)
        if run.refresh():
            show(run)
            deadline = time.monotonic() + patience if patience else float("inf")
        elif time.monotonic() >= deadline:
            print(
                f"{NAME}: {path}: no news for {patience:.0f} s: the run has stopped, or hangs",
                file=sys.stderr,
            )
            return STOPPED
    show(run)
    return 0


def _work(words: list[str]) -> Optional[int]:
    parser = Parser(NAME, __doc__)
    parser.add_argument("run", metavar="RUN", type=Path, help="a run directory")
    parser.add_argument("--once", action="store_true", help="print the run as it is now, and leave")
    parser.add_argument(
        "--every", metavar="SECONDS", type=float, default=1.0, help="between two looks (1)"
    )
    parser.add_argument(
        "--patience",
        metavar="SECONDS",
        type=float,
        default=PATIENCE_S,
        help=f"({PATIENCE_S:.0f}; 0: without end)",
    )
    given = parser.parse_args(words)
    if not 0.01 <= given.every <= 3600 or given.patience < 0:
        parser.error("--every is from 0.01 to 3600, --patience from 0 on")
    console = Console()
    if given.once:
        run = Run(given.run)
        console.print(frame(run, console.width, is_ascii(console)))
        return 0
    if not console.is_terminal:  # nothing can be redrawn: one picture at the end
        code = _follow(given.run, given.every, given.patience, lambda run: None)
        console.print(frame(Run(given.run), console.width, is_ascii(console)))
        return code
    with TerminalScreen(console) as screen:
        return _follow(given.run, given.every, given.patience, screen.show)


def main() -> int:
    return run_tool(NAME, _work)
