"""Lines of many replicas, chosen and put in the order of time."""

from __future__ import annotations

import heapq
import json
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from msgspec import Struct

from proctor.core.model import ReplicaId

from . import reader
from .index import Record, Span
from .lines import LONGEST, Line, lines
from .markers import Found, Marker, placed
from .pattern import Pattern

FEW = 16
SLACK = 0.05
"""Seconds by which the time of a file may be behind that of a line in it."""
LEVELS = {"trace": 0, "debug": 1, "info": 2, "warning": 3, "error": 4, "critical": 5}
_SYNONYMS = {"warn": "warning", "err": "error", "fatal": "critical", "notice": "info"}
_LEVEL_KEYS = ("level", "levelname", "severity", "lvl")


class Wanted(Struct, frozen=True):
    """Which lines: of one run, between two moments, matching, of JSON lines at least this level.

    `stream` is 0 for output, 1 for errors, where they are told apart.  `tail`: only the last so
    many, over all replicas together.
    """

    since: float | None = None
    until: float | None = None
    grep: Pattern | None = None
    run: int | None = None
    level: str | None = None
    tail: int | None = None
    stream: int | None = None

    @property
    def counts_all(self) -> bool:
        """Whether no line is left out but for being too old."""
        return self.until is None and self.run is None and not self.filters

    @property
    def filters(self) -> bool:
        """Whether lines are left out for what they say."""
        return any(one is not None for one in (self.grep, self.level, self.stream))


class Source(Struct, frozen=True):
    """The log of one replica, from `start` to `stop` if they are given.

    Without `start`, what runs before `first_run` wrote is passed over: that was another task of
    the same name.
    """

    id: ReplicaId
    first_run: int = 0
    start: int | None = None
    stop: int | None = None
    markers: tuple[Marker, ...] = ()


def search(root: Path, sources: Sequence[Source], wanted: Wanted) -> Iterator[Found]:
    """Yield the wanted lines of these replicas, with markers, in the order of their times."""
    if wanted.tail is None:
        return _merged(root, sources, wanted)
    if wanted.counts_all and len(sources) > FEW:
        return iter(_tail_of_many(root, sources, wanted))
    return iter(deque(_merged(root, sources, wanted), maxlen=wanted.tail))


def _merged(root: Path, sources: Iterable[Source], wanted: Wanted) -> Iterator[Found]:
    return heapq.merge(*(_of_one(root, one, wanted) for one in sources), key=itemgetter(0))


def _tail_of_many(root: Path, sources: Sequence[Source], wanted: Wanted) -> Sequence[Found]:
    """Return the last lines without reading the logs that were written to before they came."""
    assert wanted.tail is not None
    latest = sorted(((_modified(root, one.id), one) for one in sources), key=itemgetter(0))
    count = max(FEW, wanted.tail)
    while True:
        read = [one for _, one in latest[-count:]]
        found = deque(_merged(root, read, wanted), maxlen=wanted.tail)
        left = latest[:-count]
        oldest = found[0][0] if found and len(found) == wanted.tail else -math.inf
        if not left or oldest > left[-1][0] + SLACK:
            return found
        count *= 4


def _modified(root: Path, id: ReplicaId) -> float:
    found = reader.segments(root, id)
    return found[-1].modified if found else 0.0


def begin(root: Path, source: Source, wanted: Wanted) -> int:
    """Return the offset from which the replica's log has to be read."""
    id = source.id
    if source.start is not None:
        return source.start
    start = 0
    if source.first_run:
        start = reader.from_run(root, id, source.first_run)
    if wanted.run is not None:
        start = max(start, reader.from_run(root, id, wanted.run))
    if wanted.since is not None:
        start = max(start, reader.since(root, id, wanted.since))
    if wanted.tail is not None and wanted.counts_all:
        start = max(start, reader.tail(root, id, wanted.tail, source.stop))
    return start


def whole(root: Path, id: ReplicaId, known: int = 0) -> int:
    """Return the offset behind the last line that is whole; `known` is behind one.

    A line longer than 1 MiB is not waited for.
    """
    first, end = reader.bounds(root, id)
    first = max(first, known)
    if end <= first:
        return end
    found = reader.last_newline(root, id, max(first, end - LONGEST), end)
    if found is not None:
        return found + 1
    return end if end - first >= LONGEST else first


def line_begin(root: Path, id: ReplicaId, offset: int) -> int:
    """Return where the line begins that the byte before `offset` is part of, if that ends none."""
    before = b"".join(reader.chunks(root, id, max(0, offset - 1), offset))
    return offset if before in (b"", b"\n") else reader.tail(root, id, 1, offset)


def fits(line: Line, wanted: Wanted) -> bool:
    if wanted.run is not None and line.run != wanted.run:
        return False
    if wanted.since is not None and line.time < wanted.since:
        return False
    if wanted.until is not None and line.time >= wanted.until:
        return False
    if wanted.stream is not None and line.stream != wanted.stream:
        return False
    if wanted.grep is not None and wanted.grep.find(line.text.rstrip(b"\r\n")) is None:
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


def _of_one(root: Path, source: Source, wanted: Wanted) -> Iterator[Found]:
    start = begin(root, source, wanted)
    found = _fitting(root, source, start, wanted)
    if source.markers:
        ranges = reader.run_ranges(root, source.id, start)
        yield from placed(source.id, found, source.markers, ranges)
        return
    for line in found:
        yield line.time, source.id, line


def _fitting(root: Path, source: Source, start: int, wanted: Wanted) -> Iterator[Line]:
    if wanted.grep is None:
        found = lines(root, source.id, start, source.stop)
    else:
        found = _matching(root, source, start, wanted.grep)
    for line in found:
        if wanted.until is not None and line.time >= wanted.until:
            return
        if fits(line, wanted):
            yield line


def _matching(root: Path, source: Source, start: int, grep: Pattern) -> Iterator[Line]:
    """Yield the lines that may match.

    The expression is tried on whole pieces first: a million lines of which few match take a
    fraction of what looking at each of them would.
    """
    anywhere = grep.multiline()
    spans = reader.index_spans(root, source.id, start)
    span = Span(0, 0, Record(0.0, 0, 0))
    rest, at = b"", 0
    for offset, piece in reader.pieces(root, source.id, start, source.stop):
        if at + len(rest) != offset:
            rest = b""
        text = rest + piece
        at = offset - len(rest)
        end = text.rfind(b"\n") + 1
        for position, stop in _line_bounds(anywhere, text, end):
            while span.stop <= at + position:
                following = next(spans, None)
                if following is None:
                    break
                span = following
            yield _line(span, at + position, text[position:stop])
        rest, at = text[end:], at + end
    if rest:
        yield _line(span, at, rest)


def _line_bounds(pattern: Pattern, text: bytes, end: int) -> Iterator[tuple[int, int]]:
    position = 0
    while position < end and (found := pattern.find(text, position, end)) is not None:
        begin = text.rfind(b"\n", 0, found) + 1
        position = text.find(b"\n", max(found, begin)) + 1
        if position == 0:
            return
        yield begin, position


def _line(span: Span, offset: int, text: bytes) -> Line:
    record = span.record
    return Line(record.time, record.run, record.stream, offset, text)
