"""Replays the training steps of layouts that are not there with SimGrid: `scaling.py simulate`.

The program writes the traces (`bench --write-trace`): who computes what, and who sends how many bytes to
whom. How long a part takes is drawn from steps that were measured on one host of this kind
(calibration.py): a step of all of its ranks at once, so that what disturbs a host disturbs its ranks
together. What moves over the network, and what a message costs a processor, says the platform file.

H. Casanova, F. Desprez, G. S. Markomanolis, F. Suter, "Simulation of MPI applications with time-
independent traces", Concurrency and Computation, 2015; time drawn from its distribution instead of its
mean: T. Cornebize, A. Legrand, "Simulation-based optimization and sensibility analysis of MPI
applications: variability matters", JPDC, 2022."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from .calibration import Calibration
from .errors import BrokenRun, MissingInput
from .program import command
from .scaling import Point

OPERATIONS_PER_S = 1e9  # of a processor in the platform files
QUIET = ["--log=xbt_cfg.thresh:warning", "--log=smpi_config.thresh:error"]
PLATFORMS = Path(__file__).resolve().parents[1] / "platforms"
TIME = re.compile(r"Simulation time (\S+)")
DRAWN, MEANS = "drawn", "means"


@dataclass
class Trace:
    """The actions of one step of each rank, as `bench --write-trace` wrote them."""

    about: dict[str, Any]
    hosts: list[int]  # of each rank
    texts: list[list[str]]  # of each rank: what stands between its computations
    parts: list[list[str]]  # of each rank: "forward", "sum", ...
    amounts: list[npt.NDArray[np.float64]]

    @property
    def ranks(self) -> int:
        return len(self.texts)

    def work_of(self, rank: int) -> dict[str, float]:
        """Operations by part."""
        found: dict[str, float] = {}
        for part, amount in zip(self.parts[rank], self.amounts[rank]):
            found[part] = found.get(part, 0.0) + float(amount)
        return found


def _cut(text: str) -> tuple[list[str], list[str], npt.NDArray[np.float64]]:
    """The lines between computations, and the computations. Without init and finalize."""
    between: list[list[str]] = [[]]
    parts, amounts = [], []
    for line in text.splitlines(keepends=True)[1:-1]:
        words = line.split()
        if words[1] == "compute":
            amounts.append(float(words[2]))
            parts.append(words[3])
            between.append([])
        else:
            between[-1].append(line)
    return ["".join(lines) for lines in between], parts, np.array(amounts)


def read_trace(folder: Path) -> Trace:
    """Of a folder whose traces have one step."""
    try:
        about = json.loads((folder / "trace.json").read_text())
        if about["steps"] != 1:
            raise BrokenRun(f"{folder}: traces of {about['steps']} steps, not of one")
        names = (folder / "index.txt").read_text().split()
        hosts = [int(h.removeprefix("host-")) for h in (folder / "hosts.txt").read_text().split()]
        cut = [_cut((folder / name).read_text()) for name in names]
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise BrokenRun(f"{folder}: these traces cannot be read: {error}") from error
    return Trace(about, hosts, *[list(column) for column in zip(*cut)])


def trace_of(point: Point, options: list[str], program: Optional[str] = None) -> Trace:
    """Asks the program for the traces of a point."""
    with tempfile.TemporaryDirectory(prefix="mnist_dist-") as folder:
        words = ["bench", f"--write-trace={folder}", "--max-steps=1", *point.bench_options]
        words += [f"--ranks={point.ranks}", f"--hosts={point.nodes}"]
        command(*words, *options, program=program)
        return read_trace(Path(folder))


def work_on_one_host(point: Point, options: list[str], program: Optional[str]) -> list[dict[str, float]]:
    """The operations by part of each rank of a calibration (calibration.measure)."""
    trace = trace_of(point, options, program)
    return [trace.work_of(rank) for rank in range(trace.ranks)]


# ---- seconds for operations ----


def seconds_of(
    trace: Trace, known: Calibration, steps: int, how: str, rng: np.random.Generator
) -> list[npt.NDArray[np.float64]]:
    """For each rank the seconds of its computations, [steps, computations]."""
    samples = known.samples
    rows = rng.integers(0, samples, (max(trace.hosts) + 1, steps))
    found = []
    for rank, host in enumerate(trace.hosts):
        rates = known.seconds_per_operation(rank % known.ranks)  # by part, [samples]
        columns = [
            rates[part].mean() * np.ones(steps) if how == MEANS else rates[part][rows[host]]
            for part in trace.parts[rank]
        ]
        table = np.array(columns).reshape(len(columns), steps).T
        found.append(table * trace.amounts[rank])
    return found


def _filled(rank: int, texts: list[str], seconds: npt.NDArray[np.float64]) -> str:
    """The text of a trace file."""
    lines = [f"{rank} init\n"]
    for step in seconds:
        lines.append(texts[0])
        for text, value in zip(texts[1:], step):
            lines.append(f"{rank} compute {value * OPERATIONS_PER_S:.0f}\n{text}")
    lines.append(f"{rank} finalize\n")
    return "".join(lines)


# ---- SimGrid ----


def find_simgrid() -> str:
    found = shutil.which("smpirun")
    if not found:
        raise MissingInput("smpirun was not found: apt-get install libsimgrid-dev")
    return found


def replay(folder: Path, platform: Path, ranks: int, timeout_s: Optional[float] = None) -> float:
    """Simulated seconds of the traces that folder/index.txt names, on the hosts of folder/hosts.txt."""
    words = [find_simgrid(), "-np", str(ranks), "-platform", str(platform.resolve())]
    words += ["-hostfile", "hosts.txt", "-replay", "index.txt", *QUIET]
    words += ["--cfg=contexts/factory:raw"]
    own = dict(os.environ, LC_ALL="C")
    done = subprocess.run(
        words, cwd=folder, env=own, text=True, capture_output=True, check=False, timeout=timeout_s
    )
    said = done.stdout + done.stderr
    time = TIME.search(said)
    if done.returncode or not time:
        last = [line for line in said.splitlines() if line.strip()]
        raise BrokenRun(f"{platform.name}: SimGrid: {last[-1] if last else 'it said nothing'}")
    return float(time.group(1))


@dataclass
class Simulated:
    """One repetition. Efficiencies are those of scaling_pop.py; computations are known, not drawn."""

    step_ms: float
    mpi_efficiency: float
    load_balance: float
    communication_efficiency: float
    slowest_rank: int


def simulate(
    trace: Trace, known: Calibration, platform: Path, steps: int, how: str = DRAWN, seed: int = 1
) -> Simulated:
    seconds = seconds_of(trace, known, steps, how, np.random.default_rng(seed))
    with tempfile.TemporaryDirectory(prefix="mnist_dist-") as name:
        folder = Path(name)
        for rank, table in enumerate(seconds):
            (folder / f"{rank}.trace").write_text(_filled(rank, trace.texts[rank], table))
        (folder / "index.txt").write_text("".join(f"{r}.trace\n" for r in range(trace.ranks)))
        (folder / "hosts.txt").write_text("".join(f"host-{h}\n" for h in trace.hosts))
        whole = replay(folder, platform, trace.ranks)
    outside = np.array([table.sum() for table in seconds])
    return Simulated(
        step_ms=whole / steps * 1e3,
        mpi_efficiency=float(outside.mean()) / whole,
        load_balance=float(outside.mean() / outside.max()),
        communication_efficiency=float(outside.max()) / whole,
        slowest_rank=int(outside.argmax()),
    )
