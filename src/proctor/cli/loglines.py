"""Lines of logs as they are shown: a coloured column that says whose they are, then the text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from proctor.client.models import LogLine

from .output import coloured, paint
from .words import clock

COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "bright_cyan", "bright_yellow", "red")
WIDEST = 24
# Colours (SGR) are let through on a terminal; what moves its cursor or changes its state is not.
_CONTROL = re.compile(
    r"\x1b\[[0-9;:]*m|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[?[0-9;?]*[@-~]|"
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


class Column:
    """Gives each replica a colour, and the column the width of the widest name so far."""

    def __init__(self, width: int = 0) -> None:
        self._width = min(width, WIDEST)
        self._colours: dict[str, str] = {}
        self._next: Iterator[str] = itertools.cycle(COLOURS)

    def __call__(self, name: str, task: str) -> str:
        self._width = max(self._width, min(len(name), WIDEST))
        if task not in self._colours:
            self._colours[task] = next(self._next)
        return paint(f"{name.ljust(self._width)} | ", self._colours[task])


def shown(line: LogLine, column: Column | None, *, times: bool) -> str:
    """Return a line as it is printed; without a column it says not whose it is."""
    text = line.text if not coloured() else _CONTROL.sub(_safe, line.text)
    if line.marker:
        text = paint(f"--- {line.marker} {line.text}".rstrip(), "bright_black")
    stamp = paint(f"{clock(line.time)} ", "bright_black") if times else ""
    name = "" if column is None else column(f"{line.task}:{line.replica}", line.task)
    reset = "\x1b[0m" if coloured() and "\x1b" in line.text and not line.marker else ""
    return f"{name}{stamp}{text}{reset}"


def _safe(match: re.Match[str]) -> str:
    return match[0] if match[0].startswith("\x1b[") and match[0].endswith("m") else ""
