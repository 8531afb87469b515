"""A scaling study as tables: repetitions, and from them points with their intervals.

A POINT is a model on a layout with a batch. A SERIES holds the points that are compared with each
other: the same model and the same `size`, which is the global batch (strong scaling), or the batch of
a rank (weak scaling). Each series has one BASE case: its point with the fewest workers, unless
another one is named. A worker is a thread of a rank.

Where these numbers come from does not matter here: they are measured (scaling_run.py), or
simulated."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Optional

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import UsageError

STRONG, WEAK = "strong", "weak"
MEASURED, SIMULATED = "measured", "simulated"
RESAMPLES = 10_000
INTERVAL = 0.95
SEED = 1

# What names a point. Efficiencies and phases may be missing from a table of repetitions.
POINT = ["model", "size", "batch", "nodes", "ranks", "threads"]
PHASES = ["forward_ms", "backward_ms", "exchange_ms", "update_ms", "other_ms"]
EFFICIENCIES = [
    "parallel_efficiency",
    "mpi_efficiency",
    "load_balance",
    "load_balance_in_node",
    "load_balance_over_nodes",
    "communication_efficiency",
    "serialisation_efficiency",
    "transfer_efficiency",
    "openmp_efficiency",
    "openmp_load_balance",
    "openmp_serialisation",
]
REASONS = [*EFFICIENCIES, "work_ms", "explained", "slowest_rank", "slowest_host", *PHASES]


@dataclass(frozen=True)
class Point:
    """One model on one layout. size: the number that --batch-size named, of which the rule of the
    study makes `batch`, the samples of one step on all ranks."""

    model: str
    size: int
    batch: int
    nodes: int
    ranks: int
    threads: int

    @property
    def workers(self) -> int:
        return self.ranks * self.threads

    @property
    def layout(self) -> str:
        return layout(self.ranks, self.threads, self.nodes)

    @property
    def bench_options(self) -> list[str]:
        """What `mnist_dist bench` is told, beside the number of ranks."""
        return [f"--model={self.model}", f"--batch-size={self.batch}", f"--threads={self.threads}"]

    def __str__(self) -> str:
        return f"{self.model} on {self.layout}, batch {self.batch:,}"


def layout(ranks: int, threads: int, nodes: int = 1) -> str:
    """8x1, or 8x1@2 on two nodes."""
    return f"{ranks}x{threads}" + (f"@{nodes}" if nodes > 1 else "")


@dataclass
class Study:
    """repetitions: a row for each measurement, with the columns of POINT, `repetition`, `step_ms` and
    `cores` (of all nodes of the point together, 0: unknown); further columns are those of REASONS, and `error_percent` (of a
    simulation). about: what a reader must know of machine, program and options, by name."""

    rule: str
    repetitions: pd.DataFrame
    source: str = MEASURED
    about: dict[str, Any] = field(default_factory=dict)
    base: Optional[str] = None  # the layout of the base cases; None: the fewest workers

    @cached_property
    def points(self) -> pd.DataFrame:
        """A row for each point, series by series."""
        return points_of(self)


# ---- medians and their intervals ----


def resampled_medians(values: npt.ArrayLike, seed: int = SEED) -> npt.NDArray[np.float64]:
    """Medians of samples that are drawn from the values, with replacement."""
    known = np.asarray(values, float)
    draws = np.random.default_rng(seed).integers(0, len(known), (RESAMPLES, len(known)))
    return np.median(known[draws], axis=1)


def interval(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The percentile interval of bootstrap resamples (B. Efron, R. Tibshirani, "An Introduction to
    the Bootstrap", 1993, chapter 13)."""
    outside = (1 - INTERVAL) / 2
    low, high = np.quantile(values, [outside, 1 - outside])
    return float(low), float(high)


# ---- points ----


