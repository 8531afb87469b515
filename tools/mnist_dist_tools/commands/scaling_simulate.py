"""The command `scaling.py simulate`: a study of layouts that are not there."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Iterator, Optional

import pandas as pd

from .. import calibration, simulate
from ..calibration import Calibration
from ..cli import Parser, must_be_positive, split_options
from ..errors import BrokenRun, MissingInput, UsageError
from ..program import find_program
from ..scaling import SIMULATED, STRONG, WEAK, Point, Study
from ..scaling_draw import draw
from ..scaling_files import series_name
from ..scaling_run import order_of

WORDS = """Simulates a scaling study of hosts that are not there, and draws it: OUT/scaling.html, scaling.csv and more.

strong: --batch-size is the batch of all ranks together.
weak:   --batch-size is the batch of each rank.

The program writes who sends what to whom (bench --write-trace). How long a rank computes is drawn from
steps that are measured on this machine, on as many ranks as a host will have, unless they are in the
folder of --calibration already. SimGrid then moves the messages over the network of the platform file. So this
machine should be quiet, and like one of the hosts.

Options behind -- are given to bench, such as -- --data=synthetic --optimizer=sgd
"""


@dataclass
class Plan:
    rule: str
    model: str
    size: int
    hosts: list[int]
    ranks: int  # of a host
    threads: int
    platform: Path
    out: Path
    calibration: Path  # a folder
    steps: int
    repetitions: int
    measured_steps: int
    measured_runs: int
    how: str
    seed: int
    program: Optional[str]
    measured_ranks: int = 0
    real: list[Path] = field(default_factory=list)
    validation: Optional[Path] = None
    options: list[str] = field(default_factory=list)

    def point(self, hosts: int) -> Point:
        ranks = hosts * self.ranks
        batch = self.size * ranks if self.rule == WEAK else self.size
        return Point(self.model, self.size, batch, hosts, ranks, self.threads)


def _parser() -> Parser:
    parser = Parser("scaling.py simulate", WORDS)
    parser.add_argument("rule", choices=[STRONG, WEAK])
    parser.add_argument("--out", metavar="DIR", type=Path, help="(runs/simulated-RULE)")
    parser.add_argument("--model", default="cnn", help="(cnn)")
    parser.add_argument("--batch-size", metavar="N", type=int, help="(strong: 2048; weak: 64)")
    parser.add_argument(
        "--hosts", metavar="N", nargs="+", type=int, default=[2**i for i in range(7)], help="(1 2 4 ... 64)"
    )
    parser.add_argument("--ranks", metavar="N", type=int, default=2, help="of each host (2)")
    parser.add_argument("--threads", metavar="N", type=int, default=1, help="of each rank (1)")
    parser.add_argument(
        "--platform", metavar="FILE", default="ethernet-25", help="SimGrid's, or a name in tools/platforms (ethernet-25)"
    )
    parser.add_argument("--repetitions", metavar="N", type=int, default=5, help="of a point (5; with --means 1)")
    parser.add_argument("--steps", metavar="N", type=int, default=20, help="of a repetition (20)")
    parser.add_argument(
        "--calibration", metavar="DIR", type=Path, help="measured steps, also of another study (OUT/calibration)"
    )
    parser.add_argument(
        "--measured-steps", metavar="N", type=int, default=200, help="of a run of a calibration (200)"
    )
    parser.add_argument(
        "--measured-runs", metavar="N", type=int, default=5, help="of a calibration (5)"
    )
    parser.add_argument(
        "--measured-ranks", metavar="N", type=int, help="of a calibration (as --ranks)"
    )
    parser.add_argument(
        "--real",
        metavar="FILE",
        nargs="+",
        type=Path,
        default=[],
        help="what bench printed on some of the points: the error stands beside the points",
    )
    parser.add_argument(
        "--validation", metavar="FILE", type=Path, help="of `scaling.py validate`: its largest error stands beside the points"
    )
    parser.add_argument(
        "--means", action="store_true", help="compute for the mean time, instead of drawing it"
    )
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="of the draws (1)")
    parser.add_argument("--program", metavar="PATH", help="mnist_dist")
    return parser


def find_platform(name: str) -> Path:
    for path in (Path(name), simulate.PLATFORMS / f"{name}.xml"):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in simulate.PLATFORMS.glob("*.xml")))
    raise MissingInput(f"--platform={name}: no such file, and not one of {known}")


def plan_of(words: list[str]) -> Plan:
    own, behind = split_options(words)
    given = _parser().parse_args(own)
    size = given.batch_size if given.batch_size is not None else 64 if given.rule == WEAK else 2048
    for name in ("ranks", "threads", "repetitions", "steps", "measured_steps", "measured_runs"):
        must_be_positive(name.replace("_", "-"), getattr(given, name))
    if size < 1 or min(given.hosts) < 1:
        raise UsageError("--batch-size and --hosts are at least 1")
    out = given.out or Path(f"runs/simulated-{given.rule}")
    return Plan(
        rule=given.rule,
        model=given.model,
        size=size,
        hosts=sorted(set(given.hosts)),
        ranks=given.ranks,
        threads=given.threads,
        platform=find_platform(given.platform),
        out=out,
        calibration=given.calibration or out / "calibration",
        steps=given.steps,
        repetitions=1 if given.means else given.repetitions,
        measured_steps=given.measured_steps,
        measured_runs=given.measured_runs,
        how=simulate.MEANS if given.means else simulate.DRAWN,
        seed=given.seed,
        program=given.program,
        measured_ranks=given.measured_ranks or given.ranks,
        real=given.real,
        validation=given.validation,
        options=behind,
    )


# ---- calibration ----


def _images_of_a_rank(trace: simulate.Trace) -> int:
    """The most that a rank has in a step."""
    about = trace.about
    leaves = -(-about["batch_size"] // about["grain"])
    return min(int(about["batch_size"]), -(-leaves // about["ranks"]) * int(about["grain"]))


def _calibrations(plan: Plan, sizes: list[int]) -> dict[int, Calibration]:
    """By number of images of a rank. Those that are missing are measured in turn, each time beginning with
    another one: what changes on the machine meanwhile meets all of them alike."""
    ranks = plan.measured_ranks
    here = {n: Point(plan.model, plan.size, n * ranks, 1, ranks, plan.threads) for n in sizes}
    paths = {
        n: plan.calibration / f"{series_name(plan.model, n)}-{ranks}x{plan.threads}.jsonl"
        for n in sizes
    }
    missing = [n for n in sizes if not paths[n].is_file()]
    runs: dict[int, list[dict[str, Any]]] = {n: [] for n in missing}
    for i in range(plan.measured_runs if missing else 0):
        for n in order_of(missing, i):
            print(f"measures {ranks} ranks on {n} images each, run {i + 1}", file=sys.stderr)
            runs[n] += calibration.measure(here[n], plan.measured_steps, plan.options, plan.program)
    for n in missing:
        calibration.keep(runs[n], paths[n])
    return {
        n: Calibration(
            calibration.read(paths[n]),
            simulate.work_on_one_host(here[n], plan.options, plan.program),
        )
        for n in sizes
    }


# ---- the study ----


def _rows(plan: Plan) -> Iterator[dict[str, Any]]:
    points = [plan.point(hosts) for hosts in plan.hosts]
    traces = [simulate.trace_of(point, plan.options, plan.program) for point in points]
    images = [_images_of_a_rank(trace) for trace in traces]
    known = _calibrations(plan, sorted(set(images)))
    for hosts, point, trace, rates in zip(plan.hosts, points, traces, [known[n] for n in images]):
        for repetition in range(plan.repetitions):
            seed = plan.seed + 1000 * repetition + hosts
            found = simulate.simulate(trace, rates, plan.platform, plan.steps, plan.how, seed)
            yield vars(point) | vars(found) | {
                "repetition": repetition,
                "cores": hosts * plan.ranks * plan.threads,
                "messages": trace.about["step"]["messages"],
                "most_messages": trace.about["step"]["most_messages"],
                "most_bytes": trace.about["step"]["most_bytes"],
            }
            print(f"{point}: {found.step_ms:.3f} ms a step, simulated", file=sys.stderr)


def errors_of(rows: pd.DataFrame, real: list[Path]) -> dict[int, float]:
    """By number of hosts: how many percent the simulated step is longer than the real one. Of several
    files of a layout the median counts."""
    steps: dict[int, list[float]] = {}
    for path, bench in ((path, bench) for path in real for bench in calibration.read(path)):
        try:
            key = [bench[name] for name in ("hosts", "ranks", "threads", "batch_size")]
            same = rows[["nodes", "ranks", "threads", "batch"]].eq(key).all(axis=1)
            step = float(bench["step_ms"]["total"])
        except (KeyError, TypeError, ValueError) as error:
            raise BrokenRun(f"{path}: not what bench prints: {error}") from error
        if not same.any():
            raise UsageError(f"--real={path}: {key[1]} ranks on {key[0]} hosts are no point here")
        steps.setdefault(int(key[0]), []).append(step)
    simulated = rows.groupby("nodes")["step_ms"].median()
    return {n: 100 * (float(simulated[n]) / median(found) - 1) for n, found in steps.items()}


def _validated(path: Path, how: str) -> dict[str, float]:
    """By case of `scaling.py validate`: the median error of its rounds."""
    try:
        rows = pd.read_csv(path)
        cases = rows.groupby(["model", "batch", "hosts", "ranks"])[f"{how}_error_percent"].median()
    except (OSError, KeyError, ValueError) as error:
        raise BrokenRun(f"{path}: not what scaling.py validate wrote: {error}") from error
    return {
        f"{model}, batch {batch:,}, {ranks} ranks on {hosts} hosts": float(value)
        for (model, batch, hosts, ranks), value in cases.items()
    }


def _add_errors(rows: pd.DataFrame, plan: Plan) -> str:
    """Beside each point stands its own error, or else the largest that was found. What was compared."""
    own = errors_of(rows, plan.real)
    known = {f"{n} hosts": error for n, error in own.items()}
    if plan.validation:
        known |= _validated(plan.validation, plan.how)
    if known:
        largest = max(known.values(), key=abs)
        rows["error_percent"] = [own.get(nodes, largest) for nodes in rows["nodes"]]
    return "; ".join(f"{case}: {error:+.1f} %" for case, error in known.items()) or "not at all"


def study_of(plan: Plan) -> Study:
    simulate.find_simgrid()
    find_program(plan.program)
    rows = pd.DataFrame(list(_rows(plan)))
    checked = _add_errors(rows, plan)
    about = {
        "platform": plan.platform.stem,
        "times": "drawn from measured steps" if plan.how == simulate.DRAWN else "means of measured steps",
        "ranks of a host": plan.ranks,
        "steps of a repetition": plan.steps,
        "seed": plan.seed,
        "options": " ".join(plan.options),
        "checked": checked,
    }
    return Study(plan.rule, rows, SIMULATED, about)


def run(words: list[str]) -> None:
    plan = plan_of(words)
    print(draw(study_of(plan), plan.out))
