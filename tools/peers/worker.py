"""What the workers of all frameworks share: the data, the timing, and the answers to the race's commands.

A framework gives a Program for a task: its batches lie ready as tensors, so that the timed loop is steps alone.
"""
from __future__ import annotations

import abc
import csv
import gc
import gzip
import math
import os
import resource
import sys
import time
import traceback
from typing import Any

import numpy as np

from peers.models import has_channels
from peers.protocol import Task, command, decode, send, task_of
from peers.reference import weights_of

WARM_STEPS, PROBE_STEPS = 3, 5
SEED = 1
TOLERANCE = {"f32": 1e-4, "bf16": 0.05}  # of probabilities; measured: 1.2e-6, 0.017


class Program(abc.ABC):
    """A task as one framework does it, with batches 0 to task.steps - 1."""

    gives_probabilities = False

    @abc.abstractmethod
    def reset(self) -> None:
        """Back to the initial weights and to an optimizer that has not stepped."""

    @abc.abstractmethod
    def logits(self, weights: str, images: np.ndarray) -> np.ndarray:
        """Takes the weights of a Keras file; the last layer's outputs, or probabilities, for images [N, 28, 28]."""

    @abc.abstractmethod
    def step(self, batch: int) -> None:
        """One training step, or one prediction; may return before it is done."""

    @abc.abstractmethod
    def finish(self) -> float:
        """Waits for all steps; the last loss, or a number from the last prediction."""


class Framework(abc.ABC):
    versions: dict[str, str]

    @abc.abstractmethod
    def program(self, task: Task) -> Program:
        ...

    def share(self, value: Any) -> Any:
        """What rank 0 passed; frameworks that run as one process are rank 0."""
        return value

    def largest(self, value: float) -> float:
        """The largest of all ranks' values."""
        return value

    def leads(self) -> bool:
        return True


def read_idx(folder: str, name: str) -> np.ndarray:
    """The array of an IDX file, plain or packed, in either spelling of its name."""
    for spelling in (name, name.replace("-idx", ".idx")):
        for end, opener in (("", open), (".gz", gzip.open)):
            path = os.path.join(folder, spelling + end)
            if os.path.exists(path):
                with opener(path, "rb") as file:
                    content = file.read()
                shape = np.frombuffer(content, ">u4", content[3], 4)
                return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)
    raise FileNotFoundError(f"{folder}: no {name}")


def samples(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Images float32 in 0..1 [steps*batch, 28, 28] and labels, in one shuffled order."""
    images = read_idx(task.data, "train-images-idx3-ubyte")
    labels = read_idx(task.data, "train-labels-idx1-ubyte")
    order = np.random.default_rng(SEED).permutation(len(images))[: task.steps * task.batch]
    if len(order) < task.steps * task.batch:
        raise ValueError(f"{task.data} has {len(images)} images, not {task.steps * task.batch}")
    return images[order].astype(np.float32) / 255, labels[order].astype(np.int32)


def channels_last(images: np.ndarray, task: Task) -> np.ndarray:
    """As Keras and the exported graphs take images: [N, 28, 28, 1], for recurrent layers [N, 28, 28]."""
    return images[..., None] if has_channels(task.model) else images


def full_batches(images: np.ndarray, batch: int) -> list[np.ndarray]:
    """For programs that take one size of batches; the last one is filled up with blank images."""
    blank = np.zeros((-len(images) % batch, *images.shape[1:]), images.dtype)
    filled = np.concatenate([images, blank])
    return [filled[at : at + batch] for at in range(0, len(filled), batch)]


def check(program: Program, task: Task) -> float:
    """How far the program's probabilities are from mnist_dist's for the same weights and images."""
    images = read_idx(task.reference, "images-idx3-ubyte").astype(np.float32) / 255
    with open(f"{task.reference}/predictions.csv", encoding="utf-8") as file:
        wanted = np.array([[float(row[f"p{i}"]) for i in range(10)] for row in csv.DictReader(file)])
    found = np.asarray(program.logits(weights_of(task.reference), images), np.float64)
    if not program.gives_probabilities:
        found = np.exp(found - found.max(axis=1, keepdims=True))
        found /= found.sum(axis=1, keepdims=True)
    difference = float(np.abs(found - wanted).max())
    if not difference <= TOLERANCE[task.precision]:
        raise ArithmeticError(f"another network: its probabilities differ from mnist_dist's by {difference:.2g}")
    return difference


def run(program: Program, steps: int) -> tuple[float, float]:
    """Seconds of `steps` steps, and the value of the last one."""
    start = time.perf_counter()
    for batch in range(steps):
        program.step(batch)
    value = program.finish()
    return time.perf_counter() - start, value


def proportional_mib() -> float:
    """Proportional set size: pages that processes share count in parts, as in mnist_dist's own figure."""
    with open("/proc/self/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


class Worker:
    def __init__(self, framework: Framework):
        self.framework = framework
        self.ready: dict[Task, tuple[Program, int]] = {}

    def memory(self) -> dict[str, float]:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        largest = self.framework.largest
        return {"peak_rss_mib": largest(peak), "pss_mib": largest(proportional_mib())}

    def prepare(self, task: Task) -> dict[str, Any]:
        """Warms up, and fixes the number of steps: the same in all rounds, with no clock read between them."""
        program = self.framework.program(task)
        difference = check(program, task) if task.reference else None
        program.reset()
        most = task.steps
        warm_up_s, _ = run(program, min(WARM_STEPS, most))
        probe = min(PROBE_STEPS, most)
        step_s = run(program, probe)[0] / probe
        if task.seconds > 0:
            most = min(most, max(PROBE_STEPS, math.ceil(task.seconds / step_s)))
        steps = self.framework.share(most)
        self.ready[task] = program, steps
        return {"steps": steps, "warm_up_s": warm_up_s, "difference": difference}

    def time(self, task: Task) -> dict[str, Any]:
        program, steps = self.ready[task]
        program.reset()
        gc.collect()
        seconds, value = run(program, steps)
        if not math.isfinite(value):
            raise ArithmeticError(f"the last step gave {value}")
        rate = steps * task.batch / seconds
        return {"images_per_second": rate, "steps": steps, "last_value": value, **self.memory()}

    def first(self, task: Task) -> dict[str, Any]:
        program = self.framework.program(task)
        seconds, _ = run(program, 1)
        return {"first_step_s": seconds, **self.memory()}

    def release(self, _: Task | None) -> dict[str, Any]:
        self.ready.clear()
        gc.collect()
        return {}

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        work = {"prepare": self.prepare, "time": self.time, "first": self.first, "release": self.release}
        try:
            task = task_of(message) if message["task"] else None
            return {"reply": work[message["do"]](task)}
        except Exception as error:  # whatever a framework cannot do is a row of the table
            traceback.print_exc()
            text = str(error).strip().splitlines() or [""]
            return {"failed": f"{type(error).__name__}: {text[0]}"}


def serve(framework: Framework) -> None:
    """Answers commands until `quit`, or until the race is gone and its end of the pipe closed."""
    worker = Worker(framework)
    if framework.leads():
        send(sys.stdout, {"reply": {"versions": framework.versions}})
    while True:
        message = command("quit")
        if framework.leads():
            for line in sys.stdin:
                if decoded := decode(line):
                    message = decoded
                    break
        message = framework.share(message)
        if message["do"] == "quit":
            break
        reply = worker.answer(message)
        if framework.leads():
            send(sys.stdout, reply)
