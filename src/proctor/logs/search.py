"""Lines of many replicas, chosen and put in the order of time."""

from __future__ import annotations

import heapq
import json
import re
from collections import deque
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from msgspec import Struct

from proctor.core.model import ReplicaId

from . import reader
from .index import Record, Span
from .lines import Line, lines

Found = tuple[float, ReplicaId, Line]

LEVELS = {"trace": 0, "debug": 1, "info": 2, "warning": 3, "error": 4, "critical": 5}
_SYNONYMS = {"warn": "warning", "err": "error", "fatal": "critical", "notice": "info"}
_LEVEL_KEYS = ("level", "levelname", "severity", "lvl")


class Wanted(Struct, frozen=True):
    """Which lines: of one run, between two moments, matching, of JSON lines at least this level.

    `tail`: only the last so many, over all replicas together.
    """

    since: float | None = None
    until: float | None = None
    grep: re.Pattern[bytes] | None = None
    run: int | None = None
    level: str | None = None
    tail: int | None = None


def search(root: Path, ids: Sequence[ReplicaId], wanted: Wanted) -> Iterator[Found]:
    """Yield the wanted lines of these replicas, in the order of their times."""
    merged = heapq.merge(*(_of_one(root, id, wanted) for id in ids), key=itemgetter(0))
    if wanted.tail is None:
        return merged
    return iter(deque(merged, maxlen=wanted.tail))


def from_offset(root: Path, id: ReplicaId, start: int, wanted: Wanted) -> tuple[list[Found], int]:
    """Return the wanted lines from `start` on that are whole, and where the next one begins."""
    found = []
    for line in lines(root, id, start):
        if not line.text.endswith(b"\n"):
            break
        start = line.offset + len(line.text)
        if fits(line, wanted):
            found.append((line.time, id, line))
    return found, start


def whole(root: Path, id: ReplicaId) -> int:
    """Return the offset behind the last line that is whole."""
    first, end = reader.bounds(root, id)
    last = reader.tail(root, id, 1)
    tail = b"".join(reader.chunks(root, id, max(first, end - 1)))
    return end if tail.endswith(b"\n") or end == first else last


def fits(line: Line, wanted: Wanted) -> bool:
    if wanted.run is not None and line.run != wanted.run:
        return False
    if wanted.since is not None and line.time < wanted.since:
        return False
    if wanted.until is not None and line.time >= wanted.until:
        return False
    if wanted.grep is not None and not wanted.grep.search(line.text.rstrip(b"\r\n")):
        return False
    return wanted.level is None or _level_of(line.text) >= LEVELS[wanted.level]


def level_named(text: str) -> str | None:
    """Return the level of that name, None if there is no such one."""
    name = _SYNONYMS.get(text.lower(), text.lower())
    return name if name in LEVELS else None


def _level_of(text: bytes) -> int:
    """Return how grave a JSON line says it is; what is no JSON line says nothing."""
    if not text.startswith(b"{"):
        return -1
    try:
        record = json.loads(text)
    except ValueError:
        return -1
    for key in _LEVEL_KEYS:
        if isinstance(record.get(key), str):
            return LEVELS.get(level_named(record[key]) or "", -1)
    return -1


def _of_one(root: Path, id: ReplicaId, wanted: Wanted) -> Iterator[Found]:
    start = None if wanted.since is None else reader.since(root, id, wanted.since)
    plain = wanted.grep is None and wanted.level is None and wanted.run is None
    if plain and wanted.until is None and wanted.tail is not None:
        start = max(start or 0, reader.tail(root, id, wanted.tail))
    found = lines(root, id, start) if wanted.grep is None else _matching(root, id, start, wanted)
    for line in found:
        if wanted.until is not None and line.time >= wanted.until:
            return
        if fits(line, wanted):
            yield line.time, id, line


def _matching(root: Path, id: ReplicaId, start: int | None, wanted: Wanted) -> Iterator[Line]:
    """Yield the lines that may match.

    The expression is tried on whole pieces first: a million lines of which few match take a
    fraction of what looking at each of them would.
    """
    assert wanted.grep is not None
    anywhere = re.compile(wanted.grep.pattern, wanted.grep.flags | re.MULTILINE)
    spans = reader.index_spans(root, id)
    span = Span(0, 0, Record(0.0, 0, 0))
    rest, at = b"", 0
    for offset, piece in reader.pieces(root, id, start):
        if at + len(rest) != offset:
            rest = b""
        text = rest + piece
        at = offset - len(rest)
        end = text.rfind(b"\n") + 1
        for begin, stop in _line_bounds(anywhere, text, end):
            while span.stop <= at + begin:
                following = next(spans, None)
                if following is None:
                    break
                span = following
            yield _line(span, at + begin, text[begin:stop])
        rest, at = text[end:], at + end
    if rest:
        yield _line(span, at, rest)


def _line_bounds(pattern: re.Pattern[bytes], text: bytes, end: int) -> Iterator[tuple[int, int]]:
    position = 0
    while position < end and (match := pattern.search(text, position, end)):
        begin = text.rfind(b"\n", 0, match.start()) + 1
        position = text.find(b"\n", max(match.start(), begin)) + 1
        if position == 0:
            return
        yield begin, position


def _line(span: Span, offset: int, text: bytes) -> Line:
    record = span.record
    return Line(record.time, record.run, record.stream, offset, text)
