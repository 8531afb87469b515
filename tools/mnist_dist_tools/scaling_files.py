"""The files of a scaling study for other programs.

scaling.csv, repetitions.csv   tidy tables: a row for each point, and for each measurement
scaling.json                   both tables, with what is known of machine and program
extrap/SERIES.jsonl            Extra-P's JSON Lines, seconds by p, the number of ranks: one file for each series and
                               number of threads. "step" is the whole step, "step->..." its phases
talp/SERIES/LAYOUT.json        one file for each point in the format of DLB 3.6 (TALP), for talp-pages: `talp ci-report
                               --input-path OUT/talp`. IPC and frequency are not measured
"""

from __future__ import annotations

import json
import math
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable

import pandas as pd

from .cli import make_folder, write_whole
from .scaling import PHASES, Study

LEAST_FOR_A_MODEL = 5  # points that Extra-P needs
# TALP's names of ours.
TALP = {
    "parallelEfficiency": "parallel_efficiency",
    "mpiParallelEfficiency": "mpi_efficiency",
    "mpiCommunicationEfficiency": "communication_efficiency",
    "mpiLoadBalance": "load_balance",
    "mpiLoadBalanceIn": "load_balance_in_node",
    "mpiLoadBalanceOut": "load_balance_over_nodes",
    "ompParallelEfficiency": "openmp_efficiency",
    "ompLoadBalance": "openmp_load_balance",
    "ompSerializationEfficiency": "openmp_serialisation",
}


def series_name(model: str, size: int) -> str:
    """For files: cnn-128. Of a chain of layers the words."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", model).strip("-")[:40]
    return f"{words}-{size}"


def plain(value: Any) -> Any:
    """For JSON: numbers of NumPy as Python's, what is not finite as null."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(name): plain(value) for name, value in row.items()}
        for row in table.to_dict(orient="records")
    ]


def _json_text(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


# ---- tables ----


def _tables(study: Study) -> dict[str, bytes]:
    points, repetitions = study.points, study.repetitions
    whole = {
        "rule": study.rule,
        "source": study.source,
        "about": study.about,
        "points": records(points),
        "repetitions": records(repetitions),
    }
    return {
        "scaling.csv": points.to_csv(index=False, float_format="%.6g").encode(),
        "repetitions.csv": repetitions.to_csv(index=False, float_format="%.6g").encode(),
        "scaling.json": _json_text(whole),
    }


# ---- Extra-P ----


def _extrap_lines(rows: pd.DataFrame) -> bytes:
    lines = []
    for row in rows.to_dict(orient="records"):
        for name in ["step_ms", *PHASES]:
            value = plain(row.get(name))
            if value is None:
                continue
            path = "step" if name == "step_ms" else "step->" + name.removesuffix("_ms")
            line = {
                "params": {"p": row["ranks"]},
                "callpath": path,
                "metric": "time",
                "value": value / 1e3,
            }
            lines.append(json.dumps(line))
    return ("\n".join(lines) + "\n").encode()


def extrap_files(study: Study) -> dict[str, tuple[str, bytes]]:
    """By name of the file: the series in words, and the content."""
    found = {}
    groups = study.repetitions.groupby(["model", "size", "threads"], sort=False)
    for (model, size, threads), rows in groups:
        nodes_of = rows.groupby("ranks")["nodes"].max()
        rows = rows[rows["nodes"] == rows["ranks"].map(nodes_of)]  # one layout for each p
        if rows["ranks"].nunique() < LEAST_FOR_A_MODEL:
            continue
        words = f"{model}, batch {size:,}{' a rank' if study.rule == 'weak' else ''}"
        words += f", {threads} thread{'s' * (threads != 1)} a rank"
        name = f"{series_name(model, size)}-t{threads}.jsonl"
        found[name] = (words, _extrap_lines(rows))
    return found


# ---- TALP ----


def _timestamp(study: Study) -> str:
    started = study.about.get("started")
    return str(started) if started else datetime.now(timezone.utc).isoformat(timespec="seconds")


def talp_object(point: dict[str, Any], timestamp: str) -> dict[str, Any]:
    """A point as TALP writes a run: times of one step, in nanoseconds."""
    work = point["work_ms"] * 1e6
    region = {
        "numCpus": point["workers"],
        "numMpiRanks": point["ranks"],
        "avgCpus": float(point["workers"]),
        "numGpus": 0,
        "cycles": 0,
        "instructions": 0,
        "elapsedTime": round(point["step_ms"] * 1e6),
        "usefulTime": round(work),
        "ompSchedulingEfficiency": 1.0,  # of no loop is the schedule told from other losses
    }
    region |= {name: point[own] for name, own in TALP.items()}
    return {
        "dlbVersion": "3.6.0",
        "timestamp": timestamp,
        "resources": {
            "numCpus": point["workers"],
            "numNodes": point["nodes"],
            "numMpiRanks": point["ranks"],
            "numGpus": 0,
        },
        "Application": {"Global": region},
    }


def _talp_files(study: Study) -> dict[str, bytes]:
    if "work_ms" not in study.points:
        return {}
    timestamp = _timestamp(study)
    found = {}
    for point in records(study.points.dropna(subset=["work_ms"])):
        folder = series_name(point["model"], point["size"])
        found[f"{folder}/{point['layout']}.json"] = _json_text(talp_object(point, timestamp))
    return found


def write_files(study: Study, folder: Path, say: Callable[[Path], None]) -> None:
    """All of them; say: is called with each file or folder that is written."""
    for name, text in _tables(study).items():
        write_whole(make_folder(folder) / name, text)
        say(folder / name)
    many = {
        "extrap": {name: text for name, (_, text) in extrap_files(study).items()},
        "talp": _talp_files(study),
    }
    for below, files in many.items():
        for name, text in files.items():
            path = folder / below / name
            make_folder(path.parent)
            write_whole(path, text)
        if files:
            say(folder / below)
