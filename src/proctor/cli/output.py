"""How things come out: aligned and coloured on a terminal, plain columns in a pipe, or JSON.

In a pipe the columns are separated by one tab, always the same and never cut; an empty one is "-".
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

import click

STATE_COLOURS = {
    "up": "green",
    "running": "green",
    "ready": "green",
    "starting": "yellow",
    "stopping": "yellow",
    "killing": "yellow",
    "backoff": "yellow",
    "waiting": "cyan",
    "scheduled": "cyan",
    "failed": "red",
    "blocked": "red",
    "done": "green",
    "completed": "green",
    "pending": "yellow",
    "removing": "yellow",
    "down": "bright_black",
    "stopped": "bright_black",
    "disabled": "bright_black",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
GAP = 2
LEAST = 20
"""To how little the widest column is cut, and how much room the last one has then."""


def on_terminal() -> bool:
    return sys.stdout.isatty()


def coloured() -> bool:
    """Whether to colour: on a terminal, unless NO_COLOR is set (no-color.org)."""
    return on_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str | None, **style: Any) -> str:
    if not coloured() or (colour is None and not style):
        return text
    return click.style(text, fg=colour, **style)


def printable(text: object) -> str:
    """Return one line without anything that a terminal would act on."""
    return _CONTROL.sub(" ", str(text))


def emit_json(value: object) -> None:
    """Print the value as JSON: indented for people, one line for programs."""
    import msgspec

    raw = msgspec.json.encode(value)
    if on_terminal():
        raw = msgspec.json.format(raw, indent=2)
    sys.stdout.buffer.write(raw + b"\n")
    sys.stdout.flush()


def table(head: Sequence[str], rows: Sequence[Sequence[str]], colours: dict[int, Any]) -> None:
    """Print rows of text under a head.

    `colours` maps the number of a column to what gives the colour of a cell, None for none.  On a
    terminal the last column is cut at the edge, and the widest where it leaves no room for others.
    """
    clean = [[printable(cell) or "-" for cell in row] for row in rows]
    if not on_terminal():
        text = "".join("\t".join(row) + "\n" for row in [list(head), *clean])
        sys.stdout.write(text)
        return
    widths = _fitting(_widths(head, clean), _columns())
    lines = [_line(head, widths, None)]
    lines += [_line(row, widths, colours) for row in clean]
    click.echo("\n".join(lines))


def _widths(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]


def _fitting(widths: list[int], edge: int) -> list[int]:
    """Return the widths with the widest but the last one cut, so that all are within the edge."""
    before = widths[:-1]
    over = sum(width + GAP for width in before) + min(widths[-1], LEAST) - edge
    if not before or over <= 0:
        return widths
    widest = before.index(max(before))
    return [max(LEAST, w - over) if n == widest and w > LEAST else w for n, w in enumerate(widths)]


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else cell[: width - 1] + "…"


def _line(cells: Sequence[str], widths: list[int], colours: dict[int, Any] | None) -> str:
    edge = _columns()
    line, used = "", 0
    for number, cell in enumerate(cells):
        last = number == len(cells) - 1
        if last and used + len(cell) > edge > used + 1:
            cell = cell[: edge - used - 1] + "…"
        padded = cell if last else _cut(cell, widths[number]).ljust(widths[number] + GAP)
        used += len(padded)
        if colours is None:
            line += paint(padded, None, bold=True)
        else:
            find = colours.get(number)
            line += paint(padded, find(cell) if find else None)
    return line.rstrip()


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def state_colour(state: str) -> str | None:
    return STATE_COLOURS.get(state.split(" ")[0])
