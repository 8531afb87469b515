"""What the race and its workers say to each other: one JSON object a line, over the workers' standard input and output.

    race -> worker   {"do": "prepare" | "time" | "first" | "release" | "quit", "task": {...}}
    worker -> race   {"reply": {...}} or {"failed": "why"}; once by itself, when its imports are done

prepare  builds the task's program, checks that its network is the reference's, and warms it up, compilation included
time     from initial weights: the task's steps, timed by the worker itself
first    builds the program and does one step, without any warm-up
release  forgets all programs

Libraries print what they like to standard output: lines that are no such object are passed over.
Only the standard library is needed here: both sides import this module.
"""
from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, TextIO


@dataclass(frozen=True)
class Task:
    """What is to be timed; the same for all contenders of a race."""

    model: str  # a name in models.py
    batch: int  # samples of a step, of all ranks together
    mode: str  # training, inference
    variant: str  # how the framework is used: eager, compile, graph, ...
    precision: str  # of the operands of products: f32, bf16
    images: int  # all steps together, in whole batches
    seconds: float  # a slower contender does fewer steps, for about this time; 0: never
    data: str  # the folder of the IDX files
    reference: str  # the folder with the weights and answers to agree on, see reference.py; "": no check

    @property
    def steps(self) -> int:
        return max(1, self.images // self.batch)


def send(stream: TextIO, message: dict[str, Any]) -> None:
    # A new line first: what a library printed may have ended without one.
    stream.write("\n" + json.dumps(message) + "\n")
    stream.flush()


def decode(line: str) -> dict[str, Any] | None:
    """The message of a line; None for anything else."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    known = isinstance(message, dict) and message.keys() & {"do", "reply", "failed"}
    return message if known else None


def command(do: str, task: Task | None = None) -> dict[str, Any]:
    return {"do": do, "task": asdict(task) if task else None}


def task_of(message: dict[str, Any]) -> Task:
    return Task(**message["task"])
