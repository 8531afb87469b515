"""Measures the points of a scaling study with `bench --per-rank`, in an order that is fair to all of
them, and goes on where an earlier call was stopped.

  OUT/study.json           what is measured: rule, points, options, program, machine
  OUT/measurements.jsonl   a line for each measurement, written when it is complete: the point, the
                           repetition, and what bench printed

Repetition by repetition all points are measured, each time beginning with another one: so what
changes slowly on the machine (its clock, other users) meets all points alike."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shlex
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterator, Optional, TypeVar

import pandas as pd

from . import scaling_pop
from .cli import make_folder, write_whole
from .errors import BrokenRun, CannotWrite, MissingInput, UsageError
from .program import environment, failure, find_launcher, find_program, output_of
from .scaling import Point, Study

T = TypeVar("T")

STUDY, MEASUREMENTS = "study.json", "measurements.jsonl"
LAUNCHERS = ["mpirun", "srun"]
MOST_WAIT_S = 20  # for a program that was told to stop
# What must be the same when a study goes on.
FIXED = ["rule", "points", "steps", "options", "launcher", "version", "machine"]

Report = Callable[[int, Point, int, dict[str, Any]], None]


@dataclass(frozen=True)
class Launch:
    """How ranks are started. slurm: inside of an allocation, whose tasks are not exceeded."""

    name: str = "mpirun"
    options: tuple[str, ...] = ()
    slurm: bool = False

    def command(self, point: Point, program: str) -> list[str]:
        if self.name == "srun":
            words = ["srun", f"--nodes={point.nodes}", f"--ntasks={point.ranks}"]
            words += ["--kill-on-bad-exit=1", f"--cpus-per-task={point.threads}"]
            return [*words, *self.options, program]
        if point.ranks == 1 and not self.slurm and not self.options:
            return [program]
        words = [find_launcher(), "--bind-to", "none", "-n", str(point.ranks)]
        if not self.slurm:
            words.append("--oversubscribe")
        if point.nodes > 1:
            words += ["--map-by", f"ppr:{-(-point.ranks // point.nodes)}:node"]
        return [*words, *self.options, program]


@dataclass
class Plan:
    """What is to be measured. options: further options of bench; threads are those of the point."""

    rule: str
    points: list[Point]
    repetitions: int = 5
    steps: int = 100
    options: list[str] = field(default_factory=list)
    program: Optional[str] = None
    launch: Launch = field(default_factory=Launch)
    base: Optional[str] = None

    def about(self, program: str) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "points": [asdict(point) for point in self.points],
            "repetitions": self.repetitions,
            "steps": self.steps,
            "options": self.options,
            "launcher": " ".join([self.launch.name, *self.launch.options]),
            "version": version_of(program),
            "machine": machine(),
            "base": self.base,
        }


def version_of(program: str) -> str:
    return output_of([program, "--version"]).split("\n")[0].strip()


def machine() -> dict[str, Any]:
    """Where the study runs: the host that starts the ranks."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return {
        "host": platform.node(),
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()}",
    }


# ---- the folder ----


@contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Makes the folder; while it is open, no other study can work there."""
    descriptor = os.open(make_folder(folder), os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise CannotWrite(f"{folder}: another study works there") from error
    except OSError:
        pass  # a file system without locks
    try:
        yield
    finally:
        os.close(descriptor)


def _about_of(folder: Path) -> Optional[dict[str, Any]]:
    path = folder / STUDY
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise BrokenRun(f"{path}: cannot be read: {error}") from error


def _begin(folder: Path, about: dict[str, Any]) -> None:
    """Writes study.json, or makes sure that the study there is this one."""
    there = _about_of(folder)
    if there is not None:
        other = [name for name in FIXED if there.get(name) != about[name]]
        if other:
            raise UsageError(
                f"{folder}: holds another study: it differs in {', '.join(other)}; name another"
                " folder with --out"
            )
    write_whole(folder / STUDY, (json.dumps(about, indent=1) + "\n").encode())


def _records(folder: Path) -> list[dict[str, Any]]:
    """The complete lines of measurements.jsonl. A line without an end was being written when the
    study was stopped; it is measured again."""
    path = folder / MEASUREMENTS
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    found = []
    for number, line in enumerate(lines[:-1], 1):
        try:
            record = json.loads(line)
            record["point"] = Point(**record["point"])
            found.append(record)
        except (ValueError, TypeError, KeyError) as error:
            raise BrokenRun(f"{path}, line {number}: cannot be read: {error}") from error
    return found


def _append(folder: Path, record: dict[str, Any]) -> None:
    path = folder / MEASUREMENTS
    line = json.dumps(record | {"point": asdict(record["point"])}, separators=(",", ":")) + "\n"
    try:
        with open(path, "ab+") as file:
            file.truncate(_length_of_whole_lines(path))
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CannotWrite(f"{path}: cannot write: {error.strerror}") from error


def _length_of_whole_lines(path: Path) -> int:
    return path.read_bytes().rfind(b"\n") + 1


# ---- measuring ----


def bench_words(plan: Plan, point: Point) -> list[str]:
    return ["bench", "--per-rank", *point.bench_options, f"--max-steps={plan.steps}", *plan.options]


def _stop(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(MOST_WAIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _measure(command: list[str]) -> dict[str, Any]:
    """The JSON object that bench prints."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=environment(),
            start_new_session=True,  # a signal reaches this process alone, which stops the ranks
        )
        try:
            process.wait()
        except BaseException:
            _stop(process)
            raise
        output.seek(0)
        errors.seek(0)
        text, said = output.read().decode(errors="replace"), errors.read().decode(errors="replace")
    if process.returncode:
        error = failure(process.returncode, said)
        raise type(error)(f"{error}: {shlex.join(command)}", error.code)
    try:
        return dict(json.loads(text.strip().split("\n")[-1]))
    except (ValueError, TypeError) as error:
        raise BrokenRun(f"what bench printed is no JSON object: {shlex.join(command)}") from error


