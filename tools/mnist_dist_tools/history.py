"""The record of a run, metrics.jsonl, read as far as it is written, and then only what was
added."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from .errors import BrokenRun, MissingInput

STEP_COLUMNS = ["epoch", "step", "loss", "accuracy", "learning_rate", "images_per_second"]
EPOCH_COLUMNS = [
    "epoch",
    "step",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "seconds",
    "images_per_second",
]
PHASE_COLUMNS = ["epoch", "phase", "min_s", "mean_s", "max_s", "rank"]


def _type_of(column: str) -> type:
    if column in ("epoch", "step", "rank"):
        return int
    return object if column in ("phase", "parameters_digest") else float


class History:
    """Follows one metrics.jsonl. A last line without its newline is being written: it is left for
    the next time."""

    def __init__(self, path: Path):
        self.path = path
        self._forget()

    def _forget(self) -> None:
        self._offset, self._last = 0, b""  # bytes read; the last whole line
        self._lines = 0
        self._steps: list[dict[str, Any]] = []
        self._epochs: list[dict[str, Any]] = []
        self._phases: list[dict[str, Any]] = []
        self._tables: dict[str, pd.DataFrame] = {}

    def _new_bytes(self) -> bytes:
        """What was added; all of it where the program cut the file back, as it does when it
        resumes."""
        with self.path.open("rb") as file:
            start = self._offset - len(self._last)
            file.seek(start)
            data = file.read()
            if not data.startswith(self._last):
                self._forget()
                file.seek(0)
                return file.read()
            return data[len(self._last) :]

    def refresh(self) -> bool:
        """Reads what was added; True where anything was. A file that does not exist yet is an empty
        record."""
        try:
            data = self._new_bytes()
        except FileNotFoundError:
            changed = self._offset > 0
            self._forget()
            return changed
        except OSError as error:
            raise MissingInput(f"{self.path}: cannot be read: {error.strerror}") from error
        lines = data[: data.rfind(b"\n") + 1].splitlines(keepends=True)
        for line in lines:
            self._add(line)
        if lines:
            self._last = lines[-1]
            self._tables.clear()
        return bool(lines)

    def _add(self, line: bytes) -> None:
        self._offset += len(line)
        self._lines += 1
        try:
            record = json.loads(line)
            kind = record["kind"]
            columns = {"step": STEP_COLUMNS, "epoch": EPOCH_COLUMNS}[kind]
            row = {name: record[name] for name in columns}
            if kind == "step":
                row["parameters_digest"] = record.get("parameters_digest")
                self._steps.append(row)
                return
            self._epochs.append(row)
            for phase, seconds in record["phase_s"].items():
                of_ranks = {f"{what}_s": seconds[what] for what in ("min", "mean", "max")}
                self._phases.append(
                    {"epoch": row["epoch"], "phase": phase, **of_ranks, "rank": seconds["rank"]}
                )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BrokenRun(f"{self.path}: line {self._lines} is no record of a run") from error

    def _table(self, name: str, rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
        if name not in self._tables:
            table = pd.DataFrame(rows, columns=columns)
            self._tables[name] = table.astype({c: _type_of(c) for c in columns})
        return self._tables[name]

    @property
    def steps(self) -> pd.DataFrame:
        columns = [*STEP_COLUMNS]
        if any(row["parameters_digest"] for row in self._steps):
            columns.append("parameters_digest")
        return self._table("steps", self._steps, columns)

    @property
    def epochs(self) -> pd.DataFrame:
        return self._table("epochs", self._epochs, EPOCH_COLUMNS)

    @property
    def phases(self) -> pd.DataFrame:
        return self._table("phases", self._phases, PHASE_COLUMNS)
