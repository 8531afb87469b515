"""Processes that always end: each has a session of its own, and the whole session is ended.

A session, not a process group: mpirun gives each of its ranks a group of its own.
"""
from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Iterator

from peers.protocol import decode, send

LOOK_S = 0.5
MERCY_S = 3.0  # mpirun wants a moment to remove its session folder and its ranks


class Failure(Exception):
    """Why a contender has no result; its text is a cell of the table."""


def members(session: int) -> list[int]:
    """Processes of a session that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] not in "ZX":
                found.append(int(path.parent.name))
    return found


def end(process: subprocess.Popen[str]) -> None:
    """Ends a process and all that it started: asked first, then not asked."""
    for number, patience_s in (signal.SIGTERM, MERCY_S), (signal.SIGKILL, MERCY_S):
        for member in members(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, number)
        give_up = time.monotonic() + patience_s
        while members(process.pid) and time.monotonic() < give_up:
            process.poll()
            time.sleep(0.02)
    process.wait()


@contextlib.contextmanager
def started(words: list[str], **options: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(words, text=True, start_new_session=True, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        end(process)


def last_words(path: Path) -> str:
    """The last line that says something."""
    with contextlib.suppress(OSError):
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        if lines:
            return lines[-1].strip()
    return "no word"


def output_of(words: list[str], environment: dict[str, str], log: Path, timeout_s: float, code: int = 0) -> str:
    """What a program prints before it ends with this code; errors go to the log, and their last line into the Failure."""
    with open(log, "w", encoding="utf-8") as errors:
        with started(words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors) as process:
            try:
                output = process.communicate(timeout=timeout_s)[0]
            except subprocess.TimeoutExpired:
                raise Failure(f"no result after {timeout_s:g} s") from None
    if process.returncode != code:
        raise Failure(f"exit code {process.returncode}: {last_words(log)}")
    return output


class Conversation:
    """A worker process: commands in, replies out, nothing in between; while it is not asked, it sleeps in a read."""

    def __init__(self, words: list[str], environment: dict[str, str], log: Path, timeout_s: float):
        self.log, self.timeout_s, self.rest = log, timeout_s, b""
        with open(log, "a", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                words, env=environment, text=True, start_new_session=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip

    def ask(self, message: dict[str, object]) -> dict[str, object]:
        try:
            send(self.process.stdin, message)
        except OSError:
            raise Failure(f"the worker is gone: {last_words(self.log)}") from None
        return self.reply()

    def reply(self) -> dict[str, object]:
        """The next message; Failure when the worker says so, ends, or lets one wait too long."""
        give_up = time.monotonic() + self.timeout_s
        while True:
            line, found, self.rest = self.rest.partition(b"\n")
            if found:
                message = decode(line.decode("utf-8", "replace"))
                if message and "failed" in message:
                    raise Failure(str(message["failed"])[:200])
                if message:
                    return message["reply"]
                continue
            self.rest = line
            self.wait_for_more(give_up)

    def wait_for_more(self, give_up: float) -> None:
        """Looks now and then whether the worker lives: a process that it started may hold its pipe open."""
        output = self.process.stdout.fileno()
        while not select.select([output], [], [], LOOK_S)[0]:
            ended = not self.alive()
            if ended or time.monotonic() > give_up:
                self.close()
                raise Failure(f"the worker ended: {last_words(self.log)}" if ended else f"no answer after {self.timeout_s:g} s")
        more = os.read(output, 1 << 16)
        if not more:
            self.close()
            raise Failure(f"the worker ended: {last_words(self.log)}")
        self.rest += more

    def alive(self) -> bool:
        return self.process.poll() is None

    def close(self) -> None:
        end(self.process)
        for stream in self.process.stdin, self.process.stdout:
            with contextlib.suppress(OSError):
                stream.close()