def _check(point: Point, bench: dict[str, Any], slurm: bool) -> None:
    """bench ran on the layout that was asked for, with this batch."""
    wanted = {"ranks": point.ranks, "threads": point.threads, "batch_size": point.batch}
    if not slurm:  # whose virtual nodes may be one host
        wanted["hosts"] = point.nodes
    for name, value in wanted.items():
        if bench.get(name) != value:
            raise BrokenRun(f"{point}: {name} was {bench.get(name)}, not {value}: see the launcher")
    scaling_pop.reasons_of(bench)


def order_of(points: list[T], repetition: int) -> list[T]:
    """All points, beginning with another one in each repetition."""
    first = repetition % len(points)
    return points[first:] + points[:first]


def run(plan: Plan, folder: Path, report: Report, begin: Callable[[int, int], None]) -> None:
    """Measures what is missing in the folder. begin: is called with the number of measurements that
    are there, and of all. report: after each one, with its number, point, repetition and what bench
    printed."""
    program = find_program(plan.program)
    with claim(folder):
        _begin(folder, plan.about(program))
        there = {(record["point"], record["repetition"]) for record in _records(folder)}
        wanted = [(p, r) for r in range(plan.repetitions) for p in order_of(plan.points, r)]
        number = sum(key in there for key in wanted)
        begin(number, len(wanted))
        for point, repetition in wanted:
            if (point, repetition) in there:
                continue
            started = time.strftime("%Y-%m-%dT%H:%M:%S%z")
            command = [*plan.launch.command(point, program), *bench_words(plan, point)]
            bench = _measure(command)
            _check(point, bench, plan.launch.slurm)
            record = {"point": point, "repetition": repetition, "started": started, "bench": bench}
            _append(folder, record)
            number += 1
            report(number, point, repetition, bench)


# ---- reading ----


def _cores(bench: dict[str, Any]) -> int:
    """That the ranks may use, of all hosts together."""
    return sum({r["host"]: r["cores"] for r in bench["per_rank"]}.values())


def row_of(point: Point, repetition: int, bench: dict[str, Any]) -> dict[str, Any]:
    """The row of a measurement in Study.repetitions."""
    return (
        asdict(point)
        | {"repetition": repetition, "step_ms": bench["step_ms"]["total"], "cores": _cores(bench)}
        | scaling_pop.reasons_of(bench)
    )


def load(folder: Path) -> Study:
    """The study in this folder, also an unfinished one."""
    about, records = _about_of(folder), _records(folder)
    if about is None:
        raise MissingInput(f"{folder}: no study is here: it has no {STUDY}")
    if not records:
        raise MissingInput(f"{folder}: nothing is measured yet")
    try:
        rows = [row_of(r["point"], r["repetition"], r["bench"]) for r in records]
    except KeyError as error:
        raise BrokenRun(f"{folder / MEASUREMENTS}: a measurement has no {error}") from error
    bench = records[0]["bench"]
    about["isa"], about["warm_up_steps"] = bench.get("isa"), bench.get("warm_up_steps")
    about["dataset"], about["started"] = bench.get("dataset"), records[0]["started"]
    wanted = len(about["points"]) * about["repetitions"]
    about["missing"] = max(wanted - len(records), 0)
    return Study(str(about["rule"]), pd.DataFrame(rows), about=about, base=about.get("base"))
