"""What can go wrong, as exceptions of one line each.

`code` is the exit code of a tool that ends with the exception; the numbers are those of the program
and of sysexits.h."""

from __future__ import annotations

USAGE, BAD_DATA, NO_INPUT, CANNOT_WRITE, STOPPED = 64, 65, 66, 73, 75


class ToolError(Exception):
    """The base of all exceptions of this package."""

    code = 1


class UsageError(ToolError):
    """A function or a tool was called in a wrong way."""

    code = USAGE


class BrokenRun(ToolError):
    """A file of the run cannot be read, or contradicts another one."""

    code = BAD_DATA


class MissingInput(ToolError):
    """A folder, a file or a program is not there, or the run has not written it yet."""

    code = NO_INPUT


class CannotWrite(ToolError):
    """An output cannot be written."""

    code = CANNOT_WRITE


class ProgramFailed(ToolError):
    """mnist_dist ended with an error; `code` is its exit code, the text its last line."""

    def __init__(self, text: str, code: int):
        super().__init__(text)
        self.code = code
