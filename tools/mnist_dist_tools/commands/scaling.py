"""Scaling studies: how well does a training scale, how sure is that, and what stands in the way?

  scaling.py run strong|weak   measure a study, and draw it; a study that was stopped goes on
  scaling.py simulate strong|weak   the same for hosts that are not there, by SimGrid
  scaling.py validate          how far simulated steps are from real ones
  scaling.py draw OUT          draw what is measured so far
  scaling.py model OUT         the time of a step as a formula of the number of ranks, by Extra-P

scaling.py COMMAND --help explains each command. docs/scaling.md says how to read a study.
"""

from __future__ import annotations

import shlex
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, NoReturn

import matplotlib
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .. import scaling_matrix, scaling_run
from ..cli import Parser, must_be_positive, run_tool, split_options
from ..errors import STOPPED, ToolError
from ..scaling import STRONG, WEAK, Point
from ..scaling_draw import draw
from ..scaling_model import models_of
from . import scaling_simulate, scaling_validate

NAME = "scaling.py"
GOES_ON = "the same command goes on where it stopped"

RUN = """Measures a scaling study, and draws it: OUT/scaling.html, scaling.csv and more.

strong: --batch-size is the batch of all ranks together; ideal is as many times the speed as workers.
weak:   --batch-size is the batch of each rank; ideal is the same time for each step.

Every point is measured several times, in an order that begins with another point each time. Stopped
by Ctrl-C or a signal, the same command goes on where it was. Inside of a job of SLURM the ranks run
on its nodes.

Options behind -- are given to bench, such as -- --data=synthetic --optimizer=sgd
"""
DRAW = "Draws a study again from what is measured: the page, the pictures, and the tables."
MODEL = """Prints the time of a step as a formula of p, the number of ranks: one line for each series.

Extra-P finds the formula; it needs at least five numbers of ranks, and its program `extrap` on the
PATH (pip install extrap).
"""


class Stopped(ToolError):
    """By a signal that asks to stop."""

    code = STOPPED


class Display:
    """A progress bar on a terminal, else a line for each measurement."""

    def __init__(self, console: Console):
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._task: Any = None
        self.done, self.all = 0, 0

    def begin(self, done: int, of_all: int) -> None:
        self.done, self.all = done, of_all
        if done and done < of_all:
            self._console.print(f"goes on: {done} of {of_all} measurements are there", style="dim")
        if self._console.is_terminal:
            self._task = self._bar.add_task("begins", total=of_all, completed=done)
            self._bar.start()

    def report(self, number: int, point: Point, repetition: int, bench: dict[str, Any]) -> None:
        self.done = number
        words = f"{point}: {bench['step_ms']['total']:.3f} ms a step"
        if self._task is not None:
            self._bar.update(self._task, completed=number, description=words)
        else:
            line = f"{number}/{self.all} repetition {repetition + 1}, {words}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def end(self) -> None:
        if self._task is not None:
            self._bar.stop()


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """TERM and USR1, which SLURM sends before the time is over, stop as Ctrl-C does."""

    def stop(number: int, _frame: Any) -> NoReturn:
        raise Stopped(f"stopped by {signal.Signals(number).name}; {GOES_ON}")

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# ---- run ----


def _run_parser() -> Parser:
    parser = Parser(f"{NAME} run", RUN)
    parser.add_argument("rule", choices=[STRONG, WEAK])
    parser.add_argument("--out", metavar="DIR", type=Path, help="(runs/scaling-RULE)")
    parser.add_argument("--models", metavar="MODEL", nargs="+", default=["cnn"], help="(cnn)")
    parser.add_argument(
        "--batch-sizes", metavar="N", nargs="+", type=int, help="(strong: 128; weak: 128 a rank)"
    )
    parser.add_argument(
        "--layouts",
        metavar="RxT",
        nargs="+",
        help="ranks x threads, such as 4x1; 8x2@4 is on 4 nodes (ranks that double, up to all cores or"
        " tasks, and one rank with all cores)",
    )
    for name in ("ranks", "threads", "nodes"):
        parser.add_argument(
            f"--{name}", metavar="N", nargs="+", type=int, help="instead: all combinations"
        )
    parser.add_argument("--repetitions", metavar="N", type=int, default=5, help="of a point (5)")
    parser.add_argument(
        "--steps", metavar="N", type=int, default=100, help="measured, of each (100)"
    )
    parser.add_argument("--base", metavar="RxT", help="the base case (the fewest workers)")
    parser.add_argument("--program", metavar="PATH", help="mnist_dist")
    parser.add_argument(
        "--launcher", choices=scaling_run.LAUNCHERS, default="mpirun", help="(mpirun)"
    )
    parser.add_argument(
        "--launcher-options", metavar="WORDS", default="", help="more options of the launcher"
    )
    parser.add_argument("--no-page", action="store_true", help="only measure")
    return parser


def plan_of(words: list[str]) -> tuple[scaling_run.Plan, Path, bool]:
    """The plan, its folder, and whether it is to be drawn."""
    own, behind = split_options(words)
    given = _run_parser().parse_args(own)
    sizes = given.batch_sizes or [128]
    must_be_positive("batch-sizes", *sizes)
    must_be_positive("repetitions", given.repetitions)
    must_be_positive("steps", given.steps)
    launcher_options = tuple(shlex.split(given.launcher_options))
    here = scaling_matrix.allocation(launcher_options=launcher_options)
    layouts = scaling_matrix.layouts_of(
        here, given.layouts, given.ranks, given.threads, given.nodes
    )
    launch = scaling_run.Launch(given.launcher, launcher_options, here.slurm)
    plan = scaling_run.Plan(
        rule=given.rule,
        points=scaling_matrix.points_of(given.rule, given.models, sizes, layouts),
        repetitions=given.repetitions,
        steps=given.steps,
        options=behind,
        program=given.program,
        launch=launch,
        base=given.base,
    )
    return plan, given.out or Path(f"runs/scaling-{given.rule}"), not given.no_page


def _run(words: list[str]) -> None:
    plan, folder, drawn = plan_of(words)
    display = Display(Console(stderr=True))
    try:
        with stopped_by_signals():
            scaling_run.run(plan, folder, display.report, display.begin)
    except KeyboardInterrupt:
        display.end()
        print(f"{NAME}: {display.done} of {display.all} measured; {GOES_ON}", file=sys.stderr)
        raise
    finally:
        display.end()
    if drawn:
        print(draw(scaling_run.load(folder), folder))


def _draw(words: list[str]) -> None:
    parser = Parser(f"{NAME} draw", DRAW)
    parser.add_argument("folder", metavar="OUT", type=Path, help="the folder of a study")
    folder = parser.parse_args(words).folder
    print(draw(scaling_run.load(folder), folder))


def _model(words: list[str]) -> None:
    parser = Parser(f"{NAME} model", MODEL)
    parser.add_argument("folder", metavar="OUT", type=Path, help="the folder of a study")
    study = scaling_run.load(parser.parse_args(words).folder)
    for series, formula in models_of(study).items():
        print(f"{series}: step time = {formula}")


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "run": _run,
    "simulate": scaling_simulate.run,
    "validate": scaling_validate.run,
    "draw": _draw,
    "model": _model,
}


def _work(words: list[str]) -> None:
    if words and words[0] in COMMANDS:
        matplotlib.use("Agg")  # no display is needed
        COMMANDS[words[0]](words[1:])
        return
    parser = Parser(NAME, __doc__)
    parser.add_argument("command", metavar="COMMAND", choices=list(COMMANDS))
    parser.parse_args(words)


def main() -> int:
    return run_tool(NAME, _work)
