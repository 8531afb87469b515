"""A run as MLPerf's log lines, `:::MLLOG {...}`.

Source: MLCommons, "Training policies", appendix on logging, and the rules of its compliance checker
(training, common keys). MNIST is no benchmark of MLPerf, so these lines are for tools that read
such logs, not for a submission."""

from __future__ import annotations

import json
from typing import Any, Iterator, Optional

from . import times
from .run import Run

PREFIX = ":::MLLOG "
POINT, START, END = "POINT_IN_TIME", "INTERVAL_START", "INTERVAL_END"


class Log:
    """Lines in the order of their time."""

    def __init__(self, run: Run):
        self._begin = times.begin_s(run)
        self._file = str(run.path / "metrics.jsonl")
        self.lines: list[str] = []

    def add(self, kind: str, key: str, seconds: float, value: Any = None, **metadata: Any) -> None:
        """seconds: since the begin of the run."""
        record = {
            "namespace": "",
            "time_ms": round((self._begin + seconds) * 1000),
            "event_type": kind,
            "key": key,
            "value": None if value != value else value,  # JSON has no NaN
            "metadata": {"file": self._file, "lineno": len(self.lines) + 1, **metadata},
        }
        self.lines.append(PREFIX + json.dumps(record))


OPTIMIZER_KEYS = {
    "learning-rate": "opt_base_learning_rate",
    "beta1": "opt_beta_1",
    "beta2": "opt_beta_2",
    "epsilon": "opt_epsilon",
    "weight-decay": "opt_weight_decay",
    "momentum": "opt_momentum",
}


def _samples(run: Run) -> Iterator[tuple[str, Optional[int]]]:
    result = run.last_result or {}
    yield "train_samples", result.get("train_samples")
    yield "eval_samples", result.get("validation_samples")


def _epoch(log: Log, row: Any, begin: float, end: float, samples: Optional[int]) -> None:
    log.add(START, "epoch_start", begin, epoch_num=row.epoch)
    log.add(POINT, "train_loss", end, row.loss, epoch_num=row.epoch)
    log.add(
        POINT,
        "tracked_stats",
        end,
        {"throughput": row.images_per_second},
        step=row.step,
        epoch_num=row.epoch,
    )
    log.add(END, "epoch_stop", end, epoch_num=row.epoch)
    if row.val_accuracy == row.val_accuracy:
        more = (
            {"epoch_num": row.epoch}
            if samples is None
            else {"epoch_num": row.epoch, "samples_count": row.epoch * samples}
        )
        log.add(START, "eval_start", end, **more)
        log.add(POINT, "eval_loss", end, row.val_loss, **more)
        log.add(POINT, "eval_accuracy", end, row.val_accuracy, **more)
        log.add(END, "eval_stop", end, **more)


def lines(run: Run) -> list[str]:
    """The whole log. The record knows when an epoch ends, its evaluation included, so both bear
    that time."""
    log, settings = Log(run), run.settings
    log.add(POINT, "submission_benchmark", 0, "mnist")
    log.add(POINT, "submission_division", 0, "open")
    log.add(POINT, "cache_clear", 0, True)
    log.add(START, "init_start", 0)
    log.add(POINT, "global_batch_size", 0, settings["batch-size"])
    log.add(POINT, "seed", 0, settings.get("seed"))
    log.add(POINT, "opt_name", 0, settings.get("optimizer"))
    for name, key in OPTIMIZER_KEYS.items():
        if settings.get(name) is not None:
            log.add(POINT, key, 0, settings[name])
    counts = dict(_samples(run))
    for key, value in counts.items():
        if value is not None:
            log.add(POINT, key, 0, value)
    log.add(END, "init_stop", 0)
    log.add(START, "run_start", 0)
    begin = end = 0.0
    for row, end in zip(run.epochs.itertuples(), times.epoch_ends_s(run)):
        _epoch(log, row, begin, end, counts["train_samples"])
        begin = end
    if run.complete:
        log.add(POINT, "test_accuracy", end, run.result["test_accuracy"])
        log.add(END, "run_stop", end, status="success")
    else:
        log.add(END, "run_stop", end, status="aborted")
    return log.lines
