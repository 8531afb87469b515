"""How long the parts of a step take on a host: from steps that `bench --per-rank` measured there.

The ranks of the calibration share no memory (--share=off), so that they compute what the ranks of several
hosts compute: on one host a large dense layer would be summed in another way. Each rank needs a core
for each of its threads: waiting for a core would count as computing."""

from __future__ import annotations

import json
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
    """bench: what it printed; work: by rank, the operations of a step by part of the traces."""

    bench: dict[str, Any]
    work: list[dict[str, float]]

    def __post_init__(self) -> None:
        try:
            self.samples = min(len(r["sample_ms"]["step"]) for r in self.bench["per_rank"])
        except (KeyError, TypeError) as error:
            raise BrokenRun("a calibration is what bench --per-rank printed") from error
        if self.samples < LEAST_SAMPLES:
            raise BrokenRun(
                f"a calibration of {self.samples} steps: at least {LEAST_SAMPLES} show the spread"
            )

    @property
    def ranks(self) -> int:
        return len(self.work)

    @property
    def batch(self) -> int:
        return int(self.bench["batch_size"])

    @cached_property
    def _rates(self) -> list[dict[str, npt.NDArray[np.float64]]]:
        found = []
        for rank, work in zip(self.bench["per_rank"], self.work):
            rates = {}
            for measured, parts in PARTS.items():
                operations = sum(
                    work.get(part, 0.0) for part in parts if part != "merge"
                )  # bench counts merging to the exchange
                seconds = np.array(rank["sample_ms"][measured][: self.samples], float) / 1e3
                for part in parts:
                    rates[part] = seconds / operations if operations else 0 * seconds
            found.append(rates)
        return found

    def seconds_per_operation(self, rank: int) -> dict[str, npt.NDArray[np.float64]]:
        """By part of the traces, for each measured step."""
        return self._rates[rank]


def measure(point: Point, steps: int, options: list[str], program: Optional[str]) -> dict[str, Any]:
    """What bench prints of a point on this machine."""
    words = [find_launcher(), "--bind-to", "none", "--oversubscribe", "-n", str(point.ranks)]
    words += [find_program(program), "bench", "--per-rank", "--share=off", f"--model={point.model}"]
    words += [f"--threads={point.threads}", f"--batch-size={point.batch}", f"--max-steps={steps}"]
    return dict(json.loads(output_of([*words, *options])))


def keep(bench: dict[str, Any], path: Path) -> None:
    make_folder(path.parent)
    write_whole(path, (json.dumps(bench) + "\n").encode())


def read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise BrokenRun(f"{path}: no calibration: {error}") from error
