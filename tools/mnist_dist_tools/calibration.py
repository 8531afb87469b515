"""How long the parts of a step take on a host: from steps that `bench --per-rank` measured there.

The ranks of a host share memory and send no messages, so that what messages cost is not in the
calibration: it is in the platform. They sum all layers as hosts do (--share=plain). Each rank needs a core
for each of its threads: waiting for a core would count as computing."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from .cli import make_folder, write_whole
from .errors import BrokenRun
from .program import find_launcher, find_program, output_of
from .scaling import Point

# By part of bench's samples: the parts of the traces whose seconds it has.
PARTS = {
    "compute": ["forward", "backward"],
    "sum": ["sum", "merge"],
    "update": ["update"],
    "prepare": ["prepare"],
}
LEAST_SAMPLES = 20


@dataclass
class Calibration:
    """benches: what bench printed, of each of several runs of the ranks of a host, because a run differs from
    the next by more than its steps do; work: by rank, the operations of a step by part of the traces."""

    benches: list[dict[str, Any]]
    work: list[dict[str, float]]

    def __post_init__(self) -> None:
        try:
            self._of_run = [
                min(len(r["sample_ms"]["step"]) for r in bench["per_rank"]) for bench in self.benches
            ]
            self.samples = sum(self._of_run)
            if any(len(bench["per_rank"]) != len(self.work) for bench in self.benches):
                raise BrokenRun("the runs of a calibration have different numbers of ranks")
        except (KeyError, TypeError) as error:
            raise BrokenRun("a calibration is what bench --per-rank printed") from error
        if self.samples < LEAST_SAMPLES:
            raise BrokenRun(
                f"a calibration of {self.samples} steps: at least {LEAST_SAMPLES} show the spread"
            )

    @property
    def ranks(self) -> int:
        return len(self.work)

    @cached_property
    def _rates(self) -> list[dict[str, npt.NDArray[np.float64]]]:
        found = []
        for rank, work in enumerate(self.work):
            rates = {}
            for measured, parts in PARTS.items():
                operations = sum(
                    work.get(part, 0.0) for part in parts if part != "merge"
                )  # bench counts merging to the exchange
                runs = [
                    bench["per_rank"][rank]["sample_ms"][measured][:samples]
                    for bench, samples in zip(self.benches, self._of_run)
                ]
                seconds = np.concatenate(runs).astype(float) / 1e3
                for part in parts:
                    rates[part] = seconds / operations if operations else 0 * seconds
            found.append(rates)
        return found

    def seconds_per_operation(self, rank: int) -> dict[str, npt.NDArray[np.float64]]:
        """By part of the traces, for each measured step."""
        return self._rates[rank]


def measure(
    point: Point, steps: int, options: list[str], program: Optional[str], hosts: int = 1
) -> list[dict[str, Any]]:
    """What bench prints of the ranks of a host, measured on this machine; of several hosts at the same time, so
    that as many cores are busy."""
    words = [find_launcher(), "--bind-to", "none", "--oversubscribe", "-n", str(point.ranks)]
    words += [find_program(program), "bench", "--per-rank", "--share=plain", f"--max-steps={steps}"]
    words += [*point.bench_options, *options]
    with ThreadPoolExecutor(hosts) as pool:
        return [dict(json.loads(text)) for text in pool.map(output_of, [words] * hosts)]


def keep(runs: list[dict[str, Any]], path: Path) -> None:
    make_folder(path.parent)
    write_whole(path, "".join(json.dumps(bench) + "\n" for bench in runs).encode())


def read(path: Path) -> list[dict[str, Any]]:
    """The runs of a file: an object of JSON a line."""
    try:
        return [dict(json.loads(line)) for line in path.read_text().splitlines() if line.strip()]
    except (OSError, ValueError, TypeError) as error:
        raise BrokenRun(f"{path}: no calibration: {error}") from error
