"""The errors a script can meet."""

from __future__ import annotations


class MelangError(Exception):
    """A runtime error: ends the coroutine that meets it, as `FILE:LINE: message`.

    A library raises it with the message alone; file and line are those of the
    script's expression that called the library.  An empty message ends the
    coroutine without a word.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class Misplaced(MelangError):
    """A `break` or `continue` outside of loops, which the original reports for line 0."""


class CompileError(Exception):
    """A text that is not a program: where and why.

    `report` is what the command line prints, which for a syntax error can be
    several lines; `file`, `line` and `reason` describe the first fault.
    """

    def __init__(self, file: str, line: int, reason: str, report: str = "") -> None:
        self.file = file
        self.line = line
        self.reason = reason
        self.report = report or f"{file}:{line}: {reason}"
        super().__init__(self.report)


class TooDeep(Exception):
    """Something at this position is nested more deeply than compiled code can be."""

    def __init__(self, pos: int) -> None:
        super().__init__(pos)
        self.pos = pos


UNSUPPORTED = "Operation NOT support."
BAD_DEFINITION = "Parse function definition failed."
NO_FUNCTION = "Invalid function, No such prototype."
STACK_FULL = "Stack is full."
SET_AS_VALUE = "Invalid token. Token is a SET name, not a value or function."
