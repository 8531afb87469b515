"""What all tools share: how they read their command line, and how they fail: with one line, and an
exit code."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Callable, NoReturn, Optional

from .errors import CannotWrite, ToolError, UsageError

EXIT_CODES = "Exit codes: 0 done, 64 usage, 65 bad data, 66 an input is missing, 73 cannot write."


class Parser(argparse.ArgumentParser):
    """Errors become UsageError."""

    def __init__(self, name: str, words: str):
        super().__init__(
            prog=name,
            description=words,
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; {self.format_usage().strip()}")


def split_options(words: list[str]) -> tuple[list[str], list[str]]:
    """The words before `--`, and those behind it."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


def must_be_positive(name: str, *values: int) -> None:
    """name: of the option, without its dashes."""
    for value in values:
        if value < 1:
            raise UsageError(f"--{name}: {value} is less than 1")


def make_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"{folder}: cannot make this folder: {error.strerror}") from error
    return folder


def write_whole(path: Path, data: bytes) -> None:
    """The file is whole or as it was before."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CannotWrite(
            f"{path}: cannot write: {error.strerror}: name another folder with --out"
        ) from error


def run_tool(name: str, work: Callable[[list[str]], Optional[int]]) -> int:
    """Calls `work` with the command line; the exit code of the tool."""
    try:
        return work(sys.argv[1:]) or 0
    except ToolError as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        return error.code
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # the reader has left: nothing to say at exit
        return 0
    except KeyboardInterrupt:
        return 130
