"""The command `scaling.py validate`: how far simulated steps are from real ones."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Iterator, Optional

import pandas as pd

from .. import calibration, simulate
from ..calibration import Calibration
from ..cli import Parser, make_folder, must_be_positive, split_options, write_whole
from ..errors import MissingInput, UsageError
from ..program import HOME, find_launcher, find_program, output_of
from ..scaling import Point
from .scaling_simulate import find_platform

WORDS = """Compares simulated steps with real ones, and writes OUT/validation.csv for `simulate --validation`.

A round measures each case twice, one after the other: a real run on all hosts, and then as many programs
at the same time as there are hosts. Each of these has the ranks and images of one host, and sends
nothing to the others. Of these the step of all hosts is simulated, once with times drawn from them, and
once with their means. Errors are those of single rounds, because the speed of a machine changes from
minute to minute; their median counts. The real run is not used by the simulation.

Without --launcher the hosts are namespaces of this machine (tools/hosts_sandbox.sh; root). It needs a
core for each rank and thread, and should be quiet; numbers of hosts for which cores are missing are left
out. Options behind -- are given to bench.
"""
FILE = "validation.csv"
CASE = ["model", "batch", "hosts", "ranks", "threads"]


@dataclass
class Plan:
    cases: list[Point]
    rounds: int
    steps: int  # that are measured
    simulated_steps: int
    launcher: Optional[list[str]]  # None: the hosts are namespaces
    platform: Optional[Path]
    program: str
    out: Path
    options: list[str]


def _parser() -> Parser:
    parser = Parser("scaling.py validate", WORDS)
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("runs/validation"), help="(runs/validation)")
    parser.add_argument("--models", metavar="MODEL", nargs="+", default=["cnn", "lstm"], help="(cnn lstm)")
    parser.add_argument("--batch-sizes", metavar="N", nargs="+", type=int, default=[64], help="of a rank (64)")
    parser.add_argument("--hosts", metavar="N", nargs="+", type=int, default=[2], help="one case for each number (2)")
    parser.add_argument("--ranks", metavar="N", type=int, default=1, help="of each host (1)")
    parser.add_argument("--threads", metavar="N", type=int, default=1, help="of each rank (1)")
    parser.add_argument("--rounds", metavar="N", type=int, default=7, help="(7)")
    parser.add_argument("--steps", metavar="N", type=int, default=200, help="measured, of each run (200)")
    parser.add_argument("--simulated-steps", metavar="N", type=int, default=100, help="of each run (100)")
    parser.add_argument(
        "--launcher", metavar="WORDS", help="starts a rank for each place of the hosts, such as 'srun -N 2 -n 2'; wants --platform"
    )
    parser.add_argument("--platform", metavar="FILE", help="the network (measured by tools/platforms/measure.c)")
    parser.add_argument("--program", metavar="PATH", help="mnist_dist")
    return parser


def layouts_of(
    hosts: list[int], ranks: int, threads: int, cores: Optional[int]
) -> tuple[list[tuple[int, int]], list[str]]:
    """(hosts, ranks of all hosts) of each number of hosts for which there are cores, and in words what is missing
    for the others. cores: of all hosts together; None: not known."""
    found, missing = [], []
    for number in dict.fromkeys(hosts):
        wanted = number * ranks * threads
        if cores is not None and wanted > cores:
            missing.append(
                f"{number} hosts x {ranks} ranks x {threads} threads: {wanted} cores are needed, {cores} are here"
            )
        else:
            found.append((number, number * ranks))
    return found, missing


def _sandbox(hosts: int, ranks: int) -> list[str]:
    script = HOME / "tools/hosts_sandbox.sh"
    if not script.is_file():
        raise MissingInput(f"{script}: no such file: name --launcher and --platform")
    return [str(script), str(hosts), "--", find_launcher(), "-n", str(ranks), "--map-by", "node"]


def _cases(given: Namespace) -> list[Point]:
    cores = None if given.launcher else len(os.sched_getaffinity(0))
    layouts, missing = layouts_of(given.hosts, given.ranks, given.threads, cores)
    for words in missing:
        print(f"left out: {words}", file=sys.stderr)
    if not layouts:
        raise UsageError(f"no case is left: {missing[0]}")
    return [
        Point(model, size, size * ranks, hosts, ranks, given.threads)
        for model in given.models
        for size in given.batch_sizes
        for hosts, ranks in layouts
    ]


def plan_of(words: list[str]) -> Plan:
    own, behind = split_options(words)
    given = _parser().parse_args(own)
    for name in ("ranks", "threads", "rounds", "steps", "simulated_steps"):
        must_be_positive(name.replace("_", "-"), getattr(given, name))
    must_be_positive("batch-sizes", *given.batch_sizes)
    must_be_positive("hosts", *given.hosts)
    if given.launcher and not given.platform:
        raise UsageError("--launcher wants --platform: the network between its hosts")
    if given.launcher and len(given.hosts) > 1:
        raise UsageError("--launcher starts one number of ranks: give one number of --hosts")
    return Plan(
        cases=_cases(given),
        rounds=given.rounds,
        steps=given.steps,
        simulated_steps=given.simulated_steps,
        launcher=shlex.split(given.launcher) if given.launcher else None,
        platform=find_platform(given.platform) if given.platform else None,
        program=os.path.abspath(find_program(given.program)),
        out=make_folder(given.out),
        options=behind,
    )


class Network:
    """The platform file of a round. That between the namespaces is measured in each round, because its speed, too,
    differs from connection to connection."""

    def __init__(self, plan: Plan):
        self._plan = plan
        self._largest = max(plan.cases, key=lambda case: case.nodes)
        self._program = plan.out / "measure"
        self._measured = plan.platform is None and self._largest.nodes > 1
        if self._measured:
            self._build()

    def _build(self) -> None:
        compiler = shutil.which("mpicc")
        if not compiler:
            raise MissingInput("mpicc was not found: it builds tools/platforms/measure.c; or name --platform")
        output_of([compiler, "-O2", str(simulate.PLATFORMS / "measure.c"), "-o", str(self._program)])

    def of_round(self, number: int) -> Path:
        if not self._measured:  # a host alone has no network
            return self._plan.platform or find_platform("ethernet-25")
        case, path = self._largest, self._plan.out / f"network-{number}.xml"
        cores = case.ranks // case.nodes * case.threads
        words = [*_sandbox(2, 2), str(self._program.resolve()), str(case.nodes), str(cores)]
        write_whole(path, output_of(words).encode())
        return path


# ---- one round of a case ----


def _real_ms(plan: Plan, case: Point) -> float:
    launcher = plan.launcher or _sandbox(case.nodes, case.ranks)
    words = [*launcher, plan.program, "bench", f"--max-steps={plan.steps}"]
    words += [*case.bench_options, *plan.options]
    bench = json.loads(output_of(words))
    if (bench["hosts"], bench["ranks"]) != (case.nodes, case.ranks):
        raise UsageError(f"the launcher started {bench['ranks']} ranks on {bench['hosts']} hosts, not {case}")
    return float(bench["step_ms"]["total"])


class Case:
    """A point, its trace, and that of one of its hosts."""

    def __init__(self, plan: Plan, point: Point):
        self.point = point
        self._plan = plan
        batch, ranks = point.batch // point.nodes, point.ranks // point.nodes
        self._here = Point(point.model, point.size, batch, 1, ranks, point.threads)
        self._trace = simulate.trace_of(point, plan.options, plan.program)
        self._work = simulate.work_on_one_host(self._here, plan.options, plan.program)

    def round(self, number: int, platform: Path) -> dict[str, Any]:
        plan = self._plan
        real = _real_ms(plan, self.point)
        benches = calibration.measure(
            self._here, plan.steps, plan.options, plan.program, self.point.nodes
        )
        known = Calibration(benches, self._work)
        row: dict[str, Any] = {"round": number, "real_ms": real}
        for how in (simulate.DRAWN, simulate.MEANS):
            found = simulate.simulate(self._trace, known, platform, plan.simulated_steps, how, number)
            row[f"{how}_ms"] = found.step_ms
            row[f"{how}_error_percent"] = 100 * (found.step_ms / real - 1)
        return row


def _rows(plan: Plan) -> Iterator[dict[str, Any]]:
    cases, network = [Case(plan, point) for point in plan.cases], Network(plan)
    for number in range(1, plan.rounds + 1):
        platform = network.of_round(number)
        for case in cases:
            point = case.point
            row = case.round(number, platform)
            yield dict(zip(CASE, (point.model, point.batch, point.nodes, point.ranks, point.threads))) | row
            print(f"round {number}, {point}: real {row['real_ms']:.3f} ms, simulated {row['drawn_ms']:.3f} ms", file=sys.stderr)


# ---- what is known of the errors ----


@dataclass
class Error:
    """Of a case: how many percent a simulated step is longer than the real one, by round."""

    case: str
    drawn: list[float]
    means: list[float]
    real_ms: float


def _text(errors: list[float]) -> str:
    return f"{median(errors):+.1f} % ({min(errors):+.1f} to {max(errors):+.1f})"


def errors_of(rows: pd.DataFrame) -> list[Error]:
    found = []
    for (model, batch, hosts, ranks, threads), rounds in rows.groupby(CASE, sort=False):
        point = Point(str(model), int(batch), int(batch), int(hosts), int(ranks), int(threads))
        drawn, means = (list(rounds[f"{how}_error_percent"]) for how in (simulate.DRAWN, simulate.MEANS))
        found.append(Error(str(point), drawn, means, float(rounds["real_ms"].median())))
    return found


def run(words: list[str]) -> None:
    simulate.find_simgrid()
    plan = plan_of(words)
    rows = pd.DataFrame(list(_rows(plan)))
    write_whole(plan.out / FILE, rows.to_csv(index=False).encode())
    print("errors of a simulated step: the median of the rounds, and their range")
    for error in errors_of(rows):
        print(f"{error.case}: real {error.real_ms:.3f} ms; drawn {_text(error.drawn)}; means {_text(error.means)}")
    print(plan.out / FILE)
