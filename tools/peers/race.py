"""A race: every contender once a round, in an order that rotates, so that a slow minute of the machine meets all of them.

A contender that fails is out, and its row says why; the race goes on.
"""
from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Protocol

from peers.models import CHAINS
from peers.processes import Conversation, Failure, output_of
from peers.protocol import Task, command


NO_INPUT = 66  # mnist_dist's exit code for a data folder that is not there


class Runner(Protocol):
    def prepare(self, task: Task) -> None: ...

    def time(self, task: Task) -> dict[str, Any]: ...

    def release(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Setting:
    """How processes are started and how long they may take."""

    environment: dict[str, str]
    logs: Path
    timeout_s: float


class Peer:
    """A framework's worker: started when first needed, kept until closed, and started anew after it was lost."""

    def __init__(self, name: str, words: list[str], environment: dict[str, str], setting: Setting):
        self.name, self.words, self.setting = name, words, setting
        self.environment = setting.environment | environment
        self.conversation: Conversation | None = None
        self.prepared: set[Task] = set()
        self.versions: dict[str, str] = {}

    def talk(self) -> Conversation:
        if self.conversation is None or not self.conversation.alive():
            self.close()
            log = self.setting.logs / f"{self.name}.log"
            self.conversation = Conversation(self.words, self.environment, log, self.setting.timeout_s)
            self.versions = self.conversation.reply()["versions"]  # type: ignore[assignment]
        return self.conversation

    def prepare(self, task: Task) -> None:
        self.talk().ask(command("prepare", task))
        self.prepared.add(task)

    def time(self, task: Task) -> dict[str, Any]:
        self.talk()
        if task not in self.prepared:  # another contender's failure took the worker along
            self.prepare(task)
        return self.talk().ask(command("time", task))

    def release(self) -> None:
        self.prepared.clear()
        if self.conversation and self.conversation.alive():
            self.conversation.ask(command("release"))

    def close(self) -> None:
        self.prepared.clear()
        if self.conversation:
            self.conversation.close()
        self.conversation = None


class FreshPeer(Peer):
    """The worker's start: a new process each time, to the end of its first step, on the race's own clock."""

    def prepare(self, task: Task) -> None:
        """Once unmeasured: from then on its files lie in the page cache."""
        self.time(task)

    def time(self, task: Task) -> dict[str, Any]:
        self.close()
        start = time.monotonic()
        conversation = self.talk()
        import_s = time.monotonic() - start
        result = conversation.ask(command("first", task))
        seconds = time.monotonic() - start
        self.close()
        return {"seconds": seconds, "import_s": import_s, **result}


class Bench:
    """mnist_dist bench: a new process each time."""

    def __init__(self, name: str, launcher: list[str], program: str, threads: int, setting: Setting):
        self.launcher, self.program, self.threads, self.setting = launcher, program, threads, setting
        self.log = setting.logs / f"{name}.log"

    def prepare(self, task: Task) -> None:
        pass

    def bench(self, task: Task, steps: int) -> dict[str, Any]:
        words = [*self.launcher, self.program, "bench", "--model", CHAINS[task.model], "--batch-size", str(task.batch)]
        words += ["-t", str(self.threads), "--data", task.data, "--max-steps", str(steps)]
        words += ["--inference"] if task.mode == "inference" else []
        words += ["--precision", "bf16"] if task.precision == "bf16" else []
        output = output_of(words, self.setting.environment, self.log, self.setting.timeout_s)
        try:
            result = json.loads(output.strip().splitlines()[-1])
            result["images_per_second"] + 0.0
        except (ValueError, IndexError, KeyError, TypeError):
            raise Failure("bench printed no JSON object with images_per_second") from None
        if task.mode == "inference" and result.get("mode") != "inference":
            raise Failure("this mnist_dist has no bench --inference")
        return result

    def time(self, task: Task) -> dict[str, Any]:
        """Images over the time of all steps, as the workers count; bench's own figure is a median of parts."""
        result = self.bench(task, task.steps)
        step_ms = result.get("step_ms", {}).get("total")
        rate = task.batch * 1e3 / step_ms if step_ms else result["images_per_second"]
        kept = {"images_per_second": rate, "steps": result.get("steps"), "pss_mib": result.get("pss_mib")}
        return kept | {"bench": result}

    def release(self) -> None:
        pass

    def close(self) -> None:
        pass


class FreshBench(Bench):
    """Start to first step: what bench reports, which begins after MPI_Init, and what comes before that."""

    def time(self, task: Task) -> dict[str, Any]:
        result = self.bench(task, 1)
        if not isinstance(result.get("startup_s"), (int, float)):
            raise Failure("this mnist_dist's bench reports no startup_s")
        import_s = self.until_mpi_s()
        seconds = import_s + result["startup_s"]
        return {"seconds": seconds, "import_s": import_s, "pss_mib": result.get("pss_mib"), "bench": result}

    def until_mpi_s(self) -> float:
        """A process that finds no data: it ends right after MPI_Init. MPI_Finalize is counted too, against us."""
        start = time.monotonic()
        words = [*self.launcher, self.program, "bench", "--data", str(self.setting.logs / "no such folder")]
        output_of(words, self.setting.environment, self.log, self.setting.timeout_s, NO_INPUT)
        return time.monotonic() - start


@dataclass(frozen=True)
class Contender:
    name: str
    ours: bool
    runner: Runner
    task: Task


@dataclass
class Row:
    """A contender's results, one a round, and at which turn of the race each was taken."""

    contender: Contender
    results: list[dict[str, Any]] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)
    failure: str | None = None

    def attempt(self, work: Callable[[Task], Any]) -> Any:
        try:
            return work(self.contender.task)
        except Failure as failure:
            self.failure = str(failure)
            return None


def rotated(rows: list[Row], number: int) -> list[Row]:
    first = number % len(rows)
    return rows[first:] + rows[:first]


def race(contenders: list[Contender], rounds: int, say: Callable[[str], None]) -> list[Row]:
    rows = [Row(contender) for contender in contenders]
    for row in rows:
        say(f"{row.contender.name}: warm-up")
        row.attempt(row.contender.runner.prepare)
    turn = 0
    for number in range(rounds):
        for row in rotated(rows, number):
            if row.failure is None:
                say(f"{row.contender.name}: round {number + 1} of {rounds}")
                result = row.attempt(row.contender.runner.time)
                if result is not None:
                    row.results.append(result)
                    row.turns.append(turn)
            turn += 1
    for runner in {id(row.contender.runner): row.contender.runner for row in rows}.values():
        try:
            runner.release()
        except Failure:
            runner.close()  # started anew when next needed
    return rows