def _typical(rows: pd.DataFrame) -> pd.Series:
    """The repetition whose step is the median; of an even number the faster of the middle two."""
    order = rows.sort_values("step_ms", kind="stable")
    return order.iloc[(len(order) - 1) // 2]


def _base_of(series: pd.DataFrame, wanted: Optional[str]) -> tuple[Any, ...]:
    """The key of the base case."""
    keys = series[POINT].drop_duplicates()
    if wanted is not None:
        names = [layout(k.ranks, k.threads, k.nodes) for k in keys.itertuples()]
        if wanted not in names:
            raise UsageError(f"--base={wanted}: no such layout in the study, but {' '.join(names)}")
        return tuple(keys.iloc[names.index(wanted)])
    order = (keys["ranks"] * keys["threads"]).to_numpy() * 1_000_000 + keys["ranks"].to_numpy()
    return tuple(keys.iloc[int(np.argmin(order))])


def _point_row(
    rows: pd.DataFrame, base: pd.DataFrame, is_base: bool, seed: int, source: str
) -> dict[str, Any]:
    typical, first = _typical(rows), _typical(base)
    key = {name: typical[name] for name in POINT}
    workers = int(typical["ranks"] * typical["threads"])
    ideal = workers / int(first["ranks"] * first["threads"])
    work = typical["batch"] / first["batch"]  # of a step, in steps of the base case
    steps, base_steps = resampled_medians(rows["step_ms"], seed), resampled_medians(base["step_ms"])
    ratios = work * base_steps / steps if not is_base else np.ones(RESAMPLES)
    step, base_step = float(rows["step_ms"].median()), float(base["step_ms"].median())
    speedup = work * base_step / step
    low, high = interval(steps)
    slow, fast = interval(ratios)
    cores = int(typical.get("cores", 0) or 0)
    row = key | {
        "layout": layout(key["ranks"], key["threads"], key["nodes"]),
        "workers": workers,
        "cores": cores,
        "oversubscribed": 0 < cores < workers,
        "source": source,
        "base": is_base,
        "repetitions": len(rows),
        "step_ms": step,
        "step_ms_low": low,
        "step_ms_high": high,
        "images_per_second": key["batch"] / step * 1e3,
        "images_per_second_low": key["batch"] / high * 1e3,
        "images_per_second_high": key["batch"] / low * 1e3,
        "ideal_speedup": ideal,
        "speedup": speedup,
        "speedup_low": slow,
        "speedup_high": fast,
        "efficiency": speedup / ideal,
        "efficiency_low": slow / ideal,
        "efficiency_high": fast / ideal,
    }
    return row | _reasons(typical, first, work)


def _reasons(typical: pd.Series, first: pd.Series, work: float) -> dict[str, Any]:
    """Efficiencies of the typical repetition, and what the base case makes of them."""
    reasons = {name: typical[name] for name in REASONS if name in typical}
    if "work_ms" in reasons:
        scalability = work * first["work_ms"] / typical["work_ms"]
        reasons["computation_scalability"] = scalability
        reasons["global_efficiency"] = scalability * typical["parallel_efficiency"]
    if "error_percent" in typical:
        reasons["error_percent"] = typical["error_percent"]
    return reasons


def points_of(study: Study) -> pd.DataFrame:
    """Speed-up and efficiency of each point, with intervals. The speed-up is the ratio of images a
    second to those of the base case, the efficiency the speed-up over the ratio of workers."""
    found = []
    for _, series in study.repetitions.groupby(["model", "size"], sort=False):
        base = _base_of(series, study.base)
        groups = dict(list(series.groupby(POINT, sort=False)))
        for number, (key, rows) in enumerate(groups.items()):
            row = _point_row(rows, groups[base], key == base, SEED + 1 + number, study.source)
            found.append(row)
    points = pd.DataFrame(found)
    order = ["model", "size", "workers", "ranks", "nodes", "batch"]
    return points.sort_values(order, kind="stable").reset_index(drop=True)
